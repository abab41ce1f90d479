//! What a source message shows, as far as a mirror can show it: the content of an activity.

use serde::{Deserialize, Serialize};

/// What is shown of a message; kept (encrypted) until nothing needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Content {
    /// The author's display name, as it stands in the source.
    pub author: String,
    /// The address of the author's avatar.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    /// The text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The embeds that the author made; previews of links are left to Discord.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub embeds: Vec<Embed>,
    /// Things that a mirror can't show: said in a line with a link to the original.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unshown: Vec<String>,
    /// Sent with `@silent`.
    #[serde(default)]
    pub silent: bool,
    /// Its link previews were taken off.
    #[serde(default)]
    pub embeds_suppressed: bool,
    /// A link to the original.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub link: String,
}

/// Whether a message of this kind is something that somebody posted: an ordinary message, an answer, the answer to a slash command or to a
/// command of a context menu, and a thread's first message. Discord: "Message Types". System messages (joins, boosts, pins, new threads)
/// are left out on purpose: they tell about the source, not to the target.
pub const fn is_post(kind: u16) -> bool {
    matches!(kind, 0 | 19 | 20 | 21 | 23)
}

/// What a mirror can't show yet, in words.
pub fn unshown(attachments: usize, stickers: usize, poll: bool) -> Vec<String> {
    let count = |count: usize, one: &str| match count {
        0 => None,
        1 => Some(format!("1 {one}")),
        more => Some(format!("{more} {one}s")),
    };
    let poll = poll.then(|| "a poll".to_owned());
    count(attachments, "attachment").into_iter().chain(count(stickers, "sticker")).chain(poll).collect()
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
