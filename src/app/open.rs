//! Opening the database: for the bot, beside a running one, and for its schema alone.
//!
//! A key is made only for a database that has none, so the database is examined first. A key that doesn't
//! fit, and a database that can't be used, change nothing.

use std::path::PathBuf;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::config::{DatabaseConfig, EncryptionKey, KeyFile, KeyFileProblem, KeySource, Storage};
use crate::service::health::Startup;
use crate::store::{Cipher, KeyFit, Store, StoreError};

use super::lock::close_to_others;
use super::{AppError, RetryDelay};

/// Why a database can't be used with its key. What to do depends on whether the database was already written
/// with a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The key file is gone.
    #[error(
        "{0} is missing, and this database is encrypted with the key in it. Put it back from your backup, or set ENCRYPTION_KEY to that key."
    )]
    Lost(PathBuf),
    /// The key file gives no key, and the key is needed.
    #[error(
        "{0} {1}, and this database is encrypted with the key that belongs in it. Put the file back from your backup, or set ENCRYPTION_KEY to that key."
    )]
    Needed(PathBuf, KeyFileProblem),
    /// The key file gives no key, and none was used so far.
    #[error("{0} {1}. Nothing is encrypted in this database yet. Delete it: the next start makes a new one.")]
    Unneeded(PathBuf, KeyFileProblem),
    /// The key file can't be read, but may be intact.
    #[error("{0} {1}. Give it to the user that runs this program: chown, and chmod 600.")]
    Unreadable(PathBuf, KeyFileProblem),
    /// The key file is a link that leads nowhere.
    #[error("{0} {1}. Mount the disk that it leads to, or put the key file itself there.")]
    Link(PathBuf, KeyFileProblem),
    /// The key file holds another key.
    #[error(
        "{0} doesn't hold the key that this database was written with. Put the former key file back from your backup, or set ENCRYPTION_KEY to that key."
    )]
    OtherInFile(PathBuf),
    /// `ENCRYPTION_KEY` doesn't fit, but the key in the file does.
    #[error(
        "ENCRYPTION_KEY is not the key that this database was written with, but the one in {0} is: leave ENCRYPTION_KEY out of the settings."
    )]
    FileFits(PathBuf),
    /// The new key file can't be written.
    #[error(
        "{0}, which is to keep a new key, can't be written ({1}). Make room, or let this user write there."
    )]
    Unwritable(PathBuf, std::io::Error),
}

/// Opens the database and brings its tables up to date, as soon as that is possible.
///
/// # Errors
/// Those that waiting doesn't solve.
pub(super) async fn open_when_there(
    storage: &Storage,
    startup: &watch::Sender<Startup>,
) -> Result<Store, AppError> {
    let mut pause = RetryDelay::default();
    loop {
        match open_store(storage).await {
            Err(AppError::Store(StoreError::Away(reason))) => {
                let wait = pause.next();
                startup.send_replace(Startup::Database { away: Some(reason.clone().into()) });
                tracing::warn!(reason, again_in = wait.as_secs(), "the database can't be reached yet");
                sleep(wait).await;
            }
            opened => return opened,
        }
    }
}

/// Opens the database and brings its tables up to date.
async fn open_store(storage: &Storage) -> Result<Store, AppError> {
    let unkeyed =
        Store::connect(storage.database.url(), Cipher::new(EncryptionKey::random().secret())).await?;
    // Refuses databases of other programs, and newer ones.
    unkeyed.migration_status().await?;
    let (store, new) = keyed(unkeyed, storage).await?;
    store.migrate_up().await?;
    if let Some((file, key)) = new {
        let written = file.make(&key);
        written.map_err(|error| KeyError::Unwritable(file.path().to_owned(), error))?;
        tracing::info!(file = %file.path().display(), "made a key for the new database: back it up");
    }
    store.check_key().await?;
    // Only once it is certain whose files they are.
    close_to_others(&storage.database, storage.key_file.as_ref());
    Ok(store)
}

