//! The states of all sources: which are current, which must be read, and the live events that wait
//! meanwhile. Pure.
//!
//! ```text
//!          first event of a session, a new session, the end of an outage
//!   unread ────────────────────────────────────────────────────────────► queued ◄──────────┐
//!     ▲                                                                   │  ▲            │ failed: it waits,
//!     │ session lost,                                         its turn, a │  │ requested  │ longer each time
//!     │ outage,                                                 free slot ▼  │ meanwhile  │
//!     │ messages left out                                               reading ──────────┘
//!     │                                                                   │
//!     └─────────────────────────── current ◄──────────────────────────────┘ read and recorded
//! ```
//! Four memories make up this picture. [`SourceStates::current`] holds the sources that are current. The
//! queue ([`ReadingQueue`]) holds those whose turn is yet to come. [`SourceStates::sources`] holds everything
//! that is queued or being read, with the events that wait for it. What a reading brought, and isn't
//! recorded yet, lies in the intake's list of [completed readings](super::dispatch::CompletedReading); the
//! source counts as being read until then.
//!
//! A source that can't be read waits, longer after each failure, and takes no slot meanwhile. Servers take
//! turns, and none has more than its share of the slots: one server's broken channels hold up no other's.

mod reading_queue;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::domain::ids::{ChannelId, GuildId, MessageId};

use self::reading_queue::ReadingQueue;
use super::GatewayEvent;
use super::event_queue::ReceivedEvent;
use super::handover::IntakeHandover;

/// How many messages may wait for the reading of one source.
pub(super) const MOST_OF_ONE: usize = 1_000;
/// How many may wait for all readings together.
pub(super) const MOST: usize = 20_000;
/// The longest wait between two attempts to read a source.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What must be read of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Everything since the last message seen. For a source whose threads are wanted, also which of its
    /// threads must be read.
    History(GuildId),
    /// The same for a thread that Discord has just described.
    Thread(GuildId),
    /// One message that the gateway did not bring in full.
    Message {
        /// Its server.
        guild: GuildId,
        /// The message.
        message: MessageId,
        /// It was posted just now, not edited.
        new: bool,
    },
    /// What a channel is that nobody follows, in which a followed person posted: a thread, and with which
    /// tags, or none.
    Place(GuildId),
}

impl Reading {
    /// The server of the source.
    pub(super) const fn guild(self) -> GuildId {
        match self {
            Self::History(guild) | Self::Thread(guild) | Self::Message { guild, .. } | Self::Place(guild) => {
                guild
            }
        }
    }

    /// The one of two readings that includes the other. A history covers every single message, and looks at a
    /// thread again.
    const fn or(self, other: Option<Self>) -> Self {
        match (self, other) {
            (_, Some(other @ Self::History(_)))
            | (Self::Message { .. }, Some(other @ Self::Thread(_)))
            | (Self::Place(_), Some(other)) => other,
            _ => self,
        }
    }
}

/// The states of all sources, with the events that wait for them.
#[derive(Debug, Default)]
pub(super) struct SourceStates {
    sources: HashMap<ChannelId, SourceState>,
    queue: ReadingQueue,
    /// How many messages wait, for all sources.
    messages: usize,
    /// Sources whose history was read in this session: nothing is missing between it and the live events.
    current: HashMap<ChannelId, GuildId>,
    /// Servers that have an outage.
    away: HashSet<GuildId>,
}

/// A source that is being read, or must be read.
#[derive(Debug, Default)]
struct SourceState {
    /// Its server.
    guild: Option<GuildId>,
    /// What must still be read.
    next: Option<Reading>,
    /// It is being read, or what was read is being recorded.
    read: bool,
    /// How often reading it has failed in a row.
    failures: u32,
    /// The events that wait for it.
    waiting: Vec<ReceivedEvent>,
    /// How many of these are messages.
    messages: usize,
    /// Since when something has waited, whether it was kept or not.
    since: Option<Instant>,
    /// More came than is kept: messages are left to the next reading.
    full: bool,
}

impl SourceStates {
    /// Continues where another intake ended that deferred nothing of these sources.
    pub(super) fn resume(&mut self, kept: IntakeHandover) {
        self.current.extend(kept.current);
        self.away.extend(kept.away);
    }

