//! Trims feeds to their age and length, and forgets people of whom nothing depends.

use chrono::{DateTime, Utc};

use super::candidates::MOST_CANDIDATES;
use crate::domain::ids::MessageId;
use crate::store::db::sql::{CHUNK, Sql, stored};
use crate::store::{Store, StoreError};

/// How many rows of each channel are kept in a person's feed, however many newer ones it has of others.
const KEPT_OF_CHANNEL: i64 = 500;

impl Store {
    /// Removes from people's feeds what is older than this message, so that its content needn't be kept for
    /// them, and what is beyond the newest that a feed shows. Of each channel, some is kept: what one can't
    /// see takes no place of what one can. Person by person, each in a transaction of its own. Returns how
    /// many rows were removed.
    pub async fn trim_feeds(&self, before: MessageId) -> Result<u64, StoreError> {
        let old = "UPDATE activities SET in_feeds = FALSE WHERE id IN \
            (SELECT id FROM activities WHERE in_feeds AND source_message_id < $1 ORDER BY id LIMIT $2)";
        self.delete_in_parts(|| Sql::new(old, [before.to_db().into(), CHUNK.into()])).await?;
        let (mut trimmed, mut after) = (0, 0);
        loop {
            let next = "SELECT DISTINCT user_id FROM feed_items WHERE user_id > $1 ORDER BY user_id LIMIT $2";
            let people = Sql::new(next, [after.into(), CHUNK.into()]).numbers(&self.db).await?;
            let Some(last) = people.last() else { return Ok(trimmed) };
            after = *last;
            for person in people {
                trimmed += self.trim_feed(person, before).await?;
            }
        }
    }

    /// Forgets people who neither follow, ask or block anybody nor are followed, asked or blocked, chose
    /// nothing, and were last looked up before this time. Returns how many. "Chose nothing" is spelled out
    /// here for each column of `profiles` that holds a choice: a new one has to be added.
    pub async fn forget_strangers(&self, before: DateTime<Utc>) -> Result<u64, StoreError> {
        let delete = "DELETE FROM profiles WHERE user_id IN (SELECT p.user_id FROM profiles p WHERE p.checked_at < $1 \
            AND p.followable IS NULL AND p.lists IS NULL AND NOT p.counts_hidden \
            AND NOT EXISTS (SELECT 1 FROM personal_follows f WHERE f.follower_id = p.user_id) \
            AND NOT EXISTS (SELECT 1 FROM personal_follows f WHERE f.followee_kind = 'user' AND f.followee_id = p.user_id) \
            AND NOT EXISTS (SELECT 1 FROM follow_requests r WHERE r.follower_id = p.user_id OR r.followed_id = p.user_id) \
            AND NOT EXISTS (SELECT 1 FROM personal_blocks b WHERE b.user_id = p.user_id OR b.blocked_id = p.user_id) LIMIT $2)";
        self.delete_in_parts(|| Sql::new(delete, [stored(before).into(), CHUNK.into()])).await
    }

    async fn trim_feed(&self, person: i64, before: MessageId) -> Result<u64, StoreError> {
        let oldest = "SELECT position FROM feed_items WHERE user_id = $1 \
            ORDER BY position DESC, activity_id DESC LIMIT 1 OFFSET $2";
        let oldest =
            Sql::new(oldest, [person.into(), (MOST_CANDIDATES - 1).into()]).numbers(&self.db).await?;
        let (before, crowded) = (before.to_db(), oldest.first().copied().unwrap_or_default());
        let old = "SELECT position FROM feed_items WHERE user_id = $1 AND position < $2 LIMIT 1";
        if Sql::new(old, [person.into(), before.max(crowded).into()]).numbers(&self.db).await?.is_empty() {
            return Ok(0);
        }
        let delete = "DELETE FROM feed_items WHERE user_id = $1 AND (position < $2 OR position < $3 AND activity_id IN \
            (SELECT n.activity_id FROM (SELECT activity_id, ROW_NUMBER() OVER \
            (PARTITION BY source_channel_id ORDER BY position DESC, activity_id DESC) AS place \
            FROM feed_items WHERE user_id = $1) n WHERE n.place > $4))";
        let values = [person.into(), before.into(), crowded.into(), KEPT_OF_CHANNEL.into()];
        let txn = self.write().await?;
        let trimmed = Sql::new(delete, values).execute(&*txn).await?;
        txn.commit().await?;
        Ok(trimmed)
    }
}
