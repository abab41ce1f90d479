//! The storage half of delivery: what was done is recorded and what comes next is written down, in one
//! transaction, for all lanes that ask at the same moment.
//!
//! ```text
//!  Unclaimed ─► Do { step, work } ─► the holder asks Discord ─┐
//!                 ▲                                           │
//!                 └───────── Claimed, done: Some(…)  ◄───────┘
//!                               └─► Wait, Idle: the lane is released
//! ```
//! Each batch goes through four functions: `claim` locks the lanes, `record` writes down what was
//! done in them, `plan` finds the next step of each, and `release` writes their rows.
//!
//! Before `advance` returns a create, it has written down that the create is in flight. Whoever holds the
//! lane next, after whatever crash, is given that same delivery first.
//!
//! The lanes of a batch share nothing but the transaction: each has its own row, deliveries and answer. If a
//! delivery can't be read or rendered, that is a failed attempt of that delivery (`attempts`), and its lane
//! goes on. Only what can't be read of a lane's own row is a failure of the lane.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::changes::Changes;
use super::contents::Contents;
use super::pick::{self, Pick, PickRequest, UnreadableDelivery};
use super::request::{Holder, LaneAnswer, LaneRef, LaneRequest, NextAction};
use super::rows::{self, ClaimedLane, LaneClaim, NotClaimed};
use super::turn::{IndexedAnswer, LaneTurn, Progress};
use crate::domain::activity::DeliveryEnding;
use crate::domain::retry::AttemptFailure;
use crate::store::db::connect::Write;
use crate::store::{Store, StoreError};

/// How many deliveries of a lane one transaction settles without Discord (those that rest or end), so that it
/// stays short.
const PICKS: usize = 16;

