//! The rows of `panels`: creating, finding, changing and removing them. What a panel shows is an activity,
//! and its mirrors are deliveries (`mirrors`).

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult};
use serde_json::{Value, json};

use super::changes::{change, entry};
use crate::domain::audit::{AuditAction, ChangeStamp};
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::panel::{MOST_IN_CHANNEL, NewPanel, Panel, PanelId, PanelState};
use crate::domain::shards::Shards;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};
use crate::store::{Store, StoreError};

const COLUMNS: &str = "SELECT id, guild_id, channel_id, kind, title, config, version, data, data_at, message_id, \
    posting_after_id, shown_revision, refresh_seconds, slowed, state, error, created_by, refreshed_at, next_refresh_at \
    FROM panels ";

/// Panels in the servers of some shards: `$1` to `$2` of `$3`. Discord: "Sharding", by the server's id.
const OF_SHARDS: &str = "(guild_id >> 22) % $3 BETWEEN $1 AND $2";
/// Panels in servers that the bot is in. The others wait until it is back, or their server is forgotten.
const STANDING: &str = "guild_id NOT IN (SELECT l.guild_id FROM left_guilds l)";

fn of_shards(shards: Shards) -> [sea_orm::Value; 3] {
    [shards.first(), shards.last(), shards.total()].map(|number| i64::from(number).into())
}

#[derive(FromQueryResult)]
struct PanelRow {
    id: i64,
    guild_id: i64,
    channel_id: i64,
    kind: String,
    title: String,
    config: String,
    version: i32,
    data: Option<String>,
    data_at: Option<DateTime<Utc>>,
    message_id: Option<i64>,
    posting_after_id: Option<i64>,
    shown_revision: Option<i32>,
    refresh_seconds: i32,
    slowed: i32,
    state: String,
    error: Option<String>,
    created_by: i64,
    refreshed_at: Option<DateTime<Utc>>,
    next_refresh_at: DateTime<Utc>,
}

impl PanelRow {
    fn panel(self) -> Result<Panel, StoreError> {
        let json =
            |text: &str| serde_json::from_str(text).map_err(|_| StoreError::Unreadable("panels.config"));
        Ok(Panel {
            id: PanelId(self.id),
            guild: GuildId::from_db(self.guild_id)?,
            channel: ChannelId::from_db(self.channel_id)?,
            kind: self.kind,
            title: self.title,
            config: json(&self.config)?,
            version: self.version,
            data: self.data.as_deref().map(json).transpose()?,
            data_at: self.data_at,
            message: self.message_id.map(MessageId::from_db).transpose()?,
            posting_after: self.posting_after_id.map(MessageId::from_db).transpose()?,
            shown_revision: self.shown_revision,
            refresh: Duration::from_secs(u64::try_from(self.refresh_seconds).unwrap_or(0)),
            slowed: u32::try_from(self.slowed).unwrap_or(0),
            state: PanelState::parse(&self.state).ok_or(StoreError::Unreadable("panels.state"))?,
            error: self.error,
            created_by: UserId::from_db(self.created_by).ok(),
            refreshed_at: self.refreshed_at,
            next_refresh_at: self.next_refresh_at,
        })
    }
}

#[derive(FromQueryResult)]
struct MessageRow {
    message_id: i64,
    id: i64,
}

/// What changes about a panel at once.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelChange {
    /// Its title.
    pub title: String,
    /// What its kind needs to know.
    pub config: Value,
    /// How often it is refreshed.
    pub refresh: Duration,
}

/// Why there is no room for another panel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PanelsFull {
    /// Its channel has as many as it may.
    Channel,
    /// Its server has as many as it may: this number.
    Server(u32),
}

/// What came of moving a panel.
#[derive(Debug, Clone, PartialEq)]
pub enum PanelMove {
    /// This one is in its place.
    Moved(Box<Panel>),
    /// Nothing was changed: the other channel has as many as it may.
    Full,
    /// Nothing was changed: the panel isn't as it was read.
    Changed,
}

