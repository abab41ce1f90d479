//! `gamehub`: game servers, whether they are up, and who plays.

mod render;
mod servers;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::domain::panel::{Form, FormAnswers, FormField, PanelView};
use crate::domain::text;
use crate::panel::kind::{
    ActionInput, ActionOutcome, InvalidInput, PanelContext, PanelKind, PanelLocation, PressKind,
};
use crate::panel::sources::{DataSources, GameFacts, SourceUnavailable};

use self::servers::{Config, GameServer};

/// The actions. One on a server ends with the server's number.
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
    fn of(&self, server: &GameServer) -> Option<&GameFacts> {
        self.servers.iter().find(|facts| facts.query == server.query)
    }
}

impl PanelKind for Gamehub {
    type Config = Config;
    type Data = Data;

    const NAME: &'static str = "gamehub";
    const SUMMARY: &'static str = "game servers, and who plays";
    const TITLE: &'static str = "Game servers";

    fn form(config: Option<&Config>) -> Vec<FormField> {
        let written = config.map(Config::written).unwrap_or_default();
        let example = "minecraft | play.example.org\nvalheim | valheim.example.org:2457 | Our island";
        vec![
            FormField::paragraph("servers", "Servers, one per line: game | address | name", 2000)
                .example(example)
                .with(written)
                .optional(),
        ]
    }

    fn configure(former: Option<Config>, filled: &FormAnswers) -> Result<Config, InvalidInput> {
        Config::read(former.unwrap_or_default(), filled.get("servers"))
    }

    async fn gather(
        sources: &DataSources,
        location: PanelLocation,
        config: &Config,
    ) -> Result<Data, SourceUnavailable> {
        let queries: Vec<_> = config.servers.iter().map(|server| server.query.clone()).collect();
        Ok(Data { servers: sources.game_servers(location.guild, &queries).await? })
    }

    fn render(context: &PanelContext, config: &Config, data: &Data) -> PanelView {
        render::overview(context, config, data)
    }

    fn press_kind(action: &str) -> Option<PressKind> {
        match action {
            ADD => Some(PressKind::OpenForm),
            SERVER => Some(PressKind::Show),
            ADDED | REMOVED => Some(PressKind::Change),
            _ => removed_id(action).map(|_| PressKind::OpenForm),
        }
    }

    fn handle(
        context: &PanelContext,
        mut config: Config,
        data: &Data,
        input: &ActionInput<'_>,
    ) -> Result<ActionOutcome<Config>, InvalidInput> {
        let filled = || input.filled.ok_or_else(InvalidInput::outdated);
        match input.action {
            ADD => Ok(ActionOutcome::OpenForm(add_form())),
            ADDED => {
                let filled = filled()?;
                let [game, address, name] = ["game", "address", "name"].map(|field| filled.get(field));
                let server = servers::read_one(&mut config, game, address, name)?;
                let allowed = server.query.address.check(input.settings.private_addresses);
                allowed.map_err(|error| InvalidInput(error.to_string()))?;
                let said = format!(
                    "Added **{}**. Its state appears in a moment.",
                    text::escape(&server.display_name(None))
                );
                config.add(server)?;
                Ok(ActionOutcome::Change(config, said))
            }
            SERVER => {
                let id = input.chosen.and_then(|id| id.parse().ok());
                let server = id.and_then(|id| config.server(id)).ok_or_else(gone)?;
                Ok(ActionOutcome::Show(render::details(context, server, data.of(server))))
            }
            REMOVED => {
                let wanted = filled()?.get("server");
                let id = config.find(wanted, data).ok_or_else(|| {
                    InvalidInput(
                        "No server of this panel has this name or address. Nothing was removed.".to_owned(),
                    )
                })?;
                let removed = config.remove(id).ok_or_else(gone)?;
                let said = format!("Removed **{}**.", text::escape(&removed.display_name(data.of(&removed))));
                Ok(ActionOutcome::Change(config, said))
            }
            action => {
                let id = removed_id(action).ok_or_else(InvalidInput::outdated)?;
                let address = match id {
                    Some(id) => config.server(id).ok_or_else(gone)?.query.address.to_string(),
                    None => String::new(),
                };
                Ok(ActionOutcome::OpenForm(remove_form(&address)))
            }
        }
    }
}

/// Reads a removal: of a given server, or of one that the form asks for. `None` for any other action.
fn removed_id(action: &str) -> Option<Option<u32>> {
    match action.strip_prefix(REMOVE)? {
        "" => Some(None),
        behind => behind.strip_prefix('.')?.parse().ok().map(Some),
    }
}

fn add_form() -> Form {
    let fields = vec![
        FormField::line("game", "Game", 60).example("minecraft, bedrock, valheim, rust, counterstrike2, …"),
        FormField::line("address", "Address, and port if it isn't the usual", 260)
            .example("play.example.org:25565"),
        FormField::line("name", "Name (else the server's own)", 60).optional(),
    ];
    Form { action: ADDED.to_owned(), title: "Add a game server".to_owned(), fields }
}

fn remove_form(address: &str) -> Form {
    let field = FormField::line("server", "Name or address of the server", 260).with(address);
    Form { action: REMOVED.to_owned(), title: "Remove a game server".to_owned(), fields: vec![field] }
}

fn gone() -> InvalidInput {
    InvalidInput("This server isn't in the panel any more.".to_owned())
}
