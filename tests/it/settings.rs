//! Settings and what is wrong with them, as the operator reads it: one line that names the setting and the
//! solution.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rstest::rstest;
use tributary::config::SETTINGS;
use tributary_sandbox::{Config, GatewayFault, Intents};

use crate::harness::{Backend, Bot, Database, KEY, World, ended};

/// A valid setting for everything that is needed; nothing listens at that address.
fn command(database: &Database, settings: &[(&str, &str)]) -> Command {
    let mut command = Bot::command(database);
    command
        .env("DISCORD_TOKEN", "a.b.c")
        .env("DISCORD_API_BASE", "http://127.0.0.1:9")
        .env("DATABASE_URL", database.url())
        .env("HTTP_ADDR", "127.0.0.1:0")
        .envs(settings.iter().copied());
    command
}

async fn sqlite() -> Database {
    Database::create(Backend::Sqlite).await.expect("SQLite is always there")
}

#[rstest]
#[case("DISCORD_TOKEN", "", "discord.com/developers")]
#[case("DISCORD_TOKEN", "tok en", "discord.com/developers")]
#[case("DISCORD_API_BASE", "discord.com", "http://")]
#[case("DISCORD_API_BASE", "http://127.0.0.1:1/api/v10", "scheme, host and port")]
#[case("DISCORD_API_BASE", "http://someone:hidden@127.0.0.1:1", "scheme, host and port")]
#[case("DATABASE_URL", "mysql://someone:hidden@localhost/x", "postgres://USER:PASSWORD@HOST")]
#[case("DATABASE_URL", "sqlite://no/such/folder/bot.db?mode=rwc", "folder")]
#[case("DATABASE_URL", "sqlite://no-such-file.db", "mode=rwc")]
#[case("DATABASE_URL", "postgres://someone:hidden@127.0.0.1:notaport/x", "postgres://USER:PASSWORD@HOST")]
#[case("DATABASE_URL", "postgres://someone:hid/hidden@127.0.0.1/x", "percent")]
#[case("DATABASE_URL", "postgres://someone:12/hidden@127.0.0.1/x", "percent")]
#[case("DATABASE_URL", "postgres://someone:12#hidden@127.0.0.1/x", "percent")]
#[case("DATABASE_URL", "postgres://someone:12?hidden@127.0.0.1/x", "percent")]
#[case("DATABASE_URL", "postgres://someone:x%ffhidden@127.0.0.1/x", "percent")]
#[case("DATABASE_URL", "postgres://someone@127.0.0.1/x?pasword=hidden", "sslmode")]
#[case("DATABASE_URL", "sqlite::memory:", "lost")]
#[case("DATABASE_URL", "sqlite://:memory:", "lost")]
#[case("DATABASE_URL", "sqlite://bot.db?mode=memory", "lost")]
#[case("DATABASE_URL", "sqlite://", "sqlite://tributary.db")]
#[case("DATABASE_URL", "sqlite://.?mode=rwc", "folder")]
#[case("DATABASE_URL", "sqlite:///dev/null?mode=rwc", "sqlite://tributary.db")]
#[case("DATABASE_URL", "sqlite://bot.db?mod=hidden", "mode=rwc")]
#[case("DATABASE_URL", "sqlite://bot.key?mode=rwc", "another name")]
#[case("ENCRYPTION_KEY", "c2hvcnQ=", "openssl rand -base64 32")]
#[case("HTTP_ADDR", "8080", "127.0.0.1:8080")]
#[case("HTTP_ADDR", "192.0.2.1:8080", "127.0.0.1:8081")]
#[case("WEB_ADDR", "8081", "127.0.0.1:8081")]
#[case("PUBLIC_URL", "bot.example.org", "https://bot.example.org")]
#[case("DISCORD_CLIENT_SECRET", "hid den", "OAuth2")]
#[case("DISCORD_OAUTH_BASE", "discord.com", "http://")]
#[case("FOLLOW_ACTIONS_PER_HOUR", "-1", "0 for no limit")]
#[case("FOLLOWS_PER_TARGET", "many", "0 for no limit")]
#[case("ALLOWED_SERVERS", "613425648685547541,my server", "Copy Server ID")]
#[case("BLOCKED_SERVERS", "613425", "Copy Server ID")]
#[case("LEAVE_SERVERS_AT_MOST", "-1", "0 for no limit")]
#[case("PANEL_MONITORING_GUILDS", "my server", "Copy Server ID")]
#[case("PANEL_PRIVATE_ADDRESSES", "yes", "true or false")]
#[case("RUST_LOG", "tributary=loud", "tributary=debug")]
#[case("RUST_LOG", "warning", "warn")]
#[case("RUST_LOG", "Verbose", "info")]
#[case("RUST_LOG", "info,debgu", "debug")]
#[case("RUST_LOG", "tributry=debug", "tributary")]
#[case("RUST_LOG", "info,sql=warn", "sqlx")]
#[case("LOG_FORMAT", "xml", "text or json")]
#[tokio::test]
async fn a_wrong_setting_ends_it_with_one_line(
    #[case] name: &str,
    #[case] value: &str,
    #[case] way_out: &str,
) {
    let database = sqlite().await;
    let mut command = command(&database, &[(name, value)]);
    if value.starts_with("postgres") {
        command.env("ENCRYPTION_KEY", KEY);
    }
    let ended = ended(command).await;
    let line = ended.complaint();
    assert!(line.starts_with(&format!("error: {name} ")), "it should name the setting: {line}");
    assert!(line.contains(way_out), "it should say how to get it right: {line}");
    assert!(!line.contains("hidden") && line.len() < 400, "{line}");
}

