//! A sandbox, a database and the bot's process, started for one test and checked when it ends.

mod bot;
mod contract;
mod database;

use std::time::Duration;

use tributary_sandbox::{Config, Guild, Limits, Permissions, Person, Sandbox};

pub use self::bot::Bot;
pub use self::database::{Backend, Database};

/// How long anything may take that should happen soon; generous, as machines are busy.
pub const SOON: Duration = Duration::from_secs(15);

/// Everything a test needs. When it is dropped, the bot is ended.
pub struct World {
    /// Discord.
    pub sandbox: Sandbox,
    /// Where the bot keeps what it knows; survives restarts.
    pub database: Database,
    /// The settings beyond the usual ones, as environment variables.
    pub settings: Vec<(String, String)>,
}

impl World {
    /// A Discord without rate limits, and an empty SQLite database.
    pub async fn new() -> Self {
        Self::on(Backend::Sqlite).await.expect("SQLite is always there")
    }

    /// The same on this kind of database; `None`, and a word about it, where there is no such server.
    pub async fn on(backend: Backend) -> Option<Self> {
        Self::with(backend, Limits::off()).await
    }

    /// The same with rate limits.
    pub async fn with(backend: Backend, limits: Limits) -> Option<Self> {
        let database = Database::create(backend).await?;
        let config = Config { limits, observer: contract::observer(), patience: SOON, ..Config::default() };
        let sandbox = Sandbox::start(config).await.expect("a free port");
        Some(Self { sandbox, database, settings: Vec::new() })
    }

    /// Sets an environment variable of the bot's.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.settings.push((name.to_owned(), value.into()));
    }

    /// Starts the bot and waits until it serves.
    pub async fn start(&self) -> Bot {
        let bot = self.spawn();
        if self.sandbox.wait_until_ready(SOON).await.is_err() {
            panic!("the bot did not become ready; its log:\n{}", bot.log());
        }
        bot
    }

    /// Starts the bot's process without waiting for anything.
    pub fn spawn(&self) -> Bot {
        Bot::spawn(&self.sandbox, &self.database, &self.settings)
    }
}

/// Somebody who manages a server's channels.
pub fn admin(guild: &Guild, name: &str) -> Person {
    guild.member(name, Permissions::MANAGE_CHANNELS | Permissions::MANAGE_MESSAGES)
}
