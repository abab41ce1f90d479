//! Which server the sweep checks next: first those that the gateway no longer names, then those that an event
//! made suspect, then the one whose last check is the oldest.

use std::collections::{HashMap, HashSet, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::ids::GuildId;
use crate::store::GuildCheck;

use crate::service::gateway_view::{GatewayView, Membership};

/// How often each server is checked.
const EACH: TimeDelta = TimeDelta::hours(24);
/// When to repeat a failed check; doubled with each failure.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// The same if the server's channels wait for that check.
const SOON_AGAIN: TimeDelta = TimeDelta::seconds(3);
/// The longest such wait.
const LATEST: TimeDelta = TimeDelta::minutes(15);

/// A server that waits for another check.
#[derive(Debug, Clone, Copy)]
struct Retry {
    failures: u32,
    at: DateTime<Utc>,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CheckOutcome {
    /// It was complete.
    Complete,
    /// It failed, or didn't finish.
    Incomplete,
    /// The same, and the server's channels are only read after a complete check.
    IncompleteAndAwaited,
}

/// What the sweep must do.
#[derive(Debug, Default)]
pub(super) struct SweepSchedule {
    queue: VecDeque<GuildId>,
    /// These are being checked.
    running: HashSet<GuildId>,
    later: HashMap<GuildId, Retry>,
    /// When the first of the others becomes due.
    due_at: Option<DateTime<Utc>>,
}

impl SweepSchedule {
    /// Fills the queue from the list of servers and their last checks, in the order of that list. Servers in
    /// `doubted` go before those that merely weren't checked for a day.
    pub(super) fn refill(
        &mut self,
        checks: &[GuildCheck],
        doubted: &HashSet<GuildId>,
        gateway: &dyn GatewayView,
        now: DateTime<Utc>,
    ) {
        let (mut left, mut first, mut rest) = (Vec::new(), Vec::new(), Vec::new());
        self.due_at = None;
        for GuildCheck { guild, checked_at } in checks.iter().copied() {
            let membership = gateway.membership(guild);
            let since_session = gateway.session_age(guild).map(|age| now - age);
            let due = match (membership, checked_at) {
                (Membership::Unknown, _) => continue,
                (Membership::NotMember, _) | (Membership::Member, None) => now,
                (Membership::Member, Some(at)) if since_session.is_some_and(|began| at < began) => now,
                (Membership::Member, Some(at)) => at + EACH,
            };
            match membership {
                Membership::NotMember => left.push(guild),
                _ if doubted.contains(&guild) => first.push(guild),
                _ if due <= now => rest.push(guild),
                _ => self.due_at = Some(self.due_at.map_or(due, |first| first.min(due))),
            }
        }
        self.queue = left.into_iter().chain(first).chain(rest).collect();
        let known: HashSet<GuildId> = checks.iter().map(|check| check.guild).collect();
        self.later.retain(|guild, _| known.contains(guild));
    }

    /// The next server to check.
    pub(super) fn begin(&mut self, now: DateTime<Utc>) -> Option<GuildId> {
        while let Some(guild) = self.queue.pop_front() {
            if !self.waits(guild, now) && self.running.insert(guild) {
                return Some(guild);
            }
        }
        None
    }

    /// Whether every server that is due has had its turn.
    pub(super) fn is_drained(&self) -> bool {
        self.queue.is_empty()
    }

    fn waits(&self, guild: GuildId, now: DateTime<Utc>) -> bool {
        self.later.get(&guild).is_some_and(|later| later.at > now)
    }

    /// A check has ended. If it failed or didn't finish, it is repeated later: it has used its turn.
    pub(super) fn end(&mut self, guild: GuildId, outcome: CheckOutcome, now: DateTime<Utc>) {
        self.running.remove(&guild);
        let again = match outcome {
            CheckOutcome::Complete => None,
            CheckOutcome::Incomplete => Some(AGAIN),
            CheckOutcome::IncompleteAndAwaited => Some(SOON_AGAIN),
        };
        let Some(again) = again else {
            self.later.remove(&guild);
            let due = now + EACH;
            self.due_at = Some(self.due_at.map_or(due, |first| first.min(due)));
            return;
        };
        let failures = self.later.get(&guild).map_or(0, |later| later.failures) + 1;
        let wait = again * 2_i32.pow(failures.min(10) - 1);
        self.later.insert(guild, Retry { failures, at: now + wait.min(LATEST) });
    }

    /// When there is something to do again, if nothing happens meanwhile.
    pub(super) fn next_at(&self) -> Option<DateTime<Utc>> {
        self.later.values().map(|later| later.at).chain(self.due_at).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::watch;
    use tokio::time::Instant;

    use super::*;
    use crate::domain::shards::Shards;
    use crate::service::upkeep::budget::Budget;

    /// Names all servers but one, in a session of this age.
    struct Gateway {
        missing: Option<GuildId>,
        age: Duration,
    }

    impl GatewayView for Gateway {
        fn membership(&self, guild: GuildId) -> Membership {
            if self.missing == Some(guild) { Membership::NotMember } else { Membership::Member }
        }

        fn session_age(&self, _: GuildId) -> Option<Duration> {
            Some(self.age)
        }

        fn servers(&self) -> HashSet<GuildId> {
            HashSet::new()
        }

        fn sessions(&self) -> watch::Receiver<u64> {
            watch::channel(0).1
        }
    }

    fn guild(id: u64) -> GuildId {
        GuildId::new(id).unwrap()
    }

    fn at(seconds: u64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// As the database lists them.
    fn listed(checked: &HashMap<GuildId, Option<DateTime<Utc>>>) -> Vec<GuildCheck> {
        let mut checks: Vec<GuildCheck> =
            checked.iter().map(|(guild, at)| GuildCheck { guild: *guild, checked_at: *at }).collect();
        checks.sort_by_key(|check| (check.checked_at, check.guild));
        checks
    }

    /// 100,000 servers with ten follows each, one in a hundred of them failing, and a process that restarts
    /// every six hours, so that everything that was checked before is due again. Each check makes two
    /// requests, as in `server.rs`.
    #[test]
    fn a_million_follows_are_looked_at_within_a_day() {
        const SERVERS: u64 = 100_000;
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let mut checked: HashMap<GuildId, Option<DateTime<Utc>>> =
            (1..=SERVERS).map(|id| (guild(id), None)).collect();
        let (start, mut clock, mut checks) = (Instant::now(), Duration::ZERO, 0);
        for life in 1..=4 {
            let (began, end) = (clock, DAY / 4 * life);
            let (budget, mut schedule) = (Budget::new(Shards::all(40)), SweepSchedule::default());
            while clock < end {
                let now = DateTime::UNIX_EPOCH + clock;
                let Some(next) = schedule.begin(now) else {
                    let gateway = Gateway { missing: None, age: clock - began };
                    schedule.refill(&listed(&checked), &HashSet::new(), &gateway, now);
                    clock += Duration::from_secs(1);
                    continue;
                };
                let sick = next.get() % 100 == 0;
                let paid = (0..2).map(|_| budget.reserve(1, start + clock)).max().unwrap_or(start);
                clock = paid - start;
                checks += 1;
                let outcome = if sick { CheckOutcome::Incomplete } else { CheckOutcome::Complete };
                schedule.end(next, outcome, DateTime::UNIX_EPOCH + clock);
                if !sick {
                    checked.insert(next, Some(now));
                }
            }
        }
        let unseen = checked.iter().filter(|(guild, at)| guild.get() % 100 != 0 && at.is_none()).count();
        assert_eq!(unseen, 0, "after {checks} checks");
        assert!(checks <= 108_100, "{checks} checks are more than the budget");
    }

    #[test]
    fn who_is_not_named_goes_first_and_nobody_is_looked_at_twice_a_day() {
        let now = at(100_000);
        let gateway = Gateway { missing: Some(guild(4)), age: Duration::from_secs(90_000) };
        let checked = [
            (1, None),
            (2, Some(at(90_000))),
            (3, Some(at(9_000))),
            (4, Some(at(95_000))),
            (5, Some(at(50_000))),
        ];
        let checks = listed(&checked.into_iter().map(|(id, at)| (guild(id), at)).collect());
        let mut schedule = SweepSchedule::default();
        schedule.refill(&checks, &HashSet::from([guild(2)]), &gateway, now);
        let order: Vec<u64> = std::iter::from_fn(|| schedule.begin(now)).map(GuildId::get).collect();
        assert_eq!(order, [4, 2, 1, 3]);
        assert_eq!(schedule.next_at(), Some(at(50_000) + EACH));
    }

    #[test]
    fn a_new_session_makes_its_servers_due_and_the_oldest_check_goes_first() {
        let now = at(100_000);
        let gateway = Gateway { missing: None, age: Duration::from_secs(5) };
        let checks = listed(&(1..=3).map(|id| (guild(id), Some(at(99_000 - id)))).collect());
        let mut schedule = SweepSchedule::default();
        schedule.refill(&checks, &HashSet::new(), &gateway, now);
        let order: Vec<u64> = std::iter::from_fn(|| schedule.begin(now)).map(GuildId::get).collect();
        assert_eq!(order, [3, 2, 1]);
    }

    #[test]
    fn a_look_that_failed_is_repeated_later_and_ever_later() {
        let gateway = Gateway { missing: None, age: Duration::from_secs(5) };
        let checks = listed(&HashMap::from([(guild(1), None)]));
        let (mut schedule, mut now, mut waits) = (SweepSchedule::default(), at(0), Vec::new());
        for _ in 0..12 {
            schedule.refill(&checks, &HashSet::new(), &gateway, now);
            assert_eq!(schedule.begin(now), Some(guild(1)));
            schedule.end(guild(1), CheckOutcome::Incomplete, now);
            schedule.refill(&checks, &HashSet::new(), &gateway, now);
            assert_eq!(schedule.begin(now), None);
            let next = schedule.next_at().unwrap();
            waits.push((next - now).num_minutes());
            now = next;
        }
        assert_eq!(waits, [1, 2, 4, 8, 15, 15, 15, 15, 15, 15, 15, 15]);
        // If its channels wait for it, it is repeated soon at first, and finally as late as others.
        let mut schedule = SweepSchedule::default();
        let waits: Vec<i64> = (0..12)
            .map(|_| {
                schedule.end(guild(1), CheckOutcome::IncompleteAndAwaited, now);
                (schedule.next_at().unwrap() - now).num_seconds()
            })
            .collect();
        assert_eq!(waits[..5], [3, 6, 12, 24, 48]);
        assert_eq!(waits.last(), Some(&900));
    }
}
