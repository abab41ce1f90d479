//! The program: reads the settings, starts logging, and does what the command line says.

#[path = "main/env_file.rs"]
mod env_file;
#[path = "main/servers.rs"]
mod servers;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::runtime::Runtime;
use tributary::cli::progress::CopyProgress;
use tributary::cli::{Cli, Command, Down, DownSteps, Migrate, RunArgs};
use tributary::config::Env;
use tributary::domain::ids::UserId;
use tributary::store::{Copied, Copying, Store};
use tributary::{app, config, discord, http, logging, service};

/// The least number of threads of the runtime.
const LEAST_THREADS: usize = 4;
/// How long the remaining tasks may take to end.
const GOODBYE: Duration = Duration::from_millis(100);

/// What ends the program early: one line for the operator.
type Fatal = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    logging::hide_panic_messages();
    let command = Cli::parse().command();
    if matches!(command, Command::Run(_)) {
        begin_with_few_arenas();
    }
    match run(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Libraries may put line breaks into it; operators get one line.
            let lines = error.to_string();
            eprintln!("error: {}", lines.split_whitespace().collect::<Vec<_>>().join(" "));
            ExitCode::FAILURE
        }
    }
}

/// glibc gives each thread a heap of its own and keeps in each what was once in use: with 1,000 servers,
/// twice as much memory as needed. It reads the number of heaps from the environment only when a program
/// starts, so this program replaces itself once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn begin_with_few_arenas() {
    use std::os::unix::process::CommandExt;
    const ARENAS: &str = "MALLOC_ARENA_MAX";
    // An operator who sets these knows why.
    if [ARENAS, "GLIBC_TUNABLES"].into_iter().any(|name| std::env::var_os(name).is_some()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut again = std::process::Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    // Returns only if that fails; then the bot runs with more memory.
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
        Command::Run(_)
        | Command::Migrate { .. }
        | Command::Forget { .. }
        | Command::Servers { .. }
        | Command::Block { .. }
        | Command::Unblock { .. }
        | Command::Leave { .. }
        | Command::Healthcheck => {}
    }
    let in_file = env_file::load()?;
    let given = if let Command::Run(args) = &command { args.clone() } else { RunArgs::default() };
    let lookup = |name: &str| given.setting(name).or_else(|| std::env::var(name).ok());
    let env = Env::new(&lookup);
    logging::start(&env.log()?)?;
    if matches!(command, Command::Run(_)) {
        warn_about_unknown_names(&in_file);
    }
    let runtime = runtime()?;
    let ended = perform(command, env, &runtime);
    // A task that hangs must not delay the end.
    runtime.shutdown_timeout(GOODBYE);
    ended
}

/// A gateway connection that hangs blocks a thread for a moment (see `discord::shards`), so there are always
/// others.
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
        Command::Migrate { direction: Migrate::Down(down) } => {
            let database = env.existing_database()?;
            runtime.block_on(migrate_down(&database, &down))
        }
        Command::Migrate { direction: Migrate::Status } => {
            let database = env.existing_database()?;
            runtime.block_on(migrate(&database, &Migrate::Status))
        }
        Command::Migrate { direction } => {
            let database = env.database()?;
            runtime.block_on(migrate(&database, &direction))
        }
        Command::Forget { user, mirrors } => {
            let user = user.trim().parse().map_err(|_| {
                "--user is not a Discord id. In Discord, switch on Settings, Advanced, Developer Mode, then right-click the person, Copy User ID."
            })?;
            let storage = env.storage()?;
            runtime.block_on(forget(&storage, user, mirrors))
        }
        Command::Servers { json } => runtime.block_on(servers::list(env, json)),
        Command::Block { server } => runtime.block_on(servers::block(env, &server)),
        Command::Unblock { server } => runtime.block_on(servers::unblock(env, &server)),
        Command::Leave { server, yes } => runtime.block_on(servers::leave(env, &server, yes)),
        Command::Healthcheck => {
            let addr = env.http_addr()?;
            Ok(runtime.block_on(http::healthcheck(addr))?)
        }
        Command::Commands | Command::Settings => Ok(()),
    }
}

