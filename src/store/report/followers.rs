//! What became of a message in each of its source's followers: all details for a few of them, and counts by
//! the same facts for all of them, in one statement, so that a hundred thousand aren't read one by one.
//!
//! In these statements, `a` is the message, recorded or not, and `f` the follow.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, QueryFilter, QueryOrder, Value};

use crate::domain::activity::{ActivityId, DeliveryEnding, Mirror, Origin, Revision};
use crate::domain::follow::{DeliveryMethod, Follow, FollowId};
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::place::SourcePlace;
use crate::domain::report::{
    DeliveryFacts, DeliveryState, FollowerFacts, LeftOut, QueuePosition, ShownRevision,
};
use crate::store::db::entity::{channel_follows, mirrors};
use crate::store::db::sql::{Sql, stored};
use crate::store::follow::matching::{self, REACHES, TAGGED};
use crate::store::follow::row::{self, STATE_WORD, read_state};
use crate::store::lane::mirrors::read_mirror;
use crate::store::{Store, StoreError};

/// A message that somebody asks about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageFacts {
    /// Its row; `None` if it wasn't recorded, or has been forgotten.
    pub activity: Option<ActivityId>,
    /// Where it comes from.
    pub origin: Origin,
    /// The source: its channel, or that of its thread.
    pub source: ChannelId,
    /// Its thread, if that belongs to the source.
    pub thread: Option<ChannelId>,
    /// Where in the source it was posted.
    pub place: SourcePlace,
    /// The newest revision.
    pub revision: Revision,
    /// It was deleted, or counts as deleted.
    pub deleted: bool,
    /// Its author doesn't want it mirrored.
    pub withheld: bool,
    /// Who wrote it: a person, or a webhook.
    pub author: Option<UserId>,
    /// The keys of its tags.
    pub tags: Vec<String>,
}

impl MessageFacts {
    /// When it was posted.
    pub fn posted_at(&self) -> DateTime<Utc> {
        self.origin.message().created_at()
    }

    /// The channels whose followers it may concern.
    fn sources(&self) -> Vec<i64> {
        self.thread.into_iter().chain([self.source]).map(ChannelId::to_db).collect()
    }
}

/// What became of a message in one follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageInFollower {
    /// The follow.
    pub follow: Follow,
    /// The facts.
    pub facts: FollowerFacts,
    /// When its turn comes.
    pub turn: QueuePosition,
    /// The mirrors that show it, by part.
    pub mirrors: Vec<Mirror>,
}

/// The one message that is asked about, recorded or not. Its values are `$1` to `$6`.
const ONE: &str = "WITH a AS (SELECT CAST($1 AS BIGINT) AS id, CAST($2 AS TEXT) AS kind, CAST($3 AS BIGINT) AS source_channel_id, \
    CAST($4 AS BIGINT) AS thread_id, CAST($5 AS TEXT) AS place, CAST($6 AS INTEGER) AS revision) ";

/// The facts, as words, since the databases represent booleans differently.
fn facts() -> String {
    format!(
        "f.delivery AS method, \
         {STATE_WORD} AS state, \
         CASE WHEN a.kind = 'panel' THEN CASE WHEN f.panels THEN '' ELSE 'panels' END \
            WHEN NOT {REACHES} THEN 'threads' \
            WHEN a.id IS NULL OR f.mode = 'all' OR (f.mode = 'only') = {TAGGED} THEN '' ELSE 'tags' END AS left_out, \
         COALESCE(d.outcome, d.state, '') AS delivery_state, \
         CASE WHEN d.shown_revision IS NULL THEN 'never' WHEN d.shown_revision < a.revision THEN 'older' \
            ELSE 'newest' END AS shown, \
         CASE WHEN EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = d.id) THEN 'yes' ELSE '' END AS mirrored, \
         CASE WHEN d.withdrawn THEN 'yes' ELSE '' END AS withdrawn"
    )
}