impl Store {
    /// Stores a panel that must still be posted; the caller has claimed it until then. A server may have
    /// `most_in_server` panels (`None` for no limit), and a channel [`MOST_IN_CHANNEL`]: beyond that, nothing
    /// is stored.
    pub async fn insert_panel(
        &self,
        new: &NewPanel,
        most_in_server: Option<u32>,
        stamp: ChangeStamp,
        claimed_until: DateTime<Utc>,
    ) -> Result<Result<Panel, PanelsFull>, StoreError> {
        let txn = self.audited_write(stamp).await?;
        if let Some(most) = most_in_server {
            // Otherwise two in different channels of a server would each find room for the last one.
            if txn.get_database_backend() == DbBackend::Postgres {
                let lock = "SELECT pg_advisory_xact_lock(hashtextextended('panels', $1))";
                Sql::new(lock, [new.guild.to_db().into()]).row(&**txn).await?;
            }
            let there = "SELECT COUNT(*) FROM panels WHERE guild_id = $1 AND state <> 'removed'";
            let there = Sql::new(there, [new.guild.to_db().into()]).numbers(&**txn).await?;
            if there.first().is_some_and(|there| *there >= i64::from(most)) {
                return Ok(Err(PanelsFull::Server(most)));
            }
        }
        locks::sources(&**txn, [new.channel]).await?;
        let panel = insert(&**txn, new, stamp.at, claimed_until).await?;
        let detail = json!({ "kind": new.kind, "channel": new.channel, "refresh": seconds(new.refresh) });
        let created = panel.as_ref().map(|panel| entry(panel, AuditAction::PanelCreated, detail));
        txn.commit(created).await?;
        Ok(panel.ok_or(PanelsFull::Channel))
    }

    /// A panel of this server that isn't removed.
    pub async fn panel(&self, guild: GuildId, id: PanelId) -> Result<Option<Panel>, StoreError> {
        let condition = "WHERE guild_id = $1 AND id = $2 AND state <> 'removed'";
        self.panels(Sql::new(format!("{COLUMNS}{condition}"), [guild.to_db().into(), id.0.into()]))
            .await
            .map(|mut all| all.pop())
    }

    /// A panel of any server, named by a button on one of its mirrors.
    pub async fn panel_anywhere(&self, id: PanelId) -> Result<Option<Panel>, StoreError> {
        let condition = "WHERE id = $1 AND state <> 'removed'";
        self.panels(Sql::new(format!("{COLUMNS}{condition}"), [id.0.into()])).await.map(|mut all| all.pop())
    }

    /// A panel as its refresh finds it, in any state.
    pub async fn panel_in_any_state(&self, id: PanelId) -> Result<Option<Panel>, StoreError> {
        let query = Sql::new(format!("{COLUMNS}WHERE id = $1"), [id.0.into()]);
        self.panels(query).await.map(|mut all| all.pop())
    }

    /// The panels of a server, by channel.
    pub async fn panels_of(&self, guild: GuildId) -> Result<Vec<Panel>, StoreError> {
        let condition = "WHERE guild_id = $1 AND state <> 'removed' ORDER BY channel_id, id";
        self.panels(Sql::new(format!("{COLUMNS}{condition}"), [guild.to_db().into()])).await
    }

    /// The messages of all panels, to notice when one is deleted.
    pub async fn panel_messages(&self) -> Result<Vec<(MessageId, PanelId)>, StoreError> {
        let query = "SELECT message_id, id FROM panels WHERE message_id IS NOT NULL";
        let rows: Vec<MessageRow> = Sql::new(query, []).rows_of(&self.db).await?;
        let shown = |row: MessageRow| Ok((MessageId::from_db(row.message_id)?, PanelId(row.id)));
        rows.into_iter().map(shown).collect()
    }

    /// The panels of these shards' servers that are due by now, the longest overdue first.
    pub async fn due_panels(
        &self,
        shards: Shards,
        now: DateTime<Utc>,
        limit: u64,
    ) -> Result<Vec<Panel>, StoreError> {
        // Servers take turns: the first of each, then the second of each.
        let condition = format!(
            "JOIN (SELECT id AS due_id, ROW_NUMBER() OVER (PARTITION BY guild_id ORDER BY next_refresh_at, id) AS turn FROM panels \
             WHERE {OF_SHARDS} AND state <> 'inactive' AND {STANDING} AND next_refresh_at <= $4) AS due ON due.due_id = panels.id \
             ORDER BY due.turn, next_refresh_at LIMIT "
        );
        let values = of_shards(shards).into_iter().chain([stored(now).into()]);
        let query = Sql::new(format!("{COLUMNS}{condition}"), values);
        self.panels(query.bind(i64::try_from(limit).unwrap_or(i64::MAX))).await
    }

