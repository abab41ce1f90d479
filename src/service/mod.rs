//! The use cases. Each checks its rules, writes in one transaction, and changes nothing when it refuses.
//!
//! [`FollowService`] serves people who use commands (and, later, HTTP): what they do as followers is in
//! `follow`, as the followed side in `followed`, and the delivery report in `report`. [`authors`] serves the
//! people who are mirrored, [`accounts`] those who use the web pages; `audit` tells who changed what.
//! [`intake`] and [`upkeep`] serve what the gateway reports. [`announce`] sends messages that nobody asked
//! for, [`servers`] and [`operator`] are for the operator.

pub mod access;
pub mod accounts;
pub mod announce;
mod audit;
pub mod authors;
mod backoff;
mod breaks;
pub mod check_requests;
pub mod collections;
mod content;
pub mod error;
mod follow;
mod followed;
pub mod gateway_view;
pub mod health;
pub mod idempotency;
pub mod intake;
mod locks;
mod memberships;
pub mod operator;
pub mod panels;
pub mod peers;
pub mod people;
pub mod planned_restart;
mod report;
pub mod retention;
pub mod server_permissions;
pub mod servers;
pub mod sync_requests;
#[cfg(test)]
mod tests;
pub mod upkeep;
pub mod watch;

use std::sync::Arc;

use crate::domain::audit::{ChangeStamp, ChangedBy, Via};
use crate::domain::clock::Clock;
use crate::domain::follow::FollowId;
use crate::domain::ids::{ApplicationId, ChannelId, GuildId, UserId};
use crate::domain::place::TargetKind;
use crate::domain::servers::FollowLimits;
use crate::domain::shards::Shards;
use crate::rest::{Client, Rest};
use crate::store::Store;

pub use self::audit::{AuditPage, AuditedChange};
pub use self::error::{
    CollectionRefusal, ConsentRefusal, FailureFacts, FailureKind, PersonalRefusal, Refusal, RetryTime,
    ServiceError, explain_discord_error,
};
pub use self::follow::FollowOutcome;
pub use self::follow::change::{ChangedFollow, NotNative};
pub use self::follow::collected::{CollectionFollowRecord, CollectionFollowRequest};
pub use self::follow::confirm::{Confirmed, Question, QuestionId};
pub use self::follow::edit::{EditedFollow, FollowEdit};
pub use self::follow::list::{ChannelView, FollowListItem, FollowPage};
pub use self::follow::pause::Resumed;
pub use self::follow::preview::{FollowPreview, NotLetThrough, PreviewedPost};
pub use self::follow::record::FollowRecord;
pub use self::follow::request::{
    DeliveryChoice, FollowRequest, MOST_BACKFILL, OptionsRequest, SourceChoice, UnfollowRequest,
};
pub use self::follow::status::{FollowTotals, ServerFigures, Status};
pub use self::follow::tags::TagsNow;
pub use self::follow::unfollow::Unfollowed;
pub use self::followed::decide::Dismissed;
pub use self::followed::followers::{Follower, FollowerPage, FollowerRecord, FollowersInServer};
pub use self::followed::publications::FollowableChannel;
pub use self::followed::publish::{PublishRequest, Published};
pub use self::memberships::{SharedServer, SharedServers};
pub(crate) use self::report::LAST_MESSAGES;
pub use self::report::{
    DeliveryReport, DeliveryStatus, FollowerStatus, FollowerStatuses, LastMessages, MOST_LAST_MESSAGES,
    MessageReach, MirrorMaker, MirrorOrigin, NotMirrored, RecentMessage,
};

pub use crate::store::{AuditFilter, ServerFollowers, ServerFollows};

use self::access::CachedAccess;
use self::access::lookups::Lookups;
use self::access::quotas::UserQuotas;
use self::check_requests::CheckRequests;
use self::follow::confirm::Questions;
use self::follow::status::KeptStatus;
use self::intake::Intake;
use self::locks::{KeyGuard, Locks};
use self::server_permissions::ServerPermissions;
use self::servers::Admission;
use self::sync_requests::SyncRequests;
use self::watch::Watched;

/// Tells the delivery which targets have work. A lost call is a delay, not a loss: the delivery also looks by
/// itself.
pub type Wake = Arc<dyn Fn(Vec<ChannelId>) + Send + Sync>;

/// Who the bot is at Discord.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// Its application, which owns its webhooks.
    pub application: ApplicationId,
    /// Its user, which has its permissions.
    pub user: UserId,
}

