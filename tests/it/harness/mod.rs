//! A sandbox, a database and the bot's process, started for one test and checked when it ends.

mod board;
mod bot;
mod browser;
mod contract;
mod crew;
mod database;
mod forum;
mod look;
mod pair;
mod posts;
mod program;
mod scene;
mod scripted;
mod wire;

use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tributary_sandbox::{
    Channel, Config, Counts, Guild, Limits, Options, Permissions, Person, Reply, Sandbox,
};

pub use self::board::Board;
pub use self::bot::{Bot, KEY};
pub use self::browser::Browser;
pub use self::crew::Crew;
pub use self::database::{Backend, Database};
pub use self::forum::Forum;
pub use self::look::look;
pub use self::pair::Pair;
pub use self::posts::{ForumTarget, SeenPost, follow_into, post, posts, tagged};
pub use self::program::{Ended, ended};
pub use self::scene::{Scene, hidden, refusal};
pub use self::scripted::Scripted;
pub use self::wire::Wire;

/// When a wait is given up, because something must be hanging. It doesn't say how fast things should be,
/// since machines are busy; a test that passes doesn't wait for it.
pub const SOON: Duration = Duration::from_secs(60);

/// Everything a test needs. Dropping it ends the bot.
pub struct World {
    /// Discord.
    pub sandbox: Sandbox,
    /// Where the bot stores its data; survives restarts.
    pub database: Database,
    /// The settings in addition to the usual ones, as environment variables.
    pub settings: Vec<(String, String)>,
}

impl World {
    /// A Discord without rate limits, and an empty SQLite database.
    pub async fn new() -> Self {
        Self::on(Backend::Sqlite).await.expect("SQLite is always there")
    }

    /// The same on this kind of database; `None`, with a note on the output, if there is no such server.
    pub async fn on(backend: Backend) -> Option<Self> {
        Self::with(backend, Limits::off()).await
    }

    /// The same with rate limits.
    pub async fn with(backend: Backend, limits: Limits) -> Option<Self> {
        Self::configured(backend, Config { limits, ..Config::default() }).await
    }

    /// The same with a Discord that is configured like this.
    pub async fn configured(backend: Backend, config: Config) -> Option<Self> {
        let database = Database::create(backend).await?;
        let observer = contract::observer();
        // Discord's own deadline for a first answer is too short for a busy machine; `slow` tests that an
        // acknowledgement comes first.
        let config = Config { observer, patience: SOON, interaction_deadline: SOON, ..config };
        let sandbox = Sandbox::start(config).await.expect("a free port");
        Some(Self { sandbox, database, settings: Vec::new() })
    }

    /// The same with these environment variables for the bot.
    pub fn with_settings(mut self, settings: &[(&str, &str)]) -> Self {
        settings.iter().for_each(|(name, value)| self.set(name, *value));
        self
    }

    /// Sets an environment variable for the bot.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.settings.push((name.to_owned(), value.into()));
    }

    /// Starts the bot and waits until it serves. Discord has forgotten the session of a bot that was stopped
    /// before, so a new one begins.
    pub async fn start(&self) -> Bot {
        self.sandbox.refuse_gateway_resumes(true);
        let bot = self.started(|counts| counts.identifies).await;
        self.sandbox.refuse_gateway_resumes(false);
        bot
    }

    /// The same, but Discord still knows that session, and it is resumed.
    pub async fn resume(&self) -> Bot {
        self.started(|counts| counts.resumes).await
    }

    async fn started(&self, sessions: impl Fn(&Counts) -> u64) -> Bot {
        // Being connected doesn't show it: that may still be the connection of a bot that has just ended.
        let before = sessions(&self.sandbox.counts());
        let bot = self.spawn();
        let begun = || (sessions(&self.sandbox.counts()) > before).then_some(());
        let begun = self.sandbox.wait_for("a session to begin, or to go on", SOON, begun).await;
        if begun.is_err() || self.sandbox.wait_until_ready(SOON).await.is_err() {
            panic!("the bot did not become ready; its log:\n{}", bot.log());
        }
        bot
    }

    /// Starts the bot's process without waiting for anything.
    pub fn spawn(&self) -> Bot {
        Bot::run(self.command())
    }

    /// The program with everything that it needs.
    pub fn command(&self) -> Command {
        Bot::configured(&self.sandbox, &self.database, &self.settings)
    }

    /// Waits until something is true that can only be found out by asking.
    pub async fn until(&self, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
        let asking = async {
            while !is_so().await {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        };
        assert!(tokio::time::timeout(SOON, asking).await.is_ok(), "this never became true: {what}");
    }
}

/// A follow by relay, made in the target.
pub async fn follow(person: &Person, source: &Channel, target: &Channel) -> Reply {
    let options = Options::new().set("channel", source).set("delivery", "relay");
    let reply = person.run(target, "/follow", options).await.expect("an answer");
    assert!(reply.text().contains("now follows"), "{}", reply.text());
    reply
}

/// The texts of a channel's messages, oldest first, without Discord's own.
pub fn texts(channel: &Channel) -> Vec<String> {
    channel
        .messages()
        .into_iter()
        .filter(|message| message.kind == 0)
        .map(|message| message.content)
        .collect()
}

/// Somebody who manages a server's channels.
pub fn admin(guild: &Guild, name: &str) -> Person {
    guild.member(name, Permissions::MANAGE_CHANNELS | Permissions::MANAGE_MESSAGES)
}

/// The menu of a list that offers to do this to a follow, and the choice for it.
#[track_caller]
pub fn choice(list: &Reply, word: &str) -> (String, String) {
    fn find(component: &Value, word: &str) -> Option<(String, String)> {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let choices = component["options"].as_array().into_iter().flatten();
        let choice =
            choices.filter_map(|choice| text(&choice["value"])).find(|value| value.starts_with(word));
        match choice {
            Some(choice) => Some((text(&component["custom_id"])?, choice)),
            None => component["components"].as_array()?.iter().find_map(|inner| find(inner, word)),
        }
    }
    let found = list.components().iter().find_map(|component| find(component, word));
    found.unwrap_or_else(|| panic!("nothing offers to {word}: {}", list.text()))
}
