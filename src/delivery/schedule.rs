//! Which lanes are at work, which have more work waiting, and which come back later: the engine's memory, without I/O.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::ids::ChannelId;

/// How many lanes work at the same time; more wait for their turn, in order.
const AT_WORK: usize = 2_000;

/// When to come back to a lane that somebody's transaction is writing to, at first and at most; in between, each pause is twice as long as the one before.
const UNLOCKED: (TimeDelta, TimeDelta) = (TimeDelta::milliseconds(20), TimeDelta::seconds(1));

/// The engine's memory. A lane is at work at most once.
#[derive(Debug, Default)]
pub(super) struct Agenda {
    /// Lanes at work, and whether they were woken meanwhile.
    at_work: HashMap<ChannelId, bool>,
    queue: VecDeque<ChannelId>,
    queued: HashSet<ChannelId>,
    later: BinaryHeap<Reverse<(DateTime<Utc>, ChannelId)>>,
    /// When each lane of `later` really comes back; an earlier wake-up makes its entry there void.
    due: HashMap<ChannelId, DateTime<Utc>>,
    /// Lanes that were found locked, and how often in a row.
    locked: HashMap<ChannelId, u32>,
    /// Lanes that failed, and don't begin before their time, whatever wakes them.
    barred: HashSet<ChannelId>,
}

impl Agenda {
    /// A lane has work now.
    pub(super) fn wake(&mut self, target: ChannelId) {
        if self.barred.contains(&target) {
            return;
        }
        self.due.remove(&target);
        if let Some(woken) = self.at_work.get_mut(&target) {
            *woken = true;
        } else if self.queued.insert(target) {
            self.queue.push_back(target);
        }
    }

    /// A lane has work at that time, unless it is woken before.
    pub(super) fn come_back(&mut self, target: ChannelId, at: DateTime<Utc>) {
        let known = self.due.get(&target).is_some_and(|known| *known <= at);
        if !known
            && !self.barred.contains(&target)
            && !self.at_work.contains_key(&target)
            && !self.queued.contains(&target)
        {
            self.due.insert(target, at);
            self.later.push(Reverse((at, target)));
        }
    }

    /// A lane has work, and may be taken at that time; if it is at work, it is that anyway.
    pub(super) fn hear(&mut self, target: ChannelId, at: DateTime<Utc>) {
        match self.at_work.get_mut(&target) {
            Some(woken) => *woken = true,
            None => self.come_back(target, at),
        }
    }

    /// Wakes the lanes whose time has come.
    pub(super) fn tick(&mut self, now: DateTime<Utc>) {
        while let Some(Reverse((at, target))) =
            self.later.peek().copied().filter(|Reverse((at, _))| *at <= now)
        {
            self.later.pop();
            if self.due.get(&target) == Some(&at) {
                self.barred.remove(&target);
                self.wake(target);
            }
        }
    }

    /// When the next lane comes back.
    pub(super) fn next_tick(&self) -> Option<DateTime<Utc>> {
        self.later.peek().map(|Reverse((at, _))| *at)
    }

    /// The next lane to begin, if there is one and room for it.
    pub(super) fn begin(&mut self) -> Option<ChannelId> {
        if self.at_work.len() >= AT_WORK {
            return None;
        }
        let target = self.queue.pop_front()?;
        self.queued.remove(&target);
        self.at_work.insert(target, false);
        Some(target)
    }

    /// Whether there will soon be room for more lanes than it knows of.
    pub(super) fn runs_low(&self) -> bool {
        self.queue.len() + self.at_work.len() < AT_WORK
    }

    /// A lane couldn't begin, as somebody's transaction is writing to it.
    pub(super) fn locked(&mut self, target: ChannelId, now: DateTime<Utc>) {
        let times = self.locked.get(&target).copied().unwrap_or_default();
        let (first, longest) = UNLOCKED;
        let pause = (first * (1 << times.min(10))).min(longest);
        // New work is no reason to ask sooner: the lane is locked all the same.
        self.at_work.insert(target, false);
        self.end(target, Some(now + pause));
        self.locked.insert(target, times + 1);
    }

