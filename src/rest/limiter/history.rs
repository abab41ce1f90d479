//! What a bucket let through lately, and the limits that it must keep however Discord counts.
//!
//! A [`Window`](super::window::Window) believes what the last answers said. That is not enough where Discord, or what stands for it, counts in another way than by
//! windows that begin with their first request, or where a limit binds that no header tells of: "30 messages a minute in a channel" shows itself by a 429
//! only. So the requests of the last minute are remembered, and each limit that is known is kept over any span of its length. Who does so keeps
//! fixed windows, wherever they begin, sliding ones, and token buckets alike; and where there is always something to send, it costs nothing.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::answer::Quota;
use super::bucket::Room;
use crate::rest::error::Scope;

/// Limits beyond this aren't kept here: too much would have to be remembered for what is no limit to us.
const LARGEST: u32 = 120;
/// How long a limit that no header tells of is taken to be, as long as it isn't known. As observed, Discord's is a minute.
const GUESS: Duration = Duration::from_secs(60);
/// How many limits one bucket can have.
const MOST_RULES: usize = 4;
/// For how long a limit holds that only a 429 told of: perhaps it was not ours alone, as others may post in the same channel.
const FORGET: Duration = Duration::from_secs(3600);
/// A limit that no header tells of and that takes fewer than this isn't believed at its first 429: where little was sent, a single 429 says more about Discord's
/// present state than about a limit.
const MANY: u32 = 10;
/// How far the first request of a window may be from where that begins.
const BEGINNING: Duration = Duration::from_secs(2);
/// How far an end that a 429 tells may be off.
const SLACK: Duration = Duration::from_millis(50);

/// So many requests in any span of that length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rule {
    limit: u32,
    period: Duration,
    /// Whether headers tell of it.
    said: bool,
    seen: Instant,
}

#[derive(Debug, Clone, Default)]
pub(super) struct History {
    rules: Vec<Rule>,
    /// When the last requests were answered, in order.
    recent: VecDeque<Instant>,
    /// Whether a 429 came from where no header tells of limits.
    warned: bool,
    /// What the last such 429 hinted at, and when it came.
    suspected: Option<(u32, Instant)>,
}

impl History {
    /// Whether one more fits, with so many under way.
    pub(super) fn room(&self, in_flight: u32, now: Instant, credit: Duration) -> Room {
        let mut room = Room::Now;
        for Rule { limit, period, .. } in &self.rules {
            let free = limit.saturating_sub(in_flight);
            let Some(free) = usize::try_from(free).ok().filter(|free| *free > 0) else {
                return Room::Answer(None);
            };
            let decisive = self.recent.len().checked_sub(free).and_then(|index| self.recent.get(index));
            let until = decisive.and_then(|answered| (*answered + *period).checked_sub(credit));
            room = match (until, room) {
                (Some(until), Room::At(other, _)) => Room::At(until.max(other), Scope::User),
                (Some(until), _) if until > now => Room::At(until, Scope::User),
                _ => room,
            };
        }
        room
    }

    /// A request was let through, or may have been.
    pub(super) fn count(&mut self, received: Instant, quota: Option<Quota>) {
        if let Some(quota) = quota.filter(|quota| quota.limit <= LARGEST) {
            // Only a window's first answer tells how long it is; and that there is no smaller limit any more, as less would be left of that.
            let first = quota.remaining + 1 == quota.limit;
            let period = if first { quota.reset_after } else { Duration::ZERO };
            self.rules.retain(|rule| !first || !rule.said || rule.limit >= quota.limit);
            self.learn(Rule { limit: quota.limit, period, said: true, seen: received });
        }
        if self.rules.is_empty() && !self.warned {
            return;
        }
        self.rules.retain(|rule| rule.said || received.saturating_duration_since(rule.seen) < FORGET);
        let received = self.recent.back().map_or(received, |last| received.max(*last));
        self.recent.push_back(received);
        let keep = self.rules.iter().map(|rule| rule.period).max().unwrap_or_default().max(GUESS);
        let most = usize::try_from(LARGEST).unwrap_or(usize::MAX);
        while self.recent.len() > most || self.recent.front().is_some_and(|first| *first + keep < received) {
            self.recent.pop_front();
        }
        // What was under way when a limit was found out belongs to it.
        let recent = &self.recent;
        for rule in self.rules.iter_mut().filter(|rule| !rule.said) {
            rule.limit = rule.limit.max(within(recent, received, rule.period));
        }
    }

