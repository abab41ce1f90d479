//! `/follow`: a channel begins to follow another. What becomes of a follow that stands already is in `follow_change`, the question that may come first in `confirm`.

pub(super) mod change;
pub(super) mod confirm;
pub(super) mod consent;
pub(super) mod list;
pub(super) mod pause;
pub(super) mod request;
pub(super) mod status;
pub(super) mod tags;
pub(super) mod unfollow;
pub(super) mod webhooks;

use crate::domain::channel::ChannelKind;
use crate::domain::follow::{Delivery, Door, Exposure, Follow, FollowOptions, FollowState, NewFollow, Pair};
use crate::domain::ids::ChannelId;
use crate::domain::permissions::Permissions;
use crate::domain::servers::FollowsFull;
use crate::store::{Inserted, StoreError};

use self::change::Changed;
use self::confirm::{Asking, Question};
use self::webhooks::Connected;
use super::access::{Access, Found, Place};
use super::error::{ConsentRefusal, Lack};
use super::{Actor, FollowRequest, Follows, Refusal, ServiceError};

/// What the bot needs where it posts.
pub(super) const BOT_IN_TARGET: Permissions =
    Permissions::MANAGE_WEBHOOKS.union(Permissions::VIEW_CHANNEL).union(Permissions::READ_MESSAGE_HISTORY);
/// What came of `/follow`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Followed {
    /// A new follow.
    New {
        /// The follow.
        follow: Follow,
        /// With how many earlier posts it begins.
        earlier: u64,
    },
    /// The pair was followed already; its options are new.
    Changed(Changed),
    /// The pair was followed already, and broken; it works again.
    Repaired(Changed),
    /// It is stored, and waits until the source's moderators approve it.
    Waits(Follow),
    /// Nothing yet: the person is to say whether they mean it.
    Asked(Question),
}

/// A source and a target that the person may connect.
pub(super) struct Ends {
    pub(super) source: Place,
    pub(super) target: Place,
    /// What lets the target's server follow the source.
    pub(super) door: Door,
    /// Whether the source is age-restricted.
    pub(super) restricted: bool,
}

impl Ends {
    pub(super) const fn pair(&self) -> Pair {
        Pair { source: self.source.id(), target: self.target.id() }
    }
}

impl Follows {
    /// Makes a channel follow another, or changes the options of a follow that stands.
    pub async fn follow(&self, actor: Actor, request: FollowRequest) -> Result<Followed, ServiceError> {
        self.actions.count(actor.user, self.follow_as(actor, request, false)).await
    }

