//! Pausing, resuming and breaking follows, each with its effect on their deliveries.
//!
//! A person pauses a follow; a break happens to it. Only an active follow can break: a paused one keeps its
//! pause, because nothing is lost meanwhile, and resuming it checks everything again.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Value};
use serde_json::json;

use super::break_audit::BreakAudit;
use super::break_which::BreakWhich;
use super::change::{FollowWebhook, commit_changed, lock, source_root, target};
use super::doors::FollowServers;
use super::{consent, doors, news, row, unannounced, webhooks};
use crate::domain::audit::{AuditAction, ChangeStamp, ChangedBy};
use crate::domain::follow::{Approval, BrokenReason, DeliveryMethod, Door, Exposure, Follow, FollowId};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::permissions::Permissions;
use crate::store::audit::write::AuditedWrite;
use crate::store::db::entity::channel_follows;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};
use crate::store::lane::deliveries::{BEGUN, SET_DUE};
use crate::store::panel::mirrors;
use crate::store::{Notice, Store, StoreError};

#[derive(FromQueryResult)]
struct FollowChannelsRow {
    id: i64,
    source_channel_id: i64,
    target_channel_id: i64,
}

impl Store {
    /// Pauses a follow, and ends what is due and hasn't begun to show. A create in flight is finished. What
    /// it has shown is still kept up to date. `None` if this server has no such follow; one that isn't active
    /// is returned as it is.
    #[tracing::instrument(name = "transaction", level = "debug", skip_all, fields(of = "pause_follow", server = %guild, follow = id.0))]
    pub async fn pause_follow(
        &self,
        guild: GuildId,
        id: FollowId,
        stamp: ChangeStamp,
    ) -> Result<Option<Follow>, StoreError> {
        let txn = self.audited_write(stamp).await?;
        let Some(row) = lock(&txn, guild, id).await? else { return Ok(None) };
        if !row.is_active {
            return row::one(&**txn, Some(row)).await;
        }
        let update = "UPDATE channel_follows SET is_active = FALSE, updated_at = $2 WHERE id = $1";
        Sql::new(update, [id.0.into(), stored(stamp.at).into()]).execute(&**txn).await?;
        end_unbegun(&**txn, &[id.0]).await?;
        mirrors::sync_follow(&**txn, id.0).await?;
        commit_changed(txn, guild, id, AuditAction::FollowPaused, &json!({})).await
    }

    /// Activates a paused or broken follow again. `None` if this server has no such follow. Edits and
    /// deletions that it missed while it was broken are due again; missed posts aren't. If the source's
    /// moderators ended the follow and want to approve followers, it awaits their approval instead. If they
    /// ended it since it was `seen`, it stays ended and is returned as it is.
    ///
    /// `hook` is the new webhook if the former one is gone. A relay webhook replaces it in all follows
    /// through its channel.
    ///
    /// # Errors
    /// [`StoreError::WrongWebhook`] if the webhook is of another kind than the follow's delivery.
    /// [`StoreError::Closed`] and [`StoreError::Blocked`] if the source was closed to the target's server
    /// meanwhile. [`StoreError::NotServed`] if one of the two servers is blocked.
    #[tracing::instrument(name = "transaction", level = "debug", skip_all, fields(of = "resume_follow", server = %seen.guild, follow = seen.id.0))]
    pub async fn resume_follow(
        &self,
        seen: &Follow,
        hook: Option<&FollowWebhook>,
        door: Door,
        stamp: ChangeStamp,
    ) -> Result<Option<Follow>, StoreError> {
        let (guild, id, now) = (seen.guild, seen.id, stored(stamp.at));
        let txn = self.audited_write(stamp).await?;
        let Some(row) = lock(&txn, guild, id).await? else { return Ok(None) };
        let (root, servers) = (source_root(&row)?, FollowServers::of(&row)?);
        let publication = doors::require(&**txn, door, root, servers).await?;
        let ended = row.broken_reason.as_deref().and_then(BrokenReason::parse);
        if consent::is_dismissed_since(ended, seen) {
            return row::one(&**txn, Some(row)).await;
        }
        let asked = publication.approval == Approval::Ask && ended.is_some_and(BrokenReason::asks_anew);
        let nothing = hook.is_none() && row.follower_webhook_id == Some(row::NO_WEBHOOK);
        let waits = asked || nothing;
        if waits {
            consent::wait(&txn, id, now).await?;
        } else {
            self.store_webhook(&txn, &row, hook, now).await?;
            reactivate(&txn, id, now).await?;
        }
        if servers.differ() && ended.is_some_and(BrokenReason::is_refusal) {
            consent::count_from(&txn, id, now).await?;
            news::note(&**txn, id.0, root, &publication).await?;
        }
        unannounced::forget(&**txn, id.0).await?;
        let action = if waits { AuditAction::FollowWaits } else { AuditAction::FollowResumed };
        self.commit_resumed(txn, &row, action).await
    }

