//! What the moderators of a followed channel do about its followers from other servers: approve, decline,
//! remove, block.

use crate::domain::audit::ChangedBy;
use crate::domain::follow::{BrokenReason, DeliveryMethod, Follow, FollowId, FollowState};
use crate::domain::ids::GuildId;
use crate::domain::permissions::Permissions;
use crate::store::{BreakWhich, StoreError};

use crate::service::access::{Access, ChannelLookup, GuildChannel};
use crate::service::error::ConsentRefusal;
use crate::service::follow::BOT_IN_TARGET;
use crate::service::{Actor, FollowService, Refusal, ServiceError};

/// The result of removing or blocking followers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dismissed {
    /// How many follows ended.
    pub ended: usize,
    /// How many of them Discord still serves, because the bot couldn't delete its webhook there.
    pub unstopped: usize,
}

impl FollowService {
    /// Lets a waiting follow begin.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, follow = id.0))]
    pub async fn approve(&self, actor: Actor, id: FollowId) -> Result<Follow, ServiceError> {
        let counted = async {
            let rest = self.on_behalf_of(actor);
            let mut access = self.access(&rest, actor);
            let follow = self.follower_to_manage(&mut access, actor, id).await?;
            let _alone = self.lock_target(follow.pair.target, follow.target_kind).await;
            let follow = self.waiting(actor, id).await?;
            let begun = self.begin_approved(&mut access, actor, &follow).await?;
            self.parts.checks.request(actor.guild);
            (self.parts.wake)(vec![begun.pair.target]);
            tracing::info!(follow = begun.id.0, "follow approved");
            Ok(begun)
        };
        self.quotas.count_action(actor.user, counted).await
    }

    /// Declines a waiting follow.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, follow = id.0))]
    pub async fn decline_follower(&self, actor: Actor, id: FollowId) -> Result<Follow, ServiceError> {
        let counted = async {
            let rest = self.on_behalf_of(actor);
            let mut access = self.access(&rest, actor);
            self.follower_to_manage(&mut access, actor, id).await?;
            let follow = self.waiting(actor, id).await?;
            let stamp = self.stamp(actor.changed_by());
            let declined = self.parts.store.decline_follow(follow.guild, id, stamp).await?;
            let Some(declined) = declined else { return Err(self.already_decided(actor, id).await) };
            tracing::info!(follow = id.0, "follow declined");
            Ok(declined)
        };
        self.quotas.count_action(actor.user, counted).await
    }

    /// Ends a follow of another server. Its own moderators can't resume it.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, follow = id.0))]
    pub async fn remove_follower(&self, actor: Actor, id: FollowId) -> Result<Dismissed, ServiceError> {
        let counted = async {
            let rest = self.on_behalf_of(actor);
            let mut access = self.access(&rest, actor);
            self.follower_to_manage(&mut access, actor, id).await?;
            let removed =
                self.dismiss(BreakWhich::Follow(id), BrokenReason::Removed, actor.changed_by()).await?;
            if removed.ended == 0 {
                return Err(ConsentRefusal::FollowerGone.into());
            }
            Ok(removed)
        };
        self.quotas.count_action(actor.user, counted).await
    }

    /// Blocks the server of a follower for all channels of this server. It takes Manage Channels in the whole
    /// server.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, follow = id.0))]
    pub async fn block_follower(&self, actor: Actor, id: FollowId) -> Result<Dismissed, ServiceError> {
        let counted = async {
            self.require_in_server(actor).await?;
            let follow =
                self.parts.store.follower(actor.guild, id).await?.ok_or(ConsentRefusal::FollowerGone)?;
            let by = actor.changed_by();
            self.parts.store.block_follower(actor.guild, follow.guild, self.stamp(by)).await?;
            let which = BreakWhich::OfServer(actor.guild, follow.guild);
            let blocked = self.dismiss(which, BrokenReason::Blocked, by).await?;
            tracing::info!(guild = %actor.guild, blocked = %follow.guild, "server blocked");
            // If not all of them could be broken, the check of the server does the rest.
            self.parts.checks.request(actor.guild);
            Ok(blocked)
        };
        self.quotas.count_action(actor.user, counted).await
    }

    /// Unblocks a server. Follows that broke with the block stay broken until their own moderators resume
    /// them.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, %blocked))]
    pub async fn unblock_server(&self, actor: Actor, blocked: GuildId) -> Result<(), ServiceError> {
        let counted = async {
            self.require_in_server(actor).await?;
            let stamp = self.stamp(actor.changed_by());
            if !self.parts.store.unblock_follower(actor.guild, blocked, stamp).await? {
                return Err(ConsentRefusal::NotBlocked.into());
            }
            tracing::info!(guild = %actor.guild, %blocked, "server unblocked");
            Ok(())
        };
        self.quotas.count_action(actor.user, counted).await
    }

    /// Breaks follows of this server's channels, and stops Discord's own following.
    pub(in crate::service) async fn dismiss(
        &self,
        which: BreakWhich,
        reason: BrokenReason,
        by: ChangedBy,
    ) -> Result<Dismissed, ServiceError> {
        let broken = self.parts.store.break_follows(which, reason, self.stamp(by)).await?;
        let mut unstopped = 0;
        for follow in broken.iter().filter(|follow| follow.options.delivery == DeliveryMethod::Native) {
            if let Err(error) = self.stop_native(follow).await {
                unstopped += 1;
                // The server's next check tries again.
                self.parts.checks.request(follow.source_guild);
                tracing::warn!(follow = follow.id.0, %error, "a native follow that ended could not be stopped");
            }
        }
        // Its panels must go.
        (self.parts.wake)(broken.iter().map(|follow| follow.pair.target).collect());
        Ok(Dismissed { ended: broken.len(), unstopped })
    }

