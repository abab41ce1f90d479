//! The fuse. Discord bans an address for a while after 10,000 invalid requests (401, 403, 429 not shared) in
//! ten minutes. The bot stops by itself long before, and first of all stops their requesters:
//!
//! | what stops | at which share of the limit | usually |
//! |---|---|---|
//! | calls on behalf of one person, with the bot's token | a thirtieth | 100 |
//! | calls on behalf of one server, its people's included, with the bot's token | a sixth | 500 |
//! | all calls with the bot's token | the whole | 3,000 |
//! | all calls, those with webhooks' tokens included | twice the whole | 6,000 |

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;
use std::time::{Duration, Instant};

use super::TokenKind;
use crate::domain::ids::{GuildId, UserId};
use crate::rest::requester::Requester;

const WINDOW: Duration = Duration::from_secs(600);
/// The share of one person, and of one server: the limit divided by this.
const PERSONS_SHARE: usize = 30;
const SERVERS_SHARE: usize = 6;
/// Calls with a webhook's token go on until so many times the limit.
const WEBHOOKS_TIMES: usize = 2;

/// The state of the fuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FuseState {
    /// Invalid requests of the last ten minutes.
    pub invalid: usize,
    /// At how many the fuse opens.
    pub limit: usize,
    /// While the fuse is open: how long until there is room again, if nothing else fails.
    pub retry_after: Option<Duration>,
}

impl FuseState {
    /// Whether requests are refused here.
    pub const fn is_open(&self) -> bool {
        self.retry_after.is_some()
    }
}

/// What has just stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::rest) enum FuseBlown {
    /// All calls with the bot's token.
    All(FuseState),
    /// Calls on behalf of this server, for that long.
    Server(GuildId, Duration),
    /// Calls on behalf of a person, who caused the last invalid request in this server.
    Person(GuildId, Duration),
}

/// The invalid requests that count towards one limit: when they were answered.
#[derive(Debug, Default)]
struct InvalidRequests {
    at: VecDeque<Instant>,
    /// Whether it was reported that they reached the limit.
    said: bool,
}

impl InvalidRequests {
    /// While there are this many or more: how long until there is room again.
    fn full_for(&self, limit: usize, now: Instant) -> Option<Duration> {
        let decisive = self.at.len().checked_sub(limit).and_then(|over| self.at.get(over))?;
        Some((*decisive + WINDOW).saturating_duration_since(now))
    }

    /// The same, if the limit was reached since this was asked last.
    fn newly_full_for(&mut self, limit: usize, now: Instant) -> Option<Duration> {
        let full = self.full_for(limit, now);
        let said = std::mem::replace(&mut self.said, full.is_some());
        full.filter(|_| !said)
    }
}

#[derive(Debug)]
pub(super) struct Fuse {
    limit: usize,
    all: InvalidRequests,
    /// The requester of each of these, so that a request that is forgotten here is also forgotten below.
    requesters: VecDeque<Requester>,
    servers: HashMap<GuildId, InvalidRequests>,
    people: HashMap<UserId, InvalidRequests>,
}

impl Fuse {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit: limit.max(1),
            all: InvalidRequests::default(),
            requesters: VecDeque::new(),
            servers: HashMap::new(),
            people: HashMap::new(),
        }
    }

    pub(super) fn count(&mut self, requester: Requester, now: Instant) {
        self.all.at.push_back(now);
        self.requesters.push_back(requester);
        if let Some(guild) = requester.guild() {
            self.servers.entry(guild).or_default().at.push_back(now);
        }
        if let Some(user) = requester.user() {
            self.people.entry(user).or_default().at.push_back(now);
        }
        self.forget(now);
    }

    /// The state of the fuse for all calls.
    pub(super) fn state(&mut self, now: Instant) -> FuseState {
        self.forget(now);
        let retry_after = self.all.full_for(self.limit, now);
        self.all.said &= retry_after.is_some();
        FuseState { invalid: self.all.at.len(), limit: self.limit, retry_after }
    }

    /// How long such a call has to wait, if it has to.
    pub(super) fn pause_for(
        &mut self,
        requester: Requester,
        token: TokenKind,
        now: Instant,
    ) -> Option<Duration> {
        self.forget(now);
        if token == TokenKind::Webhook {
            return self.all.full_for(self.limit * WEBHOOKS_TIMES, now);
        }
        let server = requester.guild().and_then(|guild| self.servers.get(&guild));
        let person = requester.user().and_then(|user| self.people.get(&user));
        let holds = [
            self.all.full_for(self.limit, now),
            server.and_then(|marks| marks.full_for(share(self.limit, SERVERS_SHARE), now)),
            person.and_then(|marks| marks.full_for(share(self.limit, PERSONS_SHARE), now)),
        ];
        holds.into_iter().flatten().max()
    }

    /// What an invalid request of this requester has stopped since this was asked last.
    pub(super) fn newly_blown(&mut self, requester: Requester, now: Instant) -> Option<FuseBlown> {
        self.forget(now);
        if self.all.newly_full_for(self.limit, now).is_some() {
            return Some(FuseBlown::All(self.state(now)));
        }
        let guild = requester.guild()?;
        let (servers, persons) = (share(self.limit, SERVERS_SHARE), share(self.limit, PERSONS_SHARE));
        let server = self.servers.get_mut(&guild).and_then(|marks| marks.newly_full_for(servers, now));
        if let Some(how_long) = server {
            return Some(FuseBlown::Server(guild, how_long));
        }
        let person = requester.user().and_then(|user| self.people.get_mut(&user));
        let how_long = person.and_then(|marks| marks.newly_full_for(persons, now))?;
        Some(FuseBlown::Person(guild, how_long))
    }

    fn forget(&mut self, now: Instant) {
        while self.all.at.front().is_some_and(|mark| *mark + WINDOW <= now) {
            self.all.at.pop_front();
            let Some(requester) = self.requesters.pop_front() else { continue };
            drop_first(&mut self.servers, requester.guild());
            drop_first(&mut self.people, requester.user());
        }
    }
}

