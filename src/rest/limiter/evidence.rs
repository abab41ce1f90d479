//! Whether Discord's global limit applies where webhooks' calls go. Only a 429 tells of that limit, and a
//! client that doesn't keep it is banned sooner or later. So the limit is believed, until answers come that
//! Discord never gives. A stand-in for Discord, or a proxy that keeps the limits itself, gives them from the
//! first answer on.
//!
//! Discord names a bucket with every answer to a webhook's call, and none of its buckets grants more than the
//! global limit. One answer of the other kind is enough, unless answers like Discord's came within the last
//! minute: then only some routes are without limits. The first global 429 decides it for good.

use std::time::{Duration, Instant};

use super::answer::{AnswerFacts, AnswerKind, Quota};
use crate::domain::request_pace::DISCORD_PER_SECOND;
use crate::rest::error::RateLimitScope;

/// How long an answer like Discord's outweighs others.
const MEMORY: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Evidence {
    /// Nothing shows that the limit doesn't apply. Holds when an answer last looked like Discord's.
    Stands(Option<Instant>),
    Lifted,
    /// A 429 showed that the limit applies.
    Proven,
}

impl Evidence {
    pub(super) const fn new() -> Self {
        Self::Stands(None)
    }

    pub(super) fn is_lifted(self) -> bool {
        self == Self::Lifted
    }

    /// Weighs an answer to a webhook's call.
    pub(super) fn weigh(&mut self, answer: &AnswerFacts, now: Instant) {
        if matches!(answer.kind, AnswerKind::Limited { scope: RateLimitScope::Global, .. }) {
            *self = Self::Proven;
        }
        let outweighed = |like: Instant| now.saturating_duration_since(like) < MEMORY;
        match (*self, is_unlike_discord(answer)) {
            (Self::Proven, _) | (_, None) => {}
            (_, Some(false)) => *self = Self::Stands(Some(now)),
            (Self::Stands(Some(like)), Some(true)) if outweighed(like) => {}
            (_, Some(true)) => *self = Self::Lifted,
        }
    }
}

/// Whether Discord would never answer like that. `None` where that can't be told.
fn is_unlike_discord(answer: &AnswerFacts) -> Option<bool> {
    match answer.quota {
        Some(quota) => Some(exceeds_global_limit(quota)),
        None if answer.bucket.is_some() => Some(false),
        // A refusal may come from something in front of Discord.
        None => answer.success.then_some(true),
    }
}

/// Whether one bucket grants more than the global limit does. The time to the reset may be that of a window's
/// last moment, which makes small limits look generous. So small limits never count as that.
fn exceeds_global_limit(Quota { limit, reset_after, .. }: Quota) -> bool {
    limit > DISCORD_PER_SECOND && f64::from(limit) > f64::from(DISCORD_PER_SECOND) * reset_after.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bucket: Option<(u32, u64)>) -> AnswerFacts {
        let quota = bucket.map(|(limit, seconds)| Quota {
            limit,
            remaining: limit - 1,
            reset_after: Duration::from_secs(seconds),
        });
        let bucket = bucket.map(|_| "execute".to_owned());
        AnswerFacts { bucket, quota, success: true, kind: AnswerKind::Handled }
    }

    fn after(answers: &[(u64, &AnswerFacts)]) -> bool {
        let start = Instant::now();
        let mut evidence = Evidence::new();
        answers.iter().for_each(|(at, answer)| evidence.weigh(answer, start + Duration::from_secs(*at)));
        evidence.is_lifted()
    }

    #[test]
    fn one_answer_that_discord_never_gives_lifts_the_limit() {
        assert!(!after(&[]));
        assert!(after(&[(0, &answer(None))]));
        assert!(after(&[(0, &answer(Some((1_000_000, 60))))]));
        for ordinary in [(5, 2), (30, 60), (5, 0), (50, 1), (1000, 60)] {
            assert!(!after(&[(0, &answer(Some(ordinary)))]), "{ordinary:?}");
        }
        let refused = AnswerFacts { success: false, ..answer(None) };
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
        let kind = AnswerKind::Limited { retry_after: Duration::from_secs(1), scope: RateLimitScope::Global };
        let refused = AnswerFacts { success: false, kind, ..answer(None) };
        let none = answer(None);
        assert!(!after(&[(0, &none), (1, &refused), (2, &none), (500, &none)]));
    }
}
