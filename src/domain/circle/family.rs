//! Messages of one source that say the same, and how far the bot has found out whether they go round in a
//! circle.

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Action, FamilyId, Gist, LINK, REMEMBERED, SUSPICIOUS};
use crate::domain::activity::Origin;
use crate::domain::follow::FollowId;

/// How many tests in a row one target must fail.
const AGREEING: u32 = 2;
/// How long an investigation may take. Then everything that was held is released.
const LONGEST: TimeDelta = TimeDelta::minutes(15);
/// How long an investigation waits for mirrors that aren't shown yet. A target that can't be reached must not
/// hold up what others are owed.
const PATIENCE: TimeDelta = TimeDelta::seconds(30);
/// How long content is left alone that turned out not to go round in a circle. Doubled each time.
const CLEARED: TimeDelta = TimeDelta::minutes(10);
/// The most that it is doubled to.
const LONGEST_CLEARED: TimeDelta = TimeDelta::hours(6);

/// How far the investigation is.
#[derive(Debug)]
pub(super) enum FamilyStage {
    /// Copies are counted.
    Counting,
    /// Nothing is mirrored. What is posted before `settled` may come from mirrors that were shown earlier.
    Quiet { settled: DateTime<Utc>, until: DateTime<Utc> },
    /// The follows are being looked up.
    Finding,
    /// The newest held message is shown by `tested`, and not by `others`.
    Testing { tested: Vec<FollowId>, others: Vec<FollowId>, until: DateTime<Utc> },
    /// It doesn't go round in a circle.
    Cleared { until: DateTime<Utc> },
}

#[derive(Debug)]
pub(super) struct Family {
    pub(super) number: u64,
    pub(super) gist: Gist,
    pub(super) last_at: DateTime<Utc>,
    copies: u32,
    longest_gap: TimeDelta,
    pub(super) stage: FamilyStage,
    began: DateTime<Utc>,
    stage_began: DateTime<Utc>,
    pub(super) held: Vec<Origin>,
    /// The last that were mirrored as usual.
    pub(super) passed: VecDeque<Origin>,
    suspects: Option<Vec<FollowId>>,
    agreeing: u32,
    clearances: u32,
}