    /// What to hand over when no more events come: the next intake must read waiting sources again. `root`
    /// gives the source of a thread.
    pub(super) fn into_handover(mut self, root: impl Fn(ChannelId) -> Option<ChannelId>) -> IntakeHandover {
        for (channel, state) in &self.sources {
            match (root(*channel), state.guild) {
                (Some(root), _) => drop(self.current.remove(&root)),
                // A thread that is gone: its source is one of this server's.
                (None, Some(server)) => self.current.retain(|_, guild| *guild != server),
                (None, None) => self.current.clear(),
            }
        }
        IntakeHandover { current: self.current.into_iter().collect(), away: self.away.into_iter().collect() }
    }

    /// Takes all events that wait for readings.
    pub(super) fn take_all_waiting(&mut self) -> Vec<ReceivedEvent> {
        let waiting = |state: &mut SourceState| std::mem::take(&mut state.waiting);
        self.sources.values_mut().flat_map(waiting).collect()
    }

    /// Marks one source as unread, so that the next intake reads it.
    pub(super) fn mark_source_unread(&mut self, source: ChannelId) {
        self.current.remove(&source);
    }

    /// Whether a server has an outage.
    pub(super) fn is_away(&self, guild: GuildId) -> bool {
        self.away.contains(&guild)
    }

    /// Marks the sources of these servers as unread: events may be missed from now on, or may have been
    /// missed until now.
    pub(super) fn mark_unread(&mut self, away: impl Fn(GuildId) -> bool) {
        self.current.retain(|_, guild| !away(*guild));
    }

    /// A server's outage began.
    pub(super) fn begin_outage(&mut self, guild: GuildId) {
        self.away.insert(guild);
        self.mark_unread(|other| other == guild);
    }

    /// A server is available. Whether it had an outage until now.
    pub(super) fn end_outage(&mut self, guild: GuildId) -> bool {
        self.away.remove(&guild)
    }

    /// Makes sure that a source's history is read before its first event of this session is accepted.
    /// Otherwise that event would seem to cover everything that was missed before it.
    pub(super) fn ensure_current(&mut self, source: ChannelId, guild: GuildId) {
        if self.current.insert(source, guild).is_none() {
            self.request(source, Reading::History(guild));
        }
    }

    /// Requests a reading, before which no event of the source is accepted. If the source is being read right
    /// now, it is read once more: what it missed meanwhile may lie behind what that reading has seen.
    pub(super) fn request(&mut self, source: ChannelId, reading: Reading) {
        let state = self.sources.entry(source).or_default();
        state.guild = Some(reading.guild());
        // A source that is being read has its next turn after that, and one that failed has it after its
        // wait.
        if state.next.is_none() && !state.read {
            // Somebody posted there this very moment.
            let first = matches!(reading, Reading::Message { .. } | Reading::Place(_));
            self.queue.add(source, reading.guild(), first);
        }
        state.next = Some(reading.or(state.next));
    }

    /// Defers an event of a channel that is being read, or whose root is, because the root's reading may
    /// find that the channel must be read, too. Otherwise gives it back.
    pub(super) fn defer(
        &mut self,
        channel: ChannelId,
        root: ChannelId,
        event: ReceivedEvent,
    ) -> Option<ReceivedEvent> {
        let source = if self.sources.contains_key(&channel) { channel } else { root };
        let Some(state) = self.sources.get_mut(&source) else { return Some(event) };
        state.since.get_or_insert(event.at);
        let message = event.event.is_message();
        if message && state.full {
            return None;
        }
        state.waiting.push(event);
        // Sources where somebody posts are read before those where nobody does.
        if state.waiting.len() == 1
            && let Some(guild) = state.guild
        {
            self.queue.hurry(source, guild);
        }
        if message && let Some(state) = self.sources.get_mut(&source) {
            state.messages += 1;
            self.messages += 1;
            self.make_room(source);
        }
        None
    }

    /// If too many messages wait, drops those of this source or of the source that has most of them. That
    /// source is read again from the last message seen, which brings them all back. Deletions are kept,
    /// because a history doesn't show them.
    fn make_room(&mut self, source: ChannelId) {
        let fullest = |states: &Self| {
            states.sources.iter().max_by_key(|(_, source)| source.messages).map(|(id, _)| *id)
        };
        let source = match self.sources.get(&source) {
            Some(state) if state.messages > MOST_OF_ONE => source,
            _ if self.messages > MOST => fullest(self).unwrap_or(source),
            _ => return,
        };
        let dropped = self.leave_to_reading(source);
        tracing::warn!(%source, dropped, "too much waits behind a channel that can't be read yet; it is read again from what was last seen");
    }

