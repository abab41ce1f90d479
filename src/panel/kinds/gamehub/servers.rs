//! Which game servers a panel shows.

use serde::{Deserialize, Serialize};

use crate::domain::text;
use crate::panel::kind::InvalidInput;
use crate::panel::sources::GameFacts;
use crate::panel::sources::games::{Address, Game, GameQuery};

use super::Data;

/// How many servers a panel shows: each has a field, and they are asked together.
pub(super) const MOST: usize = 12;
/// How long a name may be.
const LONGEST_NAME: usize = 60;

/// What an admin keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    pub(super) servers: Vec<GameServer>,
    /// The number that the last server got.
    last: u32,
}

/// A game server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct GameServer {
    pub(super) id: u32,
    #[serde(flatten)]
    pub(super) query: GameQuery,
    /// The name that the admin gave it; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) name: String,
}

impl GameServer {
    /// Its name for people: the admin's, the one that it gives itself, or its address.
    pub(super) fn display_name(&self, facts: Option<&GameFacts>) -> String {
        let own =
            facts.and_then(|facts| facts.status.as_ref().ok()).map_or("", |status| status.name.as_str());
        let names = [self.name.as_str(), own];
        let name = names.into_iter().find(|name| text::is_visible(name));
        let name = name.map_or_else(|| self.query.address.to_string(), str::to_owned);
        text::cut(&name, LONGEST_NAME).into_owned()
    }

    /// The game's name for people.
    pub(super) fn game(&self) -> &str {
        let known = Game::find(&self.query.game);
        known.map_or(self.query.game.as_str(), |game| game.name())
    }
}

impl Config {
    /// The servers as they are written into a form.
    pub(super) fn written(&self) -> String {
        let line = |server: &GameServer| {
            let GameQuery { game, address } = &server.query;
            let name = if server.name.is_empty() { String::new() } else { format!(" | {}", server.name) };
            format!("{game} | {address}{name}")
        };
        self.servers.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Reads what was written. A server that was in the panel before keeps its number.
    pub(super) fn read(mut former: Self, written: &str) -> Result<Self, InvalidInput> {
        let mut config = Self { servers: Vec::new(), last: former.last };
        for line in written.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut parts = line.splitn(3, '|').map(str::trim);
            let [game, address, name] = [(); 3].map(|()| parts.next().unwrap_or_default());
            if address.is_empty() {
                let quoted = text::cut(line, 80).replace('`', "'");
                return Err(InvalidInput(format!(
                    "`{quoted}` isn't a server. Write one per line: game, `|`, address."
                )));
            }
            let mut server = read_one(&mut config, game, address, name)?;
            if let Some(at) = former.servers.iter().position(|known| known.query == server.query) {
                server.id = former.servers.remove(at).id;
            }
            config.add(server)?;
        }
        Ok(config)
    }

    pub(super) fn add(&mut self, server: GameServer) -> Result<(), InvalidInput> {
        if self.servers.iter().any(|known| known.query == server.query) {
            return Err(InvalidInput(format!("`{}` is already in the panel.", server.query.address)));
        }
        if self.servers.len() >= MOST {
            return Err(InvalidInput(format!(
                "A panel shows {MOST} game servers at most. Create another panel for more."
            )));
        }
        self.servers.push(server);
        Ok(())
    }

    pub(super) fn server(&self, id: u32) -> Option<&GameServer> {
        self.servers.iter().find(|server| server.id == id)
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<GameServer> {
        let at = self.servers.iter().position(|server| server.id == id)?;
        Some(self.servers.remove(at))
    }

    /// The only server of this address or name.
    pub(super) fn find(&self, wanted: &str, data: &Data) -> Option<u32> {
        let wanted = wanted.trim().to_lowercase();
        let is_it = |server: &&GameServer| {
            let address = &server.query.address;
            let names =
                [address.to_string(), address.host().to_owned(), server.display_name(data.of(server))];
            names.iter().any(|name| name.to_lowercase() == wanted)
        };
        let mut found = self.servers.iter().filter(is_it);
        let first = found.next()?;
        found.next().is_none().then_some(first.id)
    }
}

/// Reads one server and gives it a number that none had before.
pub(super) fn read_one(
    config: &mut Config,
    game: &str,
    address: &str,
    name: &str,
) -> Result<GameServer, InvalidInput> {
    let found = Game::find(game).ok_or_else(|| unknown_game(game))?;
    let address = Address::parse(address, found.port()).map_err(|error| InvalidInput(error.to_string()))?;
    let name = name.split_whitespace().collect::<Vec<_>>().join(" ");
    if text::units(&name) > LONGEST_NAME {
        return Err(InvalidInput(format!("A server's name can have {LONGEST_NAME} characters at most.")));
    }
    config.last = config.last.saturating_add(1);
    Ok(GameServer { id: config.last, query: GameQuery { game: found.key().to_owned(), address }, name })
}

/// The list of games that the query library knows.
const GAMES: &str = "https://github.com/gamedig/rust-gamedig/blob/main/GAMES.md";

/// Says that a game is unknown, and which ones may have been meant.
fn unknown_game(game: &str) -> InvalidInput {
    let wanted = game.to_lowercase();
    let first = wanted.split_whitespace().next().unwrap_or_default();
    let alike = |game: &&Game| first.chars().count() >= 3 && game.name().to_lowercase().contains(first);
    let all = Game::all();
    let names: Vec<String> =
        all.iter().filter(alike).take(6).map(|game| format!("`{}`", game.name())).collect();
    let quoted = text::cut(game, 60).replace('`', "'");
    InvalidInput(if names.is_empty() {
        format!(
            "I don't know the game `{quoted}`. I know {}, such as `minecraft`, `valheim`, `rust` and `counterstrike2`: see <{GAMES}>.",
            all.len()
        )
    } else {
        format!("I don't know the game `{quoted}`. Did you mean {}? All games: <{GAMES}>.", names.join(", "))
    })
}
