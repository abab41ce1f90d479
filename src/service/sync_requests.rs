//! Says that some target's follows may be out of step with the collections that it follows. Only a hint: what
//! has to be done is in the database, and is looked for regularly.

use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// Requests to bring follows into step, and news of how far that is.
#[derive(Debug, Default)]
pub struct SyncRequests {
    news: Notify,
    rounds: watch::Sender<u64>,
}

impl SyncRequests {
    /// Has somebody look now.
    pub(super) fn request(&self) {
        self.news.notify_one();
    }

    /// Waits for a request, this long at most.
    pub(super) async fn wait(&self, longest: Duration) {
        let _ = timeout(longest, self.news.notified()).await;
    }

    /// Tells that another target was looked at.
    pub(super) fn note_round(&self) {
        self.rounds.send_modify(|rounds| *rounds += 1);
    }

    /// Hears of targets that are looked at from now on.
    pub(super) fn rounds(&self) -> watch::Receiver<u64> {
        self.rounds.subscribe()
    }
}
