//! What the operator was told already. Some things stay as they are until somebody changes a permission, and are met again with each revision of a panel: they are said once a day,
//! for each follow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::follow::FollowId;
use crate::domain::ids::ChannelId;
use crate::store::Work;

use super::step::create::Sender;

/// How long something isn't said again.
const REMEMBERED: TimeDelta = TimeDelta::days(1);
/// How many are remembered.
const MOST: usize = 10_000;

/// What was said, of which follow into which target, and when.
#[derive(Debug, Clone, Default)]
pub(super) struct Said(Arc<Mutex<HashMap<Subject, DateTime<Utc>>>>);

type Subject = (Option<FollowId>, ChannelId, &'static str);

impl Said {
    /// Whether this wasn't said for a day. Then it is said now.
    fn is_new(&self, subject: Subject, now: DateTime<Utc>) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.get(&subject).is_some_and(|at| now - *at < REMEMBERED) {
            return false;
        }
        if said.len() >= MOST {
            said.retain(|_, at| now - *at < REMEMBERED);
        }
        if said.len() >= MOST {
            said.clear();
        }
        said.insert(subject, now);
        true
    }
}

impl Sender<'_> {
    /// Whether the operator hasn't been told this of a follow.
    pub(super) fn is_news(&self, work: &Work, what: &'static str) -> bool {
        self.tools.said.is_new((work.follow, work.target, what), self.now())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_said_once_a_day() {
        let said = Said::default();
        let now = DateTime::UNIX_EPOCH;
        let subject = |follow, what| (Some(FollowId(follow)), ChannelId::new(2).unwrap(), what);
        assert!(said.is_new(subject(1, "one"), now));
        assert!(!said.is_new(subject(1, "one"), now + TimeDelta::hours(23)));
        assert!(said.is_new(subject(2, "one"), now) && said.is_new(subject(1, "other"), now));
        assert!(said.is_new(subject(1, "one"), now + REMEMBERED));
    }
}
