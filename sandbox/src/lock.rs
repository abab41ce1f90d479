//! Locking data that is changed in one go.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock that survives a panic elsewhere: one failed test step shouldn't hide the real failure.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
