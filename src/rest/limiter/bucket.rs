//! One bucket of Discord's: so many requests until it resets, then as many again.
//!
//! The difficulty is that we see the bucket only through answers, which come late and in any order. What keeps us from sending too much:
//!
//! - `left` is the least that any answer of this window said; requests in flight may or may not be counted in it, so they are taken off as
//!   well. Whatever the order of answers, Discord then has at least as much left as we believe.
//! - A window's end is known as a span: an answer that says "resets in R" was written after the request was sent and before it was
//!   received, so the end lies between `sent + R` and `received + R`. Each answer narrows the span; only its upper end opens the next window.
//! - A request in flight when a window ends may be counted in the next one, so it is taken off there too, until its answer shows by its span
//!   that it belonged to the old one.
//! - Before the first answer nothing is known: one request goes ahead, the others wait for what it brings.

use std::time::{Duration, Instant};

use super::super::error::Scope;
use super::answer::Quota;

/// How far Discord's rounding of its times may be off.
const ROUNDING: Duration = Duration::from_millis(5);
/// For how many windows one request goes ahead, after a 429 that shouldn't have been.
const CAUTION: u8 = 30;
/// How long an unused bucket is remembered.
const IDLE: Duration = Duration::from_secs(600);

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
    in_flight: u32,
    blocked: Option<(Instant, Scope)>,
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

#[derive(Debug)]
struct Window {
    /// The least limit that was seen: where two limits bind, answers name now one, now the other, and only so many may begin a window. What is left
    /// beyond that, the window's first answer tells.
    limit: u32,
    /// See above.
    left: u32,
    end: End,
    /// The longest time to a reset that was seen: windows aren't shorter.
    period: Duration,
}

/// When a window ends.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Somewhere in this span.
    Within(Span),
    /// The window before ended in this span; of the present one there is no answer yet, but so many requests were lost.
    Unseen { before: Span, lost: u32 },
}

#[derive(Debug, Clone, Copy)]
struct Span {
    low: Instant,
    high: Instant,
}

impl Bucket {
    pub(super) const fn new(now: Instant) -> Self {
        Self { limit: Limit::Unknown, in_flight: 0, blocked: None, cautious: 0, used: now }
    }

    /// Whether a request may leave now.
    pub(super) fn room(&mut self, now: Instant) -> Room {
        self.used = now;
        if let Some((until, scope)) = self.blocked.filter(|(until, _)| *until > now) {
            return Room::At(until, scope);
        }
        match &mut self.limit {
            Limit::None => Room::Now,
            Limit::Unknown if self.in_flight == 0 => Room::Now,
            Limit::Unknown => Room::Answer(None),
            Limit::Known(window) => {
                window.roll(now, &mut self.cautious);
                window.room(self.in_flight)
            }
        }
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
        if let Limit::Known(window) = &mut self.limit {
            window.roll(now, &mut self.cautious);
            window.lose();
        }
    }

    /// A request was answered, and not by a 429.
    pub(super) fn answered(&mut self, sent: Instant, received: Instant, quota: Option<Quota>) {
        let Some(quota) = quota else {
            if matches!(self.limit, Limit::Unknown) {
                self.limit = Limit::None;
            }
            return self.lost(received);
        };
        self.returned();
        let span = Span::of(sent, received, quota.reset_after);
        match &mut self.limit {
            Limit::Known(window) => {
                window.roll(received, &mut self.cautious);
                window.learn(sent, span, quota);
            }
            Limit::Unknown | Limit::None => {
                let Quota { limit, remaining, reset_after } = quota;
                let window = Window { limit, left: remaining, end: End::Within(span), period: reset_after };
                self.limit = Limit::Known(window);
            }
        }
    }

    /// A request was answered by a 429. What was believed doesn't hold, so it begins anew, one request first.
    pub(super) fn limited(&mut self, received: Instant, retry_after: Duration, scope: Scope) {
        self.returned();
        let until = received + retry_after;
        if self.blocked.is_none_or(|(blocked, _)| blocked < until) {
            self.blocked = Some((until, scope));
        }
        let surprised = matches!(self.limit, Limit::Known(_)) && scope == Scope::User;
        self.cautious = self.cautious.max(if surprised { CAUTION } else { 1 });
        self.limit = Limit::Unknown;
    }

    /// The least limit that was seen: what a bucket hands on to another that takes over its route.
    pub(super) const fn experience(&self) -> Option<u32> {
        match &self.limit {
            Limit::Known(window) => Some(window.limit),
            Limit::Unknown | Limit::None => None,
        }
    }

