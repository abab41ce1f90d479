//! How often a person, or anything else that acts, may do something in a span of time: counted in memory.

use std::collections::VecDeque;
use std::hash::Hash;

use chrono::{DateTime, TimeDelta, Utc};

use super::expiring::ExpiringMap;
use super::ids::UserId;

/// Counts actions by who takes them, over a sliding span. It knows `MOST` of those who act (one or more): if
/// there are more, it forgets whoever hasn't acted for the longest time.
#[derive(Debug)]
pub struct Allowance<K = UserId, const MOST: usize = 100_000> {
    span: TimeDelta,
    /// `None` for no limit.
    most: Option<usize>,
    /// When each acted within the last span, the oldest first.
    taken: ExpiringMap<K, VecDeque<DateTime<Utc>>, MOST>,
}

/// What is left of an allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllowanceLeft {
    /// How many actions a span has.
    pub most: usize,
    /// How many of them are left.
    pub left: usize,
    /// When there is one more; now, if nothing was taken.
    pub more_at: DateTime<Utc>,
}

impl<K: Clone + Eq + Hash, const MOST: usize> Allowance<K, MOST> {
    /// So many actions within a span; `None` for no limit.
    pub fn within(span: TimeDelta, most: Option<u32>) -> Self {
        let most = most.and_then(|most| usize::try_from(most).ok());
        Self { span, most, taken: ExpiringMap::default() }
    }

    /// Takes one action. Where none is left, says when the next one is free.
    pub fn take(&mut self, who: K, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        if self.most.is_none() {
            return Ok(());
        }
        if let Some(free) = self.next_free(&who, now) {
            return Err(free);
        }
        let mut times = self.taken.remove(&who).unwrap_or_default();
        while times.front().is_some_and(|time| *time + self.span <= now) {
            times.pop_front();
        }
        times.push_back(now);
        self.taken.put(who, times, now + self.span, now);
        Ok(())
    }

    /// Gives back the action that was taken last.
    pub fn give_back(&mut self, who: K, now: DateTime<Utc>) {
        let Some(mut times) = self.taken.remove(&who) else { return };
        times.pop_back();
        if let Some(last) = times.back() {
            let until = *last + self.span;
            self.taken.put(who, times, until, now);
        }
    }

    /// When the next action is free, where none is left.
    pub fn next_free(&self, who: &K, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let times = self.taken.get(who, now)?;
        let oldest = times.len().checked_sub(self.most?).and_then(|over| times.get(over))?;
        Some(*oldest + self.span).filter(|free| now < *free)
    }

    /// What is left; `None` if there is no limit.
    pub fn left(&self, who: &K, now: DateTime<Utc>) -> Option<AllowanceLeft> {
        let most = self.most?;
        let times = self.taken.get(who, now).into_iter().flatten();
        let mut counted = times.map(|time| *time + self.span).filter(|end| now < *end).peekable();
        let more_at = counted.peek().copied().unwrap_or(now);
        Some(AllowanceLeft { most, left: most.saturating_sub(counted.count()), more_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(id: u64) -> UserId {
        UserId::new(id).unwrap()
    }

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn says_when_the_next_is_free() {
        let mut allowance: Allowance = Allowance::within(TimeDelta::hours(1), Some(2));
        assert_eq!(allowance.take(user(1), at(0)), Ok(()));
        assert_eq!(allowance.take(user(1), at(10)), Ok(()));
        assert_eq!(allowance.take(user(1), at(20)), Err(at(60)));
        assert_eq!(allowance.take(user(2), at(20)), Ok(()));
        assert_eq!(allowance.take(user(1), at(60)), Ok(()));
        assert_eq!(allowance.take(user(1), at(61)), Err(at(70)));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let mut allowance: Allowance = Allowance::within(TimeDelta::hours(1), None);
        assert!((0..1000).all(|_| allowance.take(user(1), at(0)).is_ok()));
        assert_eq!(allowance.left(&user(1), at(0)), None);
    }
    #[test]
    fn says_what_is_left() {
        let mut allowance: Allowance = Allowance::within(TimeDelta::hours(1), Some(3));
        let left = |left, more_at| Some(AllowanceLeft { most: 3, left, more_at });
        assert_eq!(allowance.left(&user(1), at(5)), left(3, at(5)));
        for minute in [0, 10] {
            allowance.take(user(1), at(minute)).unwrap();
        }
        assert_eq!(allowance.left(&user(1), at(20)), left(1, at(60)));
        assert_eq!(allowance.left(&user(1), at(65)), left(2, at(70)));
        allowance.take(user(1), at(65)).unwrap();
        allowance.give_back(user(1), at(66));
        assert_eq!(allowance.left(&user(1), at(66)), left(2, at(70)));
        allowance.give_back(user(1), at(66));
        allowance.give_back(user(1), at(66));
        assert_eq!(allowance.left(&user(1), at(66)), left(3, at(66)));
    }

    /// However many act, the memory stays small, and those who acted last are still counted.
    #[test]
    fn a_crowd_pushes_out_only_who_has_rested() {
        let mut allowance: Allowance<u32, 3> = Allowance::within(TimeDelta::hours(1), Some(1));
        for (who, minute) in (0..100_000).zip(0..) {
            assert_eq!(allowance.take(who, at(0) + TimeDelta::milliseconds(minute)), Ok(()));
        }
        let now = at(2);
        assert_eq!(allowance.taken.iter(now).count(), 3);
        for who in 99_997..100_000 {
            assert!(allowance.take(who, now).is_err(), "{who}");
        }
        assert_eq!(allowance.take(0, now), Ok(()));
    }
}
