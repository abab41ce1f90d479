//! One message of a mirror, as it goes to Discord.

use serde::Serialize;

use crate::domain::{message::Embed, text};

/// Discord: "Message Flags", `SUPPRESS_EMBEDS`: no link previews.
pub const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Discord: "Message Flags", `SUPPRESS_NOTIFICATIONS`: no push.
pub const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;

/// What one message of a mirror shows; within Discord's limits, and never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The author's name. Given with the creation only: Discord can't change it afterwards.
    pub username: String,
    /// The author's picture. Likewise.
    pub avatar_url: Option<String>,
    /// The text; empty where only embeds are shown.
    pub content: String,
    /// The embeds.
    pub embeds: Vec<Embed>,
    /// [`SUPPRESS_EMBEDS`], [`SUPPRESS_NOTIFICATIONS`].
    pub flags: u64,
}

impl Payload {
    /// The body of Discord's "Execute Webhook".
    pub fn create_body(&self) -> CreateBody<'_> {
        CreateBody {
            username: &self.username,
            avatar_url: self.avatar_url.as_deref(),
            content: &self.content,
            embeds: &self.embeds,
            flags: self.flags,
            allowed_mentions: NOBODY,
        }
    }

    /// The body of Discord's "Edit Webhook Message".
    pub fn edit_body(&self) -> EditBody<'_> {
        EditBody { content: &self.content, embeds: &self.embeds, flags: self.flags, allowed_mentions: NOBODY }
    }

    /// Whether a message with this author name and content looks like this payload: for finding out, after a lost answer, whether it was made.
    /// Compares what Discord keeps unchanged ([`text::skeleton`]). Embeds aren't compared, so two messages of embeds only look alike.
    pub fn matches(&self, name: &str, content: &str) -> bool {
        text::skeleton(&self.username) == text::skeleton(name)
            && text::skeleton(&self.content) == text::skeleton(content)
    }
}

/// A new message. What is empty is left out.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CreateBody<'a> {
    username: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    avatar_url: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    content: &'a str,
    #[serde(skip_serializing_if = "<[Embed]>::is_empty")]
    embeds: &'a [Embed],
    #[serde(skip_serializing_if = "is_zero")]
    flags: u64,
    allowed_mentions: AllowedMentions,
}

/// A changed message. What is empty is said, so that what stood there goes. All flags are repeated: Discord asks for that, and
/// changes only those it lets change (not `SUPPRESS_NOTIFICATIONS`). Attachments aren't named, so they stay.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct EditBody<'a> {
    content: &'a str,
    embeds: &'a [Embed],
    flags: u64,
    allowed_mentions: AllowedMentions,
}

/// Who a message may ping. Needed in edits too: without it, they are read with the default allowances.
#[derive(Debug, Clone, Copy, Serialize)]
struct AllowedMentions {
    parse: [&'static str; 0],
}

const NOBODY: AllowedMentions = AllowedMentions { parse: [] };

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(flags: &u64) -> bool {
    *flags == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn payload(content: &str) -> Payload {
        Payload {
            username: "Ada".to_owned(),
            avatar_url: None,
            content: content.to_owned(),
            embeds: vec![],
            flags: 0,
        }
    }

    #[test]
    fn a_creation_says_who_and_leaves_out_what_is_empty() {
        let mut message = payload("Hello");
        assert_eq!(
            json!(message.create_body()),
            json!({"username": "Ada", "content": "Hello", "allowed_mentions": {"parse": []}})
        );
        message.avatar_url = Some("https://cdn.discordapp.com/a.png".to_owned());
        message.embeds = vec![Embed { title: Some("T".to_owned()), ..Embed::default() }];
        message.content.clear();
        message.flags = SUPPRESS_NOTIFICATIONS;
        assert_eq!(
            json!(message.create_body()),
            json!({
                "username": "Ada",
                "avatar_url": "https://cdn.discordapp.com/a.png",
                "embeds": [{"title": "T"}],
                "flags": 4096,
                "allowed_mentions": {"parse": []},
            })
        );
    }

    #[test]
    fn an_edit_says_what_is_empty_and_not_who() {
        assert_eq!(
            json!(payload("").edit_body()),
            json!({"content": "", "embeds": [], "flags": 0, "allowed_mentions": {"parse": []}})
        );
    }

    #[test]
    fn is_recognised_as_discord_keeps_it() {
        let message = payload("  Hi\u{202E} <:wave:123>\n\n");
        assert!(message.matches("Ada", "Hi :wave:"));
        assert!(!message.matches("Ada", "Hi"));
        assert!(!message.matches("Bob", "Hi :wave:"));
    }
}
