//! Which delivery of a lane is next, and everything that is known about it: for all lanes of a batch
//! together.
//!
//! 1. The one whose create is in flight: nothing else happens before that is settled.
//! 2. A deletion, or what is withdrawn from this target alone, that isn't waiting, oldest first.
//! 3. In turns, the *head*, which is the first one that was never completely shown, and an edit that isn't
//!    waiting: an edit may go after each create, and the head after each edit. So neither holds up the other
//!    by more than one request, however many there are. Only the head may be shown for the first time. While
//!    it waits, all first showings behind it wait; edits don't. One that was overtaken holds up nobody. Among
//!    several edits, `candidates` draws lots each time: a message that is edited without end holds up no
//!    other.
//!
//! There is one exception. A head that has failed [`HOLDS_UP`](crate::domain::retry::HOLDS_UP) times in a row
//! may be at fault itself, or Discord may be down for everyone. So right after it has failed once more, a
//! delivery behind it is tried: the one that was tried least. If that is shown, the head is overtaken.
//! Otherwise nothing is known, and the head comes first again.
//!
//! What a lane does next is decided in four places, each with a question of its own:
//!
//! | question | decided in |
//! |---|---|
//! | Which deliveries may be next? At most four: the one in flight, or the head, one that was shown and is due again (which of several is drawn by lot), and one behind a failed head | `candidates` |
//! | Which of these goes first? | here, by [`Priority`] |
//! | Is it an edit's turn? Has the head just failed? Must the lane wait for a doubt? | `turn` |
//! | What is done with that delivery? | `domain::next_step` |

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::{FromQueryResult, QueryResult};

use super::candidates::{self, Candidate};
use super::contents::Contents;
use super::mirrors::read_mirror;
use super::surroundings::{self, PlacedDelivery, TargetView};
use crate::domain::activity::{
    Activity, ActivityContent, ActivityId, Delivery, DeliveryId, InFlight, Mirror, Origin, Revision,
};
use crate::domain::follow::FollowId;
use crate::domain::ids::{MessageId, UserId};
use crate::domain::place::SourcePlace;
use crate::store::db::connect::Write;
use crate::store::db::entity::mirrors;
use crate::store::db::sql::{Kind, Sql, Table, stored};
use crate::store::{Lease, StoreError, Surroundings, Work};

/// What is next in a lane.
pub(super) enum Pick {
    /// A delivery.
    Work {
        work: Box<Work>,
        /// The newest known message where it will be shown.
        newest: Option<MessageId>,
    },
    /// None before this time.
    Wait(DateTime<Utc>),
    /// None.
    Idle,
}

/// A lane that asks for its next delivery.
#[derive(Clone, Copy)]
pub(super) struct PickRequest<'a> {
    pub(super) lease: &'a Lease,
    pub(super) in_flight: Option<InFlight>,
    /// The last step was a create, so it is an edit's turn.
    pub(super) edit_is_due: bool,
    /// Its head, which failed just now and may be overtaken.
    pub(super) failed_head: Option<DeliveryId>,
}

/// A delivery that is next, but can't be read.
#[derive(Debug)]
pub(super) struct UnreadableDelivery {
    pub(super) delivery: DeliveryId,
    pub(super) error: StoreError,
}

/// A delivery that is next in its lane, with its mirrors.
struct PickedDelivery {
    row: Candidate,
    origin: Origin,
    place: SourcePlace,
    mirrors: Vec<Mirror>,
}

/// Which candidate of a lane goes first: the order of these is the order of the list above.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Priority {
    /// It is tried before the head, right after the head has failed.
    Trial,
    /// It was deleted, or is withdrawn from this target.
    Removal,
    /// The head after an edit, or an edit after a create.
    InTurn,
    /// The other of the two.
    OutOfTurn,
}

/// One lane of the batch, and what has been found for it so far.
struct LanePick<'a> {
    request: PickRequest<'a>,
    found: Found,
}

