//! What keystrokes and readings found out. Discord asks for choices at each keystroke, and programs read many
//! times a minute. So what the first of them finds out serves all others of that person in that server for a
//! minute. What is followed, and which panels exist, is read from the database each time. Only what Discord
//! says of channels, servers and members is kept, and only until the gateway says that it has changed. What
//! roles a member has it doesn't say, so a role that was taken away is noticed after a minute.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::expiring::ExpiringMap;
use crate::domain::ids::{GuildId, UserId};
use crate::domain::lock::lock;
use crate::service::Actor;
use crate::service::locks::Locks;

use super::facts::AccessFacts;

/// How long facts are used.
const FRESH: TimeDelta = TimeDelta::minutes(1);
/// How many channels are kept for all people together; the oldest facts go first. (Discord: 500 channels in a
/// server.)
const MOST: usize = 20_000;
/// How many people's facts are kept: each may hold the roles of a server.
const PEOPLE: usize = 1_000;

/// What was found out for a person in a server.
#[derive(Clone)]
pub(super) struct CachedFacts {
    pub(super) facts: AccessFacts,
    pub(super) since: DateTime<Utc>,
}

/// What keystrokes found out, of all people.
#[derive(Default)]
pub(super) struct Keystrokes {
    memory: Mutex<KeystrokeMemory>,
    /// A person's keystrokes are answered one after the other.
    pub(super) people: Locks<UserId>,
}

#[derive(Default)]
struct KeystrokeMemory {
    kept: ExpiringMap<(GuildId, UserId), CachedFacts, PEOPLE>,
    /// How many changes there have been, in all servers.
    changes: u64,
    /// The last change of each server and its time: a keystroke that is being answered may have seen the
    /// former state.
    changed: HashMap<GuildId, (u64, DateTime<Utc>)>,
}

impl Keystrokes {
    /// Drops everything about a server in which permissions have changed.
    pub(super) fn forget(&self, guild: GuildId, now: DateTime<Utc>) {
        let mut memory = self.memory();
        let KeystrokeMemory { kept, changes, changed } = &mut *memory;
        *changes += 1;
        changed.retain(|_, (_, at)| now < *at + FRESH);
        changed.insert(guild, (*changes, now));
        kept.values_mut().for_each(|kept| kept.facts.forget(guild));
    }

    /// Hands out what is kept for a person in a server, and how many changes there have been until now.
    pub(super) fn check_out(&self, actor: Actor, now: DateTime<Utc>) -> (Option<CachedFacts>, u64) {
        let mut memory = self.memory();
        let kept = memory.kept.remove(&(actor.guild, actor.user));
        (kept.filter(|kept| now < kept.since + FRESH), memory.changes)
    }

    /// How many changes there have been until now.
    pub(super) fn changes(&self) -> u64 {
        self.memory().changes
    }

    /// A copy of what is kept for a person in a server, which leaves it to others, and how many changes there
    /// have been until now.
    pub(super) fn copy(&self, actor: Actor, now: DateTime<Utc>) -> (Option<CachedFacts>, u64) {
        let memory = self.memory();
        (memory.kept.get(&(actor.guild, actor.user), now).cloned(), memory.changes)
    }

    /// Keeps what was found out, without the servers that have changed since it was checked out.
    pub(super) fn check_in(&self, actor: Actor, mut new: CachedFacts, begun: u64) {
        let mut memory = self.memory();
        let KeystrokeMemory { kept, changed, .. } = &mut *memory;
        let since = changed.iter().filter(|(_, (change, _))| *change > begun);
        since.for_each(|(guild, _)| new.facts.forget(*guild));
        let since = new.since;
        kept.put((actor.guild, actor.user), new, since + FRESH, since);
        let mut channels: usize = kept.values_mut().map(|kept| kept.facts.channels.len()).sum();
        while channels > MOST
            && let Some((_, oldest)) = kept.pop_first()
        {
            channels -= oldest.facts.channels.len();
        }
    }

    fn memory(&self) -> MutexGuard<'_, KeystrokeMemory> {
        lock(&self.memory)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ChannelLookup;
    use super::*;
    use crate::domain::audit::Via;
    use crate::domain::ids::ChannelId;

    fn actor(user: u64) -> Actor {
        Actor {
            user: UserId::new(user).unwrap(),
            guild: GuildId::new(9).unwrap(),
            channel: ChannelId::new(1).ok(),
            via: Via::Command,
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn with(channels: u64, seconds: i64) -> CachedFacts {
        let channels =
            (1..=channels).map(|id| (ChannelId::new(id).unwrap(), ChannelLookup::Hidden)).collect();
        CachedFacts { facts: AccessFacts { channels, ..AccessFacts::default() }, since: at(seconds) }
    }

    #[test]
    fn what_was_found_out_is_kept_for_a_minute_and_in_bounds() {
        let keystrokes = Keystrokes::default();
        keystrokes.check_in(actor(1), with(1, 0), 0);
        let there = |user, seconds| keystrokes.check_out(actor(user), at(seconds)).0.is_some();
        assert!(!there(2, 1));
        assert!(there(1, 59));
        assert!(!there(1, 59), "it is checked out");
        keystrokes.check_in(actor(1), with(1, 0), 0);
        assert!(!there(1, 60));
        let half = u64::try_from(MOST / 2).unwrap();
        for (user, seconds) in [(1, 3), (2, 1), (3, 2)] {
            keystrokes.check_in(actor(user), with(half, seconds), 0);
        }
        assert_eq!([1, 2, 3].map(|user| there(user, 4)), [true, false, true], "the oldest goes");
        let people = u64::try_from(PEOPLE).unwrap();
        (1..=people + 1).for_each(|user| keystrokes.check_in(actor(user), with(0, 5), 0));
        assert_eq!([1, 2, people + 1].map(|user| there(user, 6)), [false, true, true], "so does a person");
    }

    #[test]
    fn what_has_changed_is_not_kept_by_those_who_saw_it_before() {
        let keystrokes = Keystrokes::default();
        let [one, other] = [9, 8].map(|guild| GuildId::new(guild).unwrap());
        let listed = |keystrokes: &Keystrokes| {
            let (kept, begun) = keystrokes.check_out(actor(1), at(1));
            let mut listed: Vec<_> = kept.into_iter().flat_map(|kept| kept.facts.listed).collect();
            listed.sort_unstable();
            (listed, begun)
        };
        let both = || CachedFacts {
            facts: AccessFacts { listed: [one, other].into(), ..AccessFacts::default() },
            since: at(0),
        };
        keystrokes.check_in(actor(1), both(), 0);
        keystrokes.forget(one, at(0));
        assert_eq!(listed(&keystrokes), (vec![other], 1));
        keystrokes.check_in(actor(1), both(), 0);
        assert_eq!(listed(&keystrokes), (vec![other], 1), "it changed while the keystroke was answered");
        keystrokes.check_in(actor(1), both(), 1);
        assert_eq!(listed(&keystrokes), (vec![other, one], 1));
    }
}
