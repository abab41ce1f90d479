//! What panels' mirrors need beyond those of messages: they come and go with a follow, don't change while it
//! is paused, and are created again on request. All of it is work for lanes, written together with the change
//! that causes it. The locks of the source and the targets must be held.

use sea_orm::{ConnectionTrait, DbErr};

use crate::domain::activity::Origin;
use crate::domain::ids::ChannelId;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, channel_ids};
use crate::store::lane::deliveries::{BEGUN, SET_DUE, WAKE, wake_for};
use crate::store::lane::mirrors::MARK_STALE;
use crate::store::{Store, StoreError};

/// The deliveries of panels by a follow, whose number is `$1`.
const OF_FOLLOW: &str = "follow_id = $1 AND NOT withdrawn AND \
    EXISTS (SELECT 1 FROM activities a WHERE a.id = deliveries.activity_id AND a.kind = 'panel')";

/// Creates deliveries of a panel, or of the panels of a source, for active follows that want them. `which` is
/// a condition on `f` and `a`, with `$1`. What was withdrawn is due again.
async fn deliver(txn: &impl ConnectionTrait, which: &str, value: i64) -> Result<(), DbErr> {
    let insert = format!(
        "INSERT INTO deliveries (activity_id, target_channel_id, follow_id, position) \
         SELECT a.id, f.target_channel_id, f.id, a.source_message_id FROM activities a \
         JOIN channel_follows f ON f.source_channel_id = a.source_channel_id \
         WHERE a.kind = 'panel' AND NOT a.deleted AND f.is_active AND f.panels AND {which} ORDER BY a.id, f.id \
         ON CONFLICT (activity_id, target_channel_id) DO UPDATE SET follow_id = excluded.follow_id, \
         withdrawn = FALSE, remake = FALSE, shown_revision = NULL, {SET_DUE} \
         WHERE deliveries.withdrawn OR deliveries.state = 'ended'"
    );
    Sql::new(insert, [value.into()]).execute(txn).await?;
    Ok(())
}

/// Creates deliveries of a new panel for all who follow its channel.
pub(super) async fn deliver_to_all(txn: &impl ConnectionTrait, activity: i64) -> Result<(), DbErr> {
    deliver(txn, "a.id = $1", activity).await
}

/// Updates the deliveries of a follow's panels after a change of its state, or of whether it wants them.
pub(in crate::store) async fn sync_follow(txn: &impl ConnectionTrait, follow: i64) -> Result<(), DbErr> {
    let wants = "SELECT COUNT(*) FROM channel_follows WHERE id = $1 AND panels";
    if Sql::new(wants, [follow.into()]).numbers(txn).await?.first() == Some(&0) {
        return withdraw(txn, follow).await;
    }
    deliver(txn, "f.id = $1", follow).await?;
    // Mirrors that are posted say whether the follow is paused.
    mark_stale(txn, OF_FOLLOW, follow).await?;
    wake(txn, follow).await
}

/// Withdraws the panels that a follow has shown; those that it hasn't begun to show end.
pub(in crate::store) async fn withdraw(txn: &impl ConnectionTrait, follow: i64) -> Result<(), DbErr> {
    let end = format!(
        "UPDATE deliveries SET state = 'ended', outcome = 'follow_ended', wait_until = NULL \
         WHERE {OF_FOLLOW} AND state <> 'ended' AND NOT {BEGUN}"
    );
    Sql::new(end, [follow.into()]).execute(txn).await?;
    let withdrawn =
        format!("UPDATE deliveries SET withdrawn = TRUE, {SET_DUE} WHERE {OF_FOLLOW} AND {BEGUN}");
    Sql::new(withdrawn, [follow.into()]).execute(txn).await?;
    wake(txn, follow).await
}

/// Has mirrors shown again although they show the newest revision.
async fn mark_stale(txn: &impl ConnectionTrait, which: &str, value: i64) -> Result<(), DbErr> {
    let outdate = format!(
        "UPDATE mirrors SET {MARK_STALE} WHERE delivery_id IN (SELECT id FROM deliveries WHERE {which})"
    );
    Sql::new(outdate, [value.into()]).execute(txn).await?;
    let reopen = format!("UPDATE deliveries SET {SET_DUE} WHERE {which} AND state = 'shown'");
    Sql::new(reopen, [value.into()]).execute(txn).await?;
    Ok(())
}

async fn wake(txn: &impl ConnectionTrait, follow: i64) -> Result<(), DbErr> {
    Sql::new(wake_for("follow_id = $1"), [follow.into()]).execute(txn).await?;
    Ok(())
}

impl Store {
    /// Has all mirrors of a panel shown again, and creates those that somebody deleted. Mirrors of paused
    /// follows stay as they are. Returns the targets.
    pub async fn remake_mirrors(&self, panel: Origin) -> Result<Vec<ChannelId>, StoreError> {
        let txn = self.write().await?;
        locks::sources(&*txn, [panel.channel()]).await?;
        let find = "SELECT id FROM activities WHERE origin = $1 AND NOT deleted";
        let found = Sql::new(find, [panel.to_string().into()]).numbers(&*txn).await?;
        let Some(activity) = found.first().copied() else { return Ok(Vec::new()) };
        let targets = followers(&*txn, panel.channel()).await?;
        locks::lanes(&*txn, targets.iter().copied()).await?;
        deliver_to_all(&*txn, activity).await?;
        let active = "activity_id = $1 AND NOT withdrawn AND EXISTS (SELECT 1 FROM channel_follows f \
            WHERE f.id = deliveries.follow_id AND f.is_active AND f.panels)";
        let remake = format!(
            "UPDATE deliveries SET shown_revision = CASE WHEN {BEGUN} THEN shown_revision END, \
             remake = {BEGUN}, {SET_DUE} WHERE {active}"
        );
        Sql::new(remake, [activity.into()]).execute(&*txn).await?;
        mark_stale(&*txn, active, activity).await?;
        Sql::new(WAKE, []).list(targets.iter().map(|target| target.to_db())).execute(&*txn).await?;
        txn.commit().await?;
        Ok(targets)
    }
}

impl Store {
    /// Whether a panel is mirrored into this channel or thread, by an active follow that wants panels.
    pub async fn mirrors_panel(&self, panel: Origin, channel: ChannelId) -> Result<bool, StoreError> {
        let query = "SELECT m.message_id FROM mirrors m JOIN deliveries d ON d.id = m.delivery_id \
            JOIN activities a ON a.id = d.activity_id JOIN channel_follows f ON f.id = d.follow_id \
            WHERE a.origin = $1 AND m.channel_id = $2 AND f.is_active AND f.panels AND NOT d.withdrawn LIMIT 1";
        let query = Sql::new(query, [panel.to_string().into(), channel.to_db().into()]);
        Ok(!query.numbers(&self.db).await?.is_empty())
    }
}

/// The targets of a source's active follows that want panels.
pub(super) async fn followers(
    txn: &impl ConnectionTrait,
    source: ChannelId,
) -> Result<Vec<ChannelId>, StoreError> {
    let query =
        "SELECT target_channel_id FROM channel_follows WHERE source_channel_id = $1 AND is_active AND panels";
    let targets = Sql::new(query, [source.to_db().into()]).numbers(txn).await?;
    channel_ids(targets)
}
