//! The collections of a server: made, found, changed, deleted.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::{Value, json};

use crate::domain::audit::{AuditAction, AuditEntry, AuditSubject, ChangeStamp};
use crate::domain::collection::{
    Collection, CollectionDescription, CollectionName, CollectionOptions, MOST_COLLECTIONS,
};
use crate::domain::ids::{GuildId, UserId};
use crate::domain::personal::CollectionId;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

const COLUMNS: &str =
    "c.id, c.guild_id, c.name, c.description, c.open, c.created_by, c.created_at, c.updated_at";

/// Why a collection can't be so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectionConflict {
    /// Another collection of the server has that name.
    NameTaken,
    /// The server has as many as it may.
    Full,
}

/// How much a collection has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CollectionCounts {
    /// Its channels.
    pub channels: u64,
    /// The people who follow it.
    pub followers: u64,
}

#[derive(FromQueryResult)]
struct CollectionRow {
    id: i64,
    guild_id: i64,
    name: String,
    description: Option<String>,
    open: bool,
    created_by: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct CountedRow {
    #[sea_orm(nested)]
    collection: CollectionRow,
    channels: i64,
    followers: i64,
}

impl CollectionRow {
    fn read(self) -> Result<Collection, StoreError> {
        let unreadable = || StoreError::Unreadable("collections");
        let description = match &self.description {
            Some(text) => CollectionDescription::new(text).map_err(|_| unreadable())?,
            None => None,
        };
        Ok(Collection {
            id: CollectionId(self.id),
            guild: GuildId::from_db(self.guild_id)?,
            options: CollectionOptions {
                name: CollectionName::new(&self.name).ok_or_else(unreadable)?,
                description,
                open: self.open,
            },
            created_by: UserId::from_db(self.created_by).ok(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// An entry about this collection.
pub(super) fn entry(guild: GuildId, id: CollectionId, action: AuditAction, detail: Value) -> AuditEntry {
    AuditEntry { guild: Some(guild), action, subject: AuditSubject::Collection(id), detail }
}

/// Makes changes of this server's collections run one after another. SQLite has one writer at a time.
async fn lock_server(txn: &impl ConnectionTrait, guild: GuildId) -> Result<(), StoreError> {
    if locks::has_row_locks(txn) {
        let lock = "SELECT pg_advisory_xact_lock(hashtextextended('collections', $1))";
        Sql::new(lock, [guild.to_db().into()]).row(txn).await?;
    }
    Ok(())
}

/// Whether another collection of the server has this name.
async fn is_taken(
    txn: &impl ConnectionTrait,
    guild: GuildId,
    name: &CollectionName,
    own: Option<CollectionId>,
) -> Result<bool, StoreError> {
    let query = "SELECT id FROM collections WHERE guild_id = $1 AND name_key = $2 AND id <> $3";
    let values = [guild.to_db().into(), name.key().into(), own.map_or(0, |own| own.0).into()];
    Ok(!Sql::new(query, values).numbers(txn).await?.is_empty())
}

async fn find(
    db: &impl ConnectionTrait,
    guild: GuildId,
    id: CollectionId,
) -> Result<Option<Collection>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM collections c WHERE c.guild_id = $1 AND c.id = $2");
    let rows: Vec<CollectionRow> = Sql::new(query, [guild.to_db().into(), id.0.into()]).rows_of(db).await?;
    rows.into_iter().next().map(CollectionRow::read).transpose()
}

fn written(options: &CollectionOptions) -> [sea_orm::Value; 4] {
    [
        options.name.as_str().into(),
        options.name.key().into(),
        options.description.as_ref().map(|text| text.as_str().to_owned()).into(),
        options.open.into(),
    ]
}

impl Store {
    /// Makes a collection.
    pub async fn insert_collection(
        &self,
        guild: GuildId,
        options: &CollectionOptions,
        stamp: ChangeStamp,
    ) -> Result<Result<Collection, CollectionConflict>, StoreError> {
        let txn = self.audited_write(stamp).await?;
        lock_server(&**txn, guild).await?;
        let there = "SELECT COUNT(*) FROM collections WHERE guild_id = $1";
        let there = Sql::new(there, [guild.to_db().into()]).numbers(&**txn).await?;
        if there.first().is_some_and(|there| *there >= i64::from(MOST_COLLECTIONS)) {
            return Ok(Err(CollectionConflict::Full));
        }
        if is_taken(&**txn, guild, &options.name, None).await? {
            return Ok(Err(CollectionConflict::NameTaken));
        }
        let insert = "INSERT INTO collections \
            (name, name_key, description, open, guild_id, created_by, created_at, updated_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7, $7) RETURNING id";
        let by = stamp.by.user().map_or(0, UserId::to_db);
        let values =
            written(options).into_iter().chain([guild.to_db().into(), by.into(), stored(stamp.at).into()]);
        let id = Sql::new(insert, values).numbers(&**txn).await?;
        let id = CollectionId(*id.first().ok_or(StoreError::Unreadable("collections"))?);
        let made = find(&**txn, guild, id).await?.ok_or(StoreError::Unreadable("collections"))?;
        txn.commit([entry(guild, id, AuditAction::CollectionCreated, json!({}))]).await?;
        Ok(Ok(made))
    }

    /// Changes a collection, as `change` says when it sees the present one. `None` if the server has none of
    /// this number.
    pub async fn edit_collection(
        &self,
        guild: GuildId,
        id: CollectionId,
        stamp: ChangeStamp,
        change: impl FnOnce(CollectionOptions) -> CollectionOptions + Send,
    ) -> Result<Option<Result<Collection, CollectionConflict>>, StoreError> {
        let txn = self.audited_write(stamp).await?;
        lock_server(&**txn, guild).await?;
        let Some(present) = find(&**txn, guild, id).await? else { return Ok(None) };
        let options = change(present.options.clone());
        let Some(detail) = present.options.change(&options) else { return Ok(Some(Ok(present))) };
        if is_taken(&**txn, guild, &options.name, Some(id)).await? {
            return Ok(Some(Err(CollectionConflict::NameTaken)));
        }
        let update = "UPDATE collections SET name = $1, name_key = $2, description = $3, open = $4, updated_at = $5 \
            WHERE id = $6";
        let values = written(&options).into_iter().chain([stored(stamp.at).into(), id.0.into()]);
        Sql::new(update, values).execute(&**txn).await?;
        txn.commit([entry(guild, id, AuditAction::CollectionChanged, detail)]).await?;
        Ok(Some(Ok(Collection { options, updated_at: stored(stamp.at), ..present })))
    }

    /// Deletes a collection, with everybody's follows of it. Returns whether the server had it.
    pub async fn delete_collection(
        &self,
        guild: GuildId,
        id: CollectionId,
        stamp: ChangeStamp,
    ) -> Result<bool, StoreError> {
        let txn = self.audited_write(stamp).await?;
        lock_server(&**txn, guild).await?;
        let delete = "DELETE FROM collections WHERE guild_id = $1 AND id = $2";
        let gone = Sql::new(delete, [guild.to_db().into(), id.0.into()]).execute(&**txn).await? > 0;
        txn.commit(gone.then(|| entry(guild, id, AuditAction::CollectionDeleted, json!({})))).await?;
        Ok(gone)
    }

    /// A collection of this server.
    pub async fn collection(
        &self,
        guild: GuildId,
        id: CollectionId,
    ) -> Result<Option<Collection>, StoreError> {
        find(&self.db, guild, id).await
    }

    /// The number of the collection of this server that has this name, in capitals or not.
    pub async fn collection_named(
        &self,
        guild: GuildId,
        name: &CollectionName,
    ) -> Result<Option<CollectionId>, StoreError> {
        let query = "SELECT id FROM collections WHERE guild_id = $1 AND name_key = $2";
        let found = Sql::new(query, [guild.to_db().into(), name.key().into()]).numbers(&self.db).await?;
        Ok(found.first().copied().map(CollectionId))
    }

    /// A collection, whichever server's it is.
    pub async fn collection_anywhere(&self, id: CollectionId) -> Result<Option<Collection>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM collections c WHERE c.id = $1");
        let rows: Vec<CollectionRow> = Sql::new(query, [id.0.into()]).rows_of(&self.db).await?;
        rows.into_iter().next().map(CollectionRow::read).transpose()
    }

    /// The collections of a server, by name.
    pub async fn collections_of(
        &self,
        guild: GuildId,
    ) -> Result<Vec<(Collection, CollectionCounts)>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS}, (SELECT COUNT(*) FROM collection_channels cc WHERE cc.collection_id = c.id) AS channels, \
             COALESCE((SELECT f.followers FROM followee_counts f \
             WHERE f.followee_kind = 'collection' AND f.followee_id = c.id), 0) AS followers \
             FROM collections c WHERE c.guild_id = $1 ORDER BY c.name_key"
        );
        let rows: Vec<CountedRow> = Sql::new(query, [guild.to_db().into()]).rows_of(&self.db).await?;
        let read = |row: CountedRow| {
            let counts = CollectionCounts {
                channels: row.channels.unsigned_abs(),
                followers: row.followers.unsigned_abs(),
            };
            Ok((row.collection.read()?, counts))
        };
        rows.into_iter().map(read).collect()
    }

    /// How many people follow a collection.
    pub async fn collection_followers(&self, id: CollectionId) -> Result<u64, StoreError> {
        let query =
            "SELECT followers FROM followee_counts WHERE followee_kind = 'collection' AND followee_id = $1";
        let found = Sql::new(query, [id.0.into()]).numbers(&self.db).await?;
        Ok(found.first().map_or(0, |count| count.unsigned_abs()))
    }

    /// Removes a person's name from collections, from what they added to some, and from what follows some.
    /// Returns from how many.
    pub(in crate::store) async fn forget_who_collected(&self, user: UserId) -> Result<u64, StoreError> {
        let own = || [user.to_db().into()];
        let txn = self.write().await?;
        let update = "UPDATE collections SET created_by = 0 WHERE created_by = $1";
        let made = Sql::new(update, own()).execute(&*txn).await?;
        let update = "UPDATE collection_channels SET added_by = 0 WHERE added_by = $1";
        let added = Sql::new(update, own()).execute(&*txn).await?;
        let update = "UPDATE collection_follows SET created_by = 0 WHERE created_by = $1";
        let followed = Sql::new(update, own()).execute(&*txn).await?;
        txn.commit().await?;
        Ok(made + added + followed)
    }
}
