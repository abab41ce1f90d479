//! Logs: one structured line an event, never a token or a message's text.

mod filter;

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{FilterExt, Targets};
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};

/// Libraries that print addresses with tokens, request bodies or query values at finer levels, and the finest that `RUST_LOG`
/// can have of them. serenity's INFO spans and one of its warnings carry webhook tokens.
const CEILINGS: &[(&str, LevelFilter)] = &[
    ("serenity", LevelFilter::ERROR),
    ("poise", LevelFilter::ERROR),
    ("reqwest", LevelFilter::INFO),
    ("hyper", LevelFilter::INFO),
    ("hyper_util", LevelFilter::INFO),
    ("h2", LevelFilter::INFO),
    ("rustls", LevelFilter::INFO),
    ("tungstenite", LevelFilter::INFO),
    ("tokio_tungstenite", LevelFilter::INFO),
    ("sqlx", LevelFilter::WARN),
    ("sea_orm", LevelFilter::WARN),
    ("sea_orm_migration", LevelFilter::INFO),
];

/// `RUST_LOG` can't be read, or means something else than was meant.
#[derive(Debug, thiserror::Error)]
pub enum InvalidFilter {
    /// Not a filter.
    #[error(
        "RUST_LOG can't be read ({0}). Use a level, or targets with levels, such as info,tributary=debug."
    )]
    Malformed(#[from] tracing_subscriber::filter::ParseError),
    /// A filter for something that doesn't exist, by which everything else would be silent.
    #[error(
        "RUST_LOG has {word:?}, which is neither a level nor a part of the program. Did you mean {nearest}? Use a level (error, warn, info, debug, trace, off), or targets with levels, such as info,tributary=debug."
    )]
    Unknown {
        /// What can't be.
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

/// From now on a panic is one line that says where, and not what: its message may hold what people wrote.
pub fn hide_panic_messages() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a panic; its message is left out, as it may hold contents");
    }));
}

fn ceilings() -> Targets {
    Targets::new().with_default(LevelFilter::TRACE).with_targets(CEILINGS.iter().copied())
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn no_setting_lifts_a_ceiling() {
        assert!(!ceilings().would_enable("serenity::http", &Level::WARN));
        assert!(!ceilings().would_enable("hyper::proto", &Level::DEBUG));
        assert!(!ceilings().would_enable("sqlx::query", &Level::INFO));
        assert!(ceilings().would_enable("tributary::delivery", &Level::TRACE));
    }
}
