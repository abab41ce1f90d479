//! Which sources are being read, whose turn it is, and the live reports that wait behind the reading. Pure.
//!
//! A source that can't be read waits, longer after each failure, and keeps no place meanwhile. Servers take turns, and none has more than its share of the
//! places: what ails one server's channels holds up no other's.

mod reading_queue;

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use crate::domain::ids::{ChannelId, GuildId, MessageId};

use self::reading_queue::Turns;
use super::Report;
use super::handover::Kept;
use super::report_queue::Received;

/// How many messages may wait behind one source's reading.
pub(super) const MOST_OF_ONE: usize = 1_000;
/// How many may wait behind all readings.
pub(super) const MOST: usize = 20_000;
/// The longest wait between two attempts to read a source.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What is to be read of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Everything since what was last seen; of a source that wants them, which of its threads are to be read too.
    History(GuildId),
    /// The same of a thread that Discord has just described.
    Thread(GuildId),
    /// One message, of which the gateway did not bring everything.
    Message {
        /// Its server.
        guild: GuildId,
        /// The message.
        message: MessageId,
        /// It was posted just now, not edited.
        new: bool,
    },
}

impl Reading {
    const fn guild(self) -> GuildId {
        match self {
            Self::History(guild) | Self::Thread(guild) | Self::Message { guild, .. } => guild,
        }
    }

    /// The one of two that includes the other: a history has each message that could be asked for, and looks at a thread anew.
    const fn or(self, other: Option<Self>) -> Self {
        match (self, other) {
            (_, Some(other @ Self::History(_))) | (Self::Message { .. }, Some(other @ Self::Thread(_))) => {
                other
            }
            _ => self,
        }
    }
}

/// The sources that are being read or wait for it, each with what waits behind.
#[derive(Debug, Default)]
pub(super) struct Held {
    sources: HashMap<ChannelId, Source>,
    turns: Turns,
    /// Messages that wait, of all sources.
    messages: usize,
    /// Sources whose history was read in this session: nothing lies between it and the live events.
    current: HashMap<ChannelId, GuildId>,
    /// Servers that have an outage.
    away: HashSet<GuildId>,
}

/// A source that is being read, or is to be read.
#[derive(Debug, Default)]
struct Source {
    /// Its server.
    guild: Option<GuildId>,
    /// What is still to be read.
    next: Option<Reading>,
    /// It is being read, or what was read is being written down.
    read: bool,
    /// How often reading it has failed in a row.
    failures: u32,
    /// What waits behind it.
    waiting: Vec<Received>,
    /// How many of these are messages.
    messages: usize,
    /// Since when something waits, whether it is kept or not.
    since: Option<Instant>,
    /// More came than is kept: messages are left to the reading that comes next.
    full: bool,
}

impl Held {
    /// Goes on where another left off that held nothing of these sources.
    pub(super) fn resume(&mut self, kept: Kept) {
        self.current.extend(kept.current);
        self.away.extend(kept.away);
    }

    /// What is left when no more reports come: sources that wait are to be read again, by whoever goes on. What is no source waits behind the one that this names.
    pub(super) fn leave(mut self, root: impl Fn(ChannelId) -> Option<ChannelId>) -> Kept {
        for (channel, held) in &self.sources {
            match (root(*channel), held.guild) {
                (Some(root), _) => drop(self.current.remove(&root)),
                // A thread that is gone: its source is one of this server.
                (None, Some(server)) => self.current.retain(|_, guild| *guild != server),
                (None, None) => self.current.clear(),
            }
        }
        Kept { current: self.current.into_iter().collect(), away: self.away.into_iter().collect() }
    }

    /// What waits behind readings.
    pub(super) fn take_all_waiting(&mut self) -> Vec<Received> {
        let waiting = |held: &mut Source| std::mem::take(&mut held.waiting);
        self.sources.values_mut().flat_map(waiting).collect()
    }

    /// A source is to be read again by whoever goes on.
    pub(super) fn outdate(&mut self, source: ChannelId) {
        self.current.remove(&source);
    }

    /// Whether a server has an outage.
    pub(super) fn is_away(&self, guild: GuildId) -> bool {
        self.away.contains(&guild)
    }

    /// In these servers, events may be missed from now on, or may have been until now.
    pub(super) fn forget(&mut self, away: impl Fn(GuildId) -> bool) {
        self.current.retain(|_, guild| !away(*guild));
    }

    /// A server's outage began.
    pub(super) fn lose(&mut self, guild: GuildId) {
        self.away.insert(guild);
        self.forget(|other| other == guild);
    }

    /// A server is there; whether it had an outage until now.
    pub(super) fn find(&mut self, guild: GuildId) -> bool {
        self.away.remove(&guild)
    }

    /// Makes sure that a source's history is read before its first event of this session is taken: otherwise the event would stand for all
    /// that was missed before it.
    pub(super) fn catch_up(&mut self, source: ChannelId, guild: GuildId) {
        if self.current.insert(source, guild).is_none() {
            self.begin(source, Reading::History(guild));
        }
    }

    /// A source has to be read before anything else of it is taken; once more, if it is being read right now: what it missed
    /// meanwhile may lie behind what that reading has seen.
    pub(super) fn begin(&mut self, source: ChannelId, reading: Reading) {
        let held = self.sources.entry(source).or_default();
        held.guild = Some(reading.guild());
        // One that is being read has its next turn after that, and one that failed after its wait.
        if held.next.is_none() && !held.read {
            // Somebody posted there this very moment.
            let first = matches!(reading, Reading::Message { .. });
            self.turns.add(source, reading.guild(), first);
        }
        held.next = Some(reading.or(held.next));
    }