    /// Leaves all waiting messages to the next readings, because some were lost before they came here.
    pub(super) fn leave_to_readings(&mut self) {
        let sources: Vec<ChannelId> = self.sources.keys().copied().collect();
        for source in sources {
            self.leave_to_reading(source);
        }
    }

    /// The same for one source. Returns how many messages there were.
    fn leave_to_reading(&mut self, source: ChannelId) -> usize {
        let Some(state) = self.sources.get_mut(&source) else { return 0 };
        let dropped = std::mem::take(&mut state.messages);
        state.waiting.retain(|event| !event.event.is_message());
        state.full = true;
        self.messages -= dropped;
        if let Some(guild) = state.guild {
            self.request(source, Reading::History(guild));
        }
        dropped
    }

    /// The next reading to start, if there is room.
    pub(super) fn start_next(
        &mut self,
        now: Instant,
        may_read: impl Fn(GuildId) -> bool,
    ) -> Option<(ChannelId, Reading)> {
        let source = self.queue.start_next(now, may_read)?;
        let state = self.sources.get_mut(&source)?;
        // What is posted from now on may not be part of the reading.
        (state.read, state.full) = (true, false);
        Some((source, state.next.take()?))
    }

    /// When the next wait after a failure ends.
    pub(super) fn next_wait_ends(&self) -> Option<Instant> {
        self.queue.next_wait_ends()
    }

    /// A reading has ended, so another source can be read.
    pub(super) fn free_slot(&mut self, source: ChannelId) {
        if let Some(guild) = self.sources.get(&source).and_then(|state| state.guild) {
            self.queue.free_slot(guild);
        }
    }

    /// A source can't be read yet. Returns how often that has failed in a row.
    pub(super) fn postpone(
        &mut self,
        source: ChannelId,
        reading: Reading,
        now: Instant,
        wait: impl Fn(u32) -> Duration,
    ) -> u32 {
        let state = self.sources.entry(source).or_default();
        state.guild = Some(reading.guild());
        let queued = state.next.is_some() && !state.read;
        state.failures += 1;
        state.read = false;
        state.next = Some(reading.or(state.next));
        let failures = state.failures;
        if !queued {
            self.queue.add_later(source, reading.guild(), now + wait(failures).min(LONGEST_WAIT));
        }
        failures
    }

    /// Takes the waiting events of a source that were posted before what was read of their channel. In
    /// order.
    pub(super) fn take_waiting(
        &mut self,
        source: ChannelId,
        mut before: impl FnMut(&GatewayEvent) -> bool,
    ) -> Vec<ReceivedEvent> {
        let Some(state) = self.sources.get_mut(&source) else { return Vec::new() };
        let (taken, kept): (Vec<_>, Vec<_>) = state.waiting.drain(..).partition(|one| before(&one.event));
        state.waiting = kept;
        state.messages -= taken.len();
        self.messages -= taken.len();
        taken
    }

    /// The waiting events of a source, in order.
    pub(super) fn waiting(&self, source: ChannelId) -> impl Iterator<Item = &GatewayEvent> {
        self.sources.get(&source).into_iter().flat_map(|state| &state.waiting).map(|one| &one.event)
    }

    /// A source was read and recorded. Returns the events that waited for it, in order; none yet if it must
    /// be read once more.
    pub(super) fn finish(&mut self, source: ChannelId) -> Vec<ReceivedEvent> {
        let Some(state) = self.sources.get_mut(&source) else { return Vec::new() };
        (state.read, state.failures) = (false, 0);
        if let Some(next) = state.next {
            self.queue.add(source, next.guild(), !state.waiting.is_empty());
            return Vec::new();
        }
        let state = self.sources.remove(&source).unwrap_or_default();
        self.messages -= state.messages;
        state.waiting
    }

    /// How many sources have events waiting, and since when.
    pub(super) fn oldest(&self) -> (usize, Option<Instant>) {
        let since = self.sources.values().filter_map(|source| source.since);
        since.fold((0, None), |(count, oldest), since| {
            (count + 1, Some(oldest.map_or(since, |oldest: Instant| oldest.min(since))))
        })
    }
}

#[cfg(test)]
mod tests;
