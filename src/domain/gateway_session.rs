//! A session of the gateway: with the token, its id is the right to read what Discord sends to it.

use secrecy::SecretString;

use super::shards::Shard;

/// A session that can go on.
#[derive(Debug, Clone)]
pub struct GatewaySession {
    /// Whose events it brings.
    pub shard: Shard,
    /// Its id.
    pub id: SecretString,
    /// Where it goes on; else where all begin.
    pub address: Option<String>,
    /// The number of the last event that was taken.
    pub number: u64,
}