    /// Stores the new webhook of a locked follow, if there is one.
    pub(super) async fn store_webhook(
        &self,
        txn: &AuditedWrite,
        row: &channel_follows::Model,
        hook: Option<&FollowWebhook>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        match (hook, DeliveryMethod::parse(&row.delivery)) {
            (None, _) => Ok(()),
            (Some(FollowWebhook::Relay(webhook)), Some(DeliveryMethod::Relay)) => {
                let (target, target_kind) = target(row)?;
                let channel = target_kind.webhook_channel(target);
                webhooks::replace(&***txn, channel, &self.seal_webhook(webhook), now).await?;
                Ok(())
            }
            (Some(FollowWebhook::Native(webhook)), Some(DeliveryMethod::Native)) => {
                let update = "UPDATE channel_follows SET follower_webhook_id = $2 WHERE id = $1";
                Sql::new(update, [row.id.into(), webhook.to_db().into()]).execute(&***txn).await?;
                Ok(())
            }
            (Some(_), _) => Err(StoreError::WrongWebhook),
        }
    }

    /// Activates a follow again that broke for lack of permissions, if it still is broken for that reason.
    /// Its people should be told, unless they haven't been told about the break.
    #[tracing::instrument(name = "transaction", level = "debug", skip_all, fields(of = "resume_mended", server = %guild, follow = id.0))]
    pub async fn resume_mended(
        &self,
        guild: GuildId,
        id: FollowId,
        door: Door,
        now: DateTime<Utc>,
    ) -> Result<Option<Follow>, StoreError> {
        let txn = self.audited_write(ChangedBy::System.at(now)).await?;
        let Some(row) = lock(&txn, guild, id).await? else { return Ok(None) };
        if row.is_active || row.broken_reason.is_none() || row.lacking == 0 {
            return Ok(None);
        }
        doors::require(&**txn, door, source_root(&row)?, FollowServers::of(&row)?).await?;
        reactivate(&txn, id, stored(now)).await?;
        if !unannounced::forget(&**txn, id.0).await? {
            unannounced::note(&**txn, &[id.0]).await?;
        }
        self.commit_resumed(txn, &row, AuditAction::FollowResumed).await
    }

    /// Commits a transaction that activated a follow, which was like this before, and tells the other
    /// processes.
    pub(super) async fn commit_resumed(
        &self,
        txn: AuditedWrite,
        before: &channel_follows::Model,
        action: AuditAction,
    ) -> Result<Option<Follow>, StoreError> {
        let (guild, id) = (GuildId::from_db(before.guild_id)?, FollowId(before.id));
        self.notify_on_commit(&**txn, &Notice::Follow(id)).await?;
        commit_changed(txn, guild, id, action, &json!({ "from": row::state(before)?.as_str() })).await
    }

