//! Who sends into a target. One process holds a lane at a time, by a lease. The lane's epoch counts its
//! holders, so that one who lost it without noticing can't write. Lanes are claimed and released in
//! `advance`.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Value};

use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::place::TargetKind;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// The right to send into a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The target.
    pub target: ChannelId,
    /// Its kind.
    pub target_kind: TargetKind,
    /// Its server, if a follow into it tells.
    pub server: Option<GuildId>,
    /// The holder: a name that no other process uses.
    pub owner: String,
    /// Which holder of the lane this is, counted from the first.
    pub epoch: i64,
    /// When it ends, unless it is renewed.
    pub until: DateTime<Utc>,
}

/// A lane with work that nobody holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLane {
    /// The target.
    pub target: ChannelId,
    /// When there is something to do; `None` means now.
    pub ready_at: Option<DateTime<Utc>>,
}

/// A page of open lanes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OpenLanes {
    /// The lanes, by target.
    pub lanes: Vec<OpenLane>,
    /// The next page begins after this one; `None` after the last page.
    pub next: Option<ChannelId>,
}

#[derive(FromQueryResult)]
struct OpenRow {
    target_channel_id: i64,
    free: bool,
    wait_until: Option<DateTime<Utc>>,
}

impl Store {
    /// Lanes with work and no holder, page by page; a page looks at `limit` lanes that have work.
    ///
    /// The query jumps from one lane to the next in the index of what is due, so that neither lanes at rest
    /// cost anything, nor the deliveries behind the first one in each lane. (The `+` keeps SQLite from
    /// walking through all lanes to find those with a create in flight.)
    pub async fn open_lanes(
        &self,
        after: Option<ChannelId>,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<OpenLanes, StoreError> {
        let query = "WITH RECURSIVE targets(id, n) AS (\
                SELECT MIN(target_channel_id), 1 FROM deliveries WHERE state = 'due' AND target_channel_id > $1 \
                UNION ALL SELECT (SELECT MIN(target_channel_id) FROM deliveries \
                    WHERE state = 'due' AND target_channel_id > targets.id), n + 1 FROM targets \
                WHERE targets.id IS NOT NULL AND n < $2), \
            sending(id) AS (SELECT target_channel_id FROM lanes \
                WHERE in_flight_delivery_id > 0 AND +target_channel_id > $1 ORDER BY +target_channel_id LIMIT $2) \
            SELECT open.id AS target_channel_id, (l.lease_until IS NULL OR l.lease_until <= $3) AS free, l.wait_until \
            FROM (SELECT id FROM targets WHERE id IS NOT NULL UNION SELECT id FROM sending) AS open \
            LEFT JOIN lanes l ON l.target_channel_id = open.id ORDER BY open.id LIMIT $2";
        let from = after.map_or(0, ChannelId::to_db);
        let values = [from.into(), i64::from(limit).into(), stored(now).into()];
        let rows: Vec<OpenRow> = Sql::new(query, values).rows_of(&self.db).await?;
        let full = u32::try_from(rows.len()) == Ok(limit);
        let next = rows.last().filter(|_| full).map(|row| ChannelId::from_db(row.target_channel_id));
        let open = |row: OpenRow| {
            let ready_at = row.wait_until.filter(|until| *until > now);
            Ok(OpenLane { target: ChannelId::from_db(row.target_channel_id)?, ready_at })
        };
        let lanes: Result<_, StoreError> = rows.into_iter().filter(|row| row.free).map(open).collect();
        Ok(OpenLanes { lanes: lanes?, next: next.transpose()? })
    }

    /// Frees the lanes that a former process held. Only on SQLite, which has one process, at its start:
    /// nobody else can hold them. What was in flight can be settled from `settle_at` on. On PostgreSQL the
    /// leases simply end.
    pub async fn free_lanes(&self, settle_at: DateTime<Utc>) -> Result<(), StoreError> {
        if self.writer_queue.is_none() {
            return Ok(());
        }
        let txn = self.write().await?;
        let update = "UPDATE lanes SET lease_owner = NULL, lease_until = NULL, \
            settle_at = CASE WHEN in_flight_delivery_id IS NULL THEN NULL ELSE $1 END \
            WHERE lease_owner IS NOT NULL";
        Sql::new(update, [stored(settle_at).into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// Ends waits that are longer than any real one, at the start on SQLite: the clock was set back since
    /// they began. Nothing else there is measured by a clock of its own.
    pub async fn end_far_waits(
        &self,
        now: DateTime<Utc>,
        longest: TimeDelta,
        settle_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if self.writer_queue.is_none() {
            return Ok(());
        }
        let txn = self.write().await?;
        let (now, far, settle_at) = (stored(now), stored(now + longest), stored(settle_at));
        let lanes = "UPDATE lanes SET wait_until = NULL WHERE wait_until > $1";
        Sql::new(lanes, [far.into()]).execute(&*txn).await?;
        let doubts = "UPDATE lanes SET settle_at = $1 WHERE settle_at > $2";
        Sql::new(doubts, [settle_at.into(), far.into()]).execute(&*txn).await?;
        let deliveries = "UPDATE deliveries SET wait_until = $1 WHERE state = 'due' AND wait_until > $2";
        Sql::new(deliveries, [now.into(), far.into()]).execute(&*txn).await?;
        // People choose how long a panel waits; but it was refreshed before now.
        let panels = "UPDATE panels SET next_refresh_at = $1, refreshed_at = $1 WHERE refreshed_at > $1";
        Sql::new(panels, [now.into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// Extends a lease beyond what asking for the next step does. `None` if another process has claimed the
    /// lane.
    pub async fn renew_lane(
        &self,
        lease: &Lease,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let until = stored(lease_until);
        let txn = self.write().await?;
        let update = "UPDATE lanes SET lease_until = $4 WHERE target_channel_id = $1 AND lease_owner = $2 AND epoch = $3";
        let values =
            [lease.target.to_db().into(), lease.owner.as_str().into(), lease.epoch.into(), until.into()];
        let held = Sql::new(update, values).execute(&*txn).await? == 1;
        txn.commit().await?;
        Ok(held.then(|| Lease { until, ..lease.clone() }))
    }
}

/// Records the kind of a lane's target. The lane's row must exist.
pub(in crate::store) async fn set_spot(
    txn: &impl ConnectionTrait,
    target: ChannelId,
    target_kind: TargetKind,
) -> Result<(), DbErr> {
    let update = "UPDATE lanes SET parent_id = $2, forum = $3 WHERE target_channel_id = $1";
    let parent = Value::BigInt(target_kind.parent().map(ChannelId::to_db));
    Sql::new(update, [target.to_db().into(), parent, (target_kind == TargetKind::Forum).into()])
        .execute(txn)
        .await?;
    Ok(())
}
