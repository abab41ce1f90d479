//! How the content of an activity looks as one or more messages of a webhook. Pure; owns everything between a [`Content`] and a request's
//! body: the author's name, the split into parts, the embeds, and what is said of things that can't be shown. Sending is the lane's.
//!
//! Two rules: what leaves here is never refused by Discord for its form, and nothing that a person posted is left out without a trace.
//!
//! ```text
//!            ┌ name ── username          ┐
//! Content ───┼ split (markup) ── parts   ├──► payload ──► create_body | edit_body
//!            └ embeds (address) ── groups┘
//! ```

use std::num::NonZeroUsize;

use super::{message::Content, text};

pub use payload::{CreateBody, EditBody, Payload, SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS};

mod address;
mod embeds;
mod markup;
mod name;
mod payload;
mod split;
#[cfg(test)]
mod tests;

/// The most parts of a first showing: enough for the longest message that a person can write (4000 characters), and one webhook's burst.
pub const MOST_PARTS: usize = 5;

/// The longest link that is written under a text, so that there is always room for the text itself.
const LONGEST_LINK: usize = 512;

/// How many kinds of things are named under a text, and how long a name may be there.
const NAMED: usize = 6;
const LONGEST_NAME: usize = 40;

/// How many messages there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// A first showing: as many as it takes, up to [`MOST_PARTS`].
    Any,
    /// An edit of something that stands in so many parts: it may get fewer, never more, as later mirrors may stand below.
    Parts(NonZeroUsize),
}

/// The messages that show a content, in order; at least one. What doesn't fit into the room ends with a link to the original.
pub fn render(content: &Content, room: Room) -> Vec<Payload> {
    let room = match room {
        Room::Any => MOST_PARTS,
        Room::Parts(parts) => parts.get(),
    };
    let embeds =
        if content.embeds_suppressed { embeds::Grouped::default() } else { embeds::grouped(&content.embeds) };
    let mut groups = embeds.groups;
    let left_out: usize = groups.drain(room.min(groups.len())..).map(|group| group.len()).sum();

    let mut unshown = content.unshown.clone();
    unshown.extend(std::iter::repeat_n("embed".to_owned(), left_out));
    unshown.extend(std::iter::repeat_n("embed field".to_owned(), embeds.lost_fields));
    let link = address::any(&content.link).filter(|link| link.len() <= LONGEST_LINK);
    let note = note(&unshown, link.as_deref());
    let continued = link.as_deref().map_or_else(|| "…".to_owned(), |link| format!("… [continued](<{link}>)"));

    let endings = split::Endings { note: note.as_deref(), continued: &continued };
    let mut texts = split::split(&content.text, room - groups.len().saturating_sub(1), endings);
    if texts.is_empty() {
        let alone = || instead(link.as_deref());
        texts.push(note.unwrap_or_else(|| if groups.is_empty() { alone() } else { String::new() }));
    }

    // The first embeds stand under the last of the text, further ones in messages of their own.
    let mut embeds = vec![Vec::new(); texts.len() - 1];
    embeds.append(&mut groups);
    let parts = texts.len().max(embeds.len());
    texts.resize(parts, String::new());
    embeds.resize(parts, Vec::new());

    let username = name::username(&content.author);
    let avatar_url = content.avatar_url.as_deref().and_then(address::any);
    let flags = if content.silent { SUPPRESS_NOTIFICATIONS } else { 0 }
        | if content.embeds_suppressed { SUPPRESS_EMBEDS } else { 0 };
    let message = |(content, embeds)| Payload {
        username: username.clone(),
        avatar_url: avatar_url.clone(),
        content,
        embeds,
        flags,
    };
    texts.into_iter().zip(embeds).map(message).collect()
}

/// The line that names what isn't shown, such as `-# + 2 attachments, sticker · [original](<link>)`.
fn note(unshown: &[String], link: Option<&str>) -> Option<String> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    let mut further = 0;
    for name in unshown.iter().map(|name| plain(name)).filter(|name| !name.is_empty()) {
        if let Some((_, count)) = counted.iter_mut().find(|(known, _)| *known == name) {
            *count += 1;
        } else if counted.len() < NAMED {
            counted.push((name, 1));
        } else {
            further += 1;
        }
    }
    if counted.is_empty() {
        return None;
    }
    let mut names: Vec<_> = counted
        .into_iter()
        .map(|(name, count)| match count {
            1 => name,
            _ if name.ends_with(|c: char| c.is_ascii_alphabetic()) => format!("{count} {name}s"),
            _ => format!("{count} × {name}"),
        })
        .collect();
    if further > 0 {
        names.push(format!("{further} more"));
    }
    let names = names.join(", ");
    Some(link.map_or_else(|| format!("-# + {names}"), |link| format!("-# + {names} · [original](<{link}>)")))
}

/// The line for a message of which nothing can be shown or named.
fn instead(link: Option<&str>) -> String {
    let said = "-# A message that can't be shown here";
    link.map_or_else(|| said.to_owned(), |link| format!("{said} · [original](<{link}>)"))
}

/// A name as one line of plain text: what could be read as formatting is escaped.
fn plain(name: &str) -> String {
    let words: Vec<_> = name.split_whitespace().collect();
    let mut plain = String::new();
    for c in text::cut(&words.join(" "), LONGEST_NAME).chars().filter(|c| !text::is_noise(*c)) {
        if matches!(c, '\\' | '*' | '_' | '~' | '`' | '|' | '[' | ']' | '<' | '>') {
            plain.push('\\');
        }
        plain.push(c);
    }
    if text::is_visible(&plain) { plain } else { String::new() }
}