    /// A follower of a channel of this server that the person may decide about, which takes Manage Channels
    /// in the channel. Nobody learns whether another follow has that number, and programs of those who may
    /// not decide don't learn whether this one is there.
    async fn follower_to_manage(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        id: FollowId,
    ) -> Result<Follow, ServiceError> {
        let follow = self.parts.store.follower(actor.guild, id).await?;
        if actor.channel.is_none() {
            access.require_member(actor).await?;
            if let Err(refused) = access.require_in_server(actor, Permissions::MANAGE_CHANNELS).await {
                let Some(follow) = &follow else { return Err(refused) };
                if !access.actor_may(actor, follow.source_root(), Permissions::MANAGE_CHANNELS).await? {
                    return Err(refused);
                }
            }
        }
        let follow = follow.ok_or(ConsentRefusal::FollowerGone)?;
        access.require_actor(actor, follow.source_root(), Permissions::MANAGE_CHANNELS).await?;
        Ok(follow)
    }

    async fn require_in_server(&self, actor: Actor) -> Result<(), ServiceError> {
        let rest = self.on_behalf_of(actor);
        self.access(&rest, actor).require_in_server(actor, Permissions::MANAGE_CHANNELS).await
    }

    /// A follow as it is now, if it still waits.
    async fn waiting(&self, actor: Actor, id: FollowId) -> Result<Follow, ServiceError> {
        let follow = self.parts.store.follower(actor.guild, id).await?.ok_or(ConsentRefusal::FollowerGone)?;
        match follow.state {
            FollowState::Broken(BrokenReason::AwaitingApproval) => Ok(follow),
            state => Err(ConsentRefusal::Decided(state).into()),
        }
    }

    /// Why a follow no longer waits.
    async fn already_decided(&self, actor: Actor, id: FollowId) -> ServiceError {
        match self.waiting(actor, id).await {
            Err(error) => error,
            Ok(_) => ConsentRefusal::FollowerGone.into(),
        }
    }

    /// Connects an approved follow and makes it active. What a new follow would need on the other side is
    /// checked, but its moderators' affairs aren't told here.
    async fn begin_approved(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        follow: &Follow,
    ) -> Result<Follow, ServiceError> {
        let ChannelLookup::Seen(channel) = access.find_from(actor.guild, follow.pair.source).await? else {
            return Err(Refusal::UnknownChannel.into());
        };
        let source = GuildChannel { channel, guild: actor.guild };
        let closed = ConsentRefusal::SourceClosed(follow.source_root());
        let door = match self.require_open(access, &source).await {
            Err(ServiceError::Refused(_)) => return Err(closed.into()),
            door => door?,
        };
        let reading = access.needed_to_read(&source).await?;
        if follow.options.delivery == DeliveryMethod::Relay
            && let Some(lack) = access.bot_lacks(self.parts.identity.user, &source, reading).await?
        {
            return Err(Refusal::BotMay(vec![lack]).into());
        }
        self.require_target(access, follow, &source).await.map_err(of_other_side)?;
        self.begin_reading(&source, &follow.options).await?;
        let connected =
            self.connect(follow.guild, follow.pair, follow.target_kind, follow.options.delivery).await;
        let connected = connected.map_err(of_other_side)?;
        self.parts.watched.update_follow(follow, &follow.options);
        let stamp = self.stamp(actor.changed_by());
        match self.parts.store.approve_follow(follow.guild, follow.id, &connected.hook, door, stamp).await {
            Ok(Some(begun)) => Ok(begun),
            Ok(None) => {
                self.disconnect(connected).await;
                Err(self.already_decided(actor, follow.id).await)
            }
            Err(error) => {
                self.disconnect(connected).await;
                Err(match error {
                    StoreError::Closed => closed.into(),
                    StoreError::Blocked => ConsentRefusal::ServerBlocked.into(),
                    error => error.into(),
                })
            }
        }
    }

    /// Refuses if the receiving channel can't take what is posted in the source.
    async fn require_target(
        &self,
        access: &mut Access<'_>,
        follow: &Follow,
        source: &GuildChannel,
    ) -> Result<(), ServiceError> {
        access.note_follow(follow);
        let ChannelLookup::Seen(channel) = access.find(follow.pair.target).await? else {
            return Err(ConsentRefusal::FollowerUnready.into());
        };
        let target = GuildChannel { channel, guild: follow.guild };
        let restricted = access.is_age_restricted(source).await?;
        let unfit = restricted && !access.is_age_restricted(&target).await?;
        if unfit || access.bot_lacks(self.parts.identity.user, &target, BOT_IN_TARGET).await?.is_some() {
            return Err(ConsentRefusal::FollowerUnready.into());
        }
        Ok(())
    }
}

/// A refusal about the other side names its channels. Here it only says that something is wrong there.
fn of_other_side(error: ServiceError) -> ServiceError {
    match error {
        ServiceError::Refused(_) => ConsentRefusal::FollowerUnready.into(),
        error => error,
    }
}
