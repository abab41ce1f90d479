//! Numbers over time for charts: averaged over times of equal length that begin at round times, so that a
//! chart changes only when another such time is over.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::store::Sample;

/// How much time a chart shows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeSpan {
    /// An hour.
    #[serde(rename = "1h")]
    Hour,
    /// A day.
    #[default]
    #[serde(rename = "24h")]
    Day,
    /// A week.
    #[serde(rename = "7d")]
    Week,
}

impl TimeSpan {
    /// All of them, the shortest first.
    pub const ALL: [Self; 3] = [Self::Hour, Self::Day, Self::Week];

    /// Its name for programs.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
        }
    }

    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "1 hour",
            Self::Day => "24 hours",
            Self::Week => "7 days",
        }
    }

    /// What a chart of it shows: "last 24 hours".
    pub const fn last(self) -> &'static str {
        match self {
            Self::Hour => "last hour",
            Self::Day => "last 24 hours",
            Self::Week => "last 7 days",
        }
    }

    /// The span of this name.
    pub fn find(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.key() == key)
    }

    /// How long it is.
    pub const fn length(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::hours(24),
            Self::Week => TimeDelta::days(7),
        }
    }

    /// Over how long its numbers are averaged.
    const fn step(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::minutes(2),
            Self::Day => TimeDelta::minutes(15),
            Self::Week => TimeDelta::hours(2),
        }
    }
}

/// Series over a span.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SampleHistory {
    /// How much time it shows.
    pub span: TimeSpan,
    /// The end of that time, in seconds since 1970.
    to: i64,
    /// Points of each series, by its name: the middle of the time in seconds since 1970, and the mean.
    series: BTreeMap<String, Vec<(i64, f64)>>,
}

/// While a history has fewer points than this, what isn't over yet is shown too: a new panel shall show
/// something.
const FEW: usize = 3;

impl SampleHistory {
    /// The history of these samples; its values are whole numbers.
    pub fn new(span: TimeSpan, now: DateTime<Utc>, samples: &[Sample]) -> Self {
        let step = span.step().num_seconds();
        let now = now.timestamp();
        let to = now.div_euclid(step) * step;
        let mut series: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
        let mut sums: BTreeMap<(&str, i64), (f64, f64)> = BTreeMap::new();
        let from = to - span.length().num_seconds();
        for sample in samples.iter().filter(|sample| sample.at.timestamp() >= from) {
            let begins = sample.at.timestamp().div_euclid(step) * step;
            let (sum, many) = sums.entry((&sample.series, begins)).or_default();
            *sum += sample.value;
            *many += 1.0;
        }
        let over = sums.keys().filter(|(_, begins)| *begins < to).count();
        let many = sums.keys().map(|(name, _)| *name).collect::<BTreeSet<_>>().len();
        let shown = if over < FEW * many { now.max(to + 1) } else { to };
        for ((name, begins), (sum, many)) in sums.into_iter().filter(|((_, begins), _)| *begins < shown) {
            let mean = (sum / many).round();
            series.entry(name.to_owned()).or_default().push(((begins + step / 2).min(shown), mean));
        }
        Self { span, to: shown, series }
    }

    /// The time that it shows.
    pub fn times(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let to = DateTime::from_timestamp(self.to, 0).unwrap_or_default();
        (to - self.span.length(), to)
    }

    /// The points of a series; none where nothing was seen.
    pub fn points(&self, series: &str) -> Vec<(DateTime<Utc>, f64)> {
        let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        let points = self.series.get(series).map(Vec::as_slice).unwrap_or_default();
        points.iter().map(|(at, value)| (time(*at), *value)).collect()
    }

    /// How far apart points may be for nothing to be missing between them: three times as far as they usually
    /// are, which depends on how often somebody looked.
    pub fn gap(&self) -> TimeDelta {
        let usual = self.series.values().map(|points| {
            let mut apart: Vec<i64> = points.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
            apart.sort_unstable();
            apart.get(apart.len() / 2).copied().unwrap_or_default()
        });
        let usual = usual.max().unwrap_or_default().max(self.span.step().num_seconds());
        TimeDelta::seconds(usual.saturating_mul(3).min(self.span.length().num_seconds() / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> DateTime<Utc> {
        let noon: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
        noon + TimeDelta::minutes(minutes)
    }

    fn samples(minutes: impl Iterator<Item = i64>) -> Vec<Sample> {
        let sample = |minute: i64| Sample { series: "a".to_owned(), at: at(minute), value: 10.2 };
        minutes.map(sample).collect()
    }

    #[test]
    fn it_changes_only_when_a_time_is_over() {
        let all = samples(-30..=3);
        let history = |minute| SampleHistory::new(TimeSpan::Hour, at(minute), &all[..all.len() - 3]);
        assert_eq!(history(2), history(3));
        assert_ne!(history(3), history(4));
        let with_more = SampleHistory::new(TimeSpan::Hour, at(3), &all);
        assert_eq!(with_more.times(), (at(-58), at(2)));
        assert_eq!(with_more.points("a").last(), Some(&(at(1), 10.0)));
        assert_eq!(with_more.points("b"), []);
    }

    #[test]
    fn a_young_history_shows_what_there_is() {
        let history = SampleHistory::new(TimeSpan::Day, at(3), &samples(1..=3));
        assert_eq!(history.points("a"), [(at(3), 10.0)]);
        let nothing = SampleHistory::new(TimeSpan::Day, at(3), &[]);
        assert_eq!(nothing.points("a"), []);
    }

    #[test]
    fn what_is_missing_depends_on_how_often_somebody_looked() {
        let often = SampleHistory::new(TimeSpan::Hour, at(0), &samples(-60..0));
        assert_eq!(often.gap(), TimeDelta::minutes(6));
        let seldom = SampleHistory::new(TimeSpan::Hour, at(0), &samples((-60..0).step_by(8)));
        assert_eq!(seldom.gap(), TimeDelta::minutes(24));
        assert!(SampleHistory::default().gap() > TimeDelta::zero());
    }

    #[test]
    fn spans_are_found_by_their_names() {
        for span in TimeSpan::ALL {
            assert_eq!(TimeSpan::find(span.key()), Some(span));
            assert_eq!(serde_json::to_value(span).unwrap(), span.key());
        }
        assert_eq!(TimeSpan::find("1y"), None);
    }
}
