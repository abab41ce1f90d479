//! Game servers now, and who played on them during the last day.

use chrono::{DateTime, TimeDelta, Utc};
use futures_util::future::join_all;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::Sources;
use super::games::{GameError, Games, Query, Status};
use super::history::{History, Span};
use crate::domain::ids::GuildId;
use crate::panel::kind::Unavailable;
use crate::store::Sample;

/// The series of players, in the database: this, the game and the address.
const PLAYERS: &str = "players:";
/// How often old ones are forgotten.
const SELDOM: TimeDelta = TimeDelta::hours(6);

/// A game server now and before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GameFacts {
    /// Which.
    pub query: Query,
    /// What it says, or why it says nothing.
    pub status: Result<Status, GameError>,
    /// When it was up last; none where that is longer ago than a day, or never was.
    pub seen: Option<DateTime<Utc>>,
    /// How many played, over a day.
    pub players: History,
}

impl GameFacts {
    /// The name of the only series in [`players`](Self::players).
    pub const SERIES: &'static str = "players";
}

/// What asks them.
pub(super) struct GameServers {
    games: Games,
    forgot: Mutex<DateTime<Utc>>,
}

impl GameServers {
    pub(super) fn new(private_addresses: bool) -> Self {
        Self { games: Games::new(private_addresses), forgot: Mutex::new(DateTime::UNIX_EPOCH) }
    }
}

impl Sources {
    /// What these game servers say, asked for this Discord server.
    pub async fn game_servers(
        &self,
        guild: GuildId,
        queries: &[Query],
    ) -> Result<Vec<GameFacts>, Unavailable> {
        let answers = join_all(queries.iter().map(|query| self.game_servers.games.ask(guild, query))).await;
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
        let samples = self.samples(&series, Span::Day.length()).await?;
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
                players: History::new(Span::Day, now, &own),
            }
        });
        Ok(facts.collect())
    }
    /// Forgets what no chart shows any more, once in a while.
    async fn forget(&self) -> Result<(), Unavailable> {
        let now = self.clock.now();
        let mut forgot = self.game_servers.forgot.lock().await;
        if now - *forgot >= SELDOM {
            self.forget_samples(PLAYERS, Span::Day.length() * 2).await?;
            *forgot = now;
        }
        Ok(())
    }
}
