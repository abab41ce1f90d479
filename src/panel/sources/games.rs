//! Game servers: whether they are up, and who plays.
//!
//! ```text
//! host name ─► all its addresses, each checked ─► one of them ─► relay ◄─ the query library
//! ```
//! The query library speaks to a relay (`games/relay.rs`) on this machine only; the relay speaks to the very
//! address that was checked. So the library can't look a name up again or follow a redirection, and what a
//! hostile server can send it is bounded in time and size.

mod address;
mod answer;
mod ask;
mod relay;
#[cfg(test)]
pub(super) mod tests;

use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Semaphore};

use crate::domain::expiring::ExpiringMap;
use crate::domain::ids::GuildId;
use crate::domain::lock::lock;

pub use self::address::Address;
pub use self::ask::Game;

/// How long a server may take for each answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many game servers are asked at once for one Discord server, so that its panels don't keep others'
/// waiting.
const AT_ONCE_FOR_ONE: usize = 4;
/// How many servers are asked at once, each on a thread of its own. One that is down takes seconds, while
/// others wait.
const AT_ONCE: usize = 32;
/// How long an answer serves all panels that want it.
const FRESH: Duration = Duration::from_secs(10);
/// For how long a server's last answer is kept after somebody wanted it: longer than asking takes, so that
/// nobody asks beside somebody else.
const KEPT: Duration = Duration::from_secs(60);
/// How many servers' answers are kept.
const MOST: usize = 1_000;

/// A game server to ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GameQuery {
    /// The game, by the query library's name for it.
    pub game: String,
    /// Where it is.
    pub address: Address,
}

/// What a server that is up says about itself. Each text is one line, without the games' colour codes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct GameStatus {
    /// What it calls itself. Like the following texts, it may be empty.
    pub name: String,
    /// The map that is played.
    pub map: String,
    /// The version that it runs.
    pub version: String,
    /// How many play.
    pub players: u32,
    /// How many may.
    pub most: u32,
    /// The names of players, as far as it tells them.
    pub names: Vec<String>,
    /// How long an answer takes, in milliseconds.
    pub latency: u32,
}

/// Why a server can't be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum GameError {
    /// The library doesn't know it.
    #[error("I don't know this game.")]
    UnknownGame,
    /// What was given can't be an address.
    #[error("This isn't an address. Give a name or an IP address, and a port if it isn't the usual one.")]
    NoAddress,
    /// No game listens below port 1024, but much else does.
    #[error("A game server's port must be between 1024 and 65535.")]
    Port,
    /// The name can't be looked up.
    #[error("This name leads to no address.")]
    Unresolved,
    /// The operator doesn't allow it.
    #[error("Private addresses are asked only if my operator allows it.")]
    Private,
    /// No server can have such an address.
    #[error("No server can have this address.")]
    Never,
    /// Nobody listens.
    #[error("Nothing listens there.")]
    Refused,
    /// No answer in time.
    #[error("It does not answer.")]
    Silent,
    /// Something else answers.
    #[error("Something answers there, but not as this game does.")]
    Garbled,
    /// The server is another game's.
    #[error("This server runs another game.")]
    OtherGame,
    /// The machine has no socket left, or the like.
    #[error("I can't ask it at the moment.")]
    Failed,
}

impl GameError {
    /// Whether what was typed is wrong, rather than the server's state.
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::UnknownGame | Self::NoAddress | Self::Port | Self::Private | Self::Never)
    }
}

type CachedStatus = Arc<Mutex<Option<(Instant, Result<GameStatus, GameError>)>>>;

/// Asks game servers, several at once, but each only once at a time.
pub struct GameClient {
    private_addresses: bool,
    patience: Duration,
    permits: Arc<Semaphore>,
    /// The permits of each Discord server, which it needs before one of those above.
    turns: Mutex<HashMap<GuildId, Arc<Semaphore>>>,
    /// The last answer of each server.
    cache: std::sync::Mutex<ExpiringMap<(SocketAddr, Game), CachedStatus, MOST, Instant>>,
}

impl fmt::Debug for GameClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GameClient")
            .field("private_addresses", &self.private_addresses)
            .finish_non_exhaustive()
    }
}

impl GameClient {
    /// Servers at private addresses are asked only where that is allowed.
    pub fn new(private_addresses: bool) -> Self {
        Self {
            private_addresses,
            patience: PATIENCE,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            turns: Mutex::default(),
            cache: std::sync::Mutex::default(),
        }
    }

    /// What a server says now or said a moment ago, asked on behalf of this Discord server.
    pub async fn ask(&self, guild: GuildId, query: &GameQuery) -> Result<GameStatus, GameError> {
        let game = Game::find(&query.game).ok_or(GameError::UnknownGame)?;
        let turns = self.turns_of(guild).await;
        let _turn = turns.acquire().await.map_err(|_| GameError::Failed)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| GameError::Failed)?;
        let server = query.address.resolve(self.patience, self.private_addresses).await?;
        let cached = self.entry(server, game);
        let mut last = cached.lock().await;
        if let Some((_, answer)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return answer.clone();
        }
        let answer = ask::ask(game, &query.address, server, self.patience, permit).await;
        *last = Some((Instant::now(), answer.clone()));
        answer
    }

    /// The permits of a Discord server. Those of servers that ask nothing are dropped.
    async fn turns_of(&self, guild: GuildId) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().await;
        turns.retain(|_, of_one| Arc::strong_count(of_one) > 1);
        Arc::clone(turns.entry(guild).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE_FOR_ONE))))
    }

    /// The last answer of a server, behind a lock that is held while it is asked.
    fn entry(&self, server: SocketAddr, game: Game) -> CachedStatus {
        let (key, now, mut cache) = ((server, game), Instant::now(), lock(&self.cache));
        let entry = cache.get(&key, now).map(Arc::clone).unwrap_or_default();
        cache.put(key, Arc::clone(&entry), now + KEPT, now);
        entry
    }
}
