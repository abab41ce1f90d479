//! A session of the gateway. Its id, with the token, gives access to what Discord sends to it.

use secrecy::SecretString;

use super::shards::Shard;

/// A session that can be resumed.
#[derive(Debug, Clone)]
pub struct GatewaySession {
    /// The shard whose events it brings.
    pub shard: Shard,
    /// Its id.
    pub id: SecretString,
    /// The address at which it is resumed; `None`: the one where all sessions begin.
    pub address: Option<String>,
    /// The number of the last event that was handled.
    pub number: u64,
}
