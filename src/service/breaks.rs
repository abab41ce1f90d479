//! Marking follows as broken.

use chrono::{DateTime, Utc};

use crate::domain::audit::ChangedBy;
use crate::domain::follow::{BrokenReason, Follow, FollowId};
use crate::store::{BreakWhich, Store, StoreError};

/// Marks these follows as broken, by the system, and logs each of them.
pub(super) async fn break_follows(
    store: &Store,
    which: BreakWhich,
    reason: BrokenReason,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    for Follow { id: FollowId(id), .. } in
        store.break_follows(which, reason, ChangedBy::System.at(now)).await?
    {
        tracing::warn!(follow = id, reason = reason.as_str(), "follow broken");
    }
    Ok(())
}
