//! Bringing the tables up to date, and making sure that the key fits them.

use sea_orm::{ConnectionTrait, DbBackend, QueryResult};
use tributary_migration::{MigrationStatus, Migrator, MigratorTrait};

use super::connect::{PATIENT, Write};
use super::presence::refuse_beside_others;
use super::sql::Sql;
use super::unusable::one_line;
use crate::domain::ids::WebhookId;
use crate::store::{Store, StoreError, Unusable};

/// The text that is sealed in `key_check`.
const KEY_CHECK: &str = "tributary";
/// The migrations' own table.
const RECORD: &str = "seaql_migrations";

/// Whether the key fits the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFit {
    /// Nothing was written with any key yet.
    Unused,
    /// It is the one that the database was written with.
    Fits,
    /// The database was written with another.
    Differs,
    /// Something was written with a key, and the mark that identifies the key is gone.
    Unknown,
}

impl Store {
    /// Applies all migrations that are pending, in one transaction.
    pub async fn migrate_up(&self) -> Result<(), StoreError> {
        self.change_schema(SchemaChange::Up).await
    }

    /// The same for an operator, who may not do it while a process runs. If nothing is pending, nothing
    /// changes, and processes may run.
    pub async fn migrate_up_alone(&self) -> Result<(), StoreError> {
        if self.migration_status().await?.iter().all(|(_, applied)| *applied) {
            return Ok(());
        }
        self.change_schema(SchemaChange::UpAlone).await
    }

    /// Reverts the newest migrations, this many, in one transaction. The content of their tables is lost.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if a process runs on the database.
    pub async fn migrate_down(&self, steps: u32) -> Result<(), StoreError> {
        self.change_schema(SchemaChange::Down(steps)).await
    }

    async fn change_schema(&self, change: SchemaChange) -> Result<(), StoreError> {
        let changed = async {
            self.look_at_versions().await?;
            let txn = self.write_schema().await?;
            if change != SchemaChange::Up {
                refuse_beside_others(&*txn).await?;
            }
            let pending: Vec<String> = match change {
                SchemaChange::Up | SchemaChange::UpAlone => {
                    let pending = Migrator::get_pending_migrations(&*txn).await?;
                    pending.iter().map(|one| one.name().to_owned()).collect()
                }
                SchemaChange::Down(_) => Vec::new(),
            };
            match change {
                SchemaChange::Up | SchemaChange::UpAlone => Migrator::up(&*txn, None).await?,
                SchemaChange::Down(steps) => Migrator::down(&*txn, Some(steps)).await?,
            }
            txn.commit().await?;
            log_applied(&pending);
            Ok(())
        };
        changed.await.map_err(StoreError::explained)
    }

    /// All migrations, oldest first, and whether each is applied.
    pub async fn migration_status(&self) -> Result<Vec<(String, bool)>, StoreError> {
        self.look_at_versions().await?;
        let migrations = Migrator::get_migration_with_status_read_only(&self.db).await;
        let migrations = migrations.map_err(|error| StoreError::from(error).explained())?;
        let applied = |status| status == MigrationStatus::Applied;
        Ok(migrations.iter().map(|one| (one.name().to_owned(), applied(one.status()))).collect())
    }

    /// Refuses a database whose migrations this program doesn't know.
    async fn look_at_versions(&self) -> Result<(), StoreError> {
        let looked = async {
            if !self.has_table(RECORD).await? {
                return Ok(());
            }
            let versions = Sql::new("SELECT version FROM seaql_migrations ORDER BY version DESC", []);
            let rows = versions.all(&self.db).await?;
            let versions = rows.iter().map(|row| row.try_get_by_index(0));
            let versions = versions.collect::<Result<Vec<String>, _>>()?;
            if are_foreign(&versions) {
                return Err(StoreError::Unusable(Unusable::Foreign));
            }
            let known = known();
            match versions.into_iter().find(|version| !known.contains(version)) {
                None => Ok(()),
                Some(newer) => Err(StoreError::Unusable(Unusable::Newer(one_line(&newer)))),
            }
        };
        looked.await.map_err(StoreError::explained)
    }

    /// Whether this database was written with the key. Changes nothing, and needs no tables.
    pub async fn key_fit(&self) -> Result<KeyFit, StoreError> {
        self.look_for_key().await.map_err(StoreError::explained)
    }

    async fn look_for_key(&self) -> Result<KeyFit, StoreError> {
        if self.has_table("key_check").await? {
            let row = Sql::new("SELECT sealed FROM key_check", []).row(&self.db).await?;
            if let Some(row) = row {
                return Ok(if self.opens(&row)? { KeyFit::Fits } else { KeyFit::Differs });
            }
        }
        if let Some(fits) = self.opens_a_token().await? {
            return Ok(if fits { KeyFit::Fits } else { KeyFit::Differs });
        }
        // The mark may be lost, for instance when part of the schema was reverted. Everything encrypted is
        // binary, so all binary columns are checked.
        for (table, column) in self.binary_columns().await? {
            let any = Sql::new(format!("SELECT 1 FROM {table} WHERE {column} IS NOT NULL LIMIT 1"), []);
            if any.row(&self.db).await?.is_some() {
                return Ok(KeyFit::Unknown);
            }
        }
        Ok(KeyFit::Unused)
    }

