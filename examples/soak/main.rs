//! Kills the real bot over and over, at random moments, while people post, edit and delete; then counts what
//! was lost, duplicated, reordered or left out of date. The only acceptable count is 0.
//!
//! ```text
//! cargo run --release --example soak -- --kills 500
//! cargo run --release --example soak -- --kills 500 --postgres postgres://USER:PASSWORD@HOST/EMPTY --workers 2
//! cargo run --release --example soak -- --kills 500 --poison
//! ```
//! In the second form, a gateway and some workers share the work, and it is the workers that are killed, or
//! stopped and continued. With `--poison`, something goes wrong before each kill: everything else must arrive
//! anyway.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tributary_sandbox::{Channel, Config, Effect, Fault, Options, Permissions, Sandbox};

mod bot;
mod crew;
mod people;
mod poison;

use bot::Setup;
use crew::Crew;
use people::count;
use poison::{Poison, Trouble};

/// How long the bot may take to come back.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long it may take to show everything that is left at the end.
const LONG_PATIENCE: Duration = Duration::from_secs(30 * 60);

/// Kills the bot at random moments, and counts.
#[derive(Debug, Clone, Parser)]
struct Args {
    /// How often it is killed.
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// The seed for randomness; the same seed kills at the same moments, as far as the machine allows.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many channels follow.
    #[arg(long, default_value_t = 5)]
    targets: usize,
    /// Messages a second.
    #[arg(long, default_value_t = 20)]
    rate: u32,
    /// Milliseconds that each request takes.
    #[arg(long, default_value_t = 20)]
    latency: u64,
    /// An empty PostgreSQL database, for several processes.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// How many workers there are in that case.
    #[arg(long, default_value_t = 2, requires = "postgres")]
    workers: usize,
    /// Something goes wrong before each kill.
    #[arg(long)]
    poison: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    if bot::is_child() {
        return bot::run().await;
    }
    match soak(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn soak(args: Args) -> Result<bool, Box<dyn std::error::Error + Send + Sync>> {
    let sandbox = Sandbox::start(Config { patience: PATIENCE, ..Config::default() }).await?;
    let guild = sandbox.create_guild("Harbour");
    let source = guild.text("source");
    let targets: Vec<Channel> =
        (0..args.targets).map(|number| guild.text(&format!("target-{number}"))).collect();
    let admin = guild.member("Admin", Permissions::MANAGE_CHANNELS);
    let folder = tempfile::tempdir()?;

    let role = if args.postgres.is_some() { "gateway" } else { "all" };
    let setup = Setup { folder: folder.path(), postgres: args.postgres.as_deref(), role };
    let mut child = bot::start(&sandbox, &setup)?;
    sandbox.wait_until_ready(PATIENCE).await?;
    for target in &targets {
        admin.run(target, "/follow", Options::new().set("channel", &source)).await?;
    }
    let latency = Effect::Delay(Duration::from_millis(args.latency));
    sandbox.fault(Fault::on("*", "/webhooks/**", latency).forever());

    let mut poison = match args.poison {
        true => Some(Poison::lay(&sandbox, &setup.database(), &admin, &targets).await?),
        false => None,
    };
    let posting = tokio::spawn(people::post(admin, source.clone(), !args.seed, args.rate));
    let mut random = StdRng::seed_from_u64(args.seed);
    let began = Instant::now();
    let mut crew = match args.postgres {
        Some(_) => Some(Crew::start(&sandbox, &setup, args.workers)?),
        None => None,
    };
    for kill in 1..=args.kills {
        if let Some(poison) = &mut poison {
            // Every now and then, nothing goes wrong for a while.
            if random.random_bool(0.1) {
                poison.heal();
            }
            let trouble = Trouble::ALL[random.random_range(0..Trouble::ALL.len())];
            poison.strike(trouble, &mut random).await?;
        }
        if let Some(crew) = &mut crew {
            crew.trouble(&sandbox, &mut random).await?;
            tell(kill, began, &source, &targets);
            continue;
        }
        // Mostly kill it soon, while it picks up what was left; sometimes only after doubts are settled and
        // everything is in full flow.
        let uptime = if random.random_bool(0.7) { 0..600 } else { 5_500..9_000 };
        tokio::time::sleep(Duration::from_millis(random.random_range(uptime))).await;
        if random.random_bool(0.2) {
            sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::DropAnswer));
        }
        child.kill()?;
        child.wait()?;
        child = bot::start(&sandbox, &setup)?;
        if random.random_bool(0.7) {
            sandbox.wait_until_ready(PATIENCE).await?;
        }
        tell(kill, began, &source, &targets);
    }
    posting.abort();
    let _ = posting.await;

    println!("no more kills: waiting until everything is shown");
    if let Some(poison) = &mut poison {
        poison.heal();
    }
    if let Some(crew) = &mut crew {
        crew.wake()?;
    }
    let settled = sandbox.wait_for("every target to show its source", LONG_PATIENCE, || {
        count(&source, &targets).is_clean().then_some(())
    });
    let _ = settled.await;
    // Duplicates would only be created after that.
    let _ = sandbox.wait_quiet(Duration::from_secs(3)).await;
    let tally = count(&source, &targets);
    println!("{} kills, seed {}: {tally}", args.kills, args.seed);
    let doubled = poison.as_ref().map_or(0, Poison::doubled);
    if doubled > 0 {
        println!("{doubled} poisoned messages were duplicated when something went wrong");
    }
    child.kill()?;
    child.wait()?;
    Ok(tally.is_clean() && doubled == 0)
}

/// Prints the progress every now and then.
fn tell(kill: u32, began: Instant, source: &Channel, targets: &[Channel]) {
    if kill.is_multiple_of(25) {
        println!("{kill} kills after {} s, {}", began.elapsed().as_secs(), count(source, targets));
    }
}
