//! [`Access`] for completing an option while it is typed.

use std::ops::{Deref, DerefMut};

use chrono::{DateTime, Utc};

use crate::domain::clock::Clock;
use crate::rest::Rest;
use crate::service::Actor;
use crate::service::locks::KeyGuard;

use super::keystrokes::CachedFacts;
use super::lookups::{LookupPurpose, Lookups};
use super::{Access, ChannelLookup};

/// [`Access`] for one keystroke. When it is dropped, even in the middle of something, its facts are kept for
/// the next keystroke.
pub(in crate::service) struct CompletionAccess<'a> {
    access: Access<'a>,
    lookups: &'a Lookups,
    actor: Actor,
    since: DateTime<Utc>,
    begun: u64,
    _alone: KeyGuard,
}

impl<'a> CompletionAccess<'a> {
    /// Waits until no other keystroke of this person is being answered.
    pub(in crate::service) async fn begin(
        rest: &'a Rest,
        clock: Clock,
        lookups: &'a Lookups,
        actor: Actor,
    ) -> Self {
        let alone = lookups.keystrokes.people.lock(actor.user).await;
        let mut access = Access::of_person(rest, clock, lookups, actor, LookupPurpose::Completion);
        let now = clock.now();
        let (kept, begun) = lookups.keystrokes.check_out(actor, now);
        let since = kept.as_ref().map_or(now, |kept| kept.since);
        if let Some(CachedFacts { facts, .. }) = kept {
            access.listed_before.clone_from(&facts.listed);
            access.facts = facts;
        }
        Self { access, lookups, actor, since, begun, _alone: alone }
    }
}

impl<'a> Deref for CompletionAccess<'a> {
    type Target = Access<'a>;

    fn deref(&self) -> &Self::Target {
        &self.access
    }
}

impl DerefMut for CompletionAccess<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.access
    }
}

impl Drop for CompletionAccess<'_> {
    fn drop(&mut self) {
        let mut facts = std::mem::take(&mut self.access.facts);
        // The look-ups remember channels that weren't found: they hear it when somebody finds one.
        facts.channels.retain(|_, found| matches!(found, ChannelLookup::Seen(_)));
        self.lookups.keystrokes.check_in(self.actor, CachedFacts { facts, since: self.since }, self.begun);
    }
}
