//! Locks by key: whoever works on one thing is alone with it, while others are free.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Holds a thing until it is dropped.
pub(super) type Hold = tokio::sync::OwnedMutexGuard<()>;

/// A lock for each key; those that nobody holds or waits for are forgotten.
#[derive(Debug)]
pub(super) struct Locks<K>(Mutex<HashMap<K, Arc<tokio::sync::Mutex<()>>>>);

impl<K> Default for Locks<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Locks<K> {
    /// Waits until nobody else holds this.
    pub(super) async fn hold(&self, key: K) -> Hold {
        let lock = {
            let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(locks.entry(key).or_default())
        };
        lock.lock_owned().await
    }
}
