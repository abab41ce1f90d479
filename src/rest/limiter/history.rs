//! What a bucket let through lately, and the limits that must be kept however Discord counts.
//!
//! A [`Window`](super::window::Window) believes what the last answers said. That isn't enough where Discord,
//! or a stand-in for it, counts in another way than by windows that begin with their first request. Nor is it
//! enough for a limit that no header tells of: "30 messages a minute in a channel" shows itself only by a
//! 429. So the requests of the last minute are remembered, and each known limit is kept over any span of its
//! length. That satisfies fixed windows, wherever they begin, sliding windows, and token buckets alike. And
//! where there is always something to send, it costs nothing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::answer::Quota;
use super::bucket::Readiness;
use crate::rest::error::RateLimitScope;

/// Larger limits aren't kept here: too much would have to be remembered for what is no limit to us.
const LARGEST: u32 = 120;
/// How long the period of a limit that no header tells of is taken to be, while it isn't known. As observed,
/// Discord's is a minute.
const GUESS: Duration = Duration::from_secs(60);
/// How many limits one bucket can have.
const MOST_RULES: usize = 4;
/// How long a limit is kept that only a 429 told of. Perhaps it wasn't ours alone, as others may post in the
/// same channel.
const FORGET: Duration = Duration::from_secs(3600);
/// A limit that no header tells of, and that takes fewer requests than this, isn't believed at its first 429.
/// Where little was sent, a single 429 says more about Discord's present state than about a limit.
const MANY: u32 = 10;
/// How far the first request of a window may be from the window's beginning.
const BEGINNING: Duration = Duration::from_secs(2);
/// How far off the end may be that a 429 names.
const SLACK: Duration = Duration::from_millis(50);

/// So many requests in any span of that length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct LearnedLimit {
    limit: u32,
    period: Duration,
    /// Whether headers tell of it, or only a 429.
    announced: bool,
    seen_at: Instant,
}

#[derive(Debug, Clone, Default)]
pub(super) struct RequestHistory {
    rules: Vec<LearnedLimit>,
    /// When the last requests were answered, in order.
    recent: VecDeque<Instant>,
    /// Whether a 429 came that no limit in the headers explains.
    has_unannounced_limit: bool,
    /// The limit that the last such 429 hinted at, and when it came.
    suspected: Option<(u32, Instant)>,
}

impl RequestHistory {
    /// Whether one more request fits, with so many in flight.
    pub(super) fn readiness(&self, in_flight: u32, now: Instant, credit: Duration) -> Readiness {
        let mut readiness = Readiness::Now;
        for LearnedLimit { limit, period, .. } in &self.rules {
            let free = limit.saturating_sub(in_flight);
            let Some(free) = usize::try_from(free).ok().filter(|free| *free > 0) else {
                return Readiness::AfterAnswer(None);
            };
            let decisive = self.recent.len().checked_sub(free).and_then(|index| self.recent.get(index));
            let until = decisive.and_then(|answered| (*answered + *period).checked_sub(credit));
            readiness = match (until, readiness) {
                (Some(until), Readiness::NotBefore(other, _)) => {
                    Readiness::NotBefore(until.max(other), RateLimitScope::User)
                }
                (Some(until), _) if until > now => Readiness::NotBefore(until, RateLimitScope::User),
                _ => readiness,
            };
        }
        readiness
    }

    /// Records a request that was let through, or may have been.
    pub(super) fn record(&mut self, received: Instant, quota: Option<Quota>) {
        if let Some(quota) = quota.filter(|quota| quota.limit <= LARGEST) {
            // Only a window's first answer tells how long the window is. It also shows that there is no
            // smaller limit any more, as less would be left of that.
            let first = quota.remaining + 1 == quota.limit;
            let period = if first { quota.reset_after } else { Duration::ZERO };
            self.rules.retain(|rule| !first || !rule.announced || rule.limit >= quota.limit);
            self.learn(LearnedLimit { limit: quota.limit, period, announced: true, seen_at: received });
        }
        if self.rules.is_empty() && !self.has_unannounced_limit {
            return;
        }
        self.rules.retain(|rule| rule.announced || received.saturating_duration_since(rule.seen_at) < FORGET);
        let received = self.recent.back().map_or(received, |last| received.max(*last));
        self.recent.push_back(received);
        let keep = self.rules.iter().map(|rule| rule.period).max().unwrap_or_default().max(GUESS);
        let most = usize::try_from(LARGEST).unwrap_or(usize::MAX);
        while self.recent.len() > most || self.recent.front().is_some_and(|first| *first + keep < received) {
            self.recent.pop_front();
        }
        // What was in flight when a limit was found out belongs to it.
        let recent = &self.recent;
        for rule in self.rules.iter_mut().filter(|rule| !rule.announced) {
            rule.limit = rule.limit.max(within(recent, received, rule.period));
        }
    }

