//! Messages that the bot sends unasked: to those who set up follows, and to the moderators of followed
//! channels.
//!
//! What is to be announced is written down by the transaction that makes it happen. A row is taken out of the
//! database before its message is sent, so nobody is told twice.

mod collection_gaps;
mod follow_changes;
mod new_followers;

use std::time::Duration;

use crate::store::StoreError;

pub use self::collection_gaps::CollectionGapAnnouncer;
pub use self::follow_changes::FollowChangeAnnouncer;
pub use self::new_followers::{Decision, NewFollowerAnnouncer};

/// How often the database is asked whether there is something to announce.
const LOOK: Duration = Duration::from_secs(2);
/// How many follows or servers one message names; the others are counted.
const NAMED: usize = 10;

/// Something that announces news from the database.
trait Announcer: Send {
    /// What the news are about, for the log.
    const SUBJECT: &'static str;

    /// Announces some of the news. Whether there may be more right now.
    fn announce_some(&mut self) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// Announces news until it is stopped.
async fn announce_all<A: Announcer>(mut announcer: A) {
    loop {
        match announcer.announce_some().await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, subject = A::SUBJECT, "can't read from the database what to announce");
            }
        }
        tokio::time::sleep(LOOK).await;
    }
}