/// Opens the database as it is, for commands that work beside a running bot: its tables must exist already,
/// and be of this version.
pub async fn open_beside(storage: &Storage) -> Result<Store, AppError> {
    let cipher = Cipher::new(EncryptionKey::random().secret());
    let unkeyed = Store::connect_for_command(storage.database.url(), cipher).await?;
    if unkeyed.migration_status().await?.iter().any(|(_, applied)| !applied) {
        return Err(AppError::OtherVersion);
    }
    let (store, _) = keyed(unkeyed, storage).await?;
    Ok(store)
}

/// Opens the database for `migrate`, which needs no key.
pub async fn open_schema(database: &DatabaseConfig) -> Result<Store, StoreError> {
    let cipher = Cipher::new(EncryptionKey::random().secret());
    Store::connect_for_command(database.url(), cipher).await
}

/// The database with its key; and if the key is new and not stored yet, the key with its file.
async fn keyed(
    unkeyed: Store,
    storage: &Storage,
) -> Result<(Store, Option<(KeyFile, EncryptionKey)>), AppError> {
    match &storage.key {
        KeySource::Given(key) => Ok((with_given(unkeyed, key, storage.key_file.as_ref()).await?, None)),
        KeySource::File(file) => {
            let key = match file.read() {
                Ok(key) => key,
                Err(problem) => return Err(unreadable(&unkeyed, file, problem).await?.into()),
            };
            let path = || file.path().to_owned();
            match key {
                Some(key) => {
                    let store = unkeyed.with_cipher(Cipher::new(key.secret()));
                    match store.key_fit().await? {
                        KeyFit::Differs => Err(KeyError::OtherInFile(path()).into()),
                        KeyFit::Fits | KeyFit::Unused | KeyFit::Unknown => Ok((store, None)),
                    }
                }
                None if unkeyed.key_fit().await? == KeyFit::Unused => {
                    let key = EncryptionKey::random();
                    let store = unkeyed.with_cipher(Cipher::new(key.secret()));
                    Ok((store, Some((file.clone(), key))))
                }
                None => Err(KeyError::Lost(path()).into()),
            }
        }
    }
}

/// With the key from the settings. A file with another key is logged, because a backup would take it for the
/// key.
async fn with_given(unkeyed: Store, key: &EncryptionKey, file: Option<&KeyFile>) -> Result<Store, AppError> {
    let in_file = file.and_then(|file| Some((file, file.read().ok()??)));
    let other = in_file.filter(|(_, in_file)| in_file != key);
    let store = unkeyed.with_cipher(Cipher::new(key.secret()));
    match (store.key_fit().await?, other) {
        (KeyFit::Differs, Some((file, other))) => {
            let store = store.with_cipher(Cipher::new(other.secret()));
            let fits = store.key_fit().await? == KeyFit::Fits;
            let error: AppError = KeyError::FileFits(file.path().to_owned()).into();
            Err(if fits { error } else { StoreError::Decrypt("this database").into() })
        }
        (KeyFit::Differs, None) => Err(StoreError::Decrypt("this database").into()),
        (KeyFit::Fits | KeyFit::Unused | KeyFit::Unknown, other) => {
            if let Some((file, _)) = other {
                let file = file.path().display();
                tracing::warn!(%file, "this file holds another key than ENCRYPTION_KEY, which is used: move it away, or a backup may keep the wrong one");
            }
            Ok(store)
        }
    }
}

async fn unreadable(store: &Store, file: &KeyFile, problem: KeyFileProblem) -> Result<KeyError, StoreError> {
    let path = file.path().to_owned();
    Ok(match problem {
        KeyFileProblem::Unreadable(_) => KeyError::Unreadable(path, problem),
        KeyFileProblem::Link => KeyError::Link(path, problem),
        KeyFileProblem::Empty | KeyFileProblem::Damaged | KeyFileProblem::Folder => {
            match store.key_fit().await? {
                KeyFit::Unused => KeyError::Unneeded(path, problem),
                KeyFit::Fits | KeyFit::Differs | KeyFit::Unknown => KeyError::Needed(path, problem),
            }
        }
    })
}
