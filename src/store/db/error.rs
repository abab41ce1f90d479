//! What can go wrong with the database. None of it contains a secret: not the address with its password, not
//! a token, not a message.

use std::borrow::Cow;

use sea_orm::sqlx::{self, error::DatabaseError};
use sea_orm::{DbErr, RuntimeErr};

use crate::domain::ids::InvalidId;
use crate::store::Unusable;

/// A failure of the store. None is shown to people in Discord; the boundary logs it once.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The address belongs to neither database, or contains a mistake. It isn't repeated, as it may contain a
    /// password.
    #[error(
        "DATABASE_URL can't be read: it must look like sqlite://FILE?mode=rwc or postgres://USER:PASSWORD@HOST/NAME"
    )]
    Address,
    /// The database can't be reached or opened, for an unknown reason.
    #[error("DATABASE_URL leads to no database ({0})")]
    Connect(#[source] DbErr),
    /// The database doesn't answer, or is busy. It may later.
    #[error(
        "DATABASE_URL leads to a database that can't be reached ({0}). Check that it runs, and its host and port."
    )]
    Away(String),
    /// The database is there, but can't be used as it is.
    #[error("DATABASE_URL {0}")]
    Unusable(Unusable),
    /// The tables don't exist: the schema was reverted, or never created.
    #[error("the database's tables are missing")]
    NoTables,
    /// Another process runs on the database and must be stopped first.
    #[error(
        "another process runs on this database (PostgreSQL's backend {backend}, {name:?}). Stop all of them first."
    )]
    InUse {
        /// PostgreSQL's number for its connection.
        backend: i32,
        /// Its application name.
        name: String,
    },
    /// A query failed.
    #[error(transparent)]
    Database(#[from] DbErr),
    /// Something that is stored can't be decrypted with the key at hand.
    #[error(
        "ENCRYPTION_KEY can't decrypt {0}: it isn't the key that the database was written with. Set the former key again, or put the key file back where it was."
    )]
    Decrypt(&'static str),
    /// The database holds something that the program never writes.
    #[error("the database holds something unreadable in {0}")]
    Unreadable(&'static str),
    /// The registration's connection loses the locks that are taken on it.
    #[error(
        "the connection that holds this process's place is shared with others: through PgBouncer it needs session pooling"
    )]
    SharedConnection,
    /// A follow's options ask for one kind of delivery, and the given webhook is of the other kind.
    #[error("the webhook doesn't fit the follow's kind of delivery")]
    WrongWebhook,
    /// A follow of another server's channel should be made, resumed or changed, but that channel isn't open
    /// to other servers any more.
    #[error("the source isn't open to other servers any more")]
    Closed,
    /// The same, because its server has blocked the target's server.
    #[error("the source's server has blocked the target's")]
    Blocked,
    /// The operator has blocked one of the follow's servers.
    #[error("a server of the follow is blocked")]
    NotServed,
}

impl StoreError {
    /// Whether a retry may succeed: the database is away, busy or full. Anything else is about the request
    /// itself, and repeating it won't help.
    pub fn passes(&self) -> bool {
        match self {
            Self::Away(_) => true,
            Self::Database(error) | Self::Connect(error) => blame(error) == Blame::Database,
            Self::Address
            | Self::Unusable(_)
            | Self::NoTables
            | Self::InUse { .. }
            | Self::Decrypt(_)
            | Self::Unreadable(_)
            | Self::SharedConnection
            | Self::WrongWebhook
            | Self::Closed
            | Self::Blocked
            | Self::NotServed => false,
        }
    }
}

impl From<InvalidId> for StoreError {
    fn from(_: InvalidId) -> Self {
        Self::Unreadable("an id")
    }
}

/// What is to blame for a failed write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Blame {
    /// The database: it is away, locked, full, read-only, or not as the program needs it. A retry works once
    /// that is over, and nothing may be given up because of it.
    Database,
    /// The data that was written, or what it meets in the database. A retry fails in the same way. With the
    /// database's code, or a word; neither repeats any text.
    Data(Cow<'static, str>),
}

