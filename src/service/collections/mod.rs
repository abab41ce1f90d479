//! A server's collections: who manages them, and what is shown of them. Following one is in
//! [`people`](super::people), as it is for everything that people follow.
//!
//! A collection makes nothing public: its followers see only the channels that they can read themselves, when
//! they read. So it may have channels of other servers, if the person who adds them can read them.

mod find;
mod manage;
mod show;

use std::sync::Arc;

use crate::domain::clock::Clock;
use crate::domain::ids::ChannelId;
use crate::domain::permissions::Permissions;
use crate::rest::Client;
use crate::store::Store;

use super::access::Access;
use super::access::lookups::Lookups;
use super::access::quotas::UserQuotas;
use super::intake::Intake;
use super::people::People;
use super::sync_requests::SyncRequests;
use super::watch::Watched;
use super::{Actor, Refusal, ServiceError, ServiceParts};

pub use self::manage::{CollectionDraft, CollectionPatch};
pub use self::show::CollectionRecord;
pub use crate::store::CollectionCounts;

/// What changing a collection takes.
const MANAGE: Permissions = Permissions::MANAGE_CHANNELS;
/// What reading a server's collections takes.
const READ: Permissions = Permissions::MANAGE_MESSAGES;

/// The collections of servers.
pub struct Collections {
    store: Store,
    rest: Client,
    clock: Clock,
    watched: Arc<Watched>,
    intake: Arc<Intake>,
    quotas: Arc<UserQuotas>,
    lookups: Arc<Lookups>,
    people: Arc<People>,
    syncs: Arc<SyncRequests>,
}

impl Collections {
    /// Over these parts. What is added to a collection is read by the intake.
    pub fn new(
        parts: &ServiceParts,
        intake: Arc<Intake>,
        quotas: Arc<UserQuotas>,
        lookups: Arc<Lookups>,
        people: Arc<People>,
    ) -> Self {
        let ServiceParts { store, rest, clock, watched, syncs, .. } = parts.clone();
        Self { store, rest: rest.for_people(), clock, watched, intake, quotas, lookups, people, syncs }
    }
}

impl Access<'_> {
    /// Refuses unless the person manages channels in the server as a whole, or this channel of it.
    /// Returns whether it is the former.
    async fn require_collector(&mut self, actor: Actor, channel: ChannelId) -> Result<bool, ServiceError> {
        let in_server = self.permissions_in_server(actor.user, actor.guild).await?;
        if in_server.contains(MANAGE) {
            return Ok(true);
        }
        if self.actor_may(actor, channel, MANAGE).await? {
            return Ok(false);
        }
        Err(Refusal::PersonMayInServer(MANAGE).into())
    }
}
