//! One connection of a shard, as far as it has come.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use futures_util::StreamExt;
use tokio::time::Instant;
use twilight_gateway::error::ReceiveMessageError;
use twilight_gateway::{Message, ShardState};

use super::sessions::Sessions;

/// When an event was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    /// Just now.
    Now,
    /// While nobody listened: a RESUME replays it.
    Before,
}

/// A connection, as far as it has come.
pub(super) struct Connection {
    pub(super) shard: twilight_gateway::Shard<Sessions>,
    pub(super) begun: Instant,
    /// Whether anything has been received on it.
    pub(super) greeted: bool,
    /// When its session began or was resumed.
    pub(super) active: Option<Instant>,
    /// When something was last received.
    pub(super) heard: Instant,
    /// When a heartbeat was sent since then to check that the other side is still there.
    pub(super) asked: Option<Instant>,
}

impl Connection {
    /// When the events that arrive now were sent.
    pub(super) const fn sent(&self) -> Sent {
        if self.active.is_some() { Sent::Now } else { Sent::Before }
    }

    /// Returns the next message; `None` once the connection is gone. twilight alone would silently open
    /// another one. It also panics at what Discord should never send (a heartbeat interval of zero).
    pub(super) async fn next(&mut self) -> Option<Result<Message, ReceiveMessageError>> {
        poll_fn(|cx| {
            let Ok(next) = catch_unwind(AssertUnwindSafe(|| self.shard.poll_next_unpin(cx))) else {
                return Poll::Ready(None);
            };
            let gone = self.greeted && self.is_given_up();
            if next.is_pending() && gone { Poll::Ready(None) } else { next }
        })
        .await
    }

    /// Whether twilight considers it ended. If we don't, twilight mistook an event for one that ends the
    /// connection.
    pub(super) const fn is_given_up(&self) -> bool {
        matches!(self.shard.state(), ShardState::Disconnected { .. })
    }
}
