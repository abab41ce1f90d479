//! How game servers look: all of them, and one of them.

use crate::domain::limits;
use crate::domain::message::{Embed, EmbedField};
use crate::domain::panel::{Button, ButtonStyle, Control, MenuOption, PanelView, Picture, SelectMenu};
use crate::domain::text;
use crate::panel::chart::{Chart, Series, Shape, Unit};
use crate::panel::embed::{AMBER, GREEN, GREY, RED, code, field, lines, picture, wide};
use crate::panel::kind::PanelContext;
use crate::panel::sources::GameFacts;
use crate::panel::sources::games::GameStatus;

use super::servers::{Config, GameServer};
use super::{ADD, Data, REMOVE, SERVER};

/// How long an address, a map and a version may be in the overview, where twelve servers share an embed.
const LONGEST: usize = 48;

/// All servers.
pub(super) fn overview(context: &PanelContext, config: &Config, data: &Data) -> PanelView {
    let known: Vec<_> = config.servers.iter().map(|server| (server, data.of(server))).collect();
    let up: Vec<&GameStatus> =
        known.iter().filter_map(|(_, facts)| facts.and_then(|facts| facts.status.as_ref().ok())).collect();
    let asked = known.iter().filter(|(_, facts)| facts.is_some()).count();
    let color = match (up.len(), asked) {
        (_, 0) => GREY,
        (0, _) => RED,
        (up, asked) if up < asked => AMBER,
        _ => GREEN,
    };
    let playing: u64 = up.iter().map(|status| u64::from(status.players)).sum();
    let summary = match config.servers.len() {
        0 => "There are no game servers yet. Press **Add server**: Minecraft, Valheim, Rust, Counter-Strike and a hundred other games are known.".to_owned(),
        _ if asked == 0 => "The servers will be asked in a moment.".to_owned(),
        all => format!("**{} of {all} up** · **{playing}** playing", up.len()),
    };
    let embed = Embed {
        title: Some(context.title.clone()),
        description: Some(summary),
        color: Some(color),
        fields: known.iter().map(|(server, facts)| one(server, *facts)).collect(),
        ..Embed::default()
    };
    let mut buttons = vec![Button::primary("Add server", ADD)];
    let mut controls = Vec::new();
    if !config.servers.is_empty() {
        controls.push(choose(config, data));
        buttons.push(Button::quiet("Remove server", REMOVE));
    }
    buttons.push(Button::quiet("Refresh", "refresh"));
    controls.push(Control::Buttons(buttons));
    PanelView { embeds: vec![embed], picture: None, controls }
}

fn mark(facts: Option<&GameFacts>) -> &'static str {
    match facts.map(|facts| &facts.status) {
        Some(Ok(_)) => "🟢",
        Some(Err(error)) if error.is_refusal() => "⚠️",
        Some(Err(_)) => "🔴",
        None => "⚪",
    }
}

fn one(server: &GameServer, facts: Option<&GameFacts>) -> EmbedField {
    let name = format!("{} {}", mark(facts), text::escape(&server.display_name(facts)));
    let address = format!("`{}`", code(&text::cut(&server.query.address.to_string(), LONGEST)));
    let short = |written: &str| text::escape(&text::cut(written, LONGEST));
    let mut value = Vec::new();
    match facts.map(|facts| (&facts.status, facts)) {
        Some((Ok(status), _)) => {
            value.push(players(status));
            if !status.map.is_empty() {
                value.push(short(&status.map));
            }
            value.push(format!("{} · {}", server.game(), latency(status)));
        }
        Some((Err(error), facts)) => {
            value.push(error.to_string());
            value.push(last(facts).unwrap_or_else(|| server.game().to_owned()));
        }
        None => value.push(server.game().to_owned()),
    }
    value.push(address);
    field(name, value.join("\n"))
}

fn players(status: &GameStatus) -> String {
    match status.most {
        0 => format!("**{}** playing", status.players),
        most => format!("**{}** / {most} playing", status.players),
    }
}