    /// No window begins with more than that.
    pub(super) fn heed(&mut self, experience: Option<u32>) {
        if let (Limit::Known(window), Some(limit)) = (&mut self.limit, experience) {
            window.limit = window.limit.min(limit);
        }
    }

    /// Whether forgetting it loses nothing.
    pub(super) fn idle(&self, now: Instant) -> bool {
        let blocked = self.blocked.is_some_and(|(until, _)| until > now);
        let open = matches!(&self.limit, Limit::Known(window) if window.ends_after(now));
        self.in_flight == 0 && !blocked && !open && now.saturating_duration_since(self.used) >= IDLE
    }
}

impl Window {
    /// Opens the next window once this one is surely over.
    fn roll(&mut self, now: Instant, cautious: &mut u8) {
        if let End::Within(span) = self.end
            && span.high <= now
        {
            self.end = End::Unseen { before: span, lost: 0 };
            self.left = if *cautious > 0 { 0 } else { self.limit };
            *cautious = cautious.saturating_sub(1);
        }
    }

    fn room(&self, in_flight: u32) -> Room {
        if self.left > in_flight {
            return Room::Now;
        }
        match self.end {
            End::Within(span) if self.left == 0 => Room::At(span.high, Scope::User),
            End::Within(span) => Room::Answer(Some(span.high)),
            // Nothing is on its way that could tell more: one goes ahead.
            End::Unseen { .. } if in_flight == 0 => Room::Now,
            End::Unseen { .. } => Room::Answer(None),
        }
    }

    const fn lose(&mut self) {
        self.left = self.left.saturating_sub(1);
        if let End::Unseen { lost, .. } = &mut self.end {
            *lost = lost.saturating_add(1);
        }
    }

    /// Takes in an answer, which is about this window, the one before, or the next.
    fn learn(&mut self, sent: Instant, span: Span, quota: Quota) {
        let Quota { limit, remaining, reset_after } = quota;
        let period = self.period.max(reset_after);
        match &mut self.end {
            End::Within(end) => {
                if span.low > end.high {
                    (self.end, self.left) = (End::Within(span), remaining);
                } else if span.high >= end.low {
                    self.left = self.left.min(remaining);
                    // It can't be of the next window unless it took about as long as a window; then the later end is the safe one.
                    let may_be_next = span.high >= end.low + period;
                    end.low = end.low.max(span.low).min(end.high);
                    end.high = if may_be_next { end.high.max(span.high) } else { end.high.min(span.high) };
                }
            }
            End::Unseen { before, lost } => {
                if sent >= before.high || span.low > before.high {
                    self.left = remaining.saturating_sub(*lost);
                    self.end = End::Within(span);
                } else if span.high >= before.low + period {
                    self.lose();
                }
            }
        }
        (self.limit, self.period) = (self.limit.min(limit), period);
    }

    fn ends_after(&self, now: Instant) -> bool {
        matches!(self.end, End::Within(span) if span.high > now)
    }
}

