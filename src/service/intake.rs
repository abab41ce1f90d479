//! What happens in followed channels, written down before anything is sent for it.

use std::sync::Arc;

use crate::domain::clock::Clock;
use crate::domain::ids::{ApplicationId, ChannelId, UserId, WebhookId};
use crate::rest::Rest;
use crate::store::{Store, StoreError};

pub use crate::store::SourceEvent;

use super::Identity;
use super::watch::Watched;

/// Tells the delivery which targets have work. A call lost is a delay, not a loss: the delivery also looks by itself.
pub type Wake = Arc<dyn Fn(Vec<ChannelId>) + Send + Sync>;

/// Who posted a message.
#[derive(Debug, Clone, Copy)]
pub struct Poster {
    /// The author; of a webhook's message, the webhook's number.
    pub author: UserId,
    /// The application that posted it, if one did.
    pub application: Option<ApplicationId>,
    /// The webhook that posted it, if one did.
    pub webhook: Option<WebhookId>,
}

/// Takes what the gateway reports from followed channels, and reads what it doesn't ([`catch_up`](super::catch_up)).
pub struct Intake {
    pub(super) store: Store,
    pub(super) rest: Rest,
    clock: Clock,
    identity: Identity,
    watched: Arc<Watched>,
    wake: Wake,
}

impl Intake {
    /// An intake that writes here and wakes the delivery.
    pub const fn new(
        store: Store,
        rest: Rest,
        clock: Clock,
        identity: Identity,
        watched: Arc<Watched>,
        wake: Wake,
    ) -> Self {
        Self { store, rest, clock, identity, watched, wake }
    }

    /// Whether what happens in this channel is to be written down at all. In memory only: it is asked for every message of every server.
    pub fn follows(&self, channel: ChannelId) -> bool {
        self.watched.is_source(channel)
    }

    /// Whether the bot itself posted this: such a message is never mirrored, or two channels that follow each other would echo without end.
    pub fn is_own(&self, poster: Poster) -> bool {
        poster.author == self.identity.user
            || poster.application == Some(self.identity.application)
            || poster.webhook.is_some_and(|webhook| self.watched.is_own_webhook(webhook))
    }

    /// Writes down a batch, in its order, in one transaction; then wakes the lanes that have work.
    pub async fn record(&self, events: &[SourceEvent]) -> Result<(), StoreError> {
        let recorded = self.store.record_events(events, self.clock.now()).await?;
        if !recorded.lanes.is_empty() {
            (self.wake)(recorded.lanes);
        }
        Ok(())
    }
}
