//! The rows of lanes, many at a time: read under their locks, claimed, and written.
//!
//! Held lanes are locked first, in ascending order, as all locks are. Lanes to be claimed are then locked
//! only if nobody else has them locked. Nothing is waited for at that point, so two processes that hear of
//! the same work don't hold each other up.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{DbErr, FromQueryResult};

use super::webhook::{self, SealedWebhook};
use crate::domain::activity::{DeliveryId, InFlight, Part, Revision};
use crate::domain::ids::{ChannelId, GuildId, MessageId, WebhookId};
use crate::domain::place::TargetKind;
use crate::store::db::connect::Write;
use crate::store::db::locks;
use crate::store::db::sql::{Kind, Sql, Table, cell, stored};
use crate::store::{LaneWebhook, Lease, StepResult, Store, StoreError};

/// The changeable part of a lane's row.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LaneState {
    /// The create whose outcome isn't known yet.
    pub(super) in_flight: Option<InFlight>,
    /// Until this time the create in flight may still be performed: it can't be settled yet.
    pub(super) settle_at: Option<DateTime<Utc>>,
    pub(super) wait_until: Option<DateTime<Utc>>,
    /// The newest message that was created, in whatever channel.
    pub(super) newest: Option<MessageId>,
    /// When its holder's lease ends.
    pub(super) lease_until: Option<DateTime<Utc>>,
}

impl LaneState {
    /// Notes what was done in the lane, as far as it concerns the lane itself.
    pub(super) fn note(&mut self, result: &StepResult) {
        if let StepResult::InDoubt { in_flight, settle_at } = result
            && self.in_flight == Some(*in_flight)
        {
            self.settle_at = Some(stored(*settle_at));
        }
        if let StepResult::Created { mirror, .. } = result {
            self.newest = self.newest.max(Some(mirror.message));
        }
        self.in_flight.take_if(|in_flight| result.answers(*in_flight));
        self.settle_at = self.settle_at.filter(|_| self.in_flight.is_some());
    }
}

/// A lane that is held, as it was read under its lock.
pub(in crate::store) struct ClaimedLane {
    pub(in crate::store) lease: Lease,
    pub(super) state: LaneState,
    /// For a lane that was claimed just now: what to send with.
    pub(super) webhook: Result<Option<LaneWebhook>, StoreError>,
}

impl ClaimedLane {
    /// A lane that was held before.
    pub(super) const fn held(lease: Lease, state: LaneState) -> Self {
        Self { lease, state, webhook: Ok(None) }
    }
}

/// What became of a lane that should be claimed.
pub(in crate::store) enum LaneClaim {
    /// It is held now.
    Claimed(Box<ClaimedLane>),
    /// It isn't.
    NotClaimed(NotClaimed),
}

/// Why a lane isn't claimed.
pub(in crate::store) enum NotClaimed {
    /// There is nothing to do in it.
    Idle,
    /// Another process holds it.
    HeldElsewhere,
    /// It is free, but a transaction is writing to it.
    Locked,
    /// Its row was missing, and has just been inserted: it can be claimed now.
    Inserted,
}

#[derive(FromQueryResult)]
struct LaneRow {
    target_channel_id: i64,
    epoch: i64,
    lease_until: Option<DateTime<Utc>>,
    wait_until: Option<DateTime<Utc>>,
    in_flight_delivery_id: Option<i64>,
    in_flight_part: Option<i32>,
    in_flight_revision: Option<i32>,
    in_flight_after_id: Option<i64>,
    in_flight_webhook_id: Option<i64>,
    settle_at: Option<DateTime<Utc>>,
    newest_id: Option<i64>,
    parent_id: Option<i64>,
    forum: bool,
    webhook_id: Option<i64>,
    webhook_token: Option<Vec<u8>>,
    /// The target's server; read when the lane is claimed.
    guild_id: Option<i64>,
}

const COLUMNS: &str = "target_channel_id, epoch, lease_until, wait_until, in_flight_delivery_id, in_flight_part, \
    in_flight_revision, in_flight_after_id, in_flight_webhook_id, settle_at, newest_id, parent_id, forum, webhook_id, webhook_token";

/// Whether a lane has work, or a webhook that may not be needed any more.
const WANTED: &str = "(l.in_flight_delivery_id IS NOT NULL OR l.webhook_id IS NOT NULL OR EXISTS (\
    SELECT 1 FROM deliveries d WHERE d.target_channel_id = l.target_channel_id AND d.state = 'due'))";

/// The server of this target, if a follow into it tells, or a removed follow that left something to do.
pub(in crate::store) fn server_of(target: &str) -> String {
    format!(
        "COALESCE((SELECT MIN(f.guild_id) FROM channel_follows f WHERE f.target_channel_id = {target}), \
         (SELECT d.former_guild_id FROM deliveries d WHERE d.target_channel_id = {target} AND d.state = 'due' \
         AND d.former_guild_id IS NOT NULL LIMIT 1))"
    )
}

