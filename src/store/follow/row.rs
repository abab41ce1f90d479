//! Converts rows of `channel_follows` to the domain's [`Follow`].

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use crate::domain::collection_follow::CollectionFollowId;
use crate::domain::follow::{
    ChannelPair, DeliveryMethod, Exposure, Follow, FollowId, FollowOptions, FollowState, TagFilter, TagMode,
    ThreadScope,
};
use crate::domain::ids::{ChannelId, GuildId, UserId, WebhookId};
use crate::domain::permissions::Permissions;
use crate::domain::place::TargetKind;
use crate::domain::tags::{Tag, TagSet};
use crate::store::StoreError;
use crate::store::db::entity::{channel_follow_tags, channel_follows};

/// Stored in place of Discord's webhook, for a native follow that hasn't begun or was stopped.
pub(super) const NO_WEBHOOK: i64 = 0;

/// The follows of these rows, in the same order, with their tags. Takes one more query if any follow has
/// tags.
pub(in crate::store) async fn follows(
    db: &impl ConnectionTrait,
    rows: Vec<channel_follows::Model>,
) -> Result<Vec<Follow>, StoreError> {
    let mut tags: HashMap<i64, Vec<Tag>> = HashMap::new();
    let tagged: Vec<i64> =
        rows.iter().filter(|row| row.mode != TagMode::All.as_str()).map(|row| row.id).collect();
    for ids in tagged.chunks(10_000) {
        let found = channel_follow_tags::Entity::find()
            .filter(channel_follow_tags::Column::FollowId.is_in(ids.iter().copied()))
            .all(db)
            .await?;
        for row in found {
            let tag = Tag::from_key(&row.tag, row.label.as_deref());
            tags.entry(row.follow_id).or_default().push(tag);
        }
    }
    rows.into_iter()
        .map(|row| {
            let tags = tags.remove(&row.id).unwrap_or_default();
            follow(row, tags)
        })
        .collect()
}

/// The follow of this row, with its tags.
pub(super) async fn one(
    db: &impl ConnectionTrait,
    row: Option<channel_follows::Model>,
) -> Result<Option<Follow>, StoreError> {
    Ok(follows(db, row.into_iter().collect()).await?.pop())
}

/// The word for the state of a follow `f`, as [`FollowState::parse`] reads it.
pub(in crate::store) const STATE_WORD: &str =
    "CASE WHEN f.is_active THEN 'active' ELSE COALESCE(f.broken_reason, 'paused') END";

/// The state of this row.
pub(super) fn state(row: &channel_follows::Model) -> Result<FollowState, StoreError> {
    match row.broken_reason.as_deref() {
        _ if row.is_active => Ok(FollowState::Active),
        reason => read_state(reason.unwrap_or(FollowState::Paused.as_str())),
    }
}

/// The state with this word.
pub(in crate::store) fn read_state(word: &str) -> Result<FollowState, StoreError> {
    FollowState::parse(word).ok_or(StoreError::Unreadable("broken_reason"))
}

fn follow(row: channel_follows::Model, tags: Vec<Tag>) -> Result<Follow, StoreError> {
    let mode = TagMode::parse(&row.mode).ok_or(StoreError::Unreadable("mode"))?;
    let filter = TagFilter::new(mode, TagSet::new(tags)).ok_or(StoreError::Unreadable("tags"))?;
    let delivery = DeliveryMethod::parse(&row.delivery).ok_or(StoreError::Unreadable("delivery"))?;
    let threads = ThreadScope::parse(&row.threads).ok_or(StoreError::Unreadable("threads"))?;
    let parent = |id: Option<i64>| id.map(ChannelId::from_db).transpose();
    let state = state(&row)?;
    Ok(Follow {
        id: FollowId(row.id),
        pair: ChannelPair {
            source: ChannelId::from_db(row.source_channel_id)?,
            target: ChannelId::from_db(row.target_channel_id)?,
        },
        guild: GuildId::from_db(row.guild_id)?,
        source_guild: GuildId::from_db(row.source_guild_id)?,
        source_parent: parent(row.source_parent_id)?,
        target_kind: TargetKind::from_parts(parent(row.target_parent_id)?, row.target_forum),
        options: FollowOptions { delivery, filter, threads, panels: row.panels },
        webhook: row.webhook_id.map(WebhookId::from_db).transpose()?,
        follower_webhook: row
            .follower_webhook_id
            .filter(|id| *id != NO_WEBHOOK)
            .map(WebhookId::from_db)
            .transpose()?,
        state,
        created_by: UserId::from_db(row.created_by).ok(),
        created_at: row.created_at,
        updated_at: row.updated_at,
        exposure: Exposure::parse(&row.exposure).ok_or(StoreError::Unreadable("exposure"))?,
        lacking: Permissions::from_bits_retain(row.lacking.cast_unsigned()),
        source_restricted: row.source_restricted,
        source_private: row.source_private,
        collection_follow: row.collection_follow_id.map(CollectionFollowId),
    })
}
