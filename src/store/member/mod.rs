//! What people decide about their own messages.
//!
//! | file | what it owns |
//! |---|---|
//! | `opt_outs` | who doesn't want to be mirrored |
//! | `removal` | taking back what was mirrored of them |
//! | `forget` | what a person wants forgotten |
//! | `kept` | how much is kept of them |
//!
//! An opt-out is written before the locks of its sources are taken once. Whoever records something behind them afterwards sees it,
//! and what was recorded before is taken back.

pub(super) mod forget;
pub(super) mod kept;
pub(super) mod opt_outs;
pub(super) mod removal;
