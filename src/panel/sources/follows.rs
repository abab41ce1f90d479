//! A server's follows, from the database.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::{DataSources, SourceUnavailable, unavailable};
use crate::domain::follow::{BrokenReason, FollowState};
use crate::domain::ids::{ChannelId, GuildId};
use crate::store::StoreError;

/// How many broken follows are named.
const NAMED: u64 = 5;
/// How much of the past the hours cover.
const HOURS: i64 = 24;

/// What is known of a server's follows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FollowFacts {
    /// How many deliver into the server.
    pub active: i64,
    /// How many somebody paused.
    pub paused: i64,
    /// How many can't deliver.
    pub broken: i64,
    /// How many channels they follow.
    pub sources: i64,
    /// Into how many they deliver.
    pub targets: i64,
    /// How many of the server's channels are followed.
    pub followed: i64,
    /// How many channels follow them.
    pub followers: i64,
    /// How many servers these are in.
    pub follower_servers: i64,
    /// How many messages are still due.
    pub waiting: i64,
    /// The end of the time that `hours` covers: the next full hour.
    pub until: DateTime<Utc>,
    /// What was mirrored in each of the last hours; those without anything are left out.
    pub hours: Vec<HourlyCount>,
    /// Some of the broken follows.
    pub broken_follows: Vec<BrokenFollow>,
}

/// What was mirrored in an hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourlyCount {
    /// When it began.
    pub at: DateTime<Utc>,
    /// How many messages.
    pub messages: i64,
    /// How many of them were mirrored at most two seconds after their original.
    pub at_once: i64,
}

/// A broken follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenFollow {
    /// Its number.
    pub id: i64,
    /// Where it delivered.
    pub target: ChannelId,
    /// Why it can't any more, as the word in the database.
    pub reason: String,
}

impl FollowFacts {
    /// The beginning of the time that `hours` covers.
    pub fn from(&self) -> DateTime<Utc> {
        self.until - TimeDelta::hours(HOURS)
    }
}

impl BrokenFollow {
    /// What happened, and what to do about it.
    pub fn explanation(&self) -> &'static str {
        BrokenReason::parse(&self.reason).map_or("", BrokenReason::explanation)
    }
}

impl DataSources {
    /// A server's follows as they are now.
    pub async fn follows(&self, guild: GuildId) -> Result<FollowFacts, SourceUnavailable> {
        self.read_follows(guild).await.map_err(unavailable)
    }

    async fn read_follows(&self, guild: GuildId) -> Result<FollowFacts, StoreError> {
        let until = next_hour(self.clock.now());
        let (into, from) =
            (self.store.server_follows(guild).await?, self.store.server_followers(guild).await?);
        let hours = self.store.mirrored_by_hour(guild, until - TimeDelta::hours(HOURS)).await?;
        let broken = self.store.broken_follows(guild, NAMED).await?;
        let broken = broken.into_iter().filter_map(|follow| match follow.state {
            FollowState::Broken(reason) => Some(BrokenFollow {
                id: follow.id.0,
                target: follow.pair.target,
                reason: reason.as_str().to_owned(),
            }),
            FollowState::Active | FollowState::Paused => None,
        });
        Ok(FollowFacts {
            active: into.active,
            paused: into.paused,
            broken: into.broken,
            sources: into.sources,
            targets: into.targets,
            followed: from.sources,
            followers: from.channels,
            follower_servers: from.servers,
            waiting: self.store.server_backlog(guild).await?,
            until,
            hours: hours
                .into_iter()
                .map(|hour| HourlyCount { at: hour.at, messages: hour.messages, at_once: hour.at_once })
                .collect(),
            broken_follows: broken.collect(),
        })
    }
}

fn next_hour(now: DateTime<Utc>) -> DateTime<Utc> {
    let hour = now.timestamp().div_euclid(3600) + 1;
    DateTime::from_timestamp(hour * 3600, 0).unwrap_or_default()
}
