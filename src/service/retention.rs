//! Forgets what nobody needs any more, a little at a time: contents, messages that are too old to follow up,
//! and unused rows. Servers that the bot has left are forgotten by `servers::forgetting`. What goes, and
//! after how long, is documented for people in `docs/privacy.md`.

use std::time::Duration;

use chrono::TimeDelta;
use tokio::time::Instant;

use crate::domain::clock::Clock;
use crate::domain::ids::MessageId;
use crate::domain::retention::RetentionPeriods;
use crate::metrics as names;
use crate::store::{ForgottenMessages, Store, UnusedCounts};

use super::{ServiceError, ServiceParts};

/// How often to look for what can be forgotten.
const EACH: Duration = Duration::from_secs(60 * 60);
/// How often to look for contents if they should go as soon as they are delivered.
const AT_ONCE: Duration = Duration::from_secs(60);
/// How long people are known who neither follow anybody nor are followed.
const STRANGERS: TimeDelta = TimeDelta::days(30);

/// Forgets what nobody needs.
pub struct Retention {
    store: Store,
    clock: Clock,
    keeping: RetentionPeriods,
}

/// What was forgotten at one time.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct ForgottenCounts {
    contents: u64,
    leftovers: UnusedCounts,
}

impl Retention {
    /// Forgets in these parts.
    pub fn new(parts: ServiceParts, keeping: RetentionPeriods) -> Self {
        let ServiceParts { store, clock, .. } = parts;
        Self { store, clock, keeping }
    }

    /// Runs at once and then again and again, until it is stopped. What fails is tried again the next time.
    pub async fn run(&self) {
        let wait = if self.keeping.contents.is_zero() { AT_ONCE } else { EACH };
        let mut all_at = Instant::now();
        loop {
            let all = Instant::now() >= all_at;
            if all {
                all_at += EACH;
            }
            let mut gone = ForgottenCounts::default();
            if let Err(error) = self.forget(all, &mut gone).await {
                tracing::warn!(%error, "what nobody needs any more could not all be forgotten; it is tried again");
            }
            gone.log();
            tokio::time::sleep(wait).await;
        }
    }

    async fn forget(&self, all: bool, gone: &mut ForgottenCounts) -> Result<(), ServiceError> {
        let now = self.clock.now();
        self.store.mark_contents_unneeded(now).await?;
        gone.contents = self.store.clear_contents(now - self.keeping.contents).await?;
        if !all {
            return Ok(());
        }
        self.store.trim_feeds(MessageId::first_at(now - self.keeping.feeds)).await?;
        self.store.forget_strangers(now - STRANGERS).await?;
        self.store.forget_declined_requests(now).await?;
        self.store.forget_old_audit(now - self.keeping.audit).await?;
        gone.leftovers = self.store.forget_unused(now, self.keeping.mirrors).await?;
        Ok(())
    }
}

impl ForgottenCounts {
    /// Logs what was forgotten, if anything was, and counts it.
    fn log(self) {
        let Self { contents, leftovers } = self;
        let UnusedCounts {
            messages: ForgottenMessages { activities: messages, deliveries },
            channels,
            lanes,
            panels,
            samples,
        } = leftovers;
        let counts = [contents, messages, channels, lanes, panels, samples];
        if counts.iter().all(|count| *count == 0) {
            return;
        }
        tracing::info!(
            contents,
            messages,
            deliveries,
            channels,
            lanes,
            panels,
            samples,
            "forgot what nobody needs any more"
        );
        for (what, count) in names::FORGOTTEN_BY_AGE.iter().zip(counts) {
            metrics::counter!(names::FORGOTTEN, "what" => *what).increment(count);
        }
    }
}
