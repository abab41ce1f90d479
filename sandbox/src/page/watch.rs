//! What has been sent to one open page so far, and what must be sent to it now.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::Deserialize;
use serde_json::json;

use super::{message, status, view};
use crate::ids::{ChannelId, MessageId, UserId};
use crate::model::{Channel, Message};
use crate::permissions::Permissions;
use crate::shared::Shared;
use crate::world::World;

/// Who looks, and at what.
#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    #[serde(rename = "as")]
    person: UserId,
    channels: Vec<WantedChannel>,
}

#[derive(Debug, Deserialize)]
struct WantedChannel {
    id: ChannelId,
    /// How many of the newest messages, at least.
    limit: usize,
}

/// What is remembered about the page.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    wanted: Option<Wanted>,
    world: String,
    status: String,
    channels: BTreeMap<ChannelId, Shown>,
}

/// What was sent about one channel.
#[derive(Debug, Default)]
struct Shown {
    limit: usize,
    /// The channel's version at that time.
    version: Option<u64>,
    /// The oldest message that is shown: older ones stay hidden even when newer ones arrive.
    oldest: Option<MessageId>,
    /// A hash of each message.
    messages: BTreeMap<MessageId, u64>,
}

impl Watcher {
    /// The page now shows something else.
    pub(super) fn want(&mut self, wanted: Wanted) {
        if self.wanted.as_ref().is_some_and(|before| before.person != wanted.person) {
            self.channels.clear();
        }
        self.channels
            .retain(|id, shown| wanted.channels.iter().any(|w| w.id == *id && w.limit == shown.limit));
        for channel in &wanted.channels {
            let fresh = Shown { limit: channel.limit, ..Shown::default() };
            self.channels.entry(channel.id).or_insert(fresh);
        }
        self.wanted = Some(wanted);
    }

    /// Everything that changed since the last look, as JSON.
    pub(super) fn look(&mut self, shared: &Shared) -> Vec<String> {
        let Some(wanted) = &self.wanted else { return Vec::new() };
        let person = wanted.person;
        let mut updates = Vec::new();
        let status = status::status(shared);
        if status != self.status {
            updates.push(status.clone());
            self.status = status;
        }
        shared.read(|world| {
            let seen = view::view(world, person).to_string();
            if seen != self.world {
                updates.push(seen.clone());
                self.world = seen;
            }
            for (id, shown) in &mut self.channels {
                updates.extend(shown.look(world, *id, person));
            }
        });
        updates
    }
}

impl Shown {
    fn look(&mut self, world: &World, id: ChannelId, person: UserId) -> Option<String> {
        let visible = world.can(person, id, Permissions::VIEW_CHANNEL);
        let Some(channel) = world.channels.get(&id).filter(|_| visible) else {
            let had = self.version.take().is_some();
            *self = Self { limit: self.limit, ..Self::default() };
            return had.then(|| json!({ "kind": "closed", "channel": id }).to_string());
        };
        if self.version == Some(channel.version) {
            return None;
        }
        let fresh = self.version.replace(channel.version).is_none();
        let more = self.window(channel, person);
        let mut put = Vec::new();
        let mut now = BTreeMap::new();
        for message in self.visible(channel, person) {
            let value = message::message(world, message);
            let mut hasher = DefaultHasher::new();
            value.to_string().hash(&mut hasher);
            let hash = hasher.finish();
            if self.messages.get(&message.id) != Some(&hash) {
                put.push(value);
            }
            now.insert(message.id, hash);
        }
        let gone: Vec<&MessageId> = self.messages.keys().filter(|id| !now.contains_key(id)).collect();
        let changed = fresh || !put.is_empty() || !gone.is_empty();
        let update = json!({
            "kind": "messages", "channel": id, "fresh": fresh, "more": more, "put": put, "gone": gone,
        });
        self.messages = now;
        changed.then(|| update.to_string())
    }

    /// Decides once where the window begins. Returns whether there are older messages.
    fn window(&mut self, channel: &Channel, person: UserId) -> bool {
        let oldest = *self.oldest.get_or_insert_with(|| {
            let newest = channel.messages.values().rev().filter(|message| sees(message, person));
            newest.take(self.limit).last().map_or(MessageId(0), |message| message.id)
        });
        channel.messages.range(..oldest).any(|(_, message)| sees(message, person))
    }

    fn visible<'a>(&self, channel: &'a Channel, person: UserId) -> impl Iterator<Item = &'a Message> {
        let from = self.oldest.unwrap_or(MessageId(0));
        channel
            .messages
            .range(from..)
            .map(|(_, message)| message)
            .filter(move |message| sees(message, person))
    }
}

fn sees(message: &Message, person: UserId) -> bool {
    message.only_for.is_none_or(|only| only == person)
}
