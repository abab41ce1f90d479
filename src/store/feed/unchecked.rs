//! What feeds show, compared with Discord. The gateway tells of edits and deletions only while somebody
//! listens, so after a gap nothing is certain that was recorded or compared before its end.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::domain::activity::{ActivityId, Origin, Revision};
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::shards::{Shard, Shards};
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// Whether what is kept of an activity `a` is certain: nothing may have happened to it that nobody heard.
pub(in crate::store) const IS_CERTAIN: &str = "COALESCE(a.in_feeds AND COALESCE(a.checked_at, a.created_at) > \
    (SELECT MAX(g.ended_at) FROM listening_gaps g WHERE (a.guild_id >> 22) % g.shard_total = g.shard_id), FALSE)";
/// What isn't, of the shard `$1` of `$2`.
const UNCHECKED: &str = "SELECT a.id, a.origin, a.source_channel_id, a.revision, a.guild_id FROM activities a \
    JOIN listening_gaps g ON g.shard_id = $1 AND g.shard_total = $2 AND (a.guild_id >> 22) % $2 = $1 \
    WHERE a.in_feeds AND NOT a.deleted AND a.kind = 'message' AND a.content IS NOT NULL \
    AND COALESCE(a.checked_at, a.created_at) <= g.ended_at AND a.source_message_id <= $3 ";

/// A post that feeds may show, and to which something may have happened that nobody heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UncheckedPost {
    /// Its activity.
    pub activity: ActivityId,
    /// Where it comes from.
    pub origin: Origin,
    /// Its source.
    pub source: ChannelId,
    /// Its server.
    pub server: GuildId,
    /// Its newest revision.
    pub revision: Revision,
}

#[derive(FromQueryResult)]
struct UncheckedRow {
    id: i64,
    origin: String,
    source_channel_id: i64,
    revision: i32,
    guild_id: i64,
}

impl UncheckedRow {
    fn read(self) -> Result<UncheckedPost, StoreError> {
        Ok(UncheckedPost {
            activity: ActivityId(self.id),
            origin: self.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?,
            source: ChannelId::from_db(self.source_channel_id)?,
            server: GuildId::from_db(self.guild_id)?,
            revision: Revision(self.revision),
        })
    }
}

impl Store {
    /// Records that events of this shard may have been missed until now. The end of a gap never moves back.
    pub async fn note_listening_gap(&self, shard: Shard, ended_at: DateTime<Utc>) -> Result<(), StoreError> {
        let later =
            "DO UPDATE SET ended_at = excluded.ended_at WHERE listening_gaps.ended_at < excluded.ended_at";
        self.put_gap(shard, ended_at, later).await
    }

    /// Records the same of those of these shards of which nothing is recorded yet.
    pub async fn begin_listening(&self, shards: Shards, now: DateTime<Utc>) -> Result<(), StoreError> {
        for shard in shards.each() {
            self.put_gap(shard, now, "DO NOTHING").await?;
        }
        Ok(())
    }

    async fn put_gap(&self, shard: Shard, at: DateTime<Utc>, conflict: &str) -> Result<(), StoreError> {
        let insert = format!(
            "INSERT INTO listening_gaps (shard_total, shard_id, ended_at) VALUES ($1, $2, $3) \
             ON CONFLICT (shard_total, shard_id) {conflict}"
        );
        let values = [i64::from(shard.total).into(), i64::from(shard.id).into(), stored(at).into()];
        let txn = self.write().await?;
        Sql::new(insert, values).execute(&*txn).await?;
        txn.commit().await
    }

    /// The newest posts of a shard's servers, up to this message, that must be compared with Discord.
    pub async fn unchecked_posts(
        &self,
        shard: Shard,
        up_to: MessageId,
        most: u32,
    ) -> Result<Vec<UncheckedPost>, StoreError> {
        self.unchecked(shard, up_to, most, |sql| sql).await
    }

    /// The same of one channel or thread.
    pub async fn unchecked_posts_in(
        &self,
        channel: ChannelId,
        shard: Shard,
        up_to: MessageId,
        most: u32,
    ) -> Result<Vec<UncheckedPost>, StoreError> {
        let of_it = |sql: Sql| {
            let sql = sql.then("AND (a.thread_id = ").bind(channel.to_db());
            sql.then(" OR a.source_channel_id = ").bind(channel.to_db()).then(" AND a.thread_id IS NULL) ")
        };
        self.unchecked(shard, up_to, most, of_it).await
    }

    async fn unchecked(
        &self,
        shard: Shard,
        up_to: MessageId,
        most: u32,
        which: impl FnOnce(Sql) -> Sql + Send,
    ) -> Result<Vec<UncheckedPost>, StoreError> {
        let values = [i64::from(shard.id).into(), i64::from(shard.total).into(), up_to.to_db().into()];
        let sql = which(Sql::new(UNCHECKED, values)).then("ORDER BY a.source_message_id DESC LIMIT ");
        let rows: Vec<UncheckedRow> = sql.bind(i64::from(most)).rows_of(&self.db).await?;
        rows.into_iter().map(UncheckedRow::read).collect()
    }

    /// Records that these were compared with Discord, which was asked at this time.
    pub async fn note_checked(
        &self,
        posts: &[UncheckedPost],
        asked_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if posts.is_empty() {
            return Ok(());
        }
        let txn = self.write().await?;
        locks::existing_sources(&*txn, posts.iter().flat_map(|post| [post.source, post.origin.channel()]))
            .await?;
        let update =
            "UPDATE activities SET checked_at = $1 WHERE (checked_at IS NULL OR checked_at < $1) AND id IN ";
        let ids = posts.iter().map(|post| post.activity.0);
        Sql::new(update, [stored(asked_at).into()]).list(ids).execute(&*txn).await?;
        txn.commit().await
    }
}
