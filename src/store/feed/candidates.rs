//! The candidates of a person's feed, newest first, and the follows through which they come.
//!
//! Nothing here knows who may see which channel: a service leaves out what the person may not see.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::domain::activity::ActivityId;
use crate::domain::feed::{FeedCandidate, FeedFilter, FeedPosition, PostContent};
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::personal::{FolloweeKind, PersonalFollowId};
use crate::domain::post_shape::PostShape;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// How many rows of a person's feed are looked at, in the channels that they can read.
pub(in crate::store) const MOST_CANDIDATES: i64 = 2_000;
/// The same of each followee that is pulled.
const MOST_PULLED: i64 = 500;

#[derive(FromQueryResult)]
pub(super) struct PulledRow {
    pub(super) followee_kind: String,
    pub(super) followee_id: i64,
}

#[derive(FromQueryResult)]
struct CandidateRow {
    id: i64,
    source_message_id: i64,
    source_channel_id: i64,
    thread_id: Option<i64>,
    guild_id: i64,
    follow: i64,
}

/// Which follows `f` of the person `$1` let an activity `a` through at the time `$2`.
const LETS_THROUGH: &str = "(f.muted_until IS NULL OR f.muted_until <= $2) AND (f.coverage = 'everything' OR a.shape <> 0) \
    AND (f.mode = 'all' OR (f.mode = 'only') = EXISTS (SELECT 1 FROM personal_follow_tags t \
    JOIN activity_tags g ON g.tag = t.tag WHERE t.follow_id = f.id AND g.activity_id = a.id))";

impl Store {
    /// What a person's feed may show of these channels, newest first: what their follows and the filter let
    /// through; and whether that is everything, or there are more rows than are looked at. Other channels
    /// have no influence on either.
    pub async fn feed_candidates(
        &self,
        user: UserId,
        channels: &[ChannelId],
        filter: &FeedFilter,
        now: DateTime<Utc>,
    ) -> Result<(Vec<FeedCandidate>, bool), StoreError> {
        let is_below = |rows: &[i64], most: i64| i64::try_from(rows.len()).is_ok_and(|rows| rows < most);
        let mut activities = self.pushed(user, channels).await?;
        let mut is_whole = is_below(&activities, MOST_CANDIDATES);
        for followee in self.pulled(user).await? {
            let recent = self.recent_of(followee, channels).await?;
            is_whole &= is_below(&recent, MOST_PULLED);
            activities.extend(recent);
        }
        activities.sort_unstable();
        activities.dedup();
        if activities.is_empty() {
            return Ok((Vec::new(), is_whole));
        }
        Ok((self.let_through(user, activities, filter, now).await?, is_whole))
    }

    /// One activity, if somebody's follows let it through.
    pub async fn feed_candidate(
        &self,
        user: UserId,
        activity: ActivityId,
        now: DateTime<Utc>,
    ) -> Result<Option<FeedCandidate>, StoreError> {
        Ok(self.let_through(user, vec![activity.0], &FeedFilter::default(), now).await?.pop())
    }

    async fn pushed(&self, user: UserId, channels: &[ChannelId]) -> Result<Vec<i64>, StoreError> {
        let query = "SELECT activity_id FROM feed_items WHERE user_id = $1 AND source_channel_id IN ";
        let newest = " ORDER BY position DESC, activity_id DESC LIMIT ";
        let query = Sql::new(query, [user.to_db().into()]).list(channels.iter().map(|one| one.to_db()));
        Ok(query.then(newest).bind(MOST_CANDIDATES).numbers(&self.db).await?)
    }

    /// The followees of a person that are pulled, as the columns in which activities name them.
    pub(super) async fn pulled(&self, user: UserId) -> Result<Vec<PulledRow>, StoreError> {
        let query = "SELECT f.followee_kind, f.followee_id FROM personal_follows f \
            JOIN followee_counts c ON c.followee_kind = f.followee_kind AND c.followee_id = f.followee_id AND c.pulled \
            WHERE f.follower_id = $1";
        Ok(Sql::new(query, [user.to_db().into()]).rows_of(&self.db).await?)
    }

    async fn recent_of(&self, followee: PulledRow, channels: &[ChannelId]) -> Result<Vec<i64>, StoreError> {
        const COLLECTED: &str = "IN (SELECT channel_id FROM collection_channels WHERE collection_id = $1)";
        let (columns, is_it): (&[&str], &str) = match FolloweeKind::parse(&followee.followee_kind) {
            Some(FolloweeKind::User) => (&["author_id"], "= $1"),
            Some(FolloweeKind::Channel) => (&["source_channel_id", "thread_id"], "= $1"),
            Some(FolloweeKind::Collection) => (&["source_channel_id", "thread_id"], COLLECTED),
            None => (&[], ""),
        };
        let mut recent = Vec::new();
        for column in columns {
            let query = format!(
                "SELECT id FROM activities WHERE {column} {is_it} AND in_feeds AND NOT deleted AND source_channel_id IN "
            );
            let query = Sql::new(query, [followee.followee_id.into()]);
            let query = query.list(channels.iter().map(|one| one.to_db()));
            let newest = format!(" ORDER BY source_message_id DESC LIMIT {MOST_PULLED}");
            recent.extend(query.then(&newest).numbers(&self.db).await?);
        }
        Ok(recent)
    }

