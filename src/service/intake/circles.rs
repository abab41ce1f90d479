//! Carries out what [`CircleDetector`] decides about messages that may be going round in a circle: holds them
//! back, releases them, or breaks the follow that closes the circle.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::time::Instant;

use crate::domain::circle::{CircleAction, CircleDetector, SourcePost, fingerprint};
use crate::domain::follow::BrokenReason;
use crate::domain::ids::ChannelId;
use crate::domain::lock::lock;
use crate::service::breaks::break_follows;
use crate::store::{BreakWhich, SourceEvent, StoreError};

use super::Intake;
use super::batch::Batch;

/// How often to ask how the investigation is going.
const TICK: Duration = Duration::from_millis(200);
/// How long to wait after the database didn't answer.
const RETRY: Duration = Duration::from_secs(5);
/// How often to look for messages that a process quarantined which no longer exists.
const OVERDUE: Duration = Duration::from_secs(60);
/// Older messages were posted while the bot was away. This is measured by this machine's clock, which may be
/// somewhat wrong.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// The watch over all sources.
#[derive(Debug)]
pub(super) struct CircleWatch {
    circles: Mutex<CircleDetector>,
    next: Mutex<Instant>,
    overdue: Mutex<Instant>,
    /// There may be messages that a former process quarantined, and that nobody watches.
    orphans: AtomicBool,
}

impl CircleWatch {
    /// Nothing was seen yet. A process that is `alone` releases at once what the former one quarantined.
    pub(super) fn new(alone: bool) -> Self {
        let now = Instant::now();
        let (next, overdue) = (Mutex::new(now), Mutex::new(now));
        Self { circles: Mutex::default(), next, overdue, orphans: AtomicBool::new(alone) }
    }

    /// Decides which posts of a batch are quarantined.
    pub(super) fn quarantine_suspicious(&self, batch: &mut Batch, now: DateTime<Utc>) {
        let mut circles = lock(&self.circles);
        for event in &batch.events {
            let SourceEvent::Posted { origin, source, content, .. } = event else { continue };
            let Some(content) = content.as_message() else { continue };
            if now - origin.message().created_at() > FRESH {
                continue;
            }
            let by_app = batch.by_apps.contains(origin);
            // All times are this machine's: with Discord's times, a wrong clock would make a wait too short
            // or too long.
            let posting = SourcePost {
                source: *source,
                origin: *origin,
                at: now,
                by_app,
                fingerprint: fingerprint(content),
            };
            if circles.observe(posting) {
                batch.quarantined.insert(*origin);
            }
        }
    }

    /// When there is something to do next.
    pub(super) fn next_at(&self) -> Instant {
        if lock(&self.circles).is_busy() { *lock(&self.next) } else { *lock(&self.overdue) }
    }
}

impl Intake {
    /// Continues the investigation, once that is due. It must not run beside the recording: only recorded
    /// messages are released.
    pub(super) async fn follow_circles(&self) {
        let now = Instant::now();
        if now < self.circles.next_at() {
            return;
        }
        *lock(&self.circles.next) = now + TICK;
        let done = self.release_overdue(now).await;
        if let Err(error) = done.and(self.advance_circles().await) {
            *lock(&self.circles.next) = now + RETRY;
            tracing::warn!(%error, "messages are quarantined that may go round in a circle, and can't be followed up yet");
        }
    }

    async fn release_overdue(&self, now: Instant) -> Result<(), StoreError> {
        if now < *lock(&self.circles.overdue) {
            return Ok(());
        }
        *lock(&self.circles.overdue) = now + OVERDUE;
        let orphans = self.circles.orphans.load(Ordering::Relaxed);
        let by = self.clock.now() + if orphans { TimeDelta::days(1) } else { TimeDelta::zero() };
        self.wake_for(self.store.release_overdue(by).await?);
        self.circles.orphans.store(false, Ordering::Relaxed);
        Ok(())
    }

    async fn advance_circles(&self) -> Result<(), StoreError> {
        let awaiting_mirrors = lock(&self.circles.circles).awaiting_mirrors(self.clock.now());
        for (group, shown) in awaiting_mirrors {
            if self.store.is_being_shown(&shown).await? {
                lock(&self.circles.circles).delay(group, self.clock.now());
            }
        }
        let mut actions = lock(&self.circles.circles).tick(self.clock.now()).into_iter();
        while let Some(action) = actions.next() {
            if let Err(error) = self.act(&action).await {
                lock(&self.circles.circles).repeat(std::iter::once(action).chain(actions));
                return Err(error);
            }
        }
        Ok(())
    }

    async fn act(&self, action: &CircleAction) -> Result<(), StoreError> {
        match action {
            CircleAction::FindFollows { group, origin } => {
                let follows = self.store.follows_that_want(*origin).await?;
                lock(&self.circles.circles).test(*group, follows, self.clock.now());
            }
            CircleAction::ReleaseTo { origin, follows, .. } => {
                self.wake_for(self.store.release_quarantined(*origin, Some(follows)).await?);
            }
            CircleAction::Release(origins) => {
                for origin in origins {
                    self.wake_for(self.store.release_quarantined(*origin, None).await?);
                }
            }
            CircleAction::Break(follow) => {
                let which = BreakWhich::Follow(*follow);
                break_follows(&self.store, which, BrokenReason::Circle, self.clock.now()).await?;
            }
        }
        Ok(())
    }

    fn wake_for(&self, targets: Vec<ChannelId>) {
        if !targets.is_empty() {
            (self.wake)(targets);
        }
    }
}
