//! Locks of data that is read and changed in one go: a holder that panicked has left nothing half done.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks it, whatever happened to its former holders.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