    /// A request was refused, though all known limits were kept: there may be one that isn't told. Its window ends when the refusal does. How many it takes is
    /// what the refusal says, or else how many it took, if there is enough that speaks for it. Else what was asked for is all there is to wait for.
    ///
    /// Returns the limit that is kept from now on, if there is one.
    pub(super) fn refused(
        &mut self,
        received: Instant,
        retry_after: Duration,
        quota: Option<Quota>,
    ) -> Option<(u32, Duration)> {
        self.warned = true;
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
        self.rules.retain(|rule| rule.said);
        self.learn(Rule { limit, period, said: false, seen: received });
        Some((limit, period))
    }

    /// A limit that was found out by passing it. A limit that isn't there would hold up a target for a minute, again and again; so it is believed at once only if
    /// much was sent and the end that Discord names is that of a window which began with what was sent. Else a second 429 must hint at the same, after something was
    /// let through in between.
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

    /// How many requests the limit takes, and in what time. Where it bound early, all that is remembered was within its window, whose length is known by that; else it
    /// is guessed.
    fn estimate(&self, end: Instant, retry_after: Duration) -> (u32, Duration) {
        let since_first = self.recent.front().map(|first| rounded(end.saturating_duration_since(*first)));
        let period =
            since_first.filter(|period| *period <= GUESS && retry_after >= *period / 4).unwrap_or(GUESS);
        (within(&self.recent, end, period + 2 * SLACK), period)
    }

    /// Whether headers told of a limit of that many.
    pub(super) fn knows(&self, limit: u32) -> bool {
        self.rules.iter().any(|rule| rule.said && rule.limit == limit)
    }

    /// Whether a 429 told of a limit that no header tells of.
    pub(super) const fn warned(&self) -> bool {
        self.warned
    }

    /// What another bucket has seen of the same route.
    pub(super) fn inherit(&mut self, other: &Self) {
        other.rules.iter().for_each(|rule| self.learn(*rule));
        self.warned |= other.warned;
        if other.recent.len() > self.recent.len() {
            self.recent.clone_from(&other.recent);
        }
    }

    fn learn(&mut self, rule: Rule) {
        if let Some(known) =
            self.rules.iter_mut().find(|known| (known.limit, known.said) == (rule.limit, rule.said))
        {
            known.period = known.period.max(rule.period);
            known.seen = known.seen.max(rule.seen);
            return;
        }
        if self.rules.len() >= MOST_RULES {
            self.rules.remove(0);
        }
        self.rules.push(rule);
    }
}

