//! Game servers: whether they are up, and who plays.
//!
//! ```text
//! host name ─► all its addresses, each checked ─► one of them ─► relay ◄─ the query library
//! ```
//! The query library speaks to a relay (`games/relay.rs`) on this machine only; the relay speaks to the very address that was checked. So the library can't look
//! a name up again or follow a redirection, and what a hostile server can send it is bounded in time and size.

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

use crate::domain::ids::GuildId;

pub use self::address::Address;
pub use self::ask::Game;

/// How long a server has for each answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// How many game servers are asked at once for one Discord server: others' panels don't wait behind its own.
const AT_ONCE_FOR_ONE: usize = 4;
/// How many servers are asked at once, each on a thread of its own: one that is down takes seconds, and others wait meanwhile.
const AT_ONCE: usize = 32;
/// How long an answer serves all panels that want it.
const FRESH: Duration = Duration::from_secs(10);

/// Which server to ask.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Query {
    /// The game, by the name that the library has for it.
    pub game: String,
    /// Where it is.
    pub address: Address,
}

/// What a server that is up says of itself. Its texts are one line each, without the games' colours.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// What it calls itself; may be empty, as the following texts.
    pub name: String,
    /// Where it plays.
    pub map: String,
    /// Which version runs.
    pub version: String,
    /// How many play.
    pub players: u32,
    /// How many may.
    pub most: u32,
    /// Who plays, as far as it tells.
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
    #[error("This is no address: give a name or an IP address, and a port if it isn't the usual one.")]
    NoAddress,
    /// Below 1024 no game listens, but much else does.
    #[error("Game servers have ports from 1024 to 65535.")]
    Port,
    /// The name can't be looked up.
    #[error("This name leads to no address.")]
    Unresolved,
    /// The operator doesn't allow it.
    #[error("Private addresses are not asked, unless whoever runs me allows it.")]
    Private,
    /// No address of a server.
    #[error("No server can have this address.")]
    Never,
    /// Nobody listens.
    #[error("Nothing listens there.")]
    Refused,
    /// No answer in time.
    #[error("It does not answer.")]
    Silent,
    /// Something else answers.
    #[error("What answers there doesn't speak this game's language.")]
    Garbled,
    /// The server is another game's.
    #[error("Another game is played there.")]
    OtherGame,
    /// The machine has no socket left, or the like.
    #[error("I can't ask it now.")]
    Failed,
}

impl GameError {
    /// Whether it is a matter of what was typed, rather than of the server's state.
    pub const fn is_refusal(self) -> bool {
        matches!(self, Self::UnknownGame | Self::NoAddress | Self::Port | Self::Private | Self::Never)
    }
}

type Asked = Arc<Mutex<Option<(Instant, Result<Status, GameError>)>>>;

/// Asks game servers: a few at once, each by one at a time.
pub struct Games {
    private_addresses: bool,
    patience: Duration,
    permits: Arc<Semaphore>,
    /// Those that each Discord server has before it stands in line for the others.
    turns: Mutex<HashMap<GuildId, Arc<Semaphore>>>,
    asked: Mutex<HashMap<(SocketAddr, Game), Asked>>,
}

impl fmt::Debug for Games {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Games").field("private_addresses", &self.private_addresses).finish_non_exhaustive()
    }
}

impl Games {
    /// Servers at private addresses are asked only where that is allowed.
    pub fn new(private_addresses: bool) -> Self {
        Self {
            private_addresses,
            patience: PATIENCE,
            permits: Arc::new(Semaphore::new(AT_ONCE)),
            turns: Mutex::default(),
            asked: Mutex::default(),
        }
    }

    /// What a server says now, or said a moment ago; asked for this Discord server.
    pub async fn ask(&self, guild: GuildId, query: &Query) -> Result<Status, GameError> {
        let game = Game::find(&query.game).ok_or(GameError::UnknownGame)?;
        let turns = self.turns_of(guild).await;
        let _turn = turns.acquire().await.map_err(|_| GameError::Failed)?;
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| GameError::Failed)?;
        let server = query.address.resolve(self.patience, self.private_addresses).await?;
        let asked = self.entry(server, game).await;
        let mut last = asked.lock().await;
        if let Some((_, answer)) = last.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return answer.clone();
        }
        let answer = ask::ask(game, &query.address, server, self.patience, permit).await;
        *last = Some((Instant::now(), answer.clone()));
        answer
    }

    /// The turns of a Discord server. Of those that ask nothing, none are kept.
    async fn turns_of(&self, guild: GuildId) -> Arc<Semaphore> {
        let mut turns = self.turns.lock().await;
        turns.retain(|_, of_one| Arc::strong_count(of_one) > 1);
        Arc::clone(turns.entry(guild).or_insert_with(|| Arc::new(Semaphore::new(AT_ONCE_FOR_ONE))))
    }

    /// The last answer of a server, behind a lock that whoever asks it holds. Old ones go.
    async fn entry(&self, server: SocketAddr, game: Game) -> Asked {
        let mut asked = self.asked.lock().await;
        asked.retain(|_, entry| {
            let old = |last: &Option<(Instant, _)>| last.as_ref().is_none_or(|(at, _)| at.elapsed() >= FRESH);
            Arc::strong_count(entry) > 1 || !entry.try_lock().is_ok_and(|last| old(&last))
        });
        Arc::clone(asked.entry((server, game)).or_default())
    }
}
