//! A message as a history request answers it. Only its ids and its author are needed; whatever else can't be
//! read is left out, so that one odd message never loses a whole page.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::{User, lenient};
use crate::domain::ids::{ApplicationId, ChannelId, GuildId, MessageId, WebhookId};
use crate::domain::message::{Embed, File};
use crate::domain::text;

/// A message.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The channel or thread that it is in.
    pub channel_id: ChannelId,
    /// Who wrote it. A webhook's message has the webhook's id here.
    pub author: User,
    /// Its type. People write types 0 and 19. Discord: "Message Types".
    #[serde(default, rename = "type", deserialize_with = "lenient::kind")]
    pub kind: u16,
    /// The webhook that made it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub webhook_id: Option<WebhookId>,
    /// The application that made it: of a webhook's messages, the one that owns the webhook.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub application_id: Option<ApplicationId>,
    /// The text. Also empty where the application may not read it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub content: String,
    /// Discord: "Message Flags".
    #[serde(default, deserialize_with = "lenient::flags")]
    pub flags: u64,
    /// When it was posted.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub timestamp: Option<DateTime<Utc>>,
    /// When it was edited last.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub edited_timestamp: Option<DateTime<Utc>>,
    /// Embeds, previews of links included.
    #[serde(default, deserialize_with = "lenient::list")]
    pub embeds: Vec<MessageEmbed>,
    /// Files.
    #[serde(default, deserialize_with = "lenient::list")]
    pub attachments: Vec<Attachment>,
    /// Stickers.
    #[serde(default, deserialize_with = "lenient::list")]
    pub sticker_items: Vec<StickerItem>,
    /// Who its author is in the server; history leaves it out.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub member: Option<AuthorMember>,
    /// The people it mentions.
    #[serde(default, deserialize_with = "lenient::list")]
    pub mentions: Vec<MentionedUser>,
    /// What it answers, forwards, or was crossposted from.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub message_reference: Option<MessageReference>,
    /// The message that it answers.
    #[serde(default)]
    pub referenced_message: Referenced,
    /// What it forwards, in Discord's form.
    #[serde(default, deserialize_with = "lenient::list")]
    pub message_snapshots: Vec<Value>,
    /// Buttons and the like, in Discord's form.
    #[serde(default, deserialize_with = "lenient::list")]
    pub components: Vec<Value>,
    /// A poll, in Discord's form.
    #[serde(default)]
    pub poll: Option<Value>,
    /// The sounds in its text.
    #[serde(default, deserialize_with = "lenient::list")]
    pub soundboard_sounds: Vec<TextSound>,
}

impl Message {
    /// A type that no message of Discord's has.
    const UNREADABLE: u16 = u16::MAX;

    /// Reads a message of a page. One that can't be read is kept as a message that has only its id, so that
    /// it is neither missed nor taken for deleted, and spoils no other. `None` where it doesn't even have an
    /// id.
    pub(in crate::rest) fn read(message: &Value) -> Option<Self> {
        let known = |message: &Value| serde::Deserialize::deserialize(message).ok();
        known(message).or_else(|| {
            let (id, channel) = (&message["id"], &message["channel_id"]);
            known(
                &json!({ "id": id, "channel_id": channel, "author": { "id": id }, "type": Self::UNREADABLE }),
            )
        })
    }

    /// Its files, and those of the message that it forwards.
    pub fn all_attachments(&self) -> Vec<Attachment> {
        let snapshots =
            self.message_snapshots.iter().filter_map(|snapshot| snapshot.pointer("/message/attachments"));
        let forwarded = snapshots.filter_map(Value::as_array).flatten();
        let forwarded = forwarded.filter_map(|attachment| serde_json::from_value(attachment.clone()).ok());
        self.attachments.iter().cloned().chain(forwarded).collect()
    }
}

/// The message that another one answers. Discord: "Message Object", footnotes.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Referenced {
    /// Absent, or of a form that isn't known: Discord didn't look for it.
    #[default]
    Unknown,
    /// Null: it was deleted.
    Deleted,
    /// It exists.
    Standing(Box<Message>),
}

impl<'de> Deserialize<'de> for Referenced {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(d)?;
        if value.is_null() {
            return Ok(Self::Deleted);
        }
        Ok(Deserialize::deserialize(value).map_or(Self::Unknown, |message| Self::Standing(Box::new(message))))
    }
}

/// A person whom a message mentions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MentionedUser {
    /// Who it is.
    #[serde(flatten)]
    pub user: User,
    /// Their member of the server. Only the gateway tells it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub member: Option<AuthorMember>,
}

/// How a message's author appears in its server.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
pub struct AuthorMember {
    /// The name there.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub nick: Option<String>,
    /// The hash of the avatar there.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub avatar: Option<String>,
}

/// An embed and what made it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MessageEmbed {
    /// `rich` for one that its author made, others for previews of links.
    #[serde(default, rename = "type", deserialize_with = "lenient::or_default")]
    pub kind: String,
    /// Whose page it is a preview of. No author can give it.
    #[serde(default)]
    pub provider: Option<Value>,
    /// A video that can be played in it. No author can give it.
    #[serde(default)]
    pub video: Option<Value>,
    /// What it shows.
    #[serde(flatten, deserialize_with = "super::embed::whatever_can_be_read")]
    pub embed: Embed,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attachment {
    /// Its id, by which an edit names the files that stay.
    pub id: String,
    /// Its name, of which Discord keeps only ASCII.
    pub filename: String,
    /// Its name as people see it, mostly without the extension. A name that isn't ASCII is nowhere else.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub title: Option<String>,
    /// In bytes.
    pub size: u64,
    /// Its address, which is signed, so it expires.
    pub url: String,
    /// Its media type.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub content_type: Option<String>,
    /// The text for those who can't see it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub description: Option<String>,
    /// Discord: "Attachment Flags".
    #[serde(default, deserialize_with = "lenient::flags")]
    pub flags: u64,
    /// Of a voice message: how long it is.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub duration_secs: Option<serde_json::Number>,
}

