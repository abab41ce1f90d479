//! Who sends into a target. One process holds a lane at a time, by a lease; the lane's epoch counts its
//! holders, so that one who lost it without noticing can't write.
//!
//! SQLite has no `SKIP LOCKED`, and needs none: claiming is one compare-and-set, which works on both databases.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Value};

use super::sql::{Sql, stored};
use super::{Store, StoreError};
use crate::domain::ids::ChannelId;
use crate::domain::place::Spot;

/// The right to send into a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The target.
    pub target: ChannelId,
    /// What that is.
    pub spot: Spot,
    /// Who has it: a name that no other process uses.
    pub owner: String,
    /// Which holder of the lane this is.
    pub epoch: i64,
    /// When it ends, if it isn't renewed.
    pub until: DateTime<Utc>,
}

/// A lane with work that nobody holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenLane {
    /// The target.
    pub target: ChannelId,
    /// When there is something to do; none: at once.
    pub ready_at: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct OpenRow {
    target_channel_id: i64,
    wait_until: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Claimed {
    epoch: i64,
    parent_id: Option<i64>,
    forum: bool,
}

impl Store {
    /// Lanes that have work and no holder: first those that are ready, then those that will be, soonest first.
    pub async fn open_lanes(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<OpenLane>, StoreError> {
        let query = "SELECT target_channel_id, wait_until FROM lanes l \
            WHERE (lease_until IS NULL OR lease_until <= $1) \
            AND (in_flight_delivery_id IS NOT NULL OR EXISTS (SELECT 1 FROM deliveries d \
                WHERE d.target_channel_id = l.target_channel_id AND d.state = 'due')) \
            ORDER BY wait_until NULLS FIRST, target_channel_id LIMIT $2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows: Vec<OpenRow> =
            Sql::new(query, [stored(now).into(), limit.into()]).rows_of(&self.db).await?;
        let open = |row: OpenRow| {
            let ready_at = row.wait_until.filter(|until| *until > now);
            Ok(OpenLane { target: ChannelId::from_db(row.target_channel_id)?, ready_at })
        };
        rows.into_iter().map(open).collect()
    }

    /// Takes a lane that nobody holds, or whose holder's lease has ended; `None` where it is held.
    pub async fn claim_lane(
        &self,
        target: ChannelId,
        owner: &str,
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let until = stored(lease_until);
        let txn = self.write().await?;
        let claim = "INSERT INTO lanes (target_channel_id, lease_owner, lease_until, epoch) VALUES ($1, $2, $3, 1) \
            ON CONFLICT (target_channel_id) DO UPDATE \
            SET lease_owner = excluded.lease_owner, lease_until = excluded.lease_until, epoch = lanes.epoch + 1 \
            WHERE lanes.lease_until IS NULL OR lanes.lease_until <= $4 RETURNING epoch, parent_id, forum";
        let values = [target.to_db().into(), owner.into(), until.into(), stored(now).into()];
        let claimed = Sql::new(claim, values).rows_of::<Claimed>(&*txn).await?.pop();
        txn.commit().await?;
        let lease = |Claimed { epoch, parent_id, forum }: Claimed| {
            let spot = Spot::from_parts(parent_id.map(ChannelId::from_db).transpose()?, forum);
            Ok(Lease { target, spot, owner: owner.to_owned(), epoch, until })
        };
        claimed.map(lease).transpose()
    }

    /// Frees the lanes that a former process held, where nobody else can be holding them: on SQLite, which has one process, at its start.
    /// What was in flight is settled from that time on. Elsewhere the leases simply end.
    pub async fn free_lanes(&self, settle_at: DateTime<Utc>) -> Result<(), StoreError> {
        if self.turn.is_none() {
            return Ok(());
        }
        let txn = self.write().await?;
        let update = "UPDATE lanes SET lease_owner = NULL, lease_until = NULL, \
            settle_at = CASE WHEN in_flight_delivery_id IS NULL THEN NULL ELSE $1 END \
            WHERE lease_owner IS NOT NULL";
        Sql::new(update, [stored(settle_at).into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// Prolongs a lease; `None` where another has taken the lane.
    pub async fn renew_lane(
        &self,
        lease: &Lease,
        lease_until: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let until = stored(lease_until);
        let held = self.update_lane(lease, "lease_until = $4", [until.into()]).await?;
        Ok(held.then(|| Lease { until, ..lease.clone() }))
    }

    /// Gives a lane back. Whether it was still held.
    ///
    /// When the lane is to be looked at next has been noted by [`advance`](Self::advance); a time given here
    /// takes the place of that, unless work has come since: that wants to be looked at now.
    pub async fn release_lane(
        &self,
        lease: &Lease,
        wait_until: Option<DateTime<Utc>>,
    ) -> Result<bool, StoreError> {
        let free = "lease_owner = NULL, lease_until = NULL";
        match wait_until {
            None => self.update_lane(lease, free, []).await,
            Some(until) => {
                let wait = "wait_until = CASE WHEN wait_until IS NULL THEN wait_until ELSE $4 END";
                self.update_lane(lease, &format!("{free}, {wait}"), [stored(until).into()]).await
            }
        }
    }

    async fn update_lane(
        &self,
        lease: &Lease,
        set: &str,
        more: impl IntoIterator<Item = Value>,
    ) -> Result<bool, StoreError> {
        let txn = self.write().await?;
        let update = format!(
            "UPDATE lanes SET {set} WHERE target_channel_id = $1 AND lease_owner = $2 AND epoch = $3"
        );
        let mut values = vec![lease.target.to_db().into(), lease.owner.as_str().into(), lease.epoch.into()];
        values.extend(more);
        let updated = Sql::new(update, values).execute(&*txn).await?;
        txn.commit().await?;
        Ok(updated == 1)
    }
}

/// Notes what the target of a lane is. The lane's row must be there.
pub(super) async fn set_spot(txn: &impl ConnectionTrait, target: ChannelId, spot: Spot) -> Result<(), DbErr> {
    let update = "UPDATE lanes SET parent_id = $2, forum = $3 WHERE target_channel_id = $1";
    let parent = Value::BigInt(spot.parent().map(ChannelId::to_db));
    Sql::new(update, [target.to_db().into(), parent, (spot == Spot::Forum).into()]).execute(txn).await?;
    Ok(())
}