    /// Whether the key opens a webhook token, if there is one.
    async fn opens_a_token(&self) -> Result<Option<bool>, StoreError> {
        if !self.has_table("channel_follows").await? {
            return Ok(None);
        }
        let query =
            "SELECT webhook_id, webhook_token FROM channel_follows WHERE webhook_token IS NOT NULL LIMIT 1";
        let Some(row) = Sql::new(query, []).row(&self.db).await? else { return Ok(None) };
        let webhook = WebhookId::from_db(row.try_get_by_index(0)?)?;
        let sealed: Vec<u8> = row.try_get_by_index(1)?;
        Ok(Some(self.cipher.open_token(webhook, &sealed).is_ok()))
    }

    fn opens(&self, row: &QueryResult) -> Result<bool, StoreError> {
        let sealed: Vec<u8> = row.try_get_by_index(0)?;
        Ok(self.cipher.open(&sealed, KEY_CHECK).is_some())
    }

    /// Makes sure that this database was written with the key. The first start leaves a mark for this check.
    ///
    /// # Errors
    /// [`StoreError::Decrypt`] if it was written with another key.
    pub async fn check_key(&self) -> Result<(), StoreError> {
        let checked = async {
            let txn = self.write().await?;
            let sealed = self.cipher.seal(KEY_CHECK.as_bytes(), KEY_CHECK);
            let insert = "INSERT INTO key_check (id, sealed) VALUES (1, $1) ON CONFLICT DO NOTHING";
            Sql::new(insert, [sealed.into()]).execute(&*txn).await?;
            let row = Sql::new("SELECT sealed FROM key_check", []).row(&*txn).await?;
            if !self.opens(&row.ok_or(StoreError::Unreadable("key_check"))?)? {
                return Err(StoreError::Decrypt("this database"));
            }
            txn.commit().await
        };
        checked.await.map_err(StoreError::explained)
    }

    /// Checks that the database answers and that the tables exist, in a version no older than this program's.
    ///
    /// # Errors
    /// [`StoreError::NoTables`] if they don't.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let query = "SELECT COUNT(*), (SELECT COUNT(*) FROM key_check) FROM seaql_migrations";
        let applied = match Sql::new(query, []).numbers(&self.db).await {
            Ok(numbers) => numbers.first().copied().unwrap_or_default(),
            // A database that answers, but not this question, has lost its tables.
            Err(error) => {
                let error = StoreError::from(error);
                let answers = !error.is_away() && self.db.ping().await.is_ok();
                return Err(if answers { StoreError::NoTables } else { error });
            }
        };
        let known = i64::try_from(Migrator::migrations().len()).unwrap_or(i64::MAX);
        if applied < known { Err(StoreError::NoTables) } else { Ok(()) }
    }

    async fn has_table(&self, name: &str) -> Result<bool, StoreError> {
        let query = match self.db.get_database_backend() {
            DbBackend::Postgres => "SELECT 1 WHERE to_regclass(quote_ident($1)) IS NOT NULL",
            _ => "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = $1",
        };
        Ok(Sql::new(query, [name.into()]).row(&self.db).await?.is_some())
    }

    /// The tables' columns that hold bytes. Names are the schema's own: small letters and `_`.
    async fn binary_columns(&self) -> Result<Vec<(String, String)>, StoreError> {
        let query = match self.db.get_database_backend() {
            DbBackend::Postgres => {
                "SELECT table_name::text, column_name::text FROM information_schema.columns \
                WHERE table_schema = current_schema() AND data_type = 'bytea' ORDER BY 1, 2"
            }
            _ => {
                "SELECT m.name, c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
                WHERE m.type = 'table' AND c.type LIKE '%blob%' ORDER BY 1, 2"
            }
        };
        let rows = Sql::new(query, []).all(&self.db).await?;
        let columns = rows.iter().map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)));
        columns.collect()
    }

    /// A transaction during which no other process changes the schema.
    pub(in crate::store) async fn write_schema(&self) -> Result<Write, StoreError> {
        let txn = self.write().await?;
        if txn.get_database_backend() == DbBackend::Postgres {
            txn.execute_unprepared(PATIENT).await?;
            // Any number will do, as long as it never changes.
            txn.execute_unprepared("SELECT pg_advisory_xact_lock(7472627574)").await?;
        }
        Ok(txn)
    }
}

/// The migrations that this program has.
fn known() -> Vec<String> {
    Migrator::migrations().iter().map(|one| one.name().to_owned()).collect()
}

/// Whether these migrations belong to another program that uses the same library: there are some, and none is
/// ours.
pub(super) fn are_foreign(versions: &[String]) -> bool {
    let known = known();
    !versions.is_empty() && !versions.iter().any(|version| known.contains(version))
}

/// A change of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SchemaChange {
    /// By a process at its start.
    Up,
    /// By an operator.
    UpAlone,
    /// By an operator: this many steps.
    Down(u32),
}

/// Says in one line how many migrations were applied, and names each for whoever looks closer.
fn log_applied(migrations: &[String]) {
    for migration in migrations {
        tracing::debug!(migration, "applied a migration");
    }
    if !migrations.is_empty() {
        tracing::info!(migrations = migrations.len(), "brought the database's tables up to date");
    }
}
