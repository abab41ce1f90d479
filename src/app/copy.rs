//! `tributary migrate copy`: opens both databases, and makes sure that nobody else uses them.

use crate::config::{DatabaseConfig, EncryptionKey, Storage};
use crate::delivery::SETTLING;
use crate::store::{Cipher, Copied, CopyError, Copying, Store};

use super::lock::claim;
use super::{AppError, clock, open_beside};

/// Copies a SQLite database that no bot uses to an empty PostgreSQL. It checks first that the key fits.
pub async fn copy(
    storage: &Storage,
    to: &str,
    progress: &mut (dyn FnMut(Copying<'_>) + Send),
) -> Result<Copied, AppError> {
    if !matches!(storage.database, DatabaseConfig::Sqlite { .. }) {
        return Err(CopyError::NotFromSqlite.into());
    }
    let _alone = claim(&storage.database)?;
    let source = open_beside(storage).await?;
    // Nothing is encrypted or read there: sealed values are copied as they are.
    let cipher = Cipher::new(EncryptionKey::random().secret());
    let target = Store::copy_target(to, cipher).await?;
    let copied = source.copy_to(&target, clock().now() + SETTLING, progress).await?;
    source.close().await?;
    target.close().await?;
    Ok(copied)
}