    /// A lane can't be worked on: it begins again at that time, and not before.
    pub(super) fn fail(&mut self, target: ChannelId, again: DateTime<Utc>) {
        self.at_work.remove(&target);
        self.come_back(target, again);
        self.barred.insert(target);
    }

    /// A lane stopped working, for good (for now) or until a time; one that was woken meanwhile begins again.
    pub(super) fn end(&mut self, target: ChannelId, again: Option<DateTime<Utc>>) {
        let woken = self.at_work.remove(&target).unwrap_or_default();
        self.locked.remove(&target);
        match again {
            _ if woken => self.wake(target),
            Some(at) => self.come_back(target, at),
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
        let mut agenda = Agenda::default();
        agenda.wake(lane(1));
        agenda.wake(lane(1));
        assert_eq!(agenda.begin(), Some(lane(1)));
        assert_eq!(agenda.begin(), None);
        agenda.wake(lane(1));
        assert_eq!(agenda.begin(), None);
        agenda.end(lane(1), None);
        assert_eq!(agenda.begin(), Some(lane(1)));
        agenda.end(lane(1), None);
        assert_eq!(agenda.begin(), None);
    }

    #[test]
    fn what_others_hear_too_is_taken_at_its_time() {
        let mut agenda = Agenda::default();
        agenda.come_back(lane(1), at(10));
        agenda.hear(lane(1), at(5));
        assert_eq!(agenda.begin(), None);
        agenda.tick(at(5));
        assert_eq!(agenda.begin(), Some(lane(1)));
        agenda.hear(lane(1), at(20));
        agenda.end(lane(1), None);
        assert_eq!(agenda.begin(), Some(lane(1)), "it had new work meanwhile");
    }

    #[test]
    fn a_waiting_lane_comes_back_once() {
        let mut agenda = Agenda::default();
        agenda.come_back(lane(1), at(10));
        agenda.come_back(lane(1), at(5));
        agenda.tick(at(4));
        assert_eq!(agenda.begin(), None);
        agenda.tick(at(5));
        assert_eq!(agenda.begin(), Some(lane(1)));
        agenda.end(lane(1), None);
        agenda.tick(at(20));
        assert_eq!(agenda.begin(), None);
    }

    #[test]
    fn a_locked_lane_is_asked_ever_more_seldom() {
        let mut agenda = Agenda::default();
        let (mut now, mut asked) = (at(0), 0);
        agenda.wake(lane(1));
        while now < at(10) {
            while agenda.begin().is_some() {
                asked += 1;
                agenda.hear(lane(1), now);
                agenda.locked(lane(1), now);
            }
            now += TimeDelta::milliseconds(1);
            agenda.tick(now);
        }
        assert!((8..=20).contains(&asked), "{asked}");
        // Once it was had, the next lock is a new one.
        agenda.wake(lane(1));
        assert_eq!(agenda.begin(), Some(lane(1)));
        agenda.end(lane(1), None);
        agenda.wake(lane(1));
        assert_eq!(agenda.begin(), Some(lane(1)));
        agenda.locked(lane(1), now);
        assert_eq!(agenda.next_tick(), Some(now + UNLOCKED.0));
    }

    #[test]
    fn a_lane_that_failed_frees_its_place_and_is_not_hurried() {
        let mut agenda = Agenda::default();
        agenda.wake(lane(1));
        assert_eq!(agenda.begin(), Some(lane(1)));
        agenda.fail(lane(1), at(10));
        agenda.wake(lane(1));
        agenda.hear(lane(1), at(2));
        agenda.tick(at(9));
        assert_eq!(agenda.begin(), None);
        agenda.tick(at(10));
        assert_eq!(agenda.begin(), Some(lane(1)));
        agenda.end(lane(1), None);
        agenda.wake(lane(1));
        assert_eq!(agenda.begin(), Some(lane(1)), "it is like any other again");
    }

    #[test]
    fn new_work_does_not_wait_for_an_old_time() {
        let mut agenda = Agenda::default();
        agenda.come_back(lane(1), at(1000));
        agenda.wake(lane(1));
        assert_eq!(agenda.begin(), Some(lane(1)));
        agenda.end(lane(1), Some(at(2000)));
        agenda.tick(at(1500));
        assert_eq!(agenda.begin(), None);
    }
}
