//! Which targets wait, and why: for lists that people read.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use crate::domain::ids::ChannelId;
use crate::domain::report::{QueuePosition, WaitReason, wait_reason};
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// Shorter waits are normal.
const WORTH_SAYING: TimeDelta = TimeDelta::seconds(5);

#[derive(FromQueryResult)]
struct WaitingRow {
    target_channel_id: i64,
    wait_until: DateTime<Utc>,
    in_flight: String,
    attempts: i32,
}

impl Store {
    /// Those of these targets in which something is due, and nothing has been sent for more than a few
    /// seconds.
    pub async fn waiting_targets(
        &self,
        targets: impl IntoIterator<Item = ChannelId>,
        now: DateTime<Utc>,
    ) -> Result<HashMap<ChannelId, WaitReason>, StoreError> {
        let query = "SELECT l.target_channel_id, l.wait_until, MAX(d.attempts) AS attempts, \
            CASE WHEN l.in_flight_delivery_id IS NULL THEN '' ELSE 'yes' END AS in_flight FROM lanes l \
            JOIN deliveries d ON d.target_channel_id = l.target_channel_id AND d.state = 'due' \
            WHERE l.wait_until > $1 AND l.target_channel_id IN ";
        let query = Sql::new(query, [stored(now + WORTH_SAYING).into()])
            .list(targets.into_iter().map(ChannelId::to_db))
            .then(" GROUP BY l.target_channel_id, l.wait_until, l.in_flight_delivery_id");
        let rows: Vec<WaitingRow> = query.rows_of(&self.db).await?;
        let waiting = |row: WaitingRow| {
            let turn = QueuePosition {
                attempts: u32::try_from(row.attempts).unwrap_or(0),
                wait_until: None,
                lane_until: Some(row.wait_until),
                in_flight: row.in_flight == "yes",
                ahead: 0,
            };
            Ok((ChannelId::from_db(row.target_channel_id)?, wait_reason(turn, now)))
        };
        rows.into_iter().map(waiting).collect()
    }
}
