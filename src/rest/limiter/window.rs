//! One window of a bucket's: so many requests until it ends, as far as answers tell, which come late and in any order.
//!
//! - `left` is the least that any answer of this window said; requests in flight may or may not be counted in it, so they are taken off as
//!   well. Whatever the order of answers, Discord then has at least as much left as we believe.
//! - A window's end is known as a span: an answer that says "resets in R" was written after the request was sent and before it was
//!   received, so the end lies between `sent + R` and `received + R`. Each answer narrows the span; only its upper end opens the next window, less
//!   what a request needs to get there ([`RoundTrip`](super::round_trip::RoundTrip)).
//! - A request in flight when a window ends may be counted in the next one, so it is taken off there too, until its answer shows by its span
//!   that it belonged to the old one.

use std::time::{Duration, Instant};

use super::answer::Quota;
use super::bucket::Room;
use crate::rest::error::Scope;

/// How far Discord's rounding of its times may be off.
const ROUNDING: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(super) struct Window {
    /// The least limit that was seen: where two limits bind, answers name now one, now the other, and only so many may begin a window. What is left
    /// beyond that, the window's first answer tells.
    pub(super) limit: u32,
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
    /// The window before ended in this span; what leaves since `opened` is of the present one. Of that there is no answer yet, but so many requests
    /// were lost.
    Unseen { before: Span, opened: Instant, lost: u32 },
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    low: Instant,
    high: Instant,
}

impl Window {
    /// The window that a first answer tells of.
    pub(super) const fn seen(span: Span, Quota { limit, remaining, reset_after }: Quota) -> Self {
        Self { limit, left: remaining, end: End::Within(span), period: reset_after }
    }

    /// Opens the next window once this one is surely over when a request arrives that leaves now.
    pub(super) fn roll(&mut self, now: Instant, credit: Duration, cautious: &mut u8) {
        if let End::Within(span) = self.end
            && span.opens(credit) <= now
        {
            self.end = End::Unseen { before: span, opened: now, lost: 0 };
            self.left = if *cautious > 0 { 0 } else { self.limit };
            *cautious = cautious.saturating_sub(1);
        }
    }

    /// Whether one more may leave, with so many under way.
    pub(super) fn room(&self, in_flight: u32, credit: Duration) -> Room {
        if self.left > in_flight {
            return Room::Now;
        }
        match self.end {
            End::Within(span) if self.left == 0 => Room::At(span.opens(credit), Scope::User),
            End::Within(span) => Room::Answer(Some(span.opens(credit))),
            // Nothing is on its way that could tell more: one goes ahead.
            End::Unseen { .. } if in_flight == 0 => Room::Now,
            End::Unseen { .. } => Room::Answer(None),
        }
    }

    /// A request has no answer that tells anything.
    pub(super) const fn lose(&mut self) {
        self.left = self.left.saturating_sub(1);
        if let End::Unseen { lost, .. } = &mut self.end {
            *lost = lost.saturating_add(1);
        }
    }

    /// Takes in an answer, which is about this window, the one before, or the next.
    pub(super) fn learn(&mut self, sent: Instant, span: Span, quota: Quota) {
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
            End::Unseen { before, opened, lost } => {
                if sent >= *opened || span.low > before.high {
                    self.left = remaining.saturating_sub(*lost);
                    self.end = End::Within(span);
                } else if span.high >= before.low + period {
                    self.lose();
                }
            }
        }
        (self.limit, self.period) = (self.limit.min(limit), period);
    }

    /// Whether it is known and lasts beyond that.
    pub(super) fn ends_after(&self, now: Instant) -> bool {
        matches!(self.end, End::Within(span) if span.high > now)
    }
}

impl Span {
    /// When a window ends, from an answer that says "resets in".
    pub(super) fn of(sent: Instant, received: Instant, reset_after: Duration) -> Self {
        let low = sent + reset_after;
        Self { low: low.checked_sub(ROUNDING).unwrap_or(low), high: received + reset_after + ROUNDING }
    }

    /// From when on what leaves arrives after the end.
    fn opens(self, credit: Duration) -> Instant {
        self.high.checked_sub(credit).unwrap_or(self.high).max(self.low)
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

    /// Of five, four are left; it ends at 2000 to 2010, give or take five.
    fn begun(start: Instant) -> Window {
        Window::seen(Span::of(start, start + ms(10), ms(2000)), quota(4, 2000))
    }

    #[test]
    fn what_crosses_a_reset_is_counted_until_it_is_known_where_it_belongs() {
        let start = Instant::now();
        let at = |time| start + ms(time);
        let crossed = |received, quota: Quota| {
            let mut window = begun(start);
            window.roll(at(2020), NONE, &mut 0);
            assert_eq!((window.room(4, NONE), window.room(5, NONE)), (Room::Now, Room::Answer(None)));
            window.learn(at(1990), Span::of(at(1990), at(received), quota.reset_after), quota);
            window.room(4, NONE)
        };
        assert_eq!(crossed(2030, quota(3, 8)), Room::Now, "it was before: one more may go");
        assert_ne!(crossed(2040, quota(4, 1990)), Room::Now, "it takes one of the new window");
    }

    #[test]
    fn opens_earlier_by_what_the_way_takes_but_not_before_its_end_can_be() {
        let start = Instant::now();
        let opens = |credit| match begun(start).room(9, ms(credit)) {
            Room::Answer(Some(at)) => at.duration_since(start),
            other => panic!("{other:?}"),
        };
        assert_eq!((opens(0), opens(8), opens(500)), (ms(2015), ms(2007), ms(1995)));
        // What leaves then is of the new window, also if it leaves before the old one's latest end.
        let mut window = begun(start);
        window.roll(start + ms(2007), ms(8), &mut 0);
        let answer = Span::of(start + ms(2007), start + ms(2017), ms(2000));
        window.learn(start + ms(2007), answer, quota(4, 2000));
        assert_eq!((window.room(3, NONE), window.room(4, NONE)), (Room::Now, window.room(9, NONE)));
    }
}
