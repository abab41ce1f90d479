//! New followers and requests that the followed channel's moderators haven't been told about.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::ConnectionTrait;

use super::{publication, row};
use crate::domain::follow::{Follow, Publication};
use crate::domain::ids::ChannelId;
use crate::store::db::entity::channel_follows;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, Table, channel_ids, stored};
use crate::store::{Store, StoreError};

/// How many channels' news is taken at once.
const CHANNELS: i64 = 20;

/// The news about one channel, for one message.
#[derive(Debug, Clone)]
pub struct FollowerNews {
    /// The followed channel.
    pub channel: ChannelId,
    /// Where the message is posted.
    pub notify: ChannelId,
    /// Who follows it, or asks to; at least one.
    pub follows: Vec<Follow>,
}

/// Notes that a channel's moderators should be told about a follow, if they want that.
pub(super) async fn note(
    txn: &impl ConnectionTrait,
    follow: i64,
    channel: ChannelId,
    publication: &Publication,
) -> Result<(), StoreError> {
    if publication.notify.is_none() || publication.notify_refused {
        return Ok(());
    }
    let insert = "INSERT INTO follower_news (follow_id, channel_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
    Sql::new(insert, [follow.into(), channel.to_db().into()]).execute(txn).await?;
    Ok(())
}

impl Store {
    /// Takes the news about some channels whose last message was a while ago. Each piece is given out once.
    /// If a process dies before it posts one, that stays unannounced; `/followers` shows it.
    pub async fn take_follower_news(
        &self,
        now: DateTime<Utc>,
        pause: TimeDelta,
    ) -> Result<Vec<FollowerNews>, StoreError> {
        // Checked outside the transaction: usually there is none.
        let query = "SELECT DISTINCT n.channel_id FROM follower_news n \
            LEFT JOIN channels c ON c.channel_id = n.channel_id \
            WHERE c.notify_next_at IS NULL OR c.notify_next_at <= $1 ORDER BY n.channel_id LIMIT $2";
        let values = [stored(now).into(), CHANNELS.into()];
        let mut news = Vec::new();
        for channel in channel_ids(Sql::new(query, values).numbers(&self.db).await?)? {
            news.extend(self.take_news_of(channel, now, pause).await?);
        }
        Ok(news)
    }

    /// What could not be told now is told when it is the channel's turn again.
    pub async fn put_follower_news_back(&self, news: &FollowerNews) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let follows = Table::numbers("id", news.follows.iter().map(|follow| follow.id.0));
        let insert = "INSERT INTO follower_news (follow_id, channel_id) SELECT f.id, $1 FROM ";
        let insert = Sql::new(insert, [news.channel.to_db().into()]).rows(follows);
        // Those that were removed meanwhile are no news.
        let insert = insert.then(" JOIN channel_follows f ON f.id = t.id WHERE TRUE ON CONFLICT DO NOTHING");
        insert.execute(&*txn).await?;
        txn.commit().await
    }

    async fn take_news_of(
        &self,
        channel: ChannelId,
        now: DateTime<Utc>,
        pause: TimeDelta,
    ) -> Result<Option<FollowerNews>, StoreError> {
        let txn = self.write().await?;
        locks::sources(&*txn, [channel]).await?;
        let publication = publication::publication(&*txn, channel).await?;
        // Checked again: another process may have posted it before the lock was taken.
        let next = "UPDATE channels SET notify_next_at = $3 WHERE channel_id = $1 \
            AND (notify_next_at IS NULL OR notify_next_at <= $2)";
        let values = [channel.to_db().into(), stored(now).into(), stored(now + pause).into()];
        if Sql::new(next, values).execute(&*txn).await? == 0 {
            return Ok(None);
        }
        let delete = "DELETE FROM follower_news WHERE channel_id = $1 RETURNING follow_id";
        let taken = Sql::new(delete, [channel.to_db().into()]).numbers(&*txn).await?;
        // What has ended or been decided meanwhile is no news.
        let query = "SELECT * FROM channel_follows WHERE (is_active OR broken_reason = 'awaiting_approval') AND id IN ";
        let rows: Vec<channel_follows::Model> =
            Sql::new(query, []).list(taken).then(" ORDER BY id").rows_of(&*txn).await?;
        let follows = row::follows(&*txn, rows).await?;
        txn.commit().await?;
        let Some(notify) = publication.notify.filter(|_| !publication.notify_refused) else {
            return Ok(None);
        };
        Ok((!follows.is_empty()).then_some(FollowerNews { channel, notify, follows }))
    }
}