impl Attachment {
    /// Discord: "Attachment Flags", `IS_SPOILER`.
    const IS_SPOILER: u64 = 1 << 3;

    /// Its name as people see it: the title, with the extension that the file's name has.
    pub fn name(&self) -> String {
        let Some(title) = self.title.as_deref().map(str::trim).filter(|title| text::is_visible(title)) else {
            return self.filename.clone();
        };
        let extension = self.filename.rfind('.').map_or("", |dot| &self.filename[dot..]);
        let is_one = (2..=17).contains(&extension.len())
            && extension.bytes().skip(1).all(|byte| byte.is_ascii_alphanumeric());
        let extension = if is_one { extension } else { "" };
        let stands = title.to_lowercase().ends_with(&extension.to_lowercase());
        format!("{title}{}", if stands { "" } else { extension })
    }

    /// Whether its author hid it: by the flag, or by the name, as was usual before.
    pub fn is_spoiler(&self) -> bool {
        self.flags & Self::IS_SPOILER != 0
            || File::is_name_hidden(&self.filename)
            || self.title.as_deref().is_some_and(File::is_name_hidden)
    }
}

/// A sticker of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StickerItem {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub name: String,
    /// PNG (1), APNG (2), Lottie (3) or GIF (4).
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub format_type: u8,
}

/// A sound in a text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TextSound {
    /// Its number.
    pub sound_id: String,
    /// Its name.
    pub name: String,
}

/// A reference to another message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct MessageReference {
    /// 0: an answer or a crosspost; 1: a forward.
    #[serde(default, rename = "type", deserialize_with = "lenient::or_default")]
    pub kind: u8,
    /// The message.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub message_id: Option<MessageId>,
    /// Its channel.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub channel_id: Option<ChannelId>,
    /// Its server.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub guild_id: Option<GuildId>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_cannot_be_read_is_left_out() {
        let message: Message = serde_json::from_value(json!({
            "id": "1", "channel_id": "2", "author": {"id": "3", "username": "ada", "global_name": null},
            "content": null, "flags": "odd", "timestamp": "2026-08-01T10:00:00.000000+00:00", "edited_timestamp": 5,
            "embeds": [{"type": "rich", "title": "t"}, 7], "attachments": {}, "sticker_items": null,
            "message_reference": [], "referenced_message": {"id": "x"}, "components": [{"type": 9999}], "poll": {"question": {}},
        }))
        .unwrap();
        assert_eq!(message.embeds.len(), 1);
        assert_eq!(message.embeds[0].embed.title.as_deref(), Some("t"));
        assert_eq!((message.content.as_str(), message.flags, message.components.len()), ("", 0, 1));
        assert!(message.timestamp.is_some() && message.edited_timestamp.is_none() && message.poll.is_some());
        assert_eq!(message.referenced_message, Referenced::Unknown);
    }

    #[test]
    fn what_is_absent_is_not_deleted() {
        let read = |message: Value| serde_json::from_value::<Message>(message).unwrap().referenced_message;
        let message = json!({ "id": "1", "channel_id": "2", "author": { "id": "3" } });
        assert_eq!(read(message.clone()), Referenced::Unknown);
        let with = |referenced: Value| {
            let mut message = message.clone();
            message["referenced_message"] = referenced;
            read(message)
        };
        assert_eq!(with(Value::Null), Referenced::Deleted);
        assert_eq!(with(json!("odd")), Referenced::Unknown);
        assert!(matches!(with(message.clone()), Referenced::Standing(_)));
    }

    #[test]
    fn a_file_has_the_name_that_people_see() {
        let named = |filename: &str, title: Value| {
            let file = json!({ "id": "1", "filename": filename, "size": 1, "url": "u", "title": title });
            serde_json::from_value::<Attachment>(file).unwrap().name()
        };
        assert_eq!(named("_.pdf", json!("План работ")), "План работ.pdf");
        assert_eq!(named("_.pdf", json!("План работ.PDF")), "План работ.PDF");
        assert_eq!(named("plan", json!("План")), "План");
        assert_eq!(named("v1.2_notes", json!("v1.2 notes")), "v1.2 notes");
        assert_eq!(named("plan.pdf", Value::Null), "plan.pdf");
        assert_eq!(named("plan.pdf", json!(" ")), "plan.pdf");
        assert_eq!(named("plan.pdf", json!(5)), "plan.pdf");
    }

    proptest! {
        #[test]
        fn any_field_may_hold_anything(field in 0..16usize, junk in prop_oneof![
            Just(json!(null)), Just(json!(true)), any::<i64>().prop_map(|n| json!(n)), ".{0,9}".prop_map(|s| json!(s)),
            Just(json!([{}, 1, "x"])), Just(json!({"a": [1]})),
        ]) {
            const FIELDS: [&str; 16] = [
                "type", "webhook_id", "application_id", "content", "flags", "timestamp", "edited_timestamp", "embeds", "attachments",
                "sticker_items", "mentions", "message_reference", "referenced_message", "message_snapshots", "components", "poll",
            ];
            let mut message = json!({"id": "1", "channel_id": "2", "author": {"id": "3"}});
            message[FIELDS[field]] = junk;
            prop_assert!(serde_json::from_value::<Message>(message).is_ok());
        }
    }
}
