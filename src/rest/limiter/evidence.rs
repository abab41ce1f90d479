//! Whether Discord's global limit stands where webhooks' calls go. Nothing tells of that limit but a 429, and a client that doesn't keep it
//! is banned sooner or later: so it is believed, until the answers are such as Discord never gives. A stand-in for Discord, or a proxy that keeps the
//! limits itself, gives them with its first answer.
//!
//! Discord names a bucket with every answer to a webhook's call, and no bucket of its grants more than the global limit. One answer of the
//! other kind is enough, unless answers like Discord's came within the last minute: then only some routes are without limits. The first global 429 settles
//! it for good.

use std::time::{Duration, Instant};

use super::answer::{Answer, Quota, Verdict};
use crate::domain::request_pace::DISCORD_PER_SECOND;
use crate::rest::error::Scope;

/// For how long an answer like Discord's outweighs others.
const MEMORY: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Nothing shows that the limit doesn't stand. With when an answer last looked like Discord's.
    Stands(Option<Instant>),
    Lifted,
    /// A 429 said so.
    Proven,
}

impl Evidence {
    pub(super) const fn new() -> Self {
        Self::Stands(None)
    }

    pub(super) fn lifts(self) -> bool {
        self == Self::Lifted
    }

    /// Takes in an answer to a call of a webhook.
    pub(super) fn weigh(&mut self, answer: &Answer, now: Instant) {
        if matches!(answer.verdict, Verdict::Limited { scope: Scope::Global, .. }) {
            *self = Self::Proven;
        }
        let outweighed = |like: Instant| now.saturating_duration_since(like) < MEMORY;
        match (*self, foreign(answer)) {
            (Self::Proven, _) | (_, None) => {}
            (_, Some(false)) => *self = Self::Stands(Some(now)),
            (Self::Stands(Some(like)), Some(true)) if outweighed(like) => {}
            (_, Some(true)) => *self = Self::Lifted,
        }
    }
}

/// Whether Discord would not answer like that; `None` where it can't be told.
fn foreign(answer: &Answer) -> Option<bool> {
    match answer.quota {
        Some(quota) => Some(generous(quota)),
        None if answer.bucket.is_some() => Some(false),
        // What refuses may be something that stands before Discord.
        None => answer.success.then_some(true),
    }
}

/// Whether one bucket grants more than the global limit does. The time to the reset may be that of a window's last moment, which looks generous
/// for small limits; so those are never taken for it.
fn generous(Quota { limit, reset_after, .. }: Quota) -> bool {
    limit > DISCORD_PER_SECOND && f64::from(limit) > f64::from(DISCORD_PER_SECOND) * reset_after.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bucket: Option<(u32, u64)>) -> Answer {
        let quota = bucket.map(|(limit, seconds)| Quota {
            limit,
            remaining: limit - 1,
            reset_after: Duration::from_secs(seconds),
        });
        let bucket = bucket.map(|_| "execute".to_owned());
        Answer { bucket, quota, success: true, verdict: Verdict::Dealt }
    }

    fn after(answers: &[(u64, &Answer)]) -> bool {
        let start = Instant::now();
        let mut evidence = Evidence::new();
        answers.iter().for_each(|(at, answer)| evidence.weigh(answer, start + Duration::from_secs(*at)));
        evidence.lifts()
    }

    #[test]
    fn one_answer_that_discord_never_gives_lifts_the_limit() {
        assert!(!after(&[]));
        assert!(after(&[(0, &answer(None))]));
        assert!(after(&[(0, &answer(Some((1_000_000, 60))))]));
        for ordinary in [(5, 2), (30, 60), (5, 0), (50, 1), (1000, 60)] {
            assert!(!after(&[(0, &answer(Some(ordinary)))]), "{ordinary:?}");
        }
        let refused = Answer { success: false, ..answer(None) };
        assert!(!after(&[(0, &refused)]), "it may not be Discord's own");
    }

    #[test]
    fn answers_like_discords_outweigh_others_for_a_minute() {
        let (ordinary, none) = (answer(Some((5, 2))), answer(None));
        assert!(!after(&[(0, &none), (1, &ordinary)]));
        assert!(!after(&[(0, &none), (1, &ordinary), (60, &none)]));
        assert!(after(&[(1, &ordinary), (60, &none), (62, &none)]));
    }

    #[test]
    fn a_global_429_settles_it() {
        let verdict = Verdict::Limited { retry_after: Duration::from_secs(1), scope: Scope::Global };
        let refused = Answer { success: false, verdict, ..answer(None) };
        let none = answer(None);
        assert!(!after(&[(0, &none), (1, &refused), (2, &none), (500, &none)]));
    }
}
