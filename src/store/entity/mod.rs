//! One entity per table, as SeaORM sees it. They don't leave the store.

pub(super) mod channel_follow_tags;
pub(super) mod channel_follows;
pub(super) mod mirrors;
