//! Panels, the outcome of refreshing them, and what their mirrors need beyond those of messages.
//!
//! | file | what it owns |
//! |---|---|
//! | `panels` | panels, and which are due |
//! | `refresh` | the outcome of refreshing them |
//! | `mirrors` | their deliveries: created, withdrawn and marked as stale together with follows |
//! | `changes` | what the audit says about them |
//! | `samples` | numbers over time, for charts |
//!
//! Locks: whatever changes a panel's deliveries holds the lock of its channel, then those of the lanes.
//!
//! Transaction: posting a panel writes the panel, its activity and its deliveries together; a change of a
//! follow writes the follow and its panels' deliveries together.

pub(super) mod changes;
pub(super) mod mirrors;
pub(super) mod panels;
pub(super) mod refresh;
pub(super) mod samples;
