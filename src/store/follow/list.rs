//! Finding follows: single ones, pages of them, and the sets that filter gateway events.

use sea_orm::sea_query::{Expr, ExprTrait, IntoCondition, Order, Query, SelectStatement, UnionType};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, FromQueryResult, Iterable as _, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select,
};

use super::{change, row};
use crate::domain::follow::{BrokenReason, ChannelPair, Follow, FollowFilter, FollowId, FollowStateKind};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::paging::{Cursor, Page, PageStart};
use crate::store::db::entity::channel_follows::{Column, Entity};
use crate::store::db::sql::{Sql, channel_ids};
use crate::store::{Store, StoreError};

/// A channel that the bot reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowedSource {
    /// The channel or thread.
    pub channel: ChannelId,
    /// Its server.
    pub guild: GuildId,
    /// The channel of a thread.
    pub parent: Option<ChannelId>,
    /// Whether some follow wants its threads.
    pub threads: bool,
}

#[derive(FromQueryResult)]
struct SourceRow {
    source_channel_id: i64,
    source_guild_id: i64,
    source_parent_id: Option<i64>,
    threads: i64,
}

impl Store {
    /// A follow of this server.
    pub async fn follow(&self, guild: GuildId, id: FollowId) -> Result<Option<Follow>, StoreError> {
        let found = without_token().filter(Column::Id.eq(id.0)).filter(Column::GuildId.eq(guild.to_db()));
        row::one(&self.db, found.one(&self.db).await?).await
    }

    /// The follow with this number, whatever its server: another process named it.
    pub async fn follow_anywhere(&self, id: FollowId) -> Result<Option<Follow>, StoreError> {
        row::one(&self.db, Entity::find_by_id(id.0).one(&self.db).await?).await
    }

    /// The follow of this pair, whatever its server, which follows from the target.
    pub async fn follow_by_pair(&self, pair: ChannelPair) -> Result<Option<Follow>, StoreError> {
        row::one(&self.db, change::by_pair(&self.db, pair).await?).await
    }

    /// This server's follows (those into its channels), as far as they are wanted.
    pub async fn follows_of_server(
        &self,
        guild: GuildId,
        wanted: &FollowFilter,
        start: impl Into<PageStart>,
        limit: u64,
    ) -> Result<Page<Follow>, StoreError> {
        let start = start.into();
        let own = ids(Column::GuildId.eq(guild.to_db())).filter(passes(wanted));
        let Some(channel) = wanted.channel.map(ChannelId::to_db) else {
            return self.page(own.into_query(), start, limit, None).await;
        };
        // One query for each index: an OR would search all follows of the server, or of the channel.
        let mut with = own.clone().filter(Column::SourceChannelId.eq(channel)).into_query();
        with.union(UnionType::Distinct, own.filter(Column::TargetChannelId.eq(channel)).into_query());
        self.page(with, start, limit, None).await
    }

    /// The follows of this channel, from all servers, except for those that its moderators ended or haven't
    /// approved.
    pub async fn followers_of(
        &self,
        source: ChannelId,
        start: impl Into<PageStart>,
        limit: u64,
    ) -> Result<Page<Follow>, StoreError> {
        let all = self.count_followers(source).await?;
        let total = all.saturating_sub(self.count_refused(source).await?);
        let refused = BrokenReason::ALL.iter().filter(|reason| reason.is_refusal());
        let counts = Condition::any()
            .add(Column::BrokenReason.is_null())
            .add(Column::BrokenReason.is_not_in(refused.map(|reason| reason.as_str())));
        let of_source = ids(Condition::all().add(Column::SourceChannelId.eq(source.to_db())).add(counts));
        self.page(of_source.into_query(), start.into(), limit, Some(total)).await
    }

    /// What this channel and its threads follow: all follows whose webhook belongs to it.
    pub async fn follows_into(
        &self,
        target: ChannelId,
        cursor: Cursor,
        limit: u64,
    ) -> Result<Page<Follow>, StoreError> {
        let target = target.to_db();
        let either =
            Condition::any().add(Column::TargetChannelId.eq(target)).add(Column::TargetParentId.eq(target));
        self.page(ids(either).into_query(), cursor.into(), limit, None).await
    }

