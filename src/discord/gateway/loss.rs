//! Why a connection was lost, and when to try again.

use std::error::Error;
use std::time::Duration;
use std::{fmt, io};

use twilight_gateway::error::ReceiveMessageError;

/// The longest pause between the beginnings of two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// How it was lost. The texts quote nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Loss {
    /// It couldn't be made; with what the system reported, if it was the system.
    Refused(Option<io::ErrorKind>),
    /// Discord didn't say Hello.
    NoHello,
    /// The other side no longer answered.
    Silent,
    /// Discord didn't answer an IDENTIFY or a RESUME.
    Unanswered,
    /// Discord closed it, or it broke.
    Closed(Option<u16>),
    /// Discord asked for another connection (op 7).
    ToReconnect,
    /// Discord declared the session invalid (op 9).
    InvalidSession,
    /// twilight mistook an event for something else.
    Misread,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(Some(kind)) => kind.fmt(f),
            Self::Refused(None) => f.write_str("the request for a connection was refused"),
            Self::NoHello => f.write_str("no Hello"),
            Self::Silent => f.write_str("no answer to a heartbeat"),
            Self::Unanswered => f.write_str("no answer to IDENTIFY or RESUME"),
            Self::Closed(Some(1006) | None) => f.write_str("the connection broke"),
            Self::Closed(Some(code)) => write!(f, "closed with {code}"),
            Self::ToReconnect => f.write_str("Discord asked to reconnect"),
            Self::InvalidSession => f.write_str("the session is invalid"),
            Self::Misread => f.write_str("an event was misread"),
        }
    }
}

/// How long after one try began the next one begins, when this many have failed in a row.
pub(super) fn pause(failures: u32, random: f64) -> Duration {
    let Some(doublings) = failures.checked_sub(2) else { return Duration::ZERO };
    let longest = Duration::from_millis(200).saturating_mul(1 << doublings.min(16)).min(LONGEST_PAUSE);
    longest.mul_f64(0.5 + random / 2.0)
}

/// What the system reports about a connection that couldn't be made.
pub(super) fn io_error(error: &ReceiveMessageError) -> Option<io::ErrorKind> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return Some(error.kind());
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_the_second_try_on_to_two_seconds() {
        assert_eq!((pause(0, 1.0), pause(1, 1.0)), (Duration::ZERO, Duration::ZERO));
        let longest = [2, 3, 4, 5, 6, 1_000, u32::MAX].map(|failures| pause(failures, 1.0).as_millis());
        assert_eq!(longest, [200, 400, 800, 1600, 2000, 2000, 2000]);
        assert_eq!(pause(6, 0.0), Duration::from_secs(1), "half of it is chance");
    }
}
