//! Which activities become candidates for whose feed.

use chrono::DateTime;

use crate::domain::ids::UserId;
use crate::domain::personal::Followee;
use crate::store::StoreError;
use crate::store::db::connect::Write;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};

/// How many earlier activities a new follow begins with.
const EARLIER: i64 = 100;

/// Makes these new activities candidates for the feeds of all who follow their author, channel, thread or a
/// collection with it, unless so many do that it is pulled. Each person has each once.
pub(in crate::store) async fn push(txn: &Write, activities: &[i64]) -> Result<(), StoreError> {
    if activities.is_empty() {
        return Ok(());
    }
    let reaching = "WITH posted AS (SELECT id, source_channel_id, thread_id, author_id, source_message_id FROM activities \
        WHERE NOT deleted AND id IN ";
    let insert = Sql::new(reaching, []).list(activities.iter().copied()).then(
        "), reaching AS ( \
            SELECT id, 'user' AS kind, author_id AS followee FROM posted WHERE author_id IS NOT NULL \
            UNION ALL SELECT id, 'channel', source_channel_id FROM posted \
            UNION ALL SELECT id, 'channel', thread_id FROM posted WHERE thread_id IS NOT NULL \
            UNION ALL SELECT p.id, 'collection', c.collection_id FROM posted p \
            JOIN collection_channels c ON c.channel_id = p.source_channel_id \
            UNION ALL SELECT p.id, 'collection', c.collection_id FROM posted p \
            JOIN collection_channels c ON c.channel_id = p.thread_id) \
         INSERT INTO feed_items (user_id, position, activity_id, source_channel_id) \
         SELECT DISTINCT f.follower_id, p.source_message_id, p.id, p.source_channel_id FROM reaching r \
         JOIN posted p ON p.id = r.id \
         JOIN followee_counts c ON c.followee_kind = r.kind AND c.followee_id = r.followee AND NOT c.pulled \
         JOIN personal_follows f ON f.followee_kind = r.kind AND f.followee_id = r.followee \
         WHERE p.author_id IS NULL OR f.follower_id <> p.author_id \
         ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING",
    );
    insert.execute(&**txn).await?;
    Ok(())
}

/// Begins a new follow with what its followee posted lately and is still kept with its content.
pub(in crate::store) async fn begin(
    txn: &Write,
    follower: UserId,
    followee: Followee,
) -> Result<(), StoreError> {
    let of_it: &[&str] = match followee {
        Followee::User(_) => &["a.author_id = $2"],
        Followee::Channel(_) => &["a.source_channel_id = $2", "a.thread_id = $2"],
        Followee::Collection(_) => &[
            "a.source_channel_id IN (SELECT channel_id FROM collection_channels WHERE collection_id = $2)",
            "a.thread_id IN (SELECT channel_id FROM collection_channels WHERE collection_id = $2)",
        ],
    };
    // One by one, so that each is found in its index.
    let recent = of_it.iter().map(|condition| {
        format!(
            "SELECT r.id, r.source_message_id FROM (SELECT a.id, a.source_message_id FROM activities a \
             WHERE {condition} AND a.kind = 'message' AND NOT a.deleted AND a.content IS NOT NULL \
             ORDER BY a.source_message_id DESC LIMIT {EARLIER}) r"
        )
    });
    let recent = recent.collect::<Vec<_>>().join(" UNION ");
    let recent = format!("SELECT u.id FROM ({recent}) u ORDER BY u.source_message_id DESC LIMIT {EARLIER}");
    let insert = format!(
        "INSERT INTO feed_items (user_id, position, activity_id, source_channel_id) \
         SELECT $1, a.source_message_id, a.id, a.source_channel_id FROM activities a WHERE a.id IN ({recent}) \
         AND (a.author_id IS NULL OR a.author_id <> $1) ORDER BY 2, 3 ON CONFLICT DO NOTHING"
    );
    let values = || [follower.to_db().into(), followee.to_db().into()];
    Sql::new(insert, values()).execute(&**txn).await?;
    // Their contents are kept from now on, and compared with Discord before they are shown: perhaps nobody
    // has listened to their channels any more. Rows that another transaction is changing are skipped: that
    // one may be waiting for somebody who waits for this follow.
    let unlocked = if locks::has_row_locks(&**txn) { " FOR UPDATE SKIP LOCKED" } else { "" };
    let keep = format!(
        "UPDATE activities SET in_feeds = TRUE, checked_at = $3 WHERE id IN (SELECT i.id FROM activities i \
         WHERE i.id IN ({recent}) AND NOT i.in_feeds AND i.author_id IS DISTINCT FROM $1 ORDER BY i.id{unlocked})"
    );
    let never = [stored(DateTime::UNIX_EPOCH).into()];
    Sql::new(keep, values().into_iter().chain(never)).execute(&**txn).await?;
    Ok(())
}
