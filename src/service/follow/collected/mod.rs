//! Channels that follow collections: set up, shown and ended here, and kept in step by [`sync`]. Each channel
//! of a collection is followed as `/follow` does it, in the name of whoever set this up: what that person may
//! do is asked anew each time, and nothing private is shown to others without somebody saying yes to that
//! very channel.

mod gaps;
mod sync;

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::domain::collection::CollectionName;
use crate::domain::collection_follow::{
    CollectionFollow, CollectionFollowId, CollectionFollowOptions, FollowGap, GapReason,
};
use crate::domain::follow::{Follow, TagMode};
use crate::domain::ids::ChannelId;
use crate::domain::permissions::Permissions;
use crate::domain::personal::CollectionId;
use crate::service::access::Access;
use crate::service::error::CollectionRefusal;
use crate::service::{
    Actor, DeliveryChoice, FollowRequest, FollowService, OptionsRequest, Refusal, ServiceError,
};
use crate::store::{CollectionFollowInserted, NewCollectionFollow};

use super::list::ChannelView;
use super::{BOT_IN_TARGET, already_following};

/// How long somebody waits for what comes of their request.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often they look without being told.
const LOOK: Duration = Duration::from_millis(500);
/// What following a collection takes, in the target.
const MANAGE: Permissions = Permissions::MANAGE_CHANNELS;
/// What seeing it takes.
const READ: Permissions = Permissions::MANAGE_MESSAGES;

/// That a channel should follow a collection of its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionFollowRequest {
    /// The collection.
    pub collection: CollectionId,
    /// The channel that should receive.
    pub target: ChannelId,
    /// What is chosen for its channels.
    pub options: CollectionFollowOptions,
}

/// A channel's follow of a collection, as far as the person may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionFollowRecord {
    /// The follow.
    pub follow: CollectionFollow,
    /// The collection's name.
    pub name: CollectionName,
    /// What receives.
    pub target: ChannelView,
    /// How many channels are followed because of it.
    pub followed: u64,
    /// Which channels aren't, and why.
    pub gaps: Vec<(ChannelView, GapReason)>,
}

impl From<OptionsRequest> for CollectionFollowOptions {
    fn from(request: OptionsRequest) -> Self {
        let OptionsRequest { mode, tags, threads, delivery, panels } = request;
        let delivery = match delivery {
            Some(DeliveryChoice::Fixed(delivery)) => Some(delivery),
            Some(DeliveryChoice::Auto) | None => None,
        };
        Self { mode, tags, threads, delivery, panels }
    }
}

impl CollectionFollowOptions {
    /// Refuses tags without a mode, and a mode without its tags.
    fn require_sense(&self) -> Result<(), Refusal> {
        match (self.mode, &self.tags) {
            (Some(mode @ (TagMode::Except | TagMode::Only)), None) => Err(Refusal::TagsMissing(mode)),
            (None | Some(TagMode::All), Some(_)) => Err(Refusal::TagsWithoutMode),
            _ => Ok(()),
        }
    }
}

impl FollowService {
    /// Makes a channel follow a collection of its server. Waits a while for what comes of it.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, channel = %request.target))]
    pub async fn follow_collection(
        &self,
        actor: Actor,
        mut request: CollectionFollowRequest,
    ) -> Result<CollectionFollowRecord, ServiceError> {
        request.options.tags = request.options.tags.filter(|tags| !tags.trim().is_empty());
        self.quotas.count_action(actor.user, self.follow_collection_now(actor, request)).await
    }

