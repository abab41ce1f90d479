//! Servers that the bot has left: since when, and forgetting what is kept of one. Mirrors stay where they
//! are.

use chrono::{DateTime, Utc};
use sea_orm::{FromQueryResult, Value};

use crate::domain::audit::ChangedBy;
use crate::domain::follow::FollowId;
use crate::domain::ids::GuildId;
use crate::store::db::locks;
use crate::store::db::sql::{CHUNK, Sql, channel_ids, stored};
use crate::store::retention::messages::{ForgetScope, forget_deliveries};
use crate::store::{Removed, Store, StoreError};

/// The sources that are known to be the server's (`$1`). Posts in a followed thread belong to its channel.
pub(in crate::store) const SOURCES: &str = "SELECT source_channel_id FROM channel_follows WHERE source_guild_id = $1 \
    UNION SELECT source_parent_id FROM channel_follows WHERE source_guild_id = $1 AND source_parent_id IS NOT NULL \
    UNION SELECT channel_id FROM panels WHERE guild_id = $1 \
    UNION SELECT channel_id FROM collection_channels WHERE guild_id = $1 \
    UNION SELECT followee_id FROM personal_follows WHERE guild_id = $1 AND followee_kind = 'channel' \
    UNION SELECT source_channel_id FROM activities WHERE in_feeds AND guild_id = $1 \
    UNION SELECT channel_id FROM channels WHERE guild_id = $1 \
    UNION SELECT parent_id FROM channels WHERE guild_id = $1 AND parent_id IS NOT NULL";
/// The targets that are known to be the server's.
const TARGETS: &str = "SELECT target_channel_id FROM channel_follows WHERE guild_id = $1";

#[derive(FromQueryResult)]
struct FollowServerRow {
    id: i64,
    guild_id: i64,
}

impl Store {
    /// Records that the bot has left a server, unless that is known.
    pub async fn guild_left(&self, guild: GuildId, now: DateTime<Utc>) -> Result<(), StoreError> {
        let insert = "INSERT INTO left_guilds (guild_id, left_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        self.change_mark(insert, [guild.to_db().into(), stored(now).into()]).await
    }

    /// Records that the bot is in a server again, so that nothing of it is forgotten. A blocked server still
    /// counts as left, as the bot leaves it again.
    pub async fn guild_back(&self, guild: GuildId) -> Result<(), StoreError> {
        let delete = "DELETE FROM left_guilds WHERE guild_id = $1 \
            AND NOT EXISTS (SELECT 1 FROM blocked_servers b WHERE b.guild_id = $1)";
        self.change_mark(delete, [guild.to_db().into()]).await
    }

