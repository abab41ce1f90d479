//! What must be remembered of a channel: who may follow it, and how far it has been read.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::sql::Sql;
use super::{Store, StoreError};
use crate::domain::follow::Audience;
use crate::domain::ids::{ChannelId, GuildId, MessageId};

/// A source, and how far it has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceToRead {
    /// The source.
    pub channel: ChannelId,
    /// Its server.
    pub guild: GuildId,
    /// Everything up to this was read, or is older than all that follows.
    pub after: MessageId,
}

#[derive(FromQueryResult)]
struct SourceRow {
    channel: i64,
    guild: i64,
    seen: Option<i64>,
    since: DateTime<Utc>,
}

impl Store {
    /// The sources of active relay follows, and from where they are to be read: from what was seen last, or since somebody follows (again),
    /// whichever is later: what was posted before, or during a pause, is not sent later.
    pub async fn sources_to_read(&self) -> Result<Vec<SourceToRead>, StoreError> {
        let query = "SELECT f.source_channel_id AS channel, MIN(f.source_guild_id) AS guild, \
            MAX(c.seen_message_id) AS seen, MIN(f.updated_at) AS since \
            FROM channel_follows f LEFT JOIN channels c ON c.channel_id = f.source_channel_id \
            WHERE f.is_active AND f.delivery = 'relay' GROUP BY f.source_channel_id ORDER BY f.source_channel_id";
        let rows: Vec<SourceRow> = Sql::new(query, []).rows_of(&self.db).await?;
        let source = |row: SourceRow| {
            let seen = row.seen.map(MessageId::from_db).transpose()?;
            let since = MessageId::first_at(row.since);
            Ok(SourceToRead {
                channel: ChannelId::from_db(row.channel)?,
                guild: GuildId::from_db(row.guild)?,
                after: seen.map_or(since, |seen| seen.max(since)),
            })
        };
        rows.into_iter().map(source).collect()
    }

    /// Who may follow this channel from other servers; nobody, before anyone chose.
    pub async fn audience(&self, channel: ChannelId) -> Result<Audience, StoreError> {
        let query = "SELECT audience FROM channels WHERE channel_id = $1";
        let Some(row) = Sql::new(query, [channel.to_db().into()]).row(&self.db).await? else {
            return Ok(Audience::Nobody);
        };
        let word: String = row.try_get_by_index(0)?;
        Audience::parse(&word).ok_or(StoreError::Unreadable("audience"))
    }

    /// Sets it, and says what it was before.
    pub async fn set_audience(&self, channel: ChannelId, audience: Audience) -> Result<Audience, StoreError> {
        let txn = self.write().await?;
        super::gates::sources(&*txn, [channel]).await?;
        let query = "SELECT audience FROM channels WHERE channel_id = $1";
        let row = Sql::new(query, [channel.to_db().into()]).row(&*txn).await?;
        let before: String = row.ok_or(StoreError::Unreadable("channels"))?.try_get_by_index(0)?;
        let update = "UPDATE channels SET audience = $2 WHERE channel_id = $1";
        Sql::new(update, [channel.to_db().into(), audience.as_str().into()]).execute(&*txn).await?;
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