/// The latency in steps of five: the exact one always changes.
fn latency(status: &GameStatus) -> String {
    format!("{} ms", (status.latency.saturating_add(2) / 5 * 5).max(5))
}

/// When a server that is down was last up, and how many played then.
fn last(facts: &GameFacts) -> Option<String> {
    let seen = facts.seen?.timestamp();
    let points = facts.players.points(GameFacts::SERIES);
    let players = points.last().map(|point| format!(", {:.0} playing", point.1));
    Some(format!("last up <t:{seen}:R>{}", players.unwrap_or_default()))
}

fn choose(config: &Config, data: &Data) -> Control {
    let choice = |server: &GameServer| {
        let facts = data.of(server);
        MenuOption {
            label: format!("{} {}", mark(facts), server.display_name(facts)),
            value: server.id.to_string(),
            description: text::cut(&format!("{} · {}", server.game(), server.query.address), 100)
                .into_owned(),
            chosen: false,
        }
    };
    let options = config.servers.iter().map(choice).collect();
    let placeholder = "See a server's players, version and last day".to_owned();
    Control::Select(SelectMenu { action: SERVER.to_owned(), placeholder, options })
}

/// One server, with who plays, and how many played during the last day.
pub(super) fn details(context: &PanelContext, server: &GameServer, facts: Option<&GameFacts>) -> PanelView {
    let mut fields = vec![
        field("Game", server.game()),
        field("Address", format!("`{}`", code(&server.query.address.to_string()))),
    ];
    let (description, color) = match facts.map(|facts| (&facts.status, facts)) {
        None => ("Not asked yet.".to_owned(), GREY),
        Some((Err(error), facts)) => {
            let last = last(facts).map(|last| format!("\n{last}")).unwrap_or_default();
            (format!("{error}{last}"), RED)
        }
        Some((Ok(status), _)) => {
            fields.extend(told(status));
            (players(status), GREEN)
        }
    };
    let picture = facts.filter(|facts| facts.seen.is_some()).and_then(chart);
    let embed = Embed {
        title: Some(format!("{} {}", mark(facts), text::escape(&server.display_name(facts)))),
        description: Some(format!("{description}\n-# As of <t:{}:R>", context.since.timestamp())),
        color: Some(color),
        fields,
        image: picture.as_ref().map(|_| Picture::address()),
        ..Embed::default()
    };
    let remove = Button::Action {
        label: "Remove".to_owned(),
        style: ButtonStyle::Danger,
        action: format!("{REMOVE}.{}", server.id),
    };
    PanelView { embeds: vec![embed], picture, controls: vec![Control::Buttons(vec![remove])] }
}

/// What a server that is up tells besides the number of players.
fn told(status: &GameStatus) -> Vec<EmbedField> {
    let texts = [("Calls itself", &status.name), ("Map", &status.map), ("Version", &status.version)];
    let told = texts.into_iter().filter(|(_, written)| text::is_visible(written));
    let mut fields = vec![field("Latency", format!("{} ms", status.latency))];
    fields.extend(told.map(|(name, written)| field(name, text::escape(written))));
    if !status.names.is_empty() {
        let names: Vec<String> = status.names.iter().map(|name| text::escape(name)).collect();
        let more = |left| format!("… and {left} more");
        // A comma and a space take one character more than the line break that they replace.
        let written = lines(&names, limits::FIELD_VALUE - names.len(), more);
        fields.push(wide("Playing", written.replace('\n', ", ")));
    }
    fields
}

fn chart(facts: &GameFacts) -> Option<Picture> {
    let history = &facts.players;
    let (from, to) = history.times();
    let chart = Chart {
        title: format!("Players, {}", history.span.last()),
        unit: Unit::Count("players"),
        shape: Shape::Bars,
        from,
        to,
        gap: history.gap(),
        series: vec![Series { name: "Players".to_owned(), points: history.points(GameFacts::SERIES) }],
    };
    picture(&chart, format!("A chart of the players, {}", history.span.last()))
}
