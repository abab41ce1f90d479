//! In which channels the posts are that a feed may show. A service finds out which of them the person can
//! read before any post is looked at, so that what is hidden takes nobody's place.

use std::cmp::Reverse;
use std::collections::HashMap;

use sea_orm::FromQueryResult;

use super::candidates::PulledRow;
use crate::domain::feed::{FeedChannel, FeedFilter};
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::personal::FolloweeKind;
use crate::store::db::sql::Sql;
use crate::store::{Store, StoreError};

/// A channel `s`, with its newest post, and its newest one that isn't newer than `$2`.
const WITH_SERVER: &str = "SELECT s.channel, s.newest, s.near, (SELECT a.guild_id FROM activities a \
    WHERE a.source_channel_id = s.channel AND a.guild_id IS NOT NULL ORDER BY a.source_message_id DESC LIMIT 1) AS guild_id FROM ";
/// Of what was pushed to the person `$1`.
const PUSHED: &str = "(SELECT source_channel_id AS channel, MAX(position) AS newest, \
    MAX(CASE WHEN position <= $2 THEN position END) AS near FROM feed_items WHERE user_id = $1 GROUP BY source_channel_id) s";
/// Of the author `$1`, who is pulled.
const OF_AUTHOR: &str = "(SELECT source_channel_id AS channel, MAX(source_message_id) AS newest, \
    MAX(CASE WHEN source_message_id <= $2 THEN source_message_id END) AS near FROM activities \
    WHERE author_id = $1 AND in_feeds AND NOT deleted GROUP BY source_channel_id) s";

#[derive(FromQueryResult)]
struct ChannelRow {
    channel: i64,
    newest: Option<i64>,
    near: Option<i64>,
    guild_id: Option<i64>,
}

impl Store {
    /// The channels of everything that a person's feed may show and the filter may want. Those with something
    /// close below this message come first, if one is given; otherwise those with the newest posts.
    pub async fn feed_channels(
        &self,
        user: UserId,
        filter: &FeedFilter,
        from: Option<MessageId>,
    ) -> Result<Vec<FeedChannel>, StoreError> {
        let mut rows = self.channels_of(PUSHED, user.to_db(), from).await?;
        for followee in self.pulled(user).await? {
            rows.extend(self.channels_of_pulled(&followee, from).await?);
        }
        let mut channels: HashMap<i64, ChannelRow> = HashMap::new();
        for row in rows {
            let known = channels.entry(row.channel).or_insert(ChannelRow { newest: None, near: None, ..row });
            (known.newest, known.near) = (known.newest.max(row.newest), known.near.max(row.near));
        }
        let mut channels: Vec<ChannelRow> = channels.into_values().collect();
        channels.sort_unstable_by_key(|row| Reverse((row.near, row.newest, row.channel)));
        let after = filter.after.map(MessageId::to_db);
        let wanted = |row: &ChannelRow| {
            row.newest > after && filter.server.is_none_or(|server| row.guild_id == Some(server.to_db()))
        };
        let read = |row: ChannelRow| -> Result<Option<FeedChannel>, StoreError> {
            let Some(server) = row.guild_id else { return Ok(None) };
            Ok(Some(FeedChannel {
                source: ChannelId::from_db(row.channel)?,
                server: GuildId::from_db(server)?,
            }))
        };
        channels.into_iter().filter(wanted).filter_map(|row| read(row).transpose()).collect()
    }

    async fn channels_of(
        &self,
        which: &str,
        of: i64,
        from: Option<MessageId>,
    ) -> Result<Vec<ChannelRow>, StoreError> {
        let from = from.map_or(i64::MAX, MessageId::to_db);
        Ok(Sql::new(format!("{WITH_SERVER}{which}"), [of.into(), from.into()]).rows_of(&self.db).await?)
    }

    /// The channels of a followee that is pulled. A channel's posts are in itself, and those of a thread in
    /// its channel.
    async fn channels_of_pulled(
        &self,
        followee: &PulledRow,
        from: Option<MessageId>,
    ) -> Result<Vec<ChannelRow>, StoreError> {
        let posts = "SELECT MAX(a.source_message_id) FROM activities a \
            WHERE a.source_channel_id = c.channel AND a.in_feeds AND NOT a.deleted";
        let of = |channels: &str| {
            format!(
                "(SELECT c.channel, ({posts}) AS newest, ({posts} AND a.source_message_id <= $2) AS near \
                 FROM ({channels}) c) s WHERE s.newest IS NOT NULL"
            )
        };
        let which = match FolloweeKind::parse(&followee.followee_kind) {
            Some(FolloweeKind::User) => OF_AUTHOR.to_owned(),
            Some(FolloweeKind::Channel) => of("SELECT f.channel FROM (SELECT CAST($1 AS BIGINT) AS channel \
                UNION SELECT parent_id FROM channels WHERE channel_id = $1 AND parent_id IS NOT NULL) f"),
            Some(FolloweeKind::Collection) => of("SELECT channel_id AS channel FROM collection_channels \
                WHERE collection_id = $1 UNION SELECT parent_id FROM collection_channels \
                WHERE collection_id = $1 AND parent_id IS NOT NULL"),
            None => return Ok(Vec::new()),
        };
        self.channels_of(&which, followee.followee_id, from).await
    }
}
