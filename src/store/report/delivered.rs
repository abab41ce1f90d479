//! How far deliveries are, by follow: for lists that programs read.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::domain::follow::{Follow, FollowId};
use crate::domain::ids::{ChannelId, MessageId};
use crate::store::db::sql::{Sql, Table};
use crate::store::{Store, StoreError};

/// How far a follow's deliveries are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryProgress {
    /// When the last mirror was posted that still exists; `None` if there is none, or Discord itself
    /// delivers.
    pub last_at: Option<DateTime<Utc>>,
    /// How many posts wait that weren't shown yet.
    pub waiting: u64,
}

#[derive(FromQueryResult)]
struct LastRow {
    follow_id: i64,
    message_id: Option<i64>,
}

#[derive(FromQueryResult)]
struct WaitingRow {
    follow_id: i64,
    waiting: i64,
}

impl Store {
    /// How far the deliveries of these follows are. Of each it reads the last delivery, and counts what waits
    /// in its target.
    pub async fn delivery_progress(
        &self,
        follows: &[Follow],
    ) -> Result<HashMap<FollowId, DeliveryProgress>, StoreError> {
        let mut progress: HashMap<FollowId, DeliveryProgress> = HashMap::new();
        if follows.is_empty() {
            return Ok(progress);
        }
        let table = Table::numbers("follow_id", follows.iter().map(|follow| follow.id.0));
        let last = "SELECT t.follow_id, (SELECT MAX(m.message_id) FROM mirrors m WHERE m.delivery_id = \
            (SELECT d.id FROM deliveries d WHERE d.follow_id = t.follow_id AND d.shown_revision IS NOT NULL \
                AND EXISTS (SELECT 1 FROM mirrors s WHERE s.delivery_id = d.id) \
                ORDER BY d.id DESC LIMIT 1)) AS message_id FROM ";
        let rows: Vec<LastRow> = Sql::new(last, []).table(&self.db, table).rows_of(&self.db).await?;
        for row in rows {
            let message = row.message_id.map(MessageId::from_db).transpose()?;
            progress.entry(FollowId(row.follow_id)).or_default().last_at = message.map(MessageId::created_at);
        }
        let waiting = "SELECT follow_id, COUNT(*) AS waiting FROM deliveries WHERE state = 'due' \
            AND shown_revision IS NULL AND follow_id IS NOT NULL AND target_channel_id IN ";
        let targets = follows.iter().map(|follow| follow.pair.target).map(ChannelId::to_db);
        let rows: Vec<WaitingRow> =
            Sql::new(waiting, []).list(targets).then(" GROUP BY follow_id").rows_of(&self.db).await?;
        for row in rows {
            progress.entry(FollowId(row.follow_id)).or_default().waiting = row.waiting.unsigned_abs();
        }
        Ok(progress)
    }
}
