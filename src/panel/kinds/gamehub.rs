//! `gamehub`: game servers, whether they are up, and who plays.

mod render;
mod servers;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::domain::panel::{Field, Filled, Form, View};
use crate::domain::text;
use crate::panel::kind::{Answer, Input, Invalid, Kind, Place, Press, Scene, Unavailable};
use crate::panel::sources::{GameFacts, Sources};

use self::servers::{Config, Server};

/// The actions. One on a server has its number behind it.
const ADD: &str = "add";
const ADDED: &str = "added";
const REMOVE: &str = "remove";
const REMOVED: &str = "removed";
const SERVER: &str = "server";

/// The kind.
pub(super) struct Gamehub;

/// What the servers said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Data {
    servers: Vec<GameFacts>,
}

impl Data {
    fn of(&self, server: &Server) -> Option<&GameFacts> {
        self.servers.iter().find(|facts| facts.query == server.query)
    }
}

impl Kind for Gamehub {
    type Config = Config;
    type Data = Data;

    const NAME: &'static str = "gamehub";
    const SUMMARY: &'static str = "game servers, and who plays";
    const TITLE: &'static str = "Game servers";

    fn form(config: Option<&Config>) -> Vec<Field> {
        let written = config.map(Config::written).unwrap_or_default();
        let example = "minecraft | play.example.org\nvalheim | valheim.example.org:2457 | Our island";
        vec![
            Field::paragraph("servers", "Servers, one a line: game | address | name", 2000)
                .example(example)
                .with(written)
                .optional(),
        ]
    }

    fn configure(former: Option<Config>, filled: &Filled) -> Result<Config, Invalid> {
        Config::read(former.unwrap_or_default(), filled.get("servers"))
    }

    async fn gather(sources: &Sources, place: Place, config: &Config) -> Result<Data, Unavailable> {
        let queries: Vec<_> = config.servers.iter().map(|server| server.query.clone()).collect();
        Ok(Data { servers: sources.game_servers(place.guild, &queries).await? })
    }

    fn render(scene: &Scene, config: &Config, data: &Data) -> View {
        render::overview(scene, config, data)
    }

    fn press(action: &str) -> Option<Press> {
        match action {
            ADD => Some(Press::Form),
            SERVER => Some(Press::Show),
            ADDED | REMOVED => Some(Press::Change),
            _ => removed_id(action).map(|_| Press::Form),
        }
    }

    fn act(
        scene: &Scene,
        mut config: Config,
        data: &Data,
        input: &Input<'_>,
    ) -> Result<Answer<Config>, Invalid> {
        let filled = || input.filled.ok_or_else(Invalid::outdated);
        match input.action {
            ADD => Ok(Answer::Ask(add_form())),
            ADDED => {
                let filled = filled()?;
                let [game, address, name] = ["game", "address", "name"].map(|field| filled.get(field));
                let server = servers::read_one(&mut config, game, address, name)?;
                let allowed = server.query.address.check(input.settings.private_addresses);
                allowed.map_err(|error| Invalid(error.to_string()))?;
                let said = format!(
                    "Added **{}**. Its state appears in a moment.",
                    text::escape(&server.called(None))
                );
                config.add(server)?;
                Ok(Answer::Change(config, said))
            }
            SERVER => {
                let id = input.chosen.and_then(|id| id.parse().ok());
                let server = id.and_then(|id| config.server(id)).ok_or_else(gone)?;
                Ok(Answer::Show(render::details(scene, server, data.of(server))))
            }
            REMOVED => {
                let wanted = filled()?.get("server");
                let id = config.find(wanted, data).ok_or_else(|| {
                    Invalid(
                        "No server of this panel has this name or address. Nothing was removed.".to_owned(),
                    )
                })?;
                let removed = config.take(id).ok_or_else(gone)?;
                let said = format!("Removed **{}**.", text::escape(&removed.called(data.of(&removed))));
                Ok(Answer::Change(config, said))
            }
            action => {
                let id = removed_id(action).ok_or_else(Invalid::outdated)?;
                let address = match id {
                    Some(id) => config.server(id).ok_or_else(gone)?.query.address.to_string(),
                    None => String::new(),
                };
                Ok(Answer::Ask(remove_form(&address)))
            }
        }
    }
}

/// Which server is to be removed: one, or one that is asked for; none where something else is to be done.
fn removed_id(action: &str) -> Option<Option<u32>> {
    match action.strip_prefix(REMOVE)? {
        "" => Some(None),
        behind => behind.strip_prefix('.')?.parse().ok().map(Some),
    }
}

fn add_form() -> Form {
    let fields = vec![
        Field::line("game", "Game", 60).example("minecraft, bedrock, valheim, rust, counterstrike2, …"),
        Field::line("address", "Address, and port if it isn't the usual", 260)
            .example("play.example.org:25565"),
        Field::line("name", "Name (else the server's own)", 60).optional(),
    ];
    Form { action: ADDED.to_owned(), title: "Add a game server".to_owned(), fields }
}

fn remove_form(address: &str) -> Form {
    let field = Field::line("server", "Which: its name or its address", 260).with(address);
    Form { action: REMOVED.to_owned(), title: "Remove a game server".to_owned(), fields: vec![field] }
}

fn gone() -> Invalid {
    Invalid("This server is not in the panel any more.".to_owned())
}
