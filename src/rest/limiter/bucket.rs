//! One bucket of Discord's: so many requests until it resets, then as many again.
//!
//! The difficulty is that we see the bucket only through answers. [`Window`] is what they say of the present; [`History`] is what must be kept besides.
//! Before the first answer nothing is known: one request goes ahead, the others wait for what it brings.

use std::time::{Duration, Instant};

use super::super::error::Scope;
use super::answer::Quota;
use super::history::History;
use super::refusals::{Pause, Refusals};
use super::window::{Span, Window};

/// For how many windows one request goes ahead, after a 429 that shouldn't have been.
const CAUTION: u8 = 30;
/// How long an unused bucket is remembered: after that, one request goes ahead again. At 50 requests a second these are 6,000 buckets.
const IDLE: Duration = Duration::from_secs(120);
/// The same for one that taught a limit that no header tells of.
const IDLE_WARNED: Duration = Duration::from_secs(600);
/// The same for one without limits: there may be very many of those.
const IDLE_UNLIMITED: Duration = Duration::from_secs(2);

/// Whether a request may leave now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Room {
    Now,
    /// Not before; and whose limit it is.
    At(Instant, Scope),
    /// An answer under way decides; at the latest at that time.
    Answer(Option<Instant>),
}

#[derive(Debug)]
pub(super) struct Bucket {
    limit: Limit,
    history: History,
    in_flight: u32,
    blocked: Option<(Instant, Scope)>,
    refusals: Refusals,
    /// For so many windows yet, one request goes ahead.
    cautious: u8,
    used: Instant,
}

#[derive(Debug)]
enum Limit {
    Unknown,
    /// Discord answered without naming one.
    None,
    Known(Window),
}

impl Bucket {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            limit: Limit::Unknown,
            history: History::default(),
            in_flight: 0,
            blocked: None,
            refusals: Refusals::default(),
            cautious: 0,
            used: now,
        }
    }

    /// Whether a request may leave now. The credit is what its way there takes.
    pub(super) fn room(&mut self, now: Instant, credit: Duration) -> Room {
        self.used = now;
        if let Some((until, scope)) = self.blocked.filter(|(until, _)| *until > now) {
            return Room::At(until, scope);
        }
        let room = match &mut self.limit {
            Limit::None => Room::Now,
            Limit::Unknown if self.in_flight == 0 => Room::Now,
            Limit::Unknown => Room::Answer(None),
            Limit::Known(window) => {
                window.roll(now, credit, &mut self.cautious);
                window.room(self.in_flight, credit)
            }
        };
        if room == Room::Now { self.history.room(self.in_flight, now, credit) } else { room }
    }

    /// A request leaves.
    pub(super) const fn sent(&mut self) {
        self.in_flight += 1;
    }

    /// A request certainly never reached Discord, or its answer says that it belongs elsewhere.
    pub(super) const fn returned(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// A request has no answer, or one that tells nothing: Discord may have counted it.
    pub(super) fn lost(&mut self, now: Instant) {
        self.returned();
        self.history.count(now, None);
        if let Limit::Known(window) = &mut self.limit {
            window.roll(now, Duration::ZERO, &mut self.cautious);
            window.lose();
        }
    }

    /// A request was answered, and not by a 429.
    pub(super) fn answered(&mut self, sent: Instant, received: Instant, quota: Option<Quota>) {
        self.refusals.end();
        let Some(quota) = quota else {
            if matches!(self.limit, Limit::Unknown) {
                self.limit = Limit::None;
            }
            return self.lost(received);
        };
        self.returned();
        self.history.count(received, Some(quota));
        let span = Span::of(sent, received, quota.reset_after);
        match &mut self.limit {
            Limit::Known(window) => {
                window.roll(received, Duration::ZERO, &mut self.cautious);
                window.learn(sent, span, quota);
            }
            Limit::Unknown | Limit::None => self.limit = Limit::Known(Window::seen(span, quota)),
        }
    }

    /// A request was answered by a 429. What was believed doesn't hold, so it begins anew, one request first. Says how long that takes, and whether a limit was
    /// passed that was known: then times weren't what they seemed.
    pub(super) fn limited(
        &mut self,
        (sent, received): (Instant, Instant),
        retry_after: Duration,
        scope: Scope,
        quota: Option<Quota>,
    ) -> (Pause, bool) {
        self.returned();
        let mut pause = self.refusals.refused(sent, received, retry_after);
        let until = received + pause.wait;
        if self.blocked.is_none_or(|(blocked, _)| blocked < until) {
            self.blocked = Some((until, scope));
        }
        let surprised = matches!(self.limit, Limit::Known(_)) && scope == Scope::User;
        let known = scope == Scope::User && quota.is_some_and(|quota| self.history.knows(quota.limit));
        if !known {
            pause.learned = self.history.refused(received, retry_after, quota);
        }
        self.cautious = self.cautious.max(if surprised { CAUTION } else { 1 });
        self.limit = Limit::Unknown;
        (pause, surprised && known)
    }

    /// A request was refused by the global limit, or by what says so: this bucket's limits are as they were. Says how long this bucket waits for that.
    pub(super) fn limited_globally(
        &mut self,
        (sent, received): (Instant, Instant),
        retry_after: Duration,
    ) -> Pause {
        self.lost(received);
        let pause = self.refusals.refused(sent, received, retry_after);
        self.blocked = self.blocked.max(Some((received + pause.wait, Scope::Global)));
        pause
    }

    /// What it has learned, for another that takes over its route: no window of that begins with more than the least limit that was seen.
    pub(super) fn experience(&self) -> (Option<u32>, History) {
        let limit = match &self.limit {
            Limit::Known(window) => Some(window.limit),
            Limit::Unknown | Limit::None => None,
        };
        (limit, self.history.clone())
    }

    /// Takes over what another has learned.
    pub(super) fn heed(&mut self, (limit, history): (Option<u32>, History)) {
        self.history.inherit(&history);
        if let (Limit::Known(window), Some(limit)) = (&mut self.limit, limit) {
            window.limit = window.limit.min(limit);
        }
    }

    /// Whether forgetting it loses nothing.
    pub(super) fn idle(&self, now: Instant) -> bool {
        let blocked = self.blocked.is_some_and(|(until, _)| until > now);
        let open = matches!(&self.limit, Limit::Known(window) if window.ends_after(now));
        let lasts = match &self.limit {
            _ if self.history.warned() => IDLE_WARNED,
            Limit::None => IDLE_UNLIMITED,
            Limit::Unknown | Limit::Known(_) => IDLE,
        };
        self.in_flight == 0 && !blocked && !open && now.saturating_duration_since(self.used) >= lasts
    }
}

#[cfg(test)]
mod tests;