    /// Pauses an active or broken follow that would make something public that wasn't, and notes that its
    /// people should be told. What it has shown is no longer kept up to date, except for deletions.
    #[tracing::instrument(name = "transaction", level = "debug", skip_all, fields(of = "stop_exposed", server = %guild, follow = id.0))]
    pub async fn stop_exposed(
        &self,
        guild: GuildId,
        id: FollowId,
        now: DateTime<Utc>,
    ) -> Result<Option<Follow>, StoreError> {
        let txn = self.audited_write(ChangedBy::System.at(now)).await?;
        let Some(row) = lock(&txn, guild, id).await? else { return Ok(None) };
        if row.exposure != Exposure::None.as_str() || !row.is_active && row.broken_reason.is_none() {
            return Ok(None);
        }
        let update = "UPDATE channel_follows SET is_active = FALSE, broken_reason = NULL, lacking = 0, \
            exposure = 'stopped', updated_at = $2 WHERE id = $1";
        Sql::new(update, [id.0.into(), stored(now).into()]).execute(&**txn).await?;
        keep_shown(&**txn, &[id.0]).await?;
        end_unbegun(&**txn, &[id.0]).await?;
        mirrors::sync_follow(&**txn, id.0).await?;
        unannounced::note(&**txn, &[id.0]).await?;
        let detail = json!({ "from": row::state(&row)?.as_str(), "exposure": Exposure::Stopped.as_str() });
        commit_changed(txn, guild, id, AuditAction::FollowPaused, &detail).await
    }

    /// Marks active follows as broken, and ends what is due by them. If the source's moderators end follows,
    /// paused ones are included. Returns the follows as they are now, by id, and notes that their people
    /// should be told ([`take_unannounced`](Self::take_unannounced)).
    pub async fn break_follows(
        &self,
        which: BreakWhich,
        reason: BrokenReason,
        stamp: ChangeStamp,
    ) -> Result<Vec<Follow>, StoreError> {
        self.break_lacking(which, reason, Permissions::empty(), stamp).await
    }

    /// The same, with the permissions that the bot lacks: the follows go on when it has them again.
    pub async fn break_lacking(
        &self,
        which: BreakWhich,
        reason: BrokenReason,
        lacking: Permissions,
        stamp: ChangeStamp,
    ) -> Result<Vec<Follow>, StoreError> {
        let find =
            Sql::new("SELECT id, source_channel_id, target_channel_id FROM channel_follows WHERE ", []);
        let find = which.select(breakable(find, reason)).then(" ORDER BY id");
        // Looked up outside the transaction: usually there are none, and then nothing is locked.
        let found: Vec<FollowChannelsRow> = find.rows_of(&self.db).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let channels = |end: fn(&FollowChannelsRow) -> i64| -> Result<Vec<_>, _> {
            found.iter().map(|ends| ChannelId::from_db(end(ends))).collect()
        };
        let txn = self.audited_write(stamp).await?;
        locks::sources(&**txn, channels(|ends| ends.source_channel_id)?).await?;
        locks::lanes(&**txn, channels(|ends| ends.target_channel_id)?).await?;
        let ended = BreakAudit::read(&**txn, which, reason, found.iter().map(|ends| ends.id)).await?;
        let mut broken: Vec<channel_follows::Model> = Vec::new();
        for chunk in found.chunks(10_000) {
            // Checked again: before the locks were taken, somebody may have resumed it with a new webhook.
            let update = "UPDATE channel_follows SET is_active = FALSE, broken_reason = $1, updated_at = $3, \
                lacking = CASE WHEN $2 = 0 AND $1 IN ('webhook_deleted', 'webhook_moved') THEN lacking ELSE $2 END \
                WHERE ";
            let lacking = lacking.bits().cast_signed();
            let update =
                Sql::new(update, [reason.as_str().into(), lacking.into(), Value::from(stored(stamp.at))]);
            let update = which
                .select(breakable(update, reason))
                .then(" AND id IN ")
                .list(chunk.iter().map(|ends| ends.id));
            let update = update.then(" RETURNING *");
            broken.extend(update.rows_of(&**txn).await?);
        }
        broken.sort_unstable_by_key(|row| row.id);
        let ids: Vec<i64> = broken.iter().map(|row| row.id).collect();
        for ids in ids.chunks(10_000) {
            keep_shown(&**txn, ids).await?;
            end_due(&**txn, ids).await?;
            // Nothing is sent to a server that isn't served any more, not even to withdraw something.
            if !reason.is_of_target() && !matches!(which, BreakWhich::TargetGuild(_)) {
                for id in ids {
                    mirrors::withdraw(&**txn, *id).await?;
                }
            }
            unannounced::note(&**txn, ids).await?;
        }
        let broken = row::follows(&**txn, broken).await?;
        let entries = ended.entries(stamp.by, &broken);
        txn.commit(entries).await?;
        Ok(broken)
    }
}