    /// Learns from a request that was refused though all known limits were kept: there may be a limit that no
    /// header tells of. Its window ends when the refusal does. How many requests it takes is what the refusal
    /// says, or else how many it took, if enough speaks for that. Otherwise the wait that the refusal asks
    /// for is all there is.
    ///
    /// Returns the limit that is kept from now on, if there is one: so many requests in that time.
    pub(super) fn learn_from_429(
        &mut self,
        received: Instant,
        retry_after: Duration,
        quota: Option<Quota>,
    ) -> Option<(u32, Duration)> {
        self.has_unannounced_limit = true;
        let end = received + retry_after;
        let told =
            quota.filter(|quota| quota.remaining == 0 && quota.limit <= LARGEST).map(|quota| quota.limit);
        let begun = told
            .and_then(|limit| self.recent.len().checked_sub(usize::try_from(limit).ok()?))
            .and_then(|index| self.recent.get(index));
        let rule = match (told, begun) {
            (Some(limit), Some(begun)) => Some((limit, rounded(end.saturating_duration_since(*begun)))),
            _ if retry_after > GUESS => None,
            _ => self.infer(received, retry_after),
        };
        let (limit, period) = rule.filter(|(limit, _)| *limit > 0)?;
        self.rules.retain(|rule| rule.announced);
        self.learn(LearnedLimit { limit, period, announced: false, seen_at: received });
        Some((limit, period))
    }

    /// Infers a limit from exceeding it. Believing in a limit that doesn't exist would hold up a target for a
    /// minute, again and again. So it is believed at once only if much was sent, and the end that Discord
    /// names fits a window that began with what was sent. Otherwise a second 429 must hint at the same, after
    /// something was let through in between.
    fn infer(&mut self, received: Instant, retry_after: Duration) -> Option<(u32, Duration)> {
        let end = received + retry_after;
        let (limit, period) = self.estimate(end, retry_after);
        let first = usize::try_from(limit).ok().and_then(|limit| self.recent.len().checked_sub(limit));
        let first = first.and_then(|index| self.recent.get(index));
        let fits = first.is_some_and(|first| *first + period <= end + BEGINNING);
        let before = self.suspected.replace((limit, received));
        let since = |at: Instant| self.recent.back().is_some_and(|last| *last > at);
        let before = before.filter(|(_, at)| received.saturating_duration_since(*at) < GUESS && since(*at));
        let believed = match before {
            None => fits && limit >= MANY,
            Some((other, _)) => limit >= MANY || (fits && limit.abs_diff(other) <= 1),
        };
        believed.then_some((limit, period))
    }

    /// Estimates how many requests the limit takes, and in what time. Where the limit was hit early,
    /// everything that is remembered was within its window, which tells the window's length. Otherwise the
    /// length is guessed.
    fn estimate(&self, end: Instant, retry_after: Duration) -> (u32, Duration) {
        let since_first = self.recent.front().map(|first| rounded(end.saturating_duration_since(*first)));
        let period =
            since_first.filter(|period| *period <= GUESS && retry_after >= *period / 4).unwrap_or(GUESS);
        (within(&self.recent, end, period + 2 * SLACK), period)
    }

    /// Whether headers told of a limit of that many requests.
    pub(super) fn is_announced(&self, limit: u32) -> bool {
        self.rules.iter().any(|rule| rule.announced && rule.limit == limit)
    }

    /// Whether a 429 told of a limit that no header tells of.
    pub(super) const fn has_unannounced_limit(&self) -> bool {
        self.has_unannounced_limit
    }

    /// Takes over what another bucket has seen of the same route.
    pub(super) fn inherit(&mut self, other: &Self) {
        other.rules.iter().for_each(|rule| self.learn(*rule));
        self.has_unannounced_limit |= other.has_unannounced_limit;
        if other.recent.len() > self.recent.len() {
            self.recent.clone_from(&other.recent);
        }
    }

    fn learn(&mut self, rule: LearnedLimit) {
        if let Some(known) =
            self.rules.iter_mut().find(|known| (known.limit, known.announced) == (rule.limit, rule.announced))
        {
            known.period = known.period.max(rule.period);
            known.seen_at = known.seen_at.max(rule.seen_at);
            return;
        }
        if self.rules.len() >= MOST_RULES {
            self.rules.remove(0);
        }
        self.rules.push(rule);
    }
}

