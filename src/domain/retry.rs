//! When a failed attempt is tried again.

use chrono::TimeDelta;

/// The first wait.
const FIRST: TimeDelta = TimeDelta::milliseconds(500);
/// The longest wait.
pub const LONGEST: TimeDelta = TimeDelta::minutes(10);

/// How long to wait after the `attempts`-th failure in a row (from 1): doubling from half a second to ten minutes, with
/// `jitter` (0.0 to 1.0, drawn by the caller) spreading the waits over the upper half, so that lanes that failed together don't come back together.
pub fn backoff(attempts: u32, jitter: f64) -> TimeDelta {
    let doubled = FIRST * 2_i32.saturating_pow(attempts.saturating_sub(1).min(16));
    let whole = doubled.min(LONGEST).num_milliseconds();
    #[expect(clippy::cast_possible_truncation, reason = "a part of at most ten minutes, in milliseconds")]
    let spread = ((whole / 2) as f64 * jitter.clamp(0.0, 1.0)) as i64;
    TimeDelta::milliseconds(whole - whole / 2 + spread)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_ten_minutes() {
        assert_eq!(backoff(1, 1.0), TimeDelta::milliseconds(500));
        assert_eq!(backoff(1, 0.0), TimeDelta::milliseconds(250));
        assert_eq!(backoff(3, 1.0), TimeDelta::seconds(2));
        assert_eq!(backoff(u32::MAX, 1.0), LONGEST);
    }
}
