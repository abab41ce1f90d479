//! What can go wrong with the database. Nothing here carries a secret: neither the address with its password, nor
//! a token, nor a text.

use sea_orm::{DbErr, RuntimeErr, sqlx};

use super::Unusable;
use crate::domain::ids::InvalidId;

/// A failure of the store. None of them says anything to a person in Discord; the boundary logs it once.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The address is of neither database, or has a mistake in it. It isn't repeated, as it may hold a password.
    #[error(
        "DATABASE_URL can't be read: it must look like sqlite://FILE?mode=rwc or postgres://USER:PASSWORD@HOST/NAME"
    )]
    Address,
    /// The database can't be reached or opened, for a reason that isn't known better.
    #[error("DATABASE_URL leads to no database ({0})")]
    Connect(#[source] DbErr),
    /// The database doesn't answer, or is busy. It may later.
    #[error(
        "DATABASE_URL leads to a database that can't be reached ({0}). Check that it runs, and its host and port."
    )]
    Away(String),
    /// The database is there, and is of no use as it is.
    #[error("DATABASE_URL {0}")]
    Unusable(Unusable),
    /// The tables aren't there: the schema was taken back, or never made.
    #[error("the database's tables are missing")]
    NoTables,
    /// Something works on the database that must be stopped first.
    #[error(
        "another process runs on this database (PostgreSQL's backend {backend}, {name:?}). Stop all of them first."
    )]
    InUse {
        /// PostgreSQL's number of its connection.
        backend: i32,
        /// What that calls itself.
        name: String,
    },
    /// A query failed.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// Something stored can't be read with the key at hand.
    #[error(
        "ENCRYPTION_KEY can't decrypt {0}: it isn't the key that the database was written with. Set the former key again, or put the key file back where it was."
    )]
    Decrypt(&'static str),
    /// The database holds something that the program never writes.
    #[error("the database holds something unreadable in {0}")]
    Unreadable(&'static str),
    /// The session's connection doesn't keep what is locked on it.
    #[error(
        "the connection that holds this process's place is shared with others: through PgBouncer it needs session pooling"
    )]
    SharedSession,
    /// A follow's options ask for one kind of delivery and the webhook given with them is of the other.
    #[error("the webhook doesn't fit the follow's kind of delivery")]
    WrongHook,
}

impl StoreError {
    /// Whether the same may succeed later: the database is away, busy or full. Anything else is about what it was asked to do, and asking the
    /// same again won't help.
    pub fn passes(&self) -> bool {
        let error = match self {
            Self::Database(error) | Self::Connect(error) => error,
            Self::Address
            | Self::Decrypt(_)
            | Self::Unreadable(_)
            | Self::SharedSession
            | Self::WrongHook => {
                return false;
            }
        };
        match error {
            DbErr::ConnectionAcquire(_) | DbErr::Conn(_) => true,
            DbErr::Exec(RuntimeErr::SqlxError(error)) | DbErr::Query(RuntimeErr::SqlxError(error)) => {
                match &**error {
                    sqlx::Error::Database(refusal) => refusal.code().is_none_or(|code| passes(&code)),
                    sqlx::Error::Io(_)
                    | sqlx::Error::Tls(_)
                    | sqlx::Error::Protocol(_)
                    | sqlx::Error::PoolTimedOut
                    | sqlx::Error::PoolClosed
                    | sqlx::Error::WorkerCrashed => true,
                    _ => false,
                }
            }
            _ => false,
        }
    }
}

/// PostgreSQL has codes of five characters, whose first two name the class; SQLite numbers, whose lowest byte does.
fn passes(code: &str) -> bool {
    if code.len() == 5 {
        // Connections, a state of the transaction, a rollback for others' sake, resources, locks, an operator, the system.
        return ["08", "25", "40", "53", "55", "57", "58"].iter().any(|class| code.starts_with(class));
    }
    // ERROR, TOOBIG, CONSTRAINT, MISMATCH, RANGE.
    !matches!(code.parse::<u32>().map(|code| code & 0xff), Ok(1 | 18 | 19 | 20 | 25))
}

impl From<InvalidId> for StoreError {
    fn from(_: InvalidId) -> Self {
        Self::Unreadable("an id")
    }
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn what_the_database_itself_lacks_passes() {
        // Refused by an administrator, a deadlock, a full disk; SQLite: busy, a full disk, an I/O error.
        assert!(["57P01", "40P01", "53100", "5", "13", "8458"].into_iter().all(passes));
        // A constraint, an index row that is too large, what a trigger raises; SQLite: a constraint (and which), too big.
        assert!(!["23505", "54000", "P0001", "19", "2067", "18"].into_iter().any(passes));
    }
}
