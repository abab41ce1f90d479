//! Changes that wait to be reflected. Changes that concern a single thing go first, in their order. Checks
//! are merged: those of permissions by server, those of webhooks by channel. Servers take turns, so that a
//! flood of changes in one of them costs a few requests and holds up nobody else.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::DiscordChange;
use crate::domain::ids::{ChannelId, GuildId};

/// The pause between two checks of the same thing. It doubles while that keeps changing.
const REST: Duration = Duration::from_secs(1);
/// The longest such pause. A webhook that vanishes meanwhile is found by the next post, too.
const LONGEST_REST: Duration = Duration::from_secs(32);

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum CheckSubject {
    /// The permissions in the server.
    Permissions,
    /// The webhooks of a channel.
    Webhooks(ChannelId),
}

/// A check of something in a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ServerCheck {
    pub(super) guild: GuildId,
    pub(super) at: CheckSubject,
}

/// When the same thing may be checked again.
#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Instant,
    length: Duration,
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct ChangeQueue {
    first: VecDeque<DiscordChange>,
    /// The servers with waiting checks, in the order of their turns.
    turns: VecDeque<GuildId>,
    /// What must be checked, each thing once.
    waiting: HashMap<GuildId, VecDeque<CheckSubject>>,
    /// The servers that are being checked, and what is checked there.
    running: HashMap<GuildId, CheckSubject>,
    pauses: HashMap<ServerCheck, Pause>,
}

impl ChangeQueue {
    /// Adds a change. A change that a waiting check will find anyway adds nothing.
    pub(super) fn push(&mut self, change: DiscordChange) {
        let (guild, subject) = match change {
            DiscordChange::WebhooksChanged { guild, channel } => (guild, CheckSubject::Webhooks(channel)),
            DiscordChange::PermissionsChanged(guild) => (guild, CheckSubject::Permissions),
            other => {
                let is_said =
                    matches!(other, DiscordChange::VisibilityChanged(_)) && self.first.contains(&other);
                if !is_said {
                    self.first.push_back(other);
                }
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
        // Permissions go before a server's webhooks.
        match subject {
            CheckSubject::Permissions => subjects.push_front(subject),
            CheckSubject::Webhooks(_) => subjects.push_back(subject),
        }
    }

    /// The next change that needs no check.
    pub(super) fn pop_first(&mut self) -> Option<DiscordChange> {
        self.first.pop_front()
    }

    /// The next check that may begin now: in a server where none is running, of something that isn't pausing.
    pub(super) fn begin_check(&mut self, now: Instant) -> Option<ServerCheck> {
        self.pauses.retain(|_, pause| pause.until + pause.length > now);
        for _ in 0..self.turns.len() {
            let guild = self.turns.pop_front()?;
            let ready = |at: &CheckSubject| {
                self.pauses.get(&ServerCheck { guild, at: *at }).is_none_or(|pause| pause.until <= now)
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
                return Some(ServerCheck { guild, at });
            }
        }
        None
    }

    /// A check has ended, however it did.
    pub(super) fn end_check(&mut self, check: ServerCheck, now: Instant) {
        self.running.remove(&check.guild);
        // A pause is remembered for twice its length: something that returns within that time keeps changing.
        let length = self.pauses.get(&check).map_or(REST, |last| (last.length * 2).min(LONGEST_REST));
        self.pauses.insert(check, Pause { until: now + length, length });
    }

    /// The servers in which a check waits or is running.
    pub(super) fn servers(&self) -> impl Iterator<Item = GuildId> {
        self.waiting.keys().chain(self.running.keys()).copied()
    }

    /// When the next check may begin that waits only for its pause.
    pub(super) fn next_check_at(&self) -> Option<Instant> {
        let idle = self.waiting.iter().filter(|(guild, _)| !self.running.contains_key(guild));
        let checks: HashSet<ServerCheck> = idle
            .flat_map(|(guild, all)| all.iter().map(|at| ServerCheck { guild: *guild, at: *at }))
            .collect();
        checks.into_iter().filter_map(|check| self.pauses.get(&check)).map(|pause| pause.until).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guild(id: u64) -> GuildId {
        GuildId::new(id).unwrap()
    }

    fn changed(server: u64, channel: u64) -> DiscordChange {
        DiscordChange::WebhooksChanged { guild: guild(server), channel: ChannelId::new(channel).unwrap() }
    }

    /// Plays a stream of events against checks that take a while. Returns how many checks there were, and
    /// when the last began.
    fn play(events: impl Iterator<Item = Duration>, takes: Duration) -> (usize, Duration) {
        let start = Instant::now();
        let mut queue = ChangeQueue::default();
        let mut events = events.peekable();
        let (mut now, mut checks, mut last) = (start, 0, Duration::ZERO);
        let mut running: Option<(ServerCheck, Instant)> = None;
        for _ in 0..1_000_000 {
            while events.next_if(|at| start + *at <= now).is_some() {
                queue.push(changed(1, 5));
            }
            if let Some((check, _)) = running.take_if(|(_, until)| *until <= now) {
                queue.end_check(check, now);
            }
            if running.is_none()
                && let Some(check) = queue.begin_check(now)
            {
                running = Some((check, now + takes));
                (checks, last) = (checks + 1, now - start);
            }
            if events.peek().is_none() && running.is_none() && queue.turns.is_empty() {
                break;
            }
            now += Duration::from_millis(10);
        }
        (checks, last)
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
        let (checks, last) = play(trickle, Duration::from_millis(50));
        assert!(checks < 30, "{checks} checks in ten minutes");
        assert!(last > Duration::from_millis(599_900), "the last change was never looked at: {last:?}");
    }

    #[test]
    fn servers_take_turns_and_other_changes_go_first() {
        let now = Instant::now();
        let mut queue = ChangeQueue::default();
        (10..60).for_each(|channel| queue.push(changed(1, channel)));
        queue.push(changed(2, 99));
        queue.push(DiscordChange::GuildLeft(guild(3)));
        assert_eq!(queue.pop_first(), Some(DiscordChange::GuildLeft(guild(3))));
        let one = queue.begin_check(now).unwrap();
        let two = queue.begin_check(now).unwrap();
        assert_eq!((one.guild, two.guild), (guild(1), guild(2)));
        assert_eq!(queue.begin_check(now), None, "one at a time of each server");
        queue.push(DiscordChange::PermissionsChanged(guild(1)));
        queue.push(DiscordChange::PermissionsChanged(guild(1)));
        queue.end_check(one, now);
        assert_eq!(
            queue.begin_check(now),
            Some(ServerCheck { guild: guild(1), at: CheckSubject::Permissions })
        );
        queue.end_check(ServerCheck { guild: guild(1), at: CheckSubject::Permissions }, now);
        assert!(matches!(queue.begin_check(now).unwrap().at, CheckSubject::Webhooks(_)), "folded");
    }
}
