//! One window of a bucket: so many requests until it ends, as far as answers tell, which come late and in any
//! order.
//!
//! - `left` is the least that any answer of this window said. Requests in flight may or may not be counted in
//!   it, so they are subtracted as well. Whatever the order of answers, Discord then has at least as much
//!   left as we believe.
//! - A window's end is known within bounds. An answer that says "resets in R" was written after the request
//!   was sent and before the answer was received, so the end lies between `sent + R` and `received + R`. Each
//!   answer narrows the bounds. Only the later bound opens the next window, less the time that a request
//!   needs to get there ([`RoundTrip`](super::round_trip::RoundTrip)).
//! - A request in flight when a window ends may be counted in the next one. So it is subtracted there, too,
//!   until the bounds of its answer show that it belonged to the old window.

use std::time::{Duration, Instant};

use super::answer::Quota;
use super::bucket::Readiness;
use crate::rest::error::RateLimitScope;

/// How far Discord's rounding of its times may be off.
const ROUNDING: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Window {
    /// The least limit that was seen. Where two limits apply, some answers name one of them and some the
    /// other, and only the least may begin a window. What is left beyond that, the window's first answer
    /// tells.
    pub(super) limit: u32,
    /// See the module's documentation.
    left: u32,
    end: WindowEnd,
    /// The longest time to a reset that was seen. Windows aren't shorter.
    period: Duration,
}

/// When a window ends.
#[derive(Debug, Clone, Copy)]
enum WindowEnd {
    /// Within these bounds.
    Between(EndBounds),
    /// Of the present window there is no answer yet. The window before ended within these bounds; what leaves
    /// since `opened` belongs to the present one, of which so many requests were lost.
    Unknown { before: EndBounds, opened: Instant, lost: u32 },
}

#[derive(Debug, Clone, Copy)]
pub(super) struct EndBounds {
    earliest: Instant,
    latest: Instant,
}

impl Window {
    /// The window that a bucket's first answer tells of.
    pub(super) const fn from_answer(span: EndBounds, Quota { limit, remaining, reset_after }: Quota) -> Self {
        Self { limit, left: remaining, end: WindowEnd::Between(span), period: reset_after }
    }

    /// Opens the next window, if this one will surely be over when a request arrives that leaves now.
    pub(super) fn roll(&mut self, now: Instant, credit: Duration, cautious: &mut u8) {
        if let WindowEnd::Between(span) = self.end
            && span.opens(credit) <= now
        {
            self.end = WindowEnd::Unknown { before: span, opened: now, lost: 0 };
            self.left = if *cautious > 0 { 0 } else { self.limit };
            *cautious = cautious.saturating_sub(1);
        }
    }

    /// Whether one more request may leave, with so many in flight.
    pub(super) fn readiness(&self, in_flight: u32, credit: Duration) -> Readiness {
        if self.left > in_flight {
            return Readiness::Now;
        }
        match self.end {
            WindowEnd::Between(span) if self.left == 0 => {
                Readiness::NotBefore(span.opens(credit), RateLimitScope::User)
            }
            WindowEnd::Between(span) => Readiness::AfterAnswer(Some(span.opens(credit))),
            // Nothing is in flight that could tell more, so one request goes ahead.
            WindowEnd::Unknown { .. } if in_flight == 0 => Readiness::Now,
            WindowEnd::Unknown { .. } => Readiness::AfterAnswer(None),
        }
    }

    /// Counts a request without an answer that says anything.
    pub(super) const fn count_lost(&mut self) {
        self.left = self.left.saturating_sub(1);
        if let WindowEnd::Unknown { lost, .. } = &mut self.end {
            *lost = lost.saturating_add(1);
        }
    }

