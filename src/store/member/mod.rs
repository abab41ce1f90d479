//! What people decide about their own messages, and what they did lately.
//!
//! | file | what it owns |
//! |---|---|
//! | `opt_outs` | who doesn't want to be mirrored |
//! | `removal` | withdrawing what was mirrored of them |
//! | `forget` | what a person wants forgotten |
//! | `totals` | how much is kept of them |
//! | `export` | what is kept of them besides what their own lists show |
//! | `actions` | what they did in the last hour |
//!
//! Locks: an opt-out is committed first; then the locks of its sources are taken and released once. A
//! transaction that records messages takes these locks before it reads the opt-outs: so one that comes later
//! sees the opt-out, and what earlier ones recorded is in the database and gets withdrawn.
//!
//! Transaction: a few messages at a time, under the locks of their sources and lanes.

pub(super) mod actions;
pub(super) mod export;
pub(super) mod forget;
pub(super) mod opt_outs;
pub(super) mod removal;
pub(super) mod totals;
