//! Pausing, resuming and breaking follows, each together with what it means for what they owe.
//!
//! Pausing is a person's choice, breaking is something that happened. Only an active follow can break: a paused
//! one keeps its pause, because nothing is lost while it rests, and resuming it looks at everything anew.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, FromQueryResult, Value};

use super::connect::Write;
use super::deliveries::{BEGUN, DUE};
use super::doors::Servers;
use super::entity::channel_follows;
use super::follows::{Hook, by_id, lock, source_root, target};
use super::sql::{Sql, stored};
use super::{
    Signal, Store, StoreError, doors, follow_consent, follow_row, follower_news, gates, panel_mirrors,
    untold, webhooks,
};
use crate::domain::follow::{Approval, BrokenReason, Delivery, Door, Exposure, Follow, FollowId};
use crate::domain::ids::{ChannelId, GuildId, WebhookId};
use crate::domain::permissions::Permissions;

/// Which active follows something happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakWhich {
    /// This one.
    Follow(FollowId),
    /// All that follow this channel, or a thread of it.
    Source(ChannelId),
    /// Those by relay that follow this channel: the bot must be able to read it, Discord's own following
    /// needn't the bot.
    RelaySource(ChannelId),
    /// Those from other servers that follow this channel.
    CrossServerOf(ChannelId),
    /// All into this channel, or a thread of it.
    Target(ChannelId),
    /// All that follow channels of this server.
    SourceGuild(GuildId),
    /// All into channels of this server.
    TargetGuild(GuildId),
    /// Those by relay into this channel, or a thread of it.
    RelayTarget(ChannelId),
    /// Native ones of this channel.
    NativeSource(ChannelId),
    /// Those by relay into this channel or thread itself.
    RelayInto(ChannelId),
    /// Those by relay that use this webhook of the bot's.
    RelayWebhook(WebhookId),
    /// The native one that is this webhook of Discord's.
    FollowerWebhook(WebhookId),
    /// All from the second of these servers that follow channels of the first.
    OfServer(GuildId, GuildId),
}

impl BreakWhich {
    /// Adds the condition on a row.
    fn select(self, sql: Sql) -> Sql {
        match self {
            Self::Follow(id) => sql.then("id = ").bind(id.0),
            Self::Source(channel) => either(sql, "source", channel),
            Self::RelaySource(channel) => either(sql.then("delivery = 'relay' AND "), "source", channel),
            Self::CrossServerOf(channel) => {
                either(sql.then("guild_id <> source_guild_id AND "), "source", channel)
            }
            Self::Target(channel) => either(sql, "target", channel),
            Self::RelayTarget(channel) => either(sql.then("delivery = 'relay' AND "), "target", channel),
            Self::NativeSource(channel) => either(sql.then("delivery = 'native' AND "), "source", channel),
            Self::SourceGuild(guild) => sql.then("source_guild_id = ").bind(guild.to_db()),
            Self::TargetGuild(guild) => sql.then("guild_id = ").bind(guild.to_db()),
            Self::RelayInto(target) => {
                sql.then("delivery = 'relay' AND target_channel_id = ").bind(target.to_db())
            }
            Self::RelayWebhook(webhook) => sql.then("webhook_id = ").bind(webhook.to_db()),
            Self::FollowerWebhook(webhook) => sql.then("follower_webhook_id = ").bind(webhook.to_db()),
            Self::OfServer(source, target) => {
                let sql = sql.then("source_guild_id = ").bind(source.to_db());
                sql.then(" AND guild_id = ").bind(target.to_db())
            }
        }
    }
}

/// One end of a follow is this channel, or a thread of it.
fn either(sql: Sql, end: &str, channel: ChannelId) -> Sql {
    let sql = sql.then(&format!("({end}_channel_id = ")).bind(channel.to_db());
    sql.then(&format!(" OR {end}_parent_id = ")).bind(channel.to_db()).then(")")
}

#[derive(FromQueryResult)]
struct Ends {
    id: i64,
    source_channel_id: i64,
    target_channel_id: i64,
}

impl Store {
    /// Pauses a follow and ends what it owes and hasn't begun to show; a create in flight is carried to its
    /// end. What it has shown is still kept up to date. `None` where this server has no such follow; one that
    /// isn't active is returned as it is.
    pub async fn pause_follow(
        &self,
        guild: GuildId,
        id: FollowId,
        now: DateTime<Utc>,
    ) -> Result<Option<Follow>, StoreError> {
        let txn = self.write().await?;
        let Some(row) = lock(&txn, guild, id).await? else { return Ok(None) };
        if !row.is_active {
            return follow_row::one(&*txn, Some(row)).await;
        }
        let update = "UPDATE channel_follows SET is_active = FALSE, updated_at = $2 WHERE id = $1";
        Sql::new(update, [id.0.into(), stored(now).into()]).execute(&*txn).await?;
        end_unbegun(&*txn, &[id.0]).await?;
        panel_mirrors::refit(&*txn, id.0).await?;
        let follow = follow_row::one(&*txn, by_id(&*txn, guild, id).await?).await?;
        txn.commit().await?;
        Ok(follow)
    }

