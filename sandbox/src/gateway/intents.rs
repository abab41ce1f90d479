//! Gateway intents: which events a session asked for.

#![expect(missing_docs, reason = "the intents' names are Discord's own")]

use bitflags::bitflags;

bitflags! {
    /// Groups of gateway events, as a bot names them in its IDENTIFY.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct Intents: u64 {
        const GUILDS = 1 << 0;
        const GUILD_MEMBERS = 1 << 1;
        const GUILD_MODERATION = 1 << 2;
        const GUILD_EXPRESSIONS = 1 << 3;
        const GUILD_INTEGRATIONS = 1 << 4;
        const GUILD_WEBHOOKS = 1 << 5;
        const GUILD_INVITES = 1 << 6;
        const GUILD_VOICE_STATES = 1 << 7;
        const GUILD_PRESENCES = 1 << 8;
        const GUILD_MESSAGES = 1 << 9;
        const GUILD_MESSAGE_REACTIONS = 1 << 10;
        const GUILD_MESSAGE_TYPING = 1 << 11;
        const DIRECT_MESSAGES = 1 << 12;
        const DIRECT_MESSAGE_REACTIONS = 1 << 13;
        const DIRECT_MESSAGE_TYPING = 1 << 14;
        const MESSAGE_CONTENT = 1 << 15;
        const GUILD_SCHEDULED_EVENTS = 1 << 16;
        const AUTO_MODERATION_CONFIGURATION = 1 << 20;
        const AUTO_MODERATION_EXECUTION = 1 << 21;
        const GUILD_MESSAGE_POLLS = 1 << 24;
        const DIRECT_MESSAGE_POLLS = 1 << 25;
        /// Those that must be switched on for the application; otherwise IDENTIFY is closed with 4014.
        const PRIVILEGED = Self::GUILD_MEMBERS.bits()
            | Self::GUILD_PRESENCES.bits()
            | Self::MESSAGE_CONTENT.bits();
    }
}

impl Intents {
    /// The intent that an event needs; empty for events that everyone gets.
    pub(crate) fn needed_for(event: &str, in_guild: bool) -> Self {
        match event {
            "GUILD_MEMBER_ADD" | "GUILD_MEMBER_UPDATE" | "GUILD_MEMBER_REMOVE" => Self::GUILD_MEMBERS,
            "WEBHOOKS_UPDATE" => Self::GUILD_WEBHOOKS,
            "INTERACTION_CREATE" | "READY" | "RESUMED" => Self::empty(),
            _ if event.starts_with("MESSAGE_") && in_guild => Self::GUILD_MESSAGES,
            _ if event.starts_with("MESSAGE_") => Self::DIRECT_MESSAGES,
            _ => Self::GUILDS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_need_their_intents() {
        assert_eq!(Intents::needed_for("MESSAGE_CREATE", true), Intents::GUILD_MESSAGES);
        assert_eq!(Intents::needed_for("MESSAGE_CREATE", false), Intents::DIRECT_MESSAGES);
        assert_eq!(Intents::needed_for("INTERACTION_CREATE", true), Intents::empty());
        assert_eq!(Intents::needed_for("THREAD_CREATE", true), Intents::GUILDS);
    }
}