impl Family {
    /// Whether nothing is being investigated.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.stage, FamilyStage::Counting | FamilyStage::Cleared { .. })
    }

    /// A new group, of a message that is remembered and its first copy.
    pub(super) fn new(number: u64, gist: Gist, at: DateTime<Utc>, origin: Origin) -> Self {
        Self {
            number,
            gist,
            last_at: at,
            copies: 1,
            longest_gap: TimeDelta::zero(),
            stage: FamilyStage::Counting,
            began: at,
            stage_began: at,
            held: Vec::new(),
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
        let settle = self.longest_gap * 3 / 2 + TimeDelta::milliseconds(500);
        let quiet = match (&self.suspects, self.agreeing) {
            (Some(_), 0) => TimeDelta::zero(),
            (_, agreeing) => {
                (self.longest_gap * 3 / 2 + TimeDelta::seconds(1))
                    * (1 + i32::try_from(agreeing).unwrap_or(1))
            }
        };
        (settle, settle + quiet)
    }

    /// Notes another copy. Whether it is to be held.
    pub(super) fn take_copy(
        &mut self,
        origin: Origin,
        at: DateTime<Utc>,
        gist: &Gist,
        actions: &mut VecDeque<Action>,
    ) -> bool {
        let gap = at - self.last_at;
        if gap > LINK && matches!(self.stage, FamilyStage::Counting) {
            (self.copies, self.longest_gap) = (0, TimeDelta::zero());
        } else if matches!(self.stage, FamilyStage::Counting) {
            self.longest_gap = self.longest_gap.max(gap);
        }
        self.copies = self.copies.saturating_add(1);
        self.gist = gist.clone();
        self.last_at = at;
        let hold = match &self.stage {
            FamilyStage::Counting => self.copies >= SUSPICIOUS,
            FamilyStage::Cleared { until } if at <= *until => false,
            FamilyStage::Cleared { .. } => {
                (self.stage, self.copies) = (FamilyStage::Counting, 1);
                false
            }
            // It was posted although nothing was mirrored, so something else is the cause. It is released
            // with the others, in order.
            FamilyStage::Quiet { settled, .. } if at > *settled => {
                self.held.push(origin);
                self.clear(at, actions);
                return true;
            }
            FamilyStage::Quiet { .. } | FamilyStage::Finding | FamilyStage::Testing { .. } => true,
        };
        if !hold {
            self.passed.push_back(origin);
            if self.passed.len() > REMEMBERED {
                self.passed.pop_front();
            }
            return false;
        }
        self.held.push(origin);
        match std::mem::replace(&mut self.stage, FamilyStage::Finding) {
            FamilyStage::Counting => {
                (self.began, self.agreeing, self.suspects) = (at, 0, None);
                self.begin_quiet(at);
            }
            // What is shown by these came back.
            FamilyStage::Testing { tested, .. } => {
                match tested[..] {
                    [only] => {
                        self.agreeing += 1;
                        if self.agreeing >= AGREEING {
                            actions.push_back(Action::Break(only));
                            actions.push_back(Action::Release(std::mem::take(&mut self.held)));
                            (self.stage, self.copies) = (FamilyStage::Counting, 0);
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
        let (settle, quiet) = self.waits();
        match &mut self.stage {
            FamilyStage::Quiet { settled, until } => (*settled, *until) = (now + settle, now + quiet),
            FamilyStage::Testing { until, .. } => *until = now + settle,
            FamilyStage::Counting | FamilyStage::Finding | FamilyStage::Cleared { .. } => {}
        }
    }

    fn begin_quiet(&mut self, now: DateTime<Utc>) {
        self.stage_began = now;
        let (settle, quiet) = self.waits();
        self.stage = FamilyStage::Quiet { settled: now + settle, until: now + quiet };
    }

    /// Shows the newest held message through half of the follows that may be part of the circle.
    pub(super) fn begin_test(
        &mut self,
        id: FamilyId,
        mut follows: Vec<FollowId>,
        now: DateTime<Utc>,
        actions: &mut VecDeque<Action>,
    ) {
        let Some(origin) = self.held.last().copied().filter(|_| !follows.is_empty()) else {
            return self.clear(now, actions);
        };
        let others = follows.split_off(follows.len().div_ceil(2));
        let until = now + self.waits().0;
        actions.push_back(Action::ReleaseTo { family: id, origin, follows: follows.clone() });
        self.stage_began = now;
        self.stage = FamilyStage::Testing { tested: follows, others, until };
    }

    pub(super) fn advance(&mut self, id: FamilyId, now: DateTime<Utc>, actions: &mut VecDeque<Action>) {
        if !self.is_idle() && now - self.began > LONGEST {
            return self.clear(now, actions);
        }
        match &mut self.stage {
            FamilyStage::Quiet { until, .. } if *until <= now => {
                self.stage = FamilyStage::Finding;
                match (self.suspects.clone(), self.held.last()) {
                    (Some(suspects), _) => self.begin_test(id, suspects, now, actions),
                    (None, Some(origin)) => {
                        actions.push_back(Action::FindFollows { family: id, origin: *origin });
                    }
                    (None, None) => self.clear(now, actions),
                }
            }
            // Nothing came back of what these show.
            FamilyStage::Testing { others, until, .. } if *until <= now => {
                let others = std::mem::take(others);
                self.agreeing = 0;
                self.begin_test(id, others, now, actions);
            }
            _ => {}
        }
    }

    fn clear(&mut self, now: DateTime<Utc>, actions: &mut VecDeque<Action>) {
        let time = CLEARED * 2_i32.pow(self.clearances.min(8));
        self.clearances += 1;
        self.stage = FamilyStage::Cleared { until: now + time.min(LONGEST_CLEARED) };
        actions.push_back(Action::Release(std::mem::take(&mut self.held)));
    }
}
