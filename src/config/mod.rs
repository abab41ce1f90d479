//! All settings: read once, from the environment, checked, and turned into types.
//!
//! Their names, defaults and explanations stand in [`SETTINGS`] only; `--help` and `.env.example` are made from there.

mod key;
mod role;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use chrono::TimeDelta;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

use crate::domain::catch_up::CatchUp;
use crate::domain::ids::GuildId;
use crate::domain::request_pace::RequestPace;
use crate::domain::retention::Keeping;

pub use self::key::{EncryptionKey, KeyError};
pub use self::role::{Role, Serving};
pub use self::settings::{SETTINGS, Setting, env_example, help};

/// A setting that is missing or wrong: one line that names it and says how to get a right value.
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

/// Where the database is.
#[derive(Clone)]
pub enum DatabaseConfig {
    /// SQLite, in a file (or in memory, where there is no path).
    Sqlite {
        /// The whole address.
        url: SecretString,
        /// The database's file.
        path: Option<PathBuf>,
    },
    /// PostgreSQL. The address may hold a password.
    Postgres {
        /// The whole address.
        url: SecretString,
    },
}

impl DatabaseConfig {
    /// The address to connect to.
    pub const fn url(&self) -> &SecretString {
        match self {
            Self::Sqlite { url, .. } | Self::Postgres { url } => url,
        }
    }
}

impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite { .. } => "Sqlite",
            Self::Postgres { .. } => "Postgres",
        })
    }
}

/// Everything that `tributary run` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// What this process does.
    pub role: Role,
    /// The bot's token.
    pub token: SecretString,
    /// Where Discord's API is: scheme, host and port.
    pub api_base: Url,
    /// How many requests a second may go there.
    pub request_pace: RequestPace,
    /// Where the database is.
    pub database: DatabaseConfig,
    /// What encrypts webhook tokens and message contents at rest.
    pub encryption_key: EncryptionKey,
    /// Where health and metrics are served.
    pub http_addr: SocketAddr,
    /// Follow and unfollow actions that one person has in an hour; `None` for no limit.
    pub follow_actions_per_hour: Option<u32>,
    /// How far back sources are read after an absence.
    pub catch_up: CatchUp,
    /// How long things are kept.
    pub keeping: Keeping,
    /// The servers in which panels may show the bot's own machine.
    pub panel_monitoring_guilds: Vec<GuildId>,
    /// Whether panels may ask game servers at private addresses.
    pub panel_private_addresses: bool,
}

/// Where the database is, and what opens it.
#[derive(Debug, Clone)]
pub struct Storage {
    /// Where.
    pub database: DatabaseConfig,
    /// With what.
    pub encryption_key: EncryptionKey,
    /// Where that stands, if it isn't given in the environment.
    pub key_file: Option<PathBuf>,
}

/// Reads settings by name; in the program, the environment.
#[derive(Clone, Copy)]
pub struct Env<'a>(&'a dyn Fn(&str) -> Option<String>);

