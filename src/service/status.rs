//! What `/about` and the metrics tell of the whole.

use chrono::TimeDelta;

use crate::store::Totals;

use super::{Follows, ServiceError};

/// The bot's figures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Follows and deliveries.
    pub totals: Totals,
    /// Messages mirrored in the last 24 hours.
    pub delivered_today: u64,
}

impl Follows {
    /// The figures now.
    pub async fn status(&self) -> Result<Status, ServiceError> {
        let since = self.clock.now() - TimeDelta::days(1);
        Ok(Status { totals: self.store.totals().await?, delivered_today: self.store.mirrored_since(since).await? })
    }
}
