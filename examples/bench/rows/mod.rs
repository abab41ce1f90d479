//! The rows of the table: one file per subject.

use clap::ValueEnum;

use crate::{Failure, Report, Setup};

mod api;
mod burst;
mod crowd;
mod flood;
mod lag;
mod limits;
mod memory;
mod quiet;
mod start;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// One message to 20 targets, at 50 ms a request.
    One,
    /// 50 messages to 20 targets, at 50 ms a request.
    Burst,
    /// As fast as possible, for 1 to 1,000 followers, on SQLite and PostgreSQL.
    Flood,
    /// From the message to its mirror, at 20 messages a second.
    Lag,
    /// From the start until it is ready.
    Start,
    /// One message to 100,000 targets, and a restart while it is delivered.
    Crowd,
    /// Discord's real limits.
    Limits,
    /// 5,000 messages a second that nobody follows.
    Quiet,
    /// Memory with 1,000 servers of 50 channels.
    Memory,
    /// The API, with 1,000,000 follows.
    Api,
}

impl Row {
    /// Measures it, and adds the result.
    pub(crate) async fn measure(self, setup: &Setup, report: &mut Report) -> Result<(), Failure> {
        match self {
            Self::One => burst::one(setup, report).await,
            Self::Burst => burst::many(setup, report).await,
            Self::Flood => flood::measure(setup, report).await,
            Self::Lag => lag::measure(setup, report).await,
            Self::Start => start::measure(setup, report).await,
            Self::Crowd => crowd::measure(setup, report).await,
            Self::Limits => limits::measure(setup, report).await,
            Self::Quiet => quiet::measure(setup, report).await,
            Self::Memory => memory::measure(setup, report).await,
            Self::Api => api::measure(setup, report).await,
        }
    }
}