    /// When the next panel of these shards' servers is due.
    pub async fn next_panel_due(&self, shards: Shards) -> Result<Option<DateTime<Utc>>, StoreError> {
        let query = format!(
            "SELECT next_refresh_at FROM panels WHERE {OF_SHARDS} AND state <> 'inactive' AND {STANDING} ORDER BY next_refresh_at LIMIT 1"
        );
        let row = Sql::new(query, of_shards(shards)).row(&self.db).await?;
        Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
    }

    /// Claims a panel for a refresh: nobody else gets it before that time. Returns whether it was still as it
    /// is here.
    pub async fn claim_panel(&self, panel: &Panel, until: DateTime<Utc>) -> Result<bool, StoreError> {
        let update = "UPDATE panels SET next_refresh_at = $3 WHERE id = $1 AND next_refresh_at = $2";
        let values = [panel.id.0.into(), stored(panel.next_refresh_at).into(), stored(until).into()];
        Ok(Sql::new(update, values).execute(&self.db).await? > 0)
    }

    /// On SQLite, whose one process has just started: panels that were being posted or removed are taken up
    /// at that time, not when their claim ends.
    pub async fn free_panels(&self, at: DateTime<Utc>) -> Result<(), StoreError> {
        if self.writer_queue.is_none() {
            return Ok(());
        }
        let update = "UPDATE panels SET next_refresh_at = $1 \
            WHERE state <> 'inactive' AND (message_id IS NULL OR state = 'removed') AND next_refresh_at > $1";
        Sql::new(update, [stored(at).into()]).execute(&self.db).await?;
        Ok(())
    }

    /// Has a panel refreshed at that time, or earlier if it is due earlier.
    pub async fn hasten_panel(&self, id: PanelId, at: DateTime<Utc>) -> Result<(), StoreError> {
        let update = "UPDATE panels SET next_refresh_at = $2 WHERE id = $1 AND next_refresh_at > $2 AND state = 'active'";
        Sql::new(update, [id.0.into(), stored(at).into()]).execute(&self.db).await?;
        Ok(())
    }

    /// Changes a panel, unless somebody else did since it was read, and has it refreshed at once. Returns
    /// whether it was changed.
    pub async fn change_panel(
        &self,
        panel: &Panel,
        change: &PanelChange,
        stamp: ChangeStamp,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE panels SET title = $3, config = $4, refresh_seconds = $5, version = version + 1, \
            updated_at = $6, next_refresh_at = $6 WHERE id = $1 AND version = $2 AND state <> 'removed'";
        let values = [
            panel.id.0.into(),
            panel.version.into(),
            change.title.as_str().into(),
            change.config.to_string().into(),
            seconds(change.refresh).into(),
            stored(stamp.at).into(),
        ];
        let txn = self.audited_write(stamp).await?;
        let changed = Sql::new(update, values).execute(&**txn).await? > 0;
        txn.commit(changed.then(|| change.entry(panel)).flatten()).await?;
        Ok(changed)
    }

    /// Activates an inactive panel again: it is posted anew.
    pub async fn revive_panel(&self, id: PanelId, stamp: ChangeStamp) -> Result<(), StoreError> {
        let update = "UPDATE panels SET state = 'active', error = NULL, slowed = 0, updated_at = $2, next_refresh_at = $2 \
            WHERE id = $1 AND state = 'inactive' RETURNING id, guild_id";
        let txn = self.audited_write(stamp).await?;
        let update = Sql::new(update, [id.0.into(), stored(stamp.at).into()]);
        let revived = change(&**txn, update, AuditAction::PanelResumed).await?;
        txn.commit(revived).await
    }

    /// Has a panel removed: its message and its mirrors are deleted, then its row. With a version, only if it
    /// still has that. Returns whether it was there.
    pub async fn remove_panel(
        &self,
        id: PanelId,
        version: Option<i32>,
        stamp: ChangeStamp,
    ) -> Result<bool, StoreError> {
        let txn = self.audited_write(stamp).await?;
        let removed = change(&**txn, mark_removed(id, version, stamp.at), AuditAction::PanelRemoved).await?;
        let was_there = !removed.is_empty();
        txn.commit(removed).await?;
        Ok(was_there)
    }

