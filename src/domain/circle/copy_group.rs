//! Messages of one source that say the same, and how far the bot has found out whether they go round in a
//! circle.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::{CircleAction, CopyGroupId, Fingerprint, LINK, REMEMBERED, SUSPICIOUS};
use crate::domain::activity::Origin;
use crate::domain::follow::FollowId;

/// How many tests in a row one target must fail.
const AGREEING: u32 = 2;
/// How long an investigation may take. Then everything that was quarantined is released.
const LONGEST: TimeDelta = TimeDelta::minutes(15);
/// How long an investigation waits for mirrors that aren't shown yet. A target that can't be reached must not
/// hold up what is due to others.
const PATIENCE: TimeDelta = TimeDelta::seconds(30);
/// How long content is left alone that turned out not to go round in a circle. Doubled each time.
const CLEARED: TimeDelta = TimeDelta::minutes(10);
/// The most that it is doubled to.
const LONGEST_CLEARED: TimeDelta = TimeDelta::hours(6);

/// How far the investigation is.
#[derive(Debug)]
pub(super) enum CircleStage {
    /// Copies are counted.
    Counting,
    /// Nothing is mirrored. What is posted before `arrived_at` may come from mirrors that were shown earlier.
    Quiet { arrived_at: DateTime<Utc>, until: DateTime<Utc> },
    /// The follows are being looked up.
    Finding,
    /// The newest quarantined message is shown by `tested`, and not by `others`.
    Testing { tested: Vec<FollowId>, others: Vec<FollowId>, until: DateTime<Utc> },
    /// It doesn't go round in a circle.
    Cleared { until: DateTime<Utc> },
}

#[derive(Debug)]
pub(super) struct CopyGroup {
    pub(super) number: u64,
    pub(super) fingerprint: Fingerprint,
    pub(super) last_at: DateTime<Utc>,
    copies: u32,
    longest_gap: TimeDelta,
    pub(super) stage: CircleStage,
    began: DateTime<Utc>,
    stage_began: DateTime<Utc>,
    pub(super) quarantined: Vec<Origin>,
    /// The last that were mirrored as usual.
    pub(super) passed: VecDeque<Origin>,
    suspects: Option<Vec<FollowId>>,
    agreeing: u32,
    clearances: u32,
}