    async fn follow_collection_now(
        &self,
        actor: Actor,
        request: CollectionFollowRequest,
    ) -> Result<CollectionFollowRecord, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let access = &mut self.access(&rest, actor);
        access.require_member(actor).await?;
        access.prefetch(actor.guild, &[actor.user, self.parts.identity.user]).await?;
        let target = self.target(access, actor, request.target).await?;
        request.options.require_sense()?;
        if let Some(lacks) = access.bot_lacks(self.parts.identity.user, &target, BOT_IN_TARGET).await? {
            return Err(Refusal::BotMay(vec![lacks]).into());
        }
        let CollectionFollowRequest { collection, target, options } = request;
        let new =
            NewCollectionFollow { collection, guild: actor.guild, target, options, created_by: actor.user };
        let stamp = self.stamp(actor.changed_by());
        let made = match self.parts.store.insert_collection_follow(&new, stamp).await? {
            CollectionFollowInserted::Made(made) => made,
            CollectionFollowInserted::AlreadyThere => {
                return Err(CollectionRefusal::AlreadyFollowed(target).into());
            }
            CollectionFollowInserted::NoCollection => return Err(CollectionRefusal::Unknown.into()),
        };
        tracing::info!(collection = collection.0, follow = made.id.0, "a channel follows a collection");
        self.wait_until_in_step(target).await?;
        let all = self.parts.store.collection_follows_of(actor.guild, Some(collection)).await?;
        let own = all.into_iter().filter(|(follow, _)| follow.id == made.id).collect();
        let records = self.collection_records(access, actor, own).await?;
        self.parts.store.note_gaps_told(made.id).await?;
        Ok(records.into_iter().next().ok_or(CollectionRefusal::Unknown)?)
    }

    /// Ends a channel's follow of a collection; if one is named, only if it follows that one. Waits a while
    /// until what came from it has ended.
    #[tracing::instrument(skip_all, fields(server = %actor.guild))]
    pub async fn unfollow_collection(
        &self,
        actor: Actor,
        id: CollectionFollowId,
        of: Option<CollectionId>,
    ) -> Result<CollectionFollow, ServiceError> {
        let end = async {
            self.managed_collection_follow(actor, id, of).await?;
            let stamp = self.stamp(actor.changed_by());
            let ended = self.parts.store.end_collection_follow(actor.guild, id, stamp).await?;
            let ended = ended.ok_or(CollectionRefusal::UnknownFollow)?;
            self.wait_until_in_step(ended.target).await?;
            Ok(ended)
        };
        self.quotas.count_action(actor.user, end).await
    }

    /// A follow of a collection that the person may end.
    async fn managed_collection_follow(
        &self,
        actor: Actor,
        id: CollectionFollowId,
        of: Option<CollectionId>,
    ) -> Result<CollectionFollow, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        access.require_member(actor).await?;
        access.prefetch(actor.guild, &[actor.user]).await?;
        let follow = self.parts.store.collection_follow(actor.guild, id).await?;
        let follow = follow.filter(|follow| of.is_none_or(|of| follow.collection == Some(of)));
        if let Some(follow) = &follow {
            access.note_channel(actor.guild, follow.target);
            if access.actor_may(actor, follow.target, MANAGE).await? {
                return Ok(follow.clone());
            }
        }
        // Who may not see the list doesn't learn whether there is one of this number.
        access.require_here(actor, READ).await?;
        let follow = follow.ok_or(CollectionRefusal::UnknownFollow)?;
        access.require_actor(actor, follow.target, MANAGE).await?;
        Ok(follow)
    }

    /// What follows a collection of the actor's server, the newest first. That takes Manage Messages.
    pub async fn collection_followers(
        &self,
        actor: Actor,
        id: CollectionId,
    ) -> Result<Vec<CollectionFollowRecord>, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.reading_access(&rest, actor).await?;
        access.require_here(actor, READ).await?;
        self.parts.store.collection(actor.guild, id).await?.ok_or(CollectionRefusal::Unknown)?;
        let all = self.parts.store.collection_follows_of(actor.guild, Some(id)).await?;
        self.collection_records(&mut access, actor, all).await
    }

    /// The collections that this server's channels follow, for the autocompletion of `/unfollow`: those into
    /// channels that the person manages.
    pub async fn collection_choices(
        &self,
        actor: Actor,
    ) -> Result<Vec<CollectionFollowRecord>, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.completion_access(&rest, actor).await;
        let mut own = Vec::new();
        for (follow, name) in self.parts.store.collection_follows_of(actor.guild, None).await? {
            access.note_channel(actor.guild, follow.target);
            if access.actor_may(actor, follow.target, MANAGE).await? {
                let target = access.view_channel(actor, follow.target).await?;
                own.push(CollectionFollowRecord { follow, name, target, followed: 0, gaps: Vec::new() });
            }
        }
        Ok(own)
    }

    /// The number of what a person typed for a collection that this channel follows.
    pub async fn followed_collection(
        &self,
        actor: Actor,
        typed: &str,
        target: ChannelId,
    ) -> Result<CollectionFollowId, ServiceError> {
        let all = self.parts.store.collection_follows_of(actor.guild, None).await?;
        let key = CollectionName::new(typed).map(|name| name.key());
        let named = |(follow, name): &&(CollectionFollow, CollectionName)| {
            follow.target == target && Some(name.key()) == key
        };
        let chosen = CollectionFollowRecord::read_choice(typed);
        let found = all.iter().find(named).map(|(follow, _)| follow.id).or(chosen);
        Ok(found.unwrap_or(CollectionFollowId(0)))
    }

    /// What the person may know of these.
    pub(super) async fn collection_records(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        follows: Vec<(CollectionFollow, CollectionName)>,
    ) -> Result<Vec<CollectionFollowRecord>, ServiceError> {
        let ids: Vec<CollectionFollowId> = follows.iter().map(|(follow, _)| follow.id).collect();
        let mut gaps = self.parts.store.gaps_of(&ids).await?;
        let followed: HashMap<_, _> = self.parts.store.collected_follow_counts(&ids).await?;
        let mut records = Vec::with_capacity(follows.len());
        for (follow, name) in follows {
            access.note_channel(actor.guild, follow.target);
            let target = access.view_channel(actor, follow.target).await?;
            let mut shown = Vec::new();
            for FollowGap { channel, reason } in gaps.remove(&follow.id).unwrap_or_default() {
                shown.push((access.view_channel(actor, channel).await?, reason));
            }
            let followed = followed.get(&follow.id).copied().unwrap_or_default();
            records.push(CollectionFollowRecord { follow, name, target, followed, gaps: shown });
        }
        Ok(records)
    }

    /// Has a target's follows brought into step with its collections, and waits for that; but not forever.
    async fn wait_until_in_step(&self, target: ChannelId) -> Result<(), ServiceError> {
        let end = Instant::now() + PATIENCE;
        let mut rounds = self.parts.syncs.rounds();
        self.parts.syncs.request();
        while Instant::now() < end {
            let follows = self.parts.store.collection_follows_into(target).await?;
            if follows.iter().all(CollectionFollow::is_in_step) {
                break;
            }
            let _ = timeout(LOOK, rounds.changed()).await;
        }
        Ok(())
    }
}

impl CollectionFollowRecord {
    /// What a choice of the autocompletion stands for: the name alone if its target is the intended one
    /// anyway.
    pub fn choice(&self, meant: ChannelId) -> String {
        let name = self.name.as_str();
        if self.follow.target == meant { name.to_owned() } else { format!("{}→{name}", self.follow.id.0) }
    }

    fn read_choice(text: &str) -> Option<CollectionFollowId> {
        text.trim().split_once('→')?.0.parse().ok().map(CollectionFollowId)
    }
}

/// Refuses to change a follow that comes from a collection by its number, and any that is there already
/// for the sake of a collection.
pub(super) fn require_own_to_change(existing: &Follow, request: &FollowRequest) -> Result<(), Refusal> {
    if request.collection.is_some() {
        return Err(already_following(existing));
    }
    match existing.collection_follow {
        Some(_) if request.only.is_some() => Err(CollectionRefusal::FromCollection(existing.id).into()),
        _ => Ok(()),
    }
}
