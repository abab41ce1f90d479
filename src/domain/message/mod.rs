//! What a source message shows, as far as a mirror can show it: the content of an activity.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::hashtags::hashtags;
use super::ids::{ChannelId, MessageId, RoleId, UserId};
use super::place::SourcePlace;
use super::tags::Tag;

mod thread;

pub use thread::{InThread, PostTag};

/// What is shown of a message. Kept, encrypted, until nothing needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// The author's display name in the source.
    pub author: String,
    /// What tells two authors of the same display name apart: the unique user name.
    pub handle: String,
    /// The address of the author's avatar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    /// The text.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The embeds that the author made. Previews of links are left to Discord.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub embeds: Vec<Embed>,
    /// The files.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// The message that this one answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply: Option<Reply>,
    /// The message that this one forwards. It never changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forward: Option<Forward>,
    /// The stickers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stickers: Vec<Sticker>,
    /// The poll.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub poll: Option<Poll>,
    /// The buttons that lead somewhere. Buttons that do something belong to their own bot.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkButton>,
    /// The thread that it was posted in, where that belongs to what is followed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thread: Option<InThread>,
    /// The names behind the mentions, for servers that don't know them.
    #[serde(skip_serializing_if = "Names::is_empty")]
    pub names: Names,
    /// Things that a mirror can't show, as singular nouns. A line with a link to the original names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unshown: Vec<String>,
    /// Sent with `@silent`.
    pub silent: bool,
    /// Its link previews were taken off.
    pub embeds_suppressed: bool,
    /// A link to the original.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub link: String,
    /// Whether it was published to all who follow its announcement channel. No mirror shows that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub published: bool,
    /// Whether its author edited it. No mirror shows that.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub edited: bool,
}

impl Content {
    /// Whether it has files of its own, or of the message that it forwards.
    pub fn has_files(&self) -> bool {
        !self.files.is_empty() || self.forward.as_ref().is_some_and(|forward| !forward.files.is_empty())
    }

    /// Where in its source it was posted.
    pub fn place(&self) -> SourcePlace {
        self.thread.as_ref().map_or(SourcePlace::Source, |thread| thread.place)
    }

    /// Its tags: those of its forum post, and the hashtags in what its author wrote.
    pub fn tags(&self) -> Vec<Tag> {
        let thread = self.thread.as_ref();
        let of_post = thread.into_iter().flat_map(|thread| &thread.tags);
        let mut tags: Vec<Tag> =
            of_post.map(|tag| Tag::Forum { id: tag.id, name: tag.name.clone() }).collect();
        let title =
            thread.filter(|thread| thread.place == SourcePlace::Starter).map(|thread| thread.title.as_str());
        let embeds =
            self.embeds.iter().flat_map(|embed| [embed.title.as_deref(), embed.description.as_deref()]);
        let forwarded = self.forward.as_ref().map(|forward| forward.text.as_str());
        let texts = [Some(self.text.as_str()), title, forwarded].into_iter().chain(embeds).flatten();
        tags.extend(texts.flat_map(hashtags).collect::<BTreeSet<_>>().into_iter().map(Tag::Hashtag));
        tags
    }

    /// Leaves out the forwarded message, whose author doesn't want it mirrored.
    pub fn withhold_forward(&mut self) {
        if self.forward.take().is_some() {
            self.unshown.push("forwarded message".to_owned());
        }
    }

    /// Whether an edit from one to the other is worth a request.
    pub fn shows_the_same(&self, other: &Self) -> bool {
        self.essence() == other.essence()
    }

    /// What an edit can change in a mirror. It leaves out the names and pictures of people, which the gateway
    /// gives in another form than a history does; the addresses of files, which are signed anew each time
    /// that Discord is asked; and, of an answer in a thread, the thread's present title and tags.
    pub fn essence(&self) -> Self {
        let mut essence =
            Self { author: String::new(), handle: String::new(), avatar_url: None, ..self.clone() };
        let forwarded = essence.forward.iter_mut().flat_map(|forward| &mut forward.files);
        essence.files.iter_mut().chain(forwarded).for_each(|file| file.url.clear());
        essence.names.people.clear();
        (essence.published, essence.edited) = (false, false);
        if let Some(reply) = &mut essence.reply {
            reply.author.iter_mut().for_each(String::clear);
            (reply.author_id, reply.written_by) = (None, None);
        }
        if let Some(forward) = &mut essence.forward {
            forward.message = None;
        }
        if let Some(thread) = &mut essence.thread {
            thread.owner = None;
            if thread.place == SourcePlace::Answer {
                thread.title.clear();
                thread.tags.clear();
            }
        }
        essence
    }
}

/// A file of a message, as long as its address works.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct File {
    /// The attachment's number at Discord. It stays when the address is signed anew.
    pub id: u64,
    /// Where it can be fetched, for a day or so.
    pub url: String,
    /// Its name, as people see it.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether its author hid it. What was stored before this field existed has the mark in its name only.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub spoiler: bool,
    /// The alternative text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Its media type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// A voice message's length in seconds, as Discord writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voice_seconds: Option<String>,
}

impl File {
    /// What Discord puts in front of the name of a hidden file.
    pub const SPOILER: &str = "SPOILER_";

