//! The limiter against a simulated Discord, in simulated time: random arrivals, travel times, answers out of order, lost answers.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::answer::{Answer, Quota, Verdict};
use super::queues::{Queues, Turn};
use super::{Class, Key, Major, PermitId, Route, Ticket};
use crate::domain::ids::WebhookId;
use crate::domain::request_pace::RequestPace;
use crate::rest::call::Verb;
use crate::rest::error::Scope;

/// So many requests in so many milliseconds, from the first one on.
#[derive(Debug, Clone, Copy)]
struct Rule(u32, u64);

const WEBHOOK: Rule = Rule(5, 2_000);
const CHANNEL: Rule = Rule(30, 60_000);

/// How a second rule, which binds beside the bucket's, is told.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Second {
    /// There is none.
    None,
    /// Only by a 429 with the scope "shared".
    Shared,
    /// In the headers, under the same name, whenever less is left of it.
    SameName,
    /// Likewise, under a name of its own.
    OwnName,
}

#[derive(Debug, Clone)]
struct World {
    seed: u64,
    rule: Rule,
    second: Second,
    webhooks: u64,
    /// Between two arrivals at one webhook, on average.
    every_ms: u64,
    /// One way.
    travel_ms: std::ops::Range<u64>,
    /// Of a thousand requests, so many get no answer, and as many never leave.
    lost: u32,
    global: u32,
    seconds: u64,
}

#[derive(Debug, Default)]
struct Seen {
    /// Answers 429 of buckets of which an answer was seen before.
    refused: u32,
    refused_globally: u32,
    served: BTreeMap<u64, u32>,
    out_of_order: u32,
    left_waiting: usize,
    remembered: usize,
}

#[derive(Debug)]
enum Event {
    Wanted(u64),
    Wake(Ticket),
    Arrives(PermitId, u64),
    Answered(PermitId, u64, Box<Answer>),
    Lost(PermitId),
}

#[derive(Debug, Default, Clone, Copy)]
struct Window {
    ends: Option<Instant>,
    used: u32,
}

impl Window {
    /// Counts a request if there is room, and tells what is left and until when.
    fn count(&mut self, Rule(limit, period): Rule, now: Instant) -> (bool, Quota) {
        if self.ends.is_none_or(|ends| ends <= now) {
            *self = Self { ends: Some(now + Duration::from_millis(period)), used: 0 };
        }
        let fits = self.used < limit;
        self.used += u32::from(fits);
        // Discord's times have three places.
        let reset_after = self.ends.unwrap().duration_since(now).as_millis();
        let reset_after = Duration::from_millis(u64::try_from(reset_after).unwrap());
        (fits, Quota { limit, remaining: limit - self.used, reset_after })
    }
}

struct Run {
    world: World,
    random: StdRng,
    now: Instant,
    events: BinaryHeap<Reverse<(Instant, u64)>>,
    what: HashMap<u64, Event>,
    next: u64,
    limiter: Queues,
    wanted: HashMap<Ticket, (u64, u64)>,
    gone: HashMap<u64, u64>,
    windows: HashMap<u64, (Window, Window)>,
    global: Vec<Instant>,
    known: std::collections::HashSet<u64>,
    seen: Seen,
}

fn key(webhook: u64) -> Key {
    let route = Route { verb: Verb::Post, template: "/webhooks/{webhook}/{token}" };
    Key { route, major: Major::Webhook(WebhookId::new(webhook).unwrap()), class: Class::Anonymous }
}

impl Run {
    fn go(world: World) -> Seen {
        let start = Instant::now();
        let mut run = Self {
            random: StdRng::seed_from_u64(world.seed),
            now: start,
            events: BinaryHeap::new(),
            what: HashMap::new(),
            next: 0,
            limiter: Queues::new(start, RequestPace::Auto, 1_000_000),
            wanted: HashMap::new(),
            gone: HashMap::new(),
            windows: HashMap::new(),
            global: Vec::new(),
            known: std::collections::HashSet::new(),
            seen: Seen::default(),
            world,
        };
        for webhook in 1..=run.world.webhooks {
            run.later(0, Event::Wanted(webhook));
        }
        let end = start + Duration::from_secs(run.world.seconds);
        while let Some(Reverse((at, number))) = run.events.pop().filter(|Reverse((at, _))| *at < end) {
            run.now = at;
            let event = run.what.remove(&number).unwrap();
            run.happen(event);
        }
        run.seen.left_waiting = run.wanted.len();
        run.seen.remembered = run.limiter.len();
        run.seen
    }

