//! What must hold for the channels of a follow so that it can go on, and what becomes of it where that no
//! longer holds. What people may do is checked when they do something. This is checked again whenever a
//! server changes who may see what.

use super::channel::ChannelKind;
use super::follow::{Audience, BrokenReason, DeliveryMethod, Door, Exposure, Follow, FollowState};
use super::permissions::Permissions;

/// What follows depend on about a channel. A thread counts as its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelFacts {
    /// What it is.
    pub kind: ChannelKind,
    /// Whether every member of its server sees it.
    pub everyone_sees: bool,
    /// Whether every member of its server can read what is posted there, which takes more than seeing it.
    pub everyone_reads: bool,
    /// Whether it is age-restricted.
    pub age_restricted: bool,
    /// Who may follow it, as chosen with `/publish`.
    pub audience: Audience,
    /// What the bot may do there.
    pub bot: Permissions,
}

impl ChannelFacts {
    /// Whether Discord itself lets other servers follow it.
    pub fn is_public_announcement(&self) -> bool {
        self.kind == ChannelKind::Announcement && self.everyone_sees
    }

    /// What lets other servers follow it, if something does.
    pub fn door(&self) -> Option<Door> {
        self.audience.door(self.is_public_announcement())
    }
}

/// A digest of what the gateway said about who may see what in a server. It changes where any of that
/// changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermissionsDigest(i64);

impl PermissionsDigest {
    /// The digest of a server in which something has changed since the gateway described it in full. No other
    /// digest equals it.
    pub const CHANGED: Self = Self(0);

    /// From a hash.
    pub fn of(hash: [u8; 32]) -> Self {
        let first = hash.first_chunk().map_or(0, |first| i64::from_be_bytes(*first));
        Self(if first == 0 { 1 } else { first })
    }

    /// As it is stored.
    pub fn to_db(self) -> i64 {
        self.0
    }

    /// As it was stored.
    pub fn from_db(stored: i64) -> Self {
        Self(stored)
    }
}

/// The channels of a follow, as far as they are known: those of the server that is checked.
#[derive(Debug, Clone, Copy)]
pub struct CheckedChannels<'a> {
    /// The followed channel.
    pub source: Option<&'a ChannelFacts>,
    /// The receiving channel.
    pub target: Option<&'a ChannelFacts>,
}

/// What becomes of a follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowVerdict {
    /// It goes on.
    Stands,
    /// It can't go on, for this reason; with the permissions that the bot lacks, where that is the reason.
    Broken(BrokenReason, Permissions),
    /// It would make public what wasn't, and nobody confirmed that this is meant.
    Exposed,
}

/// The permissions that the bot needs in a target that has its webhook: to find what it posted.
const POSTING: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_MESSAGE_HISTORY);

impl CheckedChannels<'_> {
    /// What would become of a follow between these channels, if it were active.
    pub fn judge(&self, follow: &Follow) -> FollowVerdict {
        let broken = |reason| FollowVerdict::Broken(reason, Permissions::empty());
        let native = follow.options.delivery == DeliveryMethod::Native;
        if let Some(source) = self.source {
            if follow.crosses_servers() && source.door().is_none() {
                return broken(BrokenReason::Unpublished);
            }
            if native && source.kind != ChannelKind::Announcement {
                return broken(BrokenReason::NoAnnouncement);
            }
        }
        if self.is_restricted(follow) && self.target.is_some_and(|target| !target.age_restricted) {
            return broken(BrokenReason::AgeRestricted);
        }
        let (source, target) = self.lacking(follow);
        if !source.is_empty() {
            return FollowVerdict::Broken(BrokenReason::SourceForbidden, source);
        }
        if target.intersects(POSTING) {
            return FollowVerdict::Broken(BrokenReason::TargetForbidden, target);
        }
        let exposed = self.makes_public(follow) == Some(true) && follow.exposure != Exposure::Meant;
        if exposed && !follow.crosses_servers() { FollowVerdict::Exposed } else { FollowVerdict::Stands }
    }

    /// Whether the source is age-restricted. Where the source isn't known, as it was when last seen.
    pub fn is_restricted(&self, follow: &Follow) -> bool {
        self.source.map_or(follow.source_restricted, |source| source.age_restricted)
    }

    /// Whether everybody in the target's server can read what not everybody in the source's server can.
    /// `None` where that isn't known.
    pub fn makes_public(&self, follow: &Follow) -> Option<bool> {
        let (source, target) = (self.source?, self.target?);
        let hidden = !source.everyone_reads || follow.source_private == Some(true);
        Some(hidden && target.everyone_sees)
    }

    /// Whether it matters if the source is a private thread, because everything else about it is open.
    pub fn privacy_matters(&self, follow: &Follow) -> bool {
        let open = |facts: &ChannelFacts| facts.everyone_sees;
        follow.source_parent.is_some() && self.source.is_some_and(open) && self.target.is_some_and(open)
    }

    /// The permissions that the bot lacks in the source and in the target. Discord's own following needs no
    /// bot.
    pub fn lacking(&self, follow: &Follow) -> (Permissions, Permissions) {
        if follow.options.delivery == DeliveryMethod::Native {
            return (Permissions::empty(), Permissions::empty());
        }
        let lacks = |facts: &ChannelFacts, needed: Permissions| needed.difference(facts.bot);
        let source = self.source.map(|source| lacks(source, Permissions::reading(source.kind)));
        let target = self.target.map(|target| lacks(target, POSTING | Permissions::MANAGE_WEBHOOKS));
        (source.unwrap_or_default(), target.unwrap_or_default())
    }

    /// The permissions to note as lacking for a follow in its present state. Of a broken follow, those that
    /// its reason is about. `None` where the channel concerned isn't known.
    pub fn lacking_now(&self, follow: &Follow) -> Option<Permissions> {
        let (source, target) = self.lacking(follow);
        match follow.state {
            FollowState::Broken(BrokenReason::SourceForbidden) => self.source.map(|_| source),
            FollowState::Broken(BrokenReason::TargetForbidden) => self
                .target
                .map(|_| target)
                .filter(|lacking| lacking.is_empty() || lacking.intersects(POSTING)),
            FollowState::Broken(BrokenReason::WebhookDeleted | BrokenReason::WebhookMoved)
            | FollowState::Active => self.target.map(|_| target),
            FollowState::Broken(_) | FollowState::Paused => None,
        }
    }
}

#[cfg(test)]
mod tests;