/// Whether the bot has left this target's server. Nothing is requested there; what is due waits until the
/// bot is back or the server is forgotten.
pub(in crate::store) fn is_left(target: &str) -> String {
    format!("EXISTS (SELECT 1 FROM left_guilds g WHERE g.guild_id = {})", server_of(target))
}

impl LaneRow {
    fn state(&self) -> Result<LaneState, StoreError> {
        let part = self.in_flight_part.zip(self.in_flight_revision).zip(self.in_flight_after_id);
        let in_flight = match (self.in_flight_delivery_id, part) {
            (Some(delivery), Some(((part, revision), after))) => Some(InFlight {
                delivery: DeliveryId(delivery),
                part: Part(part),
                revision: Revision(revision),
                after: MessageId::from_db(after)?,
                webhook: self.in_flight_webhook_id.map(WebhookId::from_db).transpose()?,
            }),
            _ => None,
        };
        Ok(LaneState {
            in_flight,
            settle_at: self.settle_at,
            wait_until: self.wait_until,
            newest: self.newest_id.map(MessageId::from_db).transpose()?,
            lease_until: self.lease_until,
        })
    }

    fn lease(&self, owner: &str, until: DateTime<Utc>) -> Result<Lease, StoreError> {
        let target = ChannelId::from_db(self.target_channel_id)?;
        let target_kind =
            TargetKind::from_parts(self.parent_id.map(ChannelId::from_db).transpose()?, self.forum);
        let server = self.guild_id.map(GuildId::from_db).transpose()?;
        Ok(Lease { target, target_kind, server, owner: owner.to_owned(), epoch: self.epoch, until })
    }
}

/// Locks lanes and reads their rows, if these leases still hold them.
pub(super) async fn lock_held(
    txn: &Write,
    leases: &[&Lease],
) -> Result<HashMap<ChannelId, Result<LaneState, StoreError>>, StoreError> {
    if leases.is_empty() {
        return Ok(HashMap::new());
    }
    let columns = [("target", Kind::Number), ("owner", Kind::Text), ("number", Kind::Number)];
    let rows = leases
        .iter()
        .map(|lease| [lease.target.to_db().into(), lease.owner.as_str().into(), lease.epoch.into()]);
    let lock = if locks::has_row_locks(&**txn) { " ORDER BY target_channel_id FOR UPDATE OF l" } else { "" };
    let query = Sql::new(format!("SELECT {COLUMNS}, CAST(NULL AS BIGINT) AS guild_id FROM "), [])
        .table(&**txn, Table::new(columns, rows))
        .then(" CROSS JOIN lanes l WHERE target_channel_id = t.target AND lease_owner = t.owner AND epoch = t.number")
        .then(lock);
    let rows: Vec<LaneRow> = query.rows_of(&**txn).await?;
    rows.into_iter().map(|row| Ok((ChannelId::from_db(row.target_channel_id)?, row.state()))).collect()
}

