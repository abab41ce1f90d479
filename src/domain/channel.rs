//! Kinds of channel, what each can do as a source or target, and links to channels.

use super::ids::{ChannelId, GuildId, MessageId};

/// What a channel is. Discord: "Channel Types".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelKind {
    /// A text channel (0).
    Text,
    /// A direct message, with one person or a group (1, 3).
    Direct,
    /// A voice channel, with its chat (2).
    Voice,
    /// A category, which only holds other channels (4).
    Category,
    /// An announcement channel (5).
    Announcement,
    /// A thread in an announcement (10) or text channel (11), or a post in a forum.
    PublicThread,
    /// A thread that only invited people see (12).
    PrivateThread,
    /// A stage channel, with its chat (13).
    Stage,
    /// A forum (15) or a media channel (16), which hold posts.
    Forum,
    /// Something that Discord added later.
    Unknown(u8),
}

impl ChannelKind {
    /// The kind of Discord's number for it.
    pub const fn from_number(number: u8) -> Self {
        match number {
            0 => Self::Text,
            1 | 3 => Self::Direct,
            2 => Self::Voice,
            4 => Self::Category,
            5 => Self::Announcement,
            10 | 11 => Self::PublicThread,
            12 => Self::PrivateThread,
            13 => Self::Stage,
            15 | 16 => Self::Forum,
            other => Self::Unknown(other),
        }
    }

    /// Whether it is a thread, which has no permissions of its own.
    pub const fn is_thread(self) -> bool {
        matches!(self, Self::PublicThread | Self::PrivateThread)
    }

    /// Whether it holds messages of its own and takes webhooks.
    pub const fn holds_messages(self) -> bool {
        matches!(self, Self::Text | Self::Announcement | Self::Voice | Self::Stage)
    }

    /// Whether it can be followed, and can follow by relay: posts in it, or in its threads, can be read, and
    /// a webhook can post into it.
    pub const fn is_followable(self) -> bool {
        self.holds_messages() || self.is_thread() || matches!(self, Self::Forum)
    }

    /// Whether Discord's own channel following can post into it.
    pub const fn takes_native(self) -> bool {
        matches!(self, Self::Text | Self::Announcement)
    }

    /// Its plural, as people say it.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Text => "text channels",
            Self::Direct => "direct messages",
            Self::Voice => "voice channels",
            Self::Category => "categories",
            Self::Announcement => "announcement channels",
            Self::PublicThread | Self::PrivateThread => "threads",
            Self::Stage => "stage channels",
            Self::Forum => "forums",
            Self::Unknown(_) => "channels of this kind",
        }
    }
}

/// A reference to a channel as people paste it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelLink {
    /// The channel.
    pub channel: ChannelId,
    /// The server that the link names. Not to be trusted.
    pub guild: Option<GuildId>,
}

/// Reads what people paste for a channel: a link (`https://discord.com/channels/SERVER/CHANNEL[/MESSAGE]`), a
/// mention (`<#id>`), or an id. A link also names its server, which says where the channel is, if it is true.
pub fn parse_channel_link(text: &str) -> Option<ChannelLink> {
    let text = text.trim();
    if let Some(path) = strip_host(text) {
        let mut segments = path.split(['/', '?', '#']).filter(|segment| !segment.is_empty());
        let guild = Some(segments.next()?.parse::<GuildId>().ok()?);
        return Some(ChannelLink { channel: segments.next()?.parse().ok()?, guild });
    }
    let id = text.strip_prefix("<#").and_then(|rest| rest.strip_suffix('>')).unwrap_or(text);
    Some(ChannelLink { channel: id.parse().ok()?, guild: None })
}

/// A link to a channel or a thread, as Discord's own interface copies it.
pub fn channel_link(guild: GuildId, channel: ChannelId) -> String {
    format!("https://discord.com/channels/{guild}/{channel}")
}

/// A link to a message, in the same form.
pub fn message_link(guild: GuildId, channel: ChannelId, message: MessageId) -> String {
    format!("{}/{message}", channel_link(guild, channel))
}

/// The path behind `/channels/` of a link to Discord, whatever its client (stable, beta, canary, mobile).
fn strip_host(text: &str) -> Option<&str> {
    let text = text.trim_start_matches('<').trim_end_matches('>');
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
    let (host, path) = rest.split_once("/channels/")?;
    let host = host.to_ascii_lowercase();
    let known = ["discord.com", "discordapp.com"];
    known.iter().any(|name| host == *name || host.ends_with(&format!(".{name}"))).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_paste() {
        let channel = ChannelId::new(222).unwrap();
        for text in [
            "222",
            " <#222> ",
            "https://discord.com/channels/111/222",
            "https://canary.discord.com/channels/111/222/333",
            "<https://discord.com/channels/111/222>",
            "discord.com/channels/111/222?x=1",
        ] {
            let guild = text.contains("111").then(|| GuildId::new(111).unwrap());
            assert_eq!(parse_channel_link(text), Some(ChannelLink { channel, guild }), "{text}");
        }
        for text in [
            "",
            "#news",
            "https://discord.com/channels/@me/222",
            "https://evil.example/channels/111/222",
            "discord.com/channels/111",
            "-5",
        ] {
            assert_eq!(parse_channel_link(text), None, "{text}");
        }
    }
}