    /// Makes a paused or broken follow active again; `None` where this server has no such follow. Edits and
    /// deletions that it missed while it was broken are owed again, missed posts are not. One that the source's
    /// moderators ended waits instead, where they want to be asked; one that they ended since it was `seen` stays ended, and is returned as it is.
    ///
    /// `hook` is the new webhook where the former one is gone; a relay webhook replaces it in all follows through its channel.
    ///
    /// # Errors
    /// [`StoreError::WrongHook`] where the hook is of another kind than the follow's delivery. [`StoreError::Closed`] and [`StoreError::Blocked`] where the source
    /// was closed to the target's server meanwhile. [`StoreError::NotServed`] where one of the two servers is blocked.
    pub async fn resume_follow(
        &self,
        seen: &Follow,
        hook: Option<&Hook>,
        door: Door,
        now: DateTime<Utc>,
    ) -> Result<Option<Follow>, StoreError> {
        let (guild, id, txn) = (seen.guild, seen.id, self.write().await?);
        let Some(row) = lock(&txn, guild, id).await? else { return Ok(None) };
        let (root, servers) = (source_root(&row)?, Servers::of(&row)?);
        let publication = doors::require(&*txn, door, root, servers).await?;
        let ended = row.broken_reason.as_deref().and_then(BrokenReason::parse);
        if follow_consent::is_dismissed_since(ended, seen) {
            return follow_row::one(&*txn, Some(row)).await;
        }
        let asked = publication.approval == Approval::Ask && ended.is_some_and(BrokenReason::asks_anew);
        let nothing = hook.is_none() && row.follower_webhook_id == Some(follow_row::NO_WEBHOOK);
        if asked || nothing {
            follow_consent::wait(&txn, id, stored(now)).await?;
        } else {
            self.hook_up(&txn, &row, hook, stored(now)).await?;
            reactivate(&txn, id, stored(now)).await?;
        }
        if servers.differ() && ended.is_some_and(BrokenReason::is_refusal) {
            follow_consent::count_from(&txn, id, stored(now)).await?;
            follower_news::note(&*txn, id.0, root, &publication).await?;
        }
        untold::forget(&*txn, id.0).await?;
        self.commit_resumed(txn, guild, id).await
    }

    /// Puts the new webhook of a locked follow into its place, if there is one.
    pub(super) async fn hook_up(
        &self,
        txn: &Write,
        row: &channel_follows::Model,
        hook: Option<&Hook>,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        match (hook, Delivery::parse(&row.delivery)) {
            (None, _) => Ok(()),
            (Some(Hook::Relay(webhook)), Some(Delivery::Relay)) => {
                let (target, spot) = target(row)?;
                let channel = spot.webhook_channel(target);
                webhooks::replace(&**txn, channel, &self.seal_webhook(webhook), now).await?;
                Ok(())
            }
            (Some(Hook::Native(webhook)), Some(Delivery::Native)) => {
                let update = "UPDATE channel_follows SET follower_webhook_id = $2 WHERE id = $1";
                Sql::new(update, [row.id.into(), webhook.to_db().into()]).execute(&**txn).await?;
                Ok(())
            }
            (Some(_), _) => Err(StoreError::WrongHook),
        }
    }

    /// Makes a follow active again that broke because the bot lacked permissions, if it still is broken for that. Its people are to be told, unless they
    /// weren't told of the break.
    pub async fn resume_mended(
        &self,
        guild: GuildId,
        id: FollowId,
        door: Door,
        now: DateTime<Utc>,
    ) -> Result<Option<Follow>, StoreError> {
        let txn = self.write().await?;
        let Some(row) = lock(&txn, guild, id).await? else { return Ok(None) };
        if row.is_active || row.broken_reason.is_none() || row.lacking == 0 {
            return Ok(None);
        }
        doors::require(&*txn, door, source_root(&row)?, Servers::of(&row)?).await?;
        reactivate(&txn, id, stored(now)).await?;
        if !untold::forget(&*txn, id.0).await? {
            untold::note(&*txn, &[id.0]).await?;
        }
        self.commit_resumed(txn, guild, id).await
    }