    /// This server's newest follows, for autocompletion (Discord: 25 choices).
    pub async fn follows_for_autocomplete(
        &self,
        guild: GuildId,
        limit: u64,
    ) -> Result<Vec<Follow>, StoreError> {
        let query = without_token().filter(Column::GuildId.eq(guild.to_db())).order_by_desc(Column::Id);
        row::follows(&self.db, query.limit(bounded(limit)).all(&self.db).await?).await
    }

    /// The channels that the bot reads: those that people follow, also through collections, and the sources
    /// of relay follows in any state, unless nobody has approved them yet. A channel may be there twice. What
    /// a paused follow has shown is kept up to date, and a broken one may be resumed.
    pub async fn followed_sources(&self) -> Result<Vec<FollowedSource>, StoreError> {
        let query = "SELECT source_channel_id, source_guild_id, MAX(source_parent_id) AS source_parent_id, \
            COUNT(CASE WHEN threads <> 'none' THEN 1 END) AS threads \
            FROM channel_follows WHERE delivery = 'relay' \
            AND (broken_reason IS NULL OR broken_reason NOT IN ('awaiting_approval', 'declined')) GROUP BY source_channel_id, source_guild_id \
            UNION ALL SELECT followee_id, guild_id, MAX(parent_id), COUNT(CASE WHEN threads THEN 1 END) \
            FROM personal_follows WHERE followee_kind = 'channel' AND guild_id IS NOT NULL GROUP BY followee_id, guild_id \
            UNION ALL SELECT c.channel_id, c.guild_id, MAX(c.parent_id), COUNT(CASE WHEN c.threads THEN 1 END) \
            FROM collection_channels c JOIN followee_counts n \
            ON n.followee_kind = 'collection' AND n.followee_id = c.collection_id GROUP BY c.channel_id, c.guild_id";
        let rows = Sql::new(query, []).rows_of::<SourceRow>(&self.db).await?;
        let source = |row: SourceRow| {
            Ok(FollowedSource {
                channel: ChannelId::from_db(row.source_channel_id)?,
                guild: GuildId::from_db(row.source_guild_id)?,
                parent: row.source_parent_id.map(ChannelId::from_db).transpose()?,
                threads: row.threads > 0,
            })
        };
        rows.into_iter().map(source).collect()
    }

    /// All sources and targets, native or by relay, and the channels of collections; with the channels of
    /// those that are threads.
    pub async fn followed_ends(&self) -> Result<Vec<ChannelId>, StoreError> {
        let query = "SELECT source_channel_id FROM channel_follows UNION SELECT target_channel_id FROM channel_follows \
            UNION SELECT source_parent_id FROM channel_follows WHERE source_parent_id IS NOT NULL \
            UNION SELECT target_parent_id FROM channel_follows WHERE target_parent_id IS NOT NULL \
            UNION SELECT channel_id FROM collection_channels \
            UNION SELECT parent_id FROM collection_channels WHERE parent_id IS NOT NULL";
        self.channels(query).await
    }

    /// The channels with active follows, as source or target, or with a thread that has some; each with its
    /// server.
    pub async fn followed_channels(&self) -> Result<Vec<(GuildId, ChannelId)>, StoreError> {
        let query = "SELECT COALESCE(source_parent_id, source_channel_id), source_guild_id FROM channel_follows WHERE is_active \
            UNION SELECT COALESCE(target_parent_id, target_channel_id), guild_id FROM channel_follows WHERE is_active \
            UNION SELECT COALESCE(parent_id, followee_id), guild_id FROM personal_follows \
            WHERE followee_kind = 'channel' AND guild_id IS NOT NULL";
        let rows = Sql::new(query, []).keyed_rows(&self.db).await?;
        let channel = |(channel, row): (i64, sea_orm::QueryResult)| {
            Ok((GuildId::from_db(row.try_get_by_index(1)?)?, ChannelId::from_db(channel)?))
        };
        rows.into_iter().map(channel).collect()
    }

