//! The form of an API token: `trib_`, 43 characters of secret, and 6 of a checksum over both.
//!
//! The beginning lets scanners of public code recognise a token that was published by mistake. The checksum
//! tells a mistyped one without a look into the database.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::secret::{SECRET_BYTES, SecretHash, WebSecret};

/// How every token begins.
pub const TOKEN_PREFIX: &str = "trib_";
/// The characters of the checksum: a CRC-32 in base64url.
const CHECK: usize = 6;

/// A token as its owner has it. Never printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiToken(WebSecret);

impl ApiToken {
    /// The token with these random bytes.
    pub const fn new(random: [u8; SECRET_BYTES]) -> Self {
        Self(WebSecret::new(random))
    }

    /// Reads a token; `None` if that is none, or was mistyped.
    pub fn parse(text: &str) -> Option<Self> {
        let secret = text.strip_prefix(TOKEN_PREFIX)?;
        let (secret, _) = secret.split_at_checked(secret.len().checked_sub(CHECK)?)?;
        let token = Self(WebSecret::parse(secret)?);
        (token.text() == text).then_some(token)
    }

    /// Its text, for its owner's eyes only.
    pub fn text(&self) -> String {
        let body = format!("{TOKEN_PREFIX}{}", self.0.text());
        let check = crc32fast::hash(body.as_bytes()).to_be_bytes();
        body + &URL_SAFE_NO_PAD.encode(check)
    }

    /// What the database keeps of it.
    pub fn hash(&self) -> SecretHash {
        self.0.hash()
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_form_is_as_documented() {
        let text = ApiToken::new([0; 32]).text();
        assert_eq!(text.len(), 5 + 43 + 6);
        // The CRC-32 of `trib_` and 43 times `A`, as any other program computes it.
        assert_eq!(&text[..48], format!("trib_{}", "A".repeat(43)));
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{text}");
    }

    proptest! {
        #[test]
        fn a_token_is_read_back(bytes: [u8; 32]) {
            let token = ApiToken::new(bytes);
            prop_assert_eq!(ApiToken::parse(&token.text()), Some(token.clone()));
            prop_assert_eq!(format!("{token:?}"), "ApiToken");
        }

        /// A CRC-32 notices every change within 32 bits in a row, so every single wrong character.
        #[test]
        fn one_wrong_character_is_noticed(bytes: [u8; 32], at in 0_usize..54, wrong in "[A-Za-z0-9_-]") {
            let text = ApiToken::new(bytes).text();
            let mut changed = text.clone();
            changed.replace_range(at..=at, &wrong);
            prop_assert_eq!(ApiToken::parse(&changed).is_some(), changed == text);
        }

        #[test]
        fn anything_else_is_none(text in ".{0,80}", letters in "trib_[A-Za-z0-9_-]{0,60}") {
            prop_assert_eq!(ApiToken::parse(&text), None);
            if let Some(token) = ApiToken::parse(&letters) {
                prop_assert_eq!(token.text(), letters);
            }
        }
    }
}