/// Adds the condition on the state of rows that break. A decision about a follow applies to a paused one,
/// too.
fn breakable(sql: Sql, reason: BrokenReason) -> Sql {
    if reason.is_refusal() {
        let sql = sql.then("(is_active OR COALESCE(broken_reason, '') <> ").bind(reason.as_str());
        sql.then(") AND ")
    } else {
        sql.then("is_active AND ")
    }
}

/// Marks a locked follow as active, and makes due what it missed.
pub(super) async fn reactivate(txn: &AuditedWrite, id: FollowId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let update = "UPDATE channel_follows SET is_active = TRUE, broken_reason = NULL, lacking = 0, \
        exposure = CASE WHEN exposure = 'stopped' THEN 'none' ELSE exposure END, updated_at = $2 WHERE id = $1";
    Sql::new(update, [id.0.into(), now.into()]).execute(&***txn).await?;
    reopen_outdated(&***txn, id.0).await?;
    mirrors::sync_follow(&***txn, id.0).await
}

/// Ends what is due by these follows and hasn't begun to show.
async fn end_unbegun(txn: &impl ConnectionTrait, follows: &[i64]) -> Result<(), DbErr> {
    let update = format!(
        "UPDATE deliveries SET state = 'ended', outcome = 'follow_ended', wait_until = NULL \
         WHERE state = 'due' AND shown_revision IS NULL AND NOT {BEGUN} AND follow_id IN "
    );
    Sql::new(update, []).list(follows.iter().copied()).execute(txn).await?;
    Ok(())
}

/// Ends everything that is due by these follows, begun or not: it can't be delivered any more. A create in
/// flight stays marked, and the lane settles it.
pub(super) async fn end_due(txn: &impl ConnectionTrait, follows: &[i64]) -> Result<(), DbErr> {
    end_due_where(txn, follows, "").await
}

/// The same for messages only: panels are still delivered.
pub(super) async fn end_due_messages(txn: &impl ConnectionTrait, follows: &[i64]) -> Result<(), DbErr> {
    let messages =
        "AND EXISTS (SELECT 1 FROM activities a WHERE a.id = deliveries.activity_id AND a.kind = 'message')";
    end_due_where(txn, follows, messages).await
}

async fn end_due_where(txn: &impl ConnectionTrait, follows: &[i64], which: &str) -> Result<(), DbErr> {
    let update = format!(
        "UPDATE deliveries SET state = 'ended', outcome = 'follow_ended', wait_until = NULL \
         WHERE state = 'due' AND NOT withdrawn {which} AND follow_id IN "
    );
    Sql::new(update, []).list(follows.iter().copied()).execute(txn).await?;
    Ok(())
}

/// Messages that were shown no longer get their edits, but count as shown, so that resuming finds the
/// outdated ones.
async fn keep_shown(txn: &impl ConnectionTrait, follows: &[i64]) -> Result<(), DbErr> {
    let update = "UPDATE deliveries SET state = 'shown', wait_until = NULL, attempts = 0 \
        WHERE state = 'due' AND shown_revision IS NOT NULL AND NOT withdrawn AND follow_id IN ";
    Sql::new(update, []).list(follows.iter().copied()).execute(txn).await?;
    Ok(())
}

/// Makes due again what was edited or deleted while this follow was broken. For an edit, the content must
/// still be known.
async fn reopen_outdated(txn: &impl ConnectionTrait, follow: i64) -> Result<(), DbErr> {
    let update = format!(
        "UPDATE deliveries SET {SET_DUE} WHERE follow_id = $1 AND (\
            state = 'shown' AND shown_revision < (SELECT revision FROM activities a WHERE a.id = deliveries.activity_id \
                AND (a.deleted OR a.content IS NOT NULL)) \
            OR state = 'ended' AND (SELECT deleted FROM activities a WHERE a.id = deliveries.activity_id) \
                AND EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id))"
    );
    Sql::new(update, [follow.into()]).execute(txn).await?;
    Ok(())
}