    /// Deletes a panel's row, after everything else of it is gone.
    pub async fn delete_panel(&self, id: PanelId) -> Result<(), StoreError> {
        Sql::new("DELETE FROM panels WHERE id = $1 AND state = 'removed'", [id.0.into()])
            .execute(&self.db)
            .await?;
        Ok(())
    }

    /// Replaces a panel by one in another channel of its server, unless somebody else has changed it since it
    /// was read.
    pub async fn move_panel(
        &self,
        panel: &Panel,
        channel: ChannelId,
        stamp: ChangeStamp,
        claimed_until: DateTime<Utc>,
    ) -> Result<PanelMove, StoreError> {
        let txn = self.audited_write(stamp).await?;
        locks::sources(&**txn, [panel.channel, channel]).await?;
        // First: a second move at the same time waits here, and then finds it gone.
        if mark_removed(panel.id, Some(panel.version), stamp.at).execute(&**txn).await? == 0 {
            return Ok(PanelMove::Changed);
        }
        let new = NewPanel {
            guild: panel.guild,
            channel,
            kind: panel.kind.clone(),
            title: panel.title.clone(),
            config: panel.config.clone(),
            refresh: panel.refresh,
            created_by: panel.created_by,
        };
        let Some(moved) = insert(&**txn, &new, stamp.at, claimed_until).await? else {
            return Ok(PanelMove::Full);
        };
        let detail = json!({ "panel": [panel.id, moved.id], "channel": [panel.channel, channel] });
        txn.commit([entry(&moved, AuditAction::PanelMoved, detail)]).await?;
        Ok(PanelMove::Moved(Box::new(moved)))
    }

    async fn panels(&self, query: Sql) -> Result<Vec<Panel>, StoreError> {
        query.rows_of::<PanelRow>(&self.db).await?.into_iter().map(PanelRow::panel).collect()
    }
}

async fn insert(
    txn: &impl ConnectionTrait,
    new: &NewPanel,
    now: DateTime<Utc>,
    claimed_until: DateTime<Utc>,
) -> Result<Option<Panel>, StoreError> {
    let there = "SELECT COUNT(*) FROM panels WHERE channel_id = $1 AND state <> 'removed'";
    let there = Sql::new(there, [new.channel.to_db().into()]).numbers(txn).await?;
    if there.first().is_some_and(|there| usize::try_from(*there).is_ok_and(|there| there >= MOST_IN_CHANNEL))
    {
        return Ok(None);
    }
    let insert = "INSERT INTO panels (guild_id, channel_id, kind, title, config, refresh_seconds, created_by, \
        created_at, updated_at, next_refresh_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9) RETURNING id";
    let values = [
        new.guild.to_db().into(),
        new.channel.to_db().into(),
        new.kind.as_str().into(),
        new.title.as_str().into(),
        new.config.to_string().into(),
        seconds(new.refresh).into(),
        new.created_by.map_or(0, UserId::to_db).into(),
        stored(now).into(),
        stored(claimed_until).into(),
    ];
    let id = Sql::new(insert, values).numbers(txn).await?.first().copied().unwrap_or_default();
    let query = Sql::new(format!("{COLUMNS}WHERE id = $1"), [id.into()]);
    query.rows_of::<PanelRow>(txn).await?.pop().map(PanelRow::panel).transpose()
}

fn mark_removed(id: PanelId, version: Option<i32>, now: DateTime<Utc>) -> Sql {
    let update = "UPDATE panels SET state = 'removed', updated_at = $2, next_refresh_at = $2 \
        WHERE id = $1 AND state <> 'removed'";
    let mut update = Sql::new(update, [id.0.into(), stored(now).into()]);
    if let Some(version) = version {
        update = update.then(" AND version = ").bind(version);
    }
    update.then(" RETURNING id, guild_id")
}

pub(super) fn seconds(refresh: Duration) -> i32 {
    i32::try_from(refresh.as_secs()).unwrap_or(i32::MAX)
}
