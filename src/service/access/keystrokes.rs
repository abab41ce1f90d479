//! What completing an option costs. Discord asks at each keystroke, so what the first of them found out serves all others of that person in that server for a minute, and a person's
//! keystrokes are answered one after the other. What is followed, and which panels there are, the database tells each time: only what Discord says of channels, servers and members
//! is kept, and no longer than until the gateway tells that it has changed.

use std::collections::{HashMap, HashSet};
use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::clock::Clock;
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::rest::Rest;
use crate::rest::model::{Guild, Member};

use super::lookups::{Lookups, Purpose};
use super::{Access, Found};
use crate::service::Actor;
use crate::service::locks::{Hold, Locks};

/// For how long it is used.
const FRESH: TimeDelta = TimeDelta::minutes(1);
/// How many channels are kept for all people together; those of the oldest go first. (Discord: 500 channels in a server.)
const MOST: usize = 20_000;

/// What was found out for a person in a server.
#[derive(Default)]
struct Facts {
    channels: HashMap<ChannelId, Found>,
    listed: HashSet<GuildId>,
    guilds: HashMap<GuildId, Option<Guild>>,
    members: HashMap<(GuildId, UserId), Option<Member>>,
    invited: HashMap<(ChannelId, UserId), bool>,
}

impl Facts {
    /// Without what there is of a server.
    fn forget(&mut self, guild: GuildId) {
        self.channels
            .retain(|_, found| !matches!(found, Found::Seen(channel) if channel.guild_id == Some(guild)));
        self.listed.remove(&guild);
        self.guilds.remove(&guild);
        self.members.retain(|(of, _), _| *of != guild);
        // Where a thread is isn't known here.
        self.invited.clear();
    }
}

struct Kept {
    facts: Facts,
    since: DateTime<Utc>,
}

/// What keystrokes found out.
#[derive(Default)]
pub(in crate::service) struct Keystrokes {
    memory: Mutex<Memory>,
    people: Locks<UserId>,
}

#[derive(Default)]
struct Memory {
    kept: HashMap<(GuildId, UserId), Kept>,
    /// How many changes there were, of all servers.
    changes: u64,
    /// The last change of each server, and when it was: a keystroke that is being answered may have seen what was before.
    changed: HashMap<GuildId, (u64, DateTime<Utc>)>,
}

impl Keystrokes {
    /// Who may see what has changed in a server.
    pub(in crate::service) fn forget(&self, guild: GuildId, now: DateTime<Utc>) {
        let mut memory = self.memory();
        let Memory { kept, changes, changed } = &mut *memory;
        *changes += 1;
        changed.retain(|_, (_, at)| now < *at + FRESH);
        changed.insert(guild, (*changes, now));
        kept.values_mut().for_each(|kept| kept.facts.forget(guild));
    }

    /// What is kept for a person in a server, and how many changes there were until now.
    fn take(&self, actor: Actor, now: DateTime<Utc>) -> (Option<Kept>, u64) {
        let mut memory = self.memory();
        memory.kept.retain(|_, kept| now < kept.since + FRESH);
        (memory.kept.remove(&(actor.guild, actor.user)), memory.changes)
    }

