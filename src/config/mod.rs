//! All settings: read once from the environment, checked, and turned into types.
//!
//! Their names, defaults and explanations are only in [`SETTINGS`]; `--help` and `.env.example` are generated
//! from there.

mod database;
mod key;
mod key_file;
mod nearest;
mod personal;
mod role;
mod servers;
mod settings;
#[cfg(test)]
mod tests;
mod unknown_names;
mod web;

use std::net::SocketAddr;

use chrono::TimeDelta;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::catch_up::CatchUp;
use crate::domain::ids::{GuildId, UserId};
use crate::domain::personal::PersonalPolicy;
use crate::domain::request_pace::RequestPace;
use crate::domain::retention::RetentionPeriods;
use crate::domain::servers::FollowLimits;

pub use self::database::DatabaseConfig;
pub use self::key::{EncryptionKey, MalformedKey};
pub use self::key_file::{KeyFile, KeyFileProblem, KeySource};
pub(crate) use self::nearest::nearest;
pub use self::role::{ProcessRole, ShardSelection};
pub use self::servers::{ServerSettings, server_id};
pub use self::settings::{SETTINGS, Setting, env_example, help};
pub use self::unknown_names::{UnknownName, unknown_name};
pub use self::web::{DiscordSignInConfig, WebConfig};

/// A setting that is missing or wrong, as one line that names it and says how to set it right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} {problem}. {remedy}")]
pub struct ConfigError {
    name: &'static str,
    problem: String,
    remedy: &'static str,
}

impl ConfigError {
    fn new(name: &'static str, problem: impl Into<String>, remedy: &'static str) -> Self {
        Self { name, problem: problem.into(), remedy }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For collectors: one JSON object a line.
    Json,
}

/// What and how to log.
#[derive(Debug, Clone)]
pub struct LogConfig {
    /// Directives of `tracing-subscriber`'s `EnvFilter`.
    pub filter: String,
    /// The lines' form.
    pub format: LogFormat,
}

/// Everything that `tributary run` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// What this process does.
    pub role: ProcessRole,
    /// The bot's token.
    pub token: SecretString,
    /// Where Discord's API is: scheme, host and port.
    pub api_base: Url,
    /// How many requests a second may go there.
    pub request_pace: RequestPace,
    /// Where the database is, and what encrypts webhook tokens and message contents in it.
    pub storage: Storage,
    /// Where health and metrics are served.
    pub http_addr: SocketAddr,
    /// Where the web pages are; `None` if they are off.
    pub web: Option<WebConfig>,
    /// The people who operate the bot; `None` for those whose application it is.
    pub operators: Option<Vec<UserId>>,
    /// Follow and unfollow actions that one person has in an hour; `None` for no limit.
    pub follow_actions_per_hour: Option<u32>,
    /// How far back sources are read after an absence.
    pub catch_up: CatchUp,
    /// How long things are kept.
    pub keeping: RetentionPeriods,
    /// How many panels a server may have; `None` for no limit.
    pub panels_per_server: Option<u32>,
    /// How many follows there may be.
    pub follow_limits: FollowLimits,
    /// Who may follow people, and who sees whom they follow.
    pub personal: PersonalPolicy,
    /// Which servers may use the bot.
    pub servers: ServerSettings,
    /// The servers in which panels may show the bot's own machine.
    pub panel_monitoring_guilds: Vec<GuildId>,
    /// Whether panels may ask game servers at private addresses.
    pub panel_private_addresses: bool,
}

/// How a subcommand reaches Discord.
#[derive(Debug, Clone)]
pub struct DiscordSettings {
    /// The bot's token.
    pub token: SecretString,
    /// Where Discord's API is: scheme, host and port.
    pub api_base: Url,
    /// How many requests a second may go there.
    pub request_pace: RequestPace,
}

/// Where the database is, and the key that opens it.
#[derive(Debug, Clone)]
pub struct Storage {
    /// Where.
    pub database: DatabaseConfig,
    /// Where its key comes from.
    pub key: KeySource,
    /// The key file that this database has or would have, even if the key comes from the settings. PostgreSQL
    /// has none.
    pub key_file: Option<KeyFile>,
}

