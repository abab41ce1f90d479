//! Locks of what is looked at and changed in one go: a panic of whoever held one has left nothing half done.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks it, whatever happened to those who held it before.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