    fn later(&mut self, ms: u64, event: Event) {
        // Microseconds apart, so that nothing falls on the same instant by design.
        let at =
            self.now + Duration::from_millis(ms) + Duration::from_micros(self.random.random_range(0..1000));
        self.at(at, event);
    }

    fn at(&mut self, at: Instant, event: Event) {
        self.next += 1;
        self.events.push(Reverse((at.max(self.now), self.next)));
        self.what.insert(self.next, event);
    }

    fn travel(&mut self) -> u64 {
        self.random.random_range(self.world.travel_ms.clone())
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wanted(webhook) => {
                let ticket = self.limiter.join(key(webhook), false, self.now);
                self.wanted.insert(ticket, (webhook, self.next));
                self.ask(ticket);
                let wait = self.random.random_range(0..=2 * self.world.every_ms);
                self.later(wait, Event::Wanted(webhook));
            }
            Event::Wake(ticket) => self.ask(ticket),
            Event::Arrives(permit, webhook) => self.serve(permit, webhook),
            Event::Answered(permit, webhook, answer) => {
                self.known.insert(webhook);
                self.limiter.answered(permit, self.now, &answer);
            }
            Event::Lost(permit) => self.limiter.lost(permit, self.now),
        }
        loop {
            let rung = self.limiter.take_rung();
            if rung.is_empty() {
                break;
            }
            rung.into_iter().for_each(|ticket| self.ask(ticket));
        }
    }

    fn ask(&mut self, ticket: Ticket) {
        let Some((webhook, number)) = self.wanted.get(&ticket).copied() else { return };
        match self.limiter.poll(ticket, self.now) {
            Turn::Go(permit) => {
                self.wanted.remove(&ticket);
                let last = self.gone.insert(webhook, number);
                self.seen.out_of_order += u32::from(last.is_some_and(|last| last > number));
                if self.random.random_range(0..1000) < self.world.lost {
                    return self.limiter.unsent(permit);
                }
                let travel = self.travel();
                self.later(travel, Event::Arrives(permit, webhook));
            }
            Turn::At(until, _) | Turn::Rung(Some(until)) => self.at(until, Event::Wake(ticket)),
            Turn::Rung(None) => {}
            Turn::Blown(_) => panic!("the fuse is open"),
        }
    }

    fn serve(&mut self, permit: PermitId, webhook: u64) {
        let travel = self.travel();
        let answer = self.judge(webhook);
        if let Verdict::Limited { scope, .. } = answer.verdict {
            self.seen.refused_globally += u32::from(scope == Scope::Global);
            self.seen.refused += u32::from(self.known.contains(&webhook));
        } else {
            *self.seen.served.entry(webhook).or_default() += 1;
        }
        if self.random.random_range(0..1000) < self.world.lost {
            self.later(10_000, Event::Lost(permit));
        } else {
            self.later(travel, Event::Answered(permit, webhook, Box::new(answer)));
        }
    }

    fn judge(&mut self, webhook: u64) -> Answer {
        let now = self.now;
        let refuse = |bucket, quota, wait, scope| {
            let verdict = Verdict::Limited { retry_after: wait, scope };
            Answer { bucket, quota, success: false, verdict }
        };
        let second_ago = now.checked_sub(Duration::from_secs(1));
        self.global.retain(|at| second_ago.is_none_or(|ago| *at > ago));
        if self.global.len() >= usize::try_from(self.world.global).unwrap() {
            return refuse(None, None, Duration::from_secs(1), Scope::Global);
        }
        self.global.push(now);
        let name = || Some("execute".to_owned());
        let (first, second) = self.windows.entry(webhook).or_default();
        let mut trial = *first;
        let (fits, quota) = trial.count(self.world.rule, now);
        if !fits {
            *first = trial;
            return refuse(name(), Some(quota), quota.reset_after, Scope::User);
        }
        if self.world.second == Second::None {
            *first = trial;
            return Answer { bucket: name(), quota: Some(quota), success: true, verdict: Verdict::Dealt };
        }
        let (fits, other) = second.count(CHANNEL, now);
        if !fits {
            return refuse(name(), None, other.reset_after, Scope::Shared);
        }
        *first = trial;
        // What is told is the one with less left, or that takes longer.
        let tighter = other.remaining <= quota.remaining;
        let (bucket, told) = match self.world.second {
            Second::SameName if tighter => (name(), other),
            Second::OwnName if tighter => (Some("channel".to_owned()), other),
            _ => (name(), quota),
        };
        Answer { bucket, quota: Some(told), success: true, verdict: Verdict::Dealt }
    }
}

