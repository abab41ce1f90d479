//! A follow as programs read it: everything about it that the person who asks may know, and nothing else.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use crate::domain::collection_follow::CollectionFollowId;
use crate::domain::follow::{
    DeliveryMethod, Follow, FollowFilter, FollowId, FollowState, TagMode, ThreadScope,
};
use crate::domain::ids::{GuildId, UserId, WebhookId};
use crate::domain::paging::{Page, PageSize, PageStart};
use crate::domain::permissions::Permissions;
use crate::domain::personal::CollectionId;
use crate::domain::report::WaitReason;

use super::list::{ChannelView, FollowListItem};
use crate::service::access::Access;
use crate::service::{Actor, FollowService, Refusal, ServiceError, TagsNow};
use crate::store::DeliveryProgress;

/// A follow as far as the person may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowRecord {
    /// Its number.
    pub id: FollowId,
    /// The server that follows: the target's.
    pub guild: GuildId,
    /// What is followed.
    pub source: ChannelView,
    /// What receives.
    pub target: ChannelView,
    /// Whether it delivers.
    pub state: FollowState,
    /// What is wrong, and what a moderator can do about it.
    pub remedy: Option<String>,
    /// Why nothing is sent into its target at the moment, if something has waited there for longer than
    /// usual.
    pub waits: Option<WaitReason>,
    /// When its last mirror was posted that still exists; none if there is none, or Discord itself delivers.
    pub last_delivered_at: Option<DateTime<Utc>>,
    /// How many posts wait to be shown in the target.
    pub waiting: u64,
    /// How posts get to the target.
    pub delivery: DeliveryMethod,
    /// Which posts are let through.
    pub mode: TagMode,
    /// The tags that decide it, by their current names.
    pub tags: TagsNow,
    /// What of the source's threads is let through.
    pub threads: ThreadScope,
    /// Whether the source's panels are mirrored too.
    pub panels: bool,
    /// Whether the person may change it.
    pub manages: bool,
    /// The webhook through which it delivers, for those who may change it.
    pub webhook: Option<WebhookId>,
    /// The collection that it comes from; none if somebody made it by itself.
    pub collection: Option<CollectionId>,
    /// Who set it up; none once that person is forgotten.
    pub created_by: Option<UserId>,
    /// When it was set up.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

impl FollowRecord {
    fn of(
        item: FollowListItem,
        progress: DeliveryProgress,
        manages: bool,
        behind: &HashMap<CollectionFollowId, CollectionId>,
    ) -> Self {
        let FollowListItem { follow, source, target, tags, waits, threads: _ } = item;
        Self {
            id: follow.id,
            guild: follow.guild,
            source,
            target,
            state: follow.state,
            remedy: follow.trouble(),
            waits,
            last_delivered_at: progress.last_at,
            waiting: progress.waiting,
            delivery: follow.options.delivery,
            mode: follow.options.filter.mode(),
            tags,
            threads: follow.options.threads,
            panels: follow.options.panels,
            manages,
            webhook: follow.webhook.or(follow.follower_webhook).filter(|_| manages),
            collection: follow.collection_follow.and_then(|from| behind.get(&from).copied()),
            created_by: follow.created_by,
            created_at: follow.created_at,
            updated_at: follow.updated_at,
        }
    }
}

impl FollowService {
    /// A page of this server's follows, as far as they are wanted, newest first. That takes Manage Messages:
    /// in the channel that is wanted as target or at either end, and otherwise in the server as a whole.
    #[tracing::instrument(skip_all, fields(server = %actor.guild))]
    pub async fn follow_records(
        &self,
        actor: Actor,
        wanted: &FollowFilter,
        start: PageStart,
        size: PageSize,
    ) -> Result<Page<FollowRecord>, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.reading_access(&rest, actor).await?;
        let page = self.list_items(&mut access, actor, wanted, start, size.get()).await?;
        let follows: Vec<Follow> = page.items.iter().map(|item| item.follow.clone()).collect();
        let progress = self.parts.store.delivery_progress(&follows).await?;
        let from = follows.iter().filter_map(|follow| follow.collection_follow);
        let behind = self.parts.store.collections_behind(from).await?;
        let mut records = Vec::with_capacity(page.items.len());
        for item in &page.items {
            let manages = access.manages(actor, &item.follow).await?;
            let progress = progress.get(&item.follow.id).copied().unwrap_or_default();
            records.push(FollowRecord::of(item.clone(), progress, manages, &behind));
        }
        Ok(page.with(records))
    }

    /// One follow of this server. That takes Manage Messages in the server as a whole, or in its target.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, follow = id.0))]
    pub async fn follow_record(&self, actor: Actor, id: FollowId) -> Result<FollowRecord, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.reading_access(&rest, actor).await?;
        let follow = self.known_follow(&mut access, actor, id).await?;
        self.record(&mut access, actor, follow).await
    }

    /// A follow that the person has just made or changed.
    pub(super) async fn record_of(&self, actor: Actor, follow: Follow) -> Result<FollowRecord, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.reading_access(&rest, actor).await?;
        self.record(&mut access, actor, follow).await
    }

    async fn record(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        follow: Follow,
    ) -> Result<FollowRecord, ServiceError> {
        let target = follow.pair.target;
        let waits = self.parts.store.waiting_targets([target], self.parts.clock.now()).await?;
        let progress = self.parts.store.delivery_progress(std::slice::from_ref(&follow)).await?;
        let progress = progress.get(&follow.id).copied().unwrap_or_default();
        let manages = access.manages(actor, &follow).await?;
        let behind = self.parts.store.collections_behind(follow.collection_follow).await?;
        let item = access.list_item(actor, follow).await?;
        let item = FollowListItem { waits: waits.get(&target).copied(), ..item };
        Ok(FollowRecord::of(item, progress, manages, &behind))
    }

    /// A follow of this server by a number that the person names. Who may not see the list learns nothing,
    /// not even whether there is a follow of that number.
    pub(in crate::service) async fn known_follow(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        id: FollowId,
    ) -> Result<Follow, ServiceError> {
        let follow = self.parts.store.follow(actor.guild, id).await?;
        if actor.channel.is_none() {
            access.require_member(actor).await?;
            if let Err(refused) = access.require_in_server(actor, Permissions::MANAGE_MESSAGES).await {
                let Some(follow) = &follow else { return Err(refused) };
                access.note_follow(follow);
                let target = follow.pair.target;
                let reads = access.actor_may(actor, target, Permissions::MANAGE_MESSAGES).await?;
                if !reads && !access.manages(actor, follow).await? {
                    return Err(refused);
                }
            }
        }
        Ok(follow.ok_or(Refusal::NoSuchFollow(id))?)
    }
}

impl Access<'_> {
    /// Whether the person may change this follow of their server.
    async fn manages(&mut self, actor: Actor, follow: &Follow) -> Result<bool, ServiceError> {
        self.note_follow(follow);
        self.actor_may(actor, follow.pair.target, Permissions::MANAGE_CHANNELS).await
    }
}
