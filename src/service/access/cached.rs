//! [`Access`] that leaves to others of the same person what it found out: for completing an option while it
//! is typed, and for what pages and programs read, many times a minute. What changes something asks anew.

use std::ops::{Deref, DerefMut};

use chrono::{DateTime, Utc};

use crate::domain::clock::Clock;
use crate::rest::Rest;
use crate::service::Actor;
use crate::service::error::ServiceError;
use crate::service::locks::KeyGuard;

use super::keystrokes::CachedFacts;
use super::lookups::{LookupPurpose, Lookups};
use super::{Access, ChannelLookup};

/// [`Access`] for one use case. When it is dropped, even in the middle of something, its facts may be kept
/// for the next one.
pub(in crate::service) struct CachedAccess<'a> {
    access: Access<'a>,
    lookups: &'a Lookups,
    actor: Actor,
    since: DateTime<Utc>,
    begun: u64,
    keeps: Keeps,
    _alone: Option<KeyGuard>,
}

/// Whether facts are kept at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeps {
    /// They aren't.
    Nothing,
    /// They are.
    All,
    /// They are if there are more than these: others have them already.
    MoreThan(usize),
}

impl<'a> CachedAccess<'a> {
    /// For a command or a change, which asks anew. What a change from the web found out serves readings, so
    /// that they show what it is based on.
    pub(in crate::service) fn anew(rest: &'a Rest, clock: Clock, lookups: &'a Lookups, actor: Actor) -> Self {
        let access = Access::of_person(rest, clock, lookups, actor, LookupPurpose::Command);
        let keeps = if actor.channel.is_none() { Keeps::All } else { Keeps::Nothing };
        let begun = lookups.keystrokes.changes();
        Self { access, lookups, actor, since: clock.now(), begun, keeps, _alone: None }
    }

    /// For a keystroke. Waits until no other keystroke of this person is being answered.
    pub(in crate::service) async fn complete(
        rest: &'a Rest,
        clock: Clock,
        lookups: &'a Lookups,
        actor: Actor,
    ) -> Self {
        let alone = lookups.keystrokes.people.lock(actor.user).await;
        let (kept, begun) = lookups.keystrokes.check_out(actor, clock.now());
        let access = Access::of_person(rest, clock, lookups, actor, LookupPurpose::Completion);
        let mut cached = Self::going_on(access, lookups, actor, kept, begun);
        (cached._alone, cached.keeps) = (Some(alone), Keeps::All);
        cached
    }

    /// For a reading from the web: of facts that are a minute old at most. Only the first of several at the
    /// same time asks Discord.
    ///
    /// # Errors
    /// [`Refusal::UnknownServer`](crate::service::Refusal::UnknownServer) if the person isn't a member.
    pub(in crate::service) async fn read(
        rest: &'a Rest,
        clock: Clock,
        lookups: &'a Lookups,
        actor: Actor,
    ) -> Result<Self, ServiceError> {
        let mut reading = Self::copied(rest, clock, lookups, actor);
        if !reading.facts.listed.contains(&actor.guild) {
            let _alone = lookups.keystrokes.people.lock(actor.user).await;
            reading = Self::copied(rest, clock, lookups, actor);
            if !reading.facts.listed.contains(&actor.guild) {
                reading.require_member(actor).await?;
                reading.list_channels(actor.guild).await?;
                reading.keep();
            }
        }
        reading.require_member(actor).await?;
        reading.people = vec![actor.user];
        Ok(reading)
    }

    /// The same without the server's channels, and for somebody who need not be a member.
    pub(in crate::service) fn copied(
        rest: &'a Rest,
        clock: Clock,
        lookups: &'a Lookups,
        actor: Actor,
    ) -> Self {
        let (kept, begun) = lookups.keystrokes.copy(actor, clock.now());
        let access = Access::of_person(rest, clock, lookups, actor, LookupPurpose::Reading);
        Self::going_on(access, lookups, actor, kept, begun)
    }

    /// Whether it is known, without a request, whether the person is a member of the server.
    pub(in crate::service) fn knows_membership(&self) -> bool {
        self.lookups.is_elsewhere(self.actor.guild)
            || self.facts.members.contains_key(&(self.actor.guild, self.actor.user))
    }

    fn going_on(
        mut access: Access<'a>,
        lookups: &'a Lookups,
        actor: Actor,
        kept: Option<CachedFacts>,
        begun: u64,
    ) -> Self {
        let since = kept.as_ref().map_or(access.clock.now(), |kept| kept.since);
        if let Some(CachedFacts { facts, .. }) = kept {
            access.listed_before.clone_from(&facts.listed);
            access.facts = facts;
        }
        let keeps = Keeps::MoreThan(access.facts.count());
        Self { access, lookups, actor, since, begun, keeps, _alone: None }
    }

    /// Keeps a copy of what is known by now.
    fn keep(&mut self) {
        let facts = self.access.facts.clone();
        self.keeps = Keeps::MoreThan(facts.count());
        self.store(CachedFacts { facts, since: self.since });
    }

    fn store(&self, mut kept: CachedFacts) {
        // The look-ups remember channels that weren't found: they hear it when somebody finds one.
        kept.facts.channels.retain(|_, found| matches!(found, ChannelLookup::Seen(_)));
        self.lookups.keystrokes.check_in(self.actor, kept, self.begun);
    }
}

impl<'a> Deref for CachedAccess<'a> {
    type Target = Access<'a>;

    fn deref(&self) -> &Self::Target {
        &self.access
    }
}

impl DerefMut for CachedAccess<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.access
    }
}

impl Drop for CachedAccess<'_> {
    fn drop(&mut self) {
        let facts = std::mem::take(&mut self.access.facts);
        let kept = match self.keeps {
            Keeps::Nothing => false,
            Keeps::All => facts.count() > 0,
            Keeps::MoreThan(known) => facts.count() > known,
        };
        if kept {
            self.store(CachedFacts { facts, since: self.since });
        }
    }
}
