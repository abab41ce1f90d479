//! The tasks of lanes: which lane each task works on, so that a lane whose task panics gives its place back,
//! and how long a lane pauses that fails again and again.

use std::collections::HashMap;

use chrono::TimeDelta;
use tokio::task::{Id, JoinSet};

use crate::domain::ids::ChannelId;
use crate::domain::retry::backoff;

use super::lane::NextVisit;

/// The longest pause of a lane that fails. It is short because the lane holds up everything that goes through
/// it.
const LONGEST: TimeDelta = TimeDelta::minutes(1);

/// The tasks of the lanes that are running.
#[derive(Debug, Default)]
pub(super) struct LaneTasks {
    tasks: JoinSet<NextVisit>,
    targets: HashMap<Id, ChannelId>,
    /// How often in a row each has failed.
    failures: HashMap<ChannelId, u32>,
}

impl LaneTasks {
    /// Starts a lane's task.
    pub(super) fn start(
        &mut self,
        target: ChannelId,
        work: impl Future<Output = NextVisit> + Send + 'static,
    ) {
        let task = self.tasks.spawn(work);
        self.targets.insert(task.id(), target);
    }

    /// Waits for the next lane whose task ends, and says how it ended. A panic is a failure of that lane.
    /// `None` where no lane is running.
    pub(super) async fn next(&mut self) -> Option<(ChannelId, NextVisit)> {
        loop {
            let (task, worked) = match self.tasks.join_next_with_id().await? {
                Ok((task, worked)) => (task, worked),
                // The error itself isn't logged: it quotes what the panic said.
                Err(error) => (error.id(), NextVisit::AfterFailure),
            };
            let Some(target) = self.targets.remove(&task) else { continue };
            match worked {
                NextVisit::AfterFailure => *self.failures.entry(target).or_default() += 1,
                _ => drop(self.failures.remove(&target)),
            }
            return Some((target, worked));
        }
    }

    /// How many lanes are running.
    pub(super) fn len(&self) -> usize {
        self.tasks.len()
    }

    /// How long a lane pauses that has failed.
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
        let mut tasks = LaneTasks::default();
        let mut last = TimeDelta::zero();
        for _ in 0..6 {
            tasks.start(lane(7), async { panic!("what somebody wrote") });
            assert_eq!(tasks.next().await, Some((lane(7), NextVisit::AfterFailure)));
            assert_eq!(tasks.len(), 0, "its place is free");
            let pause = tasks.pause(lane(7));
            assert!(pause > last / 2, "{pause} after {last}");
            last = pause;
        }
        assert!(last >= TimeDelta::seconds(8), "{last}");
        tasks.start(lane(7), async { NextVisit::WhenWoken });
        assert_eq!(tasks.next().await, Some((lane(7), NextVisit::WhenWoken)));
        assert!(tasks.pause(lane(7)) <= TimeDelta::milliseconds(500), "it begins anew");
        assert_eq!(tasks.next().await, None);
    }
}
