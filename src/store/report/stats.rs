//! Numbers for `/about`, `/followers` and the metrics.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{FromQueryResult, Value};

use crate::domain::follow::DeliveryMethod;
use crate::domain::ids::{ChannelId, MessageId};
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// How many follows there are of one kind of delivery, by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowCounts {
    /// The kind.
    pub delivery: DeliveryMethod,
    /// Those that deliver.
    pub active: u64,
    /// Those that somebody paused.
    pub paused: u64,
    /// Those that can't deliver.
    pub broken: u64,
}

/// How much is due.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, FromQueryResult)]
pub struct Backlog {
    /// Deliveries.
    pub deliveries: i64,
    /// The lanes that they are in.
    pub lanes: i64,
    /// How many the lane with the most has.
    pub deepest: i64,
}

#[derive(FromQueryResult)]
struct CountsRow {
    delivery: String,
    active: i64,
    paused: i64,
    broken: i64,
}

/// This many attempts take longer than a minute, whatever the pauses between them were.
const ATTEMPTS_OF_A_MINUTE: i32 = 9;

impl Store {
    /// In how many lanes something is due that has kept failing since that time, a minute ago, or earlier.
    pub async fn failing_lanes(&self, since: DateTime<Utc>) -> Result<i64, StoreError> {
        // For an edit of something that was shown, only the number of attempts tells when that began.
        let query = "SELECT COUNT(DISTINCT d.target_channel_id) FROM deliveries d JOIN activities a ON a.id = d.activity_id \
            WHERE d.state = 'due' AND d.attempts > 0 \
            AND (d.attempts >= $2 OR d.shown_revision IS NULL AND a.created_at <= $1)";
        let lanes =
            Sql::new(query, [stored(since).into(), ATTEMPTS_OF_A_MINUTE.into()]).numbers(&self.db).await?;
        Ok(lanes.first().copied().unwrap_or_default())
    }

    /// All follows by kind of delivery and state, as the database counts them itself
    /// (`m20261120_000010_count_follows`).
    pub async fn follow_counts(&self) -> Result<Vec<FollowCounts>, StoreError> {
        let query = "SELECT delivery, \
            CAST(SUM(CASE state WHEN 'active' THEN follows ELSE 0 END) AS BIGINT) AS active, \
            CAST(SUM(CASE state WHEN 'paused' THEN follows ELSE 0 END) AS BIGINT) AS paused, \
            CAST(SUM(CASE state WHEN 'broken' THEN follows ELSE 0 END) AS BIGINT) AS broken \
            FROM follow_totals GROUP BY delivery HAVING SUM(follows) > 0 ORDER BY delivery";
        let rows: Vec<CountsRow> = Sql::new(query, []).rows_of(&self.db).await?;
        let counts = |row: CountsRow| {
            Ok(FollowCounts {
                delivery: DeliveryMethod::parse(&row.delivery).ok_or(StoreError::Unreadable("delivery"))?,
                active: row.active.unsigned_abs(),
                paused: row.paused.unsigned_abs(),
                broken: row.broken.unsigned_abs(),
            })
        };
        rows.into_iter().map(counts).collect()
    }

    /// How many follow this channel.
    pub(in crate::store) async fn count_followers(&self, source: ChannelId) -> Result<u64, StoreError> {
        let query = "SELECT followers FROM follower_counts WHERE source_channel_id = $1";
        self.count(query, [source.to_db().into()]).await
    }

    /// How many follow each of these channels; those that nobody follows are left out.
    pub async fn follower_counts(
        &self,
        sources: &[ChannelId],
    ) -> Result<HashMap<ChannelId, u64>, StoreError> {
        let query = "SELECT source_channel_id, followers FROM follower_counts WHERE source_channel_id IN ";
        let ids = sources.iter().map(|source| source.to_db());
        let rows = Sql::new(query, []).list(ids).keyed_rows(&self.db).await?;
        let count = |(id, row): (i64, sea_orm::QueryResult)| {
            let followers: i64 = row.try_get_by_index(1)?;
            Ok((ChannelId::from_db(id)?, followers.unsigned_abs()))
        };
        rows.into_iter().map(count).collect()
    }

    /// What is due, in one look at all of it.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        let query = "SELECT CAST(COALESCE(SUM(depth), 0) AS BIGINT) AS deliveries, COUNT(*) AS lanes, COALESCE(MAX(depth), 0) AS deepest \
            FROM (SELECT COUNT(*) AS depth FROM deliveries WHERE state = 'due' GROUP BY target_channel_id) lanes";
        let rows: Vec<Backlog> = Sql::new(query, []).rows_of(&self.db).await?;
        Ok(rows.first().copied().unwrap_or_default())
    }

    /// How many messages have been mirrored since then. A mirror's id tells when it was created; of several
    /// parts, the first counts.
    pub async fn count_mirrored_since(&self, since: DateTime<Utc>) -> Result<u64, StoreError> {
        let query = "SELECT COUNT(*) FROM mirrors WHERE message_id >= $1 AND part = 0";
        self.count(query, [MessageId::first_at(since).to_db().into()]).await
    }

    async fn count(&self, query: &str, values: impl IntoIterator<Item = Value>) -> Result<u64, StoreError> {
        Ok(Sql::new(query, values).numbers(&self.db).await?.first().map_or(0, |count| count.unsigned_abs()))
    }
}