    async fn let_through(
        &self,
        user: UserId,
        activities: Vec<i64>,
        filter: &FeedFilter,
        now: DateTime<Utc>,
    ) -> Result<Vec<FeedCandidate>, StoreError> {
        let mut sql = Sql::new(
            "WITH wanted AS (SELECT a.id, a.source_message_id, a.source_channel_id, a.thread_id, a.guild_id, a.author_id, a.shape \
             FROM activities a WHERE NOT a.deleted AND a.kind = 'message' AND a.guild_id IS NOT NULL \
             AND a.author_id IS DISTINCT FROM $1",
            [user.to_db().into(), stored(now).into()],
        );
        sql = filtered(sql, filter).then(" AND a.id IN ").list(activities).then(") ");
        let of = |kind: FolloweeKind, on: &str| {
            format!(
                "SELECT a.id, a.source_message_id, a.source_channel_id, a.thread_id, a.guild_id, f.id AS follow \
                 FROM wanted a JOIN personal_follows f ON f.follower_id = $1 AND f.followee_kind = '{}' AND {on} \
                 WHERE {LETS_THROUGH}",
                kind.as_str()
            )
        };
        let people = of(FolloweeKind::User, "f.followee_id = a.author_id");
        // What was posted in a channel's thread comes with the channel only if its threads do.
        let channels = of(
            FolloweeKind::Channel,
            "f.followee_id IN (a.source_channel_id, a.thread_id) \
             AND (a.thread_id IS NULL OR f.threads OR f.followee_id = a.thread_id)",
        );
        let has_it = "EXISTS (SELECT 1 FROM collection_channels c WHERE c.collection_id = f.followee_id \
            AND c.channel_id IN (a.source_channel_id, a.thread_id) \
            AND (a.thread_id IS NULL OR c.threads OR c.channel_id = a.thread_id))";
        let collections = of(FolloweeKind::Collection, has_it);
        sql = match filter.collection {
            Some(only) => sql.then(&format!("{collections} AND f.followee_id = ")).bind(only.0),
            None => sql.then(&format!("{people} UNION ALL {channels} UNION ALL {collections}")),
        };
        let rows: Vec<CandidateRow> = sql.rows_of(&self.db).await?;
        let mut found: HashMap<i64, FeedCandidate> = HashMap::new();
        for row in rows {
            let follow = PersonalFollowId(row.follow);
            match found.get_mut(&row.id) {
                Some(candidate) => candidate.because.push(follow),
                None => {
                    found.insert(row.id, row.read(follow)?);
                }
            }
        }
        let mut candidates: Vec<FeedCandidate> = found.into_values().collect();
        candidates.sort_unstable_by_key(|candidate| std::cmp::Reverse(candidate.position));
        candidates.iter_mut().for_each(|candidate| candidate.because.sort_unstable());
        Ok(candidates)
    }
}

/// All shapes that a filter can name.
const CONTENTS: PostShape = PostShape::LINK
    .union(PostShape::IMAGE)
    .union(PostShape::VIDEO)
    .union(PostShape::AUDIO)
    .union(PostShape::FILE)
    .union(PostShape::POLL);

impl CandidateRow {
    fn read(&self, follow: PersonalFollowId) -> Result<FeedCandidate, StoreError> {
        Ok(FeedCandidate {
            position: FeedPosition {
                message: MessageId::from_db(self.source_message_id)?,
                activity: ActivityId(self.id),
            },
            source: ChannelId::from_db(self.source_channel_id)?,
            thread: self.thread_id.map(ChannelId::from_db).transpose()?,
            server: GuildId::from_db(self.guild_id)?,
            because: vec![follow],
        })
    }
}

fn filtered(mut sql: Sql, filter: &FeedFilter) -> Sql {
    if let Some(author) = filter.author {
        sql = sql.then(" AND a.author_id = ").bind(author.to_db());
    }
    if let Some(channel) = filter.channel {
        sql = sql.then(" AND (a.source_channel_id = ").bind(channel.to_db());
        sql = sql.then(" OR a.thread_id = ").bind(channel.to_db()).then(")");
    }
    if let Some(server) = filter.server {
        sql = sql.then(" AND a.guild_id = ").bind(server.to_db());
    }
    if let Some(tag) = &filter.tag {
        let tagged = " AND EXISTS (SELECT 1 FROM activity_tags g WHERE g.activity_id = a.id AND g.tag = ";
        sql = sql.then(tagged).bind(tag.as_str()).then(")");
    }
    sql = match filter.content.map(PostContent::shape) {
        Some(shape) if shape.is_empty() => sql.then(" AND (a.shape & ").bind(CONTENTS.bits()).then(") = 0"),
        Some(shape) => sql.then(" AND (a.shape & ").bind(shape.bits()).then(") <> 0"),
        None => sql,
    };
    if let Some(after) = filter.after {
        sql = sql.then(" AND a.source_message_id > ").bind(after.to_db());
    }
    sql
}
