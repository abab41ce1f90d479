//! `/follow`: a channel begins to follow another. [`change`] does it for a pair that is followed already, and
//! [`confirm`] asks before something becomes public. [`edit`] and [`record`] do and show the same for
//! programs, and [`collected`] is about channels that follow collections. The other
//! files are what people do with a follow later.

pub(super) mod change;
pub(super) mod collected;
pub(super) mod confirm;
pub(super) mod consent;
pub(super) mod edit;
pub(super) mod list;
pub(super) mod pause;
pub(super) mod preview;
pub(super) mod record;
pub(super) mod request;
pub(super) mod status;
pub(super) mod tags;
pub(super) mod unfollow;
pub(super) mod webhooks;

use crate::domain::audit::ChangedBy;
use crate::domain::channel::ChannelKind;
use crate::domain::follow::{
    ChannelPair, DeliveryMethod, Door, Exposure, Follow, FollowOptions, FollowState, NewFollow,
};
use crate::domain::ids::ChannelId;
use crate::domain::permissions::Permissions;
use crate::domain::servers::FollowsFull;
use crate::store::{Inserted, StoreError};

use self::change::ChangedFollow;
use self::collected::require_own_to_change;
use self::confirm::{PendingAction, Question};
use self::webhooks::ConnectedHook;
use super::access::{Access, ChannelLookup, GuildChannel};
use super::error::{ConsentRefusal, MissingPermissions};
use super::{Actor, FollowRequest, FollowService, Refusal, ServiceError, log_follow};

/// What the bot needs in a channel to post there.
pub(super) const BOT_IN_TARGET: Permissions =
    Permissions::MANAGE_WEBHOOKS.union(Permissions::VIEW_CHANNEL).union(Permissions::READ_MESSAGE_HISTORY);
/// What came of `/follow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowOutcome {
    /// A new follow.
    New {
        /// The follow.
        follow: Follow,
        /// How many earlier posts it begins with.
        earlier: u64,
    },
    /// The pair was followed already; its options have changed.
    Changed(ChangedFollow),
    /// The pair was followed already, but broken; it works again.
    Repaired(ChangedFollow),
    /// It came from a collection, and is one of its own now; nothing else has changed.
    MadeOwn(Follow),
    /// It is stored, and waits until the source's moderators approve it.
    Waits(Follow),
    /// Nothing has happened yet: the person must confirm it first.
    Asked(Question),
}

/// A source and a target that the person may connect.
pub(super) struct FollowChannels {
    pub(super) source: GuildChannel,
    pub(super) target: GuildChannel,
    /// What allows the target's server to follow the source.
    pub(super) door: Door,
    /// Whether the source is age-restricted.
    pub(super) restricted: bool,
}

impl FollowChannels {
    pub(super) const fn pair(&self) -> ChannelPair {
        ChannelPair { source: self.source.id(), target: self.target.id() }
    }
}

impl FollowService {
    /// Makes a channel follow another, or changes the options of an existing follow.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, channel = %request.target, follow = tracing::field::Empty))]
    pub async fn follow(&self, actor: Actor, request: FollowRequest) -> Result<FollowOutcome, ServiceError> {
        self.quotas.count_action(actor.user, self.follow_as(actor, request, false)).await
    }

