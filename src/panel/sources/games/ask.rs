//! Asks one server through the query library, which blocks.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use gamedig::protocols::types::{CommonResponse, GatherToggle, ProprietaryProtocol, Protocol};
use gamedig::protocols::valve::Engine;
use gamedig::{ExtraRequestSettings, GAMES, GDErrorKind, GDResult, TimeoutSettings, minecraft};
use tokio::sync::OwnedSemaphorePermit;

use super::relay::{Relay, Transport};
use super::{Address, GameError, GameStatus, answer};

/// A game that the library knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Game(&'static str);

/// Other names that people use for games.
const ALIASES: &[(&str, &str)] = &[
    ("minecraft", "minecraftjava"),
    ("java", "minecraftjava"),
    ("bedrock", "minecraftbedrock"),
    ("mc", "minecraftjava"),
    ("cs2", "counterstrike2"),
    ("gmod", "garrysmod"),
    ("tf2", "teamfortress2"),
    ("ark", "ase"),
    ("7d2d", "sdtd"),
    ("7daystodie", "sdtd"),
    ("zomboid", "projectzomboid"),
];

impl Game {
    /// The game of this name: the library's short one, its full one, or another that people use. Capitals and
    /// spaces don't matter.
    pub fn find(name: &str) -> Option<Self> {
        let plain = plain(name);
        let plain =
            ALIASES.iter().find(|(alias, _)| *alias == plain).map_or(plain.as_str(), |(_, game)| game);
        let by_name = || GAMES.entries().find(|(_, game)| self::plain(game.name) == plain);
        GAMES
            .get_entry(plain)
            .or_else(by_name)
            .map(|(key, _)| Self(key))
            .filter(|game| game.transport().is_some())
    }

    /// All games, sorted by their full names.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> =
            GAMES.keys().map(|key| Self(key)).filter(|game| game.transport().is_some()).collect();
        all.sort_by_key(|game| game.name().to_lowercase());
        all
    }

    /// Its short name, which configurations store.
    pub const fn key(self) -> &'static str {
        self.0
    }

    /// Its full name.
    pub fn name(self) -> &'static str {
        match self.0 {
            "minecraftjava" => "Minecraft",
            "minecraftbedrock" => "Minecraft Bedrock",
            _ => self.definition().map_or(self.0, |game| game.name),
        }
    }

    /// The port at which its servers usually answer queries.
    pub fn port(self) -> u16 {
        self.definition().map_or(0, |game| game.default_port)
    }

    fn definition(self) -> Option<&'static gamedig::Game> {
        GAMES.get(self.0)
    }

    /// How to ask it. `None` if one query isn't enough: the library's plain "minecraft" tries one protocol
    /// after another.
    fn transport(self) -> Option<Transport> {
        match &self.definition()?.protocol {
            Protocol::Valve(Engine::Source(_)) => Some(Transport::ValveDatagrams),
            Protocol::Valve(Engine::GoldSrc(_))
            | Protocol::Gamespy(_)
            | Protocol::Quake(_)
            | Protocol::Unreal2 => Some(Transport::Datagrams),
            Protocol::PROPRIETARY(protocol) => match protocol {
                ProprietaryProtocol::Minecraft(None) => None,
                ProprietaryProtocol::Minecraft(Some(minecraft::Server::Java)) => Some(Transport::Packet),
                ProprietaryProtocol::Minecraft(Some(minecraft::Server::Legacy(_))) => Some(Transport::Stream),
                ProprietaryProtocol::Eco => Some(Transport::Http),
                ProprietaryProtocol::TheShip => Some(Transport::ValveDatagrams),
                _ => Some(Transport::Datagrams),
            },
        }
    }
}

/// A name reduced to lower-case letters and digits.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}