impl Store {
    /// Claims lanes that have work and that nobody holds, or whose holder's lease has ended.
    ///
    /// Lanes that this owner itself holds are claimed, too. A process works on a lane only once at a time, so
    /// the database didn't learn of the release.
    pub(in crate::store) async fn claim_lanes(
        &self,
        txn: &Write,
        targets: &[ChannelId],
        owner: &str,
        now: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<HashMap<ChannelId, Result<LaneClaim, StoreError>>, StoreError> {
        if targets.is_empty() {
            return Ok(HashMap::new());
        }
        let table = || Table::numbers("target", targets.iter().map(|target| target.to_db()));
        let locks = locks::has_row_locks(&**txn);
        let lock = if locks { " ORDER BY l.target_channel_id FOR UPDATE OF l SKIP LOCKED" } else { "" };
        let values = [owner.into(), stored(until).into(), stored(now).into()];
        let claim = "UPDATE lanes SET lease_owner = $1, lease_until = $2, epoch = epoch + 1 \
            WHERE target_channel_id IN (SELECT l.target_channel_id FROM ";
        let (left, server) = (is_left("t.target"), server_of("lanes.target_channel_id"));
        let which = format!(
            " CROSS JOIN lanes l WHERE l.target_channel_id = t.target \
             AND (l.lease_until IS NULL OR l.lease_until <= $3 OR l.lease_owner = $1) AND {WANTED} AND NOT {left}{lock}) RETURNING {COLUMNS}, {server} AS guild_id"
        );
        let rows: Vec<LaneRow> =
            Sql::new(claim, values).table(&**txn, table()).then(&which).rows_of(&**txn).await?;
        let mut claims = HashMap::new();
        if rows.len() < targets.len() {
            for (target, reason) in explain_unclaimed(txn, table(), now).await? {
                claims.insert(ChannelId::from_db(target)?, Ok(LaneClaim::NotClaimed(reason)));
            }
        }
        let of_follows = webhook::of_targets(&**txn, rows.iter().map(|row| row.target_channel_id)).await?;
        for mut row in rows {
            let for_panels = row.webhook_id.zip(row.webhook_token.take());
            let for_panels = for_panels.map(|(id, token)| SealedWebhook { id, token });
            let webhook = self.open_lane_webhook(of_follows.get(&row.target_channel_id), for_panels);
            let claim = (|| {
                let (lease, state) = (row.lease(owner, stored(until))?, row.state()?);
                Ok(LaneClaim::Claimed(Box::new(ClaimedLane { lease, state, webhook })))
            })();
            claims.insert(ChannelId::from_db(row.target_channel_id)?, claim);
        }
        Ok(claims)
    }
}

#[derive(FromQueryResult)]
struct UnclaimedRow {
    target: i64,
    missing: bool,
    lease_until: Option<DateTime<Utc>>,
}

/// Why the others of these lanes with work weren't claimed. For those that were claimed just now, the same is
/// said as for those of other processes. A lane whose row was removed gets it again.
async fn explain_unclaimed(
    txn: &Write,
    targets: Table<1>,
    now: DateTime<Utc>,
) -> Result<Vec<(i64, NotClaimed)>, DbErr> {
    let query =
        Sql::new("SELECT t.target, (l.target_channel_id IS NULL) AS missing, l.lease_until FROM ", []);
    let left = is_left("t.target");
    let query = query.table(&**txn, targets).then(&format!(
        " LEFT JOIN lanes l ON l.target_channel_id = t.target WHERE NOT {left} AND (l.in_flight_delivery_id IS NOT NULL \
         OR EXISTS (SELECT 1 FROM deliveries d WHERE d.target_channel_id = t.target AND d.state = 'due'))"
    ));
    let rows: Vec<UnclaimedRow> = query.rows_of(&**txn).await?;
    let missing: Vec<i64> = rows.iter().filter(|row| row.missing).map(|row| row.target).collect();
    if !missing.is_empty() {
        let insert = Sql::new("INSERT INTO lanes (target_channel_id) SELECT t.target FROM ", []);
        let insert = insert.table(&**txn, Table::numbers("target", missing));
        insert.then(" WHERE TRUE ORDER BY 1 ON CONFLICT DO NOTHING").execute(&**txn).await?;
    }
    let reason = |row: &UnclaimedRow| match row.lease_until {
        Some(until) if until > now => NotClaimed::HeldElsewhere,
        _ if row.missing => NotClaimed::Inserted,
        _ => NotClaimed::Locked,
    };
    Ok(rows.iter().map(|row| (row.target, reason(row))).collect())
}

/// Writes these lanes as they are now. Those without a time for the lease's end are released.
pub(super) async fn write(
    txn: &Write,
    lanes: impl Iterator<Item = (ChannelId, LaneState)>,
) -> Result<(), DbErr> {
    let number = |name| (name, Kind::Number);
    let time = |name| (name, Kind::Time);
    let columns = [
        number("target"),
        time("wait"),
        number("delivery"),
        number("part"),
        number("revision"),
        number("after"),
        number("through"),
        time("settle"),
        number("newest"),
        time("lease"),
    ];
    let rows = lanes.map(|(target, lane)| {
        let in_flight = lane.in_flight;
        [
            target.to_db().into(),
            lane.wait_until.map(cell).into(),
            in_flight.map(|create| create.delivery.0).into(),
            in_flight.map(|create| create.part.0).into(),
            in_flight.map(|create| create.revision.0).into(),
            in_flight.map(|create| create.after.to_db()).into(),
            in_flight.and_then(|create| create.webhook).map(WebhookId::to_db).into(),
            lane.settle_at.map(cell).into(),
            lane.newest.map(MessageId::to_db).into(),
            lane.lease_until.map(cell).into(),
        ]
    });
    let rows = Table::new(columns, rows);
    if rows.is_empty() {
        return Ok(());
    }
    let update = "UPDATE lanes SET wait_until = t.wait, in_flight_delivery_id = t.delivery, in_flight_part = t.part, \
        in_flight_revision = t.revision, in_flight_after_id = t.after, in_flight_webhook_id = t.through, settle_at = t.settle, newest_id = t.newest, \
        lease_until = t.lease, lease_owner = CASE WHEN t.lease IS NULL THEN NULL ELSE lease_owner END FROM ";
    let update = Sql::new(update, []).table(&**txn, rows).then(" WHERE target_channel_id = t.target");
    update.execute(&**txn).await?;
    Ok(())
}
