//! What a follow depends on: whether its source is open to other servers, and what the last check of the
//! follow found.

use std::collections::HashMap;

use sea_orm::ConnectionTrait;
use serde_json::json;

use super::{blocks, list, publication, row, unannounced};
use crate::domain::audit::{AuditAction, ChangeStamp};
use crate::domain::follow::{Audience, Door, Exposure, Follow, FollowId, FollowState, Publication};
use crate::domain::ids::{ChannelId, GuildId, WebhookId};
use crate::domain::permissions::Permissions;
use crate::store::db::entity::channel_follows::Model;
use crate::store::db::locks;
use crate::store::db::sql::Sql;
use crate::store::{Store, StoreError};

/// What a check found out about a follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FollowFindings {
    /// Whether it makes something public that wasn't.
    pub exposure: Exposure,
    /// The permissions that the bot lacks for it.
    pub lacking: Permissions,
    /// Whether its source is age-restricted.
    pub source_restricted: bool,
}

/// The servers of a follow.
#[derive(Debug, Clone, Copy)]
pub(super) struct FollowServers {
    pub(super) source: GuildId,
    pub(super) target: GuildId,
}

impl FollowServers {
    pub(super) fn of(row: &Model) -> Result<Self, StoreError> {
        Ok(Self { source: GuildId::from_db(row.source_guild_id)?, target: GuildId::from_db(row.guild_id)? })
    }

    pub(super) fn differ(self) -> bool {
        self.source != self.target
    }
}

/// Fails if the operator has blocked one of the two servers, or if this source isn't open to the target's
/// server as `door` claims. The caller holds the source's lock, so that nobody closes it before everything is
/// stored. Returns what its moderators chose for followers; for a follow within one server, nothing.
pub(super) async fn require(
    txn: &impl ConnectionTrait,
    door: Door,
    source: ChannelId,
    servers: FollowServers,
) -> Result<Publication, StoreError> {
    require_served(txn, servers).await?;
    if !servers.differ() {
        return Ok(Publication::UNCHOSEN);
    }
    if blocks::is_blocked(txn, servers.source, servers.target).await? {
        return Err(StoreError::Blocked);
    }
    let publication = publication::publication(txn, source).await?;
    match publication.audience.door(door != Door::Published) {
        Some(_) => Ok(publication),
        None => Err(StoreError::Closed),
    }
}

/// Fails if the operator has blocked one of these servers.
async fn require_served(txn: &impl ConnectionTrait, servers: FollowServers) -> Result<(), StoreError> {
    let query = "SELECT guild_id FROM blocked_servers WHERE guild_id IN ($1, $2)";
    let values = [servers.source, servers.target].map(|guild| guild.to_db().into());
    let blocked = Sql::new(query, values).numbers(txn).await?;
    if blocked.is_empty() { Ok(()) } else { Err(StoreError::NotServed) }
}

impl Store {
    /// Follows of or into this server's channels with a number above `after`, oldest first; at most `limit`.
    pub async fn follows_touching(
        &self,
        guild: GuildId,
        after: FollowId,
        limit: u64,
    ) -> Result<Vec<Follow>, StoreError> {
        // One query for each index: an OR would search the follows of all servers, in their order.
        let query = "SELECT * FROM channel_follows WHERE id IN (\
            SELECT id FROM (SELECT id FROM channel_follows WHERE guild_id = $1 AND id > $2 \
                ORDER BY guild_id, id LIMIT $3) AS own UNION \
            SELECT id FROM (SELECT id FROM channel_follows WHERE source_guild_id = $1 AND id > $2 \
                ORDER BY source_guild_id, id LIMIT $3) AS followed) ORDER BY id LIMIT $3";
        let values = [guild.to_db().into(), after.0.into(), list::bounded(limit).cast_signed().into()];
        let rows = Sql::new(query, values).rows_of::<Model>(&self.db).await?;
        row::follows(&self.db, rows).await
    }

