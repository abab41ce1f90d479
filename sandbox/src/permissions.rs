//! Discord's permission bits and how they add up for one person in one channel.
//!
//! This module only knows the arithmetic; [`crate::world::World`] collects roles and overwrites and knows
//! about threads.

#![expect(missing_docs, reason = "the permissions' names are Discord's own and say what they allow")]

use bitflags::bitflags;
use serde::{Serialize, Serializer};

use crate::ids::{GuildId, RoleId, UserId};

bitflags! {
    /// A set of permissions, as Discord writes it: one bit each, sent as a decimal string.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub struct Permissions: u64 {
        const CREATE_INSTANT_INVITE = 1 << 0;
        const KICK_MEMBERS = 1 << 1;
        const BAN_MEMBERS = 1 << 2;
        const ADMINISTRATOR = 1 << 3;
        const MANAGE_CHANNELS = 1 << 4;
        const MANAGE_GUILD = 1 << 5;
        const ADD_REACTIONS = 1 << 6;
        const VIEW_AUDIT_LOG = 1 << 7;
        const PRIORITY_SPEAKER = 1 << 8;
        const STREAM = 1 << 9;
        const VIEW_CHANNEL = 1 << 10;
        const SEND_MESSAGES = 1 << 11;
        const SEND_TTS_MESSAGES = 1 << 12;
        const MANAGE_MESSAGES = 1 << 13;
        const EMBED_LINKS = 1 << 14;
        const ATTACH_FILES = 1 << 15;
        const READ_MESSAGE_HISTORY = 1 << 16;
        const MENTION_EVERYONE = 1 << 17;
        const USE_EXTERNAL_EMOJIS = 1 << 18;
        const VIEW_GUILD_INSIGHTS = 1 << 19;
        const CONNECT = 1 << 20;
        const SPEAK = 1 << 21;
        const MUTE_MEMBERS = 1 << 22;
        const DEAFEN_MEMBERS = 1 << 23;
        const MOVE_MEMBERS = 1 << 24;
        const USE_VAD = 1 << 25;
        const CHANGE_NICKNAME = 1 << 26;
        const MANAGE_NICKNAMES = 1 << 27;
        const MANAGE_ROLES = 1 << 28;
        const MANAGE_WEBHOOKS = 1 << 29;
        const MANAGE_GUILD_EXPRESSIONS = 1 << 30;
        const USE_APPLICATION_COMMANDS = 1 << 31;
        const REQUEST_TO_SPEAK = 1 << 32;
        const MANAGE_EVENTS = 1 << 33;
        const MANAGE_THREADS = 1 << 34;
        const CREATE_PUBLIC_THREADS = 1 << 35;
        const CREATE_PRIVATE_THREADS = 1 << 36;
        const USE_EXTERNAL_STICKERS = 1 << 37;
        const SEND_MESSAGES_IN_THREADS = 1 << 38;
        const USE_EMBEDDED_ACTIVITIES = 1 << 39;
        const MODERATE_MEMBERS = 1 << 40;
        const SEND_VOICE_MESSAGES = 1 << 46;
        const SEND_POLLS = 1 << 49;
        const USE_EXTERNAL_APPS = 1 << 50;
        const PIN_MESSAGES = 1 << 51;
    }
}

impl Permissions {
    /// What `@everyone` may do in a new server.
    pub fn everyone_default() -> Self {
        Self::VIEW_CHANNEL
            | Self::SEND_MESSAGES
            | Self::SEND_MESSAGES_IN_THREADS
            | Self::CREATE_PUBLIC_THREADS
            | Self::CREATE_PRIVATE_THREADS
            | Self::EMBED_LINKS
            | Self::ATTACH_FILES
            | Self::ADD_REACTIONS
            | Self::READ_MESSAGE_HISTORY
            | Self::USE_EXTERNAL_EMOJIS
            | Self::USE_EXTERNAL_STICKERS
            | Self::USE_APPLICATION_COMMANDS
            | Self::CONNECT
            | Self::SPEAK
            | Self::CHANGE_NICKNAME
            | Self::SEND_POLLS
            | Self::SEND_VOICE_MESSAGES
    }

    /// What both sides may do in a direct message.
    pub fn direct_message() -> Self {
        Self::VIEW_CHANNEL
            | Self::SEND_MESSAGES
            | Self::EMBED_LINKS
            | Self::ATTACH_FILES
            | Self::ADD_REACTIONS
            | Self::READ_MESSAGE_HISTORY
            | Self::USE_EXTERNAL_EMOJIS
            | Self::USE_APPLICATION_COMMANDS
    }
}

impl Serialize for Permissions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.bits())
    }
}

/// Whom a channel's overwrite is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverwriteTarget {
    /// Everyone with this role (type 0).
    Role(RoleId),
    /// One member (type 1).
    Member(UserId),
}

/// One exception that a channel makes to what roles allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overwrite {
    /// Whom it is for.
    pub target: OverwriteTarget,
    /// What it adds.
    pub allow: Permissions,
    /// What it takes away.
    pub deny: Permissions,
}

/// What the calculation needs to know about one member.
pub(crate) struct Standing<'a> {
    pub(crate) guild: GuildId,
    pub(crate) user: UserId,
    pub(crate) is_owner: bool,
    /// May only read for now (Discord: "Timed Out Members").
    pub(crate) is_timed_out: bool,
    pub(crate) roles: &'a [RoleId],
    /// The permissions of `@everyone` and of all the member's roles together.
    pub(crate) base: Permissions,
}

