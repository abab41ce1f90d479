//! Which delivery of a lane is next, and all that is known of it.
//!
//! 1. The one whose create is in flight: nothing else happens before that is settled.
//! 2. A deletion, or what is taken back from this target alone, that isn't waiting, oldest first.
//! 3. The older of these two: the *head*, the first that was never completely shown, and the first
//!    edit that isn't waiting. Only the head may be shown first, so that first showings keep their order: while
//!    it waits, those behind it wait too, but not edits.

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder};

use super::connect::Write;
use super::entity::mirrors;
use super::lane_place::Here;
use super::sql::{Sql, stored};
use super::{Cipher, Lease, StoreError, Work};
use crate::domain::activity::{
    Activity, ActivityId, Delivery, DeliveryId, InFlight, Mirror, Origin, Part, Revision,
};
use crate::domain::follow::FollowId;
use crate::domain::ids::{ChannelId, MessageId, UserId, WebhookId};
use crate::domain::place::Place;

/// What is next in a lane.
pub(super) enum Pick {
    /// This delivery.
    Work(Box<Work>),
    /// None before this time.
    Wait(DateTime<Utc>),
    /// None.
    Idle,
}

const CANDIDATE: &str = "SELECT d.id, d.activity_id, d.position, d.follow_id, d.shown_revision, d.wait_until, d.attempts, \
    a.origin, a.revision, (a.deleted OR d.withdrawn) AS deleted, a.content, a.author_id, a.created_at, \
    a.source_channel_id, a.thread_id, a.place \
    FROM deliveries d JOIN activities a ON a.id = d.activity_id ";

#[derive(FromQueryResult)]
pub(super) struct Candidate {
    pub(super) id: i64,
    activity_id: i64,
    position: i64,
    pub(super) follow_id: Option<i64>,
    pub(super) shown_revision: Option<i32>,
    wait_until: Option<DateTime<Utc>>,
    attempts: i32,
    revision: i32,
    deleted: bool,
    content: Option<Vec<u8>>,
    origin: String,
    pub(super) author_id: Option<i64>,
    created_at: DateTime<Utc>,
    pub(super) source_channel_id: Option<i64>,
    pub(super) thread_id: Option<i64>,
    place: String,
}

/// Picks it. Reads only.
pub(super) async fn pick(
    txn: &Write,
    cipher: &Cipher,
    lease: &Lease,
    mark: Option<InFlight>,
    now: DateTime<Utc>,
) -> Result<Pick, StoreError> {
    let candidate = match mark {
        Some(mark) => first(txn, "WHERE d.id = $1", [mark.delivery.0.into()]).await?,
        None => candidate(txn, lease.target, now).await?,
    };
    if let Some(candidate) = candidate {
        return Ok(Pick::Work(Box::new(load(txn, cipher, lease, mark, candidate).await?)));
    }
    // Whatever waits; should one of those behind the head wait less than it, the lane looks once too often.
    let query = "SELECT MIN(wait_until) FROM deliveries \
        WHERE target_channel_id = $1 AND state = 'due' AND wait_until > $2";
    let row = Sql::new(query, [lease.target.to_db().into(), stored(now).into()]).row(&**txn).await?;
    let until: Option<DateTime<Utc>> = row.map(|row| row.try_get_by_index(0)).transpose()?.flatten();
    Ok(until.map_or(Pick::Idle, Pick::Wait))
}

async fn candidate(
    txn: &Write,
    target: ChannelId,
    now: DateTime<Utc>,
) -> Result<Option<Candidate>, StoreError> {
    let (id, time) = (target.to_db(), stored(now));
    let reopened = "WHERE d.target_channel_id = $1 AND d.state = 'due' AND d.shown_revision IS NOT NULL \
        AND (d.wait_until IS NULL OR d.wait_until <= $2) ORDER BY (a.deleted OR d.withdrawn) DESC, d.position, d.activity_id LIMIT 1";
    let reopened = first(txn, reopened, [id.into(), time.into()]).await?;
    // What was deleted holds nothing up: while its deletion waits, the next is the head.
    let head = "WHERE d.target_channel_id = $1 AND d.state = 'due' AND d.shown_revision IS NULL \
        AND (NOT (a.deleted OR d.withdrawn) OR d.wait_until IS NULL OR d.wait_until <= $2) ORDER BY d.position, d.activity_id LIMIT 1";
    let head = first(txn, head, [id.into(), time.into()]).await?;
    let ready = |one: &Candidate| one.wait_until.is_none_or(|until| until <= now);
    let rank = |one: &Candidate| (!one.deleted, one.position, one.activity_id);
    Ok(reopened.into_iter().chain(head.filter(ready)).min_by_key(rank))
}

async fn first(
    txn: &Write,
    condition: &str,
    values: impl IntoIterator<Item = sea_orm::Value>,
) -> Result<Option<Candidate>, StoreError> {
    Ok(Sql::new(format!("{CANDIDATE}{condition}"), values).rows_of(&**txn).await?.pop())
}

async fn load(
    txn: &Write,
    cipher: &Cipher,
    lease: &Lease,
    in_flight: Option<InFlight>,
    row: Candidate,
) -> Result<Work, StoreError> {
    let origin: Origin = row.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
    let sealed = row.content.as_deref();
    let content = sealed.map(|sealed| cipher.open_content(origin, sealed)).transpose()?;
    let place = Place::parse(&row.place).ok_or(StoreError::Unreadable("place"))?;
    let mirrors = mirrors_of(txn, row.id).await?;
    let here = Here {
        target: lease.target,
        spot: lease.spot,
        place,
        standing: mirrors.first().map(|mirror| mirror.channel),
        in_doubt: in_flight.is_some(),
    };
    Ok(Work {
        target: lease.target,
        spot: lease.spot,
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
        in_flight,
        follow: row.follow_id.map(FollowId),
        surroundings: here.surroundings(txn, cipher, &row, content.as_ref()).await?,
        content,
    })
}

async fn mirrors_of(txn: &Write, delivery: i64) -> Result<Vec<Mirror>, StoreError> {
    let rows = mirrors::Entity::find()
        .filter(mirrors::Column::DeliveryId.eq(delivery))
        .order_by_asc(mirrors::Column::Part)
        .all(&**txn)
        .await?;
    rows.into_iter().map(mirror).collect()
}

/// The mirror of this row.
pub(super) fn mirror(row: mirrors::Model) -> Result<Mirror, StoreError> {
    Ok(Mirror {
        message: MessageId::from_db(row.message_id)?,
        channel: ChannelId::from_db(row.channel_id)?,
        webhook: WebhookId::from_db(row.webhook_id)?,
        part: Part(row.part),
        revision: Revision(row.revision),
        files: u8::try_from(row.files).unwrap_or(u8::MAX),
    })
}