    /// The servers that take part in any follow, whatever its state.
    pub async fn followed_servers(&self) -> Result<Vec<GuildId>, StoreError> {
        let query = "SELECT guild_id FROM channel_follows UNION SELECT source_guild_id FROM channel_follows";
        let ids = Sql::new(query, []).numbers(&self.db).await?;
        Ok(ids.into_iter().map(GuildId::from_db).collect::<Result<_, _>>()?)
    }

    /// Who may follow this server's channels, for those where that was chosen.
    pub async fn audiences(&self, guild: GuildId) -> Result<HashMap<ChannelId, Audience>, StoreError> {
        let query = "SELECT channel_id, audience FROM channels WHERE guild_id = $1 AND audience <> 'nobody'";
        let rows = Sql::new(query, [guild.to_db().into()]).keyed_rows(&self.db).await?;
        let audience = |(channel, row): (i64, sea_orm::QueryResult)| {
            let word: String = row.try_get_by_index(1)?;
            let audience = Audience::parse(&word).ok_or(StoreError::Unreadable("audience"))?;
            Ok((ChannelId::from_db(channel)?, audience))
        };
        rows.into_iter().map(audience).collect()
    }

    /// Records what a check found out about a follow, unless it has changed since it was read. With `tell`,
    /// its people should be told.
    pub async fn record_findings(
        &self,
        follow: &Follow,
        found: FollowFindings,
        tell: bool,
    ) -> Result<(), StoreError> {
        let txn = self.write().await?;
        locks::lanes(&*txn, [follow.pair.target]).await?;
        let update = "UPDATE channel_follows SET exposure = $3, lacking = $4, source_restricted = $5 \
            WHERE id = $1 AND exposure = $2 AND is_active = $6 AND COALESCE(broken_reason, '') = $7";
        let reason = match follow.state {
            FollowState::Broken(reason) => reason.as_str(),
            FollowState::Active | FollowState::Paused => "",
        };
        let values = [
            follow.id.0.into(),
            follow.exposure.as_str().into(),
            found.exposure.as_str().into(),
            found.lacking.bits().cast_signed().into(),
            found.source_restricted.into(),
            (follow.state == FollowState::Active).into(),
            reason.into(),
        ];
        let changed = Sql::new(update, values).execute(&*txn).await?;
        if tell && changed > 0 {
            unannounced::note(&*txn, &[follow.id.0]).await?;
        }
        txn.commit().await
    }

    /// Records whether a follow's source is a private thread. That never changes.
    pub async fn note_private(&self, id: FollowId, private: bool) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let update = "UPDATE channel_follows SET source_private = $2 WHERE id = $1";
        Sql::new(update, [id.0.into(), private.into()]).execute(&*txn).await?;
        txn.commit().await
    }

    /// Records that Discord's own following through this webhook has stopped.
    pub async fn note_stopped(&self, id: FollowId, webhook: WebhookId) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let update = "UPDATE channel_follows SET follower_webhook_id = $3 \
            WHERE id = $1 AND follower_webhook_id = $2 AND NOT is_active";
        let values = [id.0.into(), webhook.to_db().into(), row::NO_WEBHOOK.into()];
        Sql::new(update, values).execute(&*txn).await?;
        txn.commit().await
    }

    /// Records that somebody wants a follow to make something public that wasn't.
    pub async fn note_meant(
        &self,
        guild: GuildId,
        id: FollowId,
        stamp: ChangeStamp,
    ) -> Result<(), StoreError> {
        let txn = self.audited_write(stamp).await?;
        let update = "UPDATE channel_follows SET exposure = 'meant' \
            WHERE id = $1 AND guild_id = $2 AND exposure <> 'meant' RETURNING *";
        let changed = Sql::new(update, [id.0.into(), guild.to_db().into()]).rows_of(&**txn).await?;
        let meant = row::follows(&**txn, changed).await?.pop();
        let detail = json!({ "exposure": Exposure::Meant.as_str() });
        txn.commit_follow(meant.as_ref(), AuditAction::FollowChanged, &detail).await
    }
}