/// What every service works with.
#[derive(Clone)]
pub struct ServiceParts {
    /// The database.
    pub store: Store,
    /// Discord.
    pub rest: Client,
    /// The time.
    pub clock: Clock,
    /// Who the bot is.
    pub identity: Identity,
    /// What the gateway listens for.
    pub watched: Arc<Watched>,
    /// Tells the delivery which targets have work.
    pub wake: Wake,
    /// The shards of this process. All other servers belong to other processes.
    pub shards: Shards,
    /// Servers whose permissions must be checked because something was stored that depends on them.
    pub checks: Arc<CheckRequests>,
    /// Says that follows may be out of step with collections.
    pub syncs: Arc<SyncRequests>,
    /// Servers whose permissions changed while nobody listened, and are still to be checked.
    pub permissions: Arc<ServerPermissions>,
    /// Which servers are served.
    pub admission: Arc<Admission>,
    /// How many follows there may be.
    pub follow_limits: FollowLimits,
}

/// Who asks, and where.
#[derive(Debug, Clone, Copy)]
pub struct Actor {
    /// The person.
    pub user: UserId,
    /// The server for which they act.
    pub guild: GuildId,
    /// The channel in which a command was run. `None` where they act for the server as a whole, from the web:
    /// then Discord doesn't vouch for them being a member, and nothing is meant by not naming a channel.
    pub channel: Option<ChannelId>,
    /// In which way they act.
    pub via: Via,
}

impl Actor {
    /// Who changes what this person changes.
    pub const fn changed_by(self) -> ChangedBy {
        ChangedBy::Person { user: self.user, guild: self.guild, via: self.via }
    }
}

/// Adds a follow to the span of the current use case, once it is known which one it is.
fn log_follow(follow: FollowId) {
    tracing::Span::current().record("follow", follow.0);
}

/// Everything that people do with follows.
pub struct FollowService {
    parts: ServiceParts,
    intake: Arc<Intake>,
    quotas: Arc<UserQuotas>,
    lookups: Arc<Lookups>,
    status: KeptStatus,
    /// By the webhook's channel: locked while the webhook is looked for and made, so that two follows share
    /// one.
    target_locks: Locks<ChannelId>,
    questions: Questions,
}

impl FollowService {
    /// The use cases over these parts. New follows begin with what the intake reads.
    pub fn new(
        parts: ServiceParts,
        intake: Arc<Intake>,
        quotas: Arc<UserQuotas>,
        lookups: Arc<Lookups>,
    ) -> Self {
        Self {
            // Somebody waits for all of these requests.
            parts: ServiceParts { rest: parts.rest.for_people(), ..parts },
            intake,
            quotas,
            lookups,
            status: KeptStatus::default(),
            target_locks: Locks::default(),
            questions: Questions::default(),
        }
    }

    /// A change by them, made now.
    fn stamp(&self, by: ChangedBy) -> ChangeStamp {
        by.at(self.parts.clock.now())
    }

    /// Discord, on behalf of this person.
    fn on_behalf_of(&self, actor: Actor) -> Rest {
        self.parts.rest.of_person(actor.user, actor.guild)
    }

    /// Permissions as they are now, for what this person asks.
    fn access<'a>(&'a self, rest: &'a Rest, actor: Actor) -> CachedAccess<'a> {
        CachedAccess::anew(rest, self.parts.clock, &self.lookups, actor)
    }

    /// The same for what this person is typing.
    async fn completion_access<'a>(&'a self, rest: &'a Rest, actor: Actor) -> CachedAccess<'a> {
        CachedAccess::complete(rest, self.parts.clock, &self.lookups, actor).await
    }

    /// The same for what this person reads from the web: as it was within the last minute.
    async fn reading_access<'a>(
        &'a self,
        rest: &'a Rest,
        actor: Actor,
    ) -> Result<CachedAccess<'a>, ServiceError> {
        CachedAccess::read(rest, self.parts.clock, &self.lookups, actor).await
    }

    /// Hears that permissions in a server may have changed.
    pub fn permissions_changed(&self, guild: GuildId) {
        self.lookups.permissions_changed(guild);
    }

    /// Whether a link names a server that the bot isn't in. If so, nothing needs to be asked.
    fn is_elsewhere(&self, source: SourceChoice) -> bool {
        source.named_server().is_some_and(|guild| self.lookups.is_elsewhere(guild))
    }

    /// Locks a target. Only the holder of this guard changes the webhooks that post into it.
    async fn lock_target(&self, target: ChannelId, target_kind: TargetKind) -> KeyGuard {
        self.target_locks.lock(target_kind.webhook_channel(target)).await
    }
}
