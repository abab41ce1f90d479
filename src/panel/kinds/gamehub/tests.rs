use chrono::TimeDelta;
use proptest::prelude::*;

use super::*;
use crate::domain::text::alphabet::any_line;
use crate::panel::kinds::test_support::{
    actions, asked, assert_fits, changed, context, filled, menu, noon, press, shown, texts,
};
use crate::panel::sources::PanelSettings;
use crate::panel::sources::games::{Address, GameError, GameQuery, GameStatus};
use crate::panel::sources::history::{SampleHistory, TimeSpan};
use crate::store::Sample;

const LINES: &str =
    "minecraft | play.example.org\nvalheim | 198.51.100.7:2457 | Our *island*\nRust|rust.example.org";

fn config() -> Config {
    Gamehub::configure(None, &filled([("servers", LINES)])).unwrap()
}

fn facts(server: &GameServer, status: Result<GameStatus, GameError>) -> GameFacts {
    let at = |ago: i64| noon() - TimeDelta::minutes(ago);
    let sample = |ago: i64| Sample { series: GameFacts::SERIES.to_owned(), at: at(ago), value: 12.0 };
    let samples: Vec<Sample> = (30..600).rev().map(sample).collect();
    let players = SampleHistory::new(TimeSpan::Day, noon(), &samples);
    GameFacts { query: server.query.clone(), status, seen: Some(at(30)), players }
}

fn up() -> GameStatus {
    GameStatus {
        name: "The Harbour".to_owned(),
        map: "world_1".to_owned(),
        version: "1.21.4".to_owned(),
        players: 12,
        most: 20,
        names: vec!["Ada".to_owned(), "Bob_*".to_owned()],
        latency: 43,
    }
}

fn data(config: &Config) -> Data {
    let servers = &config.servers;
    Data { servers: vec![facts(&servers[0], Ok(up())), facts(&servers[1], Err(GameError::Silent))] }
}

fn act(
    config: &Config,
    action: &str,
    chosen: Option<&str>,
    form: Option<&FormAnswers>,
) -> Result<ActionOutcome<Config>, InvalidInput> {
    let settings = PanelSettings::default();
    assert!(Gamehub::press_kind(action).is_some(), "{action} can be pressed");
    let input = ActionInput { chosen, filled: form, ..press(action, &settings) };
    Gamehub::handle(&context(), config.clone(), &data(&self::config()), &input)
}

#[test]
fn an_empty_panel_says_what_to_do() {
    let view = Gamehub::render(&context(), &Config::default(), &Data::default());
    assert_fits(&view);
    assert!(texts(&view).contains("Press **Add server**"));
    assert_eq!(view.controls.len(), 1);
}

#[test]
fn servers_are_seen_at_a_glance() {
    let config = config();
    let view = Gamehub::render(&context(), &config, &data(&config));
    assert_fits(&view);
    let seen = (noon() - TimeDelta::minutes(30)).timestamp();
    let expected = [
        "Panel",
        "**1 of 3 up** · **12** playing",
        "🟢 The Harbour: **12** / 20 playing",
        "world\\_1",
        "Minecraft · 45 ms",
        "`play.example.org:25565`",
        "🔴 Our \\*island\\*: It does not answer.",
        &format!("last up <t:{seen}:R>, 12 playing"),
        "`198.51.100.7:2457`",
        "⚪ rust.example.org:27015: Rust",
        "`rust.example.org:27015`",
    ];
    assert_eq!(texts(&view), expected.join("\n"));
    let labels: Vec<_> = menu(&view, SERVER).options.iter().map(|option| option.label.as_str()).collect();
    assert_eq!(labels, ["🟢 The Harbour", "🔴 Our *island*", "⚪ rust.example.org:27015"]);
}

#[test]
fn a_quiet_server_looks_the_same_a_moment_later() {
    let config = config();
    let view = |latency| {
        let mut data = data(&config);
        data.servers[0].status = Ok(GameStatus { latency, names: Vec::new(), ..up() });
        Gamehub::render(&context(), &config, &data)
    };
    assert_eq!(view(43), view(47));
    assert_ne!(view(43), view(48));
    assert!(texts(&view(0)).contains("· 5 ms"));
}

#[test]
fn a_server_is_added_looked_at_and_removed() {
    let form = asked(act(&config(), ADD, None, None));
    assert_eq!(form.action, ADDED);
    let new = filled([("game", "Counter-Strike 2"), ("address", "203.0.114.9"), ("name", " The  Range ")]);
    let (config, said) = changed(act(&config(), &form.action, None, Some(&new)));
    assert_eq!(said, "Added **The Range**. Its state appears in a moment.");
    assert_eq!(config.servers[3].query.address.to_string(), "203.0.114.9:27015");
    assert!(act(&config, ADDED, None, Some(&new)).unwrap_err().0.contains("already"));

    let id = config.servers[0].id.to_string();
    let view = shown(act(&config, SERVER, Some(&id), None));
    assert_fits(&view);
    let details = texts(&view);
    for expected in ["🟢 The Harbour", "Version: 1.21.4", "Playing: Ada, Bob\\_\\*", "Latency: 43 ms"] {
        assert!(details.contains(expected), "{expected} is not in:\n{details}");
    }
    assert!(view.picture.is_some());
    let action = actions(&view)[0];
    let form = asked(act(&config, action, None, None));
    assert_eq!(form.fields[0].value, "play.example.org:25565");
    let which = filled([("server", &*form.fields[0].value)]);
    let (config, said) = changed(act(&config, &form.action, None, Some(&which)));
    assert_eq!((said.as_str(), config.servers.len()), ("Removed **The Harbour**.", 3));
    assert!(act(&config, &form.action, None, Some(&which)).is_err());
    assert!(act(&config, action, None, None).is_err() && act(&config, SERVER, Some(&id), None).is_err());

    assert_eq!(asked(act(&config, REMOVE, None, None)).fields[0].value, "");
    let (config, _) = changed(act(&config, REMOVED, None, Some(&filled([("server", "our *ISLAND*")]))));
    assert_eq!(config.servers.len(), 2);
    assert!(act(&config, REMOVED, None, Some(&filled([("server", "")]))).is_err());
}

