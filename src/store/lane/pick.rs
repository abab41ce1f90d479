//! Which delivery of a lane is next, and all that is known of it: for all lanes of a batch together.
//!
//! 1. The one whose create is in flight: nothing else happens before that is settled.
//! 2. A deletion, or what is taken back from this target alone, that isn't waiting, oldest first.
//! 3. By turns, the *head*, the first that was never completely shown, and an edit that isn't waiting: after
//!    each create an edit may go, and after each edit the head. So neither holds up the other by more than one request,
//!    however many there are. Only the head may be shown first, so that first showings keep their order: while it waits,
//!    those behind it wait too, but not edits. One that was overtaken holds up nobody. Of several edits, the lot says
//!    which is next, anew each time: a message that is edited without end holds up no other.
//!
//! There is one exception. A head that has failed [`HOLDS_UP`](crate::domain::retry::HOLDS_UP) times in a row may be at fault itself, or Discord may be down for all. So right after it has failed once
//! more, one of those behind it is tried, the one that was tried least. If that is shown, the head is overtaken; else nothing is known, and the head comes first again.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::attempts::HOLDS_OTHERS;
use super::contents::Contents;
use super::surroundings;
use super::surroundings::Here;
use crate::domain::activity::{
    Activity, ActivityId, Delivery, DeliveryId, InFlight, Mirror, Origin, Part, Revision, Showing,
};
use crate::domain::follow::FollowId;
use crate::domain::ids::{ChannelId, MessageId, UserId, WebhookId};
use crate::domain::place::Place;
use crate::store::db::connect::Write;
use crate::store::db::entity::mirrors;
use crate::store::db::sql::{Kind, Sql, Table};
use crate::store::{Lease, StoreError, Work};

/// What is next in a lane.
pub(super) enum Pick {
    /// A delivery.
    Work {
        work: Box<Work>,
        /// The newest message that is known to stand where it is to be shown.
        newest: Option<MessageId>,
    },
    /// None before this time.
    Wait(DateTime<Utc>),
    /// None.
    Idle,
}

/// A lane that is asked.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) lease: &'a Lease,
    pub(super) mark: Option<InFlight>,
    /// The last step was a create: it is an edit's turn.
    pub(super) edit_is_due: bool,
    /// Its head, which failed just now and may be overtaken.
    pub(super) failed_head: Option<DeliveryId>,
}

/// A delivery that is next, but can't be read.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) delivery: DeliveryId,
    pub(super) error: StoreError,
}

/// A delivery that may be next.
#[derive(FromQueryResult)]
pub(super) struct Candidate {
    pub(super) id: i64,
    pub(super) activity_id: i64,
    position: i64,
    follow_id: Option<i64>,
    /// It is tried before the head of its lane.
    overtakes: bool,
    pub(super) shown_revision: Option<i32>,
    wait_until: Option<DateTime<Utc>>,
    attempts: i32,
    revision: i32,
    deleted: bool,
    origin: String,
    pub(super) author_id: Option<i64>,
    created_at: DateTime<Utc>,
    pub(super) source_channel_id: Option<i64>,
    pub(super) thread_id: Option<i64>,
    place: String,
    pub(super) follow_source: Option<i64>,
    pub(super) source_guild_id: Option<i64>,
    pub(super) guild_id: Option<i64>,
    pub(super) paused_since: Option<DateTime<Utc>>,
    pub(super) published_only: Option<bool>,
    follow_active: Option<bool>,
}

const COLUMNS: &str = "t.target, d.id, d.activity_id, d.position, d.follow_id, d.shown_revision, d.wait_until, \
    d.attempts, a.origin, a.revision, (a.deleted OR d.withdrawn) AS deleted, a.author_id, a.created_at, \
    a.source_channel_id, a.thread_id, a.place, f.source_channel_id AS follow_source, f.source_guild_id, f.guild_id, f.published_only, \
    CASE WHEN NOT f.is_active AND f.broken_reason IS NULL THEN f.updated_at END AS paused_since, \
    f.is_active AS follow_active \
    FROM t CROSS JOIN deliveries d JOIN activities a ON a.id = d.activity_id LEFT JOIN channel_follows f ON f.id = d.follow_id ";

