//! Bringing the tables up to date, and making sure that the key fits them.

use sea_orm::{ConnectionTrait, DbBackend};
use tributary_migration::{MigrationStatus, Migrator, MigratorTrait};

use super::connect::{PATIENT, Write};
use super::sql::Sql;
use super::{Store, StoreError};

/// What is sealed in `key_check`.
const KEY_CHECK: &str = "tributary";

impl Store {
    /// Applies all migrations that are pending, in one transaction.
    pub async fn migrate_up(&self) -> Result<(), StoreError> {
        let txn = self.write_schema().await?;
        Migrator::up(&*txn, None).await?;
        txn.commit().await
    }

    /// Takes back the newest migrations, so many, in one transaction. Their tables' content is lost.
    pub async fn migrate_down(&self, steps: u32) -> Result<(), StoreError> {
        let txn = self.write_schema().await?;
        Migrator::down(&*txn, Some(steps)).await?;
        txn.commit().await
    }

    /// All migrations, oldest first, and whether each is applied.
    pub async fn migration_status(&self) -> Result<Vec<(String, bool)>, StoreError> {
        let migrations = Migrator::get_migration_with_status_read_only(&self.db).await?;
        let applied = |status| status == MigrationStatus::Applied;
        Ok(migrations.iter().map(|one| (one.name().to_owned(), applied(one.status()))).collect())
    }

    /// Makes sure that the key is the one this database was written with; the first start leaves the mark for it.
    ///
    /// # Errors
    /// [`StoreError::Decrypt`] where it is another.
    pub async fn check_key(&self) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let sealed = self.cipher.seal(KEY_CHECK.as_bytes(), KEY_CHECK);
        Sql::new("INSERT INTO key_check (id, sealed) VALUES (1, $1) ON CONFLICT DO NOTHING", [sealed.into()])
            .execute(&*txn)
            .await?;
        let row = Sql::new("SELECT sealed FROM key_check", []).row(&*txn).await?;
        let sealed: Vec<u8> = row.ok_or(StoreError::Unreadable("key_check"))?.try_get_by_index(0)?;
        self.cipher.open(&sealed, KEY_CHECK).ok_or(StoreError::Decrypt("this database"))?;
        txn.commit().await
    }

    /// A transaction in which no other process changes the schema.
    async fn write_schema(&self) -> Result<Write, StoreError> {
        let txn = self.write().await?;
        if txn.get_database_backend() == DbBackend::Postgres {
            txn.execute_unprepared(PATIENT).await?;
            // Any number will do, as long as it stays the same.
            txn.execute_unprepared("SELECT pg_advisory_xact_lock(7472627574)").await?;
        }
        Ok(txn)
    }
}
