//! What people ask for themselves: to see what is kept of them, not to be mirrored, to be forgotten.
//! Everybody asks only for themselves, so nothing is asked of Discord.
//!
//! A request is written down at once, and holds from then on (`store::source::event::followed`). What was
//! mirrored before is withdrawn in the background ([`Removals`]).

pub mod forget;
mod removals;

use std::sync::Arc;

use tokio::sync::Notify;

use crate::domain::clock::Clock;
use crate::domain::ids::{GuildId, MessageId, UserId};
use crate::domain::opt_out::{OptOut, OptOutScope};
use crate::domain::retention::RetentionPeriods;
use crate::store::Store;

use super::access::quotas::UserQuotas;
use super::{ServiceError, ServiceParts};

pub use self::removals::Removals;
pub use crate::store::AuthorTotals;

/// What people ask for themselves.
pub struct Authors {
    store: Store,
    clock: Clock,
    quotas: Arc<UserQuotas>,
    keeping: RetentionPeriods,
    /// Something must be withdrawn.
    news: Notify,
}

/// Who asks, and where.
#[derive(Debug, Clone, Copy)]
pub struct AuthorRequest {
    /// The person.
    pub user: UserId,
    /// The server; `None` in a direct message.
    pub server: Option<GuildId>,
    /// The moment, as Discord numbers messages: whatever they post later has a higher number.
    pub at: MessageId,
}

/// Where somebody opts out or in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whereabouts {
    /// In the server in which they ask.
    Here,
    /// In all servers.
    Everywhere,
}

impl Whereabouts {
    /// The word for it, in options and texts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Everywhere => "everywhere",
        }
    }
}

/// What is kept of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorRecord {
    /// How much is kept.
    pub of: AuthorTotals,
    /// How long it is kept.
    pub keeping: RetentionPeriods,
    /// Where they aren't mirrored.
    pub opt_outs: Vec<OptOut>,
}

/// What came of opting out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptedOut {
    /// It holds from now on, and what was mirrored is withdrawn.
    Now(OptOutScope),
    /// It held already.
    Before(OptOutScope),
    /// Nothing can be chosen for a server: this is a direct message.
    NoServer,
}

/// What came of opting in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptedIn {
    /// What they post from now on is mirrored.
    Now(OptOutScope),
    /// It was mirrored anyway.
    Before(OptOutScope),
    /// They opted out everywhere, and this server is included.
    OutEverywhere,
    /// Nothing can be chosen for a server: this is a direct message.
    NoServer,
}

impl Authors {
    /// Answers from these parts.
    pub fn new(parts: &ServiceParts, quotas: Arc<UserQuotas>, keeping: RetentionPeriods) -> Self {
        let ServiceParts { store, clock, .. } = parts.clone();
        Self { store, clock, quotas, keeping, news: Notify::new() }
    }

    /// What is kept of this person.
    pub async fn show(&self, request: AuthorRequest) -> Result<AuthorRecord, ServiceError> {
        self.quotas.spend_question(request.user)?;
        let of = self.store.author_totals(request.user).await?;
        let opt_outs = self.store.opt_outs_of(request.user).await?;
        Ok(AuthorRecord { of, keeping: self.keeping, opt_outs })
    }

    /// Stops mirroring what this person posts there, and withdraws what was mirrored.
    pub async fn opt_out(
        &self,
        request: AuthorRequest,
        place: Whereabouts,
    ) -> Result<OptedOut, ServiceError> {
        let Some(scope) = scope(request, place) else { return Ok(OptedOut::NoServer) };
        self.quotas.spend_question(request.user)?;
        if self.store.opt_out(request.user, scope, self.clock.now()).await? {
            self.poke();
            return Ok(OptedOut::Now(scope));
        }
        Ok(OptedOut::Before(scope))
    }

    /// Mirrors again what this person posts there from now on.
    pub async fn opt_in(&self, request: AuthorRequest, place: Whereabouts) -> Result<OptedIn, ServiceError> {
        let Some(scope) = scope(request, place) else { return Ok(OptedIn::NoServer) };
        self.quotas.spend_question(request.user)?;
        let ended = self.store.opt_in(request.user, scope, request.at).await?;
        let left = self.store.opt_outs_of(request.user).await?;
        if left.iter().any(|opt_out| opt_out.scope == OptOutScope::Everywhere) {
            return Ok(OptedIn::OutEverywhere);
        }
        Ok(if ended > 0 { OptedIn::Now(scope) } else { OptedIn::Before(scope) })
    }

    /// Forgets this person, in the background. Whether that wasn't under way already.
    pub async fn forget(&self, request: AuthorRequest) -> Result<bool, ServiceError> {
        self.quotas.spend_question(request.user)?;
        let new = self.store.request_forgetting(request.user, self.clock.now()).await?;
        self.poke();
        Ok(new)
    }

    /// Wakes the background work that withdraws things.
    pub fn poke(&self) {
        self.news.notify_one();
    }
}

fn scope(request: AuthorRequest, place: Whereabouts) -> Option<OptOutScope> {
    match place {
        Whereabouts::Everywhere => Some(OptOutScope::Everywhere),
        Whereabouts::Here => request.server.map(OptOutScope::Server),
    }
}
