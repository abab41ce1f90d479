//! Rows that nobody uses any more: of channels that nobody follows, of threads in which nothing was posted
//! for long, of lanes, of panels that are no longer shown, and old samples. Each is searched for without a
//! lock, and checked again under its lock.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use super::messages::ForgottenMessages;
use crate::domain::audit::{AuditAction, ChangedBy};
use crate::domain::ids::MessageId;
use crate::store::db::locks;
use crate::store::db::sql::{CHUNK, Sql, channel_ids, stored};
use crate::store::panel::changes;
use crate::store::{Store, StoreError};

/// A channel that nobody follows and for which nobody chose anything, last read before `$1`. For one that was
/// never read, its own id tells how old it is.
const UNREAD: &str = "audience = 'nobody' AND approval = 'none' AND notify_channel_id IS NULL \
    AND COALESCE(seen_message_id, channel_id) < $1 \
    AND NOT EXISTS (SELECT 1 FROM channel_follows f WHERE f.source_channel_id = channels.channel_id) \
    AND NOT EXISTS (SELECT 1 FROM personal_follows p \
    WHERE p.followee_kind = 'channel' AND p.followee_id = channels.channel_id) \
    AND NOT EXISTS (SELECT 1 FROM collection_channels c JOIN followee_counts n \
    ON n.followee_kind = 'collection' AND n.followee_id = c.collection_id WHERE c.channel_id = channels.channel_id)";

/// A lane through which nothing goes and nothing will, at the time `$1`.
const IDLE: &str = "(lease_until IS NULL OR lease_until <= $1) AND in_flight_delivery_id IS NULL AND webhook_id IS NULL \
    AND NOT EXISTS (SELECT 1 FROM channel_follows f WHERE f.target_channel_id = lanes.target_channel_id) \
    AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.target_channel_id = lanes.target_channel_id AND d.state = 'due')";

/// How long an inactive panel is kept.
const RESTING: TimeDelta = TimeDelta::days(90);
/// How long samples are kept if no panel adds to their series any more: longer than any chart or figure needs
/// them.
const SAMPLES: TimeDelta = TimeDelta::days(91);

/// How long the time of a server's last check is remembered; each server is checked once a day.
const CHECKS: TimeDelta = TimeDelta::days(91);

/// How long an opt-out is remembered after it ended: longer than histories are read back.
const OPT_OUTS: TimeDelta = TimeDelta::days(91);

/// How long a private address of a feed works without being used.
const FEED_LINKS: TimeDelta = TimeDelta::days(365);

/// What was forgotten because of its age.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UnusedCounts {
    /// Messages, with what ties them to their mirrors.
    pub messages: ForgottenMessages,
    /// Channels and threads that nobody reads.
    pub channels: u64,
    /// Unused lanes.
    pub lanes: u64,
    /// Inactive panels.
    pub panels: u64,
    /// Numbers for charts.
    pub samples: u64,
}

#[derive(FromQueryResult)]
struct ChannelRow {
    channel_id: i64,
    parent_id: Option<i64>,
}

impl Store {
    /// Forgets everything that is too old. `mirrors` says how long messages stay tied to their mirrors.
    pub async fn forget_unused(
        &self,
        now: DateTime<Utc>,
        mirrors: TimeDelta,
    ) -> Result<UnusedCounts, StoreError> {
        let recorded = now - mirrors;
        self.forget_guild_checks(now - CHECKS).await?;
        let posted = MessageId::first_at(recorded);
        self.forget_retractions(now).await?;
        self.forget_expired_access(now).await?;
        self.forget_unused_feed_links(now - FEED_LINKS).await?;
        self.forget_old_answers(now).await?;
        self.forget_old_actions(now).await?;
        self.forget_ended_opt_outs(MessageId::first_at(now - OPT_OUTS)).await?;
        Ok(UnusedCounts {
            messages: self.forget_old_messages(posted, recorded).await?,
            channels: self.forget_unread_channels(posted).await?,
            panels: self.forget_resting_panels(now - RESTING, now).await?,
            samples: self.forget_old_samples(now - SAMPLES).await?,
            lanes: self.forget_idle_lanes(now).await?,
        })
    }