/// How many requests fall into this time before the end.
fn within(recent: &VecDeque<Instant>, end: Instant, period: Duration) -> u32 {
    let since = end.checked_sub(period);
    let count = recent.iter().rev().take_while(|at| since.is_none_or(|since| **at > since)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Rounds a measured period up to tenths of a second: the periods of limits are round, but measurements
/// aren't quite.
fn rounded(period: Duration) -> Duration {
    let tenths = period.saturating_sub(SLACK).as_millis().div_ceil(100);
    Duration::from_millis(u64::try_from(tenths).unwrap_or(u64::MAX).saturating_mul(100))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Duration = Duration::ZERO;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn quota(limit: u32, remaining: u32, reset_after: Duration) -> Option<Quota> {
        Some(Quota { limit, remaining, reset_after })
    }

    /// One answer each second, with headers that tell of a bucket of five in two seconds.
    fn steady(start: Instant, answers: u64) -> RequestHistory {
        let mut history = RequestHistory::default();
        (0..answers).for_each(|at| history.record(start + seconds(at), quota(5, 4, seconds(2))));
        history
    }

    fn until(history: &RequestHistory, start: Instant, at: u64) -> Option<u64> {
        match history.readiness(0, start + seconds(at), NONE) {
            Readiness::Now => None,
            Readiness::NotBefore(until, _) => Some(until.duration_since(start).as_secs()),
            Readiness::AfterAnswer(_) => panic!("nothing is under way"),
        }
    }

    #[test]
    fn a_limit_holds_over_any_span_of_its_length() {
        let start = Instant::now();
        let mut history = RequestHistory::default();
        for ms in [0, 600, 1200, 1800, 1900] {
            history.record(start + Duration::from_millis(ms), quota(5, 4, seconds(2)));
        }
        assert_eq!(until(&history, start, 1), Some(2), "the first makes room");
        assert_eq!(until(&history, start, 2), None);
        assert_eq!(
            history.readiness(1, start + seconds(2), NONE),
            Readiness::NotBefore(start + Duration::from_millis(2600), RateLimitScope::User)
        );
        assert_eq!(
            history.readiness(1, start + seconds(2), Duration::from_millis(650)),
            Readiness::Now,
            "it needs time to get there"
        );
        assert_eq!(history.readiness(5, start + seconds(9), NONE), Readiness::AfterAnswer(None));
    }

    #[test]
    fn a_429_teaches_a_limit_that_no_header_tells_of() {
        let start = Instant::now();
        let mut history = steady(start, 30);
        history.learn_from_429(start + seconds(30), seconds(30), None);
        assert_eq!(until(&history, start, 59), Some(60), "30 in a minute, the first of them at 0");
        // Again and again, also without any 429.
        (60..90).for_each(|at| history.record(start + seconds(at), quota(5, 4, seconds(2))));
        assert_eq!(until(&history, start, 91), Some(120));
    }

    #[test]
    fn one_429_on_an_idle_route_teaches_nothing() {
        let start = Instant::now();
        for sent in 1..10 {
            let mut history = steady(start, sent);
            history.learn_from_429(start + seconds(sent), seconds(2), None);
            assert_eq!(until(&history, start, sent + 2), None, "after {sent}: what was asked for is over");
            // Nothing was let through in between, so a second 429 says nothing new.
            history.learn_from_429(start + seconds(sent + 3), seconds(2), None);
            assert_eq!(until(&history, start, sent + 5), None);
        }
    }

    #[test]
    fn a_small_limit_is_believed_when_it_refuses_again() {
        let start = Instant::now();
        let mut history = RequestHistory { has_unannounced_limit: true, ..RequestHistory::default() };
        // Three in ten seconds, which only 429s tell.
        for second in [0, 1, 2] {
            history.record(start + seconds(second), None);
        }
        history.learn_from_429(start + seconds(3), seconds(7), None);
        assert_eq!(until(&history, start, 10), None);
        history.recent.clear();
        for second in [10, 11, 12] {
            history.record(start + seconds(second), None);
        }
        history.learn_from_429(start + seconds(13), seconds(7), None);
        assert_eq!(until(&history, start, 14), Some(20));
    }

    #[test]
    fn what_was_under_way_belongs_to_the_limit() {
        let start = Instant::now();
        let mut history = steady(start, 20);
        history.learn_from_429(start + seconds(20), seconds(40), None);
        (0..10).for_each(|_| history.record(start + seconds(20), None));
        assert_eq!(history.rules.iter().find(|rule| !rule.announced).unwrap().limit, 30);
    }

    #[test]
    fn a_429_that_says_the_limit_is_believed() {
        let start = Instant::now();
        let mut history = steady(start, 100);
        history.learn_from_429(start + seconds(100), seconds(15), quota(30, 0, seconds(15)));
        // The last thirty came from 70 on. The window ends at 115.
        let rule = history.rules.iter().find(|rule| !rule.announced).unwrap();
        assert_eq!((rule.limit, rule.period), (30, seconds(45)));
        assert!(history.is_announced(5) && !history.is_announced(30));
    }

    #[test]
    fn large_limits_cost_nothing() {
        let start = Instant::now();
        let mut history = RequestHistory::default();
        (0..1000).for_each(|_| history.record(start, quota(1_000_000, 999_999, seconds(1))));
        assert!(history.recent.is_empty() && history.rules.is_empty());
        let busy = steady(start, 1000);
        assert!(busy.recent.len() < 64, "a minute, {}", busy.recent.len());
    }
}
