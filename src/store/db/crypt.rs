//! Encryption of what the database must not hold in plain text: webhook tokens and message contents.
//!
//! XChaCha20-Poly1305 with a random nonce of 192 bits, which can't repeat in practice. Each sealed value is
//! bound to what it belongs to (the authenticated data): moved to another row, it can't be opened.

use std::fmt;

use chacha20poly1305::KeyInit;
use chacha20poly1305::aead::{Aead, Generate, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};

use sha2::Sha256;

use crate::domain::activity::{ActivityContent, Origin};
use crate::domain::ids::WebhookId;
use crate::store::StoreError;

/// The first byte of every sealed value, so that another scheme can be added later.
const VERSION: u8 = 1;
/// How much of a digest is kept, in bytes.
const DIGEST: usize = 16;
/// The length of the nonce that follows it.
const NONCE: usize = 24;

/// The input of the digests' key, next to the operator's key.
const DIGESTS: &[u8] = b"tributary digests of contents, version 1";

/// Seals and opens values with the operator's key.
#[derive(Clone)]
pub struct Cipher {
    aead: XChaCha20Poly1305,
    digests: Hmac<Sha256>,
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher")
    }
}

impl Cipher {
    /// The cipher of this key.
    pub fn new(key: &SecretBox<[u8; 32]>) -> Self {
        let key = key.expose_secret();
        let mut derived = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("takes keys of any length");
        derived.update(DIGESTS);
        let derived = derived.finalize().into_bytes();
        let digests = <Hmac<Sha256> as KeyInit>::new_from_slice(&derived).expect("takes keys of any length");
        Self { aead: XChaCha20Poly1305::new(&Key::from(*key)), digests }
    }

    /// Seals `plain`, bound to `owner`: version, nonce, ciphertext with its tag.
    pub(in crate::store) fn seal(&self, plain: &[u8], owner: &str) -> Vec<u8> {
        let nonce = XNonce::generate();
        let payload = Payload { msg: plain, aad: owner.as_bytes() };
        let sealed = self.aead.encrypt(&nonce, payload).expect("only fails beyond 256 GB");
        let mut bytes = Vec::with_capacity(1 + NONCE + sealed.len());
        bytes.push(VERSION);
        bytes.extend_from_slice(&nonce);
        bytes.extend_from_slice(&sealed);
        bytes
    }

    /// Opens what was sealed for the same owner with the same key; `None` for anything else.
    pub(in crate::store) fn open(&self, sealed: &[u8], owner: &str) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.strip_prefix(&[VERSION])?.split_at_checked(NONCE)?;
        let nonce = XNonce::try_from(nonce).ok()?;
        self.aead.decrypt(&nonce, Payload { msg: sealed, aad: owner.as_bytes() }).ok()
    }

    /// The start of a keyed digest: useless without the key.
    pub(super) fn digests(&self) -> Hmac<Sha256> {
        self.digests.clone()
    }

    /// Seals a webhook's token, bound to the webhook's id. Public for programs that fill a database for a
    /// measurement.
    pub fn seal_token(&self, webhook: WebhookId, token: &SecretString) -> Vec<u8> {
        self.seal(token.expose_secret().as_bytes(), &webhook.to_string())
    }

    /// Opens a webhook's token.
    pub(in crate::store) fn open_token(
        &self,
        webhook: WebhookId,
        sealed: &[u8],
    ) -> Result<SecretString, StoreError> {
        let token =
            self.open(sealed, &webhook.to_string()).ok_or(StoreError::Decrypt("a webhook's token"))?;
        String::from_utf8(token).map(SecretString::from).map_err(|_| StoreError::Unreadable("webhook_token"))
    }

    /// Seals what an activity shows, bound to its origin.
    pub(in crate::store) fn seal_content(&self, origin: Origin, showing: &ActivityContent) -> Vec<u8> {
        let plain = serde_json::to_vec(showing).expect("texts and numbers always serialise");
        self.seal(&plain, &origin.to_string())
    }

    /// A digest of everything that can change in what an activity shows. Equal for equal content, and useless
    /// without the key.
    pub(in crate::store) fn digest(&self, origin: Origin, showing: &ActivityContent) -> Option<Vec<u8>> {
        // A panel's content is kept as long as the panel.
        let essence = showing.as_message()?.essence();
        let mut digest = self.digests();
        digest.update(origin.to_string().as_bytes());
        digest.update(&serde_json::to_vec(&essence).expect("texts and numbers always serialise"));
        Some(digest.finalize().into_bytes()[..DIGEST].to_vec())
    }

    /// Opens what an activity shows.
    pub(in crate::store) fn open_content(
        &self,
        origin: Origin,
        sealed: &[u8],
    ) -> Result<ActivityContent, StoreError> {
        let plain =
            self.open(sealed, &origin.to_string()).ok_or(StoreError::Decrypt("a message's content"))?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable("content"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cipher(byte: u8) -> Cipher {
        Cipher::new(&SecretBox::new(Box::new([byte; 32])))
    }

    #[test]
    fn opens_only_what_belongs_together() {
        let sealed = cipher(1).seal(b"token", "17");
        assert_eq!(cipher(1).open(&sealed, "17").as_deref(), Some(&b"token"[..]));
        assert_eq!(cipher(1).open(&sealed, "18"), None, "another owner");
        assert_eq!(cipher(2).open(&sealed, "17"), None, "another key");
        for broken in [&sealed[..sealed.len() - 1], &sealed[1..], &sealed[..10], &[]] {
            assert_eq!(cipher(1).open(broken, "17"), None, "cut");
        }
        let mut later = sealed.clone();
        later[0] = 2;
        assert_eq!(cipher(1).open(&later, "17"), None, "another version");
    }

    #[test]
    fn never_seals_twice_alike() {
        assert_ne!(cipher(1).seal(b"token", "17"), cipher(1).seal(b"token", "17"));
        assert_eq!(format!("{:?}", cipher(1)), "Cipher");
    }
}
