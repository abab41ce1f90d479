//! Threads of sources: how far each has been read, and what becomes of the posts in one that was deleted or
//! made private.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use super::event::effects::{ChangedActivities, lock_lanes, reopen, wake};
use super::quotes;
use crate::domain::activity::{ActivityContent, ActivityId, Origin, Revision};
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::store::db::locks;
use crate::store::db::sql::{Sql, channel_ids, distinct_channels};
use crate::store::follow::matching;
use crate::store::{Store, StoreError};

/// A thread that something is known about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownThread {
    /// The thread.
    pub thread: ChannelId,
    /// Its channel.
    pub parent: ChannelId,
    /// Its first message, if that was recorded.
    pub starter: Option<MessageId>,
}

/// A post that is kept for feeds, of a thread that nobody follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadPost {
    /// Its number.
    pub id: ActivityId,
    /// Where it comes from.
    pub origin: Origin,
    /// Its newest revision.
    pub revision: Revision,
    /// Who wrote it.
    pub author: Option<UserId>,
    /// What it says.
    pub content: ActivityContent,
}

#[derive(FromQueryResult)]
struct ThreadPostRow {
    id: i64,
    origin: String,
    revision: i32,
    author_id: Option<i64>,
    content: Vec<u8>,
}

#[derive(FromQueryResult)]
struct ThreadRow {
    channel_id: i64,
    parent_id: i64,
    starter: Option<i64>,
}

#[derive(FromQueryResult)]
struct SeenRow {
    channel_id: i64,
    seen_message_id: i64,
}

impl Store {
    /// All threads that something is known about, each with its channel.
    pub async fn known_threads(&self) -> Result<Vec<KnownThread>, StoreError> {
        let query = "SELECT channel_id, parent_id, (SELECT MIN(source_message_id) FROM activities \
            WHERE thread_id = channel_id AND place = 'starter') AS starter FROM channels WHERE parent_id IS NOT NULL";
        let rows: Vec<ThreadRow> = Sql::new(query, []).rows_of(&self.db).await?;
        let known = |row: ThreadRow| {
            Ok(KnownThread {
                thread: ChannelId::from_db(row.channel_id)?,
                parent: ChannelId::from_db(row.parent_id)?,
                starter: row.starter.map(MessageId::from_db).transpose()?,
            })
        };
        rows.into_iter().map(known).collect()
    }

    /// Up to which message each thread of this channel has been read, for those that have been.
    pub async fn seen_in_threads(
        &self,
        parent: ChannelId,
    ) -> Result<HashMap<ChannelId, MessageId>, StoreError> {
        let query = "SELECT channel_id, seen_message_id FROM channels \
            WHERE parent_id = $1 AND seen_message_id IS NOT NULL";
        let rows: Vec<SeenRow> = Sql::new(query, [parent.to_db().into()]).rows_of(&self.db).await?;
        let ids = |row: SeenRow| {
            Ok((ChannelId::from_db(row.channel_id)?, MessageId::from_db(row.seen_message_id)?))
        };
        rows.into_iter().map(ids).collect()
    }

    /// Where reading starts in threads of this channel that haven't been read yet. `None` if they aren't read
    /// at all.
    pub async fn threads_from(&self, parent: ChannelId) -> Result<Option<MessageId>, StoreError> {
        let query =
            "SELECT threads_from_id FROM channels WHERE channel_id = $1 AND threads_from_id IS NOT NULL";
        let from = Sql::new(query, [parent.to_db().into()]).numbers(&self.db).await?;
        Ok(from.first().copied().map(MessageId::from_db).transpose()?)
    }

    /// Moves where reading starts in threads of this channel. It never moves back.
    pub async fn move_threads_from(&self, parent: ChannelId, from: MessageId) -> Result<(), StoreError> {
        self.move_forward("threads_from_id", parent, from).await
    }

