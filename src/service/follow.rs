//! `/follow`: a channel begins to follow another. What becomes of a follow that stands already is in `follow_change`, the question that may come first in `confirm`.

use crate::domain::follow::{Delivery, Follow, FollowOptions, FollowState, NewFollow, Pair};
use crate::domain::ids::ChannelId;
use crate::domain::permissions::Permissions;
use crate::store::Inserted;

use super::access::{Access, Place};
use super::confirm::Question;
use super::error::Lack;
use super::follow_change::Changed;
use super::{Actor, FollowRequest, Follows, Refusal, ServiceError};

/// What the bot needs where it posts.
const BOT_IN_TARGET: Permissions =
    Permissions::MANAGE_WEBHOOKS.union(Permissions::VIEW_CHANNEL).union(Permissions::READ_MESSAGE_HISTORY);
/// What the bot needs where it reads, to relay.
const BOT_IN_SOURCE: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_MESSAGE_HISTORY);

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
    /// Nothing yet: the person is to say whether they mean it.
    Asked(Question),
}

/// A source and a target that the person may connect.
pub(super) struct Ends {
    pub(super) source: Place,
    pub(super) target: Place,
}

impl Ends {
    pub(super) const fn pair(&self) -> Pair {
        Pair { source: self.source.id(), target: self.target.id() }
    }
}

impl Follows {
    /// Makes a channel follow another, or changes the options of a follow that stands.
    pub async fn follow(&self, actor: Actor, request: FollowRequest) -> Result<Followed, ServiceError> {
        self.follow_as(actor, request, false).await
    }

    /// The same; `confirmed` where the person has been asked whether they mean it.
    pub(super) async fn follow_as(
        &self,
        actor: Actor,
        request: FollowRequest,
        confirmed: bool,
    ) -> Result<Followed, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        // Also one that is refused counts: its look-ups cost the same.
        let action = self.take_action(actor.user)?;
        let followed = self.follow_counted(&mut access, actor, request, confirmed).await;
        if matches!(
            followed,
            Ok(Followed::New { .. } | Followed::Changed(_) | Followed::Repaired(_))
                | Err(ServiceError::Refused(_))
        ) {
            action.keep();
        }
        followed
    }

    async fn follow_counted(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        request: FollowRequest,
        confirmed: bool,
    ) -> Result<Followed, ServiceError> {
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
        if standing.is_none() && !confirmed && access.makes_public(&ends).await? {
            return Ok(Followed::Asked(self.ask(actor, request)));
        }
        self.begin_reading(&ends.source, &options).await?;
        match standing {
            Some(standing) => self.change(standing, wanted).await,
            None => {
                let new = NewFollow {
                    pair: ends.pair(),
                    guild: ends.target.guild,
                    source_guild: ends.source.guild,
                    source_parent: ends.source.parent(),
                    spot: ends.target.spot(),
                    options,
                    created_by: actor.user,
                };
                self.begin(new, request.backfill).await
            }
        }
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
        let source = self.source(access, actor, source).await?;
        Ok(Ends { source, target })
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
    ) -> Result<Place, ServiceError> {
        let source = access.seen_by(actor, source).await?.ok_or(Refusal::UnknownSource)?;
        if !source.kind().is_followable() {
            return Err(Refusal::SourceKind { channel: source.id(), kind: source.kind() }.into());
        }
        if source.guild != actor.guild {
            self.require_open(access, &source).await?;
        }
        Ok(source)
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
            Delivery::Relay => BOT_IN_SOURCE,
        };
        let now = self.clock.now();
        let lacks = [
            access.bot_lacks(self.identity.user, &ends.target, BOT_IN_TARGET, now).await?,
            access.bot_lacks(self.identity.user, &ends.source, in_source, now).await?,
        ];
        let lacks: Vec<Lack> = lacks.into_iter().flatten().collect();
        if lacks.is_empty() { Ok(()) } else { Err(Refusal::BotMay(lacks).into()) }
    }

    /// Connects the pair at Discord, then stores the follow; what Discord made is removed again where it can't be stored.
    async fn begin(&self, new: NewFollow, backfill: u8) -> Result<Followed, ServiceError> {
        // Discord's own following has no past.
        let backfill = if new.options.delivery == Delivery::Relay { backfill } else { 0 };
        let earlier =
            self.intake.newest(new.pair.source, new.source_guild, &new.options.filter, backfill).await?;
        let connected = self.connect(new.guild, new.pair, new.spot, new.options.delivery).await?;
        // Before the follow is stored, so that no message falls between.
        self.watched.add(&new);
        match self.store.insert_follow(&new, &connected.hook, self.clock.now()).await {
            Ok(Inserted::Made(follow)) => {
                if !connected.serves(&follow) {
                    // Follows into the target deliver through another already.
                    self.disconnect(connected).await;
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
            Err(error) => {
                self.disconnect(connected).await;
                Err(error.into())
            }
        }
    }
}

/// The pair is followed, and just so.
pub(super) fn already(pair: Pair, state: FollowState) -> Refusal {
    let paused = state == FollowState::Paused;
    Refusal::AlreadyFollowing { source_channel: pair.source, target: pair.target, paused }
}
