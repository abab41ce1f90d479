//! Who doesn't want to be mirrored, and where; and who asked to be forgotten. The transaction that records
//! new messages decides what that means for them (`source::event::followed`); what was mirrored before is
//! withdrawn afterwards (`removal`).

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::removal::{Removal, RemovalKind};
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::domain::opt_out::{OptOut, OptOutScope};
use crate::store::db::locks;
use crate::store::db::sql::{Sql, channel_ids, stored};
use crate::store::server::left;
use crate::store::{Notice, Store, StoreError};

/// How many sources one transaction locks.
const SOURCES: usize = 50;

#[derive(FromQueryResult)]
struct OptOutRow {
    user_id: i64,
    guild_id: i64,
    created_at: DateTime<Utc>,
    until_id: Option<i64>,
}

impl OptOutRow {
    fn read(&self) -> Result<OptOut, StoreError> {
        let until = self.until_id.map(MessageId::from_db).transpose()?;
        Ok(OptOut {
            user: UserId::from_db(self.user_id)?,
            scope: OptOutScope::from_db(self.guild_id)?,
            until,
        })
    }
}

#[derive(FromQueryResult)]
struct RequestRow {
    user_id: i64,
    created_at: DateTime<Utc>,
}

impl Store {
    /// Records that a person doesn't want to be mirrored there. Returns whether that is new: then what was
    /// mirrored must be withdrawn.
    pub async fn opt_out(
        &self,
        user: UserId,
        scope: OptOutScope,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let insert = "INSERT INTO author_opt_outs (user_id, guild_id, created_at) VALUES ($1, $2, $3) \
            ON CONFLICT (user_id, guild_id) DO UPDATE \
            SET created_at = excluded.created_at, until_id = NULL, taken_back = FALSE \
            WHERE author_opt_outs.until_id IS NOT NULL";
        let values = [user.to_db().into(), scope.to_db().into(), stored(now).into()];
        let txn = self.write().await?;
        let new = Sql::new(insert, values).execute(&*txn).await? > 0;
        self.notify_on_commit(&*txn, &Notice::Author).await?;
        txn.commit().await?;
        Ok(new)
    }

    /// Records that a person wants to be mirrored there again, from this message on. "Everywhere" includes
    /// opt-outs of single servers. Returns how many opt-outs that ended.
    pub async fn opt_in(&self, user: UserId, scope: OptOutScope, from: MessageId) -> Result<u64, StoreError> {
        let update = "UPDATE author_opt_outs SET until_id = $2 WHERE user_id = $1 AND until_id IS NULL";
        let update = Sql::new(update, [user.to_db().into(), from.to_db().into()]);
        let update = match scope {
            OptOutScope::Everywhere => update,
            OptOutScope::Server(guild) => update.then(" AND guild_id = ").bind(guild.to_db()),
        };
        let txn = self.write().await?;
        let ended = update.execute(&*txn).await?;
        txn.commit().await?;
        Ok(ended)
    }

    /// Where a person isn't mirrored now.
    pub async fn opt_outs_of(&self, user: UserId) -> Result<Vec<OptOut>, StoreError> {
        let query = "SELECT user_id, guild_id, created_at, until_id FROM author_opt_outs \
            WHERE user_id = $1 AND until_id IS NULL ORDER BY guild_id";
        let rows: Vec<OptOutRow> = Sql::new(query, [user.to_db().into()]).rows_of(&self.db).await?;
        rows.iter().map(OptOutRow::read).collect()
    }

    /// Records that a person wants to be forgotten. Returns whether that is new.
    pub async fn request_forgetting(&self, user: UserId, now: DateTime<Utc>) -> Result<bool, StoreError> {
        let insert =
            "INSERT INTO forget_requests (user_id, created_at) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let txn = self.write().await?;
        let new = Sql::new(insert, [user.to_db().into(), stored(now).into()]).execute(&*txn).await? > 0;
        self.notify_on_commit(&*txn, &Notice::Author).await?;
        txn.commit().await?;
        Ok(new)
    }

    /// What people want withdrawn or forgotten, and isn't yet: the oldest first.
    pub async fn open_removals(&self) -> Result<Vec<Removal>, StoreError> {
        let query =
            "SELECT user_id, guild_id, created_at, until_id FROM author_opt_outs WHERE NOT taken_back";
        let rows: Vec<OptOutRow> = Sql::new(query, []).rows_of(&self.db).await?;
        let mut removals = Vec::new();
        for row in rows {
            let opt_out = row.read()?;
            removals.push(Removal { opt_out, since: row.created_at, manner: RemovalKind::Withhold });
        }
        let query = "SELECT user_id, created_at FROM forget_requests";
        let rows: Vec<RequestRow> = Sql::new(query, []).rows_of(&self.db).await?;
        for row in rows {
            let user = UserId::from_db(row.user_id)?;
            let opt_out = OptOut { user, scope: OptOutScope::Everywhere, until: None };
            removals.push(Removal { opt_out, since: row.created_at, manner: RemovalKind::MirrorsGo });
        }
        removals.sort_by_key(|removal| removal.since);
        Ok(removals)
    }

    /// Records that nothing is left to withdraw, unless that was requested again meanwhile.
    pub async fn end_removal(&self, removal: &Removal) -> Result<(), StoreError> {
        let Removal { opt_out: OptOut { user, scope, .. }, since, manner } = removal;
        let (user, since) = (user.to_db().into(), stored(*since).into());
        let end = match manner {
            RemovalKind::Withhold => {
                let update = "UPDATE author_opt_outs SET taken_back = TRUE \
                    WHERE user_id = $1 AND created_at = $2 AND guild_id = $3";
                Sql::new(update, [user, since, scope.to_db().into()])
            }
            RemovalKind::MirrorsGo | RemovalKind::MirrorsStay => {
                Sql::new("DELETE FROM forget_requests WHERE user_id = $1 AND created_at = $2", [user, since])
            }
        };
        let txn = self.write().await?;
        end.execute(&*txn).await?;
        txn.commit().await
    }

    /// Forgets opt-outs that ended before this message. Returns how many.
    pub(in crate::store) async fn forget_ended_opt_outs(&self, before: MessageId) -> Result<u64, StoreError> {
        let delete = "DELETE FROM author_opt_outs WHERE until_id < $1 AND taken_back";
        let txn = self.write().await?;
        let forgotten = Sql::new(delete, [before.to_db().into()]).execute(&*txn).await?;
        txn.commit().await?;
        Ok(forgotten)
    }

    /// Takes and releases the locks of the sources in this opt-out's scope. Whoever records something there
    /// afterwards knows about the opt-out, and what others recorded before is in the database.
    pub async fn pass_sources(&self, scope: OptOutScope) -> Result<(), StoreError> {
        if !locks::has_row_locks(&self.db) {
            return Ok(());
        }
        let sources = match scope {
            OptOutScope::Everywhere => Sql::new(
                "SELECT DISTINCT source_channel_id FROM channel_follows ORDER BY source_channel_id",
                [],
            ),
            OptOutScope::Server(guild) => Sql::new(left::SOURCES, [guild.to_db().into()]),
        };
        let mut sources: Vec<ChannelId> = channel_ids(sources.numbers(&self.db).await?)?;
        sources.sort_unstable();
        for some in sources.chunks(SOURCES) {
            let txn = self.write().await?;
            locks::existing_sources(&*txn, some.iter().copied()).await?;
            txn.commit().await?;
        }
        Ok(())
    }
}