const FROM: &str = " FROM a JOIN channel_follows f ON f.source_channel_id IN (a.source_channel_id, a.thread_id) \
    LEFT JOIN deliveries d ON d.activity_id = a.id AND d.target_channel_id = f.target_channel_id ";

/// The place of a delivery in its lane. What goes before matters only if it was never shown.
const TURN: &str = "d.id AS delivery_id, COALESCE(d.attempts, 0) AS attempts, d.wait_until, l.wait_until AS lane_until, \
    CASE WHEN l.in_flight_delivery_id = d.id THEN 'yes' ELSE '' END AS in_flight, \
    CASE WHEN d.state = 'due' AND d.shown_revision IS NULL THEN (SELECT COUNT(*) FROM deliveries w \
        WHERE w.target_channel_id = d.target_channel_id AND w.state = 'due' AND w.shown_revision IS NULL \
        AND w.position < d.position) ELSE 0 END AS ahead";

#[derive(FromQueryResult)]
struct FactsRow {
    method: String,
    state: String,
    left_out: String,
    delivery_state: String,
    shown: String,
    mirrored: String,
    withdrawn: String,
}

impl FactsRow {
    fn read(&self, before: bool) -> Result<FollowerFacts, StoreError> {
        let state = read_state(&self.state)?;
        let left_out = match self.left_out.as_str() {
            "tags" => Some(LeftOut::Tags),
            "threads" => Some(LeftOut::Threads),
            "panels" => Some(LeftOut::Panels),
            _ => None,
        };
        let delivery = match self.delivery_state.as_str() {
            "" => None,
            "due" => Some(DeliveryState::Due),
            "shown" => Some(DeliveryState::Shown),
            outcome => {
                let ending = DeliveryEnding::parse(outcome).ok_or(StoreError::Unreadable("outcome"))?;
                Some(DeliveryState::Ended(ending))
            }
        };
        let shown = match self.shown.as_str() {
            "newest" => ShownRevision::Newest,
            "older" => ShownRevision::Older,
            _ => ShownRevision::Never,
        };
        let (mirrored, withdrawn) = (self.mirrored == "yes", self.withdrawn == "yes");
        Ok(FollowerFacts {
            method: DeliveryMethod::parse(&self.method).ok_or(StoreError::Unreadable("delivery"))?,
            state,
            before,
            left_out,
            delivery: delivery.map(|state| DeliveryFacts { state, shown, mirrored, withdrawn }),
        })
    }
}

#[derive(FromQueryResult)]
struct CountRow {
    #[sea_orm(nested)]
    facts: FactsRow,
    before: String,
    count: i64,
}

#[derive(FromQueryResult)]
struct FollowerRow {
    follow_id: i64,
    #[sea_orm(nested)]
    facts: FactsRow,
    delivery_id: Option<i64>,
    attempts: i32,
    wait_until: Option<DateTime<Utc>>,
    lane_until: Option<DateTime<Utc>>,
    in_flight: String,
    ahead: i64,
}

#[derive(FromQueryResult)]
struct MessageFactsRow {
    id: i64,
    origin: String,
    source_channel_id: Option<i64>,
    thread_id: Option<i64>,
    place: String,
    revision: i32,
    deleted: bool,
    withheld: bool,
    author_id: Option<i64>,
}

const ASKED: &str = "SELECT id, origin, source_channel_id, thread_id, place, revision, deleted, withheld, author_id FROM activities ";

