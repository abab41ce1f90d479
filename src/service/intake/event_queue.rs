//! The queue between the gateway and the intake. It is bounded: while the intake can't write, further
//! messages are left out and read from Discord later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::GatewayEvent;

/// How many events may wait before messages are left out.
const MOST: usize = 20_000;

/// An event and when it came.
#[derive(Debug)]
pub(super) struct ReceivedEvent {
    pub(super) at: Instant,
    pub(super) event: GatewayEvent,
}

#[derive(Debug, Default)]
struct QueueLevel {
    waiting: AtomicUsize,
    /// Messages have been left out since the event that says so.
    full: AtomicBool,
}

/// Where events go in, in the gateway's order.
#[derive(Debug, Clone)]
pub struct EventSender {
    queue: UnboundedSender<ReceivedEvent>,
    level: Arc<QueueLevel>,
}

/// Where they come out.
#[derive(Debug)]
pub struct EventReceiver {
    queue: UnboundedReceiver<ReceivedEvent>,
    level: Arc<QueueLevel>,
}

/// A queue of events.
pub fn event_queue() -> (EventSender, EventReceiver) {
    let (sender, receiver) = unbounded_channel();
    let level = Arc::new(QueueLevel::default());
    (EventSender { queue: sender, level: Arc::clone(&level) }, EventReceiver { queue: receiver, level })
}

impl EventSender {
    /// Adds an event.
    pub fn send(&self, event: GatewayEvent) {
        let level = &*self.level;
        let full = level.full.load(Ordering::SeqCst);
        if event.is_message() && (full || level.waiting.load(Ordering::SeqCst) >= MOST) {
            // The first message that is left out is replaced by an event that says so, in its place among the
            // others.
            if level.full.swap(true, Ordering::SeqCst) {
                return;
            }
            tracing::warn!(
                waiting = MOST,
                "too many events wait to be written down; what comes until then is read from Discord afterwards"
            );
            return self.push(GatewayEvent::LeftOut);
        }
        self.push(event);
    }

    fn push(&self, event: GatewayEvent) {
        self.level.waiting.fetch_add(1, Ordering::SeqCst);
        // The receiver lives until these senders are gone.
        let _ = self.queue.send(ReceivedEvent { at: Instant::now(), event });
    }
}

impl EventReceiver {
    /// Takes up to `most` events; none when the last sender is gone.
    pub(super) async fn receive(&mut self, events: &mut Vec<ReceivedEvent>, most: usize) -> usize {
        let count = self.queue.recv_many(events, most).await;
        self.level.waiting.fetch_sub(count, Ordering::SeqCst);
        if events.iter().any(|one| matches!(one.event, GatewayEvent::LeftOut)) {
            // From now on nothing is left out, so everything that was left out can be read.
            self.level.full.store(false, Ordering::SeqCst);
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_leaves_messages_out_and_says_where() {
        let (events, mut receiver) = event_queue();
        for id in 0..MOST + 10 {
            events.send(GatewayEvent::Posted(json!({ "id": id })));
        }
        events.send(GatewayEvent::There(crate::domain::ids::GuildId::new(1).unwrap()));
        let mut taken = Vec::new();
        while taken.len() < MOST + 2 {
            receiver.receive(&mut taken, 1_000).await;
        }
        assert!(matches!(taken[MOST].event, GatewayEvent::LeftOut));
        assert!(matches!(taken[MOST + 1].event, GatewayEvent::There(_)), "only messages are left out");
        events.send(GatewayEvent::Posted(json!({ "id": 0 })));
        let mut taken = Vec::new();
        assert_eq!(receiver.receive(&mut taken, 10).await, 1);
        assert!(taken[0].event.is_message(), "there is room again");
    }
}
