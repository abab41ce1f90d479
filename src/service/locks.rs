//! Locks by key: one task at a time has a key, and different keys never wait for each other.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

use crate::domain::lock::lock;

/// Keeps a key locked until it is dropped.
pub(super) type KeyGuard = tokio::sync::OwnedMutexGuard<()>;

/// A lock for each key. Keys that nobody holds or waits for are forgotten.
#[derive(Debug)]
pub(super) struct Locks<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

impl<K> Default for Locks<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Locks<K> {
    /// Locks a key, as soon as nobody else holds it.
    pub(super) async fn lock(&self, key: K) -> KeyGuard {
        let lock = {
            let mut locks = lock(&self.0);
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(locks.entry(key).or_default())
        };
        lock.lock_owned().await
    }
}
