//! The bot in its own process: this same program, selected by a variable in its environment.

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use tokio::sync::watch;
use tributary::app;
use tributary::config::Env;
use tributary_sandbox::Sandbox;

const MARK: &str = "SOAK_BOT";

/// Whether this process should be the bot.
pub(crate) fn is_child() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Where it stores its data, and its role.
pub(crate) struct Setup<'a> {
    /// The folder that it runs in.
    pub(crate) folder: &'a Path,
    /// The database; if `None`, a SQLite file in the folder.
    pub(crate) postgres: Option<&'a str>,
    /// Its role.
    pub(crate) role: &'a str,
}

impl Setup<'_> {
    /// The database's address.
    pub(crate) fn database(&self) -> String {
        let file = || format!("sqlite://{}?mode=rwc", self.folder.join("tributary.db").display());
        self.postgres.map_or_else(file, ToOwned::to_owned)
    }
}

/// Starts it.
pub(crate) fn start(sandbox: &Sandbox, setup: &Setup<'_>) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env_clear();
    if setup.postgres.is_some() {
        // Protects nobody's messages.
        command.env("ENCRYPTION_KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
    }
    command
        .env(MARK, "1")
        .env("DISCORD_TOKEN", sandbox.token())
        .env("DISCORD_API_BASE", sandbox.base())
        .env("DATABASE_URL", setup.database())
        .env("ROLE", setup.role)
        .env("HTTP_ADDR", "127.0.0.1:0")
        .current_dir(setup.folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Runs the bot until it is killed.
pub(crate) async fn run() -> ExitCode {
    let lookup = |name: &str| std::env::var(name).ok();
    let Ok(config) = Env::new(&lookup).config() else { return ExitCode::FAILURE };
    let (_stop, stopped) = watch::channel(false);
    match app::run(config, stopped).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
