//! Why a database can't be used, in words for operators: what goes away by waiting, and what doesn't.
//!
//! Each text continues the name of the setting with the address (`DATABASE_URL`, `--to`). None of them
//! repeats the address, as it may contain a password. What PostgreSQL and SQLite say names users, databases
//! and files, never passwords.

use std::io;

use sea_orm::sqlx;
use sea_orm::{DbErr, RuntimeErr};

use crate::store::StoreError;

/// What is wrong with a database, if waiting doesn't help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// SQLite: the file is of another kind.
    #[error(
        "leads to a file that isn't a SQLite database. Give another one; if it was the bot's, put it back from your backup."
    )]
    NotSqlite,
    /// SQLite: pages of the file don't fit together.
    #[error(
        "leads to a damaged database ({0}). Put it back from your backup, or save what can be read with: sqlite3 FILE .recover"
    )]
    Damaged(String),
    /// SQLite: the file or its folder can't be written.
    #[error(
        "leads to a database that can't be written ({0}). The user that runs this program must be able to write the file, and to make others in its folder."
    )]
    ReadOnly(String),
    /// SQLite: the disk is full.
    #[error(
        "leads to a database on a disk that is full. Make room there and start again; what was written before is safe."
    )]
    Full,
    /// SQLite: reading or writing fails.
    #[error(
        "leads to a database on a disk that fails ({0}). Check whether it is full, and whether it works."
    )]
    Disk(String),
    /// Its tables aren't ours.
    #[error("leads to a database of another program, which was left as it is. Give the bot one of its own.")]
    Foreign,
    /// A later version of the program has changed its tables.
    #[error(
        "leads to a database of a newer version (its tables are at {0}). Start that version of the program, or put back the backup that was made before it."
    )]
    Newer(String),
    /// PostgreSQL: the user lacks privileges.
    #[error(
        "leads to a database in which its user lacks privileges ({0}). Make the user the owner of the database, or GRANT ALL ON its schema and tables to the user."
    )]
    Privileges(String),
    /// PostgreSQL: the login fails.
    #[error(
        "is refused by PostgreSQL ({0}). Check user and password (@ : / ? # % are written as percent codes in them, @ as %40), and the server's pg_hba.conf."
    )]
    Login(String),
    /// PostgreSQL: there is no database of this name.
    #[error("leads to no database ({0}). Make it with createdb, or correct its name.")]
    Missing(String),
    /// PostgreSQL: the connection can't be encrypted as it should be.
    #[error(
        "asks for a TLS connection, which fails ({0}). Check sslmode, and the certificates of the server."
    )]
    Tls(String),
    /// Something other than PostgreSQL listens there.
    #[error("leads to something that isn't PostgreSQL ({0}). Check host and port.")]
    NotPostgres(String),
    /// PostgreSQL refuses the connection for another reason.
    #[error("is refused by PostgreSQL ({0})")]
    Refused(String),
}

/// What an error of SQLite or PostgreSQL amounts to.
enum ErrorClass {
    Away(String),
    Unusable(Unusable),
}

impl StoreError {
    /// The failure in words that operators can act on, if it concerns the database as a whole.
    pub(super) fn explained(self) -> Self {
        let (Self::Database(error) | Self::Connect(error)) = &self else { return self };
        match class(error) {
            Some(ErrorClass::Away(reason)) => Self::Away(reason),
            Some(ErrorClass::Unusable(unusable)) => Self::Unusable(unusable),
            None => self,
        }
    }

    /// Whether the database is away or busy.
    pub(super) fn is_away(&self) -> bool {
        match self {
            Self::Away(_) => true,
            Self::Database(error) | Self::Connect(error) => matches!(class(error), Some(ErrorClass::Away(_))),
            _ => false,
        }
    }
}

fn class(error: &DbErr) -> Option<ErrorClass> {
    match error {
        DbErr::ConnectionAcquire(error) => Some(ErrorClass::Away(one_line(&error.to_string()))),
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => class_of(error),
        DbErr::Conn(RuntimeErr::Internal(reason)) => Some(ErrorClass::Away(one_line(reason))),
        _ => None,
    }
}

