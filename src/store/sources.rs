//! Sources: whether they are read, and which of their messages are mirrored.

use super::sql::Sql;
use super::{Store, StoreError};
use crate::domain::ids::{ChannelId, MessageId};

impl Store {
    /// Whether somebody follows this channel by relay and isn't resting: then it is read without gaps, as far as
    /// [`seen_message`](Self::seen_message) says.
    pub async fn is_read(&self, source: ChannelId) -> Result<bool, StoreError> {
        let query = "SELECT COUNT(*) FROM channel_follows \
            WHERE source_channel_id = $1 AND delivery = 'relay' AND is_active";
        let counts = Sql::new(query, [source.to_db().into()]).numbers(&self.db).await?;
        Ok(counts.first().is_some_and(|count| *count > 0))
    }

    /// Whether somebody follows this channel's threads by relay, with it, and isn't resting.
    pub async fn threads_are_read(&self, source: ChannelId) -> Result<bool, StoreError> {
        let query = "SELECT COUNT(*) FROM channel_follows \
            WHERE source_channel_id = $1 AND delivery = 'relay' AND is_active AND threads <> 'none'";
        let counts = Sql::new(query, [source.to_db().into()]).numbers(&self.db).await?;
        Ok(counts.first().is_some_and(|count| *count > 0))
    }

    /// The messages of this channel or thread, from that one on, that are owed to anybody or shown anywhere, and stand as far as is known.
    pub async fn mirrored_since(
        &self,
        source: ChannelId,
        from: MessageId,
    ) -> Result<Vec<MessageId>, StoreError> {
        let query = "SELECT source_message_id FROM activities a \
            WHERE (thread_id = $1 OR source_channel_id = $1 AND thread_id IS NULL) AND source_message_id >= $2 \
            AND NOT deleted AND origin LIKE 'discord:%' AND EXISTS (SELECT 1 FROM deliveries d WHERE d.activity_id = a.id)";
        let ids = Sql::new(query, [source.to_db().into(), from.to_db().into()]).numbers(&self.db).await?;
        Ok(ids.into_iter().map(MessageId::from_db).collect::<Result<_, _>>()?)
    }
}
