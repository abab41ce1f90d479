//! The storage half of delivery: what was done is recorded and what comes next is written down, in one transaction, for all lanes that ask at the same moment.
//!
//! ```text
//!  Take ─► Do { step, work } ─► the holder asks Discord ─┐
//!            ▲                                           │
//!            └──────────── Held, done: Some(…) ◄─────────┘
//!                               └─► Wait, Idle: the lane is given back
//! ```
//! Before it returns a create, `advance` has written down that it is in flight. Whoever holds the lane next,
//! after whatever crash, is given that same delivery first.
//!
//! The lanes of a batch have nothing in common but the transaction: each has its own row, deliveries and answer. What can't be read or rendered of a delivery is a failed attempt of
//! that delivery (`lane_attempts`), and its lane goes on; only what can't be read of a lane's own row is the failure of the lane.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};

use super::attempts::FailedAttempt;
use super::contents::Contents;
use super::created::Unrecorded;
use super::pick;
use super::pick::{Asked, Pick, Unreadable};
use super::request::{Decide, Holder, LaneRequest, Next, Turn, Which};
use super::results::{Changes, Written};
use super::rows;
use super::rows::{Lane, Taken};
use crate::domain::activity::{DeliveryId, InFlight};
use crate::domain::ids::{ChannelId, MessageId, WebhookId};
use crate::domain::next_step::Step;
use crate::domain::retry::Failure;
use crate::store::db::connect::Write;
use crate::store::db::sql::stored;
use crate::store::{LaneWebhook, Lease, Store, StoreError, Work};

/// How many deliveries of a lane one transaction settles without Discord (those that rest or end), so that it stays short.
const PICKS: usize = 16;

/// A lane of a batch.
struct Row<'a> {
    /// Where in the batch it stands.
    index: usize,
    lease: Lease,
    before: Lane,
    lane: Lane,
    webhook: Option<LaneWebhook>,
    sends_with: Option<WebhookId>,
    decide: Decide<'a>,
    rest_until: Option<DateTime<Utc>>,
    /// The delivery of which it has made a message.
    created: Option<DeliveryId>,
    /// The delivery of which an attempt has failed, until that is counted.
    failing: Option<DeliveryId>,
    /// Those that were counted.
    failed: Vec<FailedAttempt>,
    unreadable: Vec<(DeliveryId, StoreError)>,
    /// Its head, which failed just now and may be overtaken.
    failed_head: Option<DeliveryId>,
    /// Its answer, as soon as there is one.
    next: Option<Result<Next, StoreError>>,
}

impl Store {
    /// For each of these lanes: takes it, if it is to be taken; records what was done, picks what is next (`lane_pick` says how), has `decide` name the step, and writes
    /// down what that step needs written. All in one transaction, and only in lanes whose lease holds. Lanes in which there is nothing to do, or nothing yet, are given
    /// back in it, so that work which is recorded afterwards wakes them.
    ///
    /// Answers in the order of the requests. A lane that asks twice has its turn twice, one after the other. The error of one lane is that of its own row (it is given
    /// back then); that of all, the database's.
    pub async fn advance(
        &self,
        holder: Holder<'_>,
        requests: Vec<LaneRequest<'_>>,
    ) -> Result<Vec<Result<Turn, StoreError>>, StoreError> {
        let mut left: Vec<_> = requests.into_iter().enumerate().collect();
        let mut answers: Vec<(usize, Result<Turn, StoreError>)> = Vec::with_capacity(left.len());
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
    ) -> Result<Vec<(usize, Result<Turn, StoreError>)>, StoreError> {
        let txn = self.write().await?;
        let mut answers = Vec::new();
        let mut rows = self.begin(&txn, holder, requests, &mut answers).await?;
        let mut contents = Contents::new(&self.cipher);
        for row in rows.iter_mut().filter(|row| row.next.is_none()) {
            // Until the doubt can be settled nothing happens in the lane, whatever woke it.
            let settle_at = row.lane.settle_at.filter(|at| row.lane.mark.is_some() && *at > holder.now);
            row.next = settle_at.map(|at| Ok(Next::Wait(at)));
        }
        for _ in 0..PICKS {
            let mut open: Vec<&mut Row<'_>> = rows.iter_mut().filter(|row| row.next.is_none()).collect();
            if open.is_empty() {
                break;
            }
            let changes = step(&txn, &mut contents, &mut open, holder.now).await?;
            let written = changes.write(&txn, holder.now).await?;
            open.iter_mut().for_each(|row| row.learn(&written));
        }
        let rows: Vec<_> = rows.into_iter().map(|row| end(row, holder)).collect();
        let written = rows.iter().filter(|row| row.lane != row.before);
        rows::write(&txn, written.map(|row| (row.lease.target, row.lane.clone()))).await?;
        txn.commit().await?;
        answers.extend(rows.into_iter().map(|row| {
            let Row { lease, webhook, failed, unreadable, .. } = row;
            let turn = |next| Turn { next, lease: Some(lease), webhook, failed, unreadable };
            (row.index, row.next.unwrap_or(Ok(Next::Idle)).map(turn))
        }));
        Ok(answers)
    }

