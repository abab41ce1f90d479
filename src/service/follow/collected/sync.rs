//! Keeps what channels follow in step with the collections that they follow.
//!
//! ```text
//! collection changes ─┐
//! channel (un)follows ─┼─► revision, in the same transaction ─► here: compare, one step each ─► revision synced
//! every hour: all ─────┘                                              └─► what can't be: a gap, told once
//! ```
//!
//! Nothing is remembered but in the database, and each step can be done again: a process that dies in between
//! leaves a revision that isn't synced. A target is brought into step by the process that has its server.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::Instant;

use crate::domain::audit::{ChangedBy, Via};
use crate::domain::channel::ChannelLink;
use crate::domain::collection_follow::{
    CollectionFollow, CollectionFollowId, FollowGap, GapReason, SyncStep, WantedChannels, steps_into,
};
use crate::domain::follow::{DeliveryMethod, FollowId, TagMode};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::lock::lock;
use crate::service::backoff::Backoffs;
use crate::service::{
    Actor, DeliveryChoice, FollowRequest, FollowService, OptionsRequest, Refusal, ServiceError, SourceChoice,
};
use crate::store::Removed;

use super::gaps::reason;

/// How often to look without being asked: another process may have changed something.
const EACH: Duration = Duration::from_secs(3);
/// How often to compare everything, and to try again what could not be followed.
const ALL: Duration = Duration::from_secs(60 * 60);
/// How many targets are brought into step at once.
const AT_ONCE: usize = 4;

/// What a target should follow because of its collections.
struct Wanted<'a> {
    follows: HashMap<CollectionFollowId, &'a CollectionFollow>,
    /// The channels' servers.
    servers: HashMap<ChannelId, GuildId>,
    channels: Vec<WantedChannels>,
}

impl Wanted<'_> {
    fn link(&self, channel: ChannelId) -> ChannelLink {
        ChannelLink { channel, guild: self.servers.get(&channel).copied() }
    }
}

