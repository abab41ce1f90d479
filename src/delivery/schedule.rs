//! LaneRef lanes are running, which have more work waiting, and which come back later: the engine's memory,
//! without I/O.
//!
//! ```text
//!         wake          start_next
//! (idle) ─────► queued ────────────► running ─┬─► finish ───────► idle, or queued if it was woken meanwhile,
//!    ▲             ▲                          │                   or waiting until a time
//!    │             │ tick: its time has come  ├─► retry_locked ─► waiting, a little longer each time
//!    └─ wake_at ─► waiting                    └─► bar_until ────► waiting, and deaf to wake-ups
//! ```

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::ids::ChannelId;

/// How many lanes run at the same time. More wait for their turn, in order.
const MOST_RUNNING: usize = 2_000;

/// When to come back to a lane that somebody's transaction is writing to: the first pause and the longest
/// one. In between, each pause is twice as long as the one before.
const LOCKED_PAUSE: (TimeDelta, TimeDelta) = (TimeDelta::milliseconds(20), TimeDelta::seconds(1));

/// The engine's memory. A lane runs at most once at a time.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    /// The lanes that are running, and whether they were woken meanwhile.
    running: HashMap<ChannelId, bool>,
    queue: VecDeque<ChannelId>,
    queued: HashSet<ChannelId>,
    timers: BinaryHeap<Reverse<(DateTime<Utc>, ChannelId)>>,
    /// When each lane of `timers` really comes back. An earlier wake-up makes its entry there void.
    due: HashMap<ChannelId, DateTime<Utc>>,
    /// The lanes that were found locked, and how often in a row.
    locked_in_a_row: HashMap<ChannelId, u32>,
    /// The lanes that failed. Nothing wakes them before their time.
    barred: HashSet<ChannelId>,
}

impl Schedule {
    /// Notes that a lane has work now.
    pub(super) fn wake(&mut self, target: ChannelId) {
        if self.barred.contains(&target) {
            return;
        }
        self.due.remove(&target);
        if let Some(woken) = self.running.get_mut(&target) {
            *woken = true;
        } else if self.queued.insert(target) {
            self.queue.push_back(target);
        }
    }

    /// Notes that a lane has work at that time, unless it is woken before.
    pub(super) fn wake_at(&mut self, target: ChannelId, at: DateTime<Utc>) {
        let known = self.due.get(&target).is_some_and(|known| *known <= at);
        if !known
            && !self.barred.contains(&target)
            && !self.running.contains_key(&target)
            && !self.queued.contains(&target)
        {
            self.due.insert(target, at);
            self.timers.push(Reverse((at, target)));
        }
    }

    /// Notes that a lane has work now but is to start at that time only, because other processes may take it,
    /// too. A lane that is running goes on at once.
    pub(super) fn wake_shared(&mut self, target: ChannelId, at: DateTime<Utc>) {
        match self.running.get_mut(&target) {
            Some(woken) => *woken = true,
            None => self.wake_at(target, at),
        }
    }

    /// Wakes the lanes whose time has come.
    pub(super) fn tick(&mut self, now: DateTime<Utc>) {
        while let Some(Reverse((at, target))) =
            self.timers.peek().copied().filter(|Reverse((at, _))| *at <= now)
        {
            self.timers.pop();
            if self.due.get(&target) == Some(&at) {
                self.barred.remove(&target);
                self.wake(target);
            }
        }
    }

    /// When the next lane comes back.
    pub(super) fn next_tick(&self) -> Option<DateTime<Utc>> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes the next lane to run, if one is queued and there is room for it.
    pub(super) fn start_next(&mut self) -> Option<ChannelId> {
        if self.running.len() >= MOST_RUNNING {
            return None;
        }
        let target = self.queue.pop_front()?;
        self.queued.remove(&target);
        self.running.insert(target, false);
        Some(target)
    }

    /// Whether there will soon be room for more lanes than are queued.
    pub(super) fn runs_low(&self) -> bool {
        self.queue.len() + self.running.len() < MOST_RUNNING
    }

    /// Sends a lane away that couldn't start, as somebody's transaction is writing to it.
    pub(super) fn retry_locked(&mut self, target: ChannelId, now: DateTime<Utc>) {
        let times = self.locked_in_a_row.get(&target).copied().unwrap_or_default();
        let (first, longest) = LOCKED_PAUSE;
        let pause = (first * (1 << times.min(10))).min(longest);
        // New work is no reason to ask sooner: the lane is locked all the same.
        self.running.insert(target, false);
        self.finish(target, Some(now + pause));
        self.locked_in_a_row.insert(target, times + 1);
    }

