//! How often a person, or anything else that acts, may do something in a span of time: counted in memory.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use chrono::{DateTime, TimeDelta, Utc};

use super::ids::UserId;

/// Counts actions by who takes them, over a sliding span.
#[derive(Debug)]
pub struct Allowance<K = UserId> {
    span: TimeDelta,
    /// `None` for no limit.
    most: Option<usize>,
    taken: HashMap<K, VecDeque<DateTime<Utc>>>,
    /// When those who did nothing for a whole span were last forgotten.
    swept: DateTime<Utc>,
}

impl<K: Hash + Eq> Allowance<K> {
    /// So many actions within a span; `None` for no limit.
    pub fn within(span: TimeDelta, most: Option<u32>) -> Self {
        let most = most.and_then(|most| usize::try_from(most).ok());
        Self { span, most, taken: HashMap::new(), swept: DateTime::UNIX_EPOCH }
    }

    /// Takes one action. Where none is left, says when the next one is free.
    pub fn take(&mut self, who: K, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        let Some(most) = self.most else { return Ok(()) };
        self.sweep(now);
        let times = self.taken.entry(who).or_default();
        if let Some(free) = free_again(times, most, self.span, now) {
            return Err(free);
        }
        times.push_back(now);
        Ok(())
    }

    /// When the next action is free, where none is left.
    pub fn next_free(&mut self, who: K, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let most = self.most?;
        free_again(self.taken.get_mut(&who)?, most, self.span, now)
    }

    /// Forgets those who did nothing for a whole span, so that the map stays small.
    fn sweep(&mut self, now: DateTime<Utc>) {
        if now < self.swept + self.span / 8 {
            return;
        }
        self.swept = now;
        let span = self.span;
        self.taken.retain(|_, times| times.back().is_some_and(|time| *time + span > now));
    }
}

/// When there is room for one more.
fn free_again(
    times: &mut VecDeque<DateTime<Utc>>,
    most: usize,
    span: TimeDelta,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    while times.front().is_some_and(|time| *time + span <= now) {
        times.pop_front();
    }
    let oldest = times.len().checked_sub(most).and_then(|over| times.get(over))?;
    Some(*oldest + span)
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
        let mut allowance = Allowance::within(TimeDelta::hours(1), Some(2));
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
    }
}
