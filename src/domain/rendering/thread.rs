//! What a mirror says of the thread in which a message was posted: what it begins with has its title and tags, an answer a link.

use crate::domain::{limits, message::InThread, place::Place};

use super::{Stage, Told, words};

/// Discord: a post has five tags at most.
const MOST_TAGS: usize = 5;

/// The lines above the text.
pub(super) fn lines(thread: &InThread, stage: &Stage) -> Vec<String> {
    let title = Some(words::plain(&thread.title, limits::CHANNEL_NAME)).filter(|title| !title.is_empty());
    let title = title.as_deref().unwrap_or("A thread");
    let linked = |label: String, link: Option<String>| match link {
        Some(link) => format!("[{label}](<{link}>)"),
        None => label,
    };
    let original = || words::link(&thread.link);
    match (thread.place, stage.thread) {
        (Place::Starter, Told::All | Told::Beginning) => {
            let heading = format!("### {}", linked(title.to_owned(), original()));
            std::iter::once(heading).chain(tags(thread)).collect()
        }
        (Place::Answer, Told::All) => {
            let mirror = stage.starter.as_deref().and_then(words::link);
            vec![format!("-# 💬 in {}", linked(format!("**{title}**"), mirror.or_else(original)))]
        }
        (Place::Source, _) | (Place::Answer, Told::Beginning) | (_, Told::Nothing) => Vec::new(),
    }
}

fn tags(thread: &InThread) -> Option<String> {
    let names = thread.tags.iter().map(|tag| words::plain(&tag.name, words::LONGEST_NAME));
    let names: Vec<_> = names.filter(|name| !name.is_empty()).take(MOST_TAGS).collect();
    (!names.is_empty()).then(|| format!("-# 🏷️ {}", names.join(", ")))
}
