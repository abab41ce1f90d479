//! Game servers as they are now, and how many people played on them during the last day.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::games::{GameClient, GameError, GameQuery, GameStatus};
use super::history::{SampleHistory, TimeSpan};
use super::{DataSources, SourceUnavailable};
use crate::domain::ids::GuildId;
use crate::store::Sample;

/// How the database names a series of players: this, the game and the address.
const PLAYERS: &str = "players:";
/// How often old values are forgotten.
const FORGET_EVERY: TimeDelta = TimeDelta::hours(6);

/// A game server as it is, and as it was during the last day.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GameFacts {
    /// Which.
    pub query: GameQuery,
    /// What it says, or why it says nothing.
    pub status: Result<GameStatus, GameError>,
    /// When it was last up; `None` if that is longer ago than a day.
    pub seen: Option<DateTime<Utc>>,
    /// How many played, over a day.
    pub players: SampleHistory,
}

impl GameFacts {
    /// The name of the only series in [`players`](Self::players).
    pub const SERIES: &'static str = "players";
}

/// The client that asks game servers, and when old values were last forgotten.
pub(super) struct GameServers {
    client: GameClient,
    last_forgotten: Mutex<DateTime<Utc>>,
}

impl GameServers {
    pub(super) fn new(private_addresses: bool) -> Self {
        Self { client: GameClient::new(private_addresses), last_forgotten: Mutex::new(DateTime::UNIX_EPOCH) }
    }
}

impl DataSources {
    /// What these game servers say, asked on behalf of this Discord server.
    pub async fn game_servers(
        &self,
        guild: GuildId,
        queries: &[GameQuery],
    ) -> Result<Vec<GameFacts>, SourceUnavailable> {
        let answers = join_all(queries.iter().map(|query| self.game_servers.client.ask(guild, query))).await;
        let series: Vec<String> =
            queries.iter().map(|query| format!("{PLAYERS}{}@{}", query.game, query.address)).collect();
        let up = series
            .iter()
            .zip(&answers)
            .filter_map(|(series, answer)| Some((series.clone(), f64::from(answer.as_ref().ok()?.players))));
        self.sample(&up.collect::<Vec<_>>()).await?;
        self.forget().await?;
        if series.is_empty() {
            return Ok(Vec::new());
        }
        let samples = self.samples(&series, TimeSpan::Day.length()).await?;
        let now = self.clock.now();
        let facts = queries.iter().zip(answers).zip(&series).map(|((query, status), series)| {
            let own = |sample: &&Sample| sample.series == *series;
            let own: Vec<Sample> = samples
                .iter()
                .filter(own)
                .map(|sample| Sample { series: GameFacts::SERIES.to_owned(), ..sample.clone() })
                .collect();
            GameFacts {
                query: query.clone(),
                status,
                seen: own.last().map(|sample| sample.at),
                players: SampleHistory::new(TimeSpan::Day, now, &own),
            }
        });
        Ok(facts.collect())
    }

    /// Forgets, every few hours, what no chart shows any more.
    async fn forget(&self) -> Result<(), SourceUnavailable> {
        let now = self.clock.now();
        let mut last_forgotten = self.game_servers.last_forgotten.lock().await;
        if now - *last_forgotten >= FORGET_EVERY {
            self.forget_samples(PLAYERS, TimeSpan::Day.length() * 2).await?;
            *last_forgotten = now;
        }
        Ok(())
    }
}