/// Forgets the oldest invalid request of a server or person, and with the last one the server or person
/// itself.
fn drop_first<K: Hash + Eq>(all: &mut HashMap<K, InvalidRequests>, which: Option<K>) {
    let Some(which) = which else { return };
    let Some(marks) = all.get_mut(&which) else { return };
    marks.at.pop_front();
    if marks.at.is_empty() {
        all.remove(&which);
    }
}

/// A share of the limit. At least three, so that a small limit doesn't stop somebody for a single mishap, and
/// never more than the whole.
fn share(limit: usize, part: usize) -> usize {
    (limit / part).max(3).min(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: u64) -> Requester {
        Requester::Server(GuildId::new(id).unwrap())
    }

    fn person(user: u64, guild: u64) -> Requester {
        Requester::Person { user: UserId::new(user).unwrap(), guild: GuildId::new(guild).unwrap() }
    }

    #[test]
    fn opens_at_its_limit_and_closes_when_the_window_has_room() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut fuse = Fuse::new(3);
        fuse.count(Requester::Program, at(0));
        fuse.count(Requester::Program, at(100));
        assert!(!fuse.state(at(100)).is_open());
        fuse.count(Requester::Program, at(200));
        fuse.count(Requester::Program, at(200));
        assert_eq!(fuse.state(at(200)).retry_after, Some(Duration::from_secs(500)), "two must be forgotten");
        assert!(matches!(fuse.newly_blown(Requester::Program, at(200)), Some(FuseBlown::All(_))));
        assert_eq!(fuse.newly_blown(Requester::Program, at(300)), None, "said once");
        assert!(fuse.state(at(699)).is_open());
        assert!(!fuse.state(at(700)).is_open());
        assert_eq!(fuse.state(at(800)).invalid, 0);
    }

    #[test]
    fn what_one_server_causes_stops_that_server_first() {
        let now = Instant::now();
        let mut fuse = Fuse::new(600);
        (0..100).for_each(|_| fuse.count(server(1), now));
        assert!(fuse.pause_for(server(1), TokenKind::Bot, now).is_some());
        assert!(fuse.pause_for(person(7, 1), TokenKind::Bot, now).is_some(), "its people too");
        assert_eq!(fuse.pause_for(server(1), TokenKind::Webhook, now), None, "its mirrors go on");
        for other in [server(2), person(7, 2), Requester::Program] {
            assert_eq!(fuse.pause_for(other, TokenKind::Bot, now), None, "{other:?}");
        }
        assert!(!fuse.state(now).is_open());
        assert!(matches!(fuse.newly_blown(server(1), now), Some(FuseBlown::Server(..))));
        assert_eq!(fuse.newly_blown(server(1), now), None, "said once");
    }

    #[test]
    fn what_one_person_causes_stops_that_person_first_wherever_they_are() {
        let now = Instant::now();
        let mut fuse = Fuse::new(600);
        (0..20).for_each(|number| fuse.count(person(7, 1 + number % 4), now));
        assert!(fuse.pause_for(person(7, 9), TokenKind::Bot, now).is_some());
        for other in [server(1), person(8, 1), Requester::Program] {
            assert_eq!(fuse.pause_for(other, TokenKind::Bot, now), None, "{other:?}");
        }
        assert!(matches!(fuse.newly_blown(person(7, 1), now), Some(FuseBlown::Person(..))));
    }

    #[test]
    fn webhooks_pass_until_discords_own_limit_comes_near() {
        let now = Instant::now();
        let mut fuse = Fuse::new(600);
        (0..1_199).for_each(|id| fuse.count(server(1 + id), now));
        assert!(fuse.pause_for(Requester::Program, TokenKind::Bot, now).is_some());
        assert_eq!(fuse.pause_for(Requester::Program, TokenKind::Webhook, now), None);
        fuse.count(Requester::Program, now);
        assert!(fuse.pause_for(Requester::Program, TokenKind::Webhook, now).is_some());
    }

    #[test]
    fn nothing_is_remembered_for_longer_than_it_counts() {
        let now = Instant::now();
        let mut fuse = Fuse::new(600);
        (0..300).for_each(|id| fuse.count(person(1 + id, 1 + id), now));
        assert_eq!((fuse.servers.len(), fuse.people.len(), fuse.requesters.len()), (300, 300, 300));
        assert_eq!(fuse.pause_for(Requester::Program, TokenKind::Bot, now + WINDOW), None);
        assert_eq!((fuse.servers.len(), fuse.people.len(), fuse.requesters.len()), (0, 0, 0));
    }
}
