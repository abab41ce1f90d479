//! Messages that the bot created and must retract: a process that lost its lane deletes what it just
//! created, since the lane's new holder creates that again.
//!
//! The new holder may have found the message, and be about to adopt it. So the owner of the message is
//! decided here, under the lane's lock: either it is a mirror already, and stays; or it is recorded as
//! retracted, and never becomes a mirror. Only then is it deleted. The record is a duty, too: whichever
//! process finds it undone deletes the message.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use super::rows::{is_left, server_of};
use crate::domain::activity::{Mirror, Part, Revision, Staleness};
use crate::domain::ids::{ChannelId, GuildId, MessageId, WebhookId};
use crate::domain::place::TargetKind;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// How long a retraction is remembered: longer than any answer of Discord's that still contains the message.
const REMEMBERED: TimeDelta = TimeDelta::days(1);
/// How long the bot tries to delete a message.
const TRIED: TimeDelta = TimeDelta::days(7);

/// Whether the message `t.message` was retracted.
pub(super) const RETRACTED: &str = "EXISTS (SELECT 1 FROM retractions r WHERE r.message_id = t.message)";

/// A message that must still be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retraction {
    /// The lane's target.
    pub target: ChannelId,
    /// Its kind.
    pub target_kind: TargetKind,
    /// Its server, if a follow into it tells.
    pub server: Option<GuildId>,
    /// The message.
    pub mirror: Mirror,
}

#[derive(FromQueryResult)]
struct RetractionRow {
    message_id: i64,
    channel_id: i64,
    target_channel_id: i64,
    webhook_id: i64,
    parent_id: Option<i64>,
    forum: Option<bool>,
    guild_id: Option<i64>,
}

impl Store {
    /// Records that a message must be deleted, unless it is recorded as a mirror. Returns whether the caller
    /// should delete it.
    pub async fn retract(
        &self,
        target: ChannelId,
        mirror: &Mirror,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let txn = self.write().await?;
        locks::lanes(&*txn, [target]).await?;
        let mirrored =
            Sql::new("SELECT 1 FROM mirrors WHERE message_id = $1", [mirror.message.to_db().into()]);
        if mirrored.row(&*txn).await?.is_some() {
            return Ok(false);
        }
        let insert = "INSERT INTO retractions (message_id, channel_id, target_channel_id, webhook_id, created_at) \
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
        let values = [
            mirror.message.to_db().into(),
            mirror.channel.to_db().into(),
            target.to_db().into(),
            mirror.webhook.to_db().into(),
            stored(now).into(),
        ];
        Sql::new(insert, values).execute(&*txn).await?;
        txn.commit().await?;
        Ok(true)
    }

    /// Records that a retracted message is gone, or can't be deleted.
    pub async fn end_retraction(&self, message: MessageId) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let update = "UPDATE retractions SET deleted = TRUE WHERE message_id = $1";
        Sql::new(update, [message.to_db().into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// The retracted messages of a target: a doubt there is about none of them.
    pub async fn retracted_in(&self, target: ChannelId) -> Result<HashSet<MessageId>, StoreError> {
        let query = "SELECT message_id FROM retractions WHERE target_channel_id = $1";
        let found = Sql::new(query, [target.to_db().into()]).numbers(&self.db).await?;
        Ok(found.into_iter().map(MessageId::from_db).collect::<Result<_, _>>()?)
    }

    /// Retracted messages that must still be deleted and were recorded before that time: the process that did
    /// so may have ended.
    pub async fn open_retractions(
        &self,
        before: DateTime<Utc>,
        limit: u32,
    ) -> Result<Vec<Retraction>, StoreError> {
        let (left, server) = (is_left("r.target_channel_id"), server_of("r.target_channel_id"));
        let query = format!(
            "SELECT r.message_id, r.channel_id, r.target_channel_id, r.webhook_id, l.parent_id, l.forum, \
             {server} AS guild_id FROM retractions r LEFT JOIN lanes l ON l.target_channel_id = r.target_channel_id \
             WHERE NOT r.deleted AND r.created_at <= $1 AND NOT {left} ORDER BY r.created_at LIMIT $2"
        );
        let values = [stored(before).into(), i64::from(limit).into()];
        let rows: Vec<RetractionRow> = Sql::new(query, values).rows_of(&self.db).await?;
        rows.into_iter().map(RetractionRow::open).collect()
    }

    /// Forgets what was retracted long ago. Returns how many.
    pub(in crate::store) async fn forget_retractions(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let txn = self.write().await?;
        let delete = "DELETE FROM retractions WHERE created_at < $1 OR (deleted AND created_at < $2)";
        let values = [stored(now - TRIED).into(), stored(now - REMEMBERED).into()];
        let forgotten = Sql::new(delete, values).execute(&*txn).await?;
        txn.commit().await?;
        Ok(forgotten)
    }
}

impl RetractionRow {
    fn open(self) -> Result<Retraction, StoreError> {
        let parent = self.parent_id.map(ChannelId::from_db).transpose()?;
        Ok(Retraction {
            target: ChannelId::from_db(self.target_channel_id)?,
            target_kind: TargetKind::from_parts(parent, self.forum.unwrap_or_default()),
            server: self.guild_id.map(GuildId::from_db).transpose()?,
            mirror: Mirror {
                message: MessageId::from_db(self.message_id)?,
                channel: ChannelId::from_db(self.channel_id)?,
                webhook: WebhookId::from_db(self.webhook_id)?,
                part: Part(0),
                // Which one it shows doesn't matter any more.
                revision: Revision(1),
                staleness: Staleness::default(),
                files: Vec::new(),
            },
        })
    }
}
