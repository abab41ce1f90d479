//! Changes that wait to be reflected. What is about one thing alone goes first, in its order. Looks are folded: those at who may see what by server, those at
//! webhooks by channel. Servers take turns, so that a flood in one of them costs a few requests and holds nobody else up.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::Change;
use crate::domain::ids::{ChannelId, GuildId};

/// How long a look rests before the next one at the same; doubled while that keeps changing.
const REST: Duration = Duration::from_secs(1);
/// The most that it is doubled to. A webhook that vanishes meanwhile is found by the next post, too.
const LONGEST_REST: Duration = Duration::from_secs(32);

/// What a look is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Subject {
    /// Who may see what in the server.
    Doors,
    /// The webhooks of a channel.
    Webhooks(ChannelId),
}

/// A look at something in a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Look {
    pub(super) guild: GuildId,
    pub(super) at: Subject,
}

/// When the same may be looked at again.
#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Instant,
    length: Duration,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct ChangeQueue {
    first: VecDeque<Change>,
    /// The servers that have looks waiting, in the order of their turns.
    turns: VecDeque<GuildId>,
    /// What is to be looked at, each once.
    waiting: HashMap<GuildId, VecDeque<Subject>>,
    /// The servers of which a look is under way, and at what.
    running: HashMap<GuildId, Subject>,
    pauses: HashMap<Look, Pause>,
}

impl ChangeQueue {
    /// Takes up a change. One that a look which hasn't begun will find anyway adds nothing.
    pub(super) fn push(&mut self, change: Change) {
        let (guild, subject) = match change {
            Change::WebhooksChanged { guild, channel } => (guild, Subject::Webhooks(channel)),
            Change::DoorsChanged(guild) => (guild, Subject::Doors),
            other => {
                self.first.push_back(other);
                return;
            }
        };
        let subjects = self.waiting.entry(guild).or_default();
        if subjects.is_empty() {
            self.turns.push_back(guild);
        }
        if subjects.contains(&subject) {
            return;
        }
        // Who may see what goes before a server's webhooks.
        match subject {
            Subject::Doors => subjects.push_front(subject),
            Subject::Webhooks(_) => subjects.push_back(subject),
        }
    }

    /// The next change that isn't a look.
    pub(super) fn pop_first(&mut self) -> Option<Change> {
        self.first.pop_front()
    }

    /// The next look that may begin now: of a server that has none under way, at something that doesn't rest.
    pub(super) fn begin_look(&mut self, now: Instant) -> Option<Look> {
        self.pauses.retain(|_, pause| pause.until + pause.length > now);
        for _ in 0..self.turns.len() {
            let guild = self.turns.pop_front()?;
            let ready = |at: &Subject| {
                self.pauses.get(&Look { guild, at: *at }).is_none_or(|pause| pause.until <= now)
            };
            let subjects = self.waiting.get_mut(&guild)?;
            let next = subjects.iter().position(ready).filter(|_| !self.running.contains_key(&guild));
            let subject = next.and_then(|next| subjects.remove(next));
            if subjects.is_empty() {
                self.waiting.remove(&guild);
            } else {
                self.turns.push_back(guild);
            }
            if let Some(at) = subject {
                self.running.insert(guild, at);
                return Some(Look { guild, at });
            }
        }
        None
    }

    /// A look has ended, however it did.
    pub(super) fn end_look(&mut self, look: Look, now: Instant) {
        self.running.remove(&look.guild);
        // A pause is kept for as long again as it lasts: what comes back within that time changes all the time.
        let length = self.pauses.get(&look).map_or(REST, |last| (last.length * 2).min(LONGEST_REST));
        self.pauses.insert(look, Pause { until: now + length, length });
    }

    /// The servers of which a look waits or is under way.
    pub(super) fn servers(&self) -> impl Iterator<Item = GuildId> {
        self.waiting.keys().chain(self.running.keys()).copied()
    }

    /// When the next look may begin that only has to wait for its rest.
    pub(super) fn next_look_at(&self) -> Option<Instant> {
        let idle = self.waiting.iter().filter(|(guild, _)| !self.running.contains_key(guild));
        let looks: HashSet<Look> =
            idle.flat_map(|(guild, all)| all.iter().map(|at| Look { guild: *guild, at: *at })).collect();
        looks.into_iter().filter_map(|look| self.pauses.get(&look)).map(|pause| pause.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guild(id: u64) -> GuildId {
        GuildId::new(id).unwrap()
    }

    fn changed(server: u64, channel: u64) -> Change {
        Change::WebhooksChanged { guild: guild(server), channel: ChannelId::new(channel).unwrap() }
    }

    /// Plays a stream of events against looks that take a while; how many looks there were, and when the last began.
    fn play(events: impl Iterator<Item = Duration>, takes: Duration) -> (usize, Duration) {
        let start = Instant::now();
        let mut queue = ChangeQueue::default();
        let mut events = events.peekable();
        let (mut now, mut looks, mut last) = (start, 0, Duration::ZERO);
        let mut running: Option<(Look, Instant)> = None;
        for _ in 0..1_000_000 {
            while events.next_if(|at| start + *at <= now).is_some() {
                queue.push(changed(1, 5));
            }
            if let Some((look, _)) = running.take_if(|(_, until)| *until <= now) {
                queue.end_look(look, now);
            }
            if running.is_none()
                && let Some(look) = queue.begin_look(now)
            {
                running = Some((look, now + takes));
                (looks, last) = (looks + 1, now - start);
            }
            if events.peek().is_none() && running.is_none() && queue.turns.is_empty() {
                break;
            }
            now += Duration::from_millis(10);
        }
        (looks, last)
    }

    #[test]
    fn a_flood_adds_one_look_at_most_to_that_under_way() {
        let flood = std::iter::repeat_n(Duration::ZERO, 1_500);
        assert_eq!(play(flood, Duration::from_millis(100)).0, 1);
        let during = (0..1_500).map(|n| Duration::from_micros(n * 60));
        assert_eq!(play(during, Duration::from_millis(100)).0, 2);
    }

    #[test]
    fn a_trickle_is_looked_at_ever_more_rarely_and_its_last_change_is_seen() {
        let trickle = (0..6_000).map(|n| Duration::from_millis(n * 100));
        let (looks, last) = play(trickle, Duration::from_millis(50));
        assert!(looks < 30, "{looks} looks in ten minutes");
        assert!(last > Duration::from_millis(599_900), "the last change was never looked at: {last:?}");
    }

    #[test]
    fn servers_take_turns_and_other_changes_go_first() {
        let now = Instant::now();
        let mut queue = ChangeQueue::default();
        (10..60).for_each(|channel| queue.push(changed(1, channel)));
        queue.push(changed(2, 99));
        queue.push(Change::GuildLeft(guild(3)));
        assert_eq!(queue.pop_first(), Some(Change::GuildLeft(guild(3))));
        let one = queue.begin_look(now).unwrap();
        let two = queue.begin_look(now).unwrap();
        assert_eq!((one.guild, two.guild), (guild(1), guild(2)));
        assert_eq!(queue.begin_look(now), None, "one at a time of each server");
        queue.push(Change::DoorsChanged(guild(1)));
        queue.push(Change::DoorsChanged(guild(1)));
        queue.end_look(one, now);
        assert_eq!(queue.begin_look(now), Some(Look { guild: guild(1), at: Subject::Doors }));
        queue.end_look(Look { guild: guild(1), at: Subject::Doors }, now);
        assert!(matches!(queue.begin_look(now).unwrap().at, Subject::Webhooks(_)), "folded");
    }
}