    /// Ends a transaction in which a follow was made active again: other processes hear of it.
    pub(super) async fn commit_resumed(
        &self,
        txn: Write,
        guild: GuildId,
        id: FollowId,
    ) -> Result<Option<Follow>, StoreError> {
        let follow = follow_row::one(&*txn, by_id(&*txn, guild, id).await?).await?;
        self.tell_with(&*txn, &Signal::Follow(id)).await?;
        txn.commit().await?;
        Ok(follow)
    }

    /// Pauses a follow that would make public what wasn't, active or broken, and has its people told. What it has shown is no longer kept up to date, but
    /// for what is deleted.
    pub async fn stop_exposed(
        &self,
        guild: GuildId,
        id: FollowId,
        now: DateTime<Utc>,
    ) -> Result<Option<Follow>, StoreError> {
        let txn = self.write().await?;
        let Some(row) = lock(&txn, guild, id).await? else { return Ok(None) };
        if row.exposure != Exposure::None.as_str() || !row.is_active && row.broken_reason.is_none() {
            return Ok(None);
        }
        let update = "UPDATE channel_follows SET is_active = FALSE, broken_reason = NULL, lacking = 0, \
            exposure = 'stopped', updated_at = $2 WHERE id = $1";
        Sql::new(update, [id.0.into(), stored(now).into()]).execute(&*txn).await?;
        keep_shown(&*txn, &[id.0]).await?;
        end_unbegun(&*txn, &[id.0]).await?;
        panel_mirrors::refit(&*txn, id.0).await?;
        untold::note(&*txn, &[id.0]).await?;
        let follow = follow_row::one(&*txn, by_id(&*txn, guild, id).await?).await?;
        txn.commit().await?;
        Ok(follow)
    }

    /// Marks active follows as broken and ends what they owe; where the source's moderators end them, also those that
    /// rest. Returns them as they are now, by id; that their people are to be told is noted
    /// ([`take_untold`](Self::take_untold)).
    pub async fn break_follows(
        &self,
        which: BreakWhich,
        reason: BrokenReason,
        now: DateTime<Utc>,
    ) -> Result<Vec<Follow>, StoreError> {
        self.break_lacking(which, reason, Permissions::empty(), now).await
    }

    /// The same, with what the bot lacks: they go on when it has that again.
    pub async fn break_lacking(
        &self,
        which: BreakWhich,
        reason: BrokenReason,
        lacking: Permissions,
        now: DateTime<Utc>,
    ) -> Result<Vec<Follow>, StoreError> {
        let find = "SELECT id, source_channel_id, target_channel_id FROM channel_follows WHERE ";
        let find = which.select(breakable(Sql::new(find, []), reason)).then(" ORDER BY id");
        // Looked up outside the transaction: mostly there are none, and then nothing is locked.
        let found: Vec<Ends> = find.rows_of(&self.db).await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        let channels = |end: fn(&Ends) -> i64| -> Result<Vec<_>, _> {
            found.iter().map(|ends| ChannelId::from_db(end(ends))).collect()
        };
        let txn = self.write().await?;
        gates::sources(&*txn, channels(|ends| ends.source_channel_id)?).await?;
        gates::lanes(&*txn, channels(|ends| ends.target_channel_id)?).await?;
        let mut broken: Vec<channel_follows::Model> = Vec::new();
        for chunk in found.chunks(10_000) {
            // Asked again: until the gates were taken, another may have resumed it with a new webhook.
            let update = "UPDATE channel_follows SET is_active = FALSE, broken_reason = $1, updated_at = $3, \
                lacking = CASE WHEN $2 = 0 AND $1 IN ('webhook_deleted', 'webhook_moved') THEN lacking ELSE $2 END \
                WHERE ";
            let lacking = lacking.bits().cast_signed();
            let update = Sql::new(update, [reason.as_str().into(), lacking.into(), Value::from(stored(now))]);
            let update = which
                .select(breakable(update, reason))
                .then(" AND id IN ")
                .list(chunk.iter().map(|ends| ends.id));
            let update = update.then(" RETURNING *");
            broken.extend(update.rows_of(&*txn).await?);
        }
        broken.sort_unstable_by_key(|row| row.id);
        let ids: Vec<i64> = broken.iter().map(|row| row.id).collect();
        for ids in ids.chunks(10_000) {
            keep_shown(&*txn, ids).await?;
            end_owed(&*txn, ids).await?;
            // Into a server that isn't served, nothing is sent any more, not even to take something back.
            if !reason.is_of_target() && !matches!(which, BreakWhich::TargetGuild(_)) {
                for id in ids {
                    panel_mirrors::withdraw(&*txn, *id).await?;
                }
            }
            untold::note(&*txn, ids).await?;
        }
        let broken = follow_row::follows(&*txn, broken).await?;
        txn.commit().await?;
        Ok(broken)
    }
}

