//! What the operator was warned of already. Some things stay as they are until somebody changes a permission,
//! and come up again with each revision of a panel. They are logged once a day for each follow.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::expiring::ExpiringMap;
use crate::domain::follow::FollowId;
use crate::domain::ids::ChannelId;
use crate::domain::lock::lock;

/// How long a warning isn't repeated.
const REMEMBERED: TimeDelta = TimeDelta::days(1);
/// How many warnings are remembered.
const MOST: usize = 10_000;

/// The warnings that were given within the last day.
#[derive(Debug, Clone, Default)]
pub(super) struct RecentWarnings(Arc<Mutex<ExpiringMap<WarningKey, (), MOST>>>);

/// What a warning is about: the follow, its target, and what is wrong.
pub(super) type WarningKey = (Option<FollowId>, ChannelId, &'static str);

impl RecentWarnings {
    /// Whether this warning wasn't given for a day. Then it counts as given now.
    pub(super) fn is_due(&self, warning: WarningKey, now: DateTime<Utc>) -> bool {
        let mut given = lock(&self.0);
        let is_due = given.get(&warning, now).is_none();
        if is_due {
            given.put(warning, (), now + REMEMBERED, now);
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_given_once_a_day() {
        let warnings = RecentWarnings::default();
        let now = DateTime::UNIX_EPOCH;
        let warning = |follow, what| (Some(FollowId(follow)), ChannelId::new(2).unwrap(), what);
        assert!(warnings.is_due(warning(1, "one"), now));
        assert!(!warnings.is_due(warning(1, "one"), now + TimeDelta::hours(23)));
        assert!(warnings.is_due(warning(2, "one"), now) && warnings.is_due(warning(1, "other"), now));
        assert!(warnings.is_due(warning(1, "one"), now + REMEMBERED));
    }
}