impl Store {
    /// What is known about a message of a source, or about a panel that it shows.
    pub async fn message_facts(
        &self,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<Option<MessageFacts>, StoreError> {
        let origins = [Origin::Message { channel, message }, Origin::Panel { channel, message }];
        let query = Sql::new(format!("{ASKED}WHERE origin IN "), []);
        self.read_message_facts(query.list(origins.map(|origin| origin.to_string())))
            .await
            .map(|mut found| found.pop())
    }

    /// What is known about this activity.
    pub async fn message_facts_by_id(
        &self,
        activity: ActivityId,
    ) -> Result<Option<MessageFacts>, StoreError> {
        let query = Sql::new(format!("{ASKED}WHERE id = $1"), [activity.0.into()]);
        self.read_message_facts(query).await.map(|mut found| found.pop())
    }

    /// The newest recorded messages of this channel or thread, newest first.
    pub async fn newest_message_facts(
        &self,
        source: ChannelId,
        limit: u64,
    ) -> Result<Vec<MessageFacts>, StoreError> {
        let query = format!(
            "{ASKED}WHERE (source_channel_id = $1 OR thread_id = $1) AND origin LIKE 'discord:%' \
             ORDER BY source_message_id DESC LIMIT $2"
        );
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read_message_facts(Sql::new(query, [source.to_db().into(), limit.into()])).await
    }

    async fn read_message_facts(&self, query: Sql) -> Result<Vec<MessageFacts>, StoreError> {
        let rows: Vec<MessageFactsRow> = query.rows_of(&self.db).await?;
        let mut tags: HashMap<i64, Vec<String>> = HashMap::new();
        for (id, tag) in matching::tags_of(&self.db, rows.iter().map(|row| row.id).collect()).await? {
            tags.entry(id).or_default().push(tag);
        }
        let asked = |row: MessageFactsRow| {
            let origin: Origin = row.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
            let source = row.source_channel_id.map(ChannelId::from_db).transpose()?;
            Ok(MessageFacts {
                activity: Some(ActivityId(row.id)),
                origin,
                source: source.unwrap_or(origin.channel()),
                thread: row.thread_id.map(ChannelId::from_db).transpose()?,
                place: SourcePlace::parse(&row.place).ok_or(StoreError::Unreadable("place"))?,
                revision: Revision(row.revision),
                deleted: row.deleted,
                withheld: row.withheld,
                author: row.author_id.map(UserId::from_db).transpose()?,
                tags: tags.remove(&row.id).unwrap_or_default(),
            })
        };
        rows.into_iter().map(asked).collect()
    }

    /// What became of a message in all followers of its source: each combination of facts, and how many have
    /// it.
    pub async fn count_followers_by_facts(
        &self,
        asked: &MessageFacts,
    ) -> Result<Vec<(FollowerFacts, u64)>, StoreError> {
        let posted = stored(asked.posted_at());
        let query = one(asked)
            .then(&format!("SELECT {}, CASE WHEN f.created_at > ", facts()))
            .bind(posted)
            .then(" THEN 'yes' ELSE '' END AS before, COUNT(*) AS count")
            .then(FROM)
            .then("GROUP BY 1, 2, 3, 4, 5, 6, 7, 8");
        let rows: Vec<CountRow> = query.rows_of(&self.db).await?;
        rows.iter().map(|row| Ok((row.facts.read(row.before == "yes")?, row.count.unsigned_abs()))).collect()
    }

    /// What became of a message in some followers of its source: those of this server first, then the newest.
    pub async fn followers_with_facts(
        &self,
        asked: &MessageFacts,
        server: GuildId,
        limit: u64,
    ) -> Result<Vec<MessageInFollower>, StoreError> {
        let find = Sql::new("SELECT id FROM channel_follows WHERE source_channel_id IN ", []);
        let find = find.list(asked.sources()).then(" ORDER BY CASE WHEN guild_id = ").bind(server.to_db());
        let find =
            find.then(" THEN 0 ELSE 1 END, id DESC LIMIT ").bind(i64::try_from(limit).unwrap_or(i64::MAX));
        let ids = find.numbers(&self.db).await?;
        self.in_followers(asked, ids).await
    }

    /// What became of a message in one follow.
    pub async fn in_follow(
        &self,
        asked: &MessageFacts,
        follow: FollowId,
    ) -> Result<Option<MessageInFollower>, StoreError> {
        Ok(self.in_followers(asked, vec![follow.0]).await?.pop())
    }

    /// How many targets still show a message although they no longer follow its source.
    pub async fn count_former_followers(&self, asked: &MessageFacts) -> Result<u64, StoreError> {
        let Some(activity) = asked.activity else { return Ok(0) };
        let query = "SELECT COUNT(*) FROM deliveries d WHERE d.activity_id = $1 AND d.follow_id IS NULL \
            AND EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = d.id) \
            AND NOT EXISTS (SELECT 1 FROM channel_follows f WHERE f.target_channel_id = d.target_channel_id \
                AND f.source_channel_id IN ";
        let query = Sql::new(query, [activity.0.into()]).list(asked.sources()).then(")");
        Ok(query.numbers(&self.db).await?.first().map_or(0, |count| count.unsigned_abs()))
    }

    /// In this order, for those that follow the message's source.
    async fn in_followers(
        &self,
        asked: &MessageFacts,
        ids: Vec<i64>,
    ) -> Result<Vec<MessageInFollower>, StoreError> {
        let query = one(asked)
            .then(&format!("SELECT f.id AS follow_id, {}, {TURN}{FROM}", facts()))
            .then("LEFT JOIN lanes l ON l.target_channel_id = f.target_channel_id WHERE f.id IN ")
            .list(ids.iter().copied());
        let rows: Vec<FollowerRow> = query.rows_of(&self.db).await?;
        let found = channel_follows::Entity::find()
            .filter(channel_follows::Column::Id.is_in(ids.iter().copied()))
            .all(&self.db)
            .await?;
        let follows = row::follows(&self.db, found).await?;
        let mut follows: HashMap<i64, Follow> =
            follows.into_iter().map(|follow| (follow.id.0, follow)).collect();
        let mut mirrors = self.mirrors_of(rows.iter().filter_map(|row| row.delivery_id)).await?;
        let mut read = HashMap::new();
        for row in rows {
            // Removed between the two queries.
            let Some(follow) = follows.remove(&row.follow_id) else { continue };
            let mirrors = row.delivery_id.and_then(|delivery| mirrors.remove(&delivery)).unwrap_or_default();
            read.insert(row.follow_id, in_follower(row, follow, mirrors, asked.posted_at())?);
        }
        Ok(ids.iter().filter_map(|id| read.remove(id)).collect())
    }

    /// The mirrors of these deliveries.
    async fn mirrors_of(
        &self,
        deliveries: impl Iterator<Item = i64>,
    ) -> Result<HashMap<i64, Vec<Mirror>>, StoreError> {
        let found = mirrors::Entity::find()
            .filter(mirrors::Column::DeliveryId.is_in(deliveries))
            .order_by_asc(mirrors::Column::Part)
            .all(&self.db)
            .await?;
        let mut mirrors: HashMap<i64, Vec<Mirror>> = HashMap::new();
        for row in found {
            mirrors.entry(row.delivery_id).or_default().push(read_mirror(row)?);
        }
        Ok(mirrors)
    }
}

/// Begins a statement about this message.
fn one(asked: &MessageFacts) -> Sql {
    let values = [
        Value::BigInt(asked.activity.map(|activity| activity.0)),
        asked.origin.kind().into(),
        asked.source.to_db().into(),
        Value::BigInt(asked.thread.map(ChannelId::to_db)),
        asked.place.as_str().into(),
        asked.revision.0.into(),
    ];
    Sql::new(ONE, values)
}

fn in_follower(
    row: FollowerRow,
    follow: Follow,
    mirrors: Vec<Mirror>,
    posted_at: DateTime<Utc>,
) -> Result<MessageInFollower, StoreError> {
    Ok(MessageInFollower {
        facts: row.facts.read(follow.created_at > posted_at)?,
        turn: QueuePosition {
            attempts: u32::try_from(row.attempts).unwrap_or(0),
            wait_until: row.wait_until,
            lane_until: row.lane_until,
            in_flight: row.in_flight == "yes",
            ahead: row.ahead.unsigned_abs(),
        },
        follow,
        mirrors,
    })
}
