//! What a batch of source events does to the rows around its activities: locks, how far channels have been
//! read, deliveries, and the lanes that wake. Each is one statement, however many followers there are.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait, DbBackend};

use crate::domain::activity::Origin;
use crate::domain::follow::FollowId;
use crate::store::db::connect::Write;
use crate::store::db::sql::{Kind, Sql, Table};
use crate::store::follow::matching;
use crate::store::lane::deliveries::{SET_DUE, WAKE, takes_deletions};
use crate::store::{SourceEvent, StoreError};

/// The numbers of known activities with a new revision.
#[derive(Debug, Default)]
pub(in crate::store) struct ChangedActivities {
    /// Those whose content changed.
    pub(in crate::store) edited: Vec<i64>,
    /// Those that were deleted.
    pub(in crate::store) deleted: Vec<i64>,
}

impl ChangedActivities {
    /// All of them.
    pub(in crate::store) fn ids(&self) -> impl Iterator<Item = i64> {
        self.edited.iter().chain(&self.deleted).copied()
    }
}

/// What a batch says about a channel.
#[derive(Debug, Default)]
struct ChannelProgress {
    /// Up to where it has been read now.
    seen: Option<i64>,
    /// The channel of a thread.
    parent: Option<i64>,
}

/// Locks all channels of the batch, in order, and moves up to where each has been read, in one statement.
pub(super) async fn lock_and_move_sources(txn: &Write, events: &[SourceEvent]) -> Result<(), StoreError> {
    let mut channels: BTreeMap<i64, ChannelProgress> = BTreeMap::new();
    for event in events {
        let (channel, message) = (event.origin().channel(), event.origin().message());
        let reached = channels.entry(channel.to_db()).or_default();
        if matches!(event, SourceEvent::Posted { .. } | SourceEvent::Passed { .. }) {
            // A gap ends before its message, which is still to come. If the bot is cut off before that one,
            // it mustn't be lost.
            let gap = matches!(event.origin(), Origin::Gap { .. });
            reached.seen = reached.seen.max(Some(message.to_db() - i64::from(gap)));
        }
        if let Some(source) = event.source() {
            if source != channel {
                reached.parent = Some(source.to_db());
            }
            channels.entry(source.to_db()).or_default();
        }
    }
    let rows = channels
        .into_iter()
        .map(|(channel, reached)| [channel.into(), reached.seen.into(), reached.parent.into()]);
    let columns = [("channel", Kind::Number), ("seen", Kind::Number), ("parent", Kind::Number)];
    let insert = "INSERT INTO channels (channel_id, seen_message_id, parent_id) SELECT t.channel, t.seen, t.parent FROM ";
    Sql::new(insert, [])
        .rows(Table::new(columns, rows))
        .then(
            " WHERE TRUE ORDER BY t.channel ON CONFLICT (channel_id) DO UPDATE SET seen_message_id = \
             CASE WHEN excluded.seen_message_id > COALESCE(channels.seen_message_id, 0) \
             THEN excluded.seen_message_id ELSE channels.seen_message_id END, \
             parent_id = COALESCE(excluded.parent_id, channels.parent_id)",
        )
        .execute(&**txn)
        .await?;
    Ok(())
}

/// Locks all lanes that the batch may reach, so that nobody records a step there that is based on what is
/// about to change.
pub(in crate::store) async fn lock_lanes(
    txn: &Write,
    sources: impl IntoIterator<Item = i64>,
    changed: &ChangedActivities,
) -> Result<(), StoreError> {
    if txn.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let query = "SELECT target_channel_id FROM lanes WHERE target_channel_id IN (\
        SELECT target_channel_id FROM channel_follows \
        WHERE is_active AND delivery = 'relay' AND source_channel_id IN ";
    Sql::new(query, [])
        .list(sources)
        .then(" UNION SELECT target_channel_id FROM deliveries WHERE activity_id IN ")
        .list(changed.ids())
        .then(") ORDER BY target_channel_id FOR UPDATE")
        .numbers(&**txn)
        .await?;
    Ok(())
}

