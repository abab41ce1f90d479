//! Whether processes run on a database, for what must not happen under them.
//!
//! On PostgreSQL, every process is known by the names of its connections, of which it has one at least from the moment in which it opens the database: whatever its role, and whether or
//! not it has shards or waits for something. On SQLite, the lock on the file beside the database tells (`app`).

use sea_orm::{ConnectionTrait, DbBackend};

use super::connect::{APPLICATION, COMMAND};
use super::sql::Sql;
use crate::store::StoreError;

/// Makes sure that no process runs on this database, subcommands apart.
///
/// Whoever asks holds the lock on the schema. So a process that begins now, and isn't seen yet, waits for the end of what is done before it uses a table.
pub(in crate::store) async fn refuse_beside_others(db: &impl ConnectionTrait) -> Result<(), StoreError> {
    if db.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let query = "SELECT pid, application_name FROM pg_stat_activity WHERE datname = current_database() \
        AND pid <> pg_backend_pid() AND starts_with(application_name, $1) AND application_name <> $2 ORDER BY 1 LIMIT 1";
    match Sql::new(query, [APPLICATION.into(), COMMAND.into()]).row(db).await? {
        None => Ok(()),
        Some(row) => {
            Err(StoreError::InUse { backend: row.try_get_by_index(0)?, name: row.try_get_by_index(1)? })
        }
    }
}
