//! How far a channel has been read.

use crate::domain::ids::{ChannelId, MessageId};
use crate::store::db::sql::Sql;
use crate::store::{Store, StoreError};

impl Store {
    /// Up to which message this channel has been read without gaps. `None` if it hasn't been.
    pub async fn seen_message(&self, channel: ChannelId) -> Result<Option<MessageId>, StoreError> {
        let query = "SELECT seen_message_id FROM channels WHERE channel_id = $1";
        let Some(row) = Sql::new(query, [channel.to_db().into()]).row(&self.db).await? else {
            return Ok(None);
        };
        let seen: Option<i64> = row.try_get_by_index(0)?;
        Ok(seen.map(MessageId::from_db).transpose()?)
    }

    /// Records that this channel has been read up to this message. It never moves back.
    pub async fn move_seen_message(&self, channel: ChannelId, message: MessageId) -> Result<(), StoreError> {
        self.move_forward("seen_message_id", channel, message).await
    }

    /// Moves this column of a channel's row to this message, unless it is further already.
    pub(super) async fn move_forward(
        &self,
        column: &'static str,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let insert = format!(
            "INSERT INTO channels (channel_id, {column}) VALUES ($1, $2) \
            ON CONFLICT (channel_id) DO UPDATE SET {column} = excluded.{column} \
            WHERE channels.{column} IS NULL OR channels.{column} < excluded.{column}"
        );
        Sql::new(insert, [channel.to_db().into(), message.to_db().into()]).execute(&*txn).await?;
        txn.commit().await
    }
}