    /// Takes the lanes' gates, and the lanes themselves, and records what was done in them. Those that aren't held are answered.
    async fn begin<'a>(
        &self,
        txn: &Write,
        holder: Holder<'_>,
        requests: Vec<(usize, LaneRequest<'a>)>,
        answers: &mut Vec<(usize, Result<Turn, StoreError>)>,
    ) -> Result<Vec<Row<'a>>, StoreError> {
        let leases = requests.iter().filter_map(|(_, request)| match &request.lane {
            Which::Held(lease) => Some(lease),
            Which::Free(_) => None,
        });
        let mut held = rows::held(txn, &leases.collect::<Vec<_>>()).await?;
        let free = requests.iter().filter_map(|(_, request)| match &request.lane {
            Which::Free(target) => Some(*target),
            Which::Held(_) => None,
        });
        let until = holder.now + holder.lease;
        let free: Vec<ChannelId> = free.collect();
        let mut taken = self.take(txn, &free, holder.owner, holder.now, until).await?;
        let mut rows = Vec::with_capacity(requests.len());
        let mut changes = Changes::default();
        for (index, request) in requests {
            let none = |next| Ok(Turn::of(next));
            let (lease, lane, webhook) = match request.lane {
                Which::Held(lease) => match held.remove(&lease.target) {
                    Some(lane) => (lease, lane, Ok(None)),
                    None => {
                        answers.push((index, none(Next::LostLease)));
                        continue;
                    }
                },
                Which::Free(target) => match taken.remove(&target).unwrap_or(Ok(Taken::Idle)) {
                    Ok(Taken::Held { lease, lane, webhook }) => (*lease, Ok(*lane), webhook),
                    other => {
                        let next = other.map(|other| match other {
                            Taken::Elsewhere => Next::Elsewhere,
                            Taken::Locked => Next::Locked,
                            Taken::Made => Next::Wait(holder.now),
                            Taken::Held { .. } | Taken::Idle => Next::Idle,
                        });
                        answers.push((index, next.and_then(none)));
                        continue;
                    }
                },
            };
            let before = match lane {
                Ok(lane) => lane,
                Err(error) => {
                    answers.push((index, Err(error)));
                    continue;
                }
            };
            let LaneRequest { done, shown, webhook: sends_with, decide, rest_until, .. } = request;
            let (webhook, failed) = match webhook {
                Ok(webhook) => (webhook, None),
                Err(error) => (None, Some(Err(error))),
            };
            let sends_with = webhook.as_ref().map(|known| known.webhook.id).or(sends_with);
            let mut row = Row::new(index, lease, before.clone(), webhook, decide, rest_until);
            (row.sends_with, row.next) = (sends_with, failed);
            if let Some(done) = done {
                row.created = done.made_for();
                row.failing = done.failed();
                row.lane.note(&done);
                changes.add(done, shown);
            }
            rows.push(row);
        }
        let written = changes.write(txn, holder.now).await?;
        let mut doubled = Changes::default();
        for row in &mut rows {
            row.learn(&written);
            let Some(why) =
                row.created.and_then(|created| written.refused.get(&created).map(|why| (created, why)))
            else {
                continue;
            };
            // Nothing was recorded there: it stays in doubt.
            row.lane = row.before.clone();
            let (delivery, why) = why;
            if *why == Unrecorded::Doubled {
                let error = StoreError::Unreadable("mirrors: a second message shows the same part");
                row.unreadable.push((delivery, error));
                row.next = row.fail(&mut doubled, delivery, Failure::Database);
            }
        }
        let written = doubled.write(txn, holder.now).await?;
        rows.iter_mut().for_each(|row| row.learn(&written));
        Ok(rows)
    }
}

impl<'a> Row<'a> {
    fn new(
        index: usize,
        lease: Lease,
        before: Lane,
        webhook: Option<LaneWebhook>,
        decide: Decide<'a>,
        rest_until: Option<DateTime<Utc>>,
    ) -> Self {
        let lane = before.clone();
        Self {
            index,
            lease,
            before,
            lane,
            webhook,
            sends_with: None,
            decide,
            rest_until,
            created: None,
            failing: None,
            failed: Vec::new(),
            unreadable: Vec::new(),
            failed_head: None,
            next: None,
        }
    }

    /// Notes that an attempt failed. There is to be another pick.
    fn fail(
        &mut self,
        changes: &mut Changes,
        delivery: DeliveryId,
        failure: Failure,
    ) -> Option<Result<Next, StoreError>> {
        changes.failed.insert(delivery, failure);
        self.failing = Some(delivery);
        None
    }