/// Warns about names that look like settings but aren't. Names only: the values may be secrets.
fn warn_about_unknown_names(in_file: &[String]) {
    let outside = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let outside = outside.filter(|name| !in_file.contains(name));
    let found = in_file.iter().filter_map(|name| config::unknown_name(name, true));
    for config::UnknownName { name, nearest } in
        found.chain(outside.filter_map(|name| config::unknown_name(&name, false)))
    {
        tracing::warn!(name, nearest, "this is not a setting; did you mean the nearest one?");
    }
}

async fn forget(storage: &config::Storage, user: UserId, mirrors: bool) -> Result<(), Fatal> {
    let store = app::open_beside(storage).await?;
    let report = service::authors::forget::forget(&store, app::clock(), user, mirrors).await?;
    store.close().await?;
    let report =
        report.ok_or_else(|| format!("nothing is kept about user {user}. Check the id and DATABASE_URL."))?;
    print!("{report}");
    Ok(())
}

async fn migrate(database: &config::DatabaseConfig, direction: &Migrate) -> Result<(), Fatal> {
    let store = match direction {
        Migrate::Up => app::migrate_up(database).await?,
        Migrate::Down(_) | Migrate::Status | Migrate::Copy { .. } => app::open_schema(database).await?,
    };
    show_status(store).await
}

async fn migrate_down(database: &config::DatabaseConfig, down: &Down) -> Result<(), Fatal> {
    let downgrade = app::Downgrade::prepare(database).await?;
    let applied = downgrade.applied();
    let steps = match down.wanted(applied)? {
        DownSteps::Count(steps) => steps,
        DownSteps::All { confirm } => {
            if confirm {
                confirm_by_name(&downgrade.database_name().await?)?;
            }
            applied
        }
    };
    show_status(downgrade.revert(steps).await?).await
}

/// Has somebody type the database's name, which shows that they mean this one.
fn confirm_by_name(name: &str) -> Result<(), Fatal> {
    if !std::io::stdin().is_terminal() {
        return Err("--all drops every table with its contents. Where nobody can be asked, add --yes.".into());
    }
    eprintln!(
        "This drops every table of {name}: follows, mirrors, panels, and what is still to be delivered. Only a backup can bring them back."
    );
    eprint!("Type the database's name ({name}) to continue: ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if answer.trim() == name { Ok(()) } else { Err("that is not its name. Nothing was changed.".into()) }
}

async fn show_status(store: Store) -> Result<(), Fatal> {
    for (name, applied) in store.migration_status().await? {
        println!("{} {name}", if applied { "applied" } else { "pending" });
    }
    Ok(store.close().await?)
}

async fn copy(storage: &config::Storage, to: &str) -> Result<(), Fatal> {
    let started = Instant::now();
    let progress = CopyProgress::on_stderr();
    let mut show = |copying: Copying<'_>| {
        progress.show((copying.rows, copying.total), copying.table, copying.of_table, copying.finished);
    };
    let copied = app::copy(storage, to, &mut show).await;
    progress.end();
    let (Copied { tables, rows }, took) = (copied?, started.elapsed().as_secs_f64());
    println!("Copied {rows} rows of {tables} tables in {took:.1} s.");
    println!("Now set DATABASE_URL to the address of the PostgreSQL, with its password,");
    match &storage.key {
        config::KeySource::File(file) => {
            println!("and ENCRYPTION_KEY to the contents of {}, then start the bot.", file.path().display());
        }
        config::KeySource::Given(_) => println!("leave ENCRYPTION_KEY as it is, and start the bot."),
    }
    println!(
        "Don't start the bot on the SQLite database again: what is still due there would be sent twice."
    );
    Ok(())
}
