//! Which channels follow which collections, and how far their follows are in step.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, QueryResult};
use serde_json::json;

use super::collections::entry;
use crate::domain::audit::{AuditAction, ChangeStamp};
use crate::domain::collection::CollectionName;
use crate::domain::collection_follow::{
    CollectionFollow, CollectionFollowId, CollectionFollowOptions, PresentFollow,
};
use crate::domain::follow::{ChannelPair, DeliveryMethod, FollowId, TagMode, ThreadScope};
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::domain::personal::CollectionId;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

const COLUMNS: &str = "f.id, f.collection_id, f.guild_id, f.target_channel_id, f.mode, f.tags, f.threads, \
    f.delivery, f.panels, f.created_by, f.created_at, f.revision, f.synced_revision";

/// A channel's follow of a collection that is about to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCollectionFollow {
    /// The collection.
    pub collection: CollectionId,
    /// The server of both.
    pub guild: GuildId,
    /// The channel that receives.
    pub target: ChannelId,
    /// What was chosen for it.
    pub options: CollectionFollowOptions,
    /// In whose name the channels are followed.
    pub created_by: UserId,
}

/// What became of a collection's follow that should be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CollectionFollowInserted {
    /// It is stored.
    Made(CollectionFollow),
    /// The channel follows that collection already.
    AlreadyThere,
    /// The server has no such collection.
    NoCollection,
}

#[derive(FromQueryResult)]
struct CollectionFollowRow {
    id: i64,
    collection_id: Option<i64>,
    guild_id: i64,
    target_channel_id: i64,
    mode: Option<String>,
    tags: Option<String>,
    threads: Option<String>,
    delivery: Option<String>,
    panels: Option<bool>,
    created_by: i64,
    created_at: DateTime<Utc>,
    revision: i64,
    synced_revision: i64,
}

#[derive(FromQueryResult)]
struct NamedRow {
    #[sea_orm(nested)]
    follow: CollectionFollowRow,
    collection_name: String,
}

#[derive(FromQueryResult)]
struct PresentRow {
    id: i64,
    source_channel_id: i64,
    collection_follow_id: Option<i64>,
}

#[derive(FromQueryResult)]
struct TargetRow {
    guild_id: i64,
    target_channel_id: i64,
}

impl CollectionFollowRow {
    fn read(self) -> Result<CollectionFollow, StoreError> {
        fn word<T>(word: Option<String>, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, StoreError> {
            let unreadable = || StoreError::Unreadable("collection_follows");
            word.map(|word| read(&word).ok_or_else(unreadable)).transpose()
        }
        Ok(CollectionFollow {
            id: CollectionFollowId(self.id),
            collection: self.collection_id.map(CollectionId),
            guild: GuildId::from_db(self.guild_id)?,
            target: ChannelId::from_db(self.target_channel_id)?,
            options: CollectionFollowOptions {
                mode: word(self.mode, TagMode::parse)?,
                tags: self.tags,
                threads: word(self.threads, ThreadScope::parse)?,
                delivery: word(self.delivery, DeliveryMethod::parse)?,
                panels: self.panels,
            },
            created_by: UserId::from_db(self.created_by).ok(),
            created_at: self.created_at,
            revision: self.revision,
            synced_revision: self.synced_revision,
        })
    }
}

/// Notes that a collection's channels have changed, so that whoever follows it has to catch up.
pub(super) async fn note_changed(txn: &impl ConnectionTrait, collection: i64) -> Result<(), DbErr> {
    let update = "UPDATE collection_follows SET revision = revision + 1 WHERE collection_id = $1";
    Sql::new(update, [collection.into()]).execute(txn).await.map(drop)
}

impl Store {
    /// Stores that a channel follows a collection of its server.
    pub async fn insert_collection_follow(
        &self,
        new: &NewCollectionFollow,
        stamp: ChangeStamp,
    ) -> Result<CollectionFollowInserted, StoreError> {
        let txn = self.audited_write(stamp).await?;
        let there = "SELECT id FROM collections WHERE guild_id = $1 AND id = $2";
        let there = Sql::new(there, [new.guild.to_db().into(), new.collection.0.into()]);
        if there.numbers(&**txn).await?.is_empty() {
            return Ok(CollectionFollowInserted::NoCollection);
        }
        let insert = "INSERT INTO collection_follows (collection_id, guild_id, target_channel_id, mode, tags, \
            threads, delivery, panels, created_by, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
            ON CONFLICT DO NOTHING RETURNING id";
        let options = &new.options;
        let values = [
            new.collection.0.into(),
            new.guild.to_db().into(),
            new.target.to_db().into(),
            options.mode.map(|mode| mode.as_str().to_owned()).into(),
            options.tags.clone().into(),
            options.threads.map(|threads| threads.as_str().to_owned()).into(),
            options.delivery.map(|delivery| delivery.as_str().to_owned()).into(),
            options.panels.into(),
            new.created_by.to_db().into(),
            stored(stamp.at).into(),
        ];
        let id = Sql::new(insert, values).numbers(&**txn).await?;
        let Some(id) = id.first().copied() else { return Ok(CollectionFollowInserted::AlreadyThere) };
        let made = CollectionFollow {
            id: CollectionFollowId(id),
            collection: Some(new.collection),
            guild: new.guild,
            target: new.target,
            options: options.clone(),
            created_by: Some(new.created_by),
            created_at: stored(stamp.at),
            revision: 1,
            synced_revision: 0,
        };
        let detail = json!({ "target": new.target });
        txn.commit([entry(new.guild, new.collection, AuditAction::CollectionFollowed, detail)]).await?;
        Ok(CollectionFollowInserted::Made(made))
    }

