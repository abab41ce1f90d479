//! SQLite's file before SQLite opens it: created for its owner only, and left alone if it belongs to another
//! program.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, Connection as _, SqliteConnection};

use super::connect::no_connection;
use super::setup::are_foreign;
use crate::store::{StoreError, Unusable};

/// Creates the file if there is none. SQLite gives the files that it creates next to it the same permissions.
pub(super) fn make(path: &Path) -> Result<(), StoreError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::StorageFull => Err(StoreError::Unusable(Unusable::Full)),
        Err(error) => Err(StoreError::Unusable(Unusable::ReadOnly(error.to_string()))),
    }
}

/// Inspects the file before anything in it is changed, even its journal mode.
///
/// The bot's own file has no `application_id`. If it has tables, the migrations' table is among them, with
/// some versions that we know.
pub(super) async fn refuse_foreign(options: &SqliteConnectOptions) -> Result<(), StoreError> {
    let mut connection = SqliteConnection::connect_with(options).await.map_err(no_connection)?;
    let look = "SELECT (SELECT application_id FROM pragma_application_id) <> 0 OR \
        EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!') \
        AND NOT EXISTS (SELECT 1 FROM sqlite_master WHERE name = 'seaql_migrations')";
    let mut foreign: bool =
        sqlx::query_scalar(look).fetch_one(&mut connection).await.map_err(no_connection)?;
    let record = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'seaql_migrations'";
    let record: i64 = sqlx::query_scalar(record).fetch_one(&mut connection).await.map_err(no_connection)?;
    if record > 0 {
        let versions = sqlx::query_scalar("SELECT version FROM seaql_migrations");
        let versions: Vec<String> = versions.fetch_all(&mut connection).await.map_err(no_connection)?;
        foreign |= are_foreign(&versions);
    }
    // Failing to close it is harmless: it was only read.
    let _ = connection.close().await;
    if foreign { Err(StoreError::Unusable(Unusable::Foreign)) } else { Ok(()) }
}
