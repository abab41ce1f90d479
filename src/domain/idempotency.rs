//! Requests that carry a key of their sender's choosing (`Idempotency-Key`), so that sending one again does
//! nothing again: the answer that was given is given once more.

use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};

use super::account::{ApiTokenId, WebSessionId};
use super::ids::UserId;

/// The longest key, in characters.
pub const LONGEST_KEY: usize = 255;
/// How long an answer is kept.
pub const ANSWER_LIFETIME: TimeDelta = TimeDelta::hours(24);
/// How long a request may be under way. After that, whoever worked on it has died, and the key is free.
pub const CLAIM_LIFETIME: TimeDelta = TimeDelta::minutes(1);
/// How many answers are kept of one person. The oldest go first.
pub const MOST_ANSWERS: u32 = 2_500;

/// By what somebody is known; keys of one don't count for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOwner {
    /// A browser in which somebody is signed in.
    Session(WebSessionId),
    /// A program's token.
    Token(ApiTokenId),
}

/// A request with a key, as the database knows it: by hashes only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Whoever sent it.
    pub user: UserId,
    /// The SHA-256 of the key and its owner.
    pub key: [u8; 32],
    /// The SHA-256 of what the request says: its address and its body.
    pub request: [u8; 32],
}

/// Whether a text can be a key: 1 to 255 visible ASCII characters.
pub fn is_key(text: &[u8]) -> bool {
    (1..=LONGEST_KEY).contains(&text.len()) && text.iter().all(u8::is_ascii_graphic)
}

impl KeyedRequest {
    /// A request of this person to this address, with this body.
    pub fn new(user: UserId, owner: KeyOwner, key: &[u8], address: &str, body: &[u8]) -> Self {
        let (kind, id) = match owner {
            KeyOwner::Session(id) => ("session", id.0),
            KeyOwner::Token(id) => ("token", id.0),
        };
        // Neither of them can hold a NUL.
        let key = [format!("{user}\0{kind}\0{id}\0").as_bytes(), key].concat();
        let request = [address.as_bytes(), b"\0", body].concat();
        Self { user, key: Sha256::digest(key).into(), request: Sha256::digest(request).into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_belongs_to_its_owner_and_its_request() {
        let (session, token) = (KeyOwner::Session(WebSessionId(7)), KeyOwner::Token(ApiTokenId(7)));
        let user = |id| UserId::new(id).unwrap();
        let request = |of, owner, key: &str, address, body: &str| {
            KeyedRequest::new(user(of), owner, key.as_bytes(), address, body.as_bytes())
        };
        let one = request(1, session, "k", "/a", "{}");
        assert_eq!(one, request(1, session, "k", "/a", "{}"));
        for other in [
            request(2, session, "k", "/a", "{}"),
            request(1, token, "k", "/a", "{}"),
            request(1, KeyOwner::Session(WebSessionId(8)), "k", "/a", "{}"),
            request(1, session, "l", "/a", "{}"),
        ] {
            assert_ne!(one.key, other.key);
        }
        for other in [request(1, session, "k", "/b", "{}"), request(1, session, "k", "/a", "{ }")] {
            assert!(one.key == other.key && one.request != other.request);
        }
    }

    #[test]
    fn keys_are_visible_ascii() {
        for (key, is) in [
            ("k", true),
            ("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", true),
            ("", false),
            ("a b", false),
            ("ä", false),
            ("a\tb", false),
        ] {
            assert_eq!(is_key(key.as_bytes()), is, "{key}");
        }
        assert!(is_key(&[b'x'; 255]) && !is_key(&[b'x'; 256]));
    }
}
