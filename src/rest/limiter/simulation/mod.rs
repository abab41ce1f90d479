//! The limiter against a simulated Discord, in simulated time: random arrivals, travel times, answers out of
//! order, lost answers.

mod discord;
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use self::discord::{LimitRules, SimulatedDiscord};
use super::answer::{AnswerFacts, AnswerKind};
use super::queues::{BucketQueues, TicketState};
use super::{LimitKey, MajorParameter, PermitId, Route, Ticket, TokenKind, Urgency};
use crate::domain::ids::WebhookId;
use crate::domain::request_pace::RequestPace;
use crate::rest::call::Verb;
use crate::rest::error::RateLimitScope;

#[derive(Debug, Clone)]
struct Scenario {
    seed: u64,
    laws: LimitRules,
    webhooks: u64,
    /// Between two arrivals at one webhook, on average; 0 for lanes, which send one after the other's answer.
    every_ms: u64,
    /// One way.
    travel_ms: std::ops::Range<u64>,
    /// Of a thousand requests, so many get no answer, and as many never leave.
    lost: u32,
    seconds: u64,
}

#[derive(Debug, Default)]
struct Tally {
    /// Answers 429 of buckets of which an answer was seen before.
    refused: u32,
    refused_globally: u32,
    /// When the last one was, whichever.
    refused_last: Duration,
    served: BTreeMap<u64, u32>,
    out_of_order: u32,
}

#[derive(Debug)]
enum Event {
    Wanted(u64),
    Wake(Ticket),
    Arrives(PermitId, u64),
    Answered(PermitId, u64, Box<AnswerFacts>),
    Lost(PermitId),
}

struct Run {
    world: Scenario,
    random: StdRng,
    now: Instant,
    events: BinaryHeap<Reverse<(Instant, u64)>>,
    what: HashMap<u64, Event>,
    next: u64,
    limiter: BucketQueues,
    wanted: HashMap<Ticket, (u64, u64)>,
    gone: HashMap<u64, u64>,
    discord: SimulatedDiscord,
    known: HashSet<u64>,
    seen: Tally,
    start: Instant,
}

fn key(webhook: u64) -> LimitKey {
    let route = Route { verb: Verb::Post, template: "/webhooks/{webhook}/{token}" };
    LimitKey {
        route,
        major: MajorParameter::Webhook(WebhookId::new(webhook).unwrap()),
        token: TokenKind::Webhook,
        urgency: Urgency::Background,
        requester: crate::rest::Requester::Program,
    }
}

impl Run {
    fn go(world: Scenario) -> Tally {
        let start = Instant::now();
        let mut run = Self {
            random: StdRng::seed_from_u64(world.seed),
            now: start,
            events: BinaryHeap::new(),
            what: HashMap::new(),
            next: 0,
            limiter: BucketQueues::new(start, RequestPace::Auto, 1_000_000),
            wanted: HashMap::new(),
            gone: HashMap::new(),
            discord: SimulatedDiscord::new(world.laws.clone(), start),
            known: HashSet::new(),
            seen: Tally::default(),
            start,
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
                if self.world.every_ms > 0 {
                    let wait = self.random.random_range(0..=2 * self.world.every_ms);
                    self.later(wait, Event::Wanted(webhook));
                }
            }
            Event::Wake(ticket) => self.ask(ticket),
            Event::Arrives(permit, webhook) => self.serve(permit, webhook),
            Event::Answered(permit, webhook, answer) => {
                self.known.insert(webhook);
                self.limiter.record_answer(permit, self.now, &answer);
                if self.world.every_ms == 0 {
                    self.at(self.now, Event::Wanted(webhook));
                }
            }
            Event::Lost(permit) => self.limiter.record_lost(permit, self.now),
        }
        loop {
            let notified = self.limiter.take_notified();
            if notified.is_empty() {
                break;
            }
            notified.into_iter().for_each(|ticket| self.ask(ticket));
        }
    }

    fn ask(&mut self, ticket: Ticket) {
        let Some((webhook, number)) = self.wanted.get(&ticket).copied() else { return };
        match self.limiter.poll(ticket, self.now) {
            TicketState::Granted(permit) => {
                self.wanted.remove(&ticket);
                let last = self.gone.insert(webhook, number);
                self.seen.out_of_order += u32::from(last.is_some_and(|last| last > number));
                if self.random.random_range(0..1000) < self.world.lost {
                    return self.limiter.record_unsent(permit);
                }
                let travel = self.travel();
                self.later(travel, Event::Arrives(permit, webhook));
            }
            TicketState::NotBefore(until, _) | TicketState::Waiting(Some(until)) => {
                self.at(until, Event::Wake(ticket))
            }
            TicketState::Waiting(None) => {}
            TicketState::FuseOpen(_) => panic!("the fuse is open"),
        }
    }

    fn serve(&mut self, permit: PermitId, webhook: u64) {
        let travel = self.travel();
        let answer = self.discord.answer(webhook, self.now);
        if let AnswerKind::Limited { scope, .. } = answer.kind {
            self.seen.refused_globally += u32::from(scope == RateLimitScope::Global);
            self.seen.refused += u32::from(self.known.contains(&webhook));
            self.seen.refused_last = self.now.duration_since(self.start);
        } else {
            *self.seen.served.entry(webhook).or_default() += 1;
        }
        if self.random.random_range(0..1000) < self.world.lost {
            self.later(10_000, Event::Lost(permit));
        } else {
            self.later(travel, Event::Answered(permit, webhook, Box::new(answer)));
        }
    }
}
