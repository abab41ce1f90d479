//! Opening the database: for the bot, beside a running one, and for its schema alone.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::PathBuf;

use crate::config::{Config, DatabaseConfig, EncryptionKey, Storage};
use crate::store::{Cipher, Store, StoreError};

use super::AppError;

/// Opens the database and brings its tables up to date.
pub async fn open_store(config: &Config) -> Result<Store, StoreError> {
    let cipher = Cipher::new(config.encryption_key.secret());
    let store = Store::connect(config.database.url(), cipher).await?;
    store.migrate_up().await?;
    store.check_key().await?;
    Ok(store)
}

/// Opens the database as it is, for what works beside a running bot: its tables must be there already, and of this version.
pub async fn open_beside(storage: &Storage) -> Result<Store, AppError> {
    let cipher = Cipher::new(storage.encryption_key.secret());
    let store = Store::connect(storage.database.url(), cipher).await?;
    if store.migration_status().await?.iter().any(|(_, applied)| !applied) {
        return Err(AppError::OtherVersion);
    }
    store.check_key().await?;
    Ok(store)
}

/// Opens the database for `migrate`, which needs no key.
pub async fn open_schema(database: &DatabaseConfig) -> Result<Store, StoreError> {
    let cipher = Cipher::new(EncryptionKey::random().secret());
    Store::connect(database.url(), cipher).await
}

/// A SQLite database has one bot: a second one would send everything twice. The lock lies on a file beside the database (`tributary.db` → `tributary.lock`),
/// as long as this is kept; the system frees it when the process ends, however that happens.
pub(super) fn claim(database: &DatabaseConfig) -> Result<Option<File>, AppError> {
    let DatabaseConfig::Sqlite { path: Some(path), .. } = database else { return Ok(None) };
    let path = path.with_extension("lock");
    let cant = |error: io::Error| AppError::Lock(PathBuf::clone(&path), error);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(cant)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(AppError::SecondProcess(path)),
        Err(TryLockError::Error(error)) => Err(cant(error)),
    }
}
