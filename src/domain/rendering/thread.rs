//! What a mirror says of the thread in which a message was posted: the title and tags with what the thread
//! begins with, and a link with an answer.

use crate::domain::{limits, message::InThread, place::SourcePlace};

use super::{RenderContext, ThreadCaption, words};

/// Discord: a post has five tags at most.
const MOST_TAGS: usize = 5;

/// The lines above the text.
pub(super) fn lines(thread: &InThread, context: &RenderContext) -> Vec<String> {
    let title = Some(words::plain(&thread.title, limits::CHANNEL_NAME)).filter(|title| !title.is_empty());
    let title = title.as_deref().unwrap_or("A thread");
    let linked = |label: String, link: Option<String>| match link {
        Some(link) => format!("[{label}](<{link}>)"),
        None => label,
    };
    let original = || words::link(&thread.link);
    match (thread.place, context.thread) {
        (SourcePlace::Starter, ThreadCaption::All | ThreadCaption::StarterOnly) => {
            let heading = format!("### {}", linked(title.to_owned(), original()));
            std::iter::once(heading).chain(tags(thread)).collect()
        }
        (SourcePlace::Answer, ThreadCaption::All) => {
            let mirror = context.starter.as_deref().and_then(words::link);
            vec![format!("-# 💬 in {}", linked(format!("**{title}**"), mirror.or_else(original)))]
        }
        (SourcePlace::Source, _)
        | (SourcePlace::Answer, ThreadCaption::StarterOnly)
        | (_, ThreadCaption::Nothing) => Vec::new(),
    }
}

fn tags(thread: &InThread) -> Option<String> {
    let names = thread.tags.iter().map(|tag| words::plain(&tag.name, words::LONGEST_NAME));
    let names: Vec<_> = names.filter(|name| !name.is_empty()).take(MOST_TAGS).collect();
    (!names.is_empty()).then(|| format!("-# 🏷️ {}", names.join(", ")))
}
