//! How the content of an activity looks as one or more messages of a webhook. Pure; owns everything between a [`Content`] and a request's
//! body: the author's name, the split into parts, embeds, files and buttons, and what is said of things that can't be shown. Sending is the lane's.
//!
//! Two rules: what leaves here is never refused by Discord for its form, and nothing that a person posted is left out without a trace.
//!
//! ```text
//!           ┌ name ── username                                          ┐
//! Content   ├ reply, text, poll, stickers, forward ── split ── texts    │
//!  and  ────┼ files ── groups                                           ├──► Payload ──► create_body | edit_body
//! Stage     ├ embeds (address) ── groups                                │
//!           └ buttons ── rows                                           ┘
//! ```

use std::num::NonZeroUsize;

use super::{
    message::{Content, Embed, File},
    text,
};

use mentions::Mentions;

pub use controls::Row;
pub use panel::{hidden_panel, panel, view};
pub use payload::{CreateBody, EditBody, Payload, SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS};
pub use standing::{KeptFiles, StandingFile};
pub use title::{beginning, panel_title, title};

pub(crate) mod address;
mod buttons;
mod controls;
mod embeds;
mod excerpt;
mod files;
mod forward;
mod mentions;
mod name;
mod panel;
mod payload;
mod poll;
mod reply;
mod standing;
mod stickers;
#[cfg(test)]
pub(crate) mod tests;
mod thread;
mod title;
mod words;

/// The most parts of a first showing: enough for the longest message that a person can write (4000 characters), and one webhook's burst.
pub const MOST_PARTS: usize = 5;

/// How many messages there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Room {
    /// A first showing: as many as it takes, up to [`MOST_PARTS`].
    Any,
    /// An edit of something that stands in so many parts: it may get fewer, never more, as later mirrors may stand below.
    Parts(NonZeroUsize),
}

/// What is said of the thread in which something was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Told {
    /// Title and tags with what it begins with, a link with the rest.
    #[default]
    All,
    /// Title and tags with what it begins with: the thread itself is followed, the rest goes without saying.
    Beginning,
    /// Nothing: it is shown in a forum's post, which has title and tags itself.
    Nothing,
}

/// What is known of the place where a content is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// How many messages there may be.
    pub room: Room,
    /// The target is in the source's server: mentions of people, roles and channels are known there.
    pub same_server: bool,
    /// What wasn't published in the source isn't for the target.
    pub published_only: bool,
    /// A link to the mirror, in this very target, of the message that is answered.
    pub answered: Option<String>,
    /// What is said of its thread.
    pub thread: Told,
    /// A link to the mirror, in this very target, of what its thread begins with.
    pub starter: Option<String>,
    /// The mirror before it in the target is of another author with the same display name.
    pub namesake: bool,
    /// How large a file the target takes, in bytes ([`FILE_BYTES`](super::limits::FILE_BYTES), more in boosted servers).
    pub file_limit: u64,
}

/// The messages that show a content, in order; at least one. What doesn't fit into the room ends with a link to the original. The same content on
/// the same stage always gives the same.
///
/// Files stand from the first message on, and embeds from the last of the text on: so an edit that makes the text longer or shorter moves no file to another
/// message, which it couldn't.
pub fn render(content: &Content, stage: &Stage) -> Vec<Payload> {
    let room = match stage.room {
        Room::Any => MOST_PARTS,
        Room::Parts(parts) => parts.get(),
    };
    let things = Things::new(content, stage, room);
    let mut texts = things.texts(room);
    let Things { embeds, files, mut rows, .. } = things;
    let first_embeds = texts.len() - 1;
    let parts = texts.len().max(first_embeds + embeds.len()).max(files.len());
    texts.resize(parts, String::new());
    let mut embeds = std::iter::repeat_with(Vec::new).take(first_embeds).chain(embeds);
    let mut files = files.into_iter();

    let username = name::username(&content.author, stage.namesake.then_some(&content.handle));
    let other_names = name::instead(&content.author, &content.handle);
    let avatar_url = content.avatar_url.as_deref().and_then(address::any);
    let flags = if content.silent { SUPPRESS_NOTIFICATIONS } else { 0 }
        | if content.embeds_suppressed { SUPPRESS_EMBEDS } else { 0 };
    let message = |(part, content)| Payload {
        username: username.clone(),
        other_names: other_names.clone(),
        avatar_url: avatar_url.clone(),
        content,
        embeds: embeds.next().unwrap_or_default(),
        files: files.next().unwrap_or_default(),
        picture: None,
        components: if part + 1 == parts { std::mem::take(&mut rows) } else { Vec::new() },
        flags,
    };
    texts.into_iter().enumerate().map(message).collect()
}

