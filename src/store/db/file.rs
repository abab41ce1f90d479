//! SQLite's file before SQLite has it: made for its owner only, and left alone where it is another program's.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use sea_orm::sqlx::sqlite::SqliteConnectOptions;
use sea_orm::sqlx::{self, Connection as _, SqliteConnection};

use super::connect::no_connection;
use super::setup::are_foreign;
use crate::store::{StoreError, Unusable};

/// Makes the file where there is none. SQLite gives the files that it makes beside it the same rights.
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

/// Looks into the file before anything in it is changed, not even its mode of writing.
///
/// Ours has no `application_id`, and where it has tables, it has that of the migrations, with some that we know.
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
    // A failure to close it harms nothing: it was only read.
    let _ = connection.close().await;
    if foreign { Err(StoreError::Unusable(Unusable::Foreign)) } else { Ok(()) }
}