/// What has been found for a lane.
enum Found {
    /// Nothing that may be tried now.
    Nothing {
        /// When the first of its deliveries may be tried, if it has any.
        wait_until: Option<DateTime<Utc>>,
    },
    /// A delivery that is next, unless another one goes before it.
    Candidate(Box<Candidate>),
    /// The delivery that is next.
    Delivery(Box<PickedDelivery>),
    /// A delivery that is next, but can't be read.
    Unreadable(UnreadableDelivery),
}

/// Picks the next delivery of each of these lanes. Only reads. What can't be read is that delivery's own
/// failure.
pub(super) async fn pick(
    txn: &Write,
    contents: &mut Contents<'_>,
    requests: Vec<PickRequest<'_>>,
    now: DateTime<Utc>,
) -> Result<Vec<Result<Pick, UnreadableDelivery>>, StoreError> {
    let mut lanes: Vec<LanePick<'_>> = requests.into_iter().map(LanePick::new).collect();
    find_candidates(txn, &mut lanes, now).await?;
    find_waits(txn, &mut lanes, now).await?;
    read_mirrors(txn, &mut lanes).await?;
    let activities = lanes.iter().filter_map(LanePick::delivery);
    contents.read(txn, activities.map(|next| (next.row.activity_id, next.origin))).await?;
    let mut views = {
        let placed: Vec<PlacedDelivery<'_>> = lanes.iter().filter_map(|lane| lane.placed(contents)).collect();
        surroundings::read(txn, contents, &placed).await?
    };
    let finish = |lane: LanePick<'_>| {
        let view = views.remove(&lane.request.lease.target);
        lane.finish(contents, view.unwrap_or(Ok(TargetView::default())))
    };
    Ok(lanes.into_iter().map(finish).collect())
}

impl<'a> LanePick<'a> {
    const fn new(request: PickRequest<'a>) -> Self {
        Self { request, found: Found::Nothing { wait_until: None } }
    }

    /// The number of its target.
    const fn target(&self) -> i64 {
        self.request.lease.target.to_db()
    }

    /// The delivery that is next, once that is known.
    fn delivery(&self) -> Option<&PickedDelivery> {
        match &self.found {
            Found::Delivery(next) => Some(next),
            _ => None,
        }
    }

    /// Takes a delivery from the database as a candidate, if it goes before the one that was found so far.
    fn offer(&mut self, row: &QueryResult, now: DateTime<Utc>) -> Result<(), StoreError> {
        let delivery = DeliveryId(row.try_get("", "id")?);
        // A row that can't be read waits for its next attempt, too.
        let wait_until: Option<DateTime<Utc>> = row.try_get("", "wait_until").unwrap_or_default();
        if self.request.in_flight.is_none() && wait_until.is_some_and(|until| until > now) {
            return Ok(());
        }
        let offered = match Candidate::from_query_result(row, "") {
            Ok(candidate) => Found::Candidate(Box::new(candidate)),
            Err(error) => Found::Unreadable(UnreadableDelivery { delivery, error: error.into() }),
        };
        let goes_before = match (&offered, &self.found) {
            (_, Found::Nothing { .. }) | (Found::Candidate(_), Found::Unreadable(_)) => true,
            (Found::Candidate(one), Found::Candidate(other)) => self.rank(one) < self.rank(other),
            _ => false,
        };
        if goes_before {
            self.found = offered;
        }
        Ok(())
    }

    /// The candidate's place among the lane's candidates: the smallest goes first, the older one among
    /// equals.
    const fn rank(&self, one: &Candidate) -> (Priority, i64, i64) {
        let is_edit = one.shown_revision.is_some();
        let priority = if one.overtakes {
            Priority::Trial
        } else if one.deleted {
            Priority::Removal
        } else if is_edit == self.request.edit_is_due {
            Priority::InTurn
        } else {
            Priority::OutOfTurn
        };
        (priority, one.position, one.activity_id)
    }

