//! What the gateway has to listen for: followed sources, targets, and the bot's own webhooks, in memory, so that a message in a
//! channel that nobody follows costs no query.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::domain::follow::{Follow, Pair};
use crate::domain::ids::{ChannelId, WebhookId};

/// A filter, not a truth: it may know too much for a moment, never too little. What is delivered is decided in the database.
#[derive(Debug, Default)]
pub struct Watched(RwLock<Sets>);

#[derive(Debug, Default)]
struct Sets {
    sources: HashSet<ChannelId>,
    targets: HashSet<ChannelId>,
    own_webhooks: HashSet<WebhookId>,
}

impl Watched {
    /// Whether a message in this channel is to be mirrored.
    pub fn is_source(&self, channel: ChannelId) -> bool {
        self.read(|sets| sets.sources.contains(&channel))
    }

    /// Whether mirrors stand in this channel.
    pub fn is_target(&self, channel: ChannelId) -> bool {
        self.read(|sets| sets.targets.contains(&channel))
    }

    /// Whether this channel has to do with any follow.
    pub fn concerns(&self, channel: ChannelId) -> bool {
        self.read(|sets| sets.sources.contains(&channel) || sets.targets.contains(&channel))
    }

    /// Whether the bot posts through this webhook.
    pub fn is_own_webhook(&self, webhook: WebhookId) -> bool {
        self.read(|sets| sets.own_webhooks.contains(&webhook))
    }

    /// Starts listening to a pair's ends; before its follow is stored, so that no message falls between.
    pub fn add(&self, pair: Pair) {
        self.write(|sets| {
            sets.sources.insert(pair.source);
            sets.targets.insert(pair.target);
        });
    }

    /// Remembers a webhook of the bot's own. Never forgotten: a late message of a removed one is still the bot's.
    pub fn add_webhook(&self, webhook: WebhookId) {
        self.write(|sets| sets.own_webhooks.insert(webhook));
    }

    /// Takes up a stored follow.
    pub fn add_follow(&self, follow: &Follow) {
        self.add(follow.pair);
        if let Some(webhook) = follow.webhook {
            self.add_webhook(webhook);
        }
    }

    /// Replaces sources and targets by what the database knows.
    pub fn replace(&self, sources: HashSet<ChannelId>, targets: HashSet<ChannelId>) {
        self.write(|sets| {
            sets.sources = sources;
            sets.targets = targets;
        });
    }

    fn read<T>(&self, look: impl FnOnce(&Sets) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<T>(&self, change: impl FnOnce(&mut Sets) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}