/// A prime: times any lot below it, and modulo it, numbers below it are only shuffled.
const LOTS: i64 = 1_000_003;

/// The lot of a moment: one for all lanes and all who ask then, and as good as chance. The golden ratio spreads moments that lie close together, or apart by whole seconds.
fn lot(now: DateTime<Utc>) -> i64 {
    let spread = now.timestamp_micros().cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 1;
    1 + spread.cast_signed() % (LOTS - 1)
}

/// Of those of a lane that were shown, the deletion or the edit that is next.
fn reopened() -> String {
    format!(
        "SELECT o.id FROM deliveries o JOIN activities b ON b.id = o.activity_id \
         WHERE o.target_channel_id = t.target AND o.state = 'due' AND o.shown_revision IS NOT NULL \
         AND (o.wait_until IS NULL OR o.wait_until <= $1) \
         ORDER BY (b.deleted OR o.withdrawn) DESC, \
         CASE WHEN b.deleted OR o.withdrawn THEN 0 ELSE (o.id % {LOTS}) * $2 % {LOTS} END, \
         o.position, o.activity_id LIMIT 1"
    )
}
/// What was deleted or overtaken holds nothing up: while it waits, the next is the head.
const HEAD: &str = "SELECT o.id FROM deliveries o JOIN activities b ON b.id = o.activity_id \
    WHERE o.target_channel_id = t.target AND o.state = 'due' AND o.shown_revision IS NULL \
    AND (NOT (b.deleted OR o.withdrawn OR o.overtaken) OR o.wait_until IS NULL OR o.wait_until <= $1) \
    ORDER BY o.position, o.activity_id LIMIT 1";

/// One behind the head: of the first few, the one that was tried least, so that two bad ones in a row don't hide behind each other.
fn trial() -> String {
    format!(
        "SELECT c.id FROM (SELECT o.id, o.attempts, o.position, o.activity_id FROM deliveries h, deliveries o \
         JOIN activities b ON b.id = o.activity_id WHERE h.id = t.failed_head AND o.target_channel_id = t.target \
         AND {HOLDS_OTHERS} AND (o.wait_until IS NULL OR o.wait_until <= $1) \
         AND (o.position, o.activity_id) > (h.position, h.activity_id) \
         ORDER BY o.position, o.activity_id LIMIT 32) AS c ORDER BY c.attempts, c.position, c.activity_id LIMIT 1"
    )
}

/// A delivery that was chosen, as far as it is read.
struct Chosen {
    row: Candidate,
    origin: Origin,
    place: Place,
    mirrors: Vec<Mirror>,
}

