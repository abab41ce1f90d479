//! What must hold while a request is under way. It is asked before each request, so that a caller who makes
//! several can't forget it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use super::error::RestError;
use super::limiter::OVERDUE;
use super::{Client, Rest};

/// Decides whether requests may begin.
pub trait RequestGuard: Send + Sync {
    /// Whether a request may begin that is surely over within this time.
    fn admit(&self, within: Duration) -> BoxFuture<'_, bool>;
}

impl Client {
    /// The same client, which asks this guard before each single request, repetitions included. A request
    /// that isn't admitted ends as [`RestError::NotSent`].
    #[must_use]
    pub fn guarded(&self, guard: Arc<dyn RequestGuard>) -> Self {
        Self { guard: Some(guard), ..self.clone() }
    }
}

impl Rest {
    /// Asks the guard about a request that may take this long once its turn has come.
    pub(super) async fn admit(&self, request: Duration) -> Result<(), RestError> {
        let Some(guard) = &self.guard else { return Ok(()) };
        if guard.admit(self.patience + OVERDUE + request).await { Ok(()) } else { Err(RestError::NotSent) }
    }
}
