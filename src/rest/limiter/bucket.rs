//! One bucket of Discord's: so many requests until it resets, then as many again.
//!
//! We see the bucket only through answers. [`Window`] is what they say of the present, [`RequestHistory`]
//! what must be kept besides, and [`RefusalStreak`] what a 429 asked for. Before the first answer nothing is
//! known: one request goes ahead, and the others wait for what it brings.

use std::time::{Duration, Instant};

use super::super::error::RateLimitScope;
use super::answer::Quota;
use super::history::RequestHistory;
use super::refusals::{LimitPause, RefusalStreak};
use super::window::{EndBounds, Window};

/// For how many windows one request goes ahead after a 429 that shouldn't have happened.
const CAUTION: u8 = 30;
/// How long an unused bucket is remembered. After that, one request goes ahead again. At 50 requests a
/// second, these are 6,000 buckets.
const IDLE: Duration = Duration::from_secs(120);
/// The same for a bucket that showed a limit that no header tells of.
const IDLE_WARNED: Duration = Duration::from_secs(600);
/// The same for a bucket without limits. There may be very many of those.
const IDLE_UNLIMITED: Duration = Duration::from_secs(2);

/// Whether a request may leave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    Now,
    /// Not before that time; and whose limit it is.
    NotBefore(Instant, RateLimitScope),
    /// An answer under way decides, or that time, whichever is earlier.
    AfterAnswer(Option<Instant>),
}

#[derive(Debug)]
pub(super) struct Bucket {
    limit: BucketLimit,
    history: RequestHistory,
    in_flight: u32,
    blocked: Option<(Instant, RateLimitScope)>,
    refusals: RefusalStreak,
    /// For how many more windows one request goes ahead.
    cautious: u8,
    used: Instant,
}

#[derive(Debug)]
enum BucketLimit {
    Unknown,
    /// Discord answered without naming a limit.
    None,
    Known(Window),
}

impl Bucket {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            limit: BucketLimit::Unknown,
            history: RequestHistory::default(),
            in_flight: 0,
            blocked: None,
            refusals: RefusalStreak::default(),
            cautious: 0,
            used: now,
        }
    }

    /// Whether a request may leave now. The credit is the time that it certainly travels.
    pub(super) fn readiness(&mut self, now: Instant, credit: Duration) -> Readiness {
        self.used = now;
        if let Some((until, scope)) = self.blocked.filter(|(until, _)| *until > now) {
            return Readiness::NotBefore(until, scope);
        }
        let readiness = match &mut self.limit {
            BucketLimit::None => Readiness::Now,
            BucketLimit::Unknown if self.in_flight == 0 => Readiness::Now,
            BucketLimit::Unknown => Readiness::AfterAnswer(None),
            BucketLimit::Known(window) => {
                window.roll(now, credit, &mut self.cautious);
                window.readiness(self.in_flight, credit)
            }
        };
        if readiness == Readiness::Now {
            self.history.readiness(self.in_flight, now, credit)
        } else {
            readiness
        }
    }

    /// Records that a request leaves.
    pub(super) const fn record_sent(&mut self) {
        self.in_flight += 1;
    }

    /// Records that a request certainly never reached Discord, or that its answer says it belongs to another
    /// bucket.
    pub(super) const fn record_unsent(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// Records that a request has no answer, or one that says nothing. Discord may have counted it.
    pub(super) fn record_lost(&mut self, now: Instant) {
        self.record_unsent();
        self.history.record(now, None);
        if let BucketLimit::Known(window) = &mut self.limit {
            window.roll(now, Duration::ZERO, &mut self.cautious);
            window.count_lost();
        }
    }

    /// Records an answer that isn't a 429.
    pub(super) fn record_answer(&mut self, sent: Instant, received: Instant, quota: Option<Quota>) {
        self.refusals.end();
        let Some(quota) = quota else {
            if matches!(self.limit, BucketLimit::Unknown) {
                self.limit = BucketLimit::None;
            }
            return self.record_lost(received);
        };
        self.record_unsent();
        self.history.record(received, Some(quota));
        let span = EndBounds::of(sent, received, quota.reset_after);
        match &mut self.limit {
            BucketLimit::Known(window) => {
                window.roll(received, Duration::ZERO, &mut self.cautious);
                window.learn(sent, span, quota);
            }
            BucketLimit::Unknown | BucketLimit::None => {
                self.limit = BucketLimit::Known(Window::from_answer(span, quota))
            }
        }
    }

    /// Records a 429. What was believed doesn't hold, so the bucket begins anew with one request. Returns how
    /// long it waits, and whether a limit was exceeded that was known: then times weren't what they seemed.
    pub(super) fn record_429(
        &mut self,
        (sent, received): (Instant, Instant),
        retry_after: Duration,
        scope: RateLimitScope,
        quota: Option<Quota>,
    ) -> (LimitPause, bool) {
        self.record_unsent();
        let mut pause = self.refusals.record_refusal(sent, received, retry_after);
        let until = received + pause.wait;
        if self.blocked.is_none_or(|(blocked, _)| blocked < until) {
            self.blocked = Some((until, scope));
        }
        let surprised = matches!(self.limit, BucketLimit::Known(_)) && scope == RateLimitScope::User;
        let known = scope == RateLimitScope::User
            && quota.is_some_and(|quota| self.history.is_announced(quota.limit));
        if !known {
            pause.learned = self.history.learn_from_429(received, retry_after, quota);
        }
        self.cautious = self.cautious.max(if surprised { CAUTION } else { 1 });
        self.limit = BucketLimit::Unknown;
        (pause, surprised && known)
    }

    /// Records a 429 of the global limit, or of what says that it is. This bucket's own limits stay as they
    /// were. Returns how long this bucket waits for that.
    pub(super) fn record_global_429(
        &mut self,
        (sent, received): (Instant, Instant),
        retry_after: Duration,
    ) -> LimitPause {
        self.record_lost(received);
        let pause = self.refusals.record_refusal(sent, received, retry_after);
        self.blocked = self.blocked.max(Some((received + pause.wait, RateLimitScope::Global)));
        pause
    }

    /// What it has learned, for another bucket that takes over its route: the least limit that was seen, with
    /// which that one's windows begin at most, and the history.
    pub(super) fn lessons(&self) -> (Option<u32>, RequestHistory) {
        let limit = match &self.limit {
            BucketLimit::Known(window) => Some(window.limit),
            BucketLimit::Unknown | BucketLimit::None => None,
        };
        (limit, self.history.clone())
    }

    /// Takes over what another bucket has learned.
    pub(super) fn learn_from(&mut self, (limit, history): (Option<u32>, RequestHistory)) {
        self.history.inherit(&history);
        if let (BucketLimit::Known(window), Some(limit)) = (&mut self.limit, limit) {
            window.limit = window.limit.min(limit);
        }
    }

    /// Whether nothing is lost when the bucket is forgotten.
    pub(super) fn is_forgettable(&self, now: Instant) -> bool {
        let blocked = self.blocked.is_some_and(|(until, _)| until > now);
        let open = matches!(&self.limit, BucketLimit::Known(window) if window.ends_after(now));
        let lasts = match &self.limit {
            _ if self.history.has_unannounced_limit() => IDLE_WARNED,
            BucketLimit::None => IDLE_UNLIMITED,
            BucketLimit::Unknown | BucketLimit::Known(_) => IDLE,
        };
        self.in_flight == 0 && !blocked && !open && now.saturating_duration_since(self.used) >= lasts
    }
}

#[cfg(test)]
mod tests;
