//! Tributary without a Discord account: starts a Discord on loopback and the bot in one process, plays a
//! short scene, and prints what people do, what the bot answers, and what each channel shows in the end.
//!
//! Run it with `cargo demo`. With `--open`, both keep running, and a page in the browser shows what Discord
//! would show and lets you play all roles.

mod furnish;
mod plain;
mod programs;
mod scene;
mod show;
mod stay;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::sync::watch;
use tributary::app;
use tributary::config::{Config as BotConfig, Env};
use tributary::logging;
use tributary_sandbox::{Config, Limits, Sandbox};

/// Anything that ends the demo early.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How long anything may take that should happen quickly.
const SOON: Duration = Duration::from_secs(20);

/// Shows Tributary without a Discord account.
#[derive(Debug, Parser)]
struct Arguments {
    /// Leave Discord and the bot running after the scene, until Ctrl-C, and serve a page that shows both.
    #[arg(long)]
    keep: bool,
    /// The same, and open the page in the browser.
    #[arg(long)]
    open: bool,
    /// The port of the page on 127.0.0.1; 0 picks any free one.
    #[arg(long, default_value_t = 0)]
    page_port: u16,
}

/// Where the bot listens.
#[derive(Debug, Clone, Copy)]
struct Addresses {
    /// For health and metrics.
    health: SocketAddr,
    /// For the web pages and the API.
    web: SocketAddr,
}

#[tokio::main(worker_threads = 4)]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let pages = Addresses { health: free_address().await?, web: free_address().await? };
    let sandbox = Sandbox::start(Config {
        bot_name: "Tributary".to_owned(),
        redirect_uris: vec![format!("http://{}/auth/callback", pages.web)],
        limits: Limits::real(),
        patience: SOON,
        ..Config::default()
    })
    .await?;
    let folder = tempfile::tempdir()?;
    let cast = scene::Cast::new(&sandbox);
    let (stop, stopped) = watch::channel(false);
    // The same as `tributary run`, except for where its settings come from.
    let mut bot = pin!(app::run(settings(&sandbox, folder.path(), pages)?, stopped));

    let ended = tokio::select! {
        ended = play(&sandbox, &cast, pages, &arguments) => ended,
        stopped = &mut bot => {
            stopped?;
            return Err("the bot stopped in the middle of the scene".into());
        }
        // Without this, an interrupted demo would leave its folder behind.
        _ = tokio::signal::ctrl_c() => Ok(()),
    };
    stop.send_replace(true);
    bot.await?;
    ended
}

async fn play(
    sandbox: &Sandbox,
    cast: &scene::Cast,
    pages: Addresses,
    arguments: &Arguments,
) -> Result<(), Failure> {
    sandbox.wait_until_ready(SOON).await?;
    scene::play(sandbox, cast).await?;
    if arguments.keep || arguments.open {
        return stay::stay(sandbox, cast, pages, arguments).await;
    }
    println!("\nTo play on in the browser, as everyone in it:\n");
    println!("   cargo demo --open\n");
    println!("To run the bot on your own Discord: README.md, \"Run it\".\n");
    Ok(())
}

/// Settings as an operator would set them in the environment, except `RUST_LOG`: only problems are logged.
fn settings(sandbox: &Sandbox, folder: &Path, pages: Addresses) -> Result<BotConfig, Failure> {
    let database = format!("sqlite://{}?mode=rwc", folder.join("tributary.db").display());
    let lookup = |name: &str| match name {
        "DISCORD_TOKEN" => Some(sandbox.token().to_owned()),
        "DISCORD_API_BASE" => Some(sandbox.base().to_owned()),
        "DATABASE_URL" => Some(database.clone()),
        "HTTP_ADDR" => Some(pages.health.to_string()),
        "WEB_ADDR" => Some(pages.web.to_string()),
        "DISCORD_CLIENT_SECRET" => Some(sandbox.client_secret()),
        "RUST_LOG" => Some(std::env::var(name).unwrap_or_else(|_| "error".to_owned())),
        _ => None,
    };
    let env = Env::new(&lookup);
    logging::start(&env.log()?)?;
    Ok(env.config()?)
}

/// An address of this machine that is free at the moment.
async fn free_address() -> std::io::Result<SocketAddr> {
    tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?.local_addr()
}
