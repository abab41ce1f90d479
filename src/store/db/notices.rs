//! Notices between processes, sent through PostgreSQL's NOTIFY, so that none has to wait for its next poll of
//! the database. They contain only ids. Everything they refer to is in the database, so a lost notice causes
//! a delay, not a loss. On SQLite there are no other processes.
//!
//! This is the only place that sends them.

use std::fmt;
use std::str::FromStr;

use sea_orm::{ConnectionTrait, DbBackend, DbErr};

use super::sql::Sql;
use crate::domain::follow::FollowId;
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::personal::{Followee, FolloweeKind};
use crate::store::{Store, StoreError};

/// The PostgreSQL channel on which all processes of one bot listen.
pub(super) const CHANNEL: &str = "tributary";
/// The longest text of one notice. PostgreSQL takes less than 8000 bytes.
const LONGEST: usize = 7_500;
/// Beyond this many targets, checking all lanes is quicker than listing them.
const MOST_TARGETS: usize = 2_000;

/// Something that other processes should know soon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// These targets have new work. For processes that deliver.
    Work(Vec<ChannelId>),
    /// Some targets have new work. For processes that deliver.
    AnyWork,
    /// A follow was made, changed or activated. For processes that read its channels.
    Follow(FollowId),
    /// Somebody began to follow this personally. For processes that listen to it.
    Followee(Followee),
    /// A panel is due earlier than before. For the process that refreshes it.
    Panel,
    /// Messages of a person must be withdrawn. For the process that does so.
    Author,
    /// The operator blocked or unblocked a server. For the process that is connected to it.
    Servers,
    /// Who may see what in a server has changed. For processes that remember it.
    Visibility(GuildId),
}

/// The sender of notices: a process ignores its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct NoticeSender(u32);

impl NoticeSender {
    pub(super) fn new() -> Self {
        Self(rand::random())
    }

    /// A notice as it is sent.
    pub(super) fn text(self, signal: &Notice) -> String {
        format!("{:08x} {signal}", self.0)
    }

    /// The notice of another process. `None` for this process's own, and for one that it doesn't understand,
    /// as it comes from another version.
    pub(super) fn read(self, text: &str) -> Option<Notice> {
        let (sender, signal) = text.split_once(' ')?;
        let own = u32::from_str_radix(sender, 16).ok()? == self.0;
        if own { None } else { signal.parse().ok() }
    }
}

impl Notice {
    /// Notices of work in these targets, as few as can hold it.
    pub fn of_work(targets: &[ChannelId]) -> Vec<Self> {
        // An id has at most 20 digits, and a comma before it.
        const IN_ONE: usize = LONGEST / 21;
        match targets.len() {
            0 => Vec::new(),
            1..=MOST_TARGETS => targets.chunks(IN_ONE).map(|some| Self::Work(some.to_vec())).collect(),
            _ => vec![Self::AnyWork],
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Work(targets) => {
                let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
                write!(f, "work {}", targets.join(","))
            }
            Self::AnyWork => f.write_str("look"),
            Self::Follow(FollowId(id)) => write!(f, "follow {id}"),
            Self::Followee(followee) => {
                write!(f, "followee {} {}", followee.kind().as_str(), followee.to_db())
            }
            Self::Panel => f.write_str("panel"),
            Self::Author => f.write_str("author"),
            Self::Servers => f.write_str("servers"),
            Self::Visibility(guild) => write!(f, "visibility {guild}"),
        }
    }
}

/// A text that isn't a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidNotice;

impl FromStr for Notice {
    type Err = InvalidNotice;

    fn from_str(text: &str) -> Result<Self, InvalidNotice> {
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match (word, rest) {
            ("work", targets) => {
                let targets = targets.split(',').map(|id| id.parse().map_err(|_| InvalidNotice));
                Ok(Self::Work(targets.collect::<Result<_, _>>()?))
            }
            ("look", "") => Ok(Self::AnyWork),
            ("follow", id) => Ok(Self::Follow(FollowId(id.parse().map_err(|_| InvalidNotice)?))),
            ("followee", followee) => {
                let (kind, id) = followee.split_once(' ').ok_or(InvalidNotice)?;
                let kind = FolloweeKind::parse(kind).ok_or(InvalidNotice)?;
                let id = id.parse().map_err(|_| InvalidNotice)?;
                Followee::from_db(kind, id).map(Self::Followee).ok_or(InvalidNotice)
            }
            ("panel", "") => Ok(Self::Panel),
            ("author", "") => Ok(Self::Author),
            ("servers", "") => Ok(Self::Servers),
            ("visibility", guild) => Ok(Self::Visibility(guild.parse().map_err(|_| InvalidNotice)?)),
            _ => Err(InvalidNotice),
        }
    }
}

impl Store {
    /// Sends a notice to the other processes at once.
    pub async fn notify(&self, signal: &Notice) -> Result<(), StoreError> {
        Ok(self.notify_on_commit(&self.db, signal).await?)
    }

    /// Sends a notice to the other processes when this transaction commits.
    pub(in crate::store) async fn notify_on_commit(
        &self,
        db: &impl ConnectionTrait,
        signal: &Notice,
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

    fn any_signal() -> impl Strategy<Value = Notice> {
        let channel = (1..i64::MAX).prop_map(|id| ChannelId::from_db(id).unwrap());
        let followee = (prop::sample::select(FolloweeKind::ALL.to_vec()), 1..i64::MAX)
            .prop_filter_map("an id", |(kind, id)| Followee::from_db(kind, id));
        prop_oneof![
            prop::collection::vec(channel, 1..300).prop_map(Notice::Work),
            Just(Notice::AnyWork),
            (1..i64::MAX).prop_map(|id| Notice::Follow(FollowId(id))),
            Just(Notice::Panel),
            Just(Notice::Author),
            Just(Notice::Servers),
            followee.prop_map(Notice::Followee),
            (1..i64::MAX).prop_map(|id| Notice::Visibility(GuildId::from_db(id).unwrap())),
        ]
    }

    proptest! {
        #[test]
        fn what_one_tells_all_others_hear(signal in any_signal(), own: u32, other: u32) {
            prop_assume!(own != other);
            let text = NoticeSender(own).text(&signal);
            prop_assert_eq!(NoticeSender(own).read(&text), None);
            prop_assert_eq!(NoticeSender(other).read(&text), Some(signal));
        }

        #[test]
        fn whatever_comes_is_understood_or_passed_over(text in "\\PC{0,40}") {
            let _ = NoticeSender(1).read(&text);
        }
    }

    #[test]
    fn work_fits_into_what_postgres_takes() {
        let targets = |count: u64| -> Vec<ChannelId> {
            (0..count).map(|number| ChannelId::new(u64::MAX / 2 - number).unwrap()).collect()
        };
        assert_eq!(Notice::of_work(&[]), []);
        for count in [1, 357, 358, 2_000] {
            let (all, signals) = (targets(count), Notice::of_work(&targets(count)));
            let told = signals.iter().flat_map(|signal| match signal {
                Notice::Work(some) => some.clone(),
                _ => Vec::new(),
            });
            assert_eq!(told.collect::<Vec<_>>(), all);
            assert!(signals.iter().all(|signal| NoticeSender(u32::MAX).text(signal).len() < 8_000));
        }
        assert_eq!(Notice::of_work(&targets(2_001)), [Notice::AnyWork]);
    }
}
