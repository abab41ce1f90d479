//! Secrets of 256 random bits: what a cookie, a sign-in link or a token carries. The database keeps only
//! their hashes; with so many bits, one round of SHA-256 can't be searched through.
//!
//! Randomness comes in from outside.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// How many bytes a secret has.
pub const SECRET_BYTES: usize = 32;

/// A secret. Its text is 43 characters of base64url; neither is ever printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct WebSecret([u8; SECRET_BYTES]);

/// What the database keeps of a secret: by it, a secret that is shown can be recognised, and none can be
/// made.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHash([u8; 32]);

impl WebSecret {
    /// The secret with these random bytes.
    pub const fn new(random: [u8; SECRET_BYTES]) -> Self {
        Self(random)
    }

    /// Reads a secret's text; `None` for anything else. Each secret has exactly one text.
    pub fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }

    /// Its bytes, for sealing.
    pub const fn bytes(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// Its text: 43 characters that need no escaping in an address or a cookie.
    pub fn text(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// What the database keeps of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(Sha256::digest(self.0).into())
    }

    /// The challenge whose verifier is this secret's text. RFC 7636 (PKCE), method S256.
    pub fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.text()))
    }
}

impl fmt::Debug for WebSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebSecret")
    }
}

impl SecretHash {
    /// The hash that was stored as these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The example of RFC 7636, appendix B.
    #[test]
    fn a_challenge_fits_its_verifier() {
        let verifier = WebSecret::parse("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk").unwrap();
        assert_eq!(verifier.challenge(), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    proptest! {
        #[test]
        fn a_text_is_read_back_and_says_nothing_of_the_hash(bytes: [u8; 32], other: [u8; 32]) {
            let secret = WebSecret::new(bytes);
            prop_assert_eq!(secret.text().len(), 43);
            prop_assert_eq!(WebSecret::parse(&secret.text()), Some(secret.clone()));
            prop_assert_eq!(secret.hash() == WebSecret::new(other).hash(), bytes == other);
            prop_assert_eq!(format!("{secret:?} {:?}", secret.hash()), "WebSecret SecretHash");
        }

        /// If two texts led to one secret, a hash of the text would not be enough.
        #[test]
        fn nothing_else_is_read(text in ".{0,60}") {
            if let Some(secret) = WebSecret::parse(&text) {
                prop_assert_eq!(secret.text(), text);
            }
        }
    }
}