/// Picks it for each of these lanes. Reads only. What can't be read is that delivery's own failure.
pub(super) async fn pick(
    txn: &Write,
    contents: &mut Contents<'_>,
    asked: &[Asked<'_>],
    now: DateTime<Utc>,
) -> Result<Vec<Result<Pick, Unreadable>>, StoreError> {
    let mut candidates = candidates(txn, asked, now).await?;
    let lane = |asked: &Asked<'_>| asked.lease.target.to_db();
    let none = asked.iter().map(lane).filter(|target| !candidates.contains_key(target));
    let waits = waits(txn, Table::numbers("target", none), now).await?;
    let found = candidates.values().filter_map(|row| row.as_ref().ok());
    let mut mirrors = mirrors_of(txn, found.map(|row| row.id)).await?;
    let chosen = asked.iter().map(|asked| {
        let row = candidates.remove(&lane(asked))?;
        Some(row.and_then(|row| {
            let delivery = DeliveryId(row.id);
            let mirrors = mirrors.remove(&row.id).unwrap_or(Ok(Vec::new()));
            choose(row, mirrors).map_err(|error| Unreadable { delivery, error })
        }))
    });
    let chosen: Vec<Option<Result<Chosen, Unreadable>>> = chosen.collect();
    let known = chosen.iter().flatten().filter_map(|chosen| chosen.as_ref().ok());
    contents.read(txn, known.map(|chosen| (chosen.row.activity_id, chosen.origin))).await?;
    let here = asked.iter().zip(&chosen).filter_map(|(asked, chosen)| {
        let chosen = chosen.as_ref()?.as_ref().ok()?;
        Some(Here {
            target: asked.lease.target,
            spot: asked.lease.spot,
            place: chosen.place,
            standing: chosen.mirrors.first().map(|mirror| mirror.channel),
            in_doubt: asked.mark.is_some(),
            content: contents.get(chosen.row.activity_id).ok().flatten(),
            row: &chosen.row,
        })
    });
    let here: Vec<Here<'_>> = here.collect();
    let mut surroundings = surroundings::surroundings(txn, contents, &here).await?;
    let picks = asked.iter().zip(chosen).map(|(asked, chosen)| {
        let Some(chosen) = chosen else {
            return Ok(waits.get(&lane(asked)).map_or(Pick::Idle, |until| Pick::Wait(*until)));
        };
        let chosen = chosen?;
        let delivery = DeliveryId(chosen.row.id);
        let unreadable = |error| Unreadable { delivery, error };
        let content = contents.get(chosen.row.activity_id).map_err(unreadable)?;
        let known = surroundings.remove(&asked.lease.target).unwrap_or(Ok(Default::default()));
        let known = known.map_err(unreadable)?;
        let newest = known.above.into_iter().chain(
            chosen
                .mirrors
                .iter()
                .filter(|mirror| known.channel == Some(mirror.channel))
                .map(|mirror| mirror.message),
        );
        let newest = newest.max();
        let work = load(*asked, chosen, content, known.surroundings).map_err(unreadable)?;
        let work = Box::new(work);
        Ok(Pick::Work { work, newest })
    });
    Ok(picks.collect())
}

fn choose(row: Candidate, mirrors: Result<Vec<Mirror>, StoreError>) -> Result<Chosen, StoreError> {
    let origin = row.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
    let place = Place::parse(&row.place).ok_or(StoreError::Unreadable("place"))?;
    Ok(Chosen { origin, place, mirrors: mirrors?, row })
}

/// The delivery that is next in each lane that has one.
async fn candidates(
    txn: &Write,
    asked: &[Asked<'_>],
    now: DateTime<Utc>,
) -> Result<HashMap<i64, Result<Candidate, Unreadable>>, StoreError> {
    let rows = asked.iter().map(|asked| {
        let (marked, failed_head) =
            (asked.mark.map(|mark| mark.delivery.0), asked.failed_head.map(|head| head.0));
        [asked.lease.target.to_db().into(), marked.into(), failed_head.into()]
    });
    let columns = [("target", Kind::Number), ("marked", Kind::Number), ("failed_head", Kind::Number)];
    let query =
        Sql::new("WITH t AS (SELECT * FROM ", [crate::store::db::sql::stored(now).into(), lot(now).into()]);
    let query = query.table(&**txn, Table::new(columns, rows)).then(&format!(
        ") SELECT FALSE AS overtakes, {COLUMNS} WHERE d.id = t.marked \
         UNION ALL SELECT FALSE AS overtakes, {COLUMNS} WHERE t.marked IS NULL AND d.id = ({}) \
         UNION ALL SELECT FALSE AS overtakes, {COLUMNS} WHERE t.marked IS NULL AND d.id = ({HEAD})",
        reopened()
    ));
    let query = match asked.iter().any(|asked| asked.failed_head.is_some()) {
        true => query.then(&format!(
            " UNION ALL SELECT TRUE AS overtakes, {COLUMNS} WHERE t.marked IS NULL AND d.id = ({})",
            trial()
        )),
        false => query,
    };
    let turns: HashMap<i64, (bool, bool)> = asked
        .iter()
        .map(|asked| (asked.lease.target.to_db(), (asked.mark.is_some(), asked.edit_is_due)))
        .collect();
    let mut best: HashMap<i64, Result<Candidate, Unreadable>> = HashMap::new();
    for row in query.all(&**txn).await? {
        let (target, delivery) = (row.try_get("", "target")?, DeliveryId(row.try_get("", "id")?));
        let (in_flight, edit_is_due) = turns.get(&target).copied().unwrap_or_default();
        // A row that can't be read waits for its next attempt, too.
        let wait_until: Option<DateTime<Utc>> = row.try_get("", "wait_until").unwrap_or_default();
        if !in_flight && wait_until.is_some_and(|until| until > now) {
            continue;
        }
        let row = Candidate::from_query_result(&row, "")
            .map_err(|error| Unreadable { delivery, error: error.into() });
        // What is tried before the head is tried right after that.
        let out_of_turn = |one: &Candidate| !one.deleted && one.shown_revision.is_some() != edit_is_due;
        let rank =
            |one: &Candidate| (!one.overtakes, !one.deleted, out_of_turn(one), one.position, one.activity_id);
        let better = match (&row, best.get(&target)) {
            (_, None) | (Ok(_), Some(Err(_))) => true,
            (Ok(row), Some(Ok(other))) => rank(row) < rank(other),
            (Err(_), Some(_)) => false,
        };
        if better {
            best.insert(target, row);
        }
    }
    Ok(best)
}

/// Until when those of these lanes wait that have anything. Should one of those behind the head wait less than it, the lane looks once too often.
async fn waits(
    txn: &Write,
    lanes: Table<1>,
    now: DateTime<Utc>,
) -> Result<HashMap<i64, DateTime<Utc>>, StoreError> {
    if lanes.is_empty() {
        return Ok(HashMap::new());
    }
    let query = "SELECT t.target, (SELECT MIN(d.wait_until) FROM deliveries d \
        WHERE d.target_channel_id = t.target AND d.state = 'due' AND d.wait_until > $1) AS wait_until FROM ";
    let query = Sql::new(query, [crate::store::db::sql::stored(now).into()]).table(&**txn, lanes);
    let mut waits = HashMap::new();
    for (target, row) in query.keyed_rows(&**txn).await? {
        let until: Option<DateTime<Utc>> = row.try_get_by_index(1)?;
        waits.extend(until.map(|until| (target, until)));
    }
    Ok(waits)
}

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
        match (mirror(row), &mut *of) {
            (Ok(mirror), Ok(mirrors)) => mirrors.push(mirror),
            (Err(error), _) => *of = Err(error),
            (Ok(_), Err(_)) => {}
        }
    }
    Ok(found)
}

fn load(
    asked: Asked<'_>,
    chosen: Chosen,
    content: Option<Arc<Showing>>,
    surroundings: crate::store::Surroundings,
) -> Result<Work, StoreError> {
    let Chosen { row, origin, place, mirrors } = chosen;
    Ok(Work {
        target: asked.lease.target,
        spot: asked.lease.spot,
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
        in_flight: asked.mark,
        follow: row.follow_id.map(FollowId),
        follow_active: row.follow_active.unwrap_or(false),
        overtakes: row.overtakes,
        surroundings,
        content,
    })
}

/// The mirror of this row.
pub(in crate::store) fn mirror(row: mirrors::Model) -> Result<Mirror, StoreError> {
    Ok(Mirror {
        message: MessageId::from_db(row.message_id)?,
        channel: ChannelId::from_db(row.channel_id)?,
        webhook: WebhookId::from_db(row.webhook_id)?,
        part: Part(row.part),
        revision: Revision(row.revision),
        files: row.file_ids.iter().flat_map(|ids| ids.split(',')).filter_map(|id| id.parse().ok()).collect(),
    })
}