    /// Learns from an answer, which is about this window, the one before, or the next one.
    pub(super) fn learn(&mut self, sent: Instant, span: EndBounds, quota: Quota) {
        let Quota { limit, remaining, reset_after } = quota;
        let period = self.period.max(reset_after);
        match &mut self.end {
            WindowEnd::Between(end) => {
                if span.earliest > end.latest {
                    (self.end, self.left) = (WindowEnd::Between(span), remaining);
                } else if span.latest >= end.earliest {
                    self.left = self.left.min(remaining);
                    // It can't be of the next window unless it took about as long as a window. Then the later
                    // end is the safe one.
                    let may_be_next = span.latest >= end.earliest + period;
                    end.earliest = end.earliest.max(span.earliest).min(end.latest);
                    end.latest =
                        if may_be_next { end.latest.max(span.latest) } else { end.latest.min(span.latest) };
                }
            }
            WindowEnd::Unknown { before, opened, lost } => {
                if sent >= *opened || span.earliest > before.latest {
                    self.left = remaining.saturating_sub(*lost);
                    self.end = WindowEnd::Between(span);
                } else if span.latest >= before.earliest + period {
                    self.count_lost();
                }
            }
        }
        (self.limit, self.period) = (self.limit.min(limit), period);
    }

    /// Whether the window's end is known, and later than that.
    pub(super) fn ends_after(&self, now: Instant) -> bool {
        matches!(self.end, WindowEnd::Between(span) if span.latest > now)
    }
}

impl EndBounds {
    /// When a window ends, according to an answer that says "resets in".
    pub(super) fn of(sent: Instant, received: Instant, reset_after: Duration) -> Self {
        let earliest = sent + reset_after;
        Self {
            earliest: earliest.checked_sub(ROUNDING).unwrap_or(earliest),
            latest: received + reset_after + ROUNDING,
        }
    }

    /// The time from which on a request that leaves arrives after the end.
    fn opens(self, credit: Duration) -> Instant {
        self.latest.checked_sub(credit).unwrap_or(self.latest).max(self.earliest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn quota(remaining: u32, reset_after_ms: u64) -> Quota {
        Quota { limit: 5, remaining, reset_after: ms(reset_after_ms) }
    }

    /// Of five, four are left. It ends between 2000 and 2010, give or take five.
    fn begun(start: Instant) -> Window {
        Window::from_answer(EndBounds::of(start, start + ms(10), ms(2000)), quota(4, 2000))
    }

    #[test]
    fn what_crosses_a_reset_is_counted_until_it_is_known_where_it_belongs() {
        let start = Instant::now();
        let at = |time| start + ms(time);
        let crossed = |received, quota: Quota| {
            let mut window = begun(start);
            window.roll(at(2020), NONE, &mut 0);
            assert_eq!(
                (window.readiness(4, NONE), window.readiness(5, NONE)),
                (Readiness::Now, Readiness::AfterAnswer(None))
            );
            window.learn(at(1990), EndBounds::of(at(1990), at(received), quota.reset_after), quota);
            window.readiness(4, NONE)
        };
        assert_eq!(crossed(2030, quota(3, 8)), Readiness::Now, "it was before: one more may go");
        assert_ne!(crossed(2040, quota(4, 1990)), Readiness::Now, "it takes one of the new window");
    }

    #[test]
    fn opens_earlier_by_what_the_way_takes_but_not_before_its_end_can_be() {
        let start = Instant::now();
        let opens = |credit| match begun(start).readiness(9, ms(credit)) {
            Readiness::AfterAnswer(Some(at)) => at.duration_since(start),
            other => panic!("{other:?}"),
        };
        assert_eq!((opens(0), opens(8), opens(500)), (ms(2015), ms(2007), ms(1995)));
        // What leaves then belongs to the new window, even if it leaves before the old one's latest end.
        let mut window = begun(start);
        window.roll(start + ms(2007), ms(8), &mut 0);
        let answer = EndBounds::of(start + ms(2007), start + ms(2017), ms(2000));
        window.learn(start + ms(2007), answer, quota(4, 2000));
        assert_eq!(
            (window.readiness(3, NONE), window.readiness(4, NONE)),
            (Readiness::Now, window.readiness(9, NONE))
        );
    }
}
