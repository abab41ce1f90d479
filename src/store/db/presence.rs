//! Whether processes run on a database, for changes that must not happen underneath them.
//!
//! On PostgreSQL, every process is known by the names of its connections. It has at least one from the moment
//! it opens the database, whatever its role, and whether or not it has shards or waits for something. On
//! SQLite, the lock on the file next to the database tells (`app`).

use sea_orm::{ConnectionTrait, DbBackend};

use super::connect::{APPLICATION, COMMAND};
use super::sql::Sql;
use crate::store::StoreError;

/// Makes sure that no process runs on this database, apart from subcommands.
///
/// The caller holds the schema lock. A process that starts now and isn't visible yet waits for that lock
/// before it uses a table.
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
