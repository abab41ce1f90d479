//! The queue between the gateway and the intake. It is bounded: while the intake can't write, further
//! messages are left out and read from Discord later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::GatewayReport;

/// How many reports may wait before messages are left out.
const MOST: usize = 20_000;

/// A report and when it came.
#[derive(Debug)]
pub(super) struct ReceivedReport {
    pub(super) at: Instant,
    pub(super) report: GatewayReport,
}

#[derive(Debug, Default)]
struct QueueLevel {
    waiting: AtomicUsize,
    /// Messages have been left out since the report that says so.
    full: AtomicBool,
}

/// Where reports go in, in the gateway's order.
#[derive(Debug, Clone)]
pub struct ReportSender {
    queue: UnboundedSender<ReceivedReport>,
    level: Arc<QueueLevel>,
}

/// Where they come out.
#[derive(Debug)]
pub struct ReportReceiver {
    queue: UnboundedReceiver<ReceivedReport>,
    level: Arc<QueueLevel>,
}

/// A queue of reports.
pub fn report_queue() -> (ReportSender, ReportReceiver) {
    let (sender, receiver) = unbounded_channel();
    let level = Arc::new(QueueLevel::default());
    (ReportSender { queue: sender, level: Arc::clone(&level) }, ReportReceiver { queue: receiver, level })
}

impl ReportSender {
    /// Adds a report.
    pub fn send(&self, report: GatewayReport) {
        let level = &*self.level;
        let full = level.full.load(Ordering::SeqCst);
        if report.is_message() && (full || level.waiting.load(Ordering::SeqCst) >= MOST) {
            // The first message that is left out is replaced by a report of that, in its place among the
            // others.
            if level.full.swap(true, Ordering::SeqCst) {
                return;
            }
            tracing::warn!(
                waiting = MOST,
                "too many events wait to be written down; what comes until then is read from Discord afterwards"
            );
            return self.push(GatewayReport::LeftOut);
        }
        self.push(report);
    }

    fn push(&self, report: GatewayReport) {
        self.level.waiting.fetch_add(1, Ordering::SeqCst);
        // The receiver lives until these senders are gone.
        let _ = self.queue.send(ReceivedReport { at: Instant::now(), report });
    }
}

impl ReportReceiver {
    /// Takes up to `most` reports; none when the last sender is gone.
    pub(super) async fn receive(&mut self, reports: &mut Vec<ReceivedReport>, most: usize) -> usize {
        let count = self.queue.recv_many(reports, most).await;
        self.level.waiting.fetch_sub(count, Ordering::SeqCst);
        if reports.iter().any(|one| matches!(one.report, GatewayReport::LeftOut)) {
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
        let (reports, mut reported) = report_queue();
        for id in 0..MOST + 10 {
            reports.send(GatewayReport::Posted(json!({ "id": id })));
        }
        reports.send(GatewayReport::There(crate::domain::ids::GuildId::new(1).unwrap()));
        let mut taken = Vec::new();
        while taken.len() < MOST + 2 {
            reported.receive(&mut taken, 1_000).await;
        }
        assert!(matches!(taken[MOST].report, GatewayReport::LeftOut));
        assert!(matches!(taken[MOST + 1].report, GatewayReport::There(_)), "only messages are left out");
        reports.send(GatewayReport::Posted(json!({ "id": 0 })));
        let mut taken = Vec::new();
        assert_eq!(reported.receive(&mut taken, 10).await, 1);
        assert!(taken[0].report.is_message(), "there is room again");
    }
}
