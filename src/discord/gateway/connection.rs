//! One connection of a shard, as far as it has come.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use futures_util::StreamExt;
use tokio::time::Instant;
use twilight_gateway::error::ReceiveMessageError;
use twilight_gateway::{Message, ShardState};

use super::ingest::Sent;
use super::sessions::Sessions;

/// A connection, as far as it has come.
pub(super) struct Connection {
    pub(super) shard: twilight_gateway::Shard<Sessions>,
    pub(super) begun: Instant,
    /// Whether anything was heard of it.
    pub(super) greeted: bool,
    /// When its session began or went on.
    pub(super) active: Option<Instant>,
    /// When something was heard last.
    pub(super) heard: Instant,
    /// When it was asked whether anybody is there, since then.
    pub(super) asked: Option<Instant>,
}

impl Connection {
    /// When what it brings now was sent.
    pub(super) const fn sent(&self) -> Sent {
        if self.active.is_some() { Sent::Now } else { Sent::Before }
    }

    /// Returns what comes next; none once the connection is gone. On its own, twilight would make another one
    /// without a word. It also panics over what Discord should never send (heartbeats without a pause).
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

    /// Whether twilight takes it for ended. If we don't, twilight took an event for one that ends the
    /// connection.
    pub(super) const fn is_given_up(&self) -> bool {
        matches!(self.shard.state(), ShardState::Disconnected { .. })
    }
}
