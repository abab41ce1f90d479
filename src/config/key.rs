//! The key that encrypts what must not be read in the database: given, or kept in a file beside it.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox};

/// 32 secret bytes.
pub struct EncryptionKey(SecretBox<[u8; 32]>);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not base64, or not 32 bytes of it.
    #[error("is not the base64 of 32 bytes")]
    Malformed,
    /// The key file can't be read or made.
    #[error("the key file {path} can't be used ({source})")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl EncryptionKey {
    /// Reads the base64 of 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, KeyError> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| KeyError::Malformed)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::Malformed)?;
        Ok(Self(SecretBox::new(Box::new(bytes))))
    }

    /// A new key.
    pub fn random() -> Self {
        Self(SecretBox::new(Box::new(rand::random())))
    }

    /// The key in the file beside a SQLite database (`tributary.db` → `tributary.key`), made where there is none, for its owner only (mode 0600).
    pub fn beside(database: &Path) -> Result<Self, KeyError> {
        let path = Self::file_beside(database);
        Self::in_file(&path).map_err(|source| KeyError::File { path, source })
    }

    /// Where that file is.
    pub fn file_beside(database: &Path) -> PathBuf {
        database.with_extension("key")
    }

    fn in_file(path: &Path) -> io::Result<Self> {
        match Self::create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let mut text = String::new();
                File::open(path)?.read_to_string(&mut text)?;
                Self::from_base64(&text)
                    .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("it {error}")))
            }
            made => made,
        }
    }

    fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path)?;
        let key = Self::random();
        writeln!(file, "{}", STANDARD.encode(key.bytes()))?;
        file.sync_all()?;
        Ok(key)
    }

    /// The key for whom it encrypts.
    pub const fn secret(&self) -> &SecretBox<[u8; 32]> {
        &self.0
    }

    fn bytes(&self) -> &[u8; 32] {
        self.0.expose_secret()
    }
}

impl Clone for EncryptionKey {
    fn clone(&self) -> Self {
        Self(SecretBox::new(Box::new(*self.bytes())))
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("bot.db");
        let made = EncryptionKey::beside(&database).unwrap();
        assert_eq!(EncryptionKey::beside(&database).unwrap().bytes(), made.bytes());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(folder.path().join("bot.key")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn a_damaged_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bot.key");
        std::fs::write(&file, "not a key").unwrap();
        assert!(EncryptionKey::beside(&folder.path().join("bot.db")).is_err());
        assert_eq!(std::fs::read_to_string(file).unwrap(), "not a key");
    }
}