/// How many are of this time before the end.
fn within(recent: &VecDeque<Instant>, end: Instant, period: Duration) -> u32 {
    let since = end.checked_sub(period);
    let count = recent.iter().rev().take_while(|at| since.is_none_or(|since| **at > since)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Limits' lengths are round; what was measured isn't quite.
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
    fn steady(start: Instant, answers: u64) -> History {
        let mut history = History::default();
        (0..answers).for_each(|at| history.count(start + seconds(at), quota(5, 4, seconds(2))));
        history
    }

    fn room(history: &History, start: Instant, at: u64) -> Option<u64> {
        match history.room(0, start + seconds(at), NONE) {
            Room::Now => None,
            Room::At(until, _) => Some(until.duration_since(start).as_secs()),
            Room::Answer(_) => panic!("nothing is under way"),
        }
    }

    #[test]
    fn a_limit_holds_over_any_span_of_its_length() {
        let start = Instant::now();
        let mut history = History::default();
        for ms in [0, 600, 1200, 1800, 1900] {
            history.count(start + Duration::from_millis(ms), quota(5, 4, seconds(2)));
        }
        assert_eq!(room(&history, start, 1), Some(2), "the first makes room");
        assert_eq!(room(&history, start, 2), None);
        assert_eq!(
            history.room(1, start + seconds(2), NONE),
            Room::At(start + Duration::from_millis(2600), Scope::User)
        );
        assert_eq!(
            history.room(1, start + seconds(2), Duration::from_millis(650)),
            Room::Now,
            "it needs time to get there"
        );
        assert_eq!(history.room(5, start + seconds(9), NONE), Room::Answer(None));
    }

    #[test]
    fn a_429_teaches_a_limit_that_no_header_tells_of() {
        let start = Instant::now();
        let mut history = steady(start, 30);
        history.refused(start + seconds(30), seconds(30), None);
        assert_eq!(room(&history, start, 59), Some(60), "30 in a minute, the first of them at 0");
        // Again and again, also without any 429.
        (60..90).for_each(|at| history.count(start + seconds(at), quota(5, 4, seconds(2))));
        assert_eq!(room(&history, start, 91), Some(120));
    }

    #[test]
    fn one_429_on_an_idle_way_teaches_nothing() {
        let start = Instant::now();
        for sent in 1..10 {
            let mut history = steady(start, sent);
            history.refused(start + seconds(sent), seconds(2), None);
            assert_eq!(room(&history, start, sent + 2), None, "after {sent}: what was asked for is over");
            // Nothing was let through in between, so a second one says nothing new.
            history.refused(start + seconds(sent + 3), seconds(2), None);
            assert_eq!(room(&history, start, sent + 5), None);
        }
    }

    #[test]
    fn a_small_limit_is_believed_when_it_refuses_again() {
        let start = Instant::now();
        let mut history = History { warned: true, ..History::default() };
        // Three in ten seconds, as nothing but 429s says.
        for second in [0, 1, 2] {
            history.count(start + seconds(second), None);
        }
        history.refused(start + seconds(3), seconds(7), None);
        assert_eq!(room(&history, start, 10), None);
        history.recent.clear();
        for second in [10, 11, 12] {
            history.count(start + seconds(second), None);
        }
        history.refused(start + seconds(13), seconds(7), None);
        assert_eq!(room(&history, start, 14), Some(20));
    }

    #[test]
    fn what_was_under_way_belongs_to_the_limit() {
        let start = Instant::now();
        let mut history = steady(start, 20);
        history.refused(start + seconds(20), seconds(40), None);
        (0..10).for_each(|_| history.count(start + seconds(20), None));
        assert_eq!(history.rules.iter().find(|rule| !rule.said).unwrap().limit, 30);
    }

    #[test]
    fn a_429_that_says_the_limit_is_believed() {
        let start = Instant::now();
        let mut history = steady(start, 100);
        history.refused(start + seconds(100), seconds(15), quota(30, 0, seconds(15)));
        // The last thirty came from 70 on; the window ends at 115.
        let rule = history.rules.iter().find(|rule| !rule.said).unwrap();
        assert_eq!((rule.limit, rule.period), (30, seconds(45)));
        assert!(history.knows(5) && !history.knows(30));
    }

    #[test]
    fn large_limits_cost_nothing() {
        let start = Instant::now();
        let mut history = History::default();
        (0..1000).for_each(|_| history.count(start, quota(1_000_000, 999_999, seconds(1))));
        assert!(history.recent.is_empty() && history.rules.is_empty());
        let busy = steady(start, 1000);
        assert!(busy.recent.len() < 64, "a minute, {}", busy.recent.len());
    }
}
