//! Attempts of a delivery: how they fail, when the next one is made, when the delivery is given up, and how
//! long a failing delivery holds up others.

use chrono::{DateTime, TimeDelta, Utc};

use super::activity::DeliveryId;

/// The first wait.
const FIRST: TimeDelta = TimeDelta::milliseconds(500);
/// The longest wait.
pub const LONGEST: TimeDelta = TimeDelta::minutes(10);

/// How many attempts in a row may fail: about a day's worth, if nothing else holds up the delivery. They are
/// counted, not timed, so that a bot that was switched off gives nothing up.
pub const MOST_FAILED: u32 = 200;
/// How old a message becomes that was never shown, if it keeps failing. Nobody misses its copy a day later.
const GIVE_UP: TimeDelta = TimeDelta::days(1);
/// How many attempts are made in any case, however old the message is: some minutes' worth.
const LEAST_FAILED: u32 = 10;

/// How many attempts of a first showing fail before a later one may overtake it: half a minute's worth, or a
/// minute's where each attempt has to be settled first.
pub const HOLDS_UP: u32 = 6;

/// How an attempt failed: everything that is neither a success nor an end. (A limit is no attempt: nothing
/// was tried.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptFailure {
    /// Rendering it, or doing its step, panicked.
    Panicked,
    /// Something that is stored about it can't be read.
    Unreadable,
    /// The database refused what had to be asked of it.
    Database,
    /// There was no connection, or not for the whole request.
    NotSent,
    /// Discord failed, or gave no answer, to something that may be repeated.
    NoAnswer,
    /// A create was in doubt. A look at the target showed that its message wasn't made.
    NotMade,
    /// A create is in doubt, and the target can't be looked at.
    Unsettled,
    /// Its files can't be fetched now.
    Files,
    /// Its webhook was gone, and had to be replaced.
    Webhook,
    /// The target can't take it now: an archived thread, a forum with too many posts, or tags that were out
    /// of date.
    Busy,
}

impl AttemptFailure {
    /// A word for it, for the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Panicked => "panicked",
            Self::Unreadable => "unreadable",
            Self::Database => "database",
            Self::NotSent => "not sent",
            Self::NoAnswer => "no answer",
            Self::NotMade => "not made",
            Self::Unsettled => "unsettled",
            Self::Files => "files",
            Self::Webhook => "webhook",
            Self::Busy => "busy",
        }
    }
}

/// What decides when a delivery is attempted again.
#[derive(Debug, Clone, Copy)]
pub struct RetryState {
    /// The delivery.
    pub delivery: DeliveryId,
    /// How many attempts in a row have failed, the last one included.
    pub failed: u32,
    /// Of a message that was never shown: since when it has been due.
    pub due_since: Option<DateTime<Utc>>,
}

/// When a delivery is attempted again after a failure. `None`: it is given up.
pub fn next_attempt(tried: RetryState, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let too_old = tried.due_since.is_some_and(|since| now - since > GIVE_UP) && tried.failed >= LEAST_FAILED;
    let given_up = too_old || tried.failed >= MOST_FAILED;
    (!given_up).then(|| now + backoff(tried.failed, spread(tried.delivery, tried.failed)))
}

/// How long to wait after the `attempts`-th failure in a row (from 1): doubling from half a second to ten
/// minutes. `jitter` (0.0 to 1.0) spreads the waits over the upper half, so that lanes that failed together
/// don't come back together.
pub fn backoff(attempts: u32, jitter: f64) -> TimeDelta {
    let doubled = FIRST * 2_i32.saturating_pow(attempts.saturating_sub(1).min(16));
    let whole = doubled.min(LONGEST).num_milliseconds();
    #[expect(clippy::cast_possible_truncation, reason = "a part of at most ten minutes, in milliseconds")]
    let spread = ((whole / 2) as f64 * jitter.clamp(0.0, 1.0)) as i64;
    TimeDelta::milliseconds(whole - whole / 2 + spread)
}

/// A jitter that needs no random numbers: it differs between deliveries and between attempts.
fn spread(delivery: DeliveryId, failed: u32) -> f64 {
    // The finaliser of splitmix64, which scatters neighbouring numbers.
    let mut mixed =
        delivery.0.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(u64::from(failed));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    f64::from(u32::try_from(mixed >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tried(delivery: i64, failed: u32) -> RetryState {
        RetryState { delivery: DeliveryId(delivery), failed, due_since: None }
    }

    #[test]
    fn doubles_up_to_ten_minutes() {
        assert_eq!(backoff(1, 1.0), TimeDelta::milliseconds(500));
        assert_eq!(backoff(1, 0.0), TimeDelta::milliseconds(250));
        assert_eq!(backoff(3, 1.0), TimeDelta::seconds(2));
        assert_eq!(backoff(u32::MAX, 1.0), LONGEST);
    }

    #[test]
    fn is_given_up_after_about_a_day() {
        for delivery in 1..50 {
            let (mut now, mut failed) = (DateTime::UNIX_EPOCH, 1);
            while let Some(next) = next_attempt(tried(delivery, failed), now) {
                (now, failed) = (next, failed + 1);
            }
            let took = now - DateTime::UNIX_EPOCH;
            assert!((TimeDelta::hours(20)..TimeDelta::hours(28)).contains(&took), "{took}");
        }
    }

    #[test]
    fn what_is_a_day_old_is_tried_for_some_minutes_first() {
        let (mut now, mut failed) = (DateTime::UNIX_EPOCH, 1);
        let tried =
            |failed| RetryState { due_since: Some(DateTime::UNIX_EPOCH - GIVE_UP * 2), ..tried(1, failed) };
        while let Some(next) = next_attempt(tried(failed), now) {
            (now, failed) = (next, failed + 1);
        }
        assert_eq!(failed, LEAST_FAILED);
        assert!(now - DateTime::UNIX_EPOCH > TimeDelta::minutes(2));
    }

    #[test]
    fn what_failed_together_comes_back_apart() {
        let at = |delivery| next_attempt(tried(delivery, 11), DateTime::UNIX_EPOCH).unwrap();
        let mut times: Vec<_> = (0..100).map(at).collect();
        times.sort_unstable();
        times.dedup();
        assert!(times.len() > 90, "{}", times.len());
        assert!(times[times.len() - 1] - times[0] > TimeDelta::minutes(3));
    }
}