/// All that is to be shown, within the limits of single things, and not yet spread over messages.
struct Things {
    /// What is written, with the lines of the bot's own above and below.
    text: String,
    /// The line under it that names what isn't shown.
    note: Option<String>,
    link: Option<String>,
    /// Each group for one message; no more than there is room for. Likewise the files.
    embeds: Vec<Vec<Embed>>,
    files: Vec<Vec<File>>,
    rows: Vec<Row>,
}

impl Things {
    fn new(content: &Content, stage: &Stage, room: usize) -> Self {
        let mentions = Mentions::new(&content.names, stage);
        let link = words::link(&content.link);
        let forward = content.forward.as_ref();
        let mut unshown = content.unshown.clone();
        unshown.extend(forward.iter().flat_map(|forward| forward.unshown.iter().cloned()));
        unshown.iter_mut().filter(|name| !text::is_visible(name)).for_each(|name| "thing".clone_into(name));

        let embeds = content.embeds.iter().chain(forward.iter().flat_map(|forward| &forward.embeds));
        let embeds = embeds.filter(|_| !content.embeds_suppressed);
        let mut embeds = embeds::grouped(embeds, mentions);
        let left_out: usize =
            embeds.groups.drain(room.min(embeds.groups.len())..).map(|group| group.len()).sum();
        unshown.extend(std::iter::repeat_n("embed".to_owned(), left_out));
        unshown.extend(std::iter::repeat_n("embed field".to_owned(), embeds.lost_fields));

        let files = content.files.iter().chain(forward.iter().flat_map(|forward| &forward.files));
        let mut files = files::grouped(files, stage.file_limit);
        let left_out: Vec<_> = files.groups.drain(room.min(files.groups.len())..).flatten().collect();

        let mut sections =
            content.thread.as_ref().map_or_else(Vec::new, |thread| thread::lines(thread, stage));
        sections.extend(content.reply.as_ref().map(|reply| reply::line(reply, mentions, stage)));
        let head = sections.len();
        let text = mentions.named(content.text.trim());
        sections.extend(text::is_visible(&text).then(|| text.into_owned()));
        sections.extend(content.poll.as_ref().map(|poll| poll::lines(poll, link.as_deref())));
        sections.extend(stickers::lines(&content.stickers, &mut unshown));
        sections.extend(forward.map(|forward| forward::quote(forward, mentions, &mut unshown)));
        sections.extend(files::lines(&files, &left_out, link.as_deref(), &mut unshown));

        let shows = sections.len() > head
            || !embeds.groups.is_empty()
            || !files.groups.is_empty()
            || !unshown.is_empty();
        let links: Vec<_> =
            content.links.iter().chain(forward.iter().flat_map(|forward| &forward.links)).collect();
        let rows = if shows || head > 0 {
            let arranged = buttons::arranged(&links, &mut unshown);
            sections.extend(arranged.links);
            arranged.rows
        } else {
            sections.extend(buttons::as_links(&links, &mut unshown));
            Vec::new()
        };
        let note = words::note(&unshown, link.as_deref());
        let empty =
            sections.len() == head && embeds.groups.is_empty() && files.groups.is_empty() && rows.is_empty();
        if empty && note.is_none() {
            sections.push(words::instead(link.as_deref()));
        }
        Self { text: sections.join("\n"), note, link, embeds: embeds.groups, files: files.groups, rows }
    }

    /// The text of the messages that have one; at least one, which is empty only where it has something else.
    fn texts(&self, room: usize) -> Vec<String> {
        let continued =
            self.link.as_deref().map_or_else(|| "…".to_owned(), |link| format!("… [continued](<{link}>)"));
        let endings = text::Endings { note: self.note.as_deref(), continued: &continued };
        let mut texts = text::split(&self.text, room - self.embeds.len().saturating_sub(1), endings);
        if texts.is_empty() {
            texts.push(self.note.clone().unwrap_or_default());
        }
        texts
    }
}
