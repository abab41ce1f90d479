//! Who changed what. What the audit covers is changed in an [`AuditedWrite`](write::AuditedWrite) only: it
//! can't be committed without saying what changed, and is opened by somebody. So a change and its record are
//! in the database together, or neither is.
//!
//! | file | what it owns |
//! |---|---|
//! | `write` | the transaction |
//! | `list` | finding records, and forgetting them |
//!
//! Locks: none. Records are only added and deleted.

pub(super) mod list;
pub(super) mod write;
