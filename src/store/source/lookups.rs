//! Sources: whether they are read, which of their messages are mirrored, and which hashtags are used there.

use sea_orm::FromQueryResult;

use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::tags::Tag;
use crate::store::db::sql::Sql;
use crate::store::{Store, StoreError};

#[derive(FromQueryResult)]
struct TagRow {
    tag: String,
}

impl Store {
    /// Whether this channel has an active relay follow, or somebody follows it personally or through a
    /// collection. Then it is read without gaps, as far as [`seen_message`](Self::seen_message) says.
    pub async fn is_read(&self, source: ChannelId) -> Result<bool, StoreError> {
        let query = "SELECT COUNT(*) FROM channel_follows \
            WHERE source_channel_id = $1 AND delivery = 'relay' AND is_active \
            UNION ALL SELECT COUNT(*) FROM personal_follows WHERE followee_kind = 'channel' AND followee_id = $1 \
            UNION ALL SELECT COUNT(*) FROM collection_channels c JOIN followee_counts n \
            ON n.followee_kind = 'collection' AND n.followee_id = c.collection_id WHERE c.channel_id = $1";
        let counts = Sql::new(query, [source.to_db().into()]).numbers(&self.db).await?;
        Ok(counts.iter().any(|count| *count > 0))
    }

    /// Whether this channel has an active relay follow, or a personal one, that includes its threads.
    pub async fn threads_are_read(&self, source: ChannelId) -> Result<bool, StoreError> {
        let query = "SELECT COUNT(*) FROM channel_follows \
            WHERE source_channel_id = $1 AND delivery = 'relay' AND is_active AND threads <> 'none' \
            UNION ALL SELECT COUNT(*) FROM personal_follows \
            WHERE followee_kind = 'channel' AND followee_id = $1 AND threads \
            UNION ALL SELECT COUNT(*) FROM collection_channels c JOIN followee_counts n \
            ON n.followee_kind = 'collection' AND n.followee_id = c.collection_id \
            WHERE c.channel_id = $1 AND c.threads";
        let counts = Sql::new(query, [source.to_db().into()]).numbers(&self.db).await?;
        Ok(counts.iter().any(|count| *count > 0))
    }

    /// The hashtags of the last posts in this channel or thread itself, newest first.
    pub async fn hashtags_of(&self, source: ChannelId, limit: u64) -> Result<Vec<Tag>, StoreError> {
        let query = "SELECT g.tag FROM activity_tags g JOIN (SELECT id FROM activities \
            WHERE (thread_id = $1 OR source_channel_id = $1 AND thread_id IS NULL) AND NOT deleted ORDER BY id DESC LIMIT 200) a \
            ON a.id = g.activity_id WHERE g.tag NOT LIKE 'forum:%' GROUP BY g.tag ORDER BY MAX(a.id) DESC, g.tag LIMIT $2";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let tags: Vec<TagRow> =
            Sql::new(query, [source.to_db().into(), limit.into()]).rows_of(&self.db).await?;
        Ok(tags.into_iter().map(|row| Tag::from_key(&row.tag, None)).collect())
    }

    /// The messages of this channel or thread between these two, inclusive, that are due anywhere or shown
    /// anywhere, and exist as far as is known.
    pub async fn mirrored_between(
        &self,
        source: ChannelId,
        from: MessageId,
        to: MessageId,
    ) -> Result<Vec<MessageId>, StoreError> {
        let query = "SELECT source_message_id FROM activities a \
            WHERE (thread_id = $1 OR source_channel_id = $1 AND thread_id IS NULL) AND source_message_id BETWEEN $2 AND $3 \
            AND NOT deleted AND origin LIKE 'discord:%' AND EXISTS (SELECT 1 FROM deliveries d WHERE d.activity_id = a.id)";
        let values = [source.to_db().into(), from.to_db().into(), to.to_db().into()];
        let ids = Sql::new(query, values).numbers(&self.db).await?;
        Ok(ids.into_iter().map(MessageId::from_db).collect::<Result<_, _>>()?)
    }
}
