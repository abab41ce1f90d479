//! Servers: when each was compared with Discord, which ones the bot has left, and which the operator doesn't serve.
//!
//! | file | what it owns |
//! |---|---|
//! | `checks` | when each server was compared with Discord, and what is compared |
//! | `left` | servers that the bot has left |
//! | `blocked` | servers that the operator doesn't serve, and what ends with them |

pub(super) mod blocked;
pub(super) mod checks;
pub(super) mod left;