    /// Ends a follow of a collection: what came from it is taken down from now on. `None` if this server has
    /// no such follow.
    pub async fn end_collection_follow(
        &self,
        guild: GuildId,
        id: CollectionFollowId,
        stamp: ChangeStamp,
    ) -> Result<Option<CollectionFollow>, StoreError> {
        let txn = self.audited_write(stamp).await?;
        let query = format!(
            "SELECT {COLUMNS} FROM collection_follows f WHERE f.guild_id = $1 AND f.id = $2 AND f.collection_id IS NOT NULL"
        );
        let values = [guild.to_db().into(), id.0.into()];
        let found: Vec<CollectionFollowRow> = Sql::new(query, values).rows_of(&**txn).await?;
        let Some(follow) = found.into_iter().next().map(CollectionFollowRow::read).transpose()? else {
            return Ok(None);
        };
        let update =
            "UPDATE collection_follows SET collection_id = NULL WHERE id = $1 AND collection_id = $2";
        let Some(collection) = follow.collection else { return Ok(None) };
        if Sql::new(update, [id.0.into(), collection.0.into()]).execute(&**txn).await? == 0 {
            return Ok(None);
        }
        let detail = json!({ "target": follow.target });
        txn.commit([entry(guild, collection, AuditAction::CollectionUnfollowed, detail)]).await?;
        Ok(Some(follow))
    }

