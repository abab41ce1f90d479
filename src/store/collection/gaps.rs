//! Channels of followed collections that aren't followed: why, and whether somebody was told.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use crate::domain::collection_follow::{CollectionFollowId, FollowGap, GapReason};
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// How long news wait: what comes of one change is told in one message, and whoever asked for it may have
/// been told by the answer.
const TELL_AFTER: TimeDelta = TimeDelta::seconds(5);
/// How many news are taken at once.
const SOME: i64 = 200;

/// What somebody should be told about a collection that a channel follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UntoldGaps {
    /// In whose name the collection is followed; `None` once that person is forgotten.
    pub person: Option<UserId>,
    /// The server.
    pub guild: GuildId,
    /// The channel that follows the collection.
    pub target: ChannelId,
    /// The collection's name.
    pub collection: String,
    /// Which of its channels aren't followed; and whether each is of this server.
    pub gaps: Vec<(FollowGap, bool)>,
}

#[derive(FromQueryResult)]
struct GapRow {
    collection_follow_id: i64,
    channel_id: i64,
    reason: String,
}

#[derive(FromQueryResult)]
struct UntoldRow {
    collection_follow_id: i64,
    channel_id: i64,
    reason: String,
    created_by: i64,
    guild_id: i64,
    target_channel_id: i64,
    name: String,
    own: bool,
}

fn gap(channel: i64, reason: &str) -> Result<FollowGap, StoreError> {
    let reason = GapReason::parse(reason).ok_or(StoreError::Unreadable("collection_follow_gaps"))?;
    Ok(FollowGap { channel: ChannelId::from_db(channel)?, reason })
}

impl Store {
    /// Notes what keeps channels of a followed collection from being followed; what isn't among these any
    /// more is forgotten. Somebody is told later of what is new.
    pub async fn note_gaps(
        &self,
        of: CollectionFollowId,
        gaps: &[FollowGap],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let delete =
            Sql::new("DELETE FROM collection_follow_gaps WHERE collection_follow_id = $1", [of.0.into()]);
        let kept = gaps.iter().map(|gap| gap.channel.to_db());
        let delete = if gaps.is_empty() { delete } else { delete.then(" AND NOT channel_id IN ").list(kept) };
        delete.execute(&*txn).await?;
        for gap in gaps {
            let insert = "INSERT INTO collection_follow_gaps (collection_follow_id, channel_id, reason, since, tell_at) \
                SELECT $1, $2, $3, $4, $5 FROM collection_follows WHERE id = $1 \
                ON CONFLICT (collection_follow_id, channel_id) DO UPDATE SET reason = excluded.reason, \
                since = excluded.since, tell_at = excluded.tell_at \
                WHERE collection_follow_gaps.reason <> excluded.reason";
            let values = [
                of.0.into(),
                gap.channel.to_db().into(),
                gap.reason.as_str().into(),
                stored(now).into(),
                stored(now + TELL_AFTER).into(),
            ];
            Sql::new(insert, values).execute(&*txn).await?;
        }
        txn.commit().await
    }

    /// Notes that somebody was told of these by an answer.
    pub async fn note_gaps_told(&self, of: CollectionFollowId) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let update = "UPDATE collection_follow_gaps SET tell_at = NULL WHERE collection_follow_id = $1";
        Sql::new(update, [of.0.into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// Which channels of these followed collections aren't followed.
    pub async fn gaps_of(
        &self,
        follows: &[CollectionFollowId],
    ) -> Result<HashMap<CollectionFollowId, Vec<FollowGap>>, StoreError> {
        let query = "SELECT collection_follow_id, channel_id, reason FROM collection_follow_gaps WHERE collection_follow_id IN ";
        let query = Sql::new(query, []).list(follows.iter().map(|follow| follow.0));
        let rows: Vec<GapRow> = query.then(" ORDER BY since, channel_id").rows_of(&self.db).await?;
        let mut gaps: HashMap<CollectionFollowId, Vec<FollowGap>> = HashMap::new();
        for row in rows {
            let found = gap(row.channel_id, &row.reason)?;
            gaps.entry(CollectionFollowId(row.collection_follow_id)).or_default().push(found);
        }
        Ok(gaps)
    }

    /// Takes what people should be told by now. Each is given out once, whatever happens to whoever tells it.
    pub async fn take_untold_gaps(&self, now: DateTime<Utc>) -> Result<Vec<UntoldGaps>, StoreError> {
        let due = "SELECT channel_id FROM collection_follow_gaps WHERE tell_at <= $1 LIMIT 1";
        // Checked outside the transaction: usually there are none.
        if Sql::new(due, [stored(now).into()]).numbers(&self.db).await?.is_empty() {
            return Ok(Vec::new());
        }
        let txn = self.write().await?;
        let query = "SELECT g.collection_follow_id, g.channel_id, g.reason, f.created_by, f.guild_id, \
            f.target_channel_id, c.name, COALESCE(cc.guild_id = f.guild_id, FALSE) AS own \
            FROM collection_follow_gaps g JOIN collection_follows f ON f.id = g.collection_follow_id \
            JOIN collections c ON c.id = f.collection_id \
            LEFT JOIN collection_channels cc ON cc.collection_id = c.id AND cc.channel_id = g.channel_id \
            WHERE g.tell_at <= $1 ORDER BY g.collection_follow_id, g.channel_id LIMIT $2";
        let rows: Vec<UntoldRow> = Sql::new(query, [stored(now).into(), SOME.into()]).rows_of(&*txn).await?;
        let mut all: Vec<(i64, UntoldGaps)> = Vec::new();
        for row in rows {
            let update = "UPDATE collection_follow_gaps SET tell_at = NULL WHERE collection_follow_id = $1 AND channel_id = $2";
            Sql::new(update, [row.collection_follow_id.into(), row.channel_id.into()]).execute(&*txn).await?;
            let found = (gap(row.channel_id, &row.reason)?, row.own);
            match all.last_mut().filter(|(follow, _)| *follow == row.collection_follow_id) {
                Some((_, untold)) => untold.gaps.push(found),
                None => {
                    let untold = UntoldGaps {
                        person: UserId::from_db(row.created_by).ok(),
                        guild: GuildId::from_db(row.guild_id)?,
                        target: ChannelId::from_db(row.target_channel_id)?,
                        collection: row.name,
                        gaps: vec![found],
                    };
                    all.push((row.collection_follow_id, untold));
                }
            }
        }
        txn.commit().await?;
        Ok(all.into_iter().map(|(_, untold)| untold).collect())
    }
}
