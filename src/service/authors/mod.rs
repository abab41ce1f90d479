//! What people ask about themselves: what is kept of them, not to be mirrored, and to be forgotten. Everybody asks for themselves only, so nothing is asked of Discord.
//!
//! What is asked for is written down at once, and holds from then on (`store::followed`). What was mirrored before is taken back in the background ([`Removals`]).

pub mod forget;
mod removals;

use std::sync::Arc;

use tokio::sync::Notify;

use crate::domain::clock::Clock;
use crate::domain::ids::{GuildId, MessageId, UserId};
use crate::domain::opt_out::{OptOut, OptOutScope};
use crate::domain::retention::Keeping;
use crate::store::{KeptOfAuthor, Store};

use super::access::quotas::Actions;
use super::{Parts, ServiceError};

pub use self::removals::Removals;

/// What people ask about themselves.
pub struct Authors {
    store: Store,
    clock: Clock,
    actions: Arc<Actions>,
    keeping: Keeping,
    /// Something is to be taken back.
    news: Notify,
}

/// Who asks, and where.
#[derive(Debug, Clone, Copy)]
pub struct Asking {
    /// The person.
    pub user: UserId,
    /// The server; none in a direct message.
    pub server: Option<GuildId>,
    /// The moment, as Discord counts messages: what they post later has a higher number.
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
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Everywhere => "everywhere",
        }
    }
}

/// What is kept of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// How much.
    pub of: KeptOfAuthor,
    /// For how long.
    pub keeping: Keeping,
    /// Where they aren't mirrored.
    pub opt_outs: Vec<OptOut>,
}

/// What came of opting out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptedOut {
    /// It holds from now on, and what was mirrored is taken back.
    Now(OptOutScope),
    /// It held already.
    Before(OptOutScope),
    /// A direct message is in no server.
    NoServer,
}

/// What came of opting in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OptedIn {
    /// What they post from now on is mirrored.
    Now(OptOutScope),
    /// It was anyway.
    Before(OptOutScope),
    /// They opted out everywhere, which this server is a part of.
    OutEverywhere,
    /// A direct message is in no server.
    NoServer,
}

impl Authors {
    /// Answers from these parts.
    pub fn new(parts: &Parts, actions: Arc<Actions>, keeping: Keeping) -> Self {
        let Parts { store, clock, .. } = parts.clone();
        Self { store, clock, actions, keeping, news: Notify::new() }
    }

    /// What is kept of this person.
    pub async fn show(&self, asking: Asking) -> Result<Kept, ServiceError> {
        self.actions.ask(asking.user)?;
        let of = self.store.kept_of_author(asking.user).await?;
        let opt_outs = self.store.opt_outs_of(asking.user).await?;
        Ok(Kept { of, keeping: self.keeping, opt_outs })
    }

    /// Nothing that this person posts there is mirrored from now on, and what was is taken back.
    pub async fn opt_out(&self, asking: Asking, place: Whereabouts) -> Result<OptedOut, ServiceError> {
        let Some(scope) = scope(asking, place) else { return Ok(OptedOut::NoServer) };
        self.actions.ask(asking.user)?;
        if self.store.opt_out(asking.user, scope, self.clock.now()).await? {
            self.poke();
            return Ok(OptedOut::Now(scope));
        }
        Ok(OptedOut::Before(scope))
    }

    /// What this person posts there from now on is mirrored again.
    pub async fn opt_in(&self, asking: Asking, place: Whereabouts) -> Result<OptedIn, ServiceError> {
        let Some(scope) = scope(asking, place) else { return Ok(OptedIn::NoServer) };
        self.actions.ask(asking.user)?;
        let ended = self.store.opt_in(asking.user, scope, asking.at).await?;
        let left = self.store.opt_outs_of(asking.user).await?;
        if left.iter().any(|opt_out| opt_out.scope == OptOutScope::Everywhere) {
            return Ok(OptedIn::OutEverywhere);
        }
        Ok(if ended > 0 { OptedIn::Now(scope) } else { OptedIn::Before(scope) })
    }

    /// Forgets this person, in the background. Whether that isn't under way already.
    pub async fn forget(&self, asking: Asking) -> Result<bool, ServiceError> {
        self.actions.ask(asking.user)?;
        let new = self.store.request_forgetting(asking.user, self.clock.now()).await?;
        self.poke();
        Ok(new)
    }

    /// Has what is to be taken back looked at now.
    pub fn poke(&self) {
        self.news.notify_one();
    }
}

fn scope(asking: Asking, place: Whereabouts) -> Option<OptOutScope> {
    match place {
        Whereabouts::Everywhere => Some(OptOutScope::Everywhere),
        Whereabouts::Here => asking.server.map(OptOutScope::Server),
    }
}
