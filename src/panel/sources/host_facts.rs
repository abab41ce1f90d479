//! The bot's machine now, and over the last week.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::Sources;
use super::history::{History, Span};
use super::host::{Host, HostSample};
use crate::panel::kind::Unavailable;
use crate::store::Sample;

/// How long a look serves all panels that want one.
const FRESH: TimeDelta = TimeDelta::seconds(30);

/// The names of the series in a history: percent, and bytes a second.
pub const CPU: &str = "cpu";
/// See [`CPU`].
pub const MEMORY: &str = "memory";
/// See [`CPU`].
pub const RECEIVED: &str = "received";
/// See [`CPU`].
pub const SENT: &str = "sent";

/// What the series are called in the database: each value, and means of a quarter of an hour, so that a week isn't ten thousand numbers. Behind it stands whose machine it
/// is, where there are several.
const EACH: &str = "host.each:";
const QUARTERS: &str = "host.quarter:";
const QUARTER: TimeDelta = TimeDelta::minutes(15);

/// The machine now and before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MachineFacts {
    /// Now.
    pub now: HostSample,
    /// Before, by span.
    pub before: Vec<History>,
    /// Whose machine it is, where several processes share the bot's servers: that of these shards.
    #[serde(default)]
    pub part: Option<String>,
}

impl MachineFacts {
    /// What was before, over this span.
    pub fn history(&self, span: Span) -> Option<&History> {
        self.before.iter().find(|history| history.span == span)
    }
}

/// The look of the last moments.
#[derive(Default)]
pub(super) struct Machine {
    host: Host,
    known: Mutex<Option<(DateTime<Utc>, MachineFacts)>>,
}

impl Sources {
    /// The machine that the bot runs on, as it is now or was half a minute ago.
    pub async fn machine(&self) -> Result<MachineFacts, Unavailable> {
        let now = self.clock.now();
        // Held while looking, so that others wait for this look.
        let mut known = self.machine.known.lock().await;
        if let Some((_, facts)) = known.as_ref().filter(|(at, _)| now - *at < FRESH) {
            return Ok(facts.clone());
        }
        let sample = self.machine.host.sample().await.map_err(|error| {
            tracing::warn!(%error, "this machine can't be looked at");
            Unavailable("this machine doesn't tell how busy it is".to_owned())
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
        let facts = MachineFacts { now: sample, before: self.before(now, part.as_deref()).await?, part };
        *known = Some((now, facts.clone()));
        Ok(facts)
    }

    async fn before(&self, now: DateTime<Utc>, part: Option<&str>) -> Result<Vec<History>, Unavailable> {
        let (each_of, quarters_of) = (prefix(EACH, part), prefix(QUARTERS, part));
        let named = |prefix: &str| [CPU, MEMORY, RECEIVED, SENT].map(|name| format!("{prefix}{name}"));
        let plain = |mut samples: Vec<Sample>, prefix: &str| {
            samples.iter_mut().for_each(|sample| drop(sample.series.drain(..prefix.len())));
            samples
        };
        let day = Span::Day.length() + QUARTER;
        let each = plain(self.samples(&named(&each_of), day).await?, &each_of);
        let week = Span::Week.length() + QUARTER * 8;
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
            self.forget_samples(QUARTERS, Span::Week.length() + QUARTER * 16).await?;
        }
        let of = |span| History::new(span, now, if span == Span::Week { &quarters } else { &each });
        Ok(Span::ALL.into_iter().map(of).collect())
    }
}

/// What the series of one machine begin with.
fn prefix(kind: &str, part: Option<&str>) -> String {
    part.map_or_else(|| kind.to_owned(), |part| format!("{kind}{part}:"))
}

/// The mean of a series; none of nothing.
fn mean(samples: &[&Sample], series: &str) -> Option<f64> {
    let values: Vec<f64> =
        samples.iter().filter(|sample| sample.series == series).map(|sample| sample.value).collect();
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
