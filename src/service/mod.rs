//! The use cases. Each checks its rules, writes in one transaction, and leaves everything as it was when it refuses.
//!
//! [`Follows`] serves people (commands and, later, HTTP), [`authors`] those who are mirrored; [`intake`] and [`upkeep`] serve what the gateway reports.

pub mod access;
pub mod announce;
pub mod authors;
mod backoff;
pub mod check_requests;
mod content;
pub mod error;
mod follow;
mod followed;
pub mod health;
pub mod intake;
mod locks;
pub mod panels;
pub mod peers;
pub mod planned_restart;
mod report;
pub mod retention;
pub mod server_rights;
pub mod servers;
pub mod upkeep;
pub mod watch;

use std::sync::Arc;

use crate::domain::clock::Clock;
use crate::domain::ids::{ApplicationId, ChannelId, GuildId, UserId};
use crate::domain::place::Spot;
use crate::domain::servers::FollowLimits;
use crate::domain::shards::Shards;
use crate::rest::{Client, Rest};
use crate::store::Store;

pub use crate::store::Cursor;

pub use self::error::{ConsentRefusal, Refusal, ServiceError, explain_discord_error};
pub use self::follow::Followed;
pub use self::follow::change::{Changed, NotNative};
pub use self::follow::confirm::{Confirmed, Question, QuestionId};
pub use self::follow::list::{End, FollowPage, FollowRow};
pub use self::follow::pause::Resumed;
pub use self::follow::request::{
    DeliveryChoice, FollowRequest, MOST_BACKFILL, SourceChoice, UnfollowRequest,
};
pub use self::follow::status::{FollowTotals, Status};
pub use self::follow::tags::TagsNow;
pub use self::follow::unfollow::Unfollowed;
pub use self::followed::decide::Dismissed;
pub use self::followed::followers::{Follower, FollowerPage, ServerFollowers};
pub use self::followed::publish::{PublishRequest, Published};
pub use self::report::{By, CameFrom, Fate, Followers, LastMessages, Line, Nobody, Recent, Report, To};

use self::access::Access;
use self::access::keystrokes::Completing;
use self::access::lookups::{Lookups, Purpose};
use self::access::quotas::Actions;
use self::check_requests::DoorLooks;
use self::follow::confirm::Questions;
use self::follow::status::KeptStatus;
use self::intake::{Intake, Wake};
use self::locks::{Hold, Locks};
use self::server_rights::ServerRights;
use self::servers::Admission;
use self::watch::Watched;

/// Who the bot is at Discord.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// Its application: owns its webhooks.
    pub application: ApplicationId,
    /// Its user: has its permissions.
    pub user: UserId,
}

/// What every service works with.
#[derive(Clone)]
pub struct Parts {
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
    /// The shards of this process: other servers are other processes'.
    pub shards: Shards,
    /// The servers that are to be looked at, as something was stored that rests on who may see what there.
    pub doors: Arc<DoorLooks>,
    /// Which servers are still to be looked at, as they changed while nobody listened.
    pub rights: Arc<ServerRights>,
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
    /// The server in which the command was run.
    pub guild: GuildId,
    /// The channel in which it was run.
    pub channel: ChannelId,
}

/// Everything that people do with follows.
pub struct Follows {
    store: Store,
    rest: Client,
    clock: Clock,
    identity: Identity,
    watched: Arc<Watched>,
    intake: Arc<Intake>,
    wake: Wake,
    actions: Arc<Actions>,
    status: KeptStatus,
    lookups: Arc<Lookups>,
    /// By the webhook's channel: held while the webhook is looked for and made, so that two follows share one.
    target_locks: Locks<ChannelId>,
    questions: Questions,
    shards: Shards,
    doors: Arc<DoorLooks>,
    admission: Arc<Admission>,
    follow_limits: FollowLimits,
}

impl Follows {
    /// The use cases over these parts; new follows begin with what the intake reads.
    pub fn new(parts: Parts, intake: Arc<Intake>, actions: Arc<Actions>, lookups: Arc<Lookups>) -> Self {
        let Parts {
            store,
            rest,
            clock,
            identity,
            watched,
            wake,
            shards,
            doors,
            admission,
            follow_limits,
            ..
        } = parts;
        Self {
            store,
            // Somebody waits for all of this.
            rest: rest.for_people(),
            clock,
            identity,
            watched,
            intake,
            wake,
            actions,
            status: KeptStatus::default(),
            lookups,
            target_locks: Locks::default(),
            questions: Questions::default(),
            shards,
            doors,
            admission,
            follow_limits,
        }
    }

    /// Discord, on behalf of this person.
    fn on_behalf_of(&self, actor: Actor) -> Rest {
        self.rest.of_person(actor.user, actor.guild)
    }

    /// Permissions as they are now, for what this person asks.
    fn access<'a>(&'a self, rest: &'a Rest, actor: Actor) -> Access<'a> {
        Access::of_person(rest, self.clock, &self.lookups, actor, Purpose::Command)
    }

    /// The same for what this person is typing.
    async fn completing<'a>(&'a self, rest: &'a Rest, actor: Actor) -> Completing<'a> {
        Completing::begin(rest, self.clock, &self.lookups, actor).await
    }

    /// Who may see what may have changed in a server.
    pub fn doors_changed(&self, guild: GuildId) {
        self.lookups.doors_changed(guild);
    }

    /// Whether a link names a server that the bot isn't in: then nothing needs to be asked.
    fn is_elsewhere(&self, source: SourceChoice) -> bool {
        source.named_server().is_some_and(|guild| self.lookups.is_elsewhere(guild))
    }

    /// Whoever holds this is alone in changing the webhooks through which a target is posted into.
    async fn lock_target(&self, target: ChannelId, spot: Spot) -> Hold {
        self.target_locks.hold(spot.webhook_channel(target)).await
    }
}
