//! What Discord has said about channels, servers and members, for as long as somebody works with it.

use std::collections::{HashMap, HashSet};

use crate::domain::channel::ChannelKind;
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::domain::place::TargetKind;
use crate::rest::model::{Channel, Guild, Member};

/// What the bot sees of a channel that somebody named.
#[derive(Debug, Clone)]
pub enum ChannelLookup {
    /// The bot sees it.
    Seen(Channel),
    /// It exists, but the bot lacks View Channel or isn't in its server.
    Hidden,
    /// It was deleted, or never existed.
    Gone,
}

/// A channel of a server, with what is needed to compute permissions in it.
#[derive(Debug, Clone)]
pub struct GuildChannel {
    /// The channel itself.
    pub channel: Channel,
    /// Its server.
    pub guild: GuildId,
}

impl GuildChannel {
    /// The channel's id.
    pub const fn id(&self) -> ChannelId {
        self.channel.id
    }

    /// The channel's kind.
    pub const fn kind(&self) -> ChannelKind {
        self.channel.kind
    }

    /// The channel that a thread belongs to.
    pub fn parent(&self) -> Option<ChannelId> {
        self.channel.thread_parent()
    }

    /// What kind of target it is.
    pub fn target_kind(&self) -> TargetKind {
        TargetKind::from_parts(self.parent(), self.kind() == ChannelKind::Forum)
    }
}

/// Discord's answers so far. `None` stands for what the bot can't see.
#[derive(Clone, Debug, Default)]
pub(in crate::service) struct AccessFacts {
    pub(super) channels: HashMap<ChannelId, ChannelLookup>,
    /// The servers whose channels were listed.
    pub(super) listed: HashSet<GuildId>,
    pub(super) guilds: HashMap<GuildId, Option<Guild>>,
    pub(super) members: HashMap<(GuildId, UserId), Option<Member>>,
    /// Whether people are in private threads.
    pub(super) invited: HashMap<(ChannelId, UserId), bool>,
}

impl AccessFacts {
    /// How many facts there are: more, when something was found out.
    pub(super) fn count(&self) -> usize {
        let lists = self.listed.len() + self.guilds.len() + self.members.len() + self.invited.len();
        self.channels.len() + lists
    }

    /// Drops everything about a server.
    pub(super) fn forget(&mut self, guild: GuildId) {
        self.channels.retain(
            |_, found| !matches!(found, ChannelLookup::Seen(channel) if channel.guild_id == Some(guild)),
        );
        self.listed.remove(&guild);
        self.guilds.remove(&guild);
        self.members.retain(|(of, _), _| *of != guild);
        // Which server a thread belongs to isn't known here.
        self.invited.clear();
    }

    /// A channel that the bot was found to see.
    pub(super) fn seen_channel(&self, id: ChannelId) -> Option<Channel> {
        match self.channels.get(&id)? {
            ChannelLookup::Seen(channel) => Some(channel.clone()),
            ChannelLookup::Hidden | ChannelLookup::Gone => None,
        }
    }

    /// The channels of a server that are known.
    pub(super) fn channels_of(&self, guild: GuildId) -> Vec<Channel> {
        let seen = self.channels.values().filter_map(|found| match found {
            ChannelLookup::Seen(channel) if channel.guild_id == Some(guild) => Some(channel.clone()),
            _ => None,
        });
        seen.filter(|channel| !channel.kind.is_thread()).collect()
    }

    /// Adds channels of a server.
    pub(super) fn add_channels(&mut self, guild: GuildId, channels: impl IntoIterator<Item = Channel>) {
        let found = |channel| ChannelLookup::Seen(Channel { guild_id: Some(guild), ..channel });
        self.channels.extend(channels.into_iter().map(|channel| (channel.id, found(channel))));
    }
}
