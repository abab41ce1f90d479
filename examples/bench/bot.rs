//! The program as it is shipped, in its own process.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::database::{Database, KEY};
use crate::discord::Stage;
use crate::process::Process;
use crate::{Failure, Setup};

/// How long a start may take before it counts as failed.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many lines of its log are shown when it fails.
const LAST_LINES: usize = 10;

/// The program next to this one; it isn't built along with it.
pub(crate) fn program() -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    let target = own.parent().and_then(Path::parent).ok_or("this program isn't in a target folder")?;
    let program = target.join("tributary");
    let profile = if cfg!(debug_assertions) { "" } else { " --release" };
    if program.exists() {
        warn_if_old(&program)?;
        Ok(program)
    } else {
        Err(format!("{} doesn't exist. Build it first: cargo build{profile}", program.display()).into())
    }
}

/// Warns if the program is older than its sources.
fn warn_if_old(program: &Path) -> Result<(), Failure> {
    let age = |path: &Path| -> std::io::Result<_> { std::fs::metadata(path)?.modified() };
    let newest = newest(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src")))?;
    if newest > age(program)? {
        eprintln!("warning: {} is older than its sources: build it again", program.display());
    }
    Ok(())
}

fn newest(folder: &Path) -> std::io::Result<std::time::SystemTime> {
    let mut newest = std::time::SystemTime::UNIX_EPOCH;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let time = if path.is_dir() { self::newest(&path)? } else { std::fs::metadata(&path)?.modified()? };
        newest = newest.max(time);
    }
    Ok(newest)
}

/// A running bot. Killed when dropped.
pub(crate) struct Bot {
    child: Child,
    pub(crate) address: SocketAddr,
    /// When it was started.
    pub(crate) began: Instant,
    log: PathBuf,
}

impl Bot {
    /// Starts it with these settings in addition to the usual ones.
    pub(crate) fn start(
        setup: &Setup,
        stage: &Stage,
        database: &Database,
        settings: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let address = free_address()?;
        let log = database.folder().join(format!("bot-{}.log", address.port()));
        let mut command = Command::new(&setup.program);
        command
            .env_clear()
            .env("DISCORD_TOKEN", stage.sandbox.token())
            .env("DISCORD_API_BASE", stage.sandbox.base())
            .env("DATABASE_URL", database.url())
            .env("ENCRYPTION_KEY", KEY)
            .env("HTTP_ADDR", address.to_string())
            .env("FOLLOW_ACTIONS_PER_HOUR", "0")
            .env("RUST_LOG", "warn")
            .envs(settings.iter().copied())
            .current_dir(database.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        let began = Instant::now();
        Ok(Self { child: command.spawn()?, address, began, log })
    }

    /// Starts it, and waits until it is ready and has read what it reads on startup.
    pub(crate) async fn ready(
        setup: &Setup,
        stage: &Stage,
        database: &Database,
        settings: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let mut bot = Self::start(setup, stage, database, settings)?;
        bot.wait_until_ready().await?;
        stage.sandbox.wait_quiet(Duration::from_millis(500)).await;
        Ok(bot)
    }

    /// How long it took from its start until `/readyz` said that it is ready.
    pub(crate) async fn wait_until_ready(&mut self) -> Result<Duration, Failure> {
        let client = reqwest::Client::builder().no_proxy().build()?;
        let url = format!("http://{}/readyz", self.address);
        while self.began.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("the bot ended ({status}):\n{}", self.log()).into());
            }
            if client.get(&url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(self.began.elapsed());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err(format!("the bot did not become ready:\n{}", self.log()).into())
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// The end of its log: warnings and errors.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
    }

    /// Ends it abruptly, as a power cut would.
    pub(crate) fn kill(mut self) -> Result<(), Failure> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let log = self.log();
        if let Some(last) = log.lines().last() {
            eprintln!("the bot's last words: {last}");
        }
    }
}

pub(crate) fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}
