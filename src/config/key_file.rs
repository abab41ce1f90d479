//! The file beside a SQLite database in which its key is kept (`tributary.db` → `tributary.key`).
//!
//! Nothing here decides whether a key may be created: that depends on what the database holds.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{DatabaseConfig, EncryptionKey};

/// More than any key file has.
const LONGEST: u64 = 4096;

/// Where the key comes from.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// From `ENCRYPTION_KEY`.
    Given(EncryptionKey),
    /// From this file, which the first start on a new database creates.
    File(KeyFile),
}

/// A key file.
#[derive(Debug, Clone)]
pub struct KeyFile(PathBuf);

/// Why an existing key file gives no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileProblem {
    /// It holds nothing, as a full disk leaves it.
    #[error("is empty")]
    Empty,
    /// What it holds isn't the base64 of 32 bytes.
    #[error("is damaged: it doesn't hold the base64 of 32 bytes")]
    Damaged,
    /// It isn't a file.
    #[error("is a folder, and should be a file")]
    Folder,
    /// It is a link to nothing.
    #[error("is a link to nothing")]
    Link,
    /// The system refuses to read it.
    #[error("can't be read ({0})")]
    Unreadable(io::Error),
}

impl KeyFile {
    /// The key file of this database: beside the name in the settings or, if there is no file, beside the
    /// file that links lead to.
    pub(super) fn of(database: &DatabaseConfig) -> Option<Self> {
        let DatabaseConfig::Sqlite { path, .. } = database else { return None };
        let called = path.with_extension("key");
        let missing = called.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        let real = database.file().filter(|_| missing).map(|file| file.with_extension("key"));
        Some(Self(real.unwrap_or(called)))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The key in it; `None` where there is no such file.
    pub fn read(&self) -> Result<Option<EncryptionKey>, KeyFileProblem> {
        let found = match fs::metadata(&self.0) {
            Ok(found) => found,
            Err(_) if self.0.is_symlink() => return Err(KeyFileProblem::Link),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(KeyFileProblem::Unreadable(error)),
        };
        if found.is_dir() {
            return Err(KeyFileProblem::Folder);
        }
        let mut text = String::new();
        let read = File::open(&self.0).and_then(|file| file.take(LONGEST).read_to_string(&mut text));
        let text = SecretString::from(text);
        match read {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(KeyFileProblem::Damaged),
            Err(error) => Err(KeyFileProblem::Unreadable(error)),
            Ok(_) if text.expose_secret().trim().is_empty() => Err(KeyFileProblem::Empty),
            Ok(_) => {
                let key = EncryptionKey::from_base64(text.expose_secret());
                key.map(Some).map_err(|_| KeyFileProblem::Damaged)
            }
        }
    }

    /// Puts a new key into a file that isn't there, for its owner only. The key stands in a file beside it,
    /// and on the disk, before it gets its name: cut off at any moment, there is the whole file or none.
    ///
    /// Only one process at a time may do this: who has the database's lock.
    pub fn make(&self, key: &EncryptionKey) -> io::Result<()> {
        let draft = self.0.with_extension("key.new");
        // Left by a start that died. A link is removed, not followed.
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let made = self.write(&draft, key);
        if made.is_err() {
            let _ = fs::remove_file(&draft);
        }
        made
    }

    fn write(&self, draft: &Path, key: &EncryptionKey) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(draft)?;
        writeln!(file, "{}", key.to_base64().expose_secret())?;
        file.sync_all()?;
        if self.0.symlink_metadata().is_ok() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it was made by somebody else meanwhile",
            ));
        }
        fs::rename(draft, &self.0)?;
        #[cfg(unix)]
        if let Some(folder) = self.0.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        } else {
            File::open(".")?.sync_all()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path) -> KeyFile {
        KeyFile(folder.join("bot.key"))
    }

    #[test]
    fn it_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        assert!(file.read().unwrap().is_none());
        let key = EncryptionKey::random();
        file.make(&key).unwrap();
        assert_eq!(file.read().unwrap().unwrap(), key);
        assert!(file.make(&EncryptionKey::random()).is_err());
        assert_eq!(file.read().unwrap().unwrap(), key, "it stays as it is");
        let names: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
        assert_eq!(names, ["bot.key"], "nothing is left beside it");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_gives_no_key_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(folder.path());
        for (held, problem) in [
            (&b""[..], "is empty"),
            (b" \n", "is empty"),
            (b"c2hvcnQ=", "is damaged"),
            (b"\xff\xfe", "is damaged"),
            (&[b'A'; 10_000], "is damaged"),
        ] {
            fs::write(file.path(), held).unwrap();
            let said = file.read().unwrap_err().to_string();
            assert!(said.starts_with(problem), "{said}");
            assert_eq!(fs::read(file.path()).unwrap(), held, "it stays as it is");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_draft_that_is_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path().join("victim"), folder.path().join("bot.key.new")).unwrap();
        file(folder.path()).make(&EncryptionKey::random()).unwrap();
        assert!(!folder.path().join("victim").exists() && !folder.path().join("bot.key.new").exists());
    }
}
