//! Whose turn it is to be read. Servers take turns, each within its share, and a server's sources go in their
//! order. Pure.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::time::Instant;

use crate::domain::ids::{ChannelId, GuildId};

/// How many sources are read at the same time.
const PLACES: usize = 16;
/// How many of these one server may have.
const SHARE: usize = 4;

/// The sources that wait for their turn, and the slots that are taken.
#[derive(Debug, Default)]
pub(in crate::service::intake) struct ReadingQueue {
    /// Those that wait, by server.
    queues: HashMap<GuildId, VecDeque<ChannelId>>,
    /// The servers with waiting sources, in the order of their turns.
    servers: VecDeque<GuildId>,
    /// How many slots each server has.
    places: HashMap<GuildId, usize>,
    /// Sources that wait for a time before they wait for their turn.
    later: BTreeSet<(Instant, ChannelId, GuildId)>,
}

impl ReadingQueue {
    /// Adds a source; an urgent one goes before the others of its server.
    pub(in crate::service::intake) fn add(&mut self, source: ChannelId, guild: GuildId, urgent: bool) {
        let queue = self.queues.entry(guild).or_default();
        if queue.is_empty() {
            self.servers.push_back(guild);
        }
        if urgent {
            queue.push_front(source);
            self.hurry_server(guild);
        } else {
            queue.push_back(source);
        }
    }

    /// Adds a source that waits until a time first.
    pub(in crate::service::intake) fn add_later(&mut self, source: ChannelId, guild: GuildId, at: Instant) {
        self.later.insert((at, source, guild));
    }

    /// Moves a waiting source to the front. One that waits for a time isn't moved.
    pub(in crate::service::intake) fn hurry(&mut self, source: ChannelId, guild: GuildId) {
        let Some(queue) = self.queues.get_mut(&guild) else { return };
        if let Some(index) = queue.iter().position(|queued| *queued == source)
            && let Some(source) = queue.remove(index)
        {
            queue.push_front(source);
            self.hurry_server(guild);
        }
    }

    fn hurry_server(&mut self, guild: GuildId) {
        if let Some(index) = self.servers.iter().position(|server| *server == guild)
            && let Some(server) = self.servers.remove(index)
        {
            self.servers.push_front(server);
        }
    }

    /// The source whose turn it is, which has a slot from now on. Considers only servers that may be read.
    pub(in crate::service::intake) fn start_next(
        &mut self,
        now: Instant,
        may_read: impl Fn(GuildId) -> bool,
    ) -> Option<ChannelId> {
        while let Some((at, source, guild)) = self.later.first().copied()
            && at <= now
        {
            self.later.pop_first();
            self.add(source, guild, false);
        }
        if self.places.values().sum::<usize>() >= PLACES {
            return None;
        }
        let has_room = |guild: &GuildId| self.places.get(guild).is_none_or(|taken| *taken < SHARE);
        let index = self.servers.iter().position(|guild| has_room(guild) && may_read(*guild))?;
        let guild = self.servers.remove(index)?;
        let Entry::Occupied(mut queue) = self.queues.entry(guild) else { return None };
        let source = queue.get_mut().pop_front();
        if queue.get().is_empty() {
            queue.remove();
        } else {
            self.servers.push_back(guild);
        }
        *self.places.entry(guild).or_default() += 1;
        source
    }

    /// When the next source has waited for its time.
    pub(in crate::service::intake) fn next_wait_ends(&self) -> Option<Instant> {
        self.later.first().map(|(at, _, _)| *at)
    }

    /// Frees a slot of this server.
    pub(in crate::service::intake) fn free_slot(&mut self, guild: GuildId) {
        if let Entry::Occupied(mut places) = self.places.entry(guild) {
            *places.get_mut() -= 1;
            if *places.get() == 0 {
                places.remove();
            }
        }
    }
}
