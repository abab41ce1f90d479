//! One entity per table, as SeaORM sees it. They don't leave the store.

pub(in crate::store) mod channel_follow_tags;
pub(in crate::store) mod channel_follows;
pub(in crate::store) mod mirrors;
