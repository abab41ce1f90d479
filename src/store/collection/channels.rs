//! Which channels a collection has.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;
use serde_json::json;

use super::collections::entry;
use super::follows::note_changed;
use crate::domain::audit::{AuditAction, ChangeStamp};
use crate::domain::collection::{CollectedChannel, MOST_COLLECTED};
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::domain::personal::CollectionId;
use crate::store::db::connect::Write;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

/// What came of adding a channel to a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CollectedAs {
    /// It was added.
    Added,
    /// The collection had it.
    AlreadyThere,
    /// The collection has as many as it may.
    Full,
    /// The server has no such collection.
    NoCollection,
}

#[derive(FromQueryResult)]
struct CollectedRow {
    channel_id: i64,
    guild_id: i64,
    parent_id: Option<i64>,
    threads: bool,
}

#[derive(FromQueryResult)]
struct RemovedRow {
    collection_id: i64,
    channel_id: i64,
    guild_id: i64,
}

/// Notes that a collection's channels change, which locks it. Returns whether the server has it.
async fn touch(txn: &Write, guild: GuildId, id: CollectionId, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let update = "UPDATE collections SET updated_at = $3 WHERE guild_id = $1 AND id = $2";
    let values = [guild.to_db().into(), id.0.into(), stored(at).into()];
    if Sql::new(update, values).execute(&**txn).await? == 0 {
        return Ok(false);
    }
    note_changed(&**txn, id.0).await?;
    Ok(true)
}

impl Store {
    /// Adds a channel to a collection of this server.
    pub async fn collect_channel(
        &self,
        guild: GuildId,
        id: CollectionId,
        collected: CollectedChannel,
        stamp: ChangeStamp,
    ) -> Result<CollectedAs, StoreError> {
        let txn = self.audited_write(stamp).await?;
        if !touch(&txn, guild, id, stamp.at).await? {
            return Ok(CollectedAs::NoCollection);
        }
        let there = "SELECT channel_id FROM collection_channels WHERE collection_id = $1";
        let there = Sql::new(there, [id.0.into()]).numbers(&**txn).await?;
        if there.contains(&collected.channel.to_db()) {
            return Ok(CollectedAs::AlreadyThere);
        }
        if u32::try_from(there.len()).is_ok_and(|there| there >= MOST_COLLECTED) {
            return Ok(CollectedAs::Full);
        }
        let insert = "INSERT INTO collection_channels \
            (collection_id, channel_id, guild_id, parent_id, threads, added_by, created_at) \
            VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let values = [
            id.0.into(),
            collected.channel.to_db().into(),
            collected.guild.to_db().into(),
            collected.parent.map(ChannelId::to_db).into(),
            collected.threads.into(),
            stamp.by.user().map_or(0, UserId::to_db).into(),
            stored(stamp.at).into(),
        ];
        Sql::new(insert, values).execute(&**txn).await?;
        let detail = json!({ "channel": collected.channel });
        txn.commit([entry(guild, id, AuditAction::CollectionChannelAdded, detail)]).await?;
        Ok(CollectedAs::Added)
    }

    /// Removes a channel from a collection of this server. `None` if the server has no such collection, else
    /// whether it had the channel.
    pub async fn drop_collected(
        &self,
        guild: GuildId,
        id: CollectionId,
        channel: ChannelId,
        stamp: ChangeStamp,
    ) -> Result<Option<bool>, StoreError> {
        let txn = self.audited_write(stamp).await?;
        if !touch(&txn, guild, id, stamp.at).await? {
            return Ok(None);
        }
        let delete = "DELETE FROM collection_channels WHERE collection_id = $1 AND channel_id = $2";
        if Sql::new(delete, [id.0.into(), channel.to_db().into()]).execute(&**txn).await? == 0 {
            return Ok(Some(false));
        }
        let detail = json!({ "channel": channel });
        txn.commit([entry(guild, id, AuditAction::CollectionChannelRemoved, detail)]).await?;
        Ok(Some(true))
    }

    /// The channels of a collection, the first ones first.
    pub async fn collected_channels(&self, id: CollectionId) -> Result<Vec<CollectedChannel>, StoreError> {
        let query = "SELECT channel_id, guild_id, parent_id, threads FROM collection_channels \
            WHERE collection_id = $1 ORDER BY created_at, channel_id";
        let rows: Vec<CollectedRow> = Sql::new(query, [id.0.into()]).rows_of(&self.db).await?;
        let read = |row: CollectedRow| {
            Ok(CollectedChannel {
                channel: ChannelId::from_db(row.channel_id)?,
                guild: GuildId::from_db(row.guild_id)?,
                parent: row.parent_id.map(ChannelId::from_db).transpose()?,
                threads: row.threads,
            })
        };
        rows.into_iter().map(read).collect()
    }

    /// Removes a channel that was deleted, and its threads, from all collections, and ends the personal
    /// follows of them. What was posted there need not be kept for feeds any more.
    pub async fn drop_deleted_channel(
        &self,
        channel: ChannelId,
        stamp: ChangeStamp,
    ) -> Result<(), StoreError> {
        const COLLECTED: &str = "channel_id = $1 OR parent_id = $1";
        const FOLLOWED: &str = "followee_kind = 'channel' AND followee_id = $1 OR parent_id = $1";
        const SHOWN: &str = "in_feeds AND (source_channel_id = $1 OR thread_id = $1)";
        let of_it = |statement: String| Sql::new(statement, [channel.to_db().into()]);
        // Checked outside a transaction: most channels are nothing to anybody.
        let query = format!(
            "SELECT 1 WHERE EXISTS (SELECT 1 FROM collection_channels WHERE {COLLECTED}) \
             OR EXISTS (SELECT 1 FROM personal_follows WHERE {FOLLOWED}) OR EXISTS (SELECT 1 FROM activities WHERE {SHOWN})"
        );
        if of_it(query).row(&self.db).await?.is_none() {
            return Ok(());
        }
        let txn = self.audited_write(stamp).await?;
        locks::existing_sources(&**txn, [channel]).await?;
        let delete = format!(
            "DELETE FROM collection_channels WHERE {COLLECTED} RETURNING collection_id, channel_id, \
             (SELECT c.guild_id FROM collections c WHERE c.id = collection_id) AS guild_id"
        );
        let mut rows: Vec<RemovedRow> = of_it(delete).rows_of(&**txn).await?;
        rows.sort_unstable_by_key(|row| (row.channel_id, row.collection_id));
        let changed: BTreeSet<i64> = rows.iter().map(|row| row.collection_id).collect();
        for collection in changed {
            note_changed(&**txn, collection).await?;
        }
        // All at once, so that counts change in the order of their keys.
        of_it(format!("DELETE FROM personal_follows WHERE {FOLLOWED}")).execute(&**txn).await?;
        of_it(format!("UPDATE activities SET in_feeds = FALSE WHERE {SHOWN}")).execute(&**txn).await?;
        let removed = |row: RemovedRow| {
            let (guild, id) = (GuildId::from_db(row.guild_id)?, CollectionId(row.collection_id));
            let detail = json!({ "channel": ChannelId::from_db(row.channel_id)? });
            Ok(entry(guild, id, AuditAction::CollectionChannelRemoved, detail))
        };
        let entries = rows.into_iter().map(removed).collect::<Result<Vec<_>, StoreError>>()?;
        txn.commit(entries).await
    }
}