    /// Keeps what was found out, but for the servers that changed since it was begun with.
    fn put(&self, actor: Actor, mut new: Kept, begun: u64) {
        let mut memory = self.memory();
        let Memory { kept, changed, .. } = &mut *memory;
        let since = changed.iter().filter(|(_, (change, _))| *change > begun);
        since.for_each(|(guild, _)| new.facts.forget(*guild));
        kept.insert((actor.guild, actor.user), new);
        let mut channels: usize = kept.values().map(|kept| kept.facts.channels.len()).sum();
        while channels > MOST
            && let Some(oldest) = kept.iter().min_by_key(|(_, kept)| kept.since).map(|(key, _)| *key)
            && let Some(oldest) = kept.remove(&oldest)
        {
            channels -= oldest.facts.channels.len();
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// [`Access`] for one keystroke. When it is dropped, even in the middle of something, the next keystroke goes on from what it found out.
pub(in crate::service) struct Completing<'a> {
    access: Access<'a>,
    lookups: &'a Lookups,
    actor: Actor,
    since: DateTime<Utc>,
    begun: u64,
    _alone: Hold,
}

impl<'a> Completing<'a> {
    /// Waits until no other keystroke of this person is being answered.
    pub(in crate::service) async fn begin(
        rest: &'a Rest,
        clock: Clock,
        lookups: &'a Lookups,
        actor: Actor,
    ) -> Self {
        let alone = lookups.keystrokes.people.hold(actor.user).await;
        let mut access = Access::of_person(rest, clock, lookups, actor, Purpose::Completion);
        let now = clock.now();
        let (kept, begun) = lookups.keystrokes.take(actor, now);
        let since = kept.as_ref().map_or(now, |kept| kept.since);
        if let Some(Kept { facts, .. }) = kept {
            let Facts { channels, listed, guilds, members, invited } = facts;
            access.listed_before.clone_from(&listed);
            (access.channels, access.listed, access.guilds) = (channels, listed, guilds);
            (access.members, access.invited) = (members, invited);
        }
        Self { access, lookups, actor, since, begun, _alone: alone }
    }
}

impl<'a> Deref for Completing<'a> {
    type Target = Access<'a>;

    fn deref(&self) -> &Self::Target {
        &self.access
    }
}

impl DerefMut for Completing<'_> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.access
    }
}

impl Drop for Completing<'_> {
    fn drop(&mut self) {
        let Access { channels, listed, guilds, members, invited, .. } = &mut self.access;
        // That a channel wasn't found is for the look-ups to remember: they hear of it when somebody finds it.
        channels.retain(|_, found| matches!(found, Found::Seen(_)));
        let facts = Facts {
            channels: std::mem::take(channels),
            listed: std::mem::take(listed),
            guilds: std::mem::take(guilds),
            members: std::mem::take(members),
            invited: std::mem::take(invited),
        };
        self.lookups.keystrokes.put(self.actor, Kept { facts, since: self.since }, self.begun);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(user: u64) -> Actor {
        Actor {
            user: UserId::new(user).unwrap(),
            guild: GuildId::new(9).unwrap(),
            channel: ChannelId::new(1).unwrap(),
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn with(channels: u64, seconds: i64) -> Kept {
        let channels = (1..=channels).map(|id| (ChannelId::new(id).unwrap(), Found::Hidden)).collect();
        Kept { facts: Facts { channels, ..Facts::default() }, since: at(seconds) }
    }

    #[test]
    fn what_was_found_out_is_kept_for_a_minute_and_in_bounds() {
        let keystrokes = Keystrokes::default();
        keystrokes.put(actor(1), with(1, 0), 0);
        let there = |user, seconds| keystrokes.take(actor(user), at(seconds)).0.is_some();
        assert!(!there(2, 1));
        assert!(there(1, 59));
        assert!(!there(1, 59), "it is with who took it");
        keystrokes.put(actor(1), with(1, 0), 0);
        assert!(!there(1, 60));
        let half = u64::try_from(MOST / 2).unwrap();
        for (user, seconds) in [(1, 3), (2, 1), (3, 2)] {
            keystrokes.put(actor(user), with(half, seconds), 0);
        }
        assert_eq!([1, 2, 3].map(|user| there(user, 4)), [true, false, true], "the oldest goes");
    }

    #[test]
    fn what_has_changed_is_not_kept_by_those_who_saw_it_before() {
        let keystrokes = Keystrokes::default();
        let [one, other] = [9, 8].map(|guild| GuildId::new(guild).unwrap());
        let listed = |keystrokes: &Keystrokes| {
            let (kept, begun) = keystrokes.take(actor(1), at(1));
            let mut listed: Vec<_> = kept.into_iter().flat_map(|kept| kept.facts.listed).collect();
            listed.sort_unstable();
            (listed, begun)
        };
        let both = || Kept { facts: Facts { listed: [one, other].into(), ..Facts::default() }, since: at(0) };
        keystrokes.put(actor(1), both(), 0);
        keystrokes.forget(one, at(0));
        assert_eq!(listed(&keystrokes), (vec![other], 1));
        keystrokes.put(actor(1), both(), 0);
        assert_eq!(listed(&keystrokes), (vec![other], 1), "it changed while the keystroke was answered");
        keystrokes.put(actor(1), both(), 1);
        assert_eq!(listed(&keystrokes), (vec![other, one], 1));
    }
}
