//! The key that encrypts what nobody may read in the database.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretBox, SecretString};

/// 32 secret bytes.
pub struct EncryptionKey(SecretBox<[u8; 32]>);

/// The text isn't a key. The error doesn't repeat it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the base64 of 32 bytes")]
pub struct MalformedKey;

impl EncryptionKey {
    /// Reads the base64 of 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, MalformedKey> {
        let bytes = STANDARD.decode(text.trim()).map_err(|_| MalformedKey)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| MalformedKey)?;
        Ok(Self(SecretBox::new(Box::new(bytes))))
    }

    /// Writes it as [`from_base64`](Self::from_base64) reads it.
    pub fn to_base64(&self) -> SecretString {
        STANDARD.encode(self.bytes()).into()
    }

    /// A new key.
    pub fn random() -> Self {
        Self(SecretBox::new(Box::new(rand::random())))
    }

    /// The bytes, for the cipher.
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

impl PartialEq for EncryptionKey {
    /// Not in constant time: only the operator can have two keys compared.
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl fmt::Debug for EncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EncryptionKey")
    }
}