impl<'a> Env<'a> {
    /// Settings from this look-up.
    pub const fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self(lookup)
    }

    /// A setting's value; an empty one counts as not set, as compose files leave them.
    fn get(&self, name: &'static str) -> Option<String> {
        (self.0)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn get_or_default(&self, name: &'static str) -> String {
        self.get(name).unwrap_or_else(|| settings::default_of(name).to_owned())
    }

    /// Everything that `run` needs. Makes the key file where one is needed and missing.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let token = self.token()?;
        let api_base = self.api_base()?;
        let request_pace = self.request_pace()?;
        let http_addr = self.http_addr()?;
        let follow_actions_per_hour = self.follow_actions_per_hour()?;
        let catch_up = self.catch_up()?;
        let keeping = self.keeping(catch_up)?;
        let panel_monitoring_guilds = self.panel_monitoring_guilds()?;
        let panel_private_addresses = self.panel_private_addresses()?;
        let database = self.database()?;
        let role = self.role(&database)?;
        let encryption_key = self.encryption_key(&database)?;
        Ok(Config {
            role,
            token,
            api_base,
            request_pace,
            database,
            encryption_key,
            http_addr,
            follow_actions_per_hour,
            catch_up,
            keeping,
            panel_monitoring_guilds,
            panel_private_addresses,
        })
    }

    /// How to log. Never fails: a filter that can't be read is left to the logging to refuse.
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
            return Err(ConfigError::new("DISCORD_TOKEN", "has characters that no token has", REMEDY));
        }
        Ok(SecretString::from(token))
    }

    fn api_base(&self) -> Result<Url, ConfigError> {
        let wrong = |problem: &str| {
            ConfigError::new(
                "DISCORD_API_BASE",
                problem,
                "Give scheme, host and port only, such as http://127.0.0.1:8080, or leave it out to use Discord.",
            )
        };
        let url =
            Url::parse(&self.get_or_default("DISCORD_API_BASE")).map_err(|_| wrong("is not an address"))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("is not an http or https address"));
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("has more than scheme, host and port"));
        }
        Ok(url)
    }

    fn request_pace(&self) -> Result<RequestPace, ConfigError> {
        const NAME: &str = "DISCORD_REQUESTS_PER_SECOND";
        const REMEDY: &str = "Use auto, or a whole number, or unlimited.";
        let pace = self.get_or_default(NAME).parse();
        pace.map_err(|()| ConfigError::new(NAME, "is no number of requests", REMEDY))
    }

    /// Where the database is.
    pub fn database(&self) -> Result<DatabaseConfig, ConfigError> {
        let url = self.get_or_default("DATABASE_URL");
        let (scheme, rest) = url.split_once(':').unwrap_or((&url, ""));
        match scheme {
            "sqlite" => {
                let path = rest.trim_start_matches("//").split('?').next().unwrap_or_default();
                let path = (!path.is_empty() && path != ":memory:").then(|| PathBuf::from(path));
                let folder =
                    path.as_deref().and_then(Path::parent).filter(|folder| !folder.as_os_str().is_empty());
                if folder.is_some_and(|folder| !folder.is_dir()) {
                    return Err(ConfigError::new(
                        "DATABASE_URL",
                        "is in a folder that doesn't exist",
                        "Make the folder first, or use sqlite://tributary.db?mode=rwc for a file in the working directory.",
                    ));
                }
                Ok(DatabaseConfig::Sqlite { path, url: url.into() })
            }
            "postgres" | "postgresql" => Ok(DatabaseConfig::Postgres { url: url.into() }),
            _ => Err(ConfigError::new(
                "DATABASE_URL",
                "is for a kind of database that I don't know",
                "Use sqlite://tributary.db?mode=rwc or postgres://USER:PASSWORD@HOST/DATABASE.",
            )),
        }
    }

    fn encryption_key(&self, database: &DatabaseConfig) -> Result<EncryptionKey, ConfigError> {
        const REMEDY: &str = "Make one with: openssl rand -base64 32";
        if let Some(text) = self.get("ENCRYPTION_KEY").map(SecretString::from) {
            return EncryptionKey::from_base64(text.expose_secret())
                .map_err(|error| ConfigError::new("ENCRYPTION_KEY", error.to_string(), REMEDY));
        }
        match database {
            DatabaseConfig::Sqlite { path: Some(path), .. } => EncryptionKey::beside(path).map_err(|error| {
                ConfigError::new("ENCRYPTION_KEY", format!("is not set, and {error}"), REMEDY)
            }),
            DatabaseConfig::Sqlite { path: None, .. } => Ok(EncryptionKey::random()),
            DatabaseConfig::Postgres { .. } => {
                Err(ConfigError::new("ENCRYPTION_KEY", "is not set, and PostgreSQL needs one", REMEDY))
            }
        }
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
        let hours = number("CATCH_UP_HOURS", "Use 24, or 0 to begin anew after each absence.")?;
        let messages = number("CATCH_UP_MESSAGES", "Use 1000.")?;
        let window = TimeDelta::hours(i64::from(hours.min(24 * 365)));
        Ok(CatchUp { window, messages: usize::try_from(messages).unwrap_or(usize::MAX) })
    }

    fn keeping(&self, catch_up: CatchUp) -> Result<Keeping, ConfigError> {
        const LONGEST_DAYS: u32 = 3_650;
        let number = |name: &'static str, remedy, least: u32| {
            let text = self.get_or_default(name);
            let number = text.parse().map_err(|_| ConfigError::new(name, "is not a whole number", remedy));
            number.and_then(|number: u32| match number {
                number if number < least => Err(ConfigError::new(name, "is too small", remedy)),
                number => Ok(i64::from(number)),
            })
        };
        let hours = number("CONTENT_HOURS", "Use 24, or 0 for as soon as a message is delivered.", 0)?;
        let days = number("MIRROR_DAYS", "Use 30, or 1 at least.", 1)?;
        let longest = i64::from(LONGEST_DAYS);
        Ok(Keeping {
            contents: TimeDelta::hours(hours.min(longest * 24)),
            // What is forgotten must not be taken for new when its source is read again.
            mirrors: TimeDelta::days(days.min(longest)).max(catch_up.window),
        })
    }

    /// What a subcommand needs that works on a database that is there already.
    pub fn storage(&self) -> Result<Storage, ConfigError> {
        let database = self.database()?;
        if let DatabaseConfig::Sqlite { path: Some(path), .. } = &database
            && !path.exists()
        {
            return Err(ConfigError::new(
                "DATABASE_URL",
                "leads to a file that isn't there",
                "Run this in the folder in which the bot runs, and with its settings.",
            ));
        }
        let encryption_key = self.encryption_key(&database)?;
        let key_file = match &database {
            DatabaseConfig::Sqlite { path: Some(path), .. } if self.get("ENCRYPTION_KEY").is_none() => {
                Some(EncryptionKey::file_beside(path))
            }
            DatabaseConfig::Sqlite { .. } | DatabaseConfig::Postgres { .. } => None,
        };
        Ok(Storage { database, encryption_key, key_file })
    }

    fn panel_monitoring_guilds(&self) -> Result<Vec<GuildId>, ConfigError> {
        const NAME: &str = "PANEL_MONITORING_GUILDS";
        const REMEDY: &str = "Give ids with commas between them, such as 81384788765712384,613425648685547541: in Discord, Settings, Advanced, Developer Mode, then right-click the server, Copy Server ID.";
        let text = self.get_or_default(NAME);
        let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
        let read = |id: &str| GuildId::new(id.parse().ok()?).ok();
        ids.map(|id| {
            read(id).ok_or_else(|| ConfigError::new(NAME, "has something that is no server's id", REMEDY))
        })
        .collect()
    }

    fn panel_private_addresses(&self) -> Result<bool, ConfigError> {
        const NAME: &str = "PANEL_PRIVATE_ADDRESSES";
        self.get_or_default(NAME)
            .parse()
            .map_err(|_| ConfigError::new(NAME, "is neither of the two", "Use true or false."))
    }

    fn follow_actions_per_hour(&self) -> Result<Option<u32>, ConfigError> {
        let text = self.get_or_default("FOLLOW_ACTIONS_PER_HOUR");
        let limit: u32 = text.parse().map_err(|_| {
            ConfigError::new(
                "FOLLOW_ACTIONS_PER_HOUR",
                "is not a whole number",
                "Use 100, or 0 for no limit.",
            )
        })?;
        Ok((limit > 0).then_some(limit))
    }
}
