//! The program: reads the settings, starts logging, and does what the command line says.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::runtime::Runtime;
use tributary::cli::progress::Progress;
use tributary::cli::{Cli, Command, Migrate, RunArgs};
use tributary::config::Env;
use tributary::domain::ids::UserId;
use tributary::store::{Copied, Copying};
use tributary::{app, config, discord, http, logging, service};

/// The runtime's threads, at least.
const LEAST_THREADS: usize = 4;
/// How long tasks that are left may take to end.
const GOODBYE: Duration = Duration::from_millis(100);

/// What ends the program early: one line for the operator.
type Fatal = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let command = Cli::parse().command();
    if matches!(command, Command::Run(_)) {
        begin_with_few_arenas();
    }
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// glibc gives each thread a heap of its own, and keeps in each what was once in use: with 1,000 servers, twice as much as is needed. How many there may be
/// is read from the environment at the start of a program only, so this one starts anew, in its place.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn begin_with_few_arenas() {
    use std::os::unix::process::CommandExt;
    const ARENAS: &str = "MALLOC_ARENA_MAX";
    // Whoever sets these knows why.
    if [ARENAS, "GLIBC_TUNABLES"].into_iter().any(|name| std::env::var_os(name).is_some()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut again = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // Returns only where that can't be done; then it goes on with more memory.
    let _ = again.args(arguments).env(ARENAS, "2").exec();
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn begin_with_few_arenas() {}

fn run(command: Command) -> Result<(), Fatal> {
    match command {
        Command::Commands => {
            print!("{}", discord::docs::commands_md());
            return Ok(());
        }
        Command::Settings => {
            print!("{}", config::env_example());
            return Ok(());
        }
        Command::Run(_) | Command::Migrate { .. } | Command::Forget { .. } | Command::Healthcheck => {}
    }
    read_env_file()?;
    let given = if let Command::Run(args) = &command { args.clone() } else { RunArgs::default() };
    let lookup = |name: &str| given.setting(name).or_else(|| std::env::var(name).ok());
    let env = Env::new(&lookup);
    logging::start(&env.log()?)?;
    if matches!(command, Command::Run(_)) {
        logging::hide_panic_messages();
    }
    let runtime = runtime()?;
    let ended = perform(command, env, &runtime);
    // A task that hangs must not hold up the end.
    runtime.shutdown_timeout(GOODBYE);
    ended
}

/// A hanging gateway connection takes a thread for itself for a moment (see `discord::shards`): there are always others.
fn runtime() -> std::io::Result<Runtime> {
    let threads = std::thread::available_parallelism().map_or(LEAST_THREADS, usize::from).max(LEAST_THREADS);
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()
}

fn perform(command: Command, env: Env<'_>, runtime: &Runtime) -> Result<(), Fatal> {
    match command {
        Command::Run(_) => {
            let config = env.config()?;
            let stop = app::signals()?;
            Ok(runtime.block_on(app::run(config, stop))?)
        }
        Command::Migrate { direction: Migrate::Copy { to } } => {
            let storage = env.storage()?;
            runtime.block_on(copy(&storage, &to))
        }
        Command::Migrate { direction } => {
            let database = env.database()?;
            runtime.block_on(migrate(&database, direction))
        }
        Command::Forget { user, mirrors } => {
            let user = user.trim().parse().map_err(|_| {
                "--user is not a Discord id. In Discord, switch on Settings, Advanced, Developer Mode, then right-click the person, Copy User ID."
            })?;
            let storage = env.storage()?;
            runtime.block_on(forget(&storage, user, mirrors))
        }
        Command::Healthcheck => {
            let addr = env.http_addr()?;
            Ok(runtime.block_on(http::healthcheck(addr))?)
        }
        Command::Commands | Command::Settings => Ok(()),
    }
}

/// Reads `.env`, where there is one; what is set in the environment wins.
fn read_env_file() -> Result<(), Fatal> {
    // Not `dotenv()`, which looks in all folders above, too.
    match dotenvy::from_path(".env") {
        Err(error) if !error.not_found() => {
            // The error itself may quote the line, and the line may hold a secret.
            Err("the .env file can't be read. Each line must be NAME=value; put values with spaces in quotes.".into())
        }
        _ => Ok(()),
    }
}

async fn forget(storage: &config::Storage, user: UserId, mirrors: bool) -> Result<(), Fatal> {
    let store = app::open_beside(storage).await?;
    let report = service::forget::forget(&store, app::clock(), user, mirrors).await?;
    store.close().await?;
    let report =
        report.ok_or_else(|| format!("nothing is kept of user {user}. Check the id, and DATABASE_URL."))?;
    print!("{report}");
    Ok(())
}

async fn migrate(database: &config::DatabaseConfig, direction: Migrate) -> Result<(), Fatal> {
    let store = app::open_schema(database).await?;
    match direction {
        Migrate::Up => store.migrate_up().await?,
        Migrate::Down { steps } => store.migrate_down(steps.unwrap_or(u32::MAX)).await?,
        Migrate::Status | Migrate::Copy { .. } => {}
    }
    for (name, applied) in store.migration_status().await? {
        println!("{} {name}", if applied { "applied" } else { "pending" });
    }
    Ok(store.close().await?)
}

async fn copy(storage: &config::Storage, to: &str) -> Result<(), Fatal> {
    let started = Instant::now();
    let progress = Progress::on_stderr();
    let mut show = |copying: Copying<'_>| {
        progress.show((copying.rows, copying.total), copying.table, copying.of_table, copying.finished);
    };
    let copied = app::copy(storage, to, &mut show).await;
    progress.end();
    let (Copied { tables, rows }, took) = (copied?, started.elapsed().as_secs_f64());
    println!("Copied {rows} rows of {tables} tables in {took:.1} s.");
    println!("Now set DATABASE_URL to the address of the PostgreSQL, with its password,");
    match &storage.key_file {
        Some(file) => println!("and ENCRYPTION_KEY to what stands in {}, and start the bot.", file.display()),
        None => println!("leave ENCRYPTION_KEY as it is, and start the bot."),
    }
    println!("Start nothing on the SQLite database any more: what is owed there would be sent twice.");
    Ok(())
}