/// Creates deliveries of activities for all active relay follows of their sources, or their threads, that let
/// them through; if follows are given, only to these. Returns the targets.
pub(in crate::store::source) async fn insert_deliveries(
    txn: &Write,
    activities: &[i64],
    follows: Option<&[FollowId]>,
) -> Result<Vec<i64>, StoreError> {
    if activities.is_empty() {
        return Ok(Vec::new());
    }
    let insert = matching::followers_of(activities)
        .then(
            "INSERT INTO deliveries (activity_id, target_channel_id, follow_id, position) \
            SELECT a.id, f.target_channel_id, f.id, a.source_message_id ",
        )
        .then(matching::FROM_FOLLOWERS)
        .then(&format!(
            "WHERE f.is_active AND f.delivery = 'relay' AND NOT a.deleted AND {}",
            matching::wanted()
        ));
    let insert = match follows {
        None => insert,
        Some(follows) => insert.then(" AND f.id IN ").list(follows.iter().map(|follow| follow.0)),
    };
    let insert = insert.then(" ORDER BY a.id, f.id ON CONFLICT DO NOTHING RETURNING target_channel_id");
    Ok(insert.numbers(&**txn).await?)
}

/// Makes changed activities due again where they were shown, even where an earlier edit was given up. A
/// deletion also reaches what was given up half shown, and nothing makes it wait. Returns the targets.
pub(in crate::store) async fn reopen(
    txn: &Write,
    changed: &ChangedActivities,
) -> Result<Vec<i64>, StoreError> {
    // A deletion goes wherever it can reach, even if the follow has broken since.
    let reached = format!(
        "EXISTS (SELECT 1 FROM channel_follows f WHERE f.id = deliveries.follow_id AND {})",
        takes_deletions()
    );
    // Messages are kept up to date while their follow is paused, unless they must not be read there any more.
    // Panels stay as they are.
    let moving = "EXISTS (SELECT 1 FROM channel_follows f JOIN activities a ON a.id = deliveries.activity_id \
        WHERE f.id = deliveries.follow_id AND f.broken_reason IS NULL AND (f.is_active \
        OR a.kind = 'message' AND f.exposure <> 'stopped'))";
    let mut targets = Vec::new();
    if !changed.edited.is_empty() {
        let update = format!(
            "UPDATE deliveries SET {SET_DUE} \
             WHERE (state = 'shown' OR outcome IN ('refused', 'gave_up') AND shown_revision IS NOT NULL) \
             AND NOT withdrawn AND {moving} AND activity_id IN "
        );
        let update =
            Sql::new(update, []).list(changed.edited.iter().copied()).then(" RETURNING target_channel_id");
        targets.extend(update.numbers(&**txn).await?);
    }
    if !changed.deleted.is_empty() {
        let update = format!(
            "UPDATE deliveries SET {SET_DUE} \
             WHERE (state = 'due' OR {reached} AND (state = 'shown' \
             OR EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id))) AND activity_id IN "
        );
        let update =
            Sql::new(update, []).list(changed.deleted.iter().copied()).then(" RETURNING target_channel_id");
        targets.extend(update.numbers(&**txn).await?);
    }
    Ok(targets)
}

/// Wakes lanes that rest until some later time.
pub(in crate::store) async fn wake(
    txn: &Write,
    posted: &[i64],
    changed: &ChangedActivities,
) -> Result<(), StoreError> {
    let ids = posted.iter().copied().chain(changed.ids());
    let update =
        format!("{WAKE}(SELECT target_channel_id FROM deliveries WHERE state = 'due' AND activity_id IN ");
    Sql::new(update, []).list(ids).then(")").execute(&**txn).await?;
    Ok(())
}

/// Forgets the content of activities that are delivered to nobody.
pub(super) async fn forget_undelivered(txn: &Write, activities: Vec<i64>) -> Result<(), StoreError> {
    if activities.is_empty() {
        return Ok(());
    }
    let update = "UPDATE activities SET content = NULL WHERE content IS NOT NULL AND NOT in_feeds \
        AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.activity_id = activities.id) \
        AND NOT EXISTS (SELECT 1 FROM held_activities h WHERE h.activity_id = activities.id) AND kind = 'message' AND id IN ";
    Sql::new(update, []).list(activities).execute(&**txn).await?;
    Ok(())
}