    /// Takes in what came of its failed attempt. A create that stays in doubt holds the lane until the next look; one that is given up doesn't.
    fn learn(&mut self, written: &Written) {
        let Some(attempt) = self.failing.take().and_then(|delivery| written.failed.get(&delivery)) else {
            return;
        };
        self.failed.push(*attempt);
        self.failed_head = attempt.may_be_overtaken.then_some(attempt.delivery);
        if self.lane.mark.is_some_and(|mark| mark.delivery == attempt.delivery) {
            match attempt.again {
                Some(again) => {
                    self.lane.settle_at = Some(stored(again));
                    self.next = Some(Ok(Next::Wait(again)));
                }
                None => self.lane.mark = None,
            }
        }
    }
}

/// Picks a delivery for each of these lanes, and has its next step named. What that means for the deliveries is returned.
async fn step(
    txn: &Write,
    contents: &mut Contents<'_>,
    lanes: &mut [&mut Row<'_>],
    now: DateTime<Utc>,
) -> Result<Changes, StoreError> {
    let asked = lanes.iter().map(|row| Asked {
        lease: &row.lease,
        mark: row.lane.mark,
        edit_is_due: row.before.mark.is_some(),
        failed_head: row.failed_head,
    });
    let picks = pick::pick(txn, contents, &asked.collect::<Vec<_>>(), now).await?;
    let mut changes = Changes::default();
    for (row, pick) in lanes.iter_mut().zip(picks) {
        row.failed_head = None;
        row.next = match pick {
            Ok(Pick::Work { work, newest }) => {
                // One that can't be rendered is to stop no other.
                match catch_unwind(AssertUnwindSafe(|| (row.decide)(&work, now))) {
                    Ok(step) => follow_step(row, &mut changes, step, work, newest, now).map(Ok),
                    Err(_) => row.fail(&mut changes, work.delivery.id, Failure::Panicked),
                }
            }
            Ok(Pick::Wait(until)) => Some(Ok(Next::Wait(until))),
            Ok(Pick::Idle) => Some(Ok(Next::Idle)),
            Err(Unreadable { delivery, error }) => {
                row.unreadable.push((delivery, error));
                row.fail(&mut changes, delivery, Failure::Unreadable)
            }
        };
    }
    Ok(changes)
}

/// Notes what a step means for the delivery and its lane. `None`: there is to be another pick.
fn follow_step(
    row: &mut Row<'_>,
    changes: &mut Changes,
    step: Step,
    mut work: Box<Work>,
    newest: Option<MessageId>,
    now: DateTime<Utc>,
) -> Option<Next> {
    let (delivery, webhook, lane) = (work.delivery.id, row.sends_with, &mut row.lane);
    if let Some(mark) = lane.mark {
        return match step {
            Step::End(ending) => {
                changes.ended.push((delivery, ending));
                lane.mark = None;
                None
            }
            Step::Wait(until) => Some(Next::Wait(until)),
            _ => Some(Next::Do { step: Step::Settle(mark), work }),
        };
    }
    match step {
        Step::Rest => changes.rests.push((delivery, work.activity.revision)),
        Step::End(ending) => changes.ended.push((delivery, ending)),
        // Not now, but at once again: it would be picked once more.
        Step::Wait(until) if until <= now => return Some(Next::Wait(until)),
        Step::Wait(until) => changes.waits.push((delivery, until)),
        Step::Create(part) => {
            // Of what is to be known again, all that is known is older.
            let after = work.activity.origin.message();
            let after = [newest, lane.newest].into_iter().flatten().fold(after, MessageId::max);
            let mark = InFlight { delivery, part, revision: work.activity.revision, after, webhook };
            lane.mark = Some(mark);
            work.in_flight = Some(mark);
            return Some(Next::Do { step, work });
        }
        Step::Settle(_) | Step::Edit(..) | Step::Delete(_) => return Some(Next::Do { step, work }),
    }
    None
}

/// The lane's row as it is to be after its turn: held on where there is something to do, else given back.
fn end<'a>(mut row: Row<'a>, holder: Holder<'_>) -> Row<'a> {
    let lane = &mut row.lane;
    lane.settle_at = lane.settle_at.filter(|_| lane.mark.is_some());
    let next = row.next.get_or_insert(Ok(Next::Wait(holder.now)));
    match next {
        Ok(Next::Do { .. }) => {
            lane.wait_until = None;
            let until = stored(holder.now + holder.lease);
            // A row that changes anyway is prolonged for nothing; else only when that begins to matter.
            if *lane != row.before || until - row.lease.until > holder.lease / 10 {
                lane.lease_until = Some(until);
                row.lease.until = until;
            }
            return row;
        }
        // Under the lane's gate: work that is recorded after this wakes the lane again.
        Ok(Next::Wait(until)) => {
            *until = row.rest_until.unwrap_or(*until);
            lane.wait_until = Some(stored(*until));
        }
        Ok(Next::Idle | Next::LostLease | Next::Elsewhere | Next::Locked) => lane.wait_until = None,
        // What couldn't be read is tried again when somebody looks.
        Err(_) => {}
    }
    lane.lease_until = None;
    row
}