    async fn change_mark(
        &self,
        statement: &str,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<(), StoreError> {
        let txn = self.write().await?;
        Sql::new(statement, values).execute(&*txn).await?;
        txn.commit().await
    }

    /// The servers that the bot had left by that time.
    pub async fn left_guilds(&self, by: DateTime<Utc>) -> Result<Vec<GuildId>, StoreError> {
        let query = "SELECT guild_id FROM left_guilds WHERE left_at <= $1 ORDER BY guild_id";
        self.guilds(Sql::new(query, [stored(by).into()])).await
    }

    async fn guilds(&self, query: Sql) -> Result<Vec<GuildId>, StoreError> {
        let ids = query.numbers(&self.db).await?;
        Ok(ids.into_iter().map(GuildId::from_db).collect::<Result<_, _>>()?)
    }

    /// Forgets what is kept of a server that the bot has left, a few rows at a time, and the mark that it was
    /// left last. If interrupted, it starts over. Returns the follows that were removed. A delivery in
    /// another server whose create is in doubt stays until that is settled, and is deleted for its age.
    pub async fn forget_guild(&self, guild: GuildId, now: DateTime<Utc>) -> Result<Vec<Removed>, StoreError> {
        let own = [guild.to_db().into()];
        let sources = Sql::new(SOURCES, own.clone()).numbers(&self.db).await?;
        let targets = Sql::new(TARGETS, own.clone()).numbers(&self.db).await?;
        self.close_lanes(&targets).await?;
        self.forget_deliveries_into(guild).await?;
        for source in &sources {
            self.forget_source(*source).await?;
        }
        let mut removed = Vec::new();
        let query = "SELECT id, guild_id FROM channel_follows WHERE guild_id = $1 OR source_guild_id = $1 ORDER BY id";
        let follows: Vec<FollowServerRow> = Sql::new(query, own.clone()).rows_of(&self.db).await?;
        for FollowServerRow { id, guild_id } in follows {
            let stamp = ChangedBy::System.at(now);
            removed.extend(self.delete_follow(GuildId::from_db(guild_id)?, FollowId(id), stamp).await?);
        }
        for (collection, _) in self.collections_of(guild).await? {
            self.delete_collection(guild, collection.id, ChangedBy::System.at(now)).await?;
        }
        self.forget_audit_of(guild).await?;
        self.forget_rows(guild, &sources, &targets).await?;
        Ok(removed)
    }

    /// Stops sending into these targets: what was in flight or should be withdrawn there is forgotten.
    async fn close_lanes(&self, targets: &[i64]) -> Result<(), StoreError> {
        for targets in targets.chunks(usize::try_from(CHUNK).unwrap_or(usize::MAX)) {
            let txn = self.write().await?;
            locks::existing_lanes(&*txn, channel_ids(targets.iter().copied())?).await?;
            let close = "UPDATE lanes SET in_flight_delivery_id = NULL, in_flight_part = NULL, in_flight_revision = NULL, \
                in_flight_after_id = NULL, in_flight_webhook_id = NULL, settle_at = NULL, webhook_id = NULL, webhook_token = NULL \
                WHERE target_channel_id IN ";
            Sql::new(close, []).list(targets.iter().copied()).execute(&*txn).await?;
            txn.commit().await?;
        }
        Ok(())
    }

    /// Those of its follows, and those of follows into it that were removed before.
    async fn forget_deliveries_into(&self, guild: GuildId) -> Result<(), StoreError> {
        let conditions =
            ["follow_id IN (SELECT f.id FROM channel_follows f WHERE f.guild_id = ", "former_guild_id IN ("];
        for condition in conditions {
            loop {
                let txn = self.write().await?;
                let into = |sql: Sql| sql.then(condition).bind(guild.to_db()).then(")");
                let forgotten = forget_deliveries(&txn, into, ForgetScope::All).await?;
                txn.commit().await?;
                if forgotten == 0 {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Forgets what was posted in a source, and its panels.
    async fn forget_source(&self, source: i64) -> Result<(), StoreError> {
        let mut after = 0;
        loop {
            let query =
                "SELECT id FROM activities WHERE source_channel_id = $1 AND id > $2 ORDER BY id LIMIT $3";
            let some = Sql::new(query, [source.into(), after.into(), CHUNK.into()]).numbers(&self.db).await?;
            let Some(last) = some.last() else { return Ok(()) };
            after = *last;
            self.forget_activities(&some, ForgetScope::All).await?;
        }
    }

    /// Forgets the rest: rows that name the server itself, and those of its channels.
    async fn forget_rows(&self, guild: GuildId, sources: &[i64], targets: &[i64]) -> Result<(), StoreError> {
        let txn = self.write().await?;
        locks::existing_sources(&*txn, channel_ids(sources.iter().copied())?).await?;
        locks::existing_lanes(&*txn, channel_ids(targets.iter().copied())?).await?;
        let channels =
            Sql::new("DELETE FROM channels WHERE channel_id IN ", []).list(sources.iter().copied());
        channels.execute(&*txn).await?;
        let threads = Sql::new("DELETE FROM channels WHERE parent_id IN ", []).list(sources.iter().copied());
        threads.execute(&*txn).await?;
        for table in [
            "panels",
            "guild_checks",
            "left_guilds",
            "follower_blocks",
            "collection_channels",
            "collection_follows",
            "personal_follows",
        ] {
            let delete = format!("DELETE FROM {table} WHERE guild_id = $1");
            Sql::new(delete, [guild.to_db().into()]).execute(&*txn).await?;
        }
        let samples = "DELETE FROM samples WHERE series = $1";
        Sql::new(samples, [format!("server.members:{guild}").into()]).execute(&*txn).await?;
        txn.commit().await
    }
}