#[tokio::test]
async fn postgres_needs_a_key() {
    let database = sqlite().await;
    let ended = ended(command(&database, &[("DATABASE_URL", "postgres://u:hidden@127.0.0.1:1/x")])).await;
    assert!(ended.complaint().starts_with("error: ENCRYPTION_KEY is not set"), "{}", ended.complaint());
}

#[tokio::test]
async fn an_address_that_is_taken_is_said() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let database = sqlite().await;
    let ended = ended(command(&database, &[("HTTP_ADDR", &address)])).await;
    let line = ended.complaint();
    assert!(line.starts_with("error: HTTP_ADDR") && line.contains(&address), "{line}");
}

#[tokio::test]
async fn help_shows_every_setting_with_its_default() {
    let database = sqlite().await;
    let mut command = Bot::command(&database);
    command.arg("--help");
    let ended = ended(command).await;
    assert_eq!(ended.code, Some(0));
    for setting in SETTINGS {
        assert!(ended.stdout.contains(&format!("\n  {}", setting.name)), "{}", setting.name);
        assert!(ended.stdout.contains(setting.default.unwrap_or_default()), "{}", setting.name);
    }
}

#[tokio::test]
async fn a_env_file_is_read_and_the_environment_wins() {
    let world = World::new().await;
    let folder = world.database.folder();
    let file = format!(
        "DISCORD_TOKEN={}\nDISCORD_API_BASE=http://127.0.0.1:9\nHTTP_ADDR=127.0.0.1:0\nLOG_FORMAT=json\n",
        world.sandbox.token()
    );
    std::fs::write(folder.join(".env"), file).unwrap();
    let mut command = Bot::command(&world.database);
    command.env("DISCORD_API_BASE", world.sandbox.base());
    let mut bot = Bot::run(command);
    assert!(bot.logged("connected to the gateway").await.starts_with('{'), "the file's LOG_FORMAT applies");
    assert!(folder.join("tributary.db").exists(), "the default database is in the working directory");
    let (status, _) = bot.stop().await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn a_env_file_further_up_is_not_read() {
    let database = sqlite().await;
    std::fs::write(database.folder().join(".env"), "DISCORD_TOKEN=a.b.c\n").unwrap();
    std::fs::create_dir(database.folder().join("below")).unwrap();
    let mut command = Bot::command(&database);
    command.current_dir(database.folder().join("below"));
    assert!(ended(command).await.complaint().starts_with("error: DISCORD_TOKEN is not set"));
}

#[tokio::test]
async fn a_damaged_env_file_is_said_without_its_content() {
    let database = sqlite().await;
    std::fs::write(database.folder().join(".env"), "# Settings\nDISCORD_TOKEN='hidden\n").unwrap();
    let ended = ended(command(&database, &[])).await;
    assert!(ended.complaint().contains(".env") && !ended.stderr.contains("hidden"), "{}", ended.stderr);
    assert!(ended.complaint().contains("line 2 of the .env file"), "{}", ended.stderr);
}

#[tokio::test]
async fn without_a_key_one_is_made_beside_the_database() {
    let mut world = World::new().await;
    let (status, _) = world.start().await.stop().await;
    assert!(status.success());
    let file = world.database.folder().join("tributary.key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);

    let key = std::fs::read_to_string(&file).unwrap();
    let (status, _) = world.start().await.stop().await;
    assert!(status.success() && std::fs::read_to_string(&file).unwrap() == key, "the file stays as it is");

    world.set("ENCRYPTION_KEY", KEY);
    let ended = ended(world.command()).await;
    let line = ended.complaint();
    assert!(line.starts_with("error: ENCRYPTION_KEY ") && line.contains("tributary.key is"), "{line}");
    assert!(!ended.stderr.contains(KEY) && !ended.stderr.contains(key.trim()));
}

#[tokio::test]
async fn a_rejected_token_ends_it_without_a_retry() {
    let mut world = World::new().await;
    world.set("DISCORD_TOKEN", "wrong.token.hidden");
    let ended = ended(world.command()).await;
    let line = ended.complaint();
    assert!(line.starts_with("error: DISCORD_TOKEN was rejected") && line.contains("Reset Token"), "{line}");
    assert!(!ended.stderr.contains("hidden"));
    assert_eq!(world.sandbox.counts().invalid, 1);
}

#[tokio::test]
async fn a_token_that_the_gateway_rejects_ends_it() {
    let world = World::new().await;
    let mut bot = world.start().await;
    world.sandbox.gateway_fault(&GatewayFault::Close(4004));
    assert_eq!(bot.ended().await.code(), Some(1));
    assert_eq!(bot.log().matches("\nerror: DISCORD_TOKEN was rejected").count(), 1, "{}", bot.log());
    assert_eq!(world.sandbox.counts().identifies, 1);
}

#[tokio::test]
async fn an_intent_that_is_not_switched_on_ends_it() {
    let config = Config { privileged_intents: Intents::empty(), ..Config::default() };
    let world = World::configured(Backend::Sqlite, config).await.unwrap();
    let mut bot = world.spawn();
    assert_eq!(bot.ended().await.code(), Some(1));
    let log = bot.log();
    let line = log.lines().find(|line| line.starts_with("error: ")).unwrap();
    assert!(line.contains("Message Content Intent") && line.contains("developers/applications"), "{line}");
    assert_eq!(world.sandbox.counts().identifies, 0, "it was closed before, and not tried again");
}

#[tokio::test]
async fn what_should_be_logged_can_be_said_in_many_ways() {
    for filter in
        ["INFO", "2", "info,tributary::delivery=trace,sqlx=off", "off,tributary=info", "sea_orm=warn,info"]
    {
        let database = sqlite().await;
        let ended =
            ended(command(&database, &[("RUST_LOG", filter), ("DATABASE_URL", "sqlite://none.db")])).await;
        assert!(ended.complaint().starts_with("error: DATABASE_URL"), "{filter}: {ended:?}");
    }
}

#[tokio::test]
async fn names_that_look_like_settings_are_named() {
    let world = World::new().await;
    let folder = world.database.folder();
    let file = "DISCORD_TOKN=hidden\nPANEL_STUFF=hidden\nPOSTGRES_PASSWORD=hidden\nEDITOR=vi\n";
    std::fs::write(folder.join(".env"), file).unwrap();
    let mut command = world.command();
    command
        .env("HTTP_ADRR", "hidden")
        .env("MIRROR_DAYS", "31")
        .env("PATH", "/bin")
        .env("RUST_BACKTRACE", "0");
    let mut bot = Bot::run(command);
    bot.logged("connected to the gateway").await;
    let log = bot.log();
    for (name, nearest) in
        [("DISCORD_TOKN", "DISCORD_TOKEN"), ("HTTP_ADRR", "HTTP_ADDR"), ("PANEL_STUFF", "PANEL_")]
    {
        let line = log.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name} in {log}"));
        assert!(line.contains("WARN") && line.contains(nearest), "{line}");
    }
    for name in ["POSTGRES_PASSWORD", "EDITOR", "PATH", "RUST_BACKTRACE", "hidden", "MIRROR_DAYS"] {
        assert!(!log.contains(name), "{name} in {log}");
    }
}

#[tokio::test]
async fn a_mistyped_name_is_beside_what_is_missing() {
    let database = sqlite().await;
    std::fs::write(database.folder().join(".env"), "DISCORD_TOKN=hidden\n").unwrap();
    let mut command = Bot::command(&database);
    command.env("HTTP_ADDR", "127.0.0.1:0");
    let ended = ended(command).await;
    assert!(ended.stderr.contains("error: DISCORD_TOKEN is not set"), "{ended:?}");
    assert!(ended.stderr.contains("DISCORD_TOKN") && !ended.stderr.contains("hidden"), "{ended:?}");
}
