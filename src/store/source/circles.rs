//! Messages that are quarantined while the bot finds out whether they go round in a circle: they are
//! recorded, but delivered to nobody yet. The database knows that they are quarantined, so a process that
//! dies meanwhile only delays them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::event::effects::{ChangedActivities, insert_deliveries, lock_lanes};
use crate::domain::activity::Origin;
use crate::domain::follow::FollowId;
use crate::domain::ids::ChannelId;
use crate::store::db::connect::Write;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, channel_ids, distinct_channels, stored};
use crate::store::follow::matching;
use crate::store::lane::deliveries::wake_for;
use crate::store::{Store, StoreError};

/// How many follows one statement names.
const CHUNK: usize = 5_000;
/// How many overdue messages are released at once.
const SOME: i64 = 100;

#[derive(FromQueryResult)]
struct QuarantinedRow {
    id: i64,
    source_channel_id: Option<i64>,
    thread_id: Option<i64>,
}

/// Notes which of these new activities are quarantined, until that time at most, and removes them from the
/// list.
pub(in crate::store) async fn quarantine(
    txn: &Write,
    posted: &mut Vec<i64>,
    quarantined: &HashSet<Origin>,
    until: DateTime<Utc>,
) -> Result<(), StoreError> {
    if quarantined.is_empty() {
        return Ok(());
    }
    let query = Sql::new("SELECT id FROM activities WHERE origin IN ", []);
    let found = query.list(quarantined.iter().map(ToString::to_string)).numbers(&**txn).await?;
    let found: HashSet<i64> = found.into_iter().filter(|id| posted.contains(id)).collect();
    posted.retain(|id| !found.contains(id));
    for id in found {
        let insert =
            "INSERT INTO held_activities (activity_id, until) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        Sql::new(insert, [id.into(), stored(until).into()]).execute(&**txn).await?;
    }
    Ok(())
}

impl Store {
    /// The active relay follows that let this message through.
    pub async fn follows_that_want(&self, origin: Origin) -> Result<Vec<FollowId>, StoreError> {
        let Some(QuarantinedRow { id, .. }) = self.quarantined(origin).await? else { return Ok(Vec::new()) };
        let query =
            matching::followers_of(&[id]).then("SELECT DISTINCT f.id ").then(matching::FROM_FOLLOWERS);
        let query = query.then(&format!(
            "WHERE f.is_active AND f.delivery = 'relay' AND {} ORDER BY f.id",
            matching::wanted()
        ));
        Ok(query.numbers(&self.db).await?.into_iter().map(FollowId).collect())
    }

    /// Whether any of these messages still has to be shown somewhere.
    pub async fn is_being_shown(&self, origins: &[Origin]) -> Result<bool, StoreError> {
        let query = "SELECT a.id FROM activities a WHERE EXISTS (SELECT 1 FROM deliveries d \
            WHERE d.activity_id = a.id AND d.state = 'due' AND d.shown_revision IS NULL) AND a.origin IN ";
        let query = Sql::new(query, []).list(origins.iter().map(ToString::to_string));
        Ok(!query.then(" LIMIT 1").numbers(&self.db).await?.is_empty())
    }

    /// Delivers a quarantined message to these of its follows, and keeps it in quarantine. Without a list,
    /// delivers it to all of them, and releases it. Returns the targets.
    pub async fn release_quarantined(
        &self,
        origin: Origin,
        follows: Option<&[FollowId]>,
    ) -> Result<Vec<ChannelId>, StoreError> {
        let Some(QuarantinedRow { id, source_channel_id, thread_id }) = self.quarantined(origin).await?
        else {
            return Ok(Vec::new());
        };
        let sources: Vec<i64> = source_channel_id.into_iter().chain(thread_id).collect();
        let txn = self.write().await?;
        locks::sources(&*txn, channel_ids(sources.iter().copied())?).await?;
        lock_lanes(&txn, sources, &ChangedActivities::default()).await?;
        let mut targets = Vec::new();
        match follows {
            None => targets.extend(insert_deliveries(&txn, &[id], None).await?),
            Some(follows) => {
                for some in follows.chunks(CHUNK) {
                    targets.extend(insert_deliveries(&txn, &[id], Some(some)).await?);
                }
            }
        }
        if follows.is_none() {
            let delete = "DELETE FROM held_activities WHERE activity_id = $1";
            Sql::new(delete, [id.into()]).execute(&*txn).await?;
        }
        Sql::new(wake_for("activity_id = $1"), [id.into()]).execute(&*txn).await?;
        txn.commit().await?;
        distinct_channels(targets)
    }

    /// Releases what has been quarantined for too long: the process that quarantined it is gone. Returns the
    /// targets.
    pub async fn release_overdue(&self, now: DateTime<Utc>) -> Result<Vec<ChannelId>, StoreError> {
        #[derive(FromQueryResult)]
        struct OriginRow {
            origin: String,
        }
        let query = "SELECT a.origin FROM held_activities h JOIN activities a ON a.id = h.activity_id \
            WHERE h.until <= $1 ORDER BY a.id LIMIT $2";
        let mut targets = Vec::new();
        loop {
            let values = [stored(now).into(), SOME.into()];
            let rows: Vec<OriginRow> = Sql::new(query, values).rows_of(&self.db).await?;
            if rows.is_empty() {
                return Ok(targets);
            }
            for row in rows {
                let origin = row.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
                targets.extend(self.release_quarantined(origin, None).await?);
            }
        }
    }

    async fn quarantined(&self, origin: Origin) -> Result<Option<QuarantinedRow>, StoreError> {
        let query = "SELECT a.id, a.source_channel_id, a.thread_id FROM activities a \
            JOIN held_activities h ON h.activity_id = a.id WHERE a.origin = $1";
        let rows: Vec<QuarantinedRow> =
            Sql::new(query, [origin.to_string().into()]).rows_of(&self.db).await?;
        Ok(rows.into_iter().next())
    }
}
