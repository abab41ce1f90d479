//! The storage half of delivery: what was done is recorded and what comes next is written down, in one
//! transaction.
//!
//! ```text
//!  claim_lane ─► advance(done: None) ─► Do { step, work } ─► the holder asks Discord ─┐
//!                        ▲                                                             │
//!                        └────────────── advance(done: Some(…)) ◄──────────────────────┘
//!                                                  └─► Wait, Idle ─► release_lane
//! ```
//! Before it returns a create, `advance` has written down that it is in flight. Whoever holds the lane next,
//! after whatever crash, is given that same delivery first.

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, FromQueryResult, Value};

use super::connect::Write;
use super::lane_pick::{Pick, pick};
use super::sql::{Sql, stored};
use super::{Done, Lease, Store, StoreError, gates, lane_done};
use crate::domain::activity::{Activity, Delivery, DeliveryId, InFlight, Mirror, Part, Revision, Showing};
use crate::domain::follow::FollowId;
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::next_step::Step;
use crate::domain::place::{Place, Spot};

/// How many deliveries one transaction settles without Discord (those that rest or end), so that it stays short.
const PICKS: usize = 64;

/// A delivery that is next in its lane, with all that its next step depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Where it is owed.
    pub target: ChannelId,
    /// What that is.
    pub spot: Spot,
    /// Where in its source it was posted.
    pub place: Place,
    /// What is wanted.
    pub activity: Activity,
    /// What it shows; none once it is deleted.
    pub content: Option<Showing>,
    /// The source.
    pub source: ChannelId,
    /// Who wrote it.
    pub author: Option<UserId>,
    /// When it was recorded, for the delivery's lag.
    pub recorded_at: DateTime<Utc>,
    /// What is owed.
    pub delivery: Delivery,
    /// What is shown, by part.
    pub mirrors: Vec<Mirror>,
    /// The create whose end isn't known; where the step is a create, that create.
    pub in_flight: Option<InFlight>,
    /// The follow that it is owed by; none once that is removed.
    pub follow: Option<FollowId>,
    /// Where it is shown.
    pub surroundings: Surroundings,
}

impl Work {
    /// A link to the original; empty where it is deleted.
    pub fn link(&self) -> &str {
        self.content.as_ref().map_or("", Showing::link)
    }

    /// Where its messages stand, or are to: the target; in a forum a post, or none yet, where it begins one.
    pub fn channel(&self) -> Option<ChannelId> {
        match self.spot {
            Spot::Channel | Spot::Thread { .. } => Some(self.target),
            Spot::Forum => self.mirrors.first().map(|mirror| mirror.channel).or(self.surroundings.post),
        }
    }
}

/// What is known of the place where a delivery is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The source's server and the target's; none once the follow is removed.
    pub servers: Option<(GuildId, GuildId)>,
    /// Where the message that is answered is mirrored in this target, if it is.
    pub answered: Option<(ChannelId, MessageId)>,
    /// Of an answer in a thread: where what the thread begins with is mirrored in this target, if it is.
    pub starter: Option<(ChannelId, MessageId)>,
    /// Of such an answer, in a forum: the post that shows its thread.
    pub post: Option<ChannelId>,
    /// There was such a post, and somebody removed it.
    pub post_removed: bool,
    /// The follow is of the thread itself.
    pub of_thread: bool,
    /// What stands above is by another author of the same name.
    pub namesake: bool,
    /// Since when somebody has paused the follow.
    pub paused_since: Option<DateTime<Utc>>,
}

/// What a lane's holder is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// This: settle, create, edit or delete.
    Do {
        /// The step.
        step: Step,
        /// With what.
        work: Box<Work>,
    },
    /// Nothing before this time (which may have come).
    Wait(DateTime<Utc>),
    /// Nothing.
    Idle,
    /// Nothing any more: another has the lane, and nothing was recorded.
    LostLease,
}

/// The changeable part of a lane's row.
#[derive(Clone, PartialEq)]
struct Lane {
    mark: Option<InFlight>,
    /// Before this time the create in flight may still be performed: it can't be settled yet.
    settle_at: Option<DateTime<Utc>>,
    wait_until: Option<DateTime<Utc>>,
    /// The newest message that was made, wherever it stands.
    newest: Option<MessageId>,
}

