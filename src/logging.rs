//! Logs: one structured line an event, never a token or a message's text.

mod filter;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::io::{IsTerminal, Write};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};

/// Libraries that print addresses with tokens, request bodies or query values at finer levels, and the finest
/// level that `RUST_LOG` can give them. serenity's INFO spans and one of its warnings carry webhook tokens.
const CEILINGS: &[(&str, LevelFilter)] = &[
    ("serenity", LevelFilter::ERROR),
    ("poise", LevelFilter::ERROR),
    ("reqwest", LevelFilter::INFO),
    ("hyper", LevelFilter::INFO),
    ("hyper_util", LevelFilter::INFO),
    ("h2", LevelFilter::INFO),
    ("rustls", LevelFilter::INFO),
    ("twilight_gateway", LevelFilter::WARN),
    ("tokio_websockets", LevelFilter::WARN),
    ("tungstenite", LevelFilter::INFO),
    ("tokio_tungstenite", LevelFilter::INFO),
    ("sqlx", LevelFilter::WARN),
    ("sea_orm", LevelFilter::WARN),
    // Two lines for each migration; `store::db` says in one how many there were.
    ("sea_orm_migration", LevelFilter::WARN),
];

/// `RUST_LOG` can't be read, or has another meaning than intended.
#[derive(Debug, thiserror::Error)]
pub enum InvalidFilter {
    /// Not a filter.
    #[error(
        "RUST_LOG can't be read ({0}). Use a level, or targets with levels, such as info,tributary=debug."
    )]
    Malformed(#[from] tracing_subscriber::filter::ParseError),
    /// A filter for something that doesn't exist, which would silence everything else.
    #[error(
        "RUST_LOG has {word:?}, which is neither a level nor a part of the program. Did you mean {nearest}? Use a level (error, warn, info, debug, trace, off), or targets with levels, such as info,tributary=debug."
    )]
    Unknown {
        /// The unknown word.
        word: String,
        /// What may have been meant.
        nearest: &'static str,
    },
}

/// Starts logging to standard error.
pub fn start(config: &LogConfig) -> Result<(), InvalidFilter> {
    let filter = EnvFilter::try_new(&config.filter)?.and(ceilings());
    filter::check(&config.filter)?;
    // Colours are for people at a terminal, not for files and collectors.
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(colours);
    let layer = match config.format {
        LogFormat::Text => lines.boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    // A second start (in tests) keeps the first one's subscriber.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    Ok(())
}

/// From now on, a panic is one line that says where it happened, but not what its message is: that can quote
/// what people wrote. This covers every panic in every thread and task; with `RUST_BACKTRACE`, the backtrace
/// is logged, too.
pub fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let location = panic.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
        let task = tokio::task::try_id().map(|task| task.to_string());
        let backtrace = Backtrace::capture();
        if tracing::dispatcher::has_been_set() {
            tracing::error!(location, thread, task, "panicked");
        } else {
            say(format_args!("panicked at {location} in the thread {thread}"));
        }
        if backtrace.status() == BacktraceStatus::Captured {
            // Names of functions and files; no values.
            say(format_args!("{backtrace}"));
        }
    }));
}

/// Writes to standard error, if somebody reads it: otherwise `eprintln!` would panic.
fn say(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

fn ceilings() -> Targets {
    Targets::new().with_default(LevelFilter::TRACE).with_targets(CEILINGS.iter().copied())
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    const SECRET: &str = "what somebody wrote";

    /// Not a test by itself, but what the next one runs in a process of its own, because the hook belongs to
    /// the process.
    #[test]
    #[ignore = "run by panics_say_where_and_not_what"]
    fn panics_in_many_places() {
        hide_panic_messages();
        let config = LogConfig { filter: "info".to_owned(), format: LogFormat::Text };
        eprintln!("before logging has started");
        let _ = std::panic::catch_unwind(|| panic!("{SECRET}"));
        start(&config).unwrap();
        let _ = std::thread::Builder::new()
            .name("a-thread".to_owned())
            .spawn(|| panic!("{SECRET}"))
            .unwrap()
            .join();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _ = runtime
            .block_on(async { tokio::spawn(async { std::panic::panic_any(SECRET.to_owned()) }).await });
        let letters = SECRET.replace('w', "ü");
        let _ = std::panic::catch_unwind(|| letters[1..].len());
    }

    #[test]
    fn panics_say_where_and_not_what() {
        let tests = std::env::current_exe().unwrap();
        let test = "logging::tests::panics_in_many_places";
        let ran = std::process::Command::new(tests)
            .args(["--exact", test, "--ignored", "--nocapture"])
            .env("RUST_BACKTRACE", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned() + &String::from_utf8_lossy(&ran.stdout);
        assert!(ran.status.success(), "{said}");
        assert!(!said.contains("somebody") && !said.contains("rote"), "{said}");
        let lines = said.lines().filter(|line| line.contains("panicked") && line.contains("src/logging.rs"));
        assert_eq!(lines.count(), 4, "{said}");
        assert!(said.contains("a-thread"), "{said}");
    }

    #[test]
    fn no_setting_lifts_a_ceiling() {
        assert!(!ceilings().would_enable("serenity::http", &Level::WARN));
        assert!(!ceilings().would_enable("hyper::proto", &Level::DEBUG));
        assert!(!ceilings().would_enable("twilight_gateway_queue::in_memory", &Level::INFO));
        assert!(!ceilings().would_enable("sqlx::query", &Level::INFO));
        assert!(ceilings().would_enable("tributary::delivery", &Level::TRACE));
    }
}
