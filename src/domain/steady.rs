//! A clock that doesn't jump back, made from the two clocks of a machine: the wall clock, which people and
//! time servers set, and the running clock, which nobody sets. Pure: it is told what they show.
//!
//! By itself, it follows the wall clock forward at once, so that a machine that slept knows how late it is.
//! Where the wall clock is set back, this clock runs a tenth slower until the wall clock has caught up, so no
//! wait gets longer by more than that. Once a better clock is asked for the time (a database that several
//! processes share), that one is believed, and the wall clock only says how long the machine slept.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// By how much this clock is slowed down while the wall clock is behind: one part in so many.
const SLOWER: i32 = 10;
/// By how much the wall clock must get ahead of the running clock for the machine to have slept.
const SLEPT: TimeDelta = TimeDelta::seconds(1);

/// What the machine's clocks show.
#[derive(Debug, Clone, Copy)]
pub struct ClockReading {
    /// The wall clock.
    pub wall: DateTime<Utc>,
    /// The running clock, since any moment that stays the same.
    pub running: Duration,
}

impl ClockReading {
    fn running(&self) -> TimeDelta {
        TimeDelta::from_std(self.running).unwrap_or(TimeDelta::MAX)
    }

    /// When the running clock began, by the wall clock.
    fn began(&self) -> DateTime<Utc> {
        self.wall - self.running()
    }
}

/// The clock.
#[derive(Debug, Clone, Copy)]
pub struct SteadyClock {
    last: ClockReading,
    /// When the running clock began, by this clock.
    began: DateTime<Utc>,
    /// Whether a better clock than the wall clock was asked.
    told: bool,
}

impl SteadyClock {
    /// A clock that begins with the wall clock's time.
    pub fn new(reading: ClockReading) -> Self {
        Self { last: reading, began: reading.began(), told: false }
    }

    /// The time.
    pub fn now(&mut self, reading: ClockReading) -> DateTime<Utc> {
        let ahead = self.began - reading.began();
        if self.told {
            let jumped = reading.began() - self.last.began();
            if jumped > SLEPT {
                self.began += jumped;
            }
        } else if ahead < TimeDelta::zero() {
            self.began -= ahead;
        } else {
            let passed = reading.running() - self.last.running();
            self.began -= ahead.min(passed / SLOWER);
        }
        self.last = reading;
        self.began + reading.running()
    }

    /// Notes that the database says it is `time`, give or take `doubt`. A smaller difference is ignored.
    pub fn tell(&mut self, reading: ClockReading, time: DateTime<Utc>, doubt: TimeDelta) {
        let now = self.now(reading);
        if !self.told || (time - now).abs() > doubt {
            self.began += time - now;
        }
        self.told = true;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn reading(wall: i64, running: u64) -> ClockReading {
        ClockReading {
            wall: DateTime::UNIX_EPOCH + TimeDelta::seconds(wall),
            running: Duration::from_secs(running),
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_wall_clock_that_is_set_back_makes_no_wait_longer() {
        let mut clock = SteadyClock::new(reading(10_000, 0));
        assert_eq!(clock.now(reading(10_010, 10)), at(10_010));
        // An hour back. Ten seconds later, nine have passed at least.
        assert_eq!(clock.now(reading(6_410, 10)), at(10_010));
        assert_eq!(clock.now(reading(6_420, 20)), at(10_019));
        // In the end both agree.
        assert_eq!(clock.now(reading(46_410, 40_010)), at(46_410));
    }

    #[test]
    fn a_machine_that_slept_knows_how_late_it_is() {
        let mut clock = SteadyClock::new(reading(10_000, 0));
        assert_eq!(clock.now(reading(20_000, 1)), at(20_000));
        clock.tell(reading(20_001, 2), at(50_001), TimeDelta::zero());
        assert_eq!(clock.now(reading(30_001, 3)), at(60_001));
    }

    #[test]
    fn what_the_database_says_is_believed_and_the_wall_clock_is_not() {
        let mut clock = SteadyClock::new(reading(10_000, 0));
        clock.tell(reading(10_010, 10), at(9_400), TimeDelta::seconds(1));
        assert_eq!(clock.now(reading(10_010, 10)), at(9_400));
        assert_eq!(clock.now(reading(7_000, 20)), at(9_410), "set back");
        clock.tell(reading(7_010, 30), at(9_421), TimeDelta::seconds(2));
        assert_eq!(clock.now(reading(7_010, 30)), at(9_420), "within what the question took");
        clock.tell(reading(7_020, 40), at(9_440), TimeDelta::seconds(2));
        assert_eq!(clock.now(reading(7_020, 40)), at(9_440));
    }

    /// Two processes whose machines' clocks are any time apart, and one database.
    #[test]
    fn processes_agree_whatever_their_machines_say() {
        let (mut one, mut other) =
            (SteadyClock::new(reading(10_000, 0)), SteadyClock::new(reading(99_000, 7)));
        one.tell(reading(10_001, 1), at(50_000), TimeDelta::milliseconds(3));
        other.tell(reading(99_001, 8), at(50_000), TimeDelta::milliseconds(3));
        assert_eq!(one.now(reading(10_031, 31)), other.now(reading(98_031, 38)));
    }

    proptest! {
        #[test]
        fn it_never_goes_back(steps in prop::collection::vec((0..100_u64, -5_000..5_000_i64), 1..50)) {
            let (mut running, mut wall) = (0, 1_000_000);
            let mut clock = SteadyClock::new(reading(wall, running));
            let mut before = clock.now(reading(wall, running));
            for (passed, jump) in steps {
                running += passed;
                wall += i64::try_from(passed).unwrap() + jump;
                let now = clock.now(reading(wall, running));
                let least = TimeDelta::seconds(i64::try_from(passed).unwrap()) * 9 / 10;
                prop_assert!(now - before >= least, "{now} after {before}, {passed} s later");
                prop_assert!(now >= at(wall));
                before = now;
            }
        }
    }
}
