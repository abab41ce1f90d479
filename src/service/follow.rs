//! `/follow`: a channel begins to follow another.

use crate::domain::channel::ChannelKind;
use crate::domain::follow::{Delivery, Filter, Follow, FollowOptions, FollowState, NewFollow, Pair, Threads};
use crate::domain::ids::MessageId;
use crate::domain::permissions::Permissions;
use crate::domain::place::Spot;
use crate::store::{Hook, Inserted};

use super::access::{Access, Place};
use super::error::Lack;
use super::{Actor, DeliveryChoice, FollowRequest, Follows, Refusal, ServiceError};

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
        earlier: usize,
    },
    /// The pair was followed already; its options are new.
    Changed(Follow),
    /// The pair was followed already, and broken; it works again.
    Repaired(Follow),
}

/// A follow that may be made.
pub(super) struct Checked {
    pub(super) source: Place,
    target: Place,
    delivery: Delivery,
}

impl Follows {
    /// Makes a channel follow another, or changes the options of a follow that stands.
    pub async fn follow(&self, actor: Actor, request: FollowRequest) -> Result<Followed, ServiceError> {
        let Checked { source, target, delivery } =
            self.check(&mut Access::new(&self.rest), actor, &request).await?;
        let options = FollowOptions {
            delivery,
            filter: request.filter,
            threads: Threads::None,
            panels: request.panels,
        };
        let pair = Pair { source: source.id(), target: target.id() };
        let action = self.take_action(actor.user)?;
        let _alone = self.lock_target(pair.target).await;
        self.begin_reading(&source, delivery).await?;
        let followed = match self.store.follow_by_pair(pair).await? {
            Some(standing) => self.change(standing, options).await?,
            None => {
                let new = NewFollow {
                    pair,
                    guild: target.guild,
                    source_guild: source.guild,
                    source_parent: None,
                    spot: Spot::Channel,
                    options,
                    created_by: actor.user,
                };
                self.begin(new, request.backfill).await?
            }
        };
        action.keep();
        Ok(followed)
    }

    /// Everything that a follow needs before anything is changed: the person's rights, the kinds of channel, the bot's permissions.
    pub(super) async fn check(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        request: &FollowRequest,
    ) -> Result<Checked, ServiceError> {
        let target = self.target(access, actor, request).await?;
        let source = self.source(access, actor, request).await?;
        let delivery = choose_delivery(request, source.kind(), target.kind())?;
        self.require_bot(access, &source, &target, delivery).await?;
        Ok(Checked { source, target, delivery })
    }

    /// A source that nobody had read is read from now on: what was posted before is not sent later.
    pub(super) async fn begin_reading(&self, source: &Place, delivery: Delivery) -> Result<(), ServiceError> {
        if delivery == Delivery::Relay && !self.store.is_read(source.id()).await? {
            // A channel's own number is older than all its messages.
            let oldest = MessageId::from_db(source.id().to_db()).ok();
            if let Some(newest) = source.channel.last_message_id.or(oldest) {
                self.store.move_seen_message(source.id(), newest).await?;
            }
        }
        Ok(())
    }