    /// The same, as part of an action that was counted already. `confirmed` says that the person has
    /// confirmed it.
    pub(in crate::service) async fn follow_as(
        &self,
        actor: Actor,
        request: FollowRequest,
        confirmed: bool,
    ) -> Result<FollowOutcome, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let access = &mut self.access(&rest, actor);
        if self.is_elsewhere(request.source) {
            return Err(Refusal::UnknownSource.into());
        }
        access.require_member(actor).await?;
        if let (Some(_), Some(guild)) = (request.collection, request.source.named_server()) {
            access.note_channel(guild, request.source.id());
        }
        access.prefetch(actor.guild, &[actor.user, self.parts.identity.user]).await?;
        let ends = self.follow_channels(access, actor, request.source.id(), request.target).await?;
        let _alone = self.lock_target(request.target, ends.target.target_kind()).await;
        let existing = self.parts.store.follow_by_pair(ends.pair()).await?;
        if let Some(existing) = &existing {
            log_follow(existing.id);
        }
        if let Some(only) = request.only.filter(|only| existing.as_ref().map(|it| it.id) != Some(*only)) {
            return Err(Refusal::NoSuchFollow(only).into());
        }
        if let Some(existing) = &existing {
            require_own_to_change(existing, &request)?;
        }
        let wanted = self.requested_options(access, &ends, &request.options, existing.as_ref()).await?;
        let options = wanted.options.clone();
        self.require_bot(access, &ends, options.delivery).await?;
        let exposure = self.exposure(access, &ends, existing.as_ref(), confirmed).await?;
        if exposure == Exposure::Stopped {
            return Ok(FollowOutcome::Asked(self.ask_to_confirm(
                actor,
                ends.pair(),
                PendingAction::Follow(request),
            )?));
        }
        self.begin_reading(&ends.source, &options).await?;
        // What a collection brings, nobody has done just now.
        let by = if request.collection.is_some() { ChangedBy::System } else { actor.changed_by() };
        let followed = match existing {
            Some(existing) => match existing.collection_follow {
                Some(from) => self.make_own(existing, from, wanted, (ends.door, exposure), by).await?,
                None => self.change_follow(existing, wanted, ends.door, exposure, by).await?,
            },
            None => {
                let new = NewFollow {
                    pair: ends.pair(),
                    guild: ends.target.guild,
                    source_guild: ends.source.guild,
                    source_parent: ends.source.parent(),
                    target_kind: ends.target.target_kind(),
                    options,
                    created_by: actor.user,
                    door: ends.door,
                    exposure,
                    source_restricted: ends.restricted,
                    source_private: ends.source.kind() == ChannelKind::PrivateThread,
                    collection_follow: request.collection,
                    limits: self.parts.follow_limits,
                };
                self.create(new, request.backfill, by).await?
            }
        };
        // No check could find what changed at Discord before the follow was stored. Now one can.
        self.parts.checks.request(ends.source.guild);
        self.parts.checks.request(ends.target.guild);
        Ok(followed)
    }

    /// Whether this makes something public. If it does, the follow is `Meant` if somebody confirmed it, and
    /// otherwise `Stopped` until the person confirms it.
    pub(super) async fn exposure(
        &self,
        access: &mut Access<'_>,
        ends: &FollowChannels,
        existing: Option<&Follow>,
        confirmed: bool,
    ) -> Result<Exposure, ServiceError> {
        if !access.makes_public(ends).await? {
            return Ok(Exposure::None);
        }
        let meant = confirmed || existing.is_some_and(|existing| existing.exposure == Exposure::Meant);
        Ok(if meant { Exposure::Meant } else { Exposure::Stopped })
    }

    /// Checks that the person may connect these channels, and that their kinds allow it.
    pub(super) async fn follow_channels(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        source: ChannelId,
        target: ChannelId,
    ) -> Result<FollowChannels, ServiceError> {
        let target = self.target(access, actor, target).await?;
        let (source, door) = self.source(access, actor, source).await?;
        if !self.parts.admission.serves(source.guild) {
            return Err(Refusal::NotServed.into());
        }
        let restricted = access.is_age_restricted(&source).await?;
        if restricted && !access.is_age_restricted(&target).await? {
            return Err(Refusal::AgeRestricted { target: target.id() }.into());
        }
        Ok(FollowChannels { source, target, door, restricted })
    }

    /// Starts reading what a follow with these options needs.
    pub(super) async fn begin_reading(
        &self,
        source: &GuildChannel,
        options: &FollowOptions,
    ) -> Result<(), ServiceError> {
        match options.delivery {
            DeliveryMethod::Relay => self.intake.begin_reading(source, options.threads).await,
            DeliveryMethod::Native => Ok(()),
        }
    }

    /// The channel that should receive: in this server, of a kind that can receive, and one that the person
    /// may manage.
    async fn target(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        target: ChannelId,
    ) -> Result<GuildChannel, ServiceError> {
        let target = access.require_own_channel(actor, target).await?;
        access.require_person(actor.user, &target, Permissions::MANAGE_CHANNELS).await?;
        if !target.kind().is_followable() {
            return Err(Refusal::TargetKind { channel: target.id(), kind: target.kind() }.into());
        }
        Ok(target)
    }

    /// The channel to follow: one that the person sees, of a kind that can be followed, and open to this
    /// server. A channel that the person can't see gets the same answer as one that doesn't exist.
    async fn source(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        source: ChannelId,
    ) -> Result<(GuildChannel, Door), ServiceError> {
        if let Some(source) = self.published_elsewhere(access, actor, source).await? {
            self.require_unblocked(source.guild, actor.guild).await?;
            return Ok((source, Door::Published));
        }
        let source = access.look(actor, source).await?.visible().ok_or(Refusal::UnknownSource)?;
        if !source.kind().is_followable() {
            return Err(Refusal::SourceKind { channel: source.id(), kind: source.kind() }.into());
        }
        let door = if source.guild == actor.guild {
            Door::Own
        } else {
            if access.timed_out_until(source.guild, actor.user).await?.is_some() {
                return Err(Refusal::UnknownSource.into());
            }
            let door = self.require_open(access, &source).await?;
            self.require_unblocked(source.guild, actor.guild).await?;
            door
        };
        let reading = access.needed_to_read(&source).await?;
        access.require_person(actor.user, &source, reading).await?;
        Ok((source, door))
    }

    /// A channel of another server that was opened with `/publish`, or a public thread of one. That is its
    /// consent: anyone with a link may follow it.
    async fn published_elsewhere(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        source: ChannelId,
    ) -> Result<Option<GuildChannel>, ServiceError> {
        let ChannelLookup::Seen(channel) = access.find_from(actor.guild, source).await? else {
            return Ok(None);
        };
        let Some(guild) = channel.guild_id.filter(|guild| *guild != actor.guild) else { return Ok(None) };
        let place = GuildChannel { channel, guild };
        let root = place.parent().unwrap_or(source);
        let open = place.kind() != ChannelKind::PrivateThread
            && place.kind().is_followable()
            && self.parts.store.audience(root).await?.is_published();
        Ok(open.then_some(place))
    }

    /// Refuses unless the bot may read the source and post into the target.
    pub(super) async fn require_bot(
        &self,
        access: &mut Access<'_>,
        ends: &FollowChannels,
        delivery: DeliveryMethod,
    ) -> Result<(), ServiceError> {
        let in_source = match delivery {
            DeliveryMethod::Native => Permissions::VIEW_CHANNEL,
            DeliveryMethod::Relay => access.needed_to_read(&ends.source).await?,
        };
        let lacks = [
            access.bot_lacks(self.parts.identity.user, &ends.target, BOT_IN_TARGET).await?,
            access.bot_lacks(self.parts.identity.user, &ends.source, in_source).await?,
        ];
        let lacks: Vec<MissingPermissions> = lacks.into_iter().flatten().collect();
        if lacks.is_empty() { Ok(()) } else { Err(Refusal::BotMay(lacks).into()) }
    }

    /// Connects the pair at Discord, then stores the follow. If it can't be stored, what was made at Discord
    /// is removed again.
    async fn create(
        &self,
        new: NewFollow,
        backfill: u8,
        by: ChangedBy,
    ) -> Result<FollowOutcome, ServiceError> {
        if let Some(full) = self.parts.store.follows_full(&new).await? {
            return Err(too_many(new.pair, full).into());
        }
        // Discord's own following doesn't deliver earlier posts.
        let backfill = if new.options.delivery == DeliveryMethod::Relay { backfill } else { 0 };
        let root = new.source_parent.unwrap_or(new.pair.source);
        let waits = new.guild != new.source_guild && self.needs_approval(root).await?;
        let backfill = if waits { 0 } else { backfill };
        let earlier = self
            .intake
            .read_backfill(new.pair.source, new.source_guild, &new.options.filter, backfill)
            .await?;
        let delivery = new.options.delivery;
        let connected = if waits && delivery == DeliveryMethod::Native {
            ConnectedHook::later(new.guild)
        } else {
            self.connect(new.guild, new.pair, new.target_kind, delivery).await?
        };
        // Before the follow is stored, so that no message is missed in between.
        if !waits {
            self.parts.watched.add_follow(&new);
        }
        match self.parts.store.insert_follow(&new, &connected.hook, self.stamp(by)).await {
            Ok(Inserted::Made(follow)) => {
                log_follow(follow.id);
                if !connected.serves(&follow) {
                    // Other follows into the target already deliver through another webhook.
                    self.disconnect(connected).await;
                }
                if follow.state != FollowState::Active {
                    tracing::info!(follow = follow.id.0, "follow made, which waits until it is approved");
                    return Ok(FollowOutcome::Waits(follow));
                }
                if waits {
                    // Approval was switched off in between.
                    self.parts.watched.add_follow(&new);
                }
                tracing::info!(follow = follow.id.0, delivery = new.options.delivery.as_str(), "follow made");
                (self.parts.wake)(vec![follow.pair.target]);
                let earlier = self.intake.deliver_backfill(&follow, &earlier).await.unwrap_or_else(|error| {
                    tracing::warn!(follow = follow.id.0, %error, "a follow could not begin with all earlier posts");
                    0
                });
                Ok(FollowOutcome::New { follow, earlier })
            }
            Ok(Inserted::AlreadyThere(there)) => {
                self.disconnect(connected).await;
                Err(already_following(&there).into())
            }
            Ok(Inserted::Full(full)) => {
                self.disconnect(connected).await;
                Err(too_many(new.pair, full).into())
            }
            Err(error) => {
                self.disconnect(connected).await;
                Err(refused_by_store(error))
            }
        }
    }
}

/// The operator's limit on follows is reached.
const fn too_many(pair: ChannelPair, full: FollowsFull) -> Refusal {
    match full {
        FollowsFull::Target(most) => Refusal::TooManyInto { channel: pair.target, most },
        FollowsFull::Source(most) => Refusal::TooManyFollowers { channel: pair.source, most },
        FollowsFull::Server(most) => Refusal::TooManyInServer(most),
    }
}

/// The source was closed to other servers between the check and the write. The answer is the same as if it
/// had been closed before.
pub(super) fn refused_by_store(error: StoreError) -> ServiceError {
    match error {
        StoreError::Closed => Refusal::NotPublished.into(),
        StoreError::Blocked => ConsentRefusal::NotForThisServer.into(),
        StoreError::NotServed => Refusal::NotServed.into(),
        error => error.into(),
    }
}

/// The pair is followed already, with these very options.
pub(super) fn already_following(there: &Follow) -> Refusal {
    Refusal::AlreadyFollowing {
        follow: there.id,
        source_channel: there.pair.source,
        target: there.pair.target,
        paused: there.state == FollowState::Paused,
    }
}
