//! Messages that say nothing yet, because a bot is still working on its answer. The answer comes as an
//! update, and is then shown as if it had just been posted.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::expiring::ExpiringMap;
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::lock::lock;
use crate::rest::model::Message;
use crate::service::content;

/// How long a bot may take: an interaction's token works for 15 minutes (Discord: "Receiving and Responding
/// to Interactions").
pub(in crate::service::intake) const LOADS_FOR: TimeDelta = TimeDelta::minutes(16);
/// How many are remembered.
const MOST: usize = 10_000;

/// Messages that were seen while they were loading.
#[derive(Clone, Default)]
pub(in crate::service::intake) struct Loading(Arc<Mutex<ExpiringMap<(ChannelId, MessageId), (), MOST>>>);

impl Loading {
    /// Remembers a message that is loading.
    pub(in crate::service::intake) fn note(&self, message: &Message, now: DateTime<Utc>) {
        if content::is_loading(message) {
            lock(&self.0).put((message.channel_id, message.id), (), now + LOADS_FOR, now);
        }
    }

    /// The channels in which messages are loading.
    pub(in crate::service::intake) fn channels(&self, now: DateTime<Utc>) -> Vec<ChannelId> {
        lock(&self.0).iter(now).map(|((channel, _), ())| *channel).collect()
    }

    /// Whether this message was loading until now. True only once.
    pub(in crate::service::intake) fn ended(&self, message: &Message) -> bool {
        !content::is_loading(message) && lock(&self.0).remove(&(message.channel_id, message.id)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(flags: u64) -> Message {
        let message =
            json!({ "id": "1", "channel_id": "2", "author": { "id": "3" }, "type": 20, "flags": flags });
        serde_json::from_value(message).unwrap()
    }

    #[test]
    fn what_was_loading_ends_once() {
        let loading = Loading::default();
        loading.note(&message(0), DateTime::UNIX_EPOCH);
        assert!(!loading.ended(&message(0)), "it never was");
        loading.note(&message(128), DateTime::UNIX_EPOCH);
        assert!(!loading.ended(&message(128)), "it still is");
        assert!(loading.ended(&message(0)));
        assert!(!loading.ended(&message(0)));
    }
}