/// Reads settings by name; in the program, the environment.
#[derive(Clone, Copy)]
pub struct Env<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Env<'a> {
    /// Settings from this look-up.
    pub const fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(lookup)
    }

    /// A setting's value. An empty one counts as not set, as compose files leave them.
    fn get(&self, name: &'static str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn get_or_default(&self, name: &'static str) -> String {
        self.get(name).unwrap_or_else(|| settings::default_of(name).to_owned())
    }

    /// Everything that `run` needs.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let token = self.token()?;
        let api_base = self.api_base()?;
        let request_pace = self.request_pace()?;
        let http_addr = self.http_addr()?;
        let web = self.web(http_addr)?;
        let operators = self.operators()?;
        let follow_actions_per_hour = self.follow_actions_per_hour()?;
        let panels_per_server = self.panels_per_server()?;
        let follow_limits = self.follow_limits()?;
        let personal = self.personal()?;
        let servers = self.servers()?;
        let catch_up = self.catch_up()?;
        let keeping = self.keeping(catch_up)?;
        let panel_monitoring_guilds = self.guilds("PANEL_MONITORING_GUILDS", |_| true)?;
        let panel_private_addresses = self.panel_private_addresses()?;
        let database = self.database()?;
        let role = self.role(&database)?;
        let storage = self.keyed(database)?;
        Ok(Config {
            role,
            token,
            api_base,
            request_pace,
            storage,
            http_addr,
            web,
            operators,
            follow_actions_per_hour,
            catch_up,
            keeping,
            panels_per_server,
            follow_limits,
            personal,
            servers,
            panel_monitoring_guilds,
            panel_private_addresses,
        })
    }

    /// What a subcommand needs to ask Discord.
    pub fn discord(&self) -> Result<DiscordSettings, ConfigError> {
        let (token, api_base) = (self.token()?, self.api_base()?);
        Ok(DiscordSettings { token, api_base, request_pace: self.request_pace()? })
    }

    /// How to log. Doesn't check the filter: the logging refuses one that it can't read.
    pub fn log(&self) -> Result<LogConfig, ConfigError> {
        let format = match self.get_or_default("LOG_FORMAT").as_str() {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            _ => return Err(ConfigError::new("LOG_FORMAT", "is unknown", "Use text or json.")),
        };
        Ok(LogConfig { filter: self.get_or_default("RUST_LOG"), format })
    }

    fn token(&self) -> Result<SecretString, ConfigError> {
        const REMEDY: &str = "Create an application at https://discord.com/developers/applications, open Bot, press Reset Token, and set DISCORD_TOKEN to what it shows.";
        let token = self
            .get("DISCORD_TOKEN")
            .ok_or_else(|| ConfigError::new("DISCORD_TOKEN", "is not set", REMEDY))?;
        let token = token.strip_prefix("Bot ").unwrap_or(&token);
        if token.chars().any(|c| !c.is_ascii_graphic()) {
            return Err(ConfigError::new("DISCORD_TOKEN", "has characters that a token can't have", REMEDY));
        }
        Ok(SecretString::from(token))
    }

    fn api_base(&self) -> Result<Url, ConfigError> {
        const NAME: &str = "DISCORD_API_BASE";
        base(NAME, &self.get_or_default(NAME))
    }

    fn request_pace(&self) -> Result<RequestPace, ConfigError> {
        const NAME: &str = "DISCORD_REQUESTS_PER_SECOND";
        const REMEDY: &str = "Use auto, or a whole number, or unlimited.";
        let pace = self.get_or_default(NAME).parse();
        pace.map_err(|()| ConfigError::new(NAME, "is not a number of requests", REMEDY))
    }

    /// The database with its key. Whether a missing key may be created depends on what the database holds.
    fn keyed(&self, database: DatabaseConfig) -> Result<Storage, ConfigError> {
        const NAME: &str = "ENCRYPTION_KEY";
        const REMEDY: &str = "Set it to the key that this database was written with, from your backup. Only for a new database, create one with: openssl rand -base64 32";
        let key_file = KeyFile::of(&database);
        let given = self.get(NAME).map(SecretString::from);
        let given = given.map(|text| EncryptionKey::from_base64(text.expose_secret())).transpose();
        let given = given.map_err(|error| ConfigError::new(NAME, error.to_string(), REMEDY))?;
        let key = match (given, &key_file) {
            (Some(key), _) => KeySource::Given(key),
            (None, Some(file)) => KeySource::File(file.clone()),
            (None, None) => {
                return Err(ConfigError::new(NAME, "is not set, and PostgreSQL needs one", REMEDY));
            }
        };
        Ok(Storage { database, key, key_file })
    }

    /// Where health and metrics are served.
    pub fn http_addr(&self) -> Result<SocketAddr, ConfigError> {
        let remedy = "Give an IP address and a port, such as 127.0.0.1:8080.";
        let text = self.get_or_default("HTTP_ADDR");
        text.parse().map_err(|_| ConfigError::new("HTTP_ADDR", "is not an address to listen on", remedy))
    }

    fn catch_up(&self) -> Result<CatchUp, ConfigError> {
        let number = |name: &'static str, remedy| {
            self.get_or_default(name)
                .parse::<u32>()
                .map_err(|_| ConfigError::new(name, "is not a whole number", remedy))
        };
        let hours = number("CATCH_UP_HOURS", "Use 24, or 0 to mirror nothing from an absence.")?;
        let messages = number("CATCH_UP_MESSAGES", "Use 1000.")?;
        let window = TimeDelta::hours(i64::from(hours.min(24 * 365)));
        let messages = usize::try_from(messages).unwrap_or(usize::MAX).min(CatchUp::MOST_MESSAGES);
        Ok(CatchUp { window, messages })
    }

    fn keeping(&self, catch_up: CatchUp) -> Result<RetentionPeriods, ConfigError> {
        const LONGEST_DAYS: u32 = 3_650;
        let number = |name: &'static str, remedy, least: u32| {
            let text = self.get_or_default(name);
            let number = text.parse().map_err(|_| ConfigError::new(name, "is not a whole number", remedy));
            number.and_then(|number: u32| match number {
                number if number < least => Err(ConfigError::new(name, "is too small", remedy)),
                number => Ok(i64::from(number)),
            })
        };
        let hours = number("CONTENT_HOURS", "Use 24, or 0 to remove them right after delivery.", 0)?;
        let days = number("MIRROR_DAYS", "Use 30, or at least 1.", 1)?;
        let audit = number("AUDIT_DAYS", "Use 90, or at least 1.", 1)?;
        let feeds = number("FEED_DAYS", "Use 14, or at least 1.", 1)?;
        let longest = i64::from(LONGEST_DAYS);
        Ok(RetentionPeriods {
            contents: TimeDelta::hours(hours.min(longest * 24)),
            // A message that is forgotten would count as new when its source is read again.
            mirrors: TimeDelta::days(days.min(longest)).max(catch_up.window),
            feeds: TimeDelta::days(feeds.min(longest)),
            audit: TimeDelta::days(audit.min(longest)),
        })
    }

    /// A database that must already exist, for a subcommand.
    pub fn existing_database(&self) -> Result<DatabaseConfig, ConfigError> {
        let database = self.database()?;
        match &database {
            DatabaseConfig::Sqlite { path, .. } if !path.exists() => Err(ConfigError::new(
                "DATABASE_URL",
                "leads to a file that doesn't exist",
                "Run this in the folder where the bot runs, with the bot's settings.",
            )),
            DatabaseConfig::Sqlite { .. } | DatabaseConfig::Postgres { .. } => Ok(database),
        }
    }

    /// What a subcommand needs to work on an existing database.
    pub fn storage(&self) -> Result<Storage, ConfigError> {
        self.keyed(self.existing_database()?)
    }

    fn panel_private_addresses(&self) -> Result<bool, ConfigError> {
        const NAME: &str = "PANEL_PRIVATE_ADDRESSES";
        self.get_or_default(NAME)
            .parse()
            .map_err(|_| ConfigError::new(NAME, "is neither true nor false", "Use true or false."))
    }

    fn follow_actions_per_hour(&self) -> Result<Option<u32>, ConfigError> {
        self.limit("FOLLOW_ACTIONS_PER_HOUR", "Use 100, or 0 for no limit.")
    }

    fn panels_per_server(&self) -> Result<Option<u32>, ConfigError> {
        self.limit("PANELS_PER_SERVER", "Use 50, or 0 for no limit.")
    }

    /// A limit on a number of things; 0 means no limit.
    fn limit(&self, name: &'static str, hint: &'static str) -> Result<Option<u32>, ConfigError> {
        let text = self.get_or_default(name);
        let limit: u32 = text.parse().map_err(|_| ConfigError::new(name, "is not a whole number", hint))?;
        Ok((limit > 0).then_some(limit))
    }
}

/// An address at which Discord or something in its place is.
fn base(name: &'static str, text: &str) -> Result<Url, ConfigError> {
    let wrong = |problem: &str| {
        let remedy =
            "Give scheme, host and port only, such as http://127.0.0.1:8080, or leave it out to use Discord.";
        ConfigError::new(name, problem, remedy)
    };
    let url = Url::parse(text).map_err(|_| wrong("is not an address"))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(wrong("is not an http or https address"));
    }
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("has more than scheme, host and port"));
    }
    Ok(url)
}