#[derive(FromQueryResult)]
struct LaneRow {
    wait_until: Option<DateTime<Utc>>,
    in_flight_delivery_id: Option<i64>,
    in_flight_part: Option<i32>,
    in_flight_revision: Option<i32>,
    in_flight_after_id: Option<i64>,
    settle_at: Option<DateTime<Utc>>,
    newest_id: Option<i64>,
}

/// What a step leads to.
enum Then {
    /// Another pick.
    Again,
    /// The answer.
    Answer(Next),
}

impl Store {
    /// Records what was done, picks what is next (`lane_pick` says how), has `decide` name the step, and writes
    /// down what that step needs written: all in one transaction, and only while the lease holds.
    ///
    /// `decide` is asked again after each delivery that rests, ends or waits, until one needs Discord. While a
    /// create is in flight, it can settle, wait for that, or end the delivery; a create that it should ask for
    /// then isn't begun, but the settling of the one that stands.
    pub async fn advance(
        &self,
        lease: &Lease,
        done: Option<Done>,
        now: DateTime<Utc>,
        decide: &mut (dyn FnMut(&Work) -> Step + Send),
    ) -> Result<Next, StoreError> {
        let txn = self.write().await?;
        let Some(before) = held(&txn, lease).await? else { return Ok(Next::LostLease) };
        let mut lane = before.clone();
        if let Some(done) = done {
            if let Done::InDoubt { in_flight, settle_at } = done
                && lane.mark == Some(in_flight)
            {
                lane.settle_at = Some(stored(settle_at));
            }
            if let Done::Created { mirror, .. } = &done {
                lane.newest = lane.newest.max(Some(mirror.message));
            }
            lane_done::record(&txn, done, &mut lane.mark).await?;
        }
        let settle_at = lane.settle_at.filter(|at| lane.mark.is_some() && *at > now);
        let mut next = Next::Wait(settle_at.unwrap_or(now));
        // Until the doubt can be settled nothing happens in the lane, whatever woke it.
        let picks = if settle_at.is_some() { 0 } else { PICKS };
        for _ in 0..picks {
            let work = match pick(&txn, &self.cipher, lease, lane.mark, now).await? {
                Pick::Work(work) => work,
                Pick::Wait(until) => {
                    next = Next::Wait(until);
                    break;
                }
                Pick::Idle => {
                    next = Next::Idle;
                    break;
                }
            };
            let step = decide(&work);
            if let Then::Answer(answer) = follow_step(&txn, &mut lane, step, work, now).await? {
                next = answer;
                break;
            }
        }
        lane.settle_at = lane.settle_at.filter(|_| lane.mark.is_some());
        // Under the lane's gate: work that is recorded after this wakes the lane again.
        lane.wait_until = match next {
            Next::Wait(until) => Some(stored(until)),
            Next::Do { .. } | Next::Idle | Next::LostLease => None,
        };
        if lane != before {
            write_lane(&txn, lease.target, &lane).await?;
        }
        txn.commit().await?;
        Ok(next)
    }
}

