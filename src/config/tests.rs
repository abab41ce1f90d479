//! Settings as operators write them.

use super::*;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

fn read<T>(
    settings: &[(&str, &str)],
    then: impl FnOnce(Env<'_>) -> Result<T, ConfigError>,
) -> Result<T, String> {
    let lookup =
        |name: &str| settings.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    then(Env::new(&lookup)).map_err(|error| error.to_string())
}

fn problem(name: &str, value: &str) -> String {
    let settings = [(name, value), ("DISCORD_TOKEN", "a.b.c"), ("ENCRYPTION_KEY", KEY)];
    read(&settings, |env| env.config()).unwrap_err()
}

/// Where the pages are, and how they are reached.
#[test]
fn the_web_pages_are_off_until_they_have_an_address() {
    let web = |settings: &[(&str, &str)]| {
        let all: Vec<_> = [("DISCORD_TOKEN", "a.b.c"), ("ENCRYPTION_KEY", KEY)].into_iter().collect();
        let all = [&all[..], settings].concat();
        read(&all, |env| env.config())
            .map(|config| config.web.map(|web| (web.addr.to_string(), web.public_url)))
    };
    assert_eq!(web(&[]), Ok(None));
    assert_eq!(web(&[("PUBLIC_URL", "https://x.example")]), Ok(None));
    let local = web(&[("WEB_ADDR", "127.0.0.1:8081")]);
    assert_eq!(local, Ok(Some(("127.0.0.1:8081".to_owned(), None))));
    let open = [("WEB_ADDR", "0.0.0.0:8081"), ("PUBLIC_URL", "https://Bot.example.org/")];
    let (_, url) = web(&open).unwrap().unwrap();
    assert_eq!(url.unwrap().origin(), "https://bot.example.org");
    for url in ["http://localhost:8081", "http://127.0.0.1:9", "http://[::1]:9"] {
        let (_, read) = web(&[("WEB_ADDR", "127.0.0.1:8081"), ("PUBLIC_URL", url)]).unwrap().unwrap();
        assert_eq!(read.unwrap().origin(), url);
    }
    for (settings, problem) in [
        (&[("WEB_ADDR", "8081")][..], "WEB_ADDR is not an address"),
        (&[("WEB_ADDR", "127.0.0.1:8080")], "WEB_ADDR is the same as HTTP_ADDR"),
        (&[("WEB_ADDR", "0.0.0.0:8081")], "PUBLIC_URL is not set"),
        (
            &[("WEB_ADDR", "0.0.0.0:8081"), ("PUBLIC_URL", "http://bot.example.org")],
            "PUBLIC_URL is not encrypted",
        ),
        (&[("WEB_ADDR", "0.0.0.0:8081"), ("PUBLIC_URL", "bot.example.org")], "PUBLIC_URL is not an address"),
        (
            &[("WEB_ADDR", "0.0.0.0:8081"), ("PUBLIC_URL", "ftp://bot.example.org")],
            "PUBLIC_URL is not an https",
        ),
        (&[("WEB_ADDR", "0.0.0.0:8081"), ("PUBLIC_URL", "https://bot.example.org/x")], "PUBLIC_URL has more"),
        (
            &[("WEB_ADDR", "0.0.0.0:8081"), ("PUBLIC_URL", "https://a:b@bot.example.org")],
            "PUBLIC_URL has more",
        ),
    ] {
        let said = web(settings).unwrap_err();
        assert!(said.starts_with(problem), "{settings:?}: {said}");
    }
}

#[test]
fn people_sign_in_with_discord_once_there_is_a_secret() {
    let discord = |settings: &[(&str, &str)]| {
        let web = [("DISCORD_TOKEN", "a.b.c"), ("ENCRYPTION_KEY", KEY), ("WEB_ADDR", "127.0.0.1:8081")];
        let config = read(&[&web[..], settings].concat(), |env| env.config())?;
        assert!(!format!("{config:?}").contains("s3cret"));
        let discord = config.web.unwrap().discord;
        Ok::<_, String>(discord.map(|discord| (discord.secret.expose_secret().to_owned(), discord.base)))
    };
    assert_eq!(discord(&[("DISCORD_OAUTH_BASE", "https://discord.com")]), Ok(None));
    let secret = ("DISCORD_CLIENT_SECRET", "s3cret");
    let base = |settings: &[(&str, &str)]| discord(settings).unwrap().unwrap().1.to_string();
    assert_eq!(base(&[secret]), "https://discord.com/");
    assert_eq!(base(&[secret, ("DISCORD_API_BASE", "http://127.0.0.1:9")]), "http://127.0.0.1:9/");
    let proxied = [("DISCORD_API_BASE", "http://proxy:9"), ("DISCORD_OAUTH_BASE", "https://discord.com")];
    assert_eq!(base(&[&[secret], &proxied[..]].concat()), "https://discord.com/");
    let blank = discord(&[("DISCORD_CLIENT_SECRET", "a s3cret")]).unwrap_err();
    assert!(
        blank.starts_with("DISCORD_CLIENT_SECRET has characters") && !blank.contains("s3cret"),
        "{blank}"
    );
    let path = discord(&[secret, ("DISCORD_OAUTH_BASE", "https://discord.com/api")]).unwrap_err();
    assert!(path.starts_with("DISCORD_OAUTH_BASE has more"), "{path}");
}

#[test]
fn defaults_are_discord_and_a_file_beside() {
    let config = read(&[("DISCORD_TOKEN", "Bot a.b.c"), ("ENCRYPTION_KEY", KEY)], |env| env.config());
    let config = config.unwrap();
    assert_eq!(config.token.expose_secret(), "a.b.c");
    assert_eq!(config.api_base.as_str(), "https://discord.com/");
    assert_eq!(config.request_pace, RequestPace::Auto);
    assert_eq!(config.http_addr.to_string(), "127.0.0.1:8080");
    assert_eq!(config.follow_actions_per_hour, Some(100));
    assert_eq!(
        (config.keeping.contents, config.keeping.mirrors, config.keeping.audit),
        (TimeDelta::hours(24), TimeDelta::days(30), TimeDelta::days(90))
    );
    assert!(config.panel_monitoring_guilds.is_empty() && !config.panel_private_addresses);
    assert!(
        matches!(config.storage.database, DatabaseConfig::Sqlite { path, .. } if path == *"tributary.db")
    );
}

#[test]
fn a_wrong_setting_is_named_with_a_way_out() {
    for (name, value) in [
        ("DISCORD_TOKEN", ""),
        ("DISCORD_TOKEN", "tok en"),
        ("DISCORD_API_BASE", "discord.com"),
        ("DISCORD_API_BASE", "http://127.0.0.1:1/api"),
        ("DISCORD_API_BASE", "http://user:secret@127.0.0.1:1"),
        ("DISCORD_REQUESTS_PER_SECOND", "plenty"),
        ("DATABASE_URL", "mysql://localhost/x"),
        ("ENCRYPTION_KEY", "c2hvcnQ="),
        ("HTTP_ADDR", "localhost:http"),
        ("FOLLOW_ACTIONS_PER_HOUR", "-1"),
        ("CONTENT_HOURS", "a day"),
        ("MIRROR_DAYS", "-30"),
        ("AUDIT_DAYS", "-3"),
        ("PANEL_MONITORING_GUILDS", "my server"),
        ("PANEL_MONITORING_GUILDS", "42,0"),
        ("PANEL_PRIVATE_ADDRESSES", "maybe"),
        ("OPERATORS", "Ada"),
        ("OPERATORS", "42,0"),
        ("ROLE", "boss"),
        ("SHARDS", "0-3/16"),
        ("SHARDS", "0..16/16"),
    ] {
        let line = problem(name, value);
        assert!(line.starts_with(name) && line.len() > name.len() + 30, "{line}");
        assert!(!line.contains('\n') && (value.is_empty() || !line.contains(value)), "{line}");
    }
}

const POSTGRES: (&str, &str) = ("DATABASE_URL", "postgres://u:hidden@h/d");

fn role(settings: &[(&str, &str)]) -> Result<ProcessRole, String> {
    let needed = [("DISCORD_TOKEN", "a.b.c"), ("ENCRYPTION_KEY", KEY)];
    let settings: Vec<_> = needed.iter().chain(settings).copied().collect();
    read(&settings, |env| env.config()).map(|config| config.role)
}

#[test]
fn a_process_does_all_or_its_part() {
    let these = ShardSelection::These("0..3/16".parse().unwrap());
    assert_eq!(role(&[]), Ok(ProcessRole::All(ShardSelection::Recommended)));
    assert_eq!(
        role(&[("SHARDS", "0..1/2")]),
        Ok(ProcessRole::All(ShardSelection::These("0..1/2".parse().unwrap())))
    );
    assert_eq!(role(&[POSTGRES, ("SHARDS", "0..3/16")]), Ok(ProcessRole::All(these)));
    assert_eq!(
        role(&[POSTGRES, ("ROLE", "gateway"), ("SHARDS", "0..3/16")]),
        Ok(ProcessRole::Gateway(these))
    );
    assert_eq!(role(&[POSTGRES, ("ROLE", "worker")]), Ok(ProcessRole::Worker));
}

#[test]
fn parts_that_cannot_be_are_refused_with_a_way_out() {
    for (settings, said) in [
        (&[POSTGRES, ("ROLE", "worker"), ("SHARDS", "0/2")][..], "workers share all lanes"),
        (&[("ROLE", "worker")], "but SQLite allows only one. Set DATABASE_URL to a PostgreSQL"),
        (&[("ROLE", "gateway")], "but SQLite allows only one. Set DATABASE_URL to a PostgreSQL"),
        (&[("SHARDS", "0/2")], "but SQLite allows only one. Set DATABASE_URL to a PostgreSQL"),
        (&[POSTGRES, ("SHARDS", "0..16/16")], "the shards of 16 are 0 to 15. Use 0..3/16 for shards 0 to 3"),
        (&[POSTGRES, ("SHARDS", "3..0/16")], "ends before it begins. Use 0..3/16"),
    ] {
        let line = role(settings).unwrap_err();
        assert!(line.contains(said), "{line}");
    }
}

#[test]
fn mirrors_are_known_as_long_as_sources_are_read_back() {
    let given = [("MIRROR_DAYS", "2"), ("CATCH_UP_HOURS", "72"), ("CONTENT_HOURS", "0")];
    let settings = [("DISCORD_TOKEN", "a.b.c"), ("ENCRYPTION_KEY", KEY)].into_iter().chain(given);
    let config = read(&settings.collect::<Vec<_>>(), |env| env.config()).unwrap();
    assert_eq!((config.keeping.contents, config.keeping.mirrors), (TimeDelta::zero(), TimeDelta::days(3)));
}

#[test]
fn mirrors_are_known_for_a_day_at_least() {
    assert_eq!(problem("MIRROR_DAYS", "0"), "MIRROR_DAYS is too small. Use 30, or at least 1.");
}

#[test]
fn panels_are_allowed_more_on_request() {
    let settings = [
        ("DISCORD_TOKEN", "a.b.c"),
        ("ENCRYPTION_KEY", KEY),
        ("PANEL_MONITORING_GUILDS", "42, 43,"),
        ("PANEL_PRIVATE_ADDRESSES", "true"),
    ];
    let config = read(&settings, |env| env.config()).unwrap();
    assert_eq!(config.panel_monitoring_guilds, [42, 43].map(|id| GuildId::new(id).unwrap()));
    assert!(config.panel_private_addresses);
}

#[test]
fn proxies_are_networks() {
    assert_eq!(
        problem("TRUSTED_PROXIES", "127.0.0.1,nginx"),
        "TRUSTED_PROXIES has something that isn't a network. Give networks or addresses separated by commas, such as 127.0.0.1,10.0.0.0/8."
    );
    let settings = [
        ("DISCORD_TOKEN", "a.b.c"),
        ("ENCRYPTION_KEY", KEY),
        ("WEB_ADDR", "127.0.0.1:8081"),
        ("TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8"),
        ("API_REQUESTS_PER_MINUTE", "0"),
    ];
    let web = read(&settings, |env| env.config()).unwrap().web.unwrap();
    assert!(web.proxies.trusts("10.1.2.3".parse().unwrap()));
    assert_eq!(web.requests_per_minute, None);
    let usual = read(&settings[..3], |env| env.config()).unwrap().web.unwrap();
    assert_eq!((usual.proxies.is_empty(), usual.requests_per_minute), (true, Some(120)));
}

#[test]
fn postgres_needs_a_key_of_its_own() {
    let settings = [("DISCORD_TOKEN", "a.b.c"), ("DATABASE_URL", "postgres://u:hidden@h/d")];
    let error = read(&settings, |env| env.config()).unwrap_err();
    assert!(error.starts_with("ENCRYPTION_KEY is not set") && !error.contains("hidden"), "{error}");
}
