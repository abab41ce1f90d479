//! What the gateway has to listen for: followed sources, targets, and the bot's own webhooks, in memory, so that a message in a
//! channel that nobody follows costs no query.

use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use crate::domain::follow::{Delivery, Pair};
use crate::domain::ids::{ChannelId, GuildId, WebhookId};

/// One of the connections among which Discord divides the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    /// Which, from 0.
    pub id: u32,
    /// Of how many.
    pub total: u32,
}

impl Shard {
    /// Whether a server's events come through this connection. Discord: "Sharding", by the server's number.
    pub fn has(self, guild: GuildId) -> bool {
        (guild.get() >> 22) % u64::from(self.total.max(1)) == u64::from(self.id)
    }
}

/// A filter, not a truth: it may know too much for a moment, never too little. What is delivered is decided in the database.
#[derive(Debug, Default)]
pub struct Watched(RwLock<Sets>);

#[derive(Debug, Default)]
struct Sets {
    /// Sources that the bot reads, those of relay follows, with their servers.
    read: HashMap<ChannelId, GuildId>,
    /// Sources and targets of all follows.
    ends: HashSet<ChannelId>,
    own_webhooks: HashSet<WebhookId>,
    /// Servers that the bot has left, and of which something is kept.
    left: HashSet<GuildId>,
}

impl Watched {
    /// Whether a message in this channel is to be mirrored.
    pub fn is_source(&self, channel: ChannelId) -> bool {
        self.read(|sets| sets.read.contains_key(&channel))
    }

    /// The server of a source that is read.
    pub fn server_of(&self, source: ChannelId) -> Option<GuildId> {
        self.read(|sets| sets.read.get(&source).copied())
    }

    /// The sources in these servers, with their servers.
    pub fn sources_of(&self, in_server: impl Fn(GuildId) -> bool) -> Vec<(ChannelId, GuildId)> {
        self.read(|sets| {
            let all = sets.read.iter().map(|(source, guild)| (*source, *guild));
            all.filter(|(_, guild)| in_server(*guild)).collect()
        })
    }

    /// Whether this channel has to do with any follow.
    pub fn concerns(&self, channel: ChannelId) -> bool {
        self.read(|sets| sets.ends.contains(&channel))
    }

    /// Whether the bot posts through this webhook.
    pub fn is_own_webhook(&self, webhook: WebhookId) -> bool {
        self.read(|sets| sets.own_webhooks.contains(&webhook))
    }

    /// Starts listening to a pair's ends; before its follow is stored, so that no message falls between.
    pub fn add(&self, pair: Pair, source_guild: GuildId, delivery: Delivery) {
        self.write(|sets| {
            sets.ends.extend([pair.source, pair.target]);
            if delivery == Delivery::Relay {
                sets.read.insert(pair.source, source_guild);
            }
        });
    }

    /// Remembers a webhook of the bot's own. Never forgotten: a late message of a removed one is still the bot's.
    pub fn add_webhook(&self, webhook: WebhookId) {
        self.write(|sets| sets.own_webhooks.insert(webhook));
    }

    /// The bot has left a server.
    pub fn add_left(&self, guild: GuildId) {
        self.write(|sets| sets.left.insert(guild));
    }

    /// The bot is in a server; whether it had left it.
    pub fn take_left(&self, guild: GuildId) -> bool {
        // It is asked for every server at the start of a session, and mostly the answer is no.
        self.read(|sets| sets.left.contains(&guild)) && self.write(|sets| sets.left.remove(&guild))
    }

    /// Takes up what the database knows: the sources that are read, and both ends of all follows.
    pub fn extend(
        &self,
        read: impl IntoIterator<Item = (ChannelId, GuildId)>,
        ends: impl IntoIterator<Item = ChannelId>,
    ) {
        self.write(|sets| {
            sets.read.extend(read);
            sets.ends.extend(ends);
        });
    }

    fn read<T>(&self, look: impl FnOnce(&Sets) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Sets) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}
