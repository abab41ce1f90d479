//! Forgetting a person: what is kept of their messages, their name on follows and panels, and in the messages
//! of others that mention them.
//!
//! A few messages at a time, in one transaction under their locks, so that it works while a bot runs. If
//! interrupted, it is simply run again.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::removal::RemovalKind;
use crate::domain::activity::{ActivityContent, Origin};
use crate::domain::ids::UserId;
use crate::domain::message::{Content, Reply};
use crate::store::db::locks;
use crate::store::db::sql::{CHUNK, Sql, channel_ids, stored};
use crate::store::retention::messages::{SizedActivity, batches};
use crate::store::{Notice, Store, StoreError};

/// What was kept of a person, and has been forgotten.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Their messages.
    pub messages: u64,
    /// Mirrors of these that will be deleted now.
    pub mirrors_going: u64,
    /// Mirrors of these that stay.
    pub mirrors_staying: u64,
    /// Follows that they made.
    pub follows: u64,
    /// Panels that they made, or that name them.
    pub panels: u64,
    /// Messages of others that mention them.
    pub mentions: u64,
    /// Servers that they blocked.
    pub blocks: u64,
    /// Collections that they made, and channels that they added to some.
    pub collections: u64,
    /// Their sessions at the web pages, and their API tokens.
    pub access: u64,
    /// Their personal follows, their followers, and their profile.
    pub personal: u64,
    /// Changes that the audit says they made.
    pub changes: u64,
}

impl Forgotten {
    /// Whether nothing was known of them.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(FromQueryResult)]
struct FollowChannelsRow {
    id: i64,
    source_channel_id: i64,
    target_channel_id: i64,
}

#[derive(FromQueryResult)]
struct PanelConfigRow {
    id: i64,
    version: i32,
    config: String,
    created_by: i64,
}

#[derive(FromQueryResult)]
struct SealedContentRow {
    id: i64,
    origin: String,
    content: Vec<u8>,
}

impl Store {
    /// Forgets a person. Their messages lose author, content, digest and hashtags, and what is due of them
    /// ends. Which mirror belongs to which message stays known until the message is too old, so that a
    /// deletion still reaches it. With `mirrors`, the messages count as deleted instead: the process that
    /// runs the lanes, now or later, deletes their mirrors. Opt-outs stay known, or the next message would be
    /// mirrored.
    pub async fn forget_user(
        &self,
        user: UserId,
        mirrors: bool,
        now: DateTime<Utc>,
    ) -> Result<Forgotten, StoreError> {
        let manner = if mirrors { RemovalKind::MirrorsGo } else { RemovalKind::MirrorsStay };
        let mut forgotten = Forgotten::default();
        let mut after = 0;
        loop {
            let query = "SELECT id, (SELECT COUNT(*) FROM deliveries d WHERE d.activity_id = activities.id) AS size \
                FROM activities WHERE author_id = $1 AND id > $2 ORDER BY id LIMIT $3";
            let values = [user.to_db().into(), after.into(), CHUNK.into()];
            let found: Vec<SizedActivity> = Sql::new(query, values).rows_of(&self.db).await?;
            let Some(last) = found.last() else { break };
            after = last.id;
            for ids in batches(&found) {
                self.forget_messages(&ids, manner, &mut forgotten).await?;
                self.forget_quotes(&ids).await?;
            }
        }
        self.forget_name(user, now, &mut forgotten).await?;
        if mirrors {
            // The process that forgets need not be the one that delivers.
            self.notify(&Notice::AnyWork).await?;
        }
        Ok(forgotten)
    }

    /// Forgets a person's name on follows and panels, and in the messages of others that mention them.
    pub async fn forget_name(
        &self,
        user: UserId,
        now: DateTime<Utc>,
        forgotten: &mut Forgotten,
    ) -> Result<(), StoreError> {
        forgotten.follows = self.forget_followers_name(user).await?;
        forgotten.panels = self.forget_panels_name(user, now).await?;
        forgotten.mentions = self.forget_mentions(user).await?;
        forgotten.blocks = self.forget_who_blocked(user).await?;
        forgotten.collections = self.forget_who_collected(user).await?;
        forgotten.access = self.forget_access(user).await?;
        forgotten.personal = self.forget_profile(user, now).await?;
        forgotten.changes = self.forget_who_changed(user).await?;
        Ok(())
    }

    /// Removes quotes of these messages from the stored contents of other people's messages.
    pub(super) async fn forget_quotes(&self, activities: &[i64]) -> Result<(), StoreError> {
        let query = "SELECT id, origin, content FROM activities WHERE content IS NOT NULL AND quoted_message_id IN \
            (SELECT source_message_id FROM activities WHERE kind = 'message' AND id IN ";
        let query = Sql::new(query, []).list(activities.iter().copied()).then(")");
        for row in query.rows_of::<SealedContentRow>(&self.db).await? {
            let without = |content: &mut Content| content.reply.as_mut().map(Reply::forget).is_some();
            self.change_kept(row, without).await?;
        }
        Ok(())
    }

