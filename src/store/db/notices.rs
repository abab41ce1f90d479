//! What processes tell each other through PostgreSQL's NOTIFY, so that none has to wait for its next look at the database. Only numbers: all that is
//! meant by them is in the database, and a signal that is lost is a delay, not a loss. On SQLite there is nobody to tell.
//!
//! This is the only place that sends.

use std::fmt;
use std::str::FromStr;

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::sql::Sql;
use crate::domain::follow::FollowId;
use crate::domain::ids::ChannelId;
use crate::store::{Store, StoreError};

/// The channel on which all processes of one bot listen.
pub(super) const CHANNEL: &str = "tributary";
/// The longest text of one signal. PostgreSQL takes less than 8000 bytes.
const LONGEST: usize = 7_500;
/// Beyond so many targets it is quicker to look than to list them.
const MOST_TARGETS: usize = 2_000;

/// Something that other processes should know soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// These targets have new work: for whoever delivers.
    Work(Vec<ChannelId>),
    /// Some targets have new work: for whoever delivers.
    Look,
    /// A follow was made, changed or made active: for those who listen to its channels.
    Follow(FollowId),
    /// A panel is due earlier than it was: for whoever keeps it.
    Panel,
    /// Something of a person's is to be taken back: for whoever does that.
    Author,
    /// The operator blocked or unblocked a server: for whoever listens to it.
    Servers,
}

/// A process, in what it tells: it need not hear itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Sender(u32);

impl Sender {
    pub(super) fn new() -> Self {
        Self(rand::random())
    }

    /// A signal as it is sent.
    pub(super) fn text(self, signal: &Signal) -> String {
        format!("{:08x} {signal}", self.0)
    }

    /// What another process told; `None` for what this one told itself, and for what it doesn't understand: that was told by another version.
    pub(super) fn heard(self, text: &str) -> Option<Signal> {
        let (sender, signal) = text.split_once(' ')?;
        let own = u32::from_str_radix(sender, 16).ok()? == self.0;
        if own { None } else { signal.parse().ok() }
    }
}

impl Signal {
    /// What tells of work in these targets, in as few signals as hold it.
    pub fn of_work(targets: &[ChannelId]) -> Vec<Self> {
        // A number has 20 digits at most, and a comma before it.
        const IN_ONE: usize = LONGEST / 21;
        match targets.len() {
            0 => Vec::new(),
            1..=MOST_TARGETS => targets.chunks(IN_ONE).map(|some| Self::Work(some.to_vec())).collect(),
            _ => vec![Self::Look],
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Work(targets) => {
                let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
                write!(f, "work {}", targets.join(","))
            }
            Self::Look => f.write_str("look"),
            Self::Follow(FollowId(id)) => write!(f, "follow {id}"),
            Self::Panel => f.write_str("panel"),
            Self::Author => f.write_str("author"),
            Self::Servers => f.write_str("servers"),
        }
    }
}

/// A text that is no signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSignal;

impl FromStr for Signal {
    type Err = NoSignal;

    fn from_str(text: &str) -> Result<Self, NoSignal> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match (word, rest) {
            ("work", targets) => {
                let targets = targets.split(',').map(|id| id.parse().map_err(|_| NoSignal));
                Ok(Self::Work(targets.collect::<Result<_, _>>()?))
            }
            ("look", "") => Ok(Self::Look),
            ("follow", id) => Ok(Self::Follow(FollowId(id.parse().map_err(|_| NoSignal)?))),
            ("panel", "") => Ok(Self::Panel),
            ("author", "") => Ok(Self::Author),
            ("servers", "") => Ok(Self::Servers),
            _ => Err(NoSignal),
        }
    }
}

impl Store {
    /// Tells the other processes, at once.
    pub async fn tell(&self, signal: &Signal) -> Result<(), StoreError> {
        Ok(self.tell_with(&self.db, signal).await?)
    }

    /// Tells the other processes when this transaction is committed.
    pub(in crate::store) async fn tell_with(
        &self,
        db: &impl ConnectionTrait,
        signal: &Signal,
    ) -> Result<(), DbErr> {
        if db.get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        let notify = Sql::new("SELECT pg_notify($1, $2)", [CHANNEL.into(), self.sender.text(signal).into()]);
        notify.row(db).await.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_signal() -> impl Strategy<Value = Signal> {
        let channel = (1..i64::MAX).prop_map(|id| ChannelId::from_db(id).unwrap());
        prop_oneof![
            prop::collection::vec(channel, 1..300).prop_map(Signal::Work),
            Just(Signal::Look),
            (1..i64::MAX).prop_map(|id| Signal::Follow(FollowId(id))),
            Just(Signal::Panel),
            Just(Signal::Author),
            Just(Signal::Servers),
        ]
    }

    proptest! {
        #[test]
        fn what_one_tells_all_others_hear(signal in any_signal(), own: u32, other: u32) {
            prop_assume!(own != other);
            let text = Sender(own).text(&signal);
            prop_assert_eq!(Sender(own).heard(&text), None);
            prop_assert_eq!(Sender(other).heard(&text), Some(signal));
        }

        #[test]
        fn whatever_comes_is_understood_or_passed_over(text in "\\PC{0,40}") {
            let _ = Sender(1).heard(&text);
        }
    }

    #[test]
    fn work_fits_into_what_postgres_takes() {
        let targets = |count: u64| -> Vec<ChannelId> {
            (0..count).map(|number| ChannelId::new(u64::MAX / 2 - number).unwrap()).collect()
        };
        assert_eq!(Signal::of_work(&[]), []);
        for count in [1, 357, 358, 2_000] {
            let (all, signals) = (targets(count), Signal::of_work(&targets(count)));
            let told = signals.iter().flat_map(|signal| match signal {
                Signal::Work(some) => some.clone(),
                _ => Vec::new(),
            });
            assert_eq!(told.collect::<Vec<_>>(), all);
            assert!(signals.iter().all(|signal| Sender(u32::MAX).text(signal).len() < 8_000));
        }
        assert_eq!(Signal::of_work(&targets(2_001)), [Signal::Look]);
    }
}
