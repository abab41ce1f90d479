//! What failed, and when it is tried again: after growing pauses. In memory: after a restart, everything is
//! tried at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::retry::backoff;

/// The pause to use if none can be computed.
const FALLBACK: Duration = Duration::from_secs(60);

/// Things whose last attempt failed.
#[derive(Debug)]
pub(super) struct Backoffs<K>(HashMap<K, FailedAttempts>);

#[derive(Debug, Clone, Copy)]
struct FailedAttempts {
    /// How many attempts in a row have failed.
    attempts: u32,
    again_at: Instant,
}

impl<K> Default for Backoffs<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash> Backoffs<K> {
    /// Whether it is too early for another attempt.
    pub(super) fn waits(&self, what: &K, now: Instant) -> bool {
        self.0.get(what).is_some_and(|failure| failure.again_at > now)
    }

    /// Notes another failed attempt. Returns how many have failed in a row.
    pub(super) fn fail(&mut self, what: K, now: Instant) -> u32 {
        let failure = self.0.entry(what).or_insert(FailedAttempts { attempts: 0, again_at: now });
        failure.attempts += 1;
        failure.again_at = now + backoff(failure.attempts, rand::random()).to_std().unwrap_or(FALLBACK);
        failure.attempts
    }

    /// Forgets a thing that succeeded or was given up.
    pub(super) fn forget(&mut self, what: &K) {
        self.0.remove(what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_waits_ever_longer_and_others_do_not() {
        let (mut failing, mut now) = (Backoffs::default(), Instant::now());
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
        let (mut failing, now) = (Backoffs::default(), Instant::now());
        (1..=5).for_each(|attempt| assert_eq!(failing.fail(1, now), attempt));
        failing.forget(&1);
        assert_eq!(failing.fail(1, now), 1);
    }
}
