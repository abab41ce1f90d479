//! The machine that the bot runs on: its present state, and its history over the last week.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::history::{SampleHistory, TimeSpan};
use super::host::{Host, HostSample};
use super::{DataSources, SourceUnavailable};
use crate::store::Sample;

/// How long one reading serves all panels.
const FRESH: TimeDelta = TimeDelta::seconds(30);

/// The names of the series in a history: percent, and bytes a second.
pub const CPU: &str = "cpu";
/// See [`CPU`].
pub const MEMORY: &str = "memory";
/// See [`CPU`].
pub const RECEIVED: &str = "received";
/// See [`CPU`].
pub const SENT: &str = "sent";

/// How the database names the series: every value, and the means of quarters of an hour, so that a week isn't
/// ten thousand numbers. If there are several machines, the shards that it serves follow.
const EACH: &str = "host.each:";
const QUARTERS: &str = "host.quarter:";
const QUARTER: TimeDelta = TimeDelta::minutes(15);

/// The machine's present state and its history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostFacts {
    /// Its present state.
    pub now: HostSample,
    /// Its history over each time span.
    pub before: Vec<SampleHistory>,
    /// The shards that this machine serves, if several processes share the bot's servers.
    #[serde(default)]
    pub part: Option<String>,
}

impl HostFacts {
    /// Its history over this time span.
    pub fn history(&self, span: TimeSpan) -> Option<&SampleHistory> {
        self.before.iter().find(|history| history.span == span)
    }
}

/// The last reading, which serves all panels for a while.
#[derive(Default)]
pub(super) struct HostCache {
    host: Host,
    last: Mutex<Option<(DateTime<Utc>, HostFacts)>>,
}

impl DataSources {
    /// The machine that the bot runs on, as it is now or was half a minute ago.
    pub async fn machine(&self) -> Result<HostFacts, SourceUnavailable> {
        let now = self.clock.now();
        // Held during the reading, so that others wait for it.
        let mut last = self.host.last.lock().await;
        if let Some((_, facts)) = last.as_ref().filter(|(at, _)| now - *at < FRESH) {
            return Ok(facts.clone());
        }
        let sample = self.host.host.sample().await.map_err(|error| {
            tracing::warn!(%error, "could not read this machine's state");
            SourceUnavailable("this machine doesn't tell how busy it is".to_owned())
        })?;
        let values = [
            (CPU, sample.cpu),
            (MEMORY, sample.memory.percent()),
            (RECEIVED, sample.received() as f64),
            (SENT, sample.sent() as f64),
        ];
        let part = self.settings.part.map(|shards| shards.to_string());
        let each = prefix(EACH, part.as_deref());
        self.sample(&values.map(|(name, value)| (format!("{each}{name}"), value))).await?;
        let facts = HostFacts { now: sample, before: self.before(now, part.as_deref()).await?, part };
        *last = Some((now, facts.clone()));
        Ok(facts)
    }

    async fn before(
        &self,
        now: DateTime<Utc>,
        part: Option<&str>,
    ) -> Result<Vec<SampleHistory>, SourceUnavailable> {
        let (each_of, quarters_of) = (prefix(EACH, part), prefix(QUARTERS, part));
        let named = |prefix: &str| [CPU, MEMORY, RECEIVED, SENT].map(|name| format!("{prefix}{name}"));
        let plain = |mut samples: Vec<Sample>, prefix: &str| {
            samples.iter_mut().for_each(|sample| drop(sample.series.drain(..prefix.len())));
            samples
        };
        let day = TimeSpan::Day.length() + QUARTER;
        let each = plain(self.samples(&named(&each_of), day).await?, &each_of);
        let week = TimeSpan::Week.length() + QUARTER * 8;
        let quarters = plain(self.samples(&named(&quarters_of), week).await?, &quarters_of);
        let newest = quarters.last().map_or(DateTime::UNIX_EPOCH, |sample| sample.at);
        if now - newest >= QUARTER {
            let latest: Vec<_> = each.iter().filter(|sample| sample.at > now - QUARTER).collect();
            let means: Vec<_> = [CPU, MEMORY, RECEIVED, SENT]
                .into_iter()
                .filter_map(|name| Some((format!("{quarters_of}{name}"), mean(&latest, name)?)))
                .collect();
            self.sample(&means).await?;
            self.forget_samples(EACH, day).await?;
            self.forget_samples(QUARTERS, TimeSpan::Week.length() + QUARTER * 16).await?;
        }
        let of = |span| SampleHistory::new(span, now, if span == TimeSpan::Week { &quarters } else { &each });
        Ok(TimeSpan::ALL.into_iter().map(of).collect())
    }
}

/// The prefix of one machine's series.
fn prefix(kind: &str, part: Option<&str>) -> String {
    part.map_or_else(|| kind.to_owned(), |part| format!("{kind}{part}:"))
}

/// The mean of a series; `None` without values.
fn mean(samples: &[&Sample], series: &str) -> Option<f64> {
    let values: Vec<f64> =
        samples.iter().filter(|sample| sample.series == series).map(|sample| sample.value).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