fn class_of(error: &sqlx::Error) -> Option<ErrorClass> {
    let away = || Some(ErrorClass::Away(one_line(&error.to_string())));
    match error {
        sqlx::Error::Io(error) if error.kind() == io::ErrorKind::StorageFull => {
            Some(ErrorClass::Unusable(Unusable::Full))
        }
        sqlx::Error::Io(error) => Some(ErrorClass::Away(one_line(&error.to_string()))),
        sqlx::Error::PoolTimedOut | sqlx::Error::WorkerCrashed => away(),
        sqlx::Error::Tls(error) => Some(ErrorClass::Unusable(Unusable::Tls(one_line(&error.to_string())))),
        sqlx::Error::Protocol(said) => Some(ErrorClass::Unusable(Unusable::NotPostgres(one_line(said)))),
        sqlx::Error::Database(error) => {
            let (code, said) = (error.code().unwrap_or_default(), one_line(error.message()));
            // SQLite's codes are numbers of up to four digits, PostgreSQL's have five characters.
            match code.parse::<u32>() {
                Ok(number) if code.len() < 5 => of_sqlite(number, said),
                _ => of_postgres(&code, said),
            }
        }
        _ => None,
    }
}

/// By SQLite's primary result codes (<https://www.sqlite.org/rescode.html>), the lowest byte.
fn of_sqlite(code: u32, said: String) -> Option<ErrorClass> {
    let unusable = match code & 0xff {
        // BUSY, LOCKED, PROTOCOL (a race for locks).
        5 | 6 | 15 => return Some(ErrorClass::Away(said)),
        // PERM, READONLY, CANTOPEN.
        3 | 8 | 14 => Unusable::ReadOnly(said),
        // IOERR.
        10 => Unusable::Disk(said),
        // CORRUPT.
        11 => Unusable::Damaged(said),
        13 => Unusable::Full,
        26 => Unusable::NotSqlite,
        _ => return None,
    };
    Some(ErrorClass::Unusable(unusable))
}

/// By PostgreSQL's codes (its manual, appendix A).
fn of_postgres(code: &str, said: String) -> Option<ErrorClass> {
    let unusable = match code {
        // It is starting, stopping, or out of connections, memory or space; or a standby that takes no writes
        // yet; or a database that is closed for a moment.
        "57P01" | "57P02" | "57P03" | "25006" | "55000" | "55P03" => return Some(ErrorClass::Away(said)),
        _ if code.starts_with("08") || code.starts_with("53") => return Some(ErrorClass::Away(said)),
        _ if code.starts_with("28") => Unusable::Login(said),
        "3D000" => Unusable::Missing(said),
        // Missing privileges on a schema look as if it didn't exist.
        "42501" | "3F000" => Unusable::Privileges(said),
        _ => return None,
    };
    Some(ErrorClass::Unusable(unusable))
}

/// Text from outside, as part of one line.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(error: sqlx::Error) -> StoreError {
        StoreError::Database(DbErr::Query(RuntimeErr::SqlxError(error.into()))).explained()
    }

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        let io = |kind| sqlx::Error::Io(io::Error::new(kind, "two\nlines"));
        assert!(explained(io(io::ErrorKind::ConnectionRefused)).is_away());
        assert_eq!(explained(io(io::ErrorKind::TimedOut)).to_string().lines().count(), 1);
        assert!(explained(sqlx::Error::PoolTimedOut).is_away());
        assert!(!explained(io(io::ErrorKind::StorageFull)).is_away());
        assert!(!explained(sqlx::Error::Protocol("0x48".to_owned())).is_away());
        assert!(!explained(sqlx::Error::RowNotFound).is_away(), "a mistake of ours");
    }

    #[test]
    fn sqlites_extended_codes_count_by_their_primary() {
        let class = |code| of_sqlite(code, "said".to_owned());
        // SQLITE_BUSY_SNAPSHOT, READONLY_DIRECTORY, CANTOPEN_ISDIR, CORRUPT_INDEX, CONSTRAINT_UNIQUE.
        assert!(matches!(class(517), Some(ErrorClass::Away(_))));
        assert!(matches!(class(1544), Some(ErrorClass::Unusable(Unusable::ReadOnly(_)))));
        assert!(matches!(class(526), Some(ErrorClass::Unusable(Unusable::ReadOnly(_)))));
        assert!(matches!(class(779), Some(ErrorClass::Unusable(Unusable::Damaged(_)))));
        assert!(matches!(class(13), Some(ErrorClass::Unusable(Unusable::Full))));
        assert!(class(2067).is_none());
    }

    #[test]
    fn postgres_that_starts_is_waited_for() {
        for code in ["57P03", "53300", "08006", "25006", "53100"] {
            assert!(matches!(of_postgres(code, String::new()), Some(ErrorClass::Away(_))), "{code}");
        }
        for code in ["28P01", "28000", "3D000", "42501", "3F000"] {
            assert!(matches!(of_postgres(code, String::new()), Some(ErrorClass::Unusable(_))), "{code}");
        }
        assert!(of_postgres("23505", String::new()).is_none());
    }
}