    async fn channels(&self, query: &str) -> Result<Vec<ChannelId>, StoreError> {
        let ids = Sql::new(query, []).numbers(&self.db).await?;
        channel_ids(ids)
    }

    /// A page of the follows whose numbers `ids` selects; `total` is counted if it isn't known. The query
    /// selects numbers only, because indexes contain them: for whole rows, PostgreSQL may walk all follows
    /// from the newest back.
    async fn page(
        &self,
        ids: SelectStatement,
        start: PageStart,
        limit: u64,
        total: Option<u64>,
    ) -> Result<Page<Follow>, StoreError> {
        let id = || Expr::col("id");
        let listed = Query::select().from_subquery(ids, "listed").to_owned();
        let before = match start {
            PageStart::At(_) => 0,
            PageStart::Number(number) => bounded((number.get() - 1).saturating_mul(limit)),
        };
        let mut page = listed.clone().column("id").limit(bounded(limit)).to_owned();
        match start {
            PageStart::At(Cursor::Newest) => page.order_by("id", Order::Desc),
            PageStart::At(Cursor::OlderThan(than)) => {
                page.and_where(id().lt(than)).order_by("id", Order::Desc)
            }
            PageStart::At(Cursor::NewerThan(than)) => {
                page.and_where(id().gt(than)).order_by("id", Order::Asc)
            }
            PageStart::Number(_) => page.order_by("id", Order::Desc).offset(before),
        };
        let mut rows = without_token().filter(Column::Id.in_subquery(page)).all(&self.db).await?;
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.id));
        let count = async |which: Condition| -> Result<u64, StoreError> {
            let count = listed.clone().expr(id().count()).cond_where(which).to_owned();
            let row = self.db.query_one(&count).await?.ok_or(StoreError::Unreadable("channel_follows"))?;
            Ok(row.try_get_by_index::<i64>(0)?.unsigned_abs())
        };
        let total = match total {
            Some(total) => total,
            None => count(Condition::all()).await?,
        };
        let newer = match (rows.first(), start) {
            (_, PageStart::At(Cursor::Newest)) | (None, PageStart::At(Cursor::NewerThan(_))) => 0,
            (_, PageStart::Number(_)) => Ord::min(before, total),
            (Some(first), PageStart::At(_)) => count(id().gt(first.id).into_condition()).await?,
            (None, PageStart::At(Cursor::OlderThan(than))) => count(id().gte(than).into_condition()).await?,
        };
        Ok(Page { items: row::follows(&self.db, rows).await?, total, newer })
    }
}

/// What of a filter its row alone decides: everything but the channel at either end.
fn passes(wanted: &FollowFilter) -> Condition {
    let state = wanted.state.map(|state| match state {
        FollowStateKind::Active => Column::IsActive.eq(true),
        FollowStateKind::Paused => Column::IsActive.eq(false).and(Column::BrokenReason.is_null()),
        FollowStateKind::Broken => Column::BrokenReason.is_not_null(),
    });
    Condition::all()
        .add_option(wanted.source.map(|source| Column::SourceChannelId.eq(source.to_db())))
        .add_option(wanted.target.map(|target| Column::TargetChannelId.eq(target.to_db())))
        .add_option(wanted.delivery.map(|delivery| Column::Delivery.eq(delivery.as_str())))
        .add_option(state)
}

/// Follows without their webhooks' tokens, which no list needs: whatever has become of one, the follow is
/// listed.
fn without_token() -> Select<Entity> {
    let columns = Column::iter().filter(|column| !matches!(column, Column::WebhookToken));
    Entity::find().select_only().columns(columns).expr_as(Expr::cust("NULL"), "webhook_token")
}

/// The numbers of the follows that pass the filter.
fn ids(filter: impl IntoCondition) -> Select<Entity> {
    Entity::find().select_only().column(Column::Id).filter(filter.into_condition())
}

/// A limit that the databases accept: 63 bits.
pub(super) fn bounded(limit: u64) -> u64 {
    Ord::min(limit, i64::MAX.unsigned_abs())
}