impl FollowService {
    /// Keeps the follows of this process's servers in step with collections, until it is stopped.
    pub async fn keep_in_step(self: Arc<Self>) {
        let mut all_at = Instant::now();
        let failing = Mutex::default();
        loop {
            let all = Instant::now() >= all_at;
            match self.parts.store.targets_out_of_step(all).await {
                Ok(targets) => {
                    if all {
                        all_at = Instant::now() + ALL;
                    }
                    self.sync_targets(targets, &failing).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "can't read which channels are out of step with their collections");
                }
            }
            self.parts.syncs.wait(EACH).await;
        }
    }

    async fn sync_targets(&self, targets: Vec<(GuildId, ChannelId)>, failing: &Mutex<Backoffs<ChannelId>>) {
        let now = Instant::now();
        let due = |(guild, target): &(GuildId, ChannelId)| {
            self.parts.shards.has(*guild) && !lock(failing).waits(target, now)
        };
        let due: Vec<_> = targets.into_iter().filter(due).collect();
        let syncing = due.into_iter().map(async |(guild, target)| {
            match self.sync_target(guild, target).await {
                Ok(()) => lock(failing).forget(&target),
                Err(error) => {
                    let attempts = lock(failing).fail(target, Instant::now());
                    tracing::warn!(%guild, %target, attempts, %error, "a channel can't catch up with its collections yet");
                }
            }
            self.parts.syncs.note_round();
        });
        stream::iter(syncing).buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    }

    /// Brings one target's follows into step. What can't be followed is noted; whatever fails because
    /// something is away is reported at the end, and nothing counts as in step then.
    #[tracing::instrument(name = "sync", skip_all, fields(server = %guild, channel = %target))]
    async fn sync_target(&self, guild: GuildId, target: ChannelId) -> Result<(), ServiceError> {
        let store = &self.parts.store;
        let follows = store.collection_follows_into(target).await?;
        let wanted = self.wanted(&follows).await?;
        let present = store.present_follows(target).await?;
        let mut gaps: BTreeMap<CollectionFollowId, Vec<FollowGap>> = BTreeMap::new();
        let mut failed = None;
        for step in steps_into(target, &present, &wanted.channels) {
            let done = match step {
                SyncStep::End { follow, from } => self.end_collected(guild, follow, from).await,
                SyncStep::Pass { follow, from, to } => {
                    let stamp = self.stamp(ChangedBy::System);
                    store
                        .pass_follow(guild, follow, from, Some(to), stamp)
                        .await
                        .map(drop)
                        .map_err(Into::into)
                }
                SyncStep::Make { source, .. } => match self.make_by_any(&wanted, source).await {
                    Ok(found) => {
                        for (by, reason) in found {
                            gaps.entry(by).or_default().push(FollowGap { channel: source, reason });
                        }
                        Ok(())
                    }
                    Err(error) => Err(error),
                },
            };
            failed = failed.or(done.err());
        }
        if let Some(error) = failed {
            return Err(error);
        }
        for follow in &follows {
            let gaps = gaps.remove(&follow.id).unwrap_or_default();
            store.note_gaps(follow.id, &gaps, self.parts.clock.now()).await?;
            store.note_synced(follow).await?;
        }
        Ok(())
    }

    async fn wanted<'a>(&self, follows: &'a [CollectionFollow]) -> Result<Wanted<'a>, ServiceError> {
        let mut wanted = Wanted { follows: HashMap::new(), servers: HashMap::new(), channels: Vec::new() };
        for follow in follows {
            let Some(collection) = follow.collection else { continue };
            let collected = self.parts.store.collected_channels(collection).await?;
            let channels = collected.iter().map(|one| one.channel).collect();
            wanted.servers.extend(collected.iter().map(|one| (one.channel, one.guild)));
            wanted.follows.insert(follow.id, follow);
            wanted.channels.push(WantedChannels { by: follow.id, channels });
        }
        Ok(wanted)
    }

    /// Follows one channel in the name of the first who can do it. Returns why nobody can, if nobody can.
    async fn make_by_any(
        &self,
        wanted: &Wanted<'_>,
        source: ChannelId,
    ) -> Result<Vec<(CollectionFollowId, GapReason)>, ServiceError> {
        let mut reasons = Vec::new();
        for by in wanted.channels.iter().filter(|wanted| wanted.channels.contains(&source)) {
            let Some(follow) = wanted.follows.get(&by.by) else { continue };
            match self.make_collected(follow, wanted.link(source)).await? {
                Some(reason) => reasons.push((by.by, reason)),
                None => return Ok(Vec::new()),
            }
        }
        Ok(reasons)
    }

    /// Follows one channel in the name of whoever follows the collection, as they could do it now. Returns
    /// why it can't be, if it can't.
    async fn make_collected(
        &self,
        by: &CollectionFollow,
        source: ChannelLink,
    ) -> Result<Option<GapReason>, ServiceError> {
        let Some(user) = by.created_by else { return Ok(Some(GapReason::NobodyLeft)) };
        // As a program acts: nothing is confirmed by naming no channel, and Discord vouches for nobody.
        let actor = Actor { user, guild: by.guild, channel: None, via: Via::Command };
        let options = &by.options;
        let options = OptionsRequest {
            mode: Some(options.mode.unwrap_or(TagMode::All)),
            tags: options.tags.clone(),
            threads: options.threads,
            delivery: Some(options.delivery.map_or(DeliveryChoice::Auto, DeliveryChoice::Fixed)),
            panels: options.panels,
        };
        let request = FollowRequest::new(SourceChoice::Linked(source), by.target)?;
        let request = FollowRequest { options, collection: Some(by.id), ..request };
        match self.follow_as(actor, request, false).await {
            Ok(_) | Err(ServiceError::Refused(Refusal::AlreadyFollowing { .. })) => Ok(None),
            Err(error) => match reason(&error) {
                Some(reason) => {
                    tracing::info!(source = %source.channel, by = by.id.0, reason = reason.as_str(), "a collection's channel isn't followed");
                    Ok(Some(reason))
                }
                None => Err(error),
            },
        }
    }

    /// Ends a follow that came from a collection, unless it was made one of its own meanwhile.
    async fn end_collected(
        &self,
        guild: GuildId,
        id: FollowId,
        from: CollectionFollowId,
    ) -> Result<(), ServiceError> {
        let Some(follow) = self.parts.store.follow(guild, id).await? else { return Ok(()) };
        let _alone = self.lock_target(follow.pair.target, follow.target_kind).await;
        let now = self.parts.store.follow(guild, id).await?;
        let Some(follow) = now.filter(|follow| follow.collection_follow == Some(from)) else {
            return Ok(());
        };
        if follow.options.delivery == DeliveryMethod::Native {
            self.stop_expected(&follow, ChangedBy::System).await?;
        }
        let stamp = self.stamp(ChangedBy::System);
        if let Some(Removed { follow, webhook_still_needed }) =
            self.parts.store.delete_collected_follow(guild, id, from, stamp).await?
        {
            self.clear_after(follow, webhook_still_needed).await;
        }
        Ok(())
    }
}