    /// Records the channel of a thread.
    pub async fn note_thread(&self, thread: ChannelId, parent: ChannelId) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let insert = "INSERT INTO channels (channel_id, parent_id) VALUES ($1, $2) \
            ON CONFLICT (channel_id) DO UPDATE SET parent_id = excluded.parent_id";
        Sql::new(insert, [thread.to_db().into(), parent.to_db().into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// The threads of this channel with messages, from that one on, that are due anywhere or shown
    /// anywhere, and exist as far as is known.
    pub async fn mirrored_threads(
        &self,
        parent: ChannelId,
        from: MessageId,
    ) -> Result<Vec<ChannelId>, StoreError> {
        let query = "SELECT DISTINCT thread_id FROM activities a \
            WHERE source_channel_id = $1 AND source_message_id >= $2 AND thread_id IS NOT NULL AND NOT deleted \
            AND EXISTS (SELECT 1 FROM deliveries d WHERE d.activity_id = a.id)";
        let ids = Sql::new(query, [parent.to_db().into(), from.to_db().into()]).numbers(&self.db).await?;
        channel_ids(ids)
    }

    /// What is kept for feeds of a thread, after this activity and at most so many, oldest first; and the
    /// last of these, if there may be more. What can't be opened any more is left out.
    pub async fn feed_posts_in_thread(
        &self,
        thread: ChannelId,
        after: Option<ActivityId>,
        limit: usize,
    ) -> Result<(Vec<ThreadPost>, Option<ActivityId>), StoreError> {
        let query = "SELECT id, origin, revision, author_id, content FROM activities \
            WHERE (thread_id = $1 OR source_channel_id = $1 AND thread_id IS NULL) AND in_feeds AND NOT deleted \
            AND kind = 'message' AND content IS NOT NULL AND id > $2 ORDER BY id LIMIT $3";
        let after = after.map_or(0, |after| after.0);
        let most = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = Sql::new(query, [thread.to_db().into(), after.into(), most.into()]);
        let rows: Vec<ThreadPostRow> = rows.rows_of(&self.db).await?;
        let last = rows.last().filter(|_| rows.len() == limit).map(|last| ActivityId(last.id));
        let mut posts = Vec::with_capacity(rows.len());
        for row in rows {
            let origin: Origin = row.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
            let Ok(content) = self.cipher.open_content(origin, &row.content) else { continue };
            let (id, revision) = (ActivityId(row.id), Revision(row.revision));
            let author = row.author_id.map(UserId::from_db).transpose()?;
            posts.push(ThreadPost { id, origin, revision, author, content });
        }
        Ok((posts, last))
    }

    /// A thread was deleted, with everything that was posted in it. Returns the targets that have work now.
    pub async fn delete_thread(
        &self,
        thread: ChannelId,
        parent: ChannelId,
    ) -> Result<Vec<ChannelId>, StoreError> {
        let txn = self.write().await?;
        locks::sources(&*txn, [thread, parent]).await?;
        let update = "UPDATE activities SET revision = revision + 1, deleted = TRUE, content = NULL, digest = NULL \
            WHERE (thread_id = $1 OR source_channel_id = $1) AND kind = 'message' AND NOT deleted RETURNING id";
        // The lanes must be locked before any row of a delivery is touched; these are rows of activities.
        let deleted = Sql::new(update, [thread.to_db().into()]).numbers(&*txn).await?;
        let mut targets = Vec::new();
        for deleted in deleted.chunks(10_000) {
            quotes::mark_of(&txn, deleted).await?;
            let changed = ChangedActivities { deleted: deleted.to_vec(), ..ChangedActivities::default() };
            lock_lanes(&txn, [], &changed).await?;
            targets.extend(reopen(&txn, &changed).await?);
            wake(&txn, &[], &changed).await?;
        }
        txn.commit().await?;
        distinct_channels(targets)
    }

    /// A thread was made private. It no longer belongs to its channel, and what that channel's followers were
    /// shown of it is withdrawn. Returns the targets.
    pub async fn hide_thread(
        &self,
        thread: ChannelId,
        parent: ChannelId,
    ) -> Result<Vec<ChannelId>, StoreError> {
        let txn = self.write().await?;
        locks::sources(&*txn, [thread, parent]).await?;
        let known = "SELECT id FROM activities WHERE thread_id = $1";
        let known = Sql::new(known, [thread.to_db().into()]).numbers(&*txn).await?;
        for known in known.chunks(10_000) {
            let changed = ChangedActivities { edited: known.to_vec(), ..ChangedActivities::default() };
            lock_lanes(&txn, [], &changed).await?;
        }
        let through_parent = "activity_id IN (SELECT id FROM activities WHERE thread_id = $1) AND NOT withdrawn AND EXISTS (SELECT 1 FROM activities a \
            LEFT JOIN channel_follows f ON f.id = deliveries.follow_id WHERE a.id = deliveries.activity_id \
            AND a.thread_id = $1 AND (f.id IS NULL OR f.source_channel_id <> $1))";
        let sql = |text: &str| Sql::new(text, [thread.to_db().into()]);
        let targets = matching::withdraw(&txn, through_parent, sql).await?;
        for known in known.chunks(10_000) {
            wake(&txn, known, &ChangedActivities::default()).await?;
        }
        let update = "UPDATE activities SET source_channel_id = thread_id, thread_id = NULL, place = 'source' WHERE thread_id = $1";
        Sql::new(update, [thread.to_db().into()]).execute(&*txn).await?;
        txn.commit().await?;
        distinct_channels(targets)
    }
}
