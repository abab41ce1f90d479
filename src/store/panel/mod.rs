//! Panels, what came of looking at them, and what their mirrors need beyond those of messages.
//!
//! | file | what it owns |
//! |---|---|
//! | `panels` | panels, and whose turn it is |
//! | `looks` | what came of looking at them |
//! | `mirrors` | their deliveries: owed, taken back and marked as stale together with follows |
//! | `samples` | numbers over time, for charts |
//!
//! A panel is one activity. Its revision and what followers are owed of it are written in one transaction, behind the lock of its source.

pub(super) mod looks;
pub(super) mod mirrors;
pub(super) mod panels;
pub(super) mod samples;