    /// Whether it must not be seen at once: its author said so, or its name does.
    pub fn is_hidden(&self) -> bool {
        self.spoiler || Self::is_name_hidden(&self.name)
    }

    /// Whether it is a picture.
    pub fn is_image(&self) -> bool {
        self.media_type.as_deref().is_some_and(|kind| kind.starts_with("image/"))
    }

    /// Until when Discord's address of it works, which the address says itself (`ex`, in hexadecimal).
    pub fn expires_at(&self) -> Option<DateTime<Utc>> {
        let (_, query) = self.url.split_once('?')?;
        let end = query.split('&').find_map(|part| part.strip_prefix("ex="))?;
        DateTime::from_timestamp(i64::from_str_radix(end, 16).ok()?, 0)
    }

    /// Whether its address is one of the web that works at this time.
    pub fn is_web(&self, now: DateTime<Utc>) -> bool {
        let is_web = ["https://", "http://"].iter().any(|scheme| self.url.starts_with(scheme));
        is_web && self.expires_at().is_none_or(|end| now < end)
    }

    /// Whether a name is a hidden file's.
    pub fn is_name_hidden(name: &str) -> bool {
        let start = name.trim_start().get(..Self::SPOILER.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(Self::SPOILER))
    }
}

/// The message that another one answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Its channel.
    pub channel: ChannelId,
    /// The message.
    pub message: MessageId,
    /// A link to it.
    pub link: String,
    /// Who wrote it. `None` if it was deleted, or if nothing is known about it.
    #[serde(default)]
    pub author: Option<String>,
    /// The number of that person or webhook, as long as the name may still be replaced by a nickname.
    #[serde(skip)]
    pub author_id: Option<UserId>,
    /// The number of that person or webhook, where Discord told it just now.
    #[serde(skip)]
    pub written_by: Option<UserId>,
    /// Whether nothing is known about it: neither what it says, nor whether it was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown: bool,
    /// Whether it was published to the channels that follow its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub published: bool,
    /// Its full text.
    #[serde(default)]
    pub text: String,
}

impl Reply {
    /// Notes that it was deleted. Nothing of it is quoted any more.
    pub fn delete(&mut self) {
        self.forget();
        self.unknown = false;
    }

    /// Forgets everything about it.
    pub fn forget(&mut self) {
        (self.author, self.author_id, self.written_by, self.unknown) = (None, None, None, true);
        self.text.clear();
    }
}

/// A message that was forwarded. Discord keeps a copy of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Forward {
    /// The message that it is a copy of, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageId>,
    /// The text.
    pub text: String,
    /// The embeds that its author made.
    pub embeds: Vec<Embed>,
    /// The files.
    pub files: Vec<File>,
    /// The stickers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stickers: Vec<Sticker>,
    /// The buttons that lead somewhere.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<LinkButton>,
    /// Things of it that a mirror can't show, as singular nouns.
    pub unshown: Vec<String>,
}

/// A sticker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sticker {
    /// Its name.
    pub name: String,
    /// Its picture; none for vector animations (Lottie), which messages can't show.
    #[serde(default)]
    pub url: Option<String>,
}

/// A poll.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Poll {
    /// The question.
    pub question: String,
    /// The answers, with their emoji where it is one of Unicode's.
    pub answers: Vec<String>,
    /// How many votes each answer has, in the same order. Present once the poll has ended and they are
    /// counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub votes: Option<Vec<u64>>,
}

/// A button that leads to an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkButton {
    /// Its label. May be empty where it has an emoji.
    pub label: String,
    /// An emoji of Unicode's on it.
    #[serde(default)]
    pub emoji: Option<String>,
    /// Where it leads.
    pub url: String,
}

/// The names of what a text mentions by number.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Names {
    /// People.
    pub people: BTreeMap<UserId, String>,
    /// Roles.
    pub roles: BTreeMap<RoleId, String>,
    /// Channels.
    pub channels: BTreeMap<ChannelId, String>,
}

impl Names {
    /// Whether nobody is mentioned.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty() && self.roles.is_empty() && self.channels.is_empty()
    }
}

/// An embed in Discord's own form. Numbers and limits: Discord, "Embed Limits".
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Embed {
    /// At most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// At most 4096 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where the title leads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<String>,
    /// 0xRRGGBB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color: Option<u32>,
    /// The line at the bottom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<EmbedFooter>,
    /// The large picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<EmbedMedia>,
    /// The small picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbnail: Option<EmbedMedia>,
    /// The line at the top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<EmbedAuthor>,
    /// At most 25.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<EmbedField>,
}

/// An embed's bottom line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EmbedFooter {
    /// At most 2048 characters.
    pub text: String,
    /// A small picture beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
}

/// A picture of an embed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EmbedMedia {
    /// Its address.
    pub url: String,
}

/// An embed's top line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EmbedAuthor {
    /// At most 256 characters.
    pub name: String,
    /// Where it leads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// A small picture beside it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
}

/// A field of an embed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct EmbedField {
    /// At most 256 characters.
    pub name: String,
    /// At most 1024 characters.
    pub value: String,
    /// Beside the next one.
    #[serde(default)]
    pub inline: bool,
}
