//! Lanes held by a test: claimed, advanced and released, as by a process that does at once what it is told.

use super::*;

/// Holds a lane of the target for a long time, whether or not there is something to do in it.
pub(super) async fn claim(store: &Store, target: u64) -> Lease {
    claim_until(store, target, at(1_000_000)).await
}

/// The same, until that time.
pub(super) async fn claim_until(store: &Store, target: u64, until: DateTime<Utc>) -> Lease {
    let txn = store.write().await.unwrap();
    locks::lanes(&*txn, [channel(target)]).await.unwrap();
    let update = "UPDATE lanes SET lease_owner = 'test', lease_until = $2, epoch = epoch + 1 \
        WHERE target_channel_id = $1 RETURNING epoch, parent_id, forum";
    let until = stored(until);
    let row =
        Sql::new(update, [channel(target).to_db().into(), until.into()]).row(&*txn).await.unwrap().unwrap();
    txn.commit().await.unwrap();
    let parent: Option<i64> = row.try_get("", "parent_id").unwrap();
    let parent = parent.map(|parent| ChannelId::from_db(parent).unwrap());
    let target_kind = TargetKind::from_parts(parent, row.try_get("", "forum").unwrap());
    let epoch = row.try_get("", "epoch").unwrap();
    Lease { target: channel(target), target_kind, server: None, owner: "test".to_owned(), epoch, until }
}

/// Keeps a lane that was released because there was nothing to do.
async fn keep(store: &Store, lease: &Lease) {
    let txn = store.write().await.unwrap();
    let update = "UPDATE lanes SET lease_owner = $1, lease_until = $2 \
        WHERE lease_owner IS NULL AND target_channel_id = $3 AND epoch = $4";
    let values =
        [lease.owner.as_str().into(), lease.until.into(), lease.target.to_db().into(), lease.epoch.into()];
    Sql::new(update, values).execute(&*txn).await.unwrap();
    txn.commit().await.unwrap();
}

/// Releases a lane, or lets its lease end.
pub(super) async fn give_back(store: &Store, lease: &Lease) {
    let txn = store.write().await.unwrap();
    let update = "UPDATE lanes SET lease_owner = NULL, lease_until = NULL WHERE target_channel_id = $1";
    Sql::new(update, [lease.target.to_db().into()]).execute(&*txn).await.unwrap();
    txn.commit().await.unwrap();
}

/// Claims a lane that has work, if it is free.
pub(super) async fn take(
    store: &Store,
    target: u64,
    owner: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Option<Lease> {
    let txn = store.write().await.unwrap();
    let mut taken = store.claim_lanes(&txn, &[channel(target)], owner, now, until).await.unwrap();
    txn.commit().await.unwrap();
    match taken.remove(&channel(target))?.unwrap() {
        LaneClaim::Claimed(lane) => Some(lane.lease),
        LaneClaim::NotClaimed(_) => None,
    }
}

/// A lane's request, for activities that each take one part.
pub(super) fn request(lane: LaneRef, done: Option<StepResult>) -> LaneRequest<'static> {
    let decide: Decide<'static> = Box::new(|work, now| step_of(work, 1, now));
    LaneRequest { lane, done, shown: None, webhook: None, decide, rest_until: None }
}

/// A batch of one.
pub(super) async fn turn(store: &Store, request: LaneRequest<'_>, now: DateTime<Utc>) -> LaneAnswer {
    let holder = Holder { owner: "test", now, lease: TimeDelta::seconds(1_000_000) };
    store.advance(holder, vec![request]).await.unwrap().pop().unwrap().unwrap()
}

/// Asks for the next step of a lane, which is named by `decide`.
pub(super) async fn advance_by(
    store: &Store,
    lease: &Lease,
    done: Option<StepResult>,
    now: DateTime<Utc>,
    decide: impl FnMut(&Work, DateTime<Utc>) -> Step + Send + Sync,
) -> NextAction {
    keep(store, lease).await;
    let request = request(LaneRef::Claimed(lease.clone()), done);
    turn(store, LaneRequest { decide: Box::new(decide), ..request }, now).await.next
}

/// Asks for the next step of a lane whose activities each take so many parts.
pub(super) async fn advance_parts(
    store: &Store,
    lease: &Lease,
    done: Option<StepResult>,
    now: DateTime<Utc>,
    parts: usize,
) -> NextAction {
    advance_by(store, lease, done, now, |work, now| step_of(work, parts, now)).await
}

/// The same, with one part.
pub(super) async fn advance(
    store: &Store,
    lease: &Lease,
    done: Option<StepResult>,
    now: DateTime<Utc>,
) -> NextAction {
    advance_parts(store, lease, done, now, 1).await
}

pub(super) fn step_of(work: &Work, parts: usize, now: DateTime<Utc>) -> Step {
    next_step(Situation {
        activity: &work.activity,
        parts,
        delivery: &work.delivery,
        mirrors: &work.mirrors,
        in_flight: work.in_flight,
        now,
    })
}

/// The create that a lane should make.
pub(super) fn create(next: &NextAction) -> (InFlight, &Work) {
    match next {
        NextAction::Do { step: Step::Create(_), work } => (work.in_flight.unwrap(), work),
        other => panic!("no create: {other:?}"),
    }
}

/// Its answer: it created this message.
pub(super) fn created(in_flight: InFlight, target: u64, id: u64) -> StepResult {
    let mirror = Mirror {
        message: message(id),
        channel: channel(target),
        webhook: webhook_id(target + 1_000),
        part: in_flight.part,
        revision: in_flight.revision,
        staleness: Staleness::default(),
        files: Vec::new(),
    };
    StepResult::Created { in_flight, mirror, overtakes: false }
}

/// Which message of the source a step is about.
pub(super) fn about(next: &NextAction) -> (Step, u64) {
    match next {
        NextAction::Do { step, work } => {
            let message = work.activity.origin.message();
            (*step, message.get())
        }
        other => panic!("no step: {other:?}"),
    }
}

/// Shows all that a lane has, and returns the source messages in the order in which they were first shown.
/// Mirrors get the numbers from `first` on.
pub(super) async fn show_all(store: &Store, lease: &Lease, first: u64) -> Vec<u64> {
    let mut shown = Vec::new();
    let mut done = None;
    loop {
        let next = advance(store, lease, done.take(), at(10)).await;
        let id = first + shown.len() as u64;
        match &next {
            NextAction::Idle => return shown,
            NextAction::Do { step: Step::Create(Part(0)), work } => {
                shown.push(about(&next).1);
                done = Some(created(work.in_flight.unwrap(), lease.target.get(), id));
            }
            NextAction::Do { step: Step::Edit(message, _), work } => {
                done = Some(edited_to_newest(work, *message));
            }
            NextAction::Do { step: Step::Delete(message), work } => {
                done = Some(StepResult::Deleted { delivery: work.delivery.id, message: *message });
            }
            // So much was settled without Discord that the rest is left to the next turn.
            NextAction::Wait(until) if *until <= at(10) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// That this mirror was edited to the newest revision.
pub(super) fn edited_to_newest(work: &Work, message: MessageId) -> StepResult {
    let mirror = work.mirrors.iter().find(|mirror| mirror.message == message).unwrap();
    StepResult::Edited {
        delivery: work.delivery.id,
        message,
        marks: mirror.staleness.marks,
        revision: work.activity.revision,
        files: Vec::new(),
    }
}
