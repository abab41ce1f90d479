//! How many actions a person has in an hour.

use std::collections::{HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use super::ids::UserId;

/// The span in which actions are counted.
const WINDOW: TimeDelta = TimeDelta::hours(1);

/// Counts actions by person over a sliding hour. Refused actions don't count: take one when it succeeded.
#[derive(Debug)]
pub struct Allowance {
    /// None for no limit.
    per_hour: Option<usize>,
    taken: HashMap<UserId, VecDeque<DateTime<Utc>>>,
}

impl Allowance {
    /// `per_hour` actions for each person; `None` for no limit.
    pub fn new(per_hour: Option<u32>) -> Self {
        Self { per_hour: per_hour.and_then(|limit| usize::try_from(limit).ok()), taken: HashMap::new() }
    }

    /// Takes one action; where none is left, says when the next is free.
    pub fn take(&mut self, user: UserId, now: DateTime<Utc>) -> Result<(), DateTime<Utc>> {
        let Some(limit) = self.per_hour else { return Ok(()) };
        // People who did nothing for an hour are forgotten, so that the map stays small.
        self.taken.retain(|_, times| {
            while times.front().is_some_and(|time| *time + WINDOW <= now) {
                times.pop_front();
            }
            !times.is_empty()
        });
        let times = self.taken.entry(user).or_default();
        match times.len().checked_sub(limit).and_then(|over| times.get(over)) {
            Some(oldest) => Err(*oldest + WINDOW),
            None => {
                times.push_back(now);
                Ok(())
            }
        }
    }

    /// Gives the newest action back: it was refused after all.
    pub fn give_back(&mut self, user: UserId) {
        if let Some(times) = self.taken.get_mut(&user) {
            times.pop_back();
        }
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
        let mut allowance = Allowance::new(Some(2));
        assert_eq!(allowance.take(user(1), at(0)), Ok(()));
        assert_eq!(allowance.take(user(1), at(10)), Ok(()));
        assert_eq!(allowance.take(user(1), at(20)), Err(at(60)));
        assert_eq!(allowance.take(user(2), at(20)), Ok(()));
        assert_eq!(allowance.take(user(1), at(60)), Ok(()));
        assert_eq!(allowance.take(user(1), at(61)), Err(at(70)));
    }

    #[test]
    fn what_was_refused_is_given_back() {
        let mut allowance = Allowance::new(Some(1));
        assert_eq!(allowance.take(user(1), at(0)), Ok(()));
        allowance.give_back(user(1));
        assert_eq!(allowance.take(user(1), at(1)), Ok(()));
    }

    #[test]
    fn no_limit_is_no_limit() {
        let mut allowance = Allowance::new(None);
        assert!((0..1000).all(|_| allowance.take(user(1), at(0)).is_ok()));
    }
}
