//! What failed, and when it is tried again: after growing pauses. In memory; after a restart everything is tried at
//! once.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::retry::backoff;

/// A pause, where none can be computed.
const SOME: Duration = Duration::from_secs(60);

/// Those that failed last time.
#[derive(Debug)]
pub(super) struct Failing<K>(HashMap<K, Failure>);

#[derive(Debug, Clone, Copy)]
struct Failure {
    /// How many attempts in a row have failed.
    attempts: u32,
    again_at: Instant,
}

impl<K> Default for Failing<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Failing<K> {
    /// Whether it isn't to be tried yet.
    pub(super) fn waits(&self, what: &K, now: Instant) -> bool {
        self.0.get(what).is_some_and(|failure| failure.again_at > now)
    }

    /// Another attempt failed. Returns how many in a row have.
    pub(super) fn fail(&mut self, what: K, now: Instant) -> u32 {
        let failure = self.0.entry(what).or_insert(Failure { attempts: 0, again_at: now });
        failure.attempts += 1;
        failure.again_at = now + backoff(failure.attempts, rand::random()).to_std().unwrap_or(SOME);
        failure.attempts
    }

    /// It succeeded, or is given up.
    pub(super) fn settle(&mut self, what: &K) {
        self.0.remove(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_waits_ever_longer_and_others_do_not() {
        let (mut failing, mut now) = (Failing::default(), Instant::now());
        let start = now;
        for attempt in 1..=20 {
            assert_eq!(failing.fail(1, now), attempt);
            assert!(failing.waits(&1, now) && !failing.waits(&2, now));
            now = failing.0[&1].again_at;
            assert!(!failing.waits(&1, now));
        }
        assert!(now - start > Duration::from_secs(45 * 60), "after {:?}", now - start);
    }

    #[test]
    fn a_success_ends_the_pauses() {
        let (mut failing, now) = (Failing::default(), Instant::now());
        (1..=5).for_each(|attempt| assert_eq!(failing.fail(1, now), attempt));
        failing.settle(&1);
        assert_eq!(failing.fail(1, now), 1);
    }
}