impl StoreError {
    /// What is to blame for it.
    pub fn blame(&self) -> Blame {
        match self {
            Self::Address
            | Self::Connect(_)
            | Self::Away(_)
            | Self::Unusable(_)
            | Self::NoTables
            | Self::InUse { .. }
            | Self::SharedConnection => Blame::Database,
            Self::Database(error) => blame(error),
            Self::Decrypt(_) => Blame::Data("undecryptable".into()),
            Self::Unreadable(_) => Blame::Data("unreadable".into()),
            Self::WrongWebhook => Blame::Data("wrong webhook".into()),
            Self::Closed | Self::Blocked => Blame::Data("closed source".into()),
            Self::NotServed => Blame::Data("blocked server".into()),
        }
    }
}

fn blame(error: &DbErr) -> Blame {
    let (DbErr::Conn(cause) | DbErr::Exec(cause) | DbErr::Query(cause)) = error else {
        return match error {
            DbErr::ConnectionAcquire(_) => Blame::Database,
            _ => Blame::Data("unexpected form".into()),
        };
    };
    match cause {
        RuntimeErr::SqlxError(cause) => match &**cause {
            sqlx::Error::Database(cause) => blame_code(&**cause),
            sqlx::Error::Encode(_)
            | sqlx::Error::Decode(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::RowNotFound => Blame::Data("unexpected form".into()),
            _ => Blame::Database,
        },
        RuntimeErr::Internal(_) => Blame::Database,
    }
}

/// Only by the code: messages are translated, and may repeat the data.
fn blame_code(error: &dyn DatabaseError) -> Blame {
    let Some(code) = error.code() else { return Blame::Database };
    let known = match error.try_downcast_ref::<sqlx::sqlite::SqliteError>() {
        Some(_) => is_sqlite_data(&code, error.message()),
        None => is_postgres_data(&code),
    };
    if known { Blame::Data(code.into_owned().into()) } else { Blame::Database }
}

/// SQLite: "Result and Error Codes"; the lower eight bits are the primary one.
fn is_sqlite_data(code: &str, message: &str) -> bool {
    const GENERIC: u32 = 1;
    const TOO_BIG: u32 = 18;
    const CONSTRAINT: u32 = 19;
    const MISMATCH: u32 = 20;
    const RANGE: u32 = 25;
    match code.parse::<u32>().map(|code| code & 0xff) {
        // Missing tables and columns mean that the database is of another version. Then nothing can be
        // written.
        Ok(GENERIC) => !message.contains("no such") && !message.contains("has no column"),
        Ok(code) => matches!(code, TOO_BIG | CONSTRAINT | MISMATCH | RANGE),
        Err(_) => false,
    }
}

/// PostgreSQL: "Error Codes", by their class.
fn is_postgres_data(code: &str) -> bool {
    const CLASSES: [&str; 8] = [
        // Feature not supported.
        "0A", // Cardinality violation.
        "21", // Data exception.
        "22", // Integrity constraint violation.
        "23", // WITH CHECK OPTION violation.
        "44", // Program limit exceeded, such as an index row that is too large.
        "54", // Raised by a trigger.
        "P0", // Internal error, damaged rows among them.
        "XX",
    ];
    CLASSES.iter().any(|class| code.starts_with(class))
}

#[cfg(test)]
mod tests {
    use super::{is_postgres_data, is_sqlite_data};

    #[test]
    fn what_the_database_itself_lacks_is_no_fault_of_the_data() {
        let sqlite = |code: &&str| is_sqlite_data(code, "");
        // Refused by an administrator, a deadlock, a full disk, a missing table, a lock timeout, an idle
        // transaction. SQLite: busy, a full disk, an I/O error.
        assert!(!["57P01", "40P01", "53100", "42P01", "55P03", "25P03"].into_iter().any(is_postgres_data));
        assert!(!["5", "13", "8458"].iter().any(sqlite));
        // A constraint, an index row that is too large, an error of a trigger. SQLite: a constraint (and
        // which), too big.
        assert!(["23505", "54000", "P0001"].into_iter().all(is_postgres_data));
        assert!(["19", "2067", "18"].iter().all(sqlite));
    }
}
