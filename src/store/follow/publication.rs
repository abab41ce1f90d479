//! What the followed side chooses for a channel: who may follow it from other servers, whether they are
//! approved first, and where news of them goes.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::{Value, json};

use crate::domain::audit::{AuditAction, AuditEntry, AuditSubject, ChangeStamp, ChangedBy, differences};
use crate::domain::follow::{Approval, Audience, Publication, PublicationChange};
use crate::domain::ids::{ChannelId, GuildId};
use crate::store::audit::write::AuditedWrite;
use crate::store::db::locks;
use crate::store::db::sql::Sql;
use crate::store::{Store, StoreError};

#[derive(FromQueryResult)]
struct PublicationRow {
    audience: String,
    approval: String,
    notify_channel_id: Option<i64>,
    notify_refused: bool,
}

/// What was chosen for followers of this channel from other servers.
pub(super) async fn publication(
    db: &impl ConnectionTrait,
    channel: ChannelId,
) -> Result<Publication, StoreError> {
    let query =
        "SELECT audience, approval, notify_channel_id, notify_refused FROM channels WHERE channel_id = $1";
    let rows: Vec<PublicationRow> = Sql::new(query, [channel.to_db().into()]).rows_of(db).await?;
    rows.into_iter().next().map_or(Ok(Publication::UNCHOSEN), read)
}

fn read(chosen: PublicationRow) -> Result<Publication, StoreError> {
    Ok(Publication {
        audience: Audience::parse(&chosen.audience).ok_or(StoreError::Unreadable("audience"))?,
        approval: Approval::parse(&chosen.approval).ok_or(StoreError::Unreadable("approval"))?,
        notify: chosen.notify_channel_id.map(ChannelId::from_db).transpose()?,
        notify_refused: chosen.notify_refused,
    })
}

/// Stores what is chosen for a locked channel, with its server if that is known. Returns the server.
async fn store_publication(
    txn: &AuditedWrite,
    channel: ChannelId,
    guild: Option<GuildId>,
    now: &Publication,
) -> Result<Option<GuildId>, StoreError> {
    let update = "UPDATE channels SET audience = $2, guild_id = COALESCE($3, guild_id), approval = $4, \
        notify_channel_id = $5, notify_refused = $6 WHERE channel_id = $1 RETURNING guild_id";
    let values = [
        channel.to_db().into(),
        now.audience.as_str().into(),
        guild.map(GuildId::to_db).into(),
        now.approval.as_str().into(),
        now.notify.map(ChannelId::to_db).into(),
        now.notify_refused.into(),
    ];
    let Some(row) = Sql::new(update, values).row(&***txn).await? else { return Ok(None) };
    let guild: Option<i64> = row.try_get_by_index(0)?;
    Ok(guild.map(GuildId::from_db).transpose()?)
}

/// What the audit says of a change; nothing where nothing changed.
fn entry(
    guild: Option<GuildId>,
    channel: ChannelId,
    before: &Publication,
    now: &Publication,
) -> Option<AuditEntry> {
    let detail = |chosen: &Publication| -> Value {
        json!({
            "audience": chosen.audience.as_str(),
            "approval": chosen.approval.as_str(),
            "notify": chosen.notify,
            "notifyRefused": chosen.notify_refused,
        })
    };
    (before != now).then(|| AuditEntry {
        guild,
        action: AuditAction::PublicationChanged,
        subject: AuditSubject::Channel(channel),
        detail: differences(&detail(before), &detail(now)),
    })
}

impl Store {
    /// Who may follow this channel from other servers; nobody, before anyone has chosen.
    pub async fn audience(&self, channel: ChannelId) -> Result<Audience, StoreError> {
        Ok(self.publication(channel).await?.audience)
    }

    /// What was chosen for followers of this channel from other servers.
    pub async fn publication(&self, channel: ChannelId) -> Result<Publication, StoreError> {
        publication(&self.db, channel).await
    }

    /// The same of several channels; those for which nobody has chosen anything are left out.
    pub async fn publications(
        &self,
        channels: &[ChannelId],
    ) -> Result<HashMap<ChannelId, Publication>, StoreError> {
        let query = "SELECT channel_id, audience, approval, notify_channel_id, notify_refused FROM channels \
            WHERE channel_id IN ";
        let ids = channels.iter().map(|channel| channel.to_db());
        let rows = Sql::new(query, []).list(ids).keyed_rows(&self.db).await?;
        let chosen = |(id, row): (i64, sea_orm::QueryResult)| {
            Ok((ChannelId::from_db(id)?, read(PublicationRow::from_query_result(&row, "")?)?))
        };
        rows.into_iter().map(chosen).collect()
    }

    /// Changes that. Returns what applies then. The channel belongs to this server.
    pub async fn set_publication(
        &self,
        channel: ChannelId,
        guild: GuildId,
        change: PublicationChange,
        stamp: ChangeStamp,
    ) -> Result<Publication, StoreError> {
        let txn = self.audited_write(stamp).await?;
        locks::sources(&**txn, [channel]).await?;
        let before = publication(&**txn, channel).await?;
        let now = Publication {
            audience: change.audience.unwrap_or(before.audience),
            approval: change.approval.unwrap_or(before.approval),
            notify: change.notify.unwrap_or(before.notify),
            // Naming the channel again mends what was wrong with it.
            notify_refused: before.notify_refused && change.notify.is_none(),
        };
        store_publication(&txn, channel, Some(guild), &now).await?;
        // Follows by other servers carry only what is published there, unless more was opened to them.
        let only = "UPDATE channel_follows SET published_only = $2 WHERE guild_id <> source_guild_id \
            AND (source_channel_id = $1 OR source_parent_id = $1)";
        Sql::new(only, [channel.to_db().into(), (!now.audience.is_published()).into()])
            .execute(&**txn)
            .await?;
        txn.commit(entry(Some(guild), channel, &before, &now)).await?;
        Ok(now)
    }

    /// Records that the bot may not post news about this channel's followers where it should.
    pub async fn refuse_notify(
        &self,
        channel: ChannelId,
        notify: ChannelId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let refused = |before: Publication| Publication {
            notify_refused: before.notify_refused || before.notify == Some(notify),
            ..before
        };
        self.restrict(channel, refused, now).await
    }

    /// Closes a channel that is gone for good: nobody may follow it any more.
    pub async fn close_channel(&self, channel: ChannelId, now: DateTime<Utc>) -> Result<(), StoreError> {
        // Checked outside a transaction: usually nothing was chosen.
        if self.publication(channel).await? == Publication::UNCHOSEN {
            return Ok(());
        }
        self.restrict(channel, |_| Publication::UNCHOSEN, now).await
    }

    /// Takes back something of what was chosen, because it can't be any more.
    async fn restrict(
        &self,
        channel: ChannelId,
        change: impl FnOnce(Publication) -> Publication,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let txn = self.audited_write(ChangedBy::System.at(now)).await?;
        locks::existing_sources(&**txn, [channel]).await?;
        let before = publication(&**txn, channel).await?;
        let now = change(before);
        let guild = store_publication(&txn, channel, None, &now).await?;
        txn.commit(entry(guild, channel, &before, &now)).await
    }
}
