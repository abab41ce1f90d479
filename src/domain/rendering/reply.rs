//! The first line of an answer: whom it answers, what was said there, and a link to it.

use crate::domain::message::Reply;

use super::{RenderContext, excerpt::excerpt, mentions::Mentions, words};

/// The line.
pub(super) fn line(reply: &Reply, mentions: Mentions<'_>, context: &RenderContext) -> String {
    let mirror = context.answered.as_deref().and_then(words::link);
    let linked = |label: &str, link: Option<String>| match link {
        Some(link) => format!("-# ↪ [{label}](<{link}>)"),
        None => format!("-# ↪ {label}"),
    };
    let original = || words::link(&reply.link);
    // Where only published messages may be shown, an answer doesn't give away what it answers.
    let hidden = context.published_only && !reply.published && context.answered.is_none();
    let Some(author) = reply.author.as_ref().filter(|_| !hidden) else {
        return if reply.unknown || reply.author.is_some() {
            linked("a message", mirror.or_else(original))
        } else {
            linked("a deleted message", mirror)
        };
    };
    let name = Some(words::plain(author, words::LONGEST_NAME)).filter(|name| !name.is_empty());
    let label = format!("**{}**", name.as_deref().unwrap_or("Someone"));
    let line = linked(&label, mirror.or_else(original));
    match excerpt(&mentions.named(&reply.text)) {
        excerpt if excerpt.is_empty() => line,
        excerpt => format!("{line}: {excerpt}"),
    }
}
