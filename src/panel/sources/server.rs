//! What Discord says about a server.

use std::sync::Mutex;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::domain::channel::ChannelKind;
use crate::domain::clock::Clock;
use crate::domain::expiring::ExpiringMap;
use crate::domain::ids::GuildId;
use crate::domain::lock::lock;
use crate::rest::{Client, RestError};

use super::{DataSources, SourceUnavailable};

/// How long an answer serves all panels that want it.
const FRESH: TimeDelta = TimeDelta::seconds(30);
/// How many servers' answers are kept.
const MOST: usize = 1_000;

/// A server in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServerFacts {
    /// Its name.
    pub name: String,
    /// The address of its picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icon_url: Option<String>,
    /// How many members it has, if that is known; Discord says "approximately".
    pub members: Option<u64>,
    /// How many of them are online, approximately, if that is known.
    pub online: Option<u64>,
    /// How many channels it has, of whatever kind but categories.
    pub channels: u64,
    /// How many boosts it has.
    pub boosts: u64,
    /// What these come to, 0 to 3.
    pub boost_level: u8,
}

/// The answers of the last moments.
pub(super) struct ServerCache {
    rest: Client,
    clock: Clock,
    known: Mutex<ExpiringMap<GuildId, ServerFacts, MOST>>,
}

impl ServerCache {
    pub(super) fn new(rest: Client, clock: Clock) -> Self {
        Self { rest, clock, known: Mutex::default() }
    }
}

impl DataSources {
    /// A server as it is now, or was half a minute ago.
    pub async fn server(&self, guild: GuildId) -> Result<ServerFacts, SourceUnavailable> {
        let ServerCache { rest, clock, known } = &self.servers;
        let now = clock.now();
        if let Some(facts) = lock(known).get(&guild, now) {
            return Ok(facts.clone());
        }
        let rest = rest.of_server(guild);
        let unavailable = |error: RestError| {
            tracing::warn!(%guild, %error, "a server's numbers can't be asked for");
            let why = match error {
                RestError::FuseOpen { .. } => "I have to pause for a few minutes",
                _ => "Discord did not answer",
            };
            SourceUnavailable(why.to_owned())
        };
        let counted = rest.guild_counts(guild).await.map_err(unavailable)?;
        let channels = rest.guild_channels(guild).await.map_err(unavailable)?;
        let shown = channels.iter().filter(|channel| channel.kind != ChannelKind::Category);
        let facts = ServerFacts {
            icon_url: counted.icon_url(),
            name: counted.name,
            members: counted.approximate_member_count,
            online: counted.approximate_presence_count,
            channels: u64::try_from(shown.count()).unwrap_or(u64::MAX),
            boosts: counted.premium_subscription_count,
            boost_level: counted.premium_tier,
        };
        lock(known).put(guild, facts.clone(), now + FRESH, now);
        Ok(facts)
    }
}
