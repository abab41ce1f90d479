//! Keeps a second process from a SQLite database, and other users from its files.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use crate::config::{DatabaseConfig, KeyFile};

use super::AppError;

/// Locks a SQLite database, which may have only one bot: a second one would send everything twice. The lock
/// is on a file beside the database (`tributary.db` → `tributary.lock`), by whichever name the database is
/// called, as long as the returned file is kept. The system frees it when the process ends, however that
/// happens.
pub(super) fn claim(database: &DatabaseConfig) -> Result<Option<File>, AppError> {
    let Some(path) = database.file().map(|file| file.with_extension("lock")) else { return Ok(None) };
    let cant = |error: io::Error| AppError::Lock(PathBuf::clone(&path), error);
    let in_the_way = match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => Some("link"),
        Ok(found) if found.is_dir() => Some("folder"),
        _ => None,
    };
    if let Some(what) = in_the_way {
        return Err(AppError::LockInTheWay(path, what));
    }
    let file = open(&path).map_err(cant)?;
    match file.try_lock() {
        Ok(()) => {
            tell_of_hard_links(database);
            Ok(Some(file))
        }
        Err(TryLockError::WouldBlock) => Err(AppError::SecondProcess(path)),
        Err(TryLockError::Error(error)) => Err(cant(error)),
    }
}

/// A hard link is another file to the lock and to SQLite, which then damages the database
/// (<https://www.sqlite.org/howtocorrupt.html>, 2.5).
#[cfg(unix)]
fn tell_of_hard_links(database: &DatabaseConfig) {
    use std::os::unix::fs::MetadataExt;
    let Some(file) = database.file() else { return };
    if fs::metadata(&file).is_ok_and(|found| found.nlink() > 1) {
        let file = file.display();
        tracing::warn!(%file, "the database has a second name, a hard link: nothing may use it under that, or it is damaged");
    }
}

#[cfg(not(unix))]
fn tell_of_hard_links(_: &DatabaseConfig) {}

/// Opens the file, or creates it for its owner only. It never follows a link, even one that was put there a
/// moment ago: creating a new file doesn't follow one, and an opened file must be the one that the name
/// stands for.
fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        made => return made,
    }
    let file = OpenOptions::new().write(true).open(path)?;
    if is_same(&file.metadata()?, &path.symlink_metadata()?) {
        Ok(file)
    } else {
        Err(io::Error::other("it is replaced at this very moment"))
    }
}

#[cfg(unix)]
fn is_same(one: &fs::Metadata, other: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &fs::Metadata, other: &fs::Metadata) -> bool {
    !other.is_symlink()
}

/// Takes away other users' permissions on the database's files, and logs it: the key and the database
/// together reveal everything. New files are created without such permissions, and SQLite gives its own files
/// those of the database.
pub(super) fn close_to_others(database: &DatabaseConfig, key: Option<&KeyFile>) {
    let Some(file) = database.file() else { return };
    let beside = |suffix: &str| {
        let mut name = file.clone().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut files = vec![beside("-wal"), beside("-shm"), file.with_extension("lock"), file.clone()];
    files.extend(key.map(|key| key.path().to_owned()));
    files.iter().for_each(|file| close(file));
}

#[cfg(unix)]
fn close(file: &Path) {
    use std::os::unix::fs::PermissionsExt;
    const OTHERS: u32 = 0o077;
    let Ok(found) = fs::metadata(file) else { return };
    let mode = found.permissions().mode();
    if !found.is_file() || mode & OTHERS == 0 {
        return;
    }
    let file_name = file.display();
    match fs::set_permissions(file, fs::Permissions::from_mode(mode & !OTHERS)) {
        Ok(()) => {
            tracing::warn!(file = %file_name, "other users had permissions on a file; they were taken away")
        }
        Err(error) => {
            tracing::warn!(file = %file_name, %error, "other users have permissions on a file; chmod 600 takes them away")
        }
    }
}

#[cfg(not(unix))]
fn close(_: &Path) {}