    /// Forgets channels and threads that nobody follows and that were last read before this message. The mark
    /// from which a followed channel's threads are read moves up to it, so that nothing older in a thread
    /// whose row is gone counts as new. Returns how many.
    pub(in crate::store) async fn forget_unread_channels(
        &self,
        before: MessageId,
    ) -> Result<u64, StoreError> {
        let (mut forgotten, mut after) = (0, 0);
        loop {
            let query = format!(
                "SELECT channel_id, parent_id FROM channels WHERE {UNREAD} AND channel_id > $2 \
                 ORDER BY channel_id LIMIT $3"
            );
            let values = [before.to_db().into(), after.into(), CHUNK.into()];
            let found: Vec<ChannelRow> = Sql::new(query, values).rows_of(&self.db).await?;
            let Some(last) = found.last() else { return Ok(forgotten) };
            after = last.channel_id;
            forgotten += self.forget_channels(&found, before).await?;
        }
    }

    async fn forget_channels(&self, found: &[ChannelRow], before: MessageId) -> Result<u64, StoreError> {
        let own = || found.iter().map(|channel| channel.channel_id);
        let parents = || found.iter().filter_map(|channel| channel.parent_id);
        let txn = self.write().await?;
        locks::existing_sources(&*txn, channel_ids(own().chain(parents()))?).await?;
        let raise = "UPDATE channels SET threads_from_id = $1 WHERE threads_from_id < $1 AND channel_id IN ";
        Sql::new(raise, [before.to_db().into()]).list(parents()).execute(&*txn).await?;
        let delete = format!("DELETE FROM channels WHERE {UNREAD} AND channel_id IN ");
        let delete = Sql::new(delete, [before.to_db().into()]).list(own());
        let forgotten = delete.execute(&*txn).await?;
        txn.commit().await?;
        Ok(forgotten)
    }

    /// Forgets lanes into which nobody follows, and in which nothing is due. Returns how many.
    pub(in crate::store) async fn forget_idle_lanes(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let (mut forgotten, mut after) = (0, 0);
        loop {
            let query = format!(
                "SELECT target_channel_id FROM lanes WHERE {IDLE} AND target_channel_id > $2 \
                 ORDER BY target_channel_id LIMIT $3"
            );
            let values = [stored(now).into(), after.into(), CHUNK.into()];
            let found = Sql::new(query, values).numbers(&self.db).await?;
            let Some(last) = found.last() else { return Ok(forgotten) };
            after = *last;
            let txn = self.write().await?;
            locks::existing_lanes(&*txn, channel_ids(found.iter().copied())?).await?;
            let delete = format!("DELETE FROM lanes WHERE {IDLE} AND target_channel_id IN ");
            let delete = Sql::new(delete, [stored(now).into()]).list(found);
            forgotten += delete.execute(&*txn).await?;
            txn.commit().await?;
        }
    }

    /// Forgets panels that have been inactive since before that time. Returns how many.
    pub(in crate::store) async fn forget_resting_panels(
        &self,
        before: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let delete = "DELETE FROM panels WHERE state = 'inactive' AND updated_at < $1 RETURNING id, guild_id";
        let txn = self.audited_write(ChangedBy::System.at(now)).await?;
        let delete = Sql::new(delete, [stored(before).into()]);
        let forgotten = changes::change(&**txn, delete, AuditAction::PanelRemoved).await?;
        let count = u64::try_from(forgotten.len()).unwrap_or(u64::MAX);
        txn.commit(forgotten).await?;
        Ok(count)
    }

    /// Forgets samples of any series from before that time; most were already forgotten by whoever adds to
    /// the series. Returns how many.
    pub(in crate::store) async fn forget_old_samples(
        &self,
        before: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let delete = "DELETE FROM samples WHERE (series, at) IN \
            (SELECT series, at FROM samples WHERE at < $1 ORDER BY at LIMIT $2)";
        self.delete_in_parts(|| Sql::new(delete, [stored(before).into(), CHUNK.into()])).await
    }

    /// Runs a statement that deletes at most [`CHUNK`] rows until it finds fewer, each time in a transaction
    /// of its own, so that others can write in between. Returns how many rows it deleted.
    pub(in crate::store) async fn delete_in_parts(
        &self,
        statement: impl Fn() -> Sql,
    ) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let txn = self.write().await?;
            let some = statement().execute(&*txn).await?;
            txn.commit().await?;
            deleted += some;
            if i64::try_from(some).is_ok_and(|some| some < CHUNK) {
                return Ok(deleted);
            }
        }
    }
}
