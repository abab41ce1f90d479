//! What must be remembered of a channel: who may follow it, and how far it has been read.

use super::sql::Sql;
use super::{Store, StoreError};
use crate::domain::follow::Audience;
use crate::domain::ids::{ChannelId, GuildId, MessageId};

impl Store {
    /// Who may follow this channel from other servers; nobody, before anyone chose.
    pub async fn audience(&self, channel: ChannelId) -> Result<Audience, StoreError> {
        let query = "SELECT audience FROM channels WHERE channel_id = $1";
        let Some(row) = Sql::new(query, [channel.to_db().into()]).row(&self.db).await? else {
            return Ok(Audience::Nobody);
        };
        let word: String = row.try_get_by_index(0)?;
        Audience::parse(&word).ok_or(StoreError::Unreadable("audience"))
    }

    /// Sets it, and says what it was before. The channel is of this server.
    pub async fn set_audience(
        &self,
        channel: ChannelId,
        guild: GuildId,
        audience: Audience,
    ) -> Result<Audience, StoreError> {
        let txn = self.write().await?;
        super::gates::sources(&*txn, [channel]).await?;
        let query = "SELECT audience FROM channels WHERE channel_id = $1";
        let row = Sql::new(query, [channel.to_db().into()]).row(&*txn).await?;
        let before: String = row.ok_or(StoreError::Unreadable("channels"))?.try_get_by_index(0)?;
        let update = "UPDATE channels SET audience = $2, guild_id = $3 WHERE channel_id = $1";
        let values = [channel.to_db().into(), audience.as_str().into(), guild.to_db().into()];
        Sql::new(update, values).execute(&*txn).await?;
        // What other servers follow carries what is published there, unless more was opened to them.
        let only = "UPDATE channel_follows SET published_only = $2 WHERE guild_id <> source_guild_id \
            AND (source_channel_id = $1 OR source_parent_id = $1)";
        let closed = audience == Audience::Nobody;
        Sql::new(only, [channel.to_db().into(), closed.into()]).execute(&*txn).await?;
        txn.commit().await?;
        Audience::parse(&before).ok_or(StoreError::Unreadable("audience"))
    }

    /// Up to which message this channel has been read without gaps; `None` where it hasn't been.
    pub async fn seen_message(&self, channel: ChannelId) -> Result<Option<MessageId>, StoreError> {
        let query = "SELECT seen_message_id FROM channels WHERE channel_id = $1";
        let Some(row) = Sql::new(query, [channel.to_db().into()]).row(&self.db).await? else {
            return Ok(None);
        };
        let seen: Option<i64> = row.try_get_by_index(0)?;
        Ok(seen.map(MessageId::from_db).transpose()?)
    }

    /// Notes that this channel has been read up to this message. It never moves back.
    pub async fn move_seen_message(&self, channel: ChannelId, message: MessageId) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let insert = "INSERT INTO channels (channel_id, seen_message_id) VALUES ($1, $2) \
            ON CONFLICT (channel_id) DO UPDATE SET seen_message_id = excluded.seen_message_id \
            WHERE channels.seen_message_id IS NULL OR channels.seen_message_id < excluded.seen_message_id";
        Sql::new(insert, [channel.to_db().into(), message.to_db().into()]).execute(&*txn).await?;
        txn.commit().await
    }
}