    /// Sends a lane away that failed: it starts again at that time, and not before.
    pub(super) fn bar_until(&mut self, target: ChannelId, again: DateTime<Utc>) {
        self.running.remove(&target);
        self.wake_at(target, again);
        self.barred.insert(target);
    }

    /// Notes that a lane stopped, until it is woken or until a time. A lane that was woken meanwhile is
    /// queued again.
    pub(super) fn finish(&mut self, target: ChannelId, again: Option<DateTime<Utc>>) {
        let woken = self.running.remove(&target).unwrap_or_default();
        self.locked_in_a_row.remove(&target);
        match again {
            _ if woken => self.wake(target),
            Some(at) => self.wake_at(target, at),
            None => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn lane(id: u64) -> ChannelId {
        ChannelId::new(id).unwrap()
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_lane_works_once_and_again_when_it_was_woken_meanwhile() {
        let mut schedule = Schedule::default();
        schedule.wake(lane(1));
        schedule.wake(lane(1));
        assert_eq!(schedule.start_next(), Some(lane(1)));
        assert_eq!(schedule.start_next(), None);
        schedule.wake(lane(1));
        assert_eq!(schedule.start_next(), None);
        schedule.finish(lane(1), None);
        assert_eq!(schedule.start_next(), Some(lane(1)));
        schedule.finish(lane(1), None);
        assert_eq!(schedule.start_next(), None);
    }

    #[test]
    fn work_that_other_processes_may_take_starts_at_its_time() {
        let mut schedule = Schedule::default();
        schedule.wake_at(lane(1), at(10));
        schedule.wake_shared(lane(1), at(5));
        assert_eq!(schedule.start_next(), None);
        schedule.tick(at(5));
        assert_eq!(schedule.start_next(), Some(lane(1)));
        schedule.wake_shared(lane(1), at(20));
        schedule.finish(lane(1), None);
        assert_eq!(schedule.start_next(), Some(lane(1)), "it had new work meanwhile");
    }

    #[test]
    fn a_waiting_lane_comes_back_once() {
        let mut schedule = Schedule::default();
        schedule.wake_at(lane(1), at(10));
        schedule.wake_at(lane(1), at(5));
        schedule.tick(at(4));
        assert_eq!(schedule.start_next(), None);
        schedule.tick(at(5));
        assert_eq!(schedule.start_next(), Some(lane(1)));
        schedule.finish(lane(1), None);
        schedule.tick(at(20));
        assert_eq!(schedule.start_next(), None);
    }

    #[test]
    fn a_locked_lane_is_retried_less_and_less_often() {
        let mut schedule = Schedule::default();
        let (mut now, mut asked) = (at(0), 0);
        schedule.wake(lane(1));
        while now < at(10) {
            while schedule.start_next().is_some() {
                asked += 1;
                schedule.wake_shared(lane(1), now);
                schedule.retry_locked(lane(1), now);
            }
            now += TimeDelta::milliseconds(1);
            schedule.tick(now);
        }
        assert!((8..=20).contains(&asked), "{asked}");
        // After a run, the next lock counts as the first.
        schedule.wake(lane(1));
        assert_eq!(schedule.start_next(), Some(lane(1)));
        schedule.finish(lane(1), None);
        schedule.wake(lane(1));
        assert_eq!(schedule.start_next(), Some(lane(1)));
        schedule.retry_locked(lane(1), now);
        assert_eq!(schedule.next_tick(), Some(now + LOCKED_PAUSE.0));
    }

    #[test]
    fn a_lane_that_failed_frees_its_place_and_is_not_woken_early() {
        let mut schedule = Schedule::default();
        schedule.wake(lane(1));
        assert_eq!(schedule.start_next(), Some(lane(1)));
        schedule.bar_until(lane(1), at(10));
        schedule.wake(lane(1));
        schedule.wake_shared(lane(1), at(2));
        schedule.tick(at(9));
        assert_eq!(schedule.start_next(), None);
        schedule.tick(at(10));
        assert_eq!(schedule.start_next(), Some(lane(1)));
        schedule.finish(lane(1), None);
        schedule.wake(lane(1));
        assert_eq!(schedule.start_next(), Some(lane(1)), "it is like any other again");
    }

    #[test]
    fn new_work_does_not_wait_for_an_earlier_timer() {
        let mut schedule = Schedule::default();
        schedule.wake_at(lane(1), at(1000));
        schedule.wake(lane(1));
        assert_eq!(schedule.start_next(), Some(lane(1)));
        schedule.finish(lane(1), Some(at(2000)));
        schedule.tick(at(1500));
        assert_eq!(schedule.start_next(), None);
    }
}