    /// Takes a report of a channel that is being read, or whose root is: that may find that the channel is to be read too. Gives it back otherwise.
    pub(super) fn hold(&mut self, channel: ChannelId, root: ChannelId, report: Received) -> Option<Received> {
        let source = if self.sources.contains_key(&channel) { channel } else { root };
        let Some(held) = self.sources.get_mut(&source) else { return Some(report) };
        held.since.get_or_insert(report.at);
        let message = report.report.is_message();
        if message && held.full {
            return None;
        }
        held.waiting.push(report);
        // Where somebody posts, reading comes before where nobody does.
        if held.waiting.len() == 1
            && let Some(guild) = held.guild
        {
            self.turns.hurry(source, guild);
        }
        if message && let Some(held) = self.sources.get_mut(&source) {
            held.messages += 1;
            self.messages += 1;
            self.make_room(source);
        }
        None
    }

    /// Drops the messages that wait behind a source, or behind the one that has most of them, where there are too many: that source is read from what was last seen, which
    /// has them all. Deletions are kept, as a history doesn't show them.
    fn make_room(&mut self, source: ChannelId) {
        let fullest =
            |held: &Self| held.sources.iter().max_by_key(|(_, source)| source.messages).map(|(id, _)| *id);
        let source = match self.sources.get(&source) {
            Some(held) if held.messages > MOST_OF_ONE => source,
            _ if self.messages > MOST => fullest(self).unwrap_or(source),
            _ => return,
        };
        let dropped = self.leave_to_reading(source);
        tracing::warn!(%source, dropped, "too much waits behind a channel that can't be read yet; it is read again from what was last seen");
    }

    /// Leaves all messages that wait to the readings that come next: some were left out before they came here.
    pub(super) fn leave_to_readings(&mut self) {
        let sources: Vec<ChannelId> = self.sources.keys().copied().collect();
        for source in sources {
            self.leave_to_reading(source);
        }
    }

    /// The same of one source. How many messages it were.
    fn leave_to_reading(&mut self, source: ChannelId) -> usize {
        let Some(held) = self.sources.get_mut(&source) else { return 0 };
        let dropped = std::mem::take(&mut held.messages);
        held.waiting.retain(|report| !report.report.is_message());
        held.full = true;
        self.messages -= dropped;
        if let Some(guild) = held.guild {
            self.begin(source, Reading::History(guild));
        }
        dropped
    }

    /// What is to be read next, if there is room.
    pub(super) fn next(
        &mut self,
        now: Instant,
        may_read: impl Fn(GuildId) -> bool,
    ) -> Option<(ChannelId, Reading)> {
        let source = self.turns.next(now, may_read)?;
        let held = self.sources.get_mut(&source)?;
        // What is posted from now on may not be in what is read.
        (held.read, held.full) = (true, false);
        Some((source, held.next.take()?))
    }

    /// When the next wait after a failure ends.
    pub(super) fn next_wait_ends(&self) -> Option<Instant> {
        self.turns.next_wait_ends()
    }

    /// A reading has come to its end: another source can be read.
    pub(super) fn give_place_back(&mut self, source: ChannelId) {
        if let Some(guild) = self.sources.get(&source).and_then(|held| held.guild) {
            self.turns.end(guild);
        }
    }

    /// A source can't be read yet. Returns how often that failed in a row.
    pub(super) fn postpone(
        &mut self,
        source: ChannelId,
        reading: Reading,
        now: Instant,
        wait: impl Fn(u32) -> Duration,
    ) -> u32 {
        let held = self.sources.entry(source).or_default();
        held.guild = Some(reading.guild());
        let queued = held.next.is_some() && !held.read;
        held.failures += 1;
        held.read = false;
        held.next = Some(reading.or(held.next));
        let failures = held.failures;
        if !queued {
            self.turns.add_later(source, reading.guild(), now + wait(failures).min(LONGEST_WAIT));
        }
        failures
    }

    /// What waits behind a source and was posted before what was read of its channel. In order.
    pub(super) fn take_waiting(
        &mut self,
        source: ChannelId,
        mut before: impl FnMut(&Report) -> bool,
    ) -> Vec<Received> {
        let Some(held) = self.sources.get_mut(&source) else { return Vec::new() };
        let (taken, kept): (Vec<_>, Vec<_>) = held.waiting.drain(..).partition(|one| before(&one.report));
        held.waiting = kept;
        held.messages -= taken.len();
        self.messages -= taken.len();
        taken
    }

    /// What waits behind a source, in order.
    pub(super) fn waiting(&self, source: ChannelId) -> impl Iterator<Item = &Report> {
        self.sources.get(&source).into_iter().flat_map(|held| &held.waiting).map(|one| &one.report)
    }

    /// A source was read: what waited behind it, in order; nothing yet where it is to be read once more.
    pub(super) fn release(&mut self, source: ChannelId) -> Vec<Received> {
        let Some(held) = self.sources.get_mut(&source) else { return Vec::new() };
        (held.read, held.failures) = (false, 0);
        if let Some(next) = held.next {
            self.turns.add(source, next.guild(), !held.waiting.is_empty());
            return Vec::new();
        }
        let held = self.sources.remove(&source).unwrap_or_default();
        self.messages -= held.messages;
        held.waiting
    }

    /// How many sources something waits behind, and since when.
    pub(super) fn oldest(&self) -> (usize, Option<Instant>) {
        let since = self.sources.values().filter_map(|source| source.since);
        since.fold((0, None), |(count, oldest), since| {
            (count + 1, Some(oldest.map_or(since, |oldest: Instant| oldest.min(since))))
        })
    }
}

#[cfg(test)]
mod tests;
