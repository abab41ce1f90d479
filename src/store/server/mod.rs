//! Servers: when each was compared with Discord, which ones the bot has left, and which ones the operator
//! doesn't serve.
//!
//! Locks: a server has no row lock of its own. Marks are single statements; whatever deletes rows of channels
//! or lanes holds their locks, and deletes a few rows per transaction.
//!
//! | file | what it owns |
//! |---|---|
//! | `checks` | when each server was compared with Discord, and what is compared |
//! | `left` | servers that the bot has left |
//! | `blocked` | servers that the operator doesn't serve, and what ends with them |

pub(super) mod blocked;
pub(super) mod checks;
pub(super) mod left;
