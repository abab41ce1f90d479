//! The queue between the gateway and the intake. It is bounded: while the intake can't write, messages are left out beyond a bound, and read from Discord later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::Report;

/// How many reports may wait before messages are left out.
const MOST: usize = 20_000;

/// A report and when it came.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) at: Instant,
    pub(super) report: Report,
}

#[derive(Debug, Default)]
struct Level {
    waiting: AtomicUsize,
    /// Messages are left out, since the report that says so.
    full: AtomicBool,
}

/// Where reports go in, in the gateway's order.
#[derive(Debug, Clone)]
pub struct Reports {
    queue: UnboundedSender<Received>,
    level: Arc<Level>,
}

/// Where they come out.
#[derive(Debug)]
pub struct Reported {
    queue: UnboundedReceiver<Received>,
    level: Arc<Level>,
}

/// A queue of reports.
pub fn queue() -> (Reports, Reported) {
    let (sender, receiver) = unbounded_channel();
    let level = Arc::new(Level::default());
    (Reports { queue: sender, level: Arc::clone(&level) }, Reported { queue: receiver, level })
}

impl Reports {
    /// Passes a report on.
    pub fn send(&self, report: Report) {
        let level = &*self.level;
        let full = level.full.load(Ordering::SeqCst);
        if report.is_message() && (full || level.waiting.load(Ordering::SeqCst) >= MOST) {
            // The first that is left out is replaced by a word about it, in its place among the others.
            if level.full.swap(true, Ordering::SeqCst) {
                return;
            }
            tracing::warn!(
                waiting = MOST,
                "too many events wait to be written down; what comes until then is read from Discord afterwards"
            );
            return self.push(Report::LeftOut);
        }
        self.push(report);
    }

    fn push(&self, report: Report) {
        self.level.waiting.fetch_add(1, Ordering::SeqCst);
        // The other end lives until these senders are gone.
        let _ = self.queue.send(Received { at: Instant::now(), report });
    }
}

impl Reported {
    /// Takes up to so many reports; none when the last sender is gone.
    pub(super) async fn take(&mut self, reports: &mut Vec<Received>, most: usize) -> usize {
        let count = self.queue.recv_many(reports, most).await;
        self.level.waiting.fetch_sub(count, Ordering::SeqCst);
        if reports.iter().any(|one| matches!(one.report, Report::LeftOut)) {
            // From now on nothing is left out, so what was is read in full.
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
        let (reports, mut reported) = queue();
        for id in 0..MOST + 10 {
            reports.send(Report::Posted(json!({ "id": id })));
        }
        reports.send(Report::There(crate::domain::ids::GuildId::new(1).unwrap()));
        let mut taken = Vec::new();
        while taken.len() < MOST + 2 {
            reported.take(&mut taken, 1_000).await;
        }
        assert!(matches!(taken[MOST].report, Report::LeftOut));
        assert!(matches!(taken[MOST + 1].report, Report::There(_)), "only messages are left out");
        reports.send(Report::Posted(json!({ "id": 0 })));
        let mut taken = Vec::new();
        assert_eq!(reported.take(&mut taken, 10).await, 1);
        assert!(taken[0].report.is_message(), "there is room again");
    }
}