    /// A follow of a collection of this server that hasn't ended.
    pub async fn collection_follow(
        &self,
        guild: GuildId,
        id: CollectionFollowId,
    ) -> Result<Option<CollectionFollow>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM collection_follows f WHERE f.guild_id = $1 AND f.id = $2 AND f.collection_id IS NOT NULL"
        );
        let values = [guild.to_db().into(), id.0.into()];
        let rows: Vec<CollectionFollowRow> = Sql::new(query, values).rows_of(&self.db).await?;
        rows.into_iter().next().map(CollectionFollowRow::read).transpose()
    }

    /// The collections that this server's channels follow, with their names; if one is given, only what
    /// follows that one. The newest first.
    pub async fn collection_follows_of(
        &self,
        guild: GuildId,
        collection: Option<CollectionId>,
    ) -> Result<Vec<(CollectionFollow, CollectionName)>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS}, c.name AS collection_name FROM collection_follows f \
             JOIN collections c ON c.id = f.collection_id \
             WHERE f.guild_id = $1 AND (f.collection_id = $2 OR $2 = 0) ORDER BY f.id DESC"
        );
        let values = [guild.to_db().into(), collection.map_or(0, |one| one.0).into()];
        let rows: Vec<NamedRow> = Sql::new(query, values).rows_of(&self.db).await?;
        let read = |row: NamedRow| {
            let name = CollectionName::new(&row.collection_name);
            Ok((row.follow.read()?, name.ok_or(StoreError::Unreadable("collections"))?))
        };
        rows.into_iter().map(read).collect()
    }

    /// The follows of collections into this target, those included that ended; the first ones first.
    pub async fn collection_follows_into(
        &self,
        target: ChannelId,
    ) -> Result<Vec<CollectionFollow>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM collection_follows f WHERE f.target_channel_id = $1 ORDER BY f.id"
        );
        let rows: Vec<CollectionFollowRow> =
            Sql::new(query, [target.to_db().into()]).rows_of(&self.db).await?;
        rows.into_iter().map(CollectionFollowRow::read).collect()
    }

    /// What this target follows, and what of it comes from collections.
    pub async fn present_follows(&self, target: ChannelId) -> Result<Vec<PresentFollow>, StoreError> {
        let query = "SELECT id, source_channel_id, collection_follow_id FROM channel_follows \
            WHERE target_channel_id = $1 ORDER BY id";
        let rows: Vec<PresentRow> = Sql::new(query, [target.to_db().into()]).rows_of(&self.db).await?;
        let read = |row: PresentRow| {
            Ok(PresentFollow {
                id: FollowId(row.id),
                source: ChannelId::from_db(row.source_channel_id)?,
                from: row.collection_follow_id.map(CollectionFollowId),
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Whether the target follows a collection that has the source.
    pub async fn is_collected(&self, pair: ChannelPair) -> Result<bool, StoreError> {
        let query = "SELECT f.id FROM collection_follows f JOIN collection_channels c ON c.collection_id = f.collection_id \
            WHERE f.target_channel_id = $1 AND c.channel_id = $2 LIMIT 1";
        let values = [pair.target.to_db().into(), pair.source.to_db().into()];
        Ok(!Sql::new(query, values).numbers(&self.db).await?.is_empty())
    }

    /// How many channels are followed because of each of these.
    pub async fn collected_follow_counts(
        &self,
        follows: &[CollectionFollowId],
    ) -> Result<HashMap<CollectionFollowId, u64>, StoreError> {
        let query =
            "SELECT collection_follow_id, COUNT(*) FROM channel_follows WHERE collection_follow_id IN ";
        let query = Sql::new(query, []).list(follows.iter().map(|follow| follow.0));
        let rows = query.then(" GROUP BY collection_follow_id").keyed_rows(&self.db).await?;
        let count = |(id, row): (i64, QueryResult)| {
            Ok((CollectionFollowId(id), row.try_get_by_index::<i64>(1)?.unsigned_abs()))
        };
        rows.into_iter().map(count).collect()
    }

    /// The collections behind these follows, of those that haven't ended.
    pub async fn collections_behind(
        &self,
        follows: impl IntoIterator<Item = CollectionFollowId>,
    ) -> Result<HashMap<CollectionFollowId, CollectionId>, StoreError> {
        let query =
            "SELECT id, collection_id FROM collection_follows WHERE collection_id IS NOT NULL AND id IN ";
        let query = Sql::new(query, []).list(follows.into_iter().map(|follow| follow.0));
        let rows = query.keyed_rows(&self.db).await?;
        let behind = |(id, row): (i64, QueryResult)| {
            Ok((CollectionFollowId(id), CollectionId(row.try_get_by_index(1)?)))
        };
        rows.into_iter().map(behind).collect()
    }

    /// The targets whose follows have to catch up with their collections, each with its server; with `all`,
    /// every target that follows a collection, or has a follow that came from one.
    pub async fn targets_out_of_step(&self, all: bool) -> Result<Vec<(GuildId, ChannelId)>, StoreError> {
        let query = if all {
            "SELECT guild_id, target_channel_id FROM collection_follows \
             UNION SELECT guild_id, target_channel_id FROM channel_follows WHERE collection_follow_id IS NOT NULL"
        } else {
            "SELECT DISTINCT guild_id, target_channel_id FROM collection_follows \
             WHERE collection_id IS NULL OR revision <> synced_revision"
        };
        let rows: Vec<TargetRow> = Sql::new(query, []).rows_of(&self.db).await?;
        let read = |row: TargetRow| {
            Ok((GuildId::from_db(row.guild_id)?, ChannelId::from_db(row.target_channel_id)?))
        };
        rows.into_iter().map(read).collect()
    }

    /// Notes that the follows of this one were brought into step as it was then. One that ended goes, once
    /// nothing comes from it any more.
    pub async fn note_synced(&self, seen: &CollectionFollow) -> Result<(), StoreError> {
        let statement = if seen.collection.is_some() {
            "UPDATE collection_follows SET synced_revision = $2 WHERE id = $1 AND synced_revision < $2"
        } else {
            "DELETE FROM collection_follows WHERE id = $1 AND revision >= $2 AND NOT EXISTS \
             (SELECT 1 FROM channel_follows c WHERE c.collection_follow_id = $1)"
        };
        let txn = self.write().await?;
        Sql::new(statement, [seen.id.0.into(), seen.revision.into()]).execute(&*txn).await?;
        txn.commit().await
    }
}
