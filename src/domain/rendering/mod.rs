//! How the content of an activity looks as one or more messages of a webhook. Pure. Owns everything between a
//! [`Content`] and a request's body: the author's name, the split into parts, embeds, files and buttons, and
//! what is said of things that can't be shown. Lanes do the sending.
//!
//! Two rules: Discord never refuses for its form what leaves here, and nothing that a person posted is left
//! out without a trace.
//!
//! ```text
//!               ┌ name ── username                                         ┐
//! Content       ├ reply, text, poll, stickers, forward ── split ── texts   │
//!  and      ────┼ files ── groups                                          ├─► Payload ─► create_body,
//! RenderContext ├ embeds (address) ── groups                               │              edit_body
//!               └ buttons ── rows                                          ┘
//! ```

use std::num::NonZeroUsize;

use super::{
    message::{Content, Embed, File},
    text,
};

use mentions::Mentions;

pub use controls::ActionRow;
pub use existing_files::{ExistingFile, KeptFiles};
pub use feed::{PostPreview, preview_post};
pub use panel::{hidden_panel, panel, view};
pub use payload::{CreateBody, EditBody, Payload, SUPPRESS_EMBEDS, SUPPRESS_NOTIFICATIONS};
pub use title::{beginning, named_text, panel_title, title};

pub(crate) mod address;
mod buttons;
mod controls;
mod embeds;
mod excerpt;
mod existing_files;
mod feed;
mod files;
mod forward;
mod mentions;
mod name;
mod panel;
mod payload;
mod poll;
mod reply;
mod stickers;
#[cfg(test)]
pub(crate) mod tests;
mod thread;
mod title;
mod words;

/// The most parts of a first showing. Enough for the longest message that a person can write (4000
/// characters), and within one webhook's burst.
pub const MOST_PARTS: usize = 5;

/// How many messages there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartLimit {
    /// A first showing: as many as it takes, up to [`MOST_PARTS`].
    New,
    /// An edit of something that is posted in so many parts. It may get fewer, never more, as later mirrors
    /// may be below it.
    Existing(NonZeroUsize),
}

/// What a mirror says of the thread in which something was posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ThreadCaption {
    /// Title and tags with what the thread begins with, a link with everything else.
    #[default]
    All,
    /// Title and tags with what the thread begins with. The thread itself is followed, so the rest goes
    /// without saying.
    StarterOnly,
    /// Nothing. It is shown in a forum's post, which has title and tags itself.
    Nothing,
}

/// What rendering depends on besides the content: the place where it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderContext {
    /// How many messages there may be.
    pub part_limit: PartLimit,
    /// Whether the target is in the source's server, where mentions of people, roles and channels are known.
    pub same_server: bool,
    /// Whether what wasn't published in the source isn't for the target.
    pub published_only: bool,
    /// A link to the mirror in this target of the message that is answered.
    pub answered: Option<String>,
    /// What is said of its thread.
    pub thread: ThreadCaption,
    /// A link to the mirror in this target of what its thread begins with.
    pub starter: Option<String>,
    /// Whether the mirror before it in the target is by another author with the same display name.
    pub namesake: bool,
    /// How large a file the target takes, in bytes ([`FILE_BYTES`](super::limits::FILE_BYTES), more in
    /// boosted servers).
    pub file_limit: u64,
}

/// The messages that show a content, in order; at least one. What doesn't fit ends with a link to the
/// original. The same content in the same context always gives the same messages.
///
/// Files begin with the first message, and embeds with the last message that has text. So an edit that makes
/// the text longer or shorter moves no file to another message, which isn't possible.
pub fn render(content: &Content, context: &RenderContext) -> Vec<Payload> {
    let most_parts = match context.part_limit {
        PartLimit::New => MOST_PARTS,
        PartLimit::Existing(parts) => parts.get(),
    };
    let things = Things::new(content, context, most_parts);
    let mut texts = things.texts(most_parts);
    let Things { embeds, files, mut rows, .. } = things;
    let first_embeds = texts.len() - 1;
    let parts = texts.len().max(first_embeds + embeds.len()).max(files.len());
    texts.resize(parts, String::new());
    let mut embeds = std::iter::repeat_with(Vec::new).take(first_embeds).chain(embeds);
    let mut files = files.into_iter();

    let username = name::username(&content.author, context.namesake.then_some(&content.handle));
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

/// Everything to be shown, within the limits of single things, and not yet spread over messages.
struct Things {
    /// The text, with the bot's own lines above and below it.
    text: String,
    /// The line below it that names what isn't shown.
    note: Option<String>,
    link: Option<String>,
    /// Each group is for one message. No more groups than messages. The same for files.
    embeds: Vec<Vec<Embed>>,
    files: Vec<Vec<File>>,
    rows: Vec<ActionRow>,
}

impl Things {
    fn new(content: &Content, context: &RenderContext, most_parts: usize) -> Self {
        let mentions = Mentions::new(&content.names, context);
        let link = words::link(&content.link);
        let forward = content.forward.as_ref();
        let mut unshown = content.unshown.clone();
        unshown.extend(forward.iter().flat_map(|forward| forward.unshown.iter().cloned()));
        unshown.iter_mut().filter(|name| !text::is_visible(name)).for_each(|name| "thing".clone_into(name));

        let embeds = content.embeds.iter().chain(forward.iter().flat_map(|forward| &forward.embeds));
        let embeds = embeds.filter(|_| !content.embeds_suppressed);
        let mut embeds = embeds::grouped(embeds, mentions);
        let left_out: usize =
            embeds.groups.drain(most_parts.min(embeds.groups.len())..).map(|group| group.len()).sum();
        unshown.extend(std::iter::repeat_n("embed".to_owned(), left_out));
        unshown.extend(std::iter::repeat_n("embed field".to_owned(), embeds.lost_fields));

        let files = content.files.iter().chain(forward.iter().flat_map(|forward| &forward.files));
        let mut files = files::grouped(files, context.file_limit);
        let left_out: Vec<_> = files.groups.drain(most_parts.min(files.groups.len())..).flatten().collect();

        let mut sections =
            content.thread.as_ref().map_or_else(Vec::new, |thread| thread::lines(thread, context));
        sections.extend(content.reply.as_ref().map(|reply| reply::line(reply, mentions, context)));
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

    /// The texts of the messages that have one. At least one, which is empty only where the message has
    /// something else.
    fn texts(&self, most_parts: usize) -> Vec<String> {
        let continued =
            self.link.as_deref().map_or_else(|| "…".to_owned(), |link| format!("… [continued](<{link}>)"));
        let suffixes = text::Suffixes { note: self.note.as_deref(), continued: &continued };
        let mut texts = text::split(&self.text, most_parts - self.embeds.len().saturating_sub(1), suffixes);
        if texts.is_empty() {
            texts.push(self.note.clone().unwrap_or_default());
        }
        texts
    }
}