impl Span {
    fn of(sent: Instant, received: Instant, reset_after: Duration) -> Self {
        let low = sent + reset_after;
        Self { low: low.checked_sub(ROUNDING).unwrap_or(low), high: received + reset_after + ROUNDING }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEBHOOK: u32 = 5;

    fn quota(remaining: u32, reset_after_ms: u64) -> Option<Quota> {
        Some(Quota { limit: WEBHOOK, remaining, reset_after: Duration::from_millis(reset_after_ms) })
    }

    /// A clock that tests set, in milliseconds.
    struct Clock(Instant);

    impl Clock {
        fn at(&self, ms: u64) -> Instant {
            self.0 + Duration::from_millis(ms)
        }
    }

    fn begin() -> (Clock, Bucket) {
        let clock = Clock(Instant::now());
        let bucket = Bucket::new(clock.0);
        (clock, bucket)
    }

    /// After the first answer: four of five are left for two seconds.
    fn begun() -> (Clock, Bucket) {
        let (clock, mut bucket) = begin();
        bucket.room(clock.at(0));
        bucket.sent();
        bucket.answered(clock.at(0), clock.at(10), quota(4, 2000));
        (clock, bucket)
    }

    /// Sends all it may, and says how many that were.
    fn burst(bucket: &mut Bucket, now: Instant) -> u32 {
        let mut gone = 0;
        while gone < 100 && bucket.room(now) == Room::Now {
            bucket.sent();
            gone += 1;
        }
        gone
    }

    #[test]
    fn one_goes_ahead_and_the_rest_follows_its_answer() {
        let (clock, mut bucket) = begin();
        assert_eq!(burst(&mut bucket, clock.at(0)), 1);
        bucket.answered(clock.at(0), clock.at(100), quota(4, 1950));
        assert_eq!(burst(&mut bucket, clock.at(100)), 4);
        assert_eq!(bucket.room(clock.at(100)), Room::Answer(Some(clock.at(2055))));
    }

    #[test]
    fn answers_out_of_order_never_raise_what_is_left() {
        let (clock, mut bucket) = begin();
        assert_eq!(burst(&mut bucket, clock.at(0)), 1);
        bucket.answered(clock.at(0), clock.at(100), quota(4, 1950));
        assert_eq!(burst(&mut bucket, clock.at(200)), 4);
        for (received, remaining, reset) in [(400, 0, 1700), (401, 2, 1710), (402, 3, 1715), (403, 1, 1705)] {
            bucket.answered(clock.at(200), clock.at(received), quota(remaining, reset));
        }
        assert!(
            matches!(bucket.room(clock.at(404)), Room::At(until, Scope::User) if until <= clock.at(2105))
        );
        assert_eq!(burst(&mut bucket, clock.at(2105)), 5);
    }

    #[test]
    fn what_crosses_a_reset_is_counted_until_it_is_known_where_it_belongs() {
        let (clock, mut bucket) = begun();
        bucket.sent();
        // The reset is at 2000 to 2015. The second request, sent at 1990, may count before or after it.
        assert_eq!(burst(&mut bucket, clock.at(2020)), 4);
        bucket.answered(clock.at(1990), clock.at(2030), quota(3, 8));
        assert_eq!(burst(&mut bucket, clock.at(2030)), 1, "it was before: one more may go");
        // In the other case, it takes one of the new window, and is all we know of it.
        let (clock, mut bucket) = begun();
        bucket.sent();
        assert_eq!(burst(&mut bucket, clock.at(2020)), 4);
        bucket.answered(clock.at(1990), clock.at(2040), quota(4, 1990));
        assert_eq!(burst(&mut bucket, clock.at(2040)), 0);
    }

    #[test]
    fn a_lost_request_may_have_counted() {
        let (clock, mut bucket) = begun();
        assert_eq!(burst(&mut bucket, clock.at(20)), 4);
        bucket.lost(clock.at(30));
        bucket.returned();
        assert_eq!(
            burst(&mut bucket, clock.at(40)),
            1,
            "the one that never left comes back, the lost one doesn't"
        );
    }

    #[test]
    fn losing_everything_after_a_reset_does_not_stop_the_bucket() {
        let (clock, mut bucket) = begun();
        assert_eq!(burst(&mut bucket, clock.at(3000)), 5);
        (0..5).for_each(|_| bucket.lost(clock.at(13_000)));
        assert_eq!(burst(&mut bucket, clock.at(13_000)), 1);
    }

    #[test]
    fn a_429_holds_and_then_one_goes_ahead() {
        let (clock, mut bucket) = begun();
        assert_eq!(burst(&mut bucket, clock.at(20)), 4);
        bucket.limited(clock.at(40), Duration::from_secs(9), Scope::Shared);
        (0..3).for_each(|_| bucket.answered(clock.at(20), clock.at(50), quota(1, 1900)));
        assert_eq!(bucket.room(clock.at(60)), Room::At(clock.at(9040), Scope::Shared));
        assert_eq!(burst(&mut bucket, clock.at(9041)), 1);
    }

    #[test]
    fn without_headers_there_is_no_limit() {
        let (clock, mut bucket) = begin();
        assert_eq!(burst(&mut bucket, clock.at(0)), 1);
        bucket.answered(clock.at(0), clock.at(10), None);
        assert_eq!(burst(&mut bucket, clock.at(10)), 100);
    }

    #[test]
    fn is_remembered_as_long_as_its_window() {
        let (clock, mut bucket) = begin();
        bucket.room(clock.at(0));
        bucket.sent();
        bucket.answered(clock.at(0), clock.at(10), quota(0, 3_600_000));
        assert!(!bucket.idle(clock.at(3_599_000)));
        assert!(bucket.idle(clock.at(3_601_000)));
    }
}
