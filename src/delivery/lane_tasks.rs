//! The tasks of lanes: which lane each works on, so that one that panics gives its place back, and how long a lane that fails again and again pauses.

use std::collections::HashMap;

use chrono::TimeDelta;
use tokio::task::{Id, JoinSet};

use crate::domain::ids::ChannelId;
use crate::domain::retry::backoff;

use super::lane::ComeBack;

/// The longest pause of a lane that fails: what is wrong with it holds up all that goes through it.
const LONGEST: TimeDelta = TimeDelta::minutes(1);

/// The lanes that are being worked on.
#[derive(Debug, Default)]
pub(super) struct Working {
    tasks: JoinSet<ComeBack>,
    targets: HashMap<Id, ChannelId>,
    /// How often in a row each has failed.
    failures: HashMap<ChannelId, u32>,
}

impl Working {
    /// Begins to work on a lane.
    pub(super) fn begin(&mut self, target: ChannelId, work: impl Future<Output = ComeBack> + Send + 'static) {
        let task = self.tasks.spawn(work);
        self.targets.insert(task.id(), target);
    }

    /// The next lane whose task ended, and how: a panic is a failure of that lane. None where none is being worked on.
    pub(super) async fn next(&mut self) -> Option<(ChannelId, ComeBack)> {
        loop {
            let (task, worked) = match self.tasks.join_next_with_id().await? {
                Ok((task, worked)) => (task, worked),
                // The error's own words quote what the panic said.
                Err(error) => (error.id(), ComeBack::Failed),
            };
            let Some(target) = self.targets.remove(&task) else { continue };
            match worked {
                ComeBack::Failed => *self.failures.entry(target).or_default() += 1,
                _ => drop(self.failures.remove(&target)),
            }
            return Some((target, worked));
        }
    }

    /// How many are being worked on.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// How long a lane that failed pauses.
    pub(super) fn pause(&self, target: ChannelId) -> TimeDelta {
        let failures = self.failures.get(&target).copied().unwrap_or(1);
        backoff(failures, rand::random()).min(LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lane(id: u64) -> ChannelId {
        ChannelId::new(id).unwrap()
    }

    #[tokio::test]
    async fn a_lane_whose_task_panics_is_known_and_pauses_longer_each_time() {
        let mut working = Working::default();
        let mut last = TimeDelta::zero();
        for _ in 0..6 {
            working.begin(lane(7), async { panic!("what somebody wrote") });
            assert_eq!(working.next().await, Some((lane(7), ComeBack::Failed)));
            assert_eq!(working.len(), 0, "its place is free");
            let pause = working.pause(lane(7));
            assert!(pause > last / 2, "{pause} after {last}");
            last = pause;
        }
        assert!(last >= TimeDelta::seconds(8), "{last}");
        working.begin(lane(7), async { ComeBack::Woken });
        assert_eq!(working.next().await, Some((lane(7), ComeBack::Woken)));
        assert!(working.pause(lane(7)) <= TimeDelta::milliseconds(500), "it begins anew");
        assert_eq!(working.next().await, None);
    }
}