impl Store {
    /// For each of these lanes: claims it, if it isn't held yet; records what was done; picks what is next
    /// (`pick` says how); has `decide` name the step; and writes down what that step needs. All in one
    /// transaction, and only in lanes whose lease holds. Lanes with nothing to do, or nothing yet, are
    /// released in it, so that work which is recorded afterwards wakes them.
    ///
    /// Answers in the order of the requests. A lane that asks twice has two turns, one after the other. The
    /// error of one lane is that of its own row (the lane is released then); the error of the whole call is
    /// the database's.
    pub async fn advance(
        &self,
        holder: Holder<'_>,
        requests: Vec<LaneRequest<'_>>,
    ) -> Result<Vec<Result<LaneAnswer, StoreError>>, StoreError> {
        let mut left: Vec<_> = requests.into_iter().enumerate().collect();
        let mut answers: Vec<IndexedAnswer> = Vec::with_capacity(left.len());
        while !left.is_empty() {
            let mut seen = HashSet::new();
            let (first, again): (Vec<_>, Vec<_>) =
                left.into_iter().partition(|(_, request)| seen.insert(request.lane.target()));
            answers.extend(self.advance_once(holder, first).await?);
            left = again;
        }
        answers.sort_unstable_by_key(|(index, _)| *index);
        Ok(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    /// The same for different lanes.
    async fn advance_once(
        &self,
        holder: Holder<'_>,
        requests: Vec<(usize, LaneRequest<'_>)>,
    ) -> Result<Vec<IndexedAnswer>, StoreError> {
        let txn = self.write().await?;
        let (mut turns, mut answers) = self.claim(&txn, holder, requests).await?;
        record(&txn, &mut turns, holder.now).await?;
        self.plan(&txn, &mut turns, holder.now).await?;
        release(&txn, &mut turns, holder).await?;
        txn.commit().await?;
        answers.extend(turns.into_iter().map(LaneTurn::into_answer));
        Ok(answers)
    }

    /// Locks the lanes, and claims those that aren't held yet. Returns the turns of the lanes that are held
    /// now, and the answers to the other requests.
    async fn claim<'a>(
        &self,
        txn: &Write,
        holder: Holder<'_>,
        requests: Vec<(usize, LaneRequest<'a>)>,
    ) -> Result<(Vec<LaneTurn<'a>>, Vec<IndexedAnswer>), StoreError> {
        let (mut leases, mut unclaimed) = (Vec::new(), Vec::new());
        for (_, request) in &requests {
            match &request.lane {
                LaneRef::Claimed(lease) => leases.push(lease),
                LaneRef::Unclaimed(target) => unclaimed.push(*target),
            }
        }
        let mut held = rows::lock_held(txn, &leases).await?;
        let mut claims =
            self.claim_lanes(txn, &unclaimed, holder.owner, holder.now, holder.now + holder.lease).await?;
        let (mut turns, mut answers) = (Vec::with_capacity(requests.len()), Vec::new());
        for (index, request) in requests {
            let claimed = match &request.lane {
                LaneRef::Claimed(lease) => match held.remove(&lease.target) {
                    Some(state) => state.map(|state| Ok(ClaimedLane::held(lease.clone(), state))),
                    None => Ok(Err(NextAction::LostLease)),
                },
                LaneRef::Unclaimed(target) => {
                    let claim = claims.remove(target);
                    let claim = claim.unwrap_or(Ok(LaneClaim::NotClaimed(NotClaimed::Idle)));
                    claim.map(|claim| match claim {
                        LaneClaim::Claimed(lane) => Ok(*lane),
                        LaneClaim::NotClaimed(reason) => Err(action_without_lane(reason, holder.now)),
                    })
                }
            };
            match claimed {
                Ok(Ok(lane)) => turns.push(LaneTurn::new(index, request, lane)),
                Ok(Err(next)) => answers.push((index, Ok(LaneAnswer::without_lane(next)))),
                Err(error) => answers.push((index, Err(error))),
            }
        }
        Ok((turns, answers))
    }

    /// Finds the next action of each lane, and writes down what that means for its deliveries.
    async fn plan(
        &self,
        txn: &Write,
        turns: &mut [LaneTurn<'_>],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut contents = Contents::new(&self.cipher);
        for turn in turns.iter_mut().filter(|turn| turn.is_picking()) {
            turn.wait_for_settling(now);
        }
        for _ in 0..PICKS {
            let mut picking: Vec<&mut LaneTurn<'_>> =
                turns.iter_mut().filter(|turn| turn.is_picking()).collect();
            if picking.is_empty() {
                break;
            }
            let changes = pick_and_decide(txn, &mut contents, &mut picking, now).await?;
            let written = changes.write(txn, now).await?;
            picking.iter_mut().for_each(|turn| turn.note_failed_attempt(&written));
        }
        Ok(())
    }
}

/// What a request for a lane that can't be claimed is answered.
fn action_without_lane(reason: NotClaimed, now: DateTime<Utc>) -> NextAction {
    match reason {
        NotClaimed::Idle => NextAction::Idle,
        NotClaimed::HeldElsewhere => NextAction::Elsewhere,
        NotClaimed::Locked => NextAction::Locked,
        NotClaimed::Inserted => NextAction::Wait(now),
    }
}

/// Records what was done in the lanes.
async fn record(txn: &Write, turns: &mut [LaneTurn<'_>], now: DateTime<Utc>) -> Result<(), StoreError> {
    let mut changes = Changes::default();
    for turn in turns.iter_mut() {
        turn.add_result(&mut changes);
    }
    let written = changes.write(txn, now).await?;
    let mut doubled = Changes::default();
    for turn in turns.iter_mut() {
        turn.note_failed_attempt(&written);
        turn.undo_refused(&written, &mut doubled);
    }
    let written = doubled.write(txn, now).await?;
    turns.iter_mut().for_each(|turn| turn.note_failed_attempt(&written));
    Ok(())
}

/// Writes the lanes' rows: those with something to do stay held, the others are released.
async fn release(txn: &Write, turns: &mut [LaneTurn<'_>], holder: Holder<'_>) -> Result<(), StoreError> {
    turns.iter_mut().for_each(|turn| turn.keep_or_release(holder));
    let changed = turns.iter().filter(|turn| turn.lane != turn.before);
    rows::write(txn, changed.map(|turn| (turn.lease.target, turn.lane.clone()))).await?;
    Ok(())
}

/// Picks a delivery for each of these lanes, and has its next step named. Returns what that means for the
/// deliveries.
async fn pick_and_decide(
    txn: &Write,
    contents: &mut Contents<'_>,
    turns: &mut [&mut LaneTurn<'_>],
    now: DateTime<Utc>,
) -> Result<Changes, StoreError> {
    let requests = turns.iter().map(|turn| PickRequest {
        lease: &turn.lease,
        in_flight: turn.lane.in_flight,
        edit_is_due: turn.before.in_flight.is_some(),
        failed_head: turn.failed_head,
    });
    let picks = pick::pick(txn, contents, requests.collect(), now).await?;
    let mut changes = Changes::default();
    for (turn, pick) in turns.iter_mut().zip(picks) {
        turn.failed_head = None;
        match pick {
            Ok(Pick::Work { work, newest }) => turn.decide_step(&mut changes, work, newest, now),
            Ok(Pick::Wait(until)) => turn.progress = Progress::Decided(NextAction::Wait(until)),
            Ok(Pick::Idle) => turn.progress = Progress::Decided(NextAction::Idle),
            Err(UnreadableDelivery { delivery, error }) => {
                turn.unreadable.push((delivery, error));
                match turn.lane.in_flight.take() {
                    // It can't be settled, and must not hold the lane for that. It is never sent again, so no
                    // copy of it appears twice.
                    Some(_) => changes.end(delivery, DeliveryEnding::GaveUp),
                    None => turn.fail(&mut changes, delivery, AttemptFailure::Unreadable),
                }
            }
        }
    }
    Ok(changes)
}
