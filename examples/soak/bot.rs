//! The bot as a process of its own: this very program, called with a mark in its environment.

use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};

use tokio::sync::watch;
use tributary::app;
use tributary::config::Env;
use tributary_sandbox::Sandbox;

const MARK: &str = "SOAK_BOT";

/// Whether this process is to be the bot.
pub(crate) fn is_child() -> bool {
    std::env::var_os(MARK).is_some()
}

/// Starts it; it keeps its database in this folder.
pub(crate) fn start(sandbox: &Sandbox, folder: &Path) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?)
        .env_clear()
        .env(MARK, "1")
        .env("DISCORD_TOKEN", sandbox.token())
        .env("DISCORD_API_BASE", sandbox.base())
        .env("DATABASE_URL", format!("sqlite://{}?mode=rwc", folder.join("tributary.db").display()))
        .env("HTTP_ADDR", "127.0.0.1:0")
        .current_dir(folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
}

/// Is the bot, until it is killed.
pub(crate) async fn run() -> ExitCode {
    let lookup = |name: &str| std::env::var(name).ok();
    let Ok(config) = Env::new(&lookup).config() else { return ExitCode::FAILURE };
    let (_stop, stopped) = watch::channel(false);
    match app::run(config, stopped).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