    /// The same, as part of an action that counts already; `confirmed` where the person has been asked whether they mean it.
    pub(super) async fn follow_as(
        &self,
        actor: Actor,
        request: FollowRequest,
        confirmed: bool,
    ) -> Result<Followed, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let access = &mut self.access(&rest, actor);
        if self.is_elsewhere(request.source) {
            return Err(Refusal::UnknownSource.into());
        }
        access.prepare(actor.guild, &[actor.user, self.identity.user]).await?;
        let ends = self.ends(access, actor, request.source.id(), request.target).await?;
        let _alone = self.lock_target(request.target, ends.target.spot()).await;
        let standing = self.store.follow_by_pair(ends.pair()).await?;
        let wanted = self.wanted(access, &ends, &request, standing.as_ref()).await?;
        let options = wanted.options.clone();
        self.require_bot(access, &ends, options.delivery).await?;
        let exposure = self.exposure(access, &ends, standing.as_ref(), confirmed).await?;
        if exposure == Exposure::Stopped {
            return Ok(Followed::Asked(self.ask(actor, ends.pair(), Asking::Follow(request))));
        }
        self.begin_reading(&ends.source, &options).await?;
        let followed = match standing {
            Some(standing) => self.change(standing, wanted, ends.door, exposure).await?,
            None => {
                let new = NewFollow {
                    pair: ends.pair(),
                    guild: ends.target.guild,
                    source_guild: ends.source.guild,
                    source_parent: ends.source.parent(),
                    spot: ends.target.spot(),
                    options,
                    created_by: actor.user,
                    door: ends.door,
                    exposure,
                    source_restricted: ends.restricted,
                    source_private: ends.source.kind() == ChannelKind::PrivateThread,
                    limits: self.follow_limits,
                };
                self.begin(new, request.backfill).await?
            }
        };
        // Whatever changed at Discord before it was stored was found by no look: now it is.
        self.doors.want(ends.source.guild);
        self.doors.want(ends.target.guild);
        Ok(followed)
    }

    /// Whether what the person does makes public what wasn't: meant, where it is said so; stopped, where they are to be asked first.
    pub(super) async fn exposure(
        &self,
        access: &mut Access<'_>,
        ends: &Ends,
        standing: Option<&Follow>,
        confirmed: bool,
    ) -> Result<Exposure, ServiceError> {
        if !access.makes_public(ends).await? {
            return Ok(Exposure::None);
        }
        let meant = confirmed || standing.is_some_and(|standing| standing.exposure == Exposure::Meant);
        Ok(if meant { Exposure::Meant } else { Exposure::Stopped })
    }

    /// The channels of a follow, where the person may connect them: their rights, and the kinds of channel.
    pub(super) async fn ends(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        source: ChannelId,
        target: ChannelId,
    ) -> Result<Ends, ServiceError> {
        let target = self.target(access, actor, target).await?;
        let (source, door) = self.source(access, actor, source).await?;
        if !self.admission.serves(source.guild) {
            return Err(Refusal::NotServed.into());
        }
        let restricted = access.is_age_restricted(&source).await?;
        if restricted && !access.is_age_restricted(&target).await? {
            return Err(Refusal::AgeRestricted { target: target.id() }.into());
        }
        Ok(Ends { source, target, door, restricted })
    }

    /// Reads what a follow with these options needs from now on.
    pub(super) async fn begin_reading(
        &self,
        source: &Place,
        options: &FollowOptions,
    ) -> Result<(), ServiceError> {
        match options.delivery {
            Delivery::Relay => self.intake.begin_reading(source, options.threads).await,
            Delivery::Native => Ok(()),
        }
    }

    /// The channel that shall receive: of this server, of a kind that can, and the person's to manage.
    async fn target(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        target: ChannelId,
    ) -> Result<Place, ServiceError> {
        let target = access.own(actor, target).await?;
        access.require_person(actor.user, &target, Permissions::MANAGE_CHANNELS).await?;
        if !target.kind().is_followable() {
            return Err(Refusal::TargetKind { channel: target.id(), kind: target.kind() }.into());
        }
        Ok(target)
    }

    /// The channel to follow: one that the person sees, of a kind that can be followed, and open to this server.
    /// A channel that the person can't see and one that doesn't exist are answered alike.
    async fn source(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        source: ChannelId,
    ) -> Result<(Place, Door), ServiceError> {
        if let Some(source) = self.published_elsewhere(access, actor, source).await? {
            self.require_unblocked(source.guild, actor.guild).await?;
            return Ok((source, Door::Published));
        }
        let source = access.seen_by(actor, source).await?.ok_or(Refusal::UnknownSource)?;
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
        let reading = access.reading(&source).await?;
        access.require_person(actor.user, &source, reading).await?;
        Ok((source, door))
    }

    /// A channel of another server that was opened with `/publish`, or a public thread of one: that is the consent, and whoever has its link may follow it.
    async fn published_elsewhere(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        source: ChannelId,
    ) -> Result<Option<Place>, ServiceError> {
        let Found::Seen(channel) = access.find_from(actor.guild, source).await? else { return Ok(None) };
        let Some(guild) = channel.guild_id.filter(|guild| *guild != actor.guild) else { return Ok(None) };
        let place = Place { channel, guild };
        let root = place.parent().unwrap_or(source);
        let open = place.kind() != ChannelKind::PrivateThread
            && place.kind().is_followable()
            && self.store.audience(root).await?.is_published();
        Ok(open.then_some(place))
    }

    /// Refuses unless the bot may read the source and post into the target.
    pub(super) async fn require_bot(
        &self,
        access: &mut Access<'_>,
        ends: &Ends,
        delivery: Delivery,
    ) -> Result<(), ServiceError> {
        let in_source = match delivery {
            Delivery::Native => Permissions::VIEW_CHANNEL,
            Delivery::Relay => access.reading(&ends.source).await?,
        };
        let lacks = [
            access.bot_lacks(self.identity.user, &ends.target, BOT_IN_TARGET).await?,
            access.bot_lacks(self.identity.user, &ends.source, in_source).await?,
        ];
        let lacks: Vec<Lack> = lacks.into_iter().flatten().collect();
        if lacks.is_empty() { Ok(()) } else { Err(Refusal::BotMay(lacks).into()) }
    }

    /// Connects the pair at Discord, then stores the follow; what Discord made is removed again where it can't be stored.
    async fn begin(&self, new: NewFollow, backfill: u8) -> Result<Followed, ServiceError> {
        if let Some(full) = self.store.follows_full(&new).await? {
            return Err(too_many(new.pair, full).into());
        }
        // Discord's own following has no past.
        let backfill = if new.options.delivery == Delivery::Relay { backfill } else { 0 };
        let root = new.source_parent.unwrap_or(new.pair.source);
        let waits = new.guild != new.source_guild && self.asks(root).await?;
        let backfill = if waits { 0 } else { backfill };
        let earlier =
            self.intake.newest(new.pair.source, new.source_guild, &new.options.filter, backfill).await?;
        let delivery = new.options.delivery;
        let connected = if waits && delivery == Delivery::Native {
            Connected::later(new.guild)
        } else {
            self.connect(new.guild, new.pair, new.spot, delivery).await?
        };
        // Before the follow is stored, so that no message falls between.
        if !waits {
            self.watched.add(&new);
        }
        match self.store.insert_follow(&new, &connected.hook, self.clock.now()).await {
            Ok(Inserted::Made(follow)) => {
                if !connected.serves(&follow) {
                    // Follows into the target deliver through another already.
                    self.disconnect(connected).await;
                }
                if follow.state != FollowState::Active {
                    tracing::info!(follow = follow.id.0, "follow made, which waits until it is approved");
                    return Ok(Followed::Waits(follow));
                }
                if waits {
                    // Nobody is asked any more since.
                    self.watched.add(&new);
                }
                tracing::info!(follow = follow.id.0, delivery = new.options.delivery.as_str(), "follow made");
                (self.wake)(vec![follow.pair.target]);
                let earlier = self.intake.backfill(&follow, &earlier).await.unwrap_or_else(|error| {
                    tracing::warn!(follow = follow.id.0, %error, "a follow could not begin with all earlier posts");
                    0
                });
                Ok(Followed::New { follow, earlier })
            }
            Ok(Inserted::AlreadyThere(_)) => {
                self.disconnect(connected).await;
                Err(already(new.pair, FollowState::Active).into())
            }
            Ok(Inserted::Full(full)) => {
                self.disconnect(connected).await;
                Err(too_many(new.pair, full).into())
            }
            Err(error) => {
                self.disconnect(connected).await;
                Err(closed(error))
            }
        }
    }
}

/// The operator allows no more follows.
const fn too_many(pair: Pair, full: FollowsFull) -> Refusal {
    match full {
        FollowsFull::Target(most) => Refusal::TooManyInto { channel: pair.target, most },
        FollowsFull::Source(most) => Refusal::TooManyFollowers { channel: pair.source, most },
        FollowsFull::Server(most) => Refusal::TooManyInServer(most),
    }
}

/// The source was closed to other servers between the look and the write: then it is as if it had been closed before.
pub(super) fn closed(error: StoreError) -> ServiceError {
    match error {
        StoreError::Closed => Refusal::NotPublished.into(),
        StoreError::Blocked => ConsentRefusal::NotForThisServer.into(),
        StoreError::NotServed => Refusal::NotServed.into(),
        error => error.into(),
    }
}

/// The pair is followed, and just so.
pub(super) fn already(pair: Pair, state: FollowState) -> Refusal {
    let paused = state == FollowState::Paused;
    Refusal::AlreadyFollowing { source_channel: pair.source, target: pair.target, paused }
}
