//! Which sources are being read, and the live reports that wait behind the reading. Pure.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::domain::ids::{ChannelId, GuildId, MessageId};

use super::Report;

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

/// The sources that are being read or wait for it, each with what waits behind.
#[derive(Debug, Default)]
pub(super) struct Held {
    sources: HashMap<ChannelId, Source>,
    queue: VecDeque<ChannelId>,
    /// Sources whose history was read in this session: nothing lies between it and the live events.
    current: HashMap<ChannelId, GuildId>,
    /// Servers that have an outage.
    away: HashSet<GuildId>,
}

/// A source that is being read, or is to be read.
#[derive(Debug, Default)]
struct Source {
    /// What is still to be read; none while the last reading is under way.
    next: Option<Reading>,
    /// What waits behind it.
    waiting: Vec<Report>,
}

impl Held {
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
        if held.next.is_none() {
            match reading {
                Reading::History(_) | Reading::Thread(_) => self.queue.push_back(source),
                // Somebody posted there this very moment.
                Reading::Message { .. } => self.queue.push_front(source),
            }
        }
        // A history includes each message that could be asked for, and looks at a thread anew.
        let keep = match held.next {
            Some(Reading::History(_)) => true,
            Some(Reading::Thread(_)) => matches!(reading, Reading::Message { .. }),
            Some(Reading::Message { .. }) | None => false,
        };
        if !keep {
            held.next = Some(reading);
        }
    }

    /// Takes a report of a channel that is being read, or whose root is: that may find that the channel is to be read too. Gives it back otherwise.
    pub(super) fn hold(&mut self, channel: ChannelId, root: ChannelId, report: Report) -> Option<Report> {
        let source = if self.sources.contains_key(&channel) { channel } else { root };
        let Some(held) = self.sources.get_mut(&source) else { return Some(report) };
        held.waiting.push(report);
        // Where somebody posts, reading comes before where nobody does.
        if held.waiting.len() == 1
            && let Some(index) = self.queue.iter().position(|queued| *queued == source)
            && let Some(entry) = self.queue.remove(index)
        {
            self.queue.push_front(entry);
        }
        None
    }

    /// What is to be read next.
    pub(super) fn next(&mut self) -> Option<(ChannelId, Reading)> {
        let source = self.queue.pop_front()?;
        let reading = self.sources.get_mut(&source)?.next.take()?;
        Some((source, reading))
    }

    /// A source was read: what waited behind it, in order; nothing yet where it is to be read once more.
    pub(super) fn release(&mut self, source: ChannelId) -> Vec<Report> {
        match self.sources.get(&source) {
            Some(Source { next: None, .. }) => {
                self.sources.remove(&source).map(|held| held.waiting).unwrap_or_default()
            }
            _ => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(id: u64) -> ChannelId {
        ChannelId::new(id).unwrap()
    }

    fn deleted(channel: u64, message: u64) -> Report {
        Report::Deleted { channel: source(channel), message: MessageId::new(message).unwrap() }
    }

    fn history() -> Reading {
        Reading::History(GuildId::new(1).unwrap())
    }

    #[test]
    fn live_reports_wait_behind_the_reading_in_order() {
        let mut held = Held::default();
        held.begin(source(1), history());
        assert!(held.hold(source(1), source(1), deleted(1, 5)).is_none());
        assert!(held.hold(source(1), source(1), deleted(1, 6)).is_none());
        assert!(held.hold(source(2), source(2), deleted(2, 7)).is_some(), "others don't wait");
        assert_eq!(held.next(), Some((source(1), history())));
        let released = held.release(source(1));
        assert!(
            matches!(released[..], [Report::Deleted { message: first, .. }, Report::Deleted { message: second, .. }] if first < second)
        );
        assert!(held.hold(source(1), source(1), deleted(1, 8)).is_some());
    }

    #[test]
    fn a_thread_waits_behind_its_channel_and_behind_itself() {
        let mut held = Held::default();
        let guild = GuildId::new(1).unwrap();
        held.begin(source(1), history());
        assert!(
            held.hold(source(9), source(1), deleted(9, 5)).is_none(),
            "the list of threads may tell of it"
        );
        assert_eq!(held.next(), Some((source(1), history())));
        held.begin(source(9), Reading::Thread(guild));
        let released = held.release(source(1));
        assert_eq!(released.len(), 1);
        for report in released {
            assert!(held.hold(source(9), source(1), report).is_none());
        }
        assert_eq!(held.next(), Some((source(9), Reading::Thread(guild))));
        assert!(held.hold(source(8), source(1), deleted(8, 5)).is_some(), "another thread is current");
        assert_eq!(held.release(source(9)).len(), 1);
    }

    #[test]
    fn what_reads_more_takes_the_place_of_what_reads_less() {
        let guild = GuildId::new(1).unwrap();
        let one = Reading::Message { guild, message: MessageId::new(5).unwrap(), new: true };
        let rising = [one, Reading::Thread(guild), history()];
        for (index, reading) in rising.into_iter().enumerate() {
            for other in rising.into_iter().take(index + 1) {
                let mut held = Held::default();
                held.begin(source(1), other);
                held.begin(source(1), reading);
                held.begin(source(1), other);
                assert_eq!(held.next(), Some((source(1), reading)));
            }
        }
    }

    #[test]
    fn each_source_is_caught_up_with_once_a_session() {
        let mut held = Held::default();
        let guild = GuildId::new(1).unwrap();
        for _ in 0..2 {
            held.catch_up(source(1), guild);
            assert_eq!(held.next(), Some((source(1), history())));
            assert!(held.release(source(1)).is_empty());
            held.catch_up(source(1), guild);
            assert_eq!(held.next(), None);
            held.forget(|_| true);
        }
    }

    #[test]
    fn a_gap_during_a_reading_is_read_too() {
        let mut held = Held::default();
        held.begin(source(1), history());
        assert!(held.next().is_some());
        held.begin(source(1), history());
        assert!(held.hold(source(1), source(1), deleted(1, 5)).is_none());
        assert!(held.release(source(1)).is_empty());
        assert_eq!(held.next(), Some((source(1), history())));
        assert_eq!(held.release(source(1)).len(), 1);
    }

    #[test]
    fn busy_sources_are_read_first_and_none_twice() {
        let mut held = Held::default();
        for id in 1..4 {
            held.begin(source(id), history());
            held.begin(source(id), history());
        }
        assert!(held.hold(source(3), source(3), deleted(3, 5)).is_none());
        let order: Vec<_> = std::iter::from_fn(|| held.next()).map(|(source, _)| source.get()).collect();
        assert_eq!(order, [3, 1, 2]);
    }
}