impl CopyGroup {
    /// Whether nothing is being investigated.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.stage, CircleStage::Counting | CircleStage::Cleared { .. })
    }

    /// A new group, of a message that is remembered and its first copy.
    pub(super) fn new(number: u64, fingerprint: Fingerprint, at: DateTime<Utc>, origin: Origin) -> Self {
        Self {
            number,
            fingerprint,
            last_at: at,
            copies: 1,
            longest_gap: TimeDelta::zero(),
            stage: CircleStage::Counting,
            began: at,
            stage_began: at,
            quarantined: Vec::new(),
            passed: VecDeque::from([origin]),
            suspects: None,
            agreeing: 0,
            clearances: 0,
        }
    }

    /// How long copies of what was shown may take to come, and how long it is until the next test. Before the
    /// first and the last test, nothing is mirrored for longer than copies take, so that a bot that posts
    /// without a mirror shows itself.
    fn waits(&self) -> (TimeDelta, TimeDelta) {
        let arrival = self.longest_gap * 3 / 2 + TimeDelta::milliseconds(500);
        let quiet = match (&self.suspects, self.agreeing) {
            (Some(_), 0) => TimeDelta::zero(),
            (_, agreeing) => {
                (self.longest_gap * 3 / 2 + TimeDelta::seconds(1))
                    * (1 + i32::try_from(agreeing).unwrap_or(1))
            }
        };
        (arrival, arrival + quiet)
    }

    /// Notes another copy. Whether it is to be quarantined.
    pub(super) fn take_copy(
        &mut self,
        origin: Origin,
        at: DateTime<Utc>,
        fingerprint: &Fingerprint,
        actions: &mut VecDeque<CircleAction>,
    ) -> bool {
        let gap = at - self.last_at;
        if gap > LINK && matches!(self.stage, CircleStage::Counting) {
            (self.copies, self.longest_gap) = (0, TimeDelta::zero());
        } else if matches!(self.stage, CircleStage::Counting) {
            self.longest_gap = self.longest_gap.max(gap);
        }
        self.copies = self.copies.saturating_add(1);
        self.fingerprint = fingerprint.clone();
        self.last_at = at;
        let hold = match &self.stage {
            CircleStage::Counting => self.copies >= SUSPICIOUS,
            CircleStage::Cleared { until } if at <= *until => false,
            CircleStage::Cleared { .. } => {
                (self.stage, self.copies) = (CircleStage::Counting, 1);
                false
            }
            // It was posted although nothing was mirrored, so something else is the cause. It is released
            // with the others, in order.
            CircleStage::Quiet { arrived_at, .. } if at > *arrived_at => {
                self.quarantined.push(origin);
                self.clear(at, actions);
                return true;
            }
            CircleStage::Quiet { .. } | CircleStage::Finding | CircleStage::Testing { .. } => true,
        };
        if !hold {
            self.passed.push_back(origin);
            if self.passed.len() > REMEMBERED {
                self.passed.pop_front();
            }
            return false;
        }
        self.quarantined.push(origin);
        match std::mem::replace(&mut self.stage, CircleStage::Finding) {
            CircleStage::Counting => {
                (self.began, self.agreeing, self.suspects) = (at, 0, None);
                self.begin_quiet(at);
            }
            // What is shown by these came back.
            CircleStage::Testing { tested, .. } => {
                match tested[..] {
                    [only] => {
                        self.agreeing += 1;
                        if self.agreeing >= AGREEING {
                            actions.push_back(CircleAction::Break(only));
                            actions.push_back(CircleAction::Release(std::mem::take(&mut self.quarantined)));
                            (self.stage, self.copies) = (CircleStage::Counting, 0);
                            return true;
                        }
                    }
                    _ => self.agreeing = 0,
                }
                self.suspects = Some(tested);
                self.begin_quiet(at);
            }
            stage => self.stage = stage,
        }
        true
    }

    /// Notes that mirrors aren't shown yet. Whatever waits for their effects waits from now on, as long as
    /// there is patience.
    pub(super) fn delay(&mut self, now: DateTime<Utc>) {
        if now - self.stage_began > PATIENCE {
            return;
        }
        let (arrival, quiet) = self.waits();
        match &mut self.stage {
            CircleStage::Quiet { arrived_at, until } => (*arrived_at, *until) = (now + arrival, now + quiet),
            CircleStage::Testing { until, .. } => *until = now + arrival,
            CircleStage::Counting | CircleStage::Finding | CircleStage::Cleared { .. } => {}
        }
    }

    fn begin_quiet(&mut self, now: DateTime<Utc>) {
        self.stage_began = now;
        let (arrival, quiet) = self.waits();
        self.stage = CircleStage::Quiet { arrived_at: now + arrival, until: now + quiet };
    }

    /// Shows the newest quarantined message through half of the follows that may be part of the circle.
    pub(super) fn begin_test(
        &mut self,
        id: CopyGroupId,
        mut follows: Vec<FollowId>,
        now: DateTime<Utc>,
        actions: &mut VecDeque<CircleAction>,
    ) {
        let Some(origin) = self.quarantined.last().copied().filter(|_| !follows.is_empty()) else {
            return self.clear(now, actions);
        };
        let others = follows.split_off(follows.len().div_ceil(2));
        let until = now + self.waits().0;
        actions.push_back(CircleAction::ReleaseTo { group: id, origin, follows: follows.clone() });
        self.stage_began = now;
        self.stage = CircleStage::Testing { tested: follows, others, until };
    }

    pub(super) fn advance(
        &mut self,
        id: CopyGroupId,
        now: DateTime<Utc>,
        actions: &mut VecDeque<CircleAction>,
    ) {
        if !self.is_idle() && now - self.began > LONGEST {
            return self.clear(now, actions);
        }
        match &mut self.stage {
            CircleStage::Quiet { until, .. } if *until <= now => {
                self.stage = CircleStage::Finding;
                match (self.suspects.clone(), self.quarantined.last()) {
                    (Some(suspects), _) => self.begin_test(id, suspects, now, actions),
                    (None, Some(origin)) => {
                        actions.push_back(CircleAction::FindFollows { group: id, origin: *origin });
                    }
                    (None, None) => self.clear(now, actions),
                }
            }
            // Nothing came back of what these show.
            CircleStage::Testing { others, until, .. } if *until <= now => {
                let others = std::mem::take(others);
                self.agreeing = 0;
                self.begin_test(id, others, now, actions);
            }
            _ => {}
        }
    }

    fn clear(&mut self, now: DateTime<Utc>, actions: &mut VecDeque<CircleAction>) {
        let time = CLEARED * 2_i32.pow(self.clearances.min(8));
        self.clearances += 1;
        self.stage = CircleStage::Cleared { until: now + time.min(LONGEST_CLEARED) };
        actions.push_back(CircleAction::Release(std::mem::take(&mut self.quarantined)));
    }
}
