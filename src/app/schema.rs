//! `tributary migrate`: changes the schema, alone on the database.

use std::fs::File;

use crate::config::DatabaseConfig;
use crate::store::Store;

use super::lock::claim;
use super::{AppError, open_schema};

/// Applies the missing migrations. If there are any, no other process may run.
pub async fn migrate_up(database: &DatabaseConfig) -> Result<Store, AppError> {
    let store = open_schema(database).await?;
    let complete = store.migration_status().await?.iter().all(|(_, applied)| *applied);
    let _alone = if complete { None } else { claim(database)? };
    store.migrate_up_alone().await?;
    Ok(store)
}

/// A schema that is about to be reverted. No other process may run: this holds SQLite's lock, and
/// PostgreSQL is asked when it happens.
pub struct Downgrade {
    store: Store,
    applied: u32,
    _alone: Option<File>,
}

impl Downgrade {
    /// Opens the database.
    pub async fn prepare(database: &DatabaseConfig) -> Result<Self, AppError> {
        let alone = claim(database)?;
        let store = open_schema(database).await?;
        let applied = store.migration_status().await?.iter().filter(|(_, applied)| *applied).count();
        Ok(Self { store, applied: u32::try_from(applied).unwrap_or(u32::MAX), _alone: alone })
    }

    /// How many migrations there are to revert.
    pub const fn applied(&self) -> u32 {
        self.applied
    }

    /// The name of the database.
    pub async fn database_name(&self) -> Result<String, AppError> {
        Ok(self.store.name().await?)
    }

    /// Reverts the newest migrations, with everything that their tables hold.
    pub async fn revert(self, steps: u32) -> Result<Store, AppError> {
        self.store.migrate_down(steps).await?;
        Ok(self.store)
    }
}