    /// The channel that shall receive: of this server, of a kind that can, and the person's to manage.
    async fn target(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        request: &FollowRequest,
    ) -> Result<Place, ServiceError> {
        let target = access.own(actor, request.target).await?;
        access.require_person(actor.user, &target, Permissions::MANAGE_CHANNELS).await?;
        if !target.kind().holds_messages() {
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
        request: &FollowRequest,
    ) -> Result<Place, ServiceError> {
        let source = access.seen_by(actor, request.source.id()).await?.ok_or(Refusal::UnknownSource)?;
        if !source.kind().holds_messages() {
            return Err(Refusal::SourceKind { channel: source.id(), kind: source.kind() }.into());
        }
        if source.guild != actor.guild {
            self.require_open(access, &source).await?;
        }
        Ok(source)
    }

    async fn require_bot(
        &self,
        access: &mut Access<'_>,
        source: &Place,
        target: &Place,
        delivery: Delivery,
    ) -> Result<(), ServiceError> {
        let in_source = match delivery {
            Delivery::Native => Permissions::VIEW_CHANNEL,
            Delivery::Relay => BOT_IN_SOURCE,
        };
        let lacks = [
            access.bot_lacks(self.identity.user, target, BOT_IN_TARGET).await?,
            access.bot_lacks(self.identity.user, source, in_source).await?,
        ];
        let lacks: Vec<Lack> = lacks.into_iter().flatten().collect();
        if lacks.is_empty() { Ok(()) } else { Err(Refusal::BotMay(lacks).into()) }
    }

    /// Connects the pair at Discord, then stores the follow; what Discord made is removed again where it can't be stored.
    async fn begin(&self, new: NewFollow, backfill: u8) -> Result<Followed, ServiceError> {
        // Discord's own following has no past.
        let backfill = if new.options.delivery == Delivery::Relay { backfill } else { 0 };
        let earlier = self.intake.newest(new.pair.source, new.source_guild, backfill).await?;
        let connected = self.connect(new.pair, new.options.delivery).await?;
        // Before the follow is stored, so that no message falls between.
        self.watched.add(new.pair, new.source_guild, new.options.delivery);
        match self.store.insert_follow(&new, &connected.hook, self.clock.now()).await {
            Ok(Inserted::Made(follow)) => {
                if !connected.serves(&follow) {
                    // Follows into the target deliver through another already.
                    self.disconnect(connected).await;
                }
                tracing::info!(follow = follow.id.0, delivery = new.options.delivery.as_str(), "follow made");
                (self.wake)(vec![follow.pair.target]);
                if let Err(error) = self.intake.backfill(&follow, &earlier).await {
                    tracing::warn!(follow = follow.id.0, %error, "a follow could not begin with all earlier posts");
                }
                Ok(Followed::New { follow, earlier: earlier.len() })
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

    /// Changes the options of a follow that stands; one that says the same is refused, unless it is broken and can be repaired.
    async fn change(&self, standing: Follow, options: FollowOptions) -> Result<Followed, ServiceError> {
        let same = standing.options == options;
        let stays = standing.options.delivery == options.delivery;
        match standing.state {
            FollowState::Active | FollowState::Paused if same => {
                Err(already(standing.pair, standing.state).into())
            }
            FollowState::Paused if !stays => Err(Refusal::Paused(standing.id).into()),
            FollowState::Active if !stays => self.switch(&standing, &options).await.map(Followed::Changed),
            FollowState::Active | FollowState::Paused => {
                self.set_options(&standing, &options, None).await.map(Followed::Changed)
            }
            FollowState::Broken(_) => {
                self.repair(&standing, &options, same, stays).await.map(Followed::Repaired)
            }
        }
    }

    /// Makes a broken follow work again, as it is now asked for.
    async fn repair(
        &self,
        standing: &Follow,
        options: &FollowOptions,
        same: bool,
        stays: bool,
    ) -> Result<Follow, ServiceError> {
        if !stays {
            self.switch(standing, options).await?;
            let now = self.clock.now();
            let resumed = self.store.resume_follow(standing.guild, standing.id, None, now).await?;
            return Ok(resumed.ok_or(Refusal::NoSuchFollow(standing.id))?);
        }
        let repaired = self.reconnect(standing).await?;
        if same { Ok(repaired) } else { self.set_options(&repaired, options, None).await }
    }

    /// Changes from native to relay or back: the new way is there before the old one goes. Where the old one can't go, all is as it was.
    async fn switch(&self, standing: &Follow, options: &FollowOptions) -> Result<Follow, ServiceError> {
        let connected = self.connect(standing.pair, options.delivery).await?;
        self.watched.add(standing.pair, standing.source_guild, options.delivery);
        let changed = match self.set_options(standing, options, Some(&connected.hook)).await {
            Ok(changed) => changed,
            Err(error) => {
                self.disconnect(connected).await;
                return Err(error);
            }
        };
        if let Err(error) = self.release(standing).await {
            let former = standing.follower_webhook.map(Hook::Native);
            self.set_options(standing, &standing.options, former.as_ref()).await?;
            self.disconnect(connected).await;
            return Err(error);
        }
        Ok(changed)
    }

    async fn set_options(
        &self,
        standing: &Follow,
        options: &FollowOptions,
        hook: Option<&Hook>,
    ) -> Result<Follow, ServiceError> {
        let now = self.clock.now();
        let changed = self.store.update_options(standing.guild, standing.id, options, hook, now).await?;
        (self.wake)(vec![standing.pair.target]);
        changed.ok_or_else(|| Refusal::NoSuchFollow(standing.id).into())
    }
}

fn already(pair: Pair, state: FollowState) -> Refusal {
    let paused = state == FollowState::Paused;
    Refusal::AlreadyFollowing { source_channel: pair.source, target: pair.target, paused }
}

/// `auto` takes native for an announcement source with mode `all`, else relay.
fn choose_delivery(
    request: &FollowRequest,
    source: ChannelKind,
    target: ChannelKind,
) -> Result<Delivery, Refusal> {
    let native =
        source == ChannelKind::Announcement && target.takes_native() && request.filter == Filter::All;
    match request.delivery {
        DeliveryChoice::Auto if native => Ok(Delivery::Native),
        DeliveryChoice::Auto => Ok(Delivery::Relay),
        DeliveryChoice::Fixed(Delivery::Native) if !native => Err(Refusal::NativeImpossible),
        DeliveryChoice::Fixed(delivery) => Ok(delivery),
    }
}