#[test]
fn what_cannot_be_asked_is_refused_at_once() {
    let add = |game: &str, address: &str| {
        let form = filled([("game", game), ("address", address), ("name", "")]);
        act(&Config::default(), ADDED, None, Some(&form)).map(drop).map_err(|error| error.0).unwrap_err()
    };
    assert!(add("valheim", "192.168.0.7").contains("Private addresses"));
    assert!(add("valheim", "[::ffff:127.0.0.1]:2457").contains("Private addresses"));
    assert!(add("valheim", "169.254.169.254").contains("No server"));
    assert!(add("valheim", "example.org:80").contains("1024"));
    assert!(add("valheim", "http://example.org").contains("isn't an address"));
    assert_eq!(add("counter", "example.org").matches('`').count() % 2, 0);
    assert!(add("counter", "example.org").contains("`Counter-Strike`"));
    assert!(add("chess", "example.org").contains("I don't know the game `chess`"));
    for action in ["remove.", "remove.x", "removes", "", "added "] {
        assert_eq!(Gamehub::press_kind(action), None, "{action}");
    }
}

#[test]
fn what_was_written_stands_in_the_form_again() {
    let config = config();
    let stands = Gamehub::form(Some(&config)).remove(0).value;
    let again = Gamehub::configure(Some(config.clone()), &filled([("servers", &stands)])).unwrap();
    assert_eq!(again.servers, config.servers);
    let fewer =
        Gamehub::configure(Some(config.clone()), &filled([("servers", "rust | rust.example.org | R")]))
            .unwrap();
    assert_eq!((fewer.servers[0].id, fewer.servers[0].name.as_str()), (config.servers[2].id, "R"));
    for lines in ["minecraft", "| x", "minecraft | ", "rust | a\nrust | a", &"rust | a\n".repeat(13)] {
        assert!(Gamehub::configure(None, &filled([("servers", lines)])).is_err(), "{lines}");
    }
    let many: Vec<_> = (0..13).map(|at| format!("rust | r{at}.example.org")).collect();
    assert!(Gamehub::configure(None, &filled([("servers", &many.join("\n"))])).is_err());
}

fn any_status() -> impl Strategy<Value = Result<GameStatus, GameError>> {
    let long = || prop_oneof![any_line(), "\\PC{0,100}", Just("*".repeat(100)), Just("_".repeat(50))];
    let names = prop::collection::vec(prop_oneof![any_line(), Just("*".repeat(32))], 0..40);
    let up = (long(), long(), long(), any::<[u32; 3]>(), names).prop_map(
        |(name, map, version, [players, most, latency], names)| {
            Ok(GameStatus { name, map, version, players, most, names, latency })
        },
    );
    prop_oneof![4 => up, 1 => Just(Err(GameError::Garbled)), 1 => Just(Err(GameError::NoAddress))]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_servers_fit(
        servers in prop::collection::vec((any_status(), prop_oneof![Just(String::new()), Just("*".repeat(60))], any::<bool>()), 0..=servers::MOST),
    ) {
        let mut config = Config::default();
        let mut data = Data::default();
        for (at, (status, name, asked)) in servers.into_iter().enumerate() {
            let host = format!("{}{at}.example.org", "a".repeat(200));
            let server = servers::read_one(&mut config, "minecraftlegacyb18", &host, &name).unwrap();
            if asked {
                data.servers.push(facts(&server, status));
            }
            config.add(server).unwrap();
        }
        assert_fits(&Gamehub::render(&context(), &config, &data));
        for server in config.servers.iter().take(1) {
            assert_fits(&render::details(&context(), server, data.of(server)));
        }
        let written = serde_json::to_value((&config, &data)).unwrap();
        let (config_again, data_again): (Config, Data) = serde_json::from_value(written).unwrap();
        prop_assert_eq!((config_again, data_again), (config, data));
    }
}

#[test]
fn the_address_of_a_query_is_kept_whole() {
    let query =
        GameQuery { game: "rust".to_owned(), address: Address::parse("[2001:4860::7]:3000", 1).unwrap() };
    let again: GameQuery = serde_json::from_value(serde_json::to_value(&query).unwrap()).unwrap();
    assert_eq!(again, query);
}
