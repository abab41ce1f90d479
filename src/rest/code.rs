//! Discord's own error codes, which say more than the status of an answer.

use std::fmt;

use serde::Deserialize;

/// A code from the `code` field of a refusal. 0 is Discord's general code, and also stands for a missing one.
/// Discord: "JSON Error Codes".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Deserialize)]
#[serde(transparent)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// No code, or the general one.
    pub const GENERAL: Self = Self(0);
    /// No such channel, or thread.
    pub const UNKNOWN_CHANNEL: Self = Self(10003);
    /// No such server, or the bot isn't in it.
    pub const UNKNOWN_GUILD: Self = Self(10004);
    /// Not a member.
    pub const UNKNOWN_MEMBER: Self = Self(10007);
    /// No such message.
    pub const UNKNOWN_MESSAGE: Self = Self(10008);
    /// No such person.
    pub const UNKNOWN_USER: Self = Self(10013);
    /// No such webhook: it must not be called again.
    pub const UNKNOWN_WEBHOOK: Self = Self(10015);
    /// The forum has no such tag.
    pub const UNKNOWN_TAG: Self = Self(10087);
    /// Explicit content can't be sent there.
    pub const EXPLICIT_CONTENT: Self = Self(20009);
    /// The channel has its 15 webhooks.
    pub const TOO_MANY_WEBHOOKS: Self = Self(30007);
    /// Too many edits of messages that are older than an hour.
    pub const TOO_MANY_OLD_EDITS: Self = Self(30046);
    /// The server has its 1000 webhooks.
    pub const TOO_MANY_GUILD_WEBHOOKS: Self = Self(30058);
    /// The request, attachments included, is too large.
    pub const TOO_LARGE: Self = Self(40005);
    /// The forum requires a tag.
    pub const TAG_REQUIRED: Self = Self(40067);
    /// The bot can't see the channel.
    pub const MISSING_ACCESS: Self = Self(50001);
    /// A message without anything in it.
    pub const EMPTY_MESSAGE: Self = Self(50006);
    /// The person takes no direct messages.
    pub const NO_DIRECT_MESSAGES: Self = Self(50007);
    /// The bot lacks a permission there.
    pub const MISSING_PERMISSIONS: Self = Self(50013);
    /// The webhook's token is wrong.
    pub const INVALID_WEBHOOK_TOKEN: Self = Self(50027);
    /// A field of the request is wrong.
    pub const INVALID_FORM_BODY: Self = Self(50035);
    /// The person takes no direct messages from those who share no server with them.
    pub const NO_MUTUAL_SERVERS: Self = Self(50278);
    /// The application's owner must have two-factor authentication for this.
    pub const TWO_FACTOR_REQUIRED: Self = Self(60003);
    /// The thread is archived.
    pub const THREAD_ARCHIVED: Self = Self(50083);
    /// The thread is locked.
    pub const THREAD_LOCKED: Self = Self(160_005);
    /// The server has as many threads that aren't archived as it may.
    pub const TOO_MANY_THREADS: Self = Self(160_006);
    /// Blocked by the server's AutoMod.
    pub const AUTOMOD_MESSAGE: Self = Self(200_000);
    /// Blocked by the server's AutoMod, by its title.
    pub const AUTOMOD_TITLE: Self = Self(200_001);
    /// A webhook posts to a forum with a thread's name or its id only.
    pub const FORUM_NEEDS_THREAD: Self = Self(220_001);
    /// A webhook can begin a thread in a forum only.
    pub const NOT_A_FORUM: Self = Self(220_003);
    /// Blocked by Discord's filter of harmful links.
    pub const HARMFUL_LINK: Self = Self(240_000);
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