/// Writes down what a step means for the delivery and its lane.
async fn follow_step(
    txn: &Write,
    lane: &mut Lane,
    step: Step,
    mut work: Box<Work>,
    now: DateTime<Utc>,
) -> Result<Then, StoreError> {
    let delivery = work.delivery.id;
    if let Some(mark) = lane.mark {
        return Ok(match step {
            Step::End(ending) => {
                lane_done::end(txn, delivery, ending).await?;
                lane.mark = None;
                Then::Again
            }
            Step::Wait(until) => Then::Answer(Next::Wait(until)),
            _ => Then::Answer(Next::Do { step: Step::Settle(mark), work }),
        });
    }
    match step {
        Step::Rest => {
            let update = "UPDATE deliveries SET state = 'shown', shown_revision = $2, wait_until = NULL, attempts = 0, \
                remake = FALSE WHERE id = $1";
            let values = [delivery.0.into(), work.activity.revision.0.into()];
            Sql::new(update, values).execute(&**txn).await?;
        }
        Step::End(ending) => lane_done::end(txn, delivery, ending).await?,
        // Not now, but at once again: it would be picked once more.
        Step::Wait(until) if until <= now => return Ok(Then::Answer(Next::Wait(until))),
        Step::Wait(until) => {
            let update = "UPDATE deliveries SET wait_until = $2 WHERE id = $1";
            Sql::new(update, [delivery.0.into(), stored(until).into()]).execute(&**txn).await?;
        }
        Step::Create(part) => {
            let newest = match work.channel() {
                Some(channel) => newest_mirror(txn, channel).await?,
                None => None,
            };
            // Of what is to be known again, all that is known is older.
            let after = work.activity.origin.message();
            let after = [newest, lane.newest].into_iter().flatten().fold(after, MessageId::max);
            let mark = InFlight { delivery, part, revision: work.activity.revision, after };
            lane.mark = Some(mark);
            work.in_flight = Some(mark);
            return Ok(Then::Answer(Next::Do { step, work }));
        }
        Step::Settle(_) | Step::Edit(..) | Step::Delete(_) => {
            return Ok(Then::Answer(Next::Do { step, work }));
        }
    }
    Ok(Then::Again)
}

/// Takes the lane's gate and reads its row, if it is still this lease's.
async fn held(txn: &Write, lease: &Lease) -> Result<Option<Lane>, StoreError> {
    let query = "SELECT wait_until, in_flight_delivery_id, in_flight_part, in_flight_revision, in_flight_after_id, \
        settle_at, newest_id FROM lanes WHERE target_channel_id = $1 AND lease_owner = $2 AND epoch = $3";
    let values = [lease.target.to_db().into(), lease.owner.as_str().into(), lease.epoch.into()];
    let query = Sql::new(query, values).then(gates::lock_clause(&**txn));
    let Some(row) = query.rows_of::<LaneRow>(&**txn).await?.pop() else { return Ok(None) };
    let mark =
        match (row.in_flight_delivery_id, row.in_flight_part, row.in_flight_revision, row.in_flight_after_id)
        {
            (Some(delivery), Some(part), Some(revision), Some(after)) => Some(InFlight {
                delivery: DeliveryId(delivery),
                part: Part(part),
                revision: Revision(revision),
                after: MessageId::from_db(after)?,
            }),
            _ => None,
        };
    let newest = row.newest_id.map(MessageId::from_db).transpose()?;
    Ok(Some(Lane { mark, settle_at: row.settle_at, wait_until: row.wait_until, newest }))
}

async fn write_lane(txn: &Write, target: ChannelId, lane: &Lane) -> Result<(), DbErr> {
    let update = "UPDATE lanes SET wait_until = $2, in_flight_delivery_id = $3, in_flight_part = $4, \
        in_flight_revision = $5, in_flight_after_id = $6, settle_at = $7, newest_id = $8 WHERE target_channel_id = $1";
    let mark = lane.mark;
    let values = [
        target.to_db().into(),
        lane.wait_until.into(),
        Value::BigInt(mark.map(|mark| mark.delivery.0)),
        Value::Int(mark.map(|mark| mark.part.0)),
        Value::Int(mark.map(|mark| mark.revision.0)),
        Value::BigInt(mark.map(|mark| mark.after.to_db())),
        lane.settle_at.into(),
        Value::BigInt(lane.newest.map(MessageId::to_db)),
    ];
    Sql::new(update, values).execute(&**txn).await?;
    Ok(())
}

/// The newest message that is known to mirror something in this channel.
async fn newest_mirror(txn: &Write, channel: ChannelId) -> Result<Option<MessageId>, StoreError> {
    let query = "SELECT MAX(message_id) FROM mirrors WHERE channel_id = $1";
    let row = Sql::new(query, [channel.to_db().into()]).row(&**txn).await?;
    let newest: Option<i64> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
    Ok(newest.map(MessageId::from_db).transpose()?)
}