impl Standing<'_> {
    /// The permissions without any channel's overwrites.
    pub(crate) fn in_guild(&self) -> Permissions {
        if self.is_owner || self.base.contains(Permissions::ADMINISTRATOR) {
            Permissions::all()
        } else {
            self.unless_timed_out(self.base)
        }
    }

    /// The same in a voice or stage channel: without Connect, everything except View Channel is implicitly
    /// denied.
    pub(crate) fn in_voice(&self, overwrites: &[Overwrite]) -> Permissions {
        let permissions = self.in_channel(overwrites);
        // A timeout removes Connect, too, but leaves reading.
        if self.is_timed_out || permissions.contains(Permissions::CONNECT) {
            permissions
        } else {
            permissions & Permissions::VIEW_CHANNEL
        }
    }

    fn unless_timed_out(&self, permissions: Permissions) -> Permissions {
        let reading = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
        if self.is_timed_out { permissions & reading } else { permissions }
    }

    /// The permissions under a channel's overwrites: `@everyone`, then all roles together, then the member.
    /// Without View Channel nothing is left, because Discord implicitly denies the rest.
    pub(crate) fn in_channel(&self, overwrites: &[Overwrite]) -> Permissions {
        let base = self.in_guild();
        if base.contains(Permissions::ADMINISTRATOR) {
            return base;
        }
        let everyone = OverwriteTarget::Role(self.guild.everyone());
        let mut permissions = base;
        for overwrite in overwrites.iter().filter(|o| o.target == everyone) {
            permissions = permissions.difference(overwrite.deny) | overwrite.allow;
        }
        let (mut allow, mut deny) = (Permissions::empty(), Permissions::empty());
        for overwrite in overwrites.iter().filter(|o| o.target != everyone) {
            if matches!(overwrite.target, OverwriteTarget::Role(role) if self.roles.contains(&role)) {
                allow |= overwrite.allow;
                deny |= overwrite.deny;
            }
        }
        permissions = permissions.difference(deny) | allow;
        for overwrite in overwrites.iter().filter(|o| o.target == OverwriteTarget::Member(self.user)) {
            permissions = permissions.difference(overwrite.deny) | overwrite.allow;
        }
        let permissions = self.unless_timed_out(permissions);
        if permissions.contains(Permissions::VIEW_CHANNEL) { permissions } else { Permissions::empty() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GUILD: GuildId = GuildId(1);
    const USER: UserId = UserId(5);
    const MODS: RoleId = RoleId(2);
    const MUTED: RoleId = RoleId(3);

    fn standing(roles: &[RoleId]) -> Standing<'_> {
        Standing {
            guild: GUILD,
            user: USER,
            is_owner: false,
            is_timed_out: false,
            roles,
            base: Permissions::everyone_default(),
        }
    }

    fn overwrite(target: OverwriteTarget, allow: Permissions, deny: Permissions) -> Overwrite {
        Overwrite { target, allow, deny }
    }

    #[test]
    fn owner_and_administrator_pass_every_overwrite() {
        let deny_all = [overwrite(OverwriteTarget::Member(USER), Permissions::empty(), Permissions::all())];
        let mut who = standing(&[]);
        who.is_owner = true;
        assert_eq!(who.in_channel(&deny_all), Permissions::all());
        who.is_owner = false;
        who.base |= Permissions::ADMINISTRATOR;
        assert_eq!(who.in_channel(&deny_all), Permissions::all());
    }

    #[test]
    fn an_allowing_role_beats_a_denying_role_and_the_member_beats_both() {
        let send = Permissions::SEND_MESSAGES;
        let none = Permissions::empty();
        let mut overwrites = vec![
            overwrite(OverwriteTarget::Role(GUILD.everyone()), none, send),
            overwrite(OverwriteTarget::Role(MODS), send, none),
            overwrite(OverwriteTarget::Role(MUTED), none, send),
        ];
        assert!(!standing(&[]).in_channel(&overwrites).contains(send));
        assert!(!standing(&[MUTED]).in_channel(&overwrites).contains(send));
        assert!(standing(&[MODS, MUTED]).in_channel(&overwrites).contains(send));
        overwrites.push(overwrite(OverwriteTarget::Member(USER), none, send));
        assert!(!standing(&[MODS]).in_channel(&overwrites).contains(send));
    }

    #[test]
    fn without_connect_a_voice_channel_is_only_seen() {
        let deny =
            [overwrite(OverwriteTarget::Role(GUILD.everyone()), Permissions::empty(), Permissions::CONNECT)];
        assert_eq!(standing(&[]).in_voice(&deny), Permissions::VIEW_CHANNEL);
        assert_eq!(standing(&[]).in_voice(&[]), standing(&[]).in_channel(&[]));
    }

    #[test]
    fn without_view_channel_nothing_is_left() {
        let hidden = [overwrite(
            OverwriteTarget::Role(GUILD.everyone()),
            Permissions::empty(),
            Permissions::VIEW_CHANNEL,
        )];
        assert_eq!(standing(&[]).in_channel(&hidden), Permissions::empty());
    }
}