fn world(seed: u64, rule: Rule) -> World {
    World {
        seed,
        rule,
        second: Second::None,
        webhooks: 3,
        every_ms: 100,
        travel_ms: 5..45,
        lost: 0,
        global: 50,
        seconds: 120,
    }
}

/// Whether each webhook got at least so many percent of what the rule allows.
fn assert_rate(seen: &Seen, world: &World, Rule(limit, period): Rule, percent: u64) {
    let allowed = u64::from(limit) * world.seconds * 1000 / period;
    for (webhook, served) in &seen.served {
        assert!(
            u64::from(*served) * 100 >= allowed * percent,
            "webhook {webhook}: {served} of {allowed}, {world:?}"
        );
    }
    assert_eq!(seen.served.len(), usize::try_from(world.webhooks).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_busy_webhook_uses_its_limit_and_no_more(seed: u64) {
        let world = world(seed, WEBHOOK);
        let seen = Run::go(world.clone());
        prop_assert_eq!((seen.refused, seen.out_of_order), (0, 0));
        assert_rate(&seen, &world, WEBHOOK, 95);
    }

    #[test]
    fn a_busy_channel_uses_its_limit_and_no_more(seed: u64, travel in 5..400u64) {
        let world = World { seconds: 600, every_ms: 1000, travel_ms: 1..travel, ..world(seed, CHANNEL) };
        let seen = Run::go(world.clone());
        prop_assert_eq!((seen.refused, seen.out_of_order), (0, 0));
        assert_rate(&seen, &world, CHANNEL, 95);
    }

    #[test]
    fn whatever_the_traffic_nothing_is_refused(seed: u64, every_ms in 1..3000u64, travel in 2..900u64, lost in 0..50u32, limit in 1..8u32, period in 1000..5000u64) {
        let rule = Rule(limit, period);
        let seen = Run::go(World { every_ms, travel_ms: 1..travel, lost, seconds: 60, ..world(seed, rule) });
        prop_assert_eq!((seen.refused, seen.out_of_order), (0, 0));
    }

    #[test]
    fn many_lanes_share_the_global_limit(seed: u64, travel in 2..200u64) {
        let world = World { webhooks: 200, every_ms: 500, travel_ms: 1..travel, seconds: 30, ..world(seed, WEBHOOK) };
        let seen = Run::go(world);
        prop_assert_eq!((seen.refused_globally, seen.refused, seen.out_of_order), (0, 0, 0));
        let (least, most) = (seen.served.values().min().unwrap(), seen.served.values().max().unwrap());
        prop_assert!(seen.served.len() == 200 && most - least <= 2, "{} to {}: nobody is passed over", least, most);
        let all: u64 = seen.served.values().map(|served| u64::from(*served)).sum();
        // A slot is kept until a second after the answer.
        prop_assert!(all * (1000 + travel) * 100 >= 50 * 30 * 1000 * 95, "{all}");
    }

    #[test]
    fn a_second_limit_is_obeyed_however_it_is_told(seed: u64, second in prop_oneof![Just(Second::SameName), Just(Second::OwnName), Just(Second::Shared)]) {
        let world = World { second, webhooks: 1, seconds: 1200, ..world(seed, WEBHOOK) };
        let seen = Run::go(world.clone());
        assert_rate(&seen, &world, CHANNEL, 95);
        // If only a 429 tells of it, each of its windows ends with the few that are under way.
        let unavoidable = if second == Second::Shared { 20 * 5 } else { 0 };
        prop_assert!(seen.refused <= unavoidable, "{} refused", seen.refused);
    }
}

#[test]
fn forgets_what_is_not_used() {
    let start = Instant::now();
    let mut limiter = Queues::new(start, RequestPace::Auto, 1000);
    let mut most = 0;
    for webhook in 1..5000u64 {
        let now = start + Duration::from_secs(webhook);
        let ticket = limiter.join(key(webhook), false, now);
        let Turn::Go(permit) = limiter.poll(ticket, now) else { panic!("nothing holds it") };
        let quota = Quota { limit: 5, remaining: 4, reset_after: Duration::from_secs(2) };
        let answer = Answer {
            bucket: Some("execute".to_owned()),
            quota: Some(quota),
            success: true,
            verdict: Verdict::Dealt,
        };
        limiter.answered(permit, now, &answer);
        most = most.max(limiter.len());
    }
    assert!(most < 2200, "{most} entries for about 660 webhooks in eleven minutes");
}