/// Adds the condition on the state of rows that break: what somebody decided about a follow holds of one that rests, too.
fn breakable(sql: Sql, reason: BrokenReason) -> Sql {
    if reason.is_refusal() {
        let sql = sql.then("(is_active OR COALESCE(broken_reason, '') <> ").bind(reason.as_str());
        sql.then(") AND ")
    } else {
        sql.then("is_active AND ")
    }
}

/// Marks a locked follow as active, and owes what it missed.
pub(super) async fn reactivate(txn: &Write, id: FollowId, now: DateTime<Utc>) -> Result<(), DbErr> {
    let update = "UPDATE channel_follows SET is_active = TRUE, broken_reason = NULL, lacking = 0, \
        exposure = CASE WHEN exposure = 'stopped' THEN 'none' ELSE exposure END, updated_at = $2 WHERE id = $1";
    Sql::new(update, [id.0.into(), now.into()]).execute(&**txn).await?;
    reopen_outdated(&**txn, id.0).await?;
    panel_mirrors::refit(&**txn, id.0).await
}

/// Ends what these follows owe and of which nothing is shown or on its way.
async fn end_unbegun(txn: &impl ConnectionTrait, follows: &[i64]) -> Result<(), DbErr> {
    let update = format!(
        "UPDATE deliveries SET state = 'ended', outcome = 'follow_ended', wait_until = NULL \
         WHERE state = 'due' AND shown_revision IS NULL AND NOT {BEGUN} AND follow_id IN "
    );
    Sql::new(update, []).list(follows.iter().copied()).execute(txn).await?;
    Ok(())
}

/// Ends all that these follows owe, begun or not: it can't be delivered any more. A create in flight stays
/// marked, and the lane settles it.
pub(super) async fn end_owed(txn: &impl ConnectionTrait, follows: &[i64]) -> Result<(), DbErr> {
    end_due(txn, follows, "").await
}

/// The same for messages alone: its panels are delivered on.
pub(super) async fn end_owed_messages(txn: &impl ConnectionTrait, follows: &[i64]) -> Result<(), DbErr> {
    let messages =
        "AND EXISTS (SELECT 1 FROM activities a WHERE a.id = deliveries.activity_id AND a.kind = 'message')";
    end_due(txn, follows, messages).await
}

async fn end_due(txn: &impl ConnectionTrait, follows: &[i64], which: &str) -> Result<(), DbErr> {
    let update = format!(
        "UPDATE deliveries SET state = 'ended', outcome = 'follow_ended', wait_until = NULL \
         WHERE state = 'due' AND NOT withdrawn {which} AND follow_id IN "
    );
    Sql::new(update, []).list(follows.iter().copied()).execute(txn).await?;
    Ok(())
}

/// What was shown once is no longer owed its edits, but remains shown, so that resuming can find that it is outdated.
async fn keep_shown(txn: &impl ConnectionTrait, follows: &[i64]) -> Result<(), DbErr> {
    let update = "UPDATE deliveries SET state = 'shown', wait_until = NULL, attempts = 0 \
        WHERE state = 'due' AND shown_revision IS NOT NULL AND NOT withdrawn AND follow_id IN ";
    Sql::new(update, []).list(follows.iter().copied()).execute(txn).await?;
    Ok(())
}

/// Whether what a follow (`f`) has shown can be reached: it isn't broken, or for a reason that leaves its target and
/// its webhook as they are.
pub(super) fn reaches_target() -> String {
    unless(BrokenReason::is_of_target)
}

/// Whether what is deleted in the source of a follow (`f`) goes from its target. What a deleted channel or thread
/// leaves behind stays.
pub(super) fn takes_deletions() -> String {
    unless(|reason| reason.is_of_target() || reason == BrokenReason::SourceDeleted)
}

fn unless(reason: impl Fn(BrokenReason) -> bool) -> String {
    let these = BrokenReason::ALL.iter().filter(|one| reason(**one));
    let these: Vec<String> = these.map(|reason| format!("'{}'", reason.as_str())).collect();
    format!("COALESCE(f.broken_reason, '') NOT IN ({})", these.join(", "))
}

/// Owes again what was edited or deleted while this follow was broken. Of an edit, what it says must still be known.
async fn reopen_outdated(txn: &impl ConnectionTrait, follow: i64) -> Result<(), DbErr> {
    let update = format!(
        "UPDATE deliveries SET {DUE} WHERE follow_id = $1 AND (\
            state = 'shown' AND shown_revision < (SELECT revision FROM activities a WHERE a.id = deliveries.activity_id \
                AND (a.deleted OR a.content IS NOT NULL)) \
            OR state = 'ended' AND (SELECT deleted FROM activities a WHERE a.id = deliveries.activity_id) \
                AND EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id))"
    );
    Sql::new(update, [follow.into()]).execute(txn).await?;
    Ok(())
}