    /// Adds its mirrors to the candidate, which is the next delivery then.
    fn add_mirrors(&mut self, mirrors: Option<Result<Vec<Mirror>, StoreError>>) {
        let found = std::mem::replace(&mut self.found, Found::Nothing { wait_until: None });
        self.found = match found {
            Found::Candidate(row) => {
                let delivery = DeliveryId(row.id);
                match PickedDelivery::read(*row, mirrors.unwrap_or(Ok(Vec::new()))) {
                    Ok(next) => Found::Delivery(Box::new(next)),
                    Err(error) => Found::Unreadable(UnreadableDelivery { delivery, error }),
                }
            }
            other => other,
        };
    }

    /// Its next delivery, for looking at the place where that is shown.
    fn placed(&self, contents: &Contents<'_>) -> Option<PlacedDelivery<'_>> {
        let next = self.delivery()?;
        Some(PlacedDelivery {
            target: self.request.lease.target,
            target_kind: self.request.lease.target_kind,
            place: next.place,
            mirrored_in: next.mirrors.first().map(|mirror| mirror.channel),
            in_doubt: self.request.in_flight.is_some(),
            content: contents.get(next.row.activity_id).ok().flatten(),
            row: &next.row,
        })
    }

    fn finish(
        self,
        contents: &Contents<'_>,
        view: Result<TargetView, StoreError>,
    ) -> Result<Pick, UnreadableDelivery> {
        let next = match self.found {
            Found::Delivery(next) => *next,
            Found::Nothing { wait_until } => return Ok(wait_until.map_or(Pick::Idle, Pick::Wait)),
            Found::Unreadable(unreadable) => return Err(unreadable),
            Found::Candidate(_) => return Ok(Pick::Idle),
        };
        let delivery = DeliveryId(next.row.id);
        let read = || -> Result<Pick, StoreError> {
            let content = match contents.get(next.row.activity_id) {
                // A create in doubt is settled without it.
                Err(_) if self.request.in_flight.is_some() => None,
                content => content?,
            };
            let view = view?;
            let own = next.mirrors.iter().filter(|mirror| view.channel == Some(mirror.channel));
            let newest = view.above.into_iter().chain(own.map(|mirror| mirror.message)).max();
            let work = Box::new(next.into_work(self.request, content, view.surroundings)?);
            Ok(Pick::Work { work, newest })
        };
        read().map_err(|error| UnreadableDelivery { delivery, error })
    }
}

/// Finds the delivery that is next in each lane that has one.
async fn find_candidates(
    txn: &Write,
    lanes: &mut [LanePick<'_>],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let rows = lanes.iter().map(|lane| {
        let in_flight = lane.request.in_flight.map(|in_flight| in_flight.delivery.0);
        [lane.target().into(), in_flight.into(), lane.request.failed_head.map(|head| head.0).into()]
    });
    let columns = [("target", Kind::Number), ("marked", Kind::Number), ("failed_head", Kind::Number)];
    let with_trial = lanes.iter().any(|lane| lane.request.failed_head.is_some());
    let rows = candidates::query(txn, Table::new(columns, rows), with_trial, now).await?;
    let mut lanes: HashMap<i64, &mut LanePick<'_>> =
        lanes.iter_mut().map(|lane| (lane.target(), lane)).collect();
    for row in rows {
        let target: i64 = row.try_get("", "target")?;
        if let Some(lane) = lanes.get_mut(&target) {
            lane.offer(&row, now)?;
        }
    }
    Ok(())
}

