//! A message as a history request answers it. Only its ids and its author are needed; whatever else can't be read is left out, so that one odd
//! message never loses a whole page.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::lenient;
use super::model::User;
use crate::domain::ids::{ApplicationId, ChannelId, GuildId, MessageId, WebhookId};
use crate::domain::message::Embed;

/// A message.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// The channel or thread where it stands.
    pub channel_id: ChannelId,
    /// Who wrote it; a webhook's message has the webhook's id here.
    pub author: User,
    /// What it is, 0 and 19 being written by people. Discord: "Message Types".
    #[serde(default, rename = "type", deserialize_with = "lenient::or_default")]
    pub kind: u16,
    /// The webhook that made it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub webhook_id: Option<WebhookId>,
    /// The application that made it: of a webhook's messages, the one that owns the webhook.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub application_id: Option<ApplicationId>,
    /// The text; empty too where the application may not read it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub content: String,
    /// Discord: "Message Flags".
    #[serde(default, deserialize_with = "lenient::or_default")]
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
    pub sticker_items: Vec<Sticker>,
    /// Who its author is in the server; history leaves it out.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub member: Option<AuthorMember>,
    /// The people it mentions.
    #[serde(default, deserialize_with = "lenient::list")]
    pub mentions: Vec<User>,
    /// What it answers, forwards, or was crossposted from.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub message_reference: Option<Reference>,
    /// The message that it answers, if it still stands.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub referenced_message: Option<Box<Message>>,
    /// What it forwards, in Discord's form.
    #[serde(default, deserialize_with = "lenient::list")]
    pub message_snapshots: Vec<Value>,
    /// Buttons and the like, in Discord's form.
    #[serde(default, deserialize_with = "lenient::list")]
    pub components: Vec<Value>,
    /// A poll, in Discord's form.
    #[serde(default)]
    pub poll: Option<Value>,
}

impl Message {
    /// A kind that Discord has no message of.
    const UNREADABLE: u16 = u16::MAX;

    /// Reads a message of a page. One that can't be read stands for itself with no more than its number, so that it is neither missed nor taken for deleted,
    /// and spoils no other; `None` where it hasn't even that.
    pub(super) fn read(message: &Value) -> Option<Self> {
        let known = |message: &Value| serde::Deserialize::deserialize(message).ok();
        known(message).or_else(|| {
            let (id, channel) = (&message["id"], &message["channel_id"]);
            known(
                &json!({ "id": id, "channel_id": channel, "author": { "id": id }, "type": Self::UNREADABLE }),
            )
        })
    }

    /// Its files, and those of what it forwards.
    pub fn all_attachments(&self) -> Vec<Attachment> {
        let snapshots =
            self.message_snapshots.iter().filter_map(|snapshot| snapshot.pointer("/message/attachments"));
        let forwarded = snapshots.filter_map(Value::as_array).flatten();
        let forwarded = forwarded.filter_map(|attachment| serde_json::from_value(attachment.clone()).ok());
        self.attachments.iter().cloned().chain(forwarded).collect()
    }
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
    /// What it shows.
    #[serde(flatten)]
    pub embed: Embed,
}

/// A file of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attachment {
    /// Its id, as an edit lists the ones that stay.
    pub id: String,
    /// Its name.
    pub filename: String,
    /// In bytes.
    pub size: u64,
    /// Where it is; signed, so it expires.
    pub url: String,
    /// Its media type.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub content_type: Option<String>,
    /// The text for those who can't see it.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub description: Option<String>,
    /// Discord: "Attachment Flags".
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub flags: u64,
    /// Of a voice message: how long it is.
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub duration_secs: Option<serde_json::Number>,
}

/// A sticker of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sticker {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// PNG (1), APNG (2), Lottie (3) or GIF (4).
    #[serde(default, deserialize_with = "lenient::or_default")]
    pub format_type: u8,
}

/// Another message that one refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct Reference {
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
            "embeds": [{"type": "rich", "title": "t"}, {"title": 5}, 7], "attachments": {}, "sticker_items": null,
            "message_reference": [], "referenced_message": {"id": "x"}, "components": [{"type": 9999}], "poll": {"question": {}},
        }))
        .unwrap();
        assert_eq!(message.embeds.len(), 1);
        assert_eq!(message.embeds[0].embed.title.as_deref(), Some("t"));
        assert_eq!((message.content.as_str(), message.flags, message.components.len()), ("", 0, 1));
        assert!(message.timestamp.is_some() && message.edited_timestamp.is_none() && message.poll.is_some());
        assert!(message.referenced_message.is_none());
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
