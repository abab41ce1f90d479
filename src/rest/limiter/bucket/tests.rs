//! One bucket, which is told the time.

use super::*;

const WEBHOOK: u32 = 5;
const NONE: Duration = Duration::ZERO;

fn quota(remaining: u32, reset_after_ms: u64) -> Option<Quota> {
    Some(Quota { limit: WEBHOOK, remaining, reset_after: Duration::from_millis(reset_after_ms) })
}

/// A clock that tests set, in milliseconds.
struct Clock(Instant);

impl Clock {
    fn at(&self, ms: u64) -> Instant {
        self.0 + Duration::from_millis(ms)
    }
}

fn begin() -> (Clock, Bucket) {
    let clock = Clock(Instant::now());
    let bucket = Bucket::new(clock.0);
    (clock, bucket)
}

/// After the first answer: four of five are left for two seconds.
fn begun() -> (Clock, Bucket) {
    let (clock, mut bucket) = begin();
    bucket.readiness(clock.at(0), NONE);
    bucket.record_sent();
    bucket.record_answer(clock.at(0), clock.at(10), quota(4, 2000));
    (clock, bucket)
}

/// Sends as many requests as it may. Returns how many there were.
fn burst(bucket: &mut Bucket, now: Instant) -> u32 {
    let mut gone = 0;
    while gone < 100 && bucket.readiness(now, NONE) == Readiness::Now {
        bucket.record_sent();
        gone += 1;
    }
    gone
}

#[test]
fn one_goes_ahead_and_the_rest_follows_its_answer() {
    let (clock, mut bucket) = begin();
    assert_eq!(burst(&mut bucket, clock.at(0)), 1);
    bucket.record_answer(clock.at(0), clock.at(100), quota(4, 1950));
    assert_eq!(burst(&mut bucket, clock.at(100)), 4);
    assert_eq!(bucket.readiness(clock.at(100), NONE), Readiness::AfterAnswer(Some(clock.at(2055))));
}

#[test]
fn answers_out_of_order_never_raise_what_is_left() {
    let (clock, mut bucket) = begin();
    assert_eq!(burst(&mut bucket, clock.at(0)), 1);
    bucket.record_answer(clock.at(0), clock.at(100), quota(4, 1950));
    assert_eq!(burst(&mut bucket, clock.at(200)), 4);
    for (received, remaining, reset) in [(400, 0, 1700), (401, 2, 1710), (402, 3, 1715), (403, 1, 1705)] {
        bucket.record_answer(clock.at(200), clock.at(received), quota(remaining, reset));
    }
    assert!(
        matches!(bucket.readiness(clock.at(404), NONE), Readiness::NotBefore(until, RateLimitScope::User) if until <= clock.at(2105))
    );
    assert_eq!(burst(&mut bucket, clock.at(2105)), 1, "four were counted as late as 400");
    assert_eq!(burst(&mut bucket, clock.at(2354)), 4);
}

#[test]
fn a_lost_request_may_have_counted() {
    let (clock, mut bucket) = begun();
    assert_eq!(burst(&mut bucket, clock.at(20)), 4);
    bucket.record_lost(clock.at(30));
    bucket.record_unsent();
    assert_eq!(
        burst(&mut bucket, clock.at(40)),
        1,
        "the one that never left comes back, the lost one doesn't"
    );
}

#[test]
fn losing_everything_after_a_reset_does_not_stop_the_bucket() {
    let (clock, mut bucket) = begun();
    assert_eq!(burst(&mut bucket, clock.at(3000)), 5);
    (0..5).for_each(|_| bucket.record_lost(clock.at(13_000)));
    assert_eq!(burst(&mut bucket, clock.at(13_000)), 0, "they may have been counted just now");
    assert_eq!(burst(&mut bucket, clock.at(15_000)), 1);
}

#[test]
fn a_429_holds_and_then_one_goes_ahead() {
    let (clock, mut bucket) = begun();
    assert_eq!(burst(&mut bucket, clock.at(20)), 4);
    bucket.record_429((clock.at(20), clock.at(40)), Duration::from_secs(9), RateLimitScope::Shared, None);
    (0..3).for_each(|_| bucket.record_answer(clock.at(20), clock.at(50), quota(1, 1900)));
    assert_eq!(
        bucket.readiness(clock.at(60), NONE),
        Readiness::NotBefore(clock.at(9040), RateLimitScope::Shared)
    );
    assert_eq!(burst(&mut bucket, clock.at(9041)), 1);
}

#[test]
fn without_headers_there_is_no_limit() {
    let (clock, mut bucket) = begin();
    assert_eq!(burst(&mut bucket, clock.at(0)), 1);
    bucket.record_answer(clock.at(0), clock.at(10), None);
    assert_eq!(burst(&mut bucket, clock.at(10)), 100);
}

#[test]
fn is_remembered_as_long_as_its_window() {
    let (clock, mut bucket) = begin();
    bucket.readiness(clock.at(0), NONE);
    bucket.record_sent();
    bucket.record_answer(clock.at(0), clock.at(10), quota(0, 3_600_000));
    assert!(!bucket.is_forgettable(clock.at(3_599_000)));
    assert!(bucket.is_forgettable(clock.at(3_601_000)));
}
