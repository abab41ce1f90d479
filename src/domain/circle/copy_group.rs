//! Messages of one source that say the same, and how far the bot has found out whether they go round in a
//! circle.
//!
//! What happens in each stage, and the stage that follows (— : nothing):
//!
//! | stage | a copy is posted | mirrors aren't shown yet | its time is over | the follows are found |
//! |---|---|---|---|---|
//! | counting | it is mirrored; the first suspicious one is quarantined → quiet | — | — | — |
//! | quiet | quarantined; if no earlier mirror can have caused it → cleared | it waits anew | → finding; if there are suspects → testing | — |
//! | finding | quarantined | — | — | → testing; if there are none → cleared |
//! | testing | quarantined: the tested follows are the suspects → quiet; one that fails alone and again breaks → counting | it waits anew | the others are tested; if there are none → cleared | — |
//! | cleared | it is mirrored; after the stage's time → counting | — | — | — |
//!
//! Quiet, finding and testing also end after [`LONGEST`] in all → cleared. Whatever leads to cleared, or
//! breaks a follow, releases what was quarantined.

use std::collections::VecDeque;
use std::mem;

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

/// What is done with a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CopyHandling {
    /// It is mirrored as usual.
    Mirrored,
    /// It is recorded, and not mirrored yet.
    Quarantined,
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

    /// Notes another copy. Says whether it is to be quarantined.
    pub(super) fn take_copy(
        &mut self,
        origin: Origin,
        at: DateTime<Utc>,
        fingerprint: &Fingerprint,
        actions: &mut VecDeque<CircleAction>,
    ) -> CopyHandling {
        if matches!(self.stage, CircleStage::Counting) {
            let gap = at - self.last_at;
            if gap > LINK {
                (self.copies, self.longest_gap) = (0, TimeDelta::zero());
            } else {
                self.longest_gap = self.longest_gap.max(gap);
            }
        }
        self.copies = self.copies.saturating_add(1);
        self.fingerprint = fingerprint.clone();
        self.last_at = at;
        match &mut self.stage {
            CircleStage::Counting => self.take_while_counting(origin, at),
            CircleStage::Cleared { until } => {
                let is_over = at > *until;
                self.take_while_cleared(origin, is_over)
            }
            CircleStage::Quiet { arrived_at, .. } => {
                let has_another_cause = at > *arrived_at;
                self.take_in_quiet(origin, at, has_another_cause, actions)
            }
            CircleStage::Finding => self.quarantine(origin),
            CircleStage::Testing { tested, .. } => {
                let tested = mem::take(tested);
                self.take_in_test(origin, at, tested, actions)
            }
        }
    }

    /// Mirrors a copy as usual.
    fn pass(&mut self, origin: Origin) -> CopyHandling {
        self.passed.push_back(origin);
        if self.passed.len() > REMEMBERED {
            self.passed.pop_front();
        }
        CopyHandling::Mirrored
    }

    fn quarantine(&mut self, origin: Origin) -> CopyHandling {
        self.quarantined.push(origin);
        CopyHandling::Quarantined
    }

    /// A few copies are nothing unusual. With the next one, an investigation begins.
    fn take_while_counting(&mut self, origin: Origin, at: DateTime<Utc>) -> CopyHandling {
        if self.copies < SUSPICIOUS {
            return self.pass(origin);
        }
        (self.began, self.agreeing, self.suspects) = (at, 0, None);
        self.begin_quiet(at);
        self.quarantine(origin)
    }

    fn take_while_cleared(&mut self, origin: Origin, is_over: bool) -> CopyHandling {
        if is_over {
            (self.stage, self.copies) = (CircleStage::Counting, 1);
        }
        self.pass(origin)
    }

    /// A copy that can't come from an earlier mirror was posted although nothing was mirrored, so something
    /// else is the cause. It is released with the others, in order.
    fn take_in_quiet(
        &mut self,
        origin: Origin,
        at: DateTime<Utc>,
        has_another_cause: bool,
        actions: &mut VecDeque<CircleAction>,
    ) -> CopyHandling {
        let handling = self.quarantine(origin);
        if has_another_cause {
            self.clear(at, actions);
        }
        handling
    }

    /// What these follows show came back. If there is only one, it failed its test.
    fn take_in_test(
        &mut self,
        origin: Origin,
        at: DateTime<Utc>,
        tested: Vec<FollowId>,
        actions: &mut VecDeque<CircleAction>,
    ) -> CopyHandling {
        let handling = self.quarantine(origin);
        self.agreeing = if tested.len() == 1 { self.agreeing + 1 } else { 0 };
        match tested[..] {
            [only] if self.agreeing >= AGREEING => {
                actions.push_back(CircleAction::Break(only));
                actions.push_back(CircleAction::Release(mem::take(&mut self.quarantined)));
                (self.stage, self.copies) = (CircleStage::Counting, 0);
            }
            _ => {
                self.suspects = Some(tested);
                self.begin_quiet(at);
            }
        }
        handling
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
                let others = mem::take(others);
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
        actions.push_back(CircleAction::Release(mem::take(&mut self.quarantined)));
    }
}
