//! What the gateway has to listen for: followed sources, targets, and the bot's own webhooks, in memory, so that a message in a
//! channel that nobody follows costs no query.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::domain::follow::{Delivery, Pair};
use crate::domain::ids::{ChannelId, WebhookId};

/// A filter, not a truth: it may know too much for a moment, never too little. What is delivered is decided in the database.
#[derive(Debug, Default)]
pub struct Watched(RwLock<Sets>);

#[derive(Debug, Default)]
struct Sets {
    /// Sources that the bot reads: those of relay follows.
    read: HashSet<ChannelId>,
    /// Sources and targets of all follows.
    ends: HashSet<ChannelId>,
    own_webhooks: HashSet<WebhookId>,
}

impl Watched {
    /// Whether a message in this channel is to be mirrored.
    pub fn is_source(&self, channel: ChannelId) -> bool {
        self.read(|sets| sets.read.contains(&channel))
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
    pub fn add(&self, pair: Pair, delivery: Delivery) {
        self.write(|sets| {
            sets.ends.extend([pair.source, pair.target]);
            if delivery == Delivery::Relay {
                sets.read.insert(pair.source);
            }
        });
    }

    /// Remembers a webhook of the bot's own. Never forgotten: a late message of a removed one is still the bot's.
    pub fn add_webhook(&self, webhook: WebhookId) {
        self.write(|sets| sets.own_webhooks.insert(webhook));
    }

    /// Takes up what the database knows: the sources that are read, and both ends of all follows.
    pub fn extend(
        &self,
        read: impl IntoIterator<Item = ChannelId>,
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