/// Asks a server at an address that was checked. The permit is held for as long as the library works.
pub(super) async fn ask(
    game: Game,
    address: &Address,
    server: SocketAddr,
    patience: Duration,
    permit: OwnedSemaphorePermit,
) -> Result<GameStatus, GameError> {
    let transport = game.transport().ok_or(GameError::UnknownGame)?;
    let relay = Relay::open(server, transport, patience).await?;
    let (port, host) = (relay.port, address.host().to_owned());
    let asking = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        query(game, port, host, patience)
            .map(|response| answer::status(response.as_ref()))
            .map_err(|error| error.kind)
    });
    // The library limits its wait for each answer, and the relay limits the whole. This limit is for what
    // neither foresaw.
    let answered = tokio::time::timeout(patience * 3, asking).await;
    let seen = relay.seen();
    match answered {
        Ok(Ok(Ok(mut status))) => {
            let latency = seen.latency.unwrap_or_default();
            status.latency = u32::try_from(latency.as_millis()).unwrap_or(u32::MAX).max(1);
            Ok(status)
        }
        Ok(Ok(Err(_))) if seen.refused => Err(GameError::Refused),
        Ok(Ok(Err(kind))) => Err(reason(&kind, seen.latency.is_some() && transport.is_datagrams())),
        // Some answers make the library panic.
        Ok(Err(_)) => Err(GameError::Garbled),
        Err(_) => Err(GameError::Silent),
    }
}

/// What went wrong. `answered` says whether the server sent anything at all.
fn reason(kind: &GDErrorKind, answered: bool) -> GameError {
    match kind {
        GDErrorKind::BadGame => GameError::OtherGame,
        GDErrorKind::SocketBind => GameError::Failed,
        GDErrorKind::PacketReceive | GDErrorKind::PacketSend | GDErrorKind::SocketConnect if !answered => {
            GameError::Silent
        }
        _ => GameError::Garbled,
    }
}

/// Blocks until the relay at this port has answered, or time is up.
fn query(game: Game, port: u16, host: String, patience: Duration) -> GDResult<Box<dyn CommonResponse>> {
    let definition = game.definition().ok_or(GDErrorKind::InvalidInput)?;
    let timeouts = TimeoutSettings::new(Some(patience), Some(patience), Some(patience), 0)?;
    let players = match definition.request_settings.gather_players {
        Some(GatherToggle::Skip) => GatherToggle::Skip,
        _ => GatherToggle::Try,
    };
    let settings = ExtraRequestSettings {
        // A proxy in front of several Minecraft servers tells them apart by the host name in the query.
        hostname: Some(host),
        gather_players: Some(players),
        // Panels don't show a server's rules.
        gather_rules: Some(GatherToggle::Skip),
        ..definition.request_settings.clone()
    };
    let relay = IpAddr::V4(Ipv4Addr::LOCALHOST);
    gamedig::query_with_timeout_and_extra_settings(
        definition,
        &relay,
        Some(port),
        Some(timeouts),
        Some(settings),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn games_are_found_by_what_people_call_them() {
        for (name, key) in [
            ("minecraft", "minecraftjava"),
            ("Minecraft Bedrock", "minecraftbedrock"),
            ("Counter-Strike 2", "counterstrike2"),
            ("garry's mod", "garrysmod"),
            ("Valheim", "valheim"),
            ("7 Days to Die", "sdtd"),
            ("q3a", "q3a"),
        ] {
            assert_eq!(Game::find(name).map(Game::key), Some(key), "{name}");
        }
        for name in ["", "chess", "   "] {
            assert_eq!(Game::find(name), None, "{name}");
        }
    }

    #[test]
    fn every_game_can_be_asked() {
        let all = Game::all();
        assert!(all.len() > 90, "{}", all.len());
        for game in all {
            assert!(game.port() >= 1024 && !game.name().is_empty(), "{game:?}");
            assert_eq!(Game::find(game.key()), Some(game));
        }
        for (_, key) in ALIASES {
            assert!(Game::find(key).is_some(), "{key}");
        }
    }
}