/// Finds out until when those lanes wait that have no candidate. If a delivery behind the head waits for a
/// shorter time than the head, the lane looks once too often.
async fn find_waits(txn: &Write, lanes: &mut [LanePick<'_>], now: DateTime<Utc>) -> Result<(), StoreError> {
    let without = lanes.iter().filter(|lane| matches!(lane.found, Found::Nothing { .. }));
    let targets = Table::numbers("target", without.map(LanePick::target));
    if targets.is_empty() {
        return Ok(());
    }
    let query = "SELECT t.target, (SELECT MIN(d.wait_until) FROM deliveries d \
        WHERE d.target_channel_id = t.target AND d.state = 'due' AND d.wait_until > $1) AS wait_until FROM ";
    let query = Sql::new(query, [stored(now).into()]).table(&**txn, targets);
    let mut waits: HashMap<i64, Option<DateTime<Utc>>> = HashMap::new();
    for (target, row) in query.keyed_rows(&**txn).await? {
        waits.insert(target, row.try_get_by_index(1)?);
    }
    for lane in lanes {
        let target = lane.target();
        if let Found::Nothing { wait_until } = &mut lane.found {
            *wait_until = waits.get(&target).copied().flatten();
        }
    }
    Ok(())
}

/// Reads the mirrors of the candidates.
async fn read_mirrors(txn: &Write, lanes: &mut [LanePick<'_>]) -> Result<(), StoreError> {
    let candidate = |lane: &LanePick<'_>| match &lane.found {
        Found::Candidate(row) => Some(row.id),
        _ => None,
    };
    let mut mirrors = mirrors_of(txn, lanes.iter().filter_map(candidate)).await?;
    for lane in lanes {
        if let Some(id) = candidate(lane) {
            lane.add_mirrors(mirrors.remove(&id));
        }
    }
    Ok(())
}

/// The mirrors of these deliveries, by part.
async fn mirrors_of(
    txn: &Write,
    deliveries: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, Result<Vec<Mirror>, StoreError>>, StoreError> {
    let deliveries = Table::numbers("delivery", deliveries);
    if deliveries.is_empty() {
        return Ok(HashMap::new());
    }
    let query = Sql::new("SELECT m.* FROM ", []).table(&**txn, deliveries);
    let query =
        query.then(" CROSS JOIN mirrors m WHERE m.delivery_id = t.delivery ORDER BY m.delivery_id, m.part");
    let mut found: HashMap<i64, Result<Vec<Mirror>, StoreError>> = HashMap::new();
    for row in query.rows_of::<mirrors::Model>(&**txn).await? {
        let of = found.entry(row.delivery_id).or_insert_with(|| Ok(Vec::new()));
        match (read_mirror(row), &mut *of) {
            (Ok(mirror), Ok(mirrors)) => mirrors.push(mirror),
            (Err(error), _) => *of = Err(error),
            (Ok(_), Err(_)) => {}
        }
    }
    Ok(found)
}

impl PickedDelivery {
    fn read(row: Candidate, mirrors: Result<Vec<Mirror>, StoreError>) -> Result<Self, StoreError> {
        let origin = row.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
        let place = SourcePlace::parse(&row.place).ok_or(StoreError::Unreadable("place"))?;
        Ok(Self { origin, place, mirrors: mirrors?, row })
    }

    fn into_work(
        self,
        request: PickRequest<'_>,
        content: Option<Arc<ActivityContent>>,
        surroundings: Surroundings,
    ) -> Result<Work, StoreError> {
        let Self { row, origin, place, mirrors } = self;
        Ok(Work {
            target: request.lease.target,
            target_kind: request.lease.target_kind,
            place,
            activity: Activity {
                id: ActivityId(row.activity_id),
                origin,
                revision: Revision(row.revision),
                deleted: row.deleted,
            },
            source: origin.channel(),
            author: row.author_id.map(UserId::from_db).transpose()?,
            recorded_at: row.created_at,
            delivery: Delivery {
                id: DeliveryId(row.id),
                shown: row.shown_revision.map(Revision),
                attempts: u32::try_from(row.attempts).unwrap_or(0),
                wait_until: row.wait_until,
            },
            mirrors,
            in_flight: request.in_flight,
            follow: row.follow_id.map(FollowId),
            follow_active: row.follow_active.unwrap_or(false),
            overtakes: row.overtakes,
            surroundings,
            content,
        })
    }
}