    /// Follows that they created belong to nobody then.
    async fn forget_followers_name(&self, user: UserId) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        loop {
            let query = "SELECT id, source_channel_id, target_channel_id FROM channel_follows \
                WHERE created_by = $1 ORDER BY id LIMIT $2";
            let found: Vec<FollowChannelsRow> =
                Sql::new(query, [user.to_db().into(), CHUNK.into()]).rows_of(&self.db).await?;
            if found.is_empty() {
                return Ok(forgotten);
            }
            let txn = self.write().await?;
            locks::existing_sources(&*txn, channel_ids(found.iter().map(|one| one.source_channel_id))?)
                .await?;
            locks::existing_lanes(&*txn, channel_ids(found.iter().map(|one| one.target_channel_id))?).await?;
            let update = "UPDATE channel_follows SET created_by = 0 WHERE created_by = $1 AND id IN ";
            let update = Sql::new(update, [user.to_db().into()]).list(found.iter().map(|one| one.id));
            forgotten += update.execute(&*txn).await?;
            txn.commit().await?;
        }
    }

    /// Panels that they created belong to nobody then. Panels that name them (task lists, for instance) no
    /// longer do, and are refreshed at once.
    async fn forget_panels_name(&self, user: UserId, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let txn = self.write().await?;
        let query =
            "SELECT id, version, config, created_by FROM panels WHERE created_by = $1 OR config LIKE $2";
        let values = [user.to_db().into(), format!("%{user}%").into()];
        let found: Vec<PanelConfigRow> = Sql::new(query, values).rows_of(&*txn).await?;
        let mut forgotten = 0;
        for panel in found {
            let made = panel.created_by == user.to_db();
            let mut config =
                serde_json::from_str(&panel.config).map_err(|_| StoreError::Unreadable("panels.config"))?;
            let named = without(&mut config, user);
            if made {
                let update = "UPDATE panels SET created_by = 0 WHERE id = $1";
                Sql::new(update, [panel.id.into()]).execute(&*txn).await?;
            }
            if named {
                let update = "UPDATE panels SET config = $3, version = version + 1, next_refresh_at = $4 \
                    WHERE id = $1 AND version = $2";
                let values =
                    [panel.id.into(), panel.version.into(), config.to_string().into(), stored(now).into()];
                Sql::new(update, values).execute(&*txn).await?;
            }
            forgotten += u64::from(made || named);
        }
        txn.commit().await?;
        Ok(forgotten)
    }

    /// Removes their name from the stored contents of other people's messages.
    async fn forget_mentions(&self, user: UserId) -> Result<u64, StoreError> {
        let mut forgotten = 0;
        let kept =
            "SELECT id FROM activities WHERE kind = 'message' AND content IS NOT NULL AND settled_at IS ";
        for settled in ["NULL", "NOT NULL"] {
            let all = Sql::new(format!("{kept}{settled}"), []).numbers(&self.db).await?;
            for some in all.chunks(usize::try_from(CHUNK).unwrap_or(usize::MAX)) {
                let query = "SELECT id, origin, content FROM activities WHERE content IS NOT NULL AND id IN ";
                let rows: Vec<SealedContentRow> =
                    Sql::new(query, []).list(some.iter().copied()).rows_of(&self.db).await?;
                for row in rows {
                    let without = |content: &mut Content| content.names.people.remove(&user).is_some();
                    forgotten += self.change_kept(row, without).await?;
                }
            }
        }
        Ok(forgotten)
    }

    /// Changes the stored content of a message, if there is something to change. Returns how many were
    /// changed: one or none.
    async fn change_kept(
        &self,
        row: SealedContentRow,
        change: impl FnOnce(&mut Content) -> bool,
    ) -> Result<u64, StoreError> {
        let origin: Origin = row.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
        let ActivityContent::Message(mut content) = self.cipher.open_content(origin, &row.content)? else {
            return Ok(0);
        };
        if !change(&mut content) {
            return Ok(0);
        }
        let txn = self.write().await?;
        // Doesn't overwrite content that was written meanwhile.
        let update = "UPDATE activities SET content = $3 WHERE id = $1 AND content = $2";
        let sealed = self.cipher.seal_content(origin, &ActivityContent::Message(content));
        let values = [row.id.into(), row.content.into(), sealed.into()];
        let forgotten = Sql::new(update, values).execute(&*txn).await?;
        txn.commit().await?;
        Ok(forgotten)
    }
}

/// Removes what names a person from a panel's configuration, which is written `{"user": "ID"}`. Returns
/// whether there was anything.
fn without(config: &mut serde_json::Value, user: UserId) -> bool {
    use serde_json::Value as Json;
    if *config == serde_json::json!({ "user": user }) {
        *config = Json::Null;
        return true;
    }
    match config {
        Json::Array(all) => all.iter_mut().fold(false, |any, one| any | without(one, user)),
        Json::Object(all) => all.values_mut().fold(false, |any, one| any | without(one, user)),
        _ => false,
    }
}
