//! What can go wrong with the database. Nothing here carries a secret: neither the address with its password, nor
//! a token, nor a text.

use sea_orm::DbErr;

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

impl From<InvalidId> for StoreError {
    fn from(_: InvalidId) -> Self {
        Self::Unreadable("an id")
    }
}
