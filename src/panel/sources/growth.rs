//! How a server's number of members changes, from numbers that the bot keeps itself: one an hour, for three
//! months.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{DataSources, ServerFacts, SourceUnavailable};
use crate::domain::ids::GuildId;

/// How often a number is kept.
const STEP: TimeDelta = TimeDelta::hours(1);
/// For how long.
const KEPT: TimeDelta = TimeDelta::days(90);
/// How far back the chart goes.
const SHOWN: TimeDelta = TimeDelta::days(7);

/// How a server has grown.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Growth {
    /// Members at each hour of the last week, in seconds since 1970.
    points: Vec<(i64, f64)>,
    /// The changes over a day, a week and a month, as far as it is known how many there were.
    pub changes: Vec<GrowthChange>,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrowthChange {
    /// Over how many days.
    pub days: i64,
    /// How many more, or fewer.
    pub members: i64,
}

impl Growth {
    /// The points of the last week.
    pub fn points(&self) -> Vec<(DateTime<Utc>, f64)> {
        let time = |seconds| DateTime::from_timestamp(seconds, 0).unwrap_or_default();
        self.points.iter().map(|(at, members)| (time(*at), *members)).collect()
    }

    /// The time that they cover, once there are enough of them for a chart.
    pub fn times(&self) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let points = self.points();
        let (last, _) = points.last().filter(|_| points.len() >= 3)?;
        Some((*last - SHOWN, *last))
    }
}

impl DataSources {
    /// How a server has grown until it is as it is now.
    pub async fn growth(&self, guild: GuildId, facts: &ServerFacts) -> Result<Growth, SourceUnavailable> {
        let now = self.clock.now();
        let series = [format!("server.members:{guild}")];
        let mut samples = self.samples(&series, KEPT).await?;
        if let Some(members) = facts.members.map(to_number)
            && samples.last().is_none_or(|last| now - last.at >= STEP)
        {
            self.sample(&series.clone().map(|series| (series, members))).await?;
            self.forget_samples(&series[0], KEPT).await?;
            samples = self.samples(&series, KEPT).await?;
        }
        let change = |days: i64| {
            let then = now - TimeDelta::days(days);
            // The last number before that time, if it isn't much older.
            let before = samples.iter().rfind(|sample| sample.at <= then)?;
            let recent = then - before.at <= TimeDelta::hours(6);
            let members = facts.members.map(to_number).filter(|_| recent)?;
            Some(GrowthChange { days, members: members as i64 - before.value as i64 })
        };
        let changes = [1, 7, 30].into_iter().filter_map(change).collect();
        let shown = samples.iter().filter(|sample| sample.at >= now - SHOWN);
        Ok(Growth { points: shown.map(|sample| (sample.at.timestamp(), sample.value)).collect(), changes })
    }
}

/// As the database keeps it: exact up to 2⁵³.
fn to_number(members: u64) -> f64 {
    members as f64
}
