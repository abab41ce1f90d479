//! Digests: what is new in somebody's feed, by direct message, every day or week at an hour of their time
//! zone.

use chrono::{DateTime, Datelike, Days, LocalResult, NaiveDate, TimeDelta, TimeZone, Utc, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::choice::choice;
use super::ids::{MessageId, UserId};
use super::text;

/// How many posts a digest shows.
pub const DIGEST_POSTS: usize = 10;
/// How often in a row Discord may refuse a digest until it pauses.
pub const MOST_REFUSALS: u8 = 3;

choice! {
    /// How often a digest is sent.
    DigestPeriod {
        /// Every day.
        Day = "day",
        /// Every Monday.
        Week = "week",
    }
}

/// When digests are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigestSchedule {
    /// How often.
    pub every: DigestPeriod,
    /// At which hour of the day, 0 to 23.
    pub hour: u8,
    /// In which time zone.
    pub time_zone: Tz,
}

impl DigestSchedule {
    /// The schedule; `None` if there is no such hour.
    pub fn new(every: DigestPeriod, hour: u8, time_zone: Tz) -> Option<Self> {
        (hour < 24).then_some(Self { every, hour, time_zone })
    }

    /// The first time after this one. An hour that a clock change leaves out is the next one that exists;
    /// one that occurs twice is the first of the two.
    pub fn next_after(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let today = now.with_timezone(&self.time_zone).date_naive();
        let days = (0..=8).filter_map(|days| today.checked_add_days(Days::new(days)));
        let days = days.filter(|day| self.every == DigestPeriod::Day || day.weekday() == Weekday::Mon);
        days.filter_map(|day| self.on(day)).find(|time| *time > now).unwrap_or(now + TimeDelta::days(7))
    }

    fn on(&self, day: NaiveDate) -> Option<DateTime<Utc>> {
        let hour = day.and_hms_opt(u32::from(self.hour), 0, 0)?;
        let found = (0..=3).find_map(|later| {
            match self.time_zone.from_local_datetime(&(hour + TimeDelta::hours(later))) {
                LocalResult::Single(time) | LocalResult::Ambiguous(time, _) => Some(time),
                LocalResult::None => None,
            }
        });
        found.map(|time| time.with_timezone(&Utc))
    }
}

/// Reads the name of a time zone, as people write it: `Europe/Berlin`, `europe/berlin`, `New York`.
pub fn parse_time_zone(given: &str) -> Option<Tz> {
    let given = given.trim().replace(' ', "_");
    let is_it = |name: &str| name.eq_ignore_ascii_case(&given);
    let whole = TZ_VARIANTS.iter().find(|zone| is_it(zone.name()));
    whole
        .or_else(|| TZ_VARIANTS.iter().find(|zone| zone.name().rsplit('/').next().is_some_and(is_it)))
        .copied()
}

/// The names of at most so many time zones that have this in them, those that begin with it first.
pub fn time_zones_like(given: &str, most: usize) -> Vec<&'static str> {
    let given = given.trim().replace(' ', "_").to_ascii_lowercase();
    let begins = |name: &str| name.split('/').any(|part| part.starts_with(&given));
    let mut found: Vec<(bool, &str)> = TZ_VARIANTS
        .iter()
        .map(|zone| zone.name())
        .map(|name| (name, name.to_ascii_lowercase()))
        .filter(|(_, lower)| lower.contains(&given))
        .map(|(name, lower)| (!begins(&lower), name))
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, name)| name).filter(|name| text::units(name) <= 100).take(most).collect()
}

/// Somebody's digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// Who gets it.
    pub user: UserId,
    /// When.
    pub schedule: DigestSchedule,
    /// When the next one is sent; `None` while it is paused, because Discord refused it too often.
    pub next_at: Option<DateTime<Utc>>,
    /// The newest message that was in one.
    pub sent: Option<MessageId>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn schedule(every: DigestPeriod, hour: u8, zone: &str) -> DigestSchedule {
        DigestSchedule::new(every, hour, parse_time_zone(zone).unwrap()).unwrap()
    }

    #[rstest]
    #[case::today("2026-11-30T06:59:59Z", "2026-11-30T07:00:00Z")]
    #[case::tomorrow("2026-11-30T07:00:00Z", "2026-12-01T07:00:00Z")]
    #[case::summer("2026-07-01T00:00:00Z", "2026-07-01T06:00:00Z")]
    fn a_digest_comes_at_the_hour_of_its_time_zone(#[case] now: &str, #[case] next: &str) {
        let daily = schedule(DigestPeriod::Day, 8, "Europe/Berlin");
        assert_eq!(daily.next_after(time(now)), time(next));
    }

    #[test]
    fn a_weekly_one_comes_on_mondays() {
        let weekly = schedule(DigestPeriod::Week, 8, "Europe/Berlin");
        assert_eq!(weekly.next_after(time("2026-11-30T06:00:00Z")), time("2026-11-30T07:00:00Z"));
        assert_eq!(weekly.next_after(time("2026-11-30T07:00:00Z")), time("2026-12-07T07:00:00Z"));
    }

    /// In Berlin, clocks go from 2:00 to 3:00 on 29 March, and from 3:00 back to 2:00 on 25 October.
    #[rstest]
    #[case::left_out("2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z")]
    #[case::first_of_two("2026-10-24T12:00:00Z", "2026-10-25T00:00:00Z")]
    #[case::not_again("2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z")]
    fn changed_clocks_neither_lose_nor_double_one(#[case] now: &str, #[case] next: &str) {
        let daily = schedule(DigestPeriod::Day, 2, "Europe/Berlin");
        assert_eq!(daily.next_after(time(now)), time(next));
    }

    #[test]
    fn time_zones_are_found_as_people_write_them() {
        for (given, name) in [
            ("Europe/Berlin", Some("Europe/Berlin")),
            (" europe/berlin ", Some("Europe/Berlin")),
            ("new york", Some("America/New_York")),
            ("utc", Some("UTC")),
            ("Berlin, please", None),
            ("", None),
        ] {
            assert_eq!(parse_time_zone(given).map(|zone| zone.name()), name, "{given}");
        }
        assert_eq!(time_zones_like("berl", 25), ["Europe/Berlin"]);
        assert_eq!(time_zones_like("", 25).len(), 25);
        assert_eq!(time_zones_like("york", 25), ["America/New_York"]);
    }

    proptest! {
        /// Each day has one, and the next one is always later.
        #[test]
        fn one_follows_another(
            seconds in 1_700_000_000_i64..2_000_000_000,
            hour in 0_u8..24,
            zone in prop::sample::select(&TZ_VARIANTS[..]),
            every in prop::sample::select(DigestPeriod::ALL),
        ) {
            let schedule = DigestSchedule::new(every, hour, zone).unwrap();
            let now = DateTime::from_timestamp(seconds, 0).unwrap();
            let first = schedule.next_after(now);
            let second = schedule.next_after(first);
            prop_assert!(now < first && first < second);
            let (shortest, longest) = match every {
                DigestPeriod::Day => (TimeDelta::hours(20), TimeDelta::hours(28)),
                DigestPeriod::Week => (TimeDelta::days(6), TimeDelta::days(8)),
            };
            prop_assert!(first - now <= longest && (shortest..=longest).contains(&(second - first)));
        }
    }
}
