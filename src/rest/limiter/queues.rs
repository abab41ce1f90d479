//! Who goes next: the limiter as a state machine without a clock of its own and without waiting. Each bucket (found by [`ways`]) has a line in which tickets wait
//! their turn, and those in front wait in a second line for the global limit.

mod ways;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::answer::{Answer, Verdict};
use super::bucket::{Bucket, Room};
use super::fuse::{Blown, Fuse, FuseState};
use super::gate::Gate;
use super::pace::{Pace, Place};
use super::refusals::{Pause, Refusals};
use super::{Class, Key, Major, PermitId, Route, Ticket};
use crate::domain::request_pace::RequestPace;
use crate::rest::cause::Cause;
use crate::rest::error::Scope;

/// How often somebody can be overtaken in a line by those who go first, so that everybody's turn comes.
const MOST_OVERTAKEN: u8 = 3;

/// What a ticket is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// It may go, with this permit.
    Go(PermitId),
    /// Not before this time.
    At(Instant, Scope),
    /// It is rung for; ask again at that time, if not before.
    Rung(Option<Instant>),
    /// The fuse is open for it for this long.
    Blown(Duration),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct BucketId(u64);

#[derive(Debug)]
struct Queue {
    bucket: Bucket,
    line: VecDeque<Ticket>,
    /// What it is about, and the routes that led to it: under these it is found.
    major: Major,
    routes: Vec<Route>,
    /// Discord's name for it, once known or guessed from the same route elsewhere.
    name: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy)]
struct Waiting {
    queue: BucketId,
    key: Key,
    /// Its place in the line for the global limit.
    in_pace: Option<Place>,
    /// How often it was overtaken in its bucket's line.
    overtaken: u8,
}

#[derive(Debug, Clone, Copy)]
struct Sent {
    queue: BucketId,
    key: Key,
    at: Instant,
}

#[derive(Debug)]
pub(super) struct Queues {
    queues: HashMap<BucketId, Queue>,
    by_route: HashMap<(Route, Major), BucketId>,
    by_name: HashMap<(Arc<str>, Major), BucketId>,
    /// The name that a route's bucket had last: elsewhere it will have the same.
    names: HashMap<Route, Arc<str>>,
    waiting: HashMap<Ticket, Waiting>,
    sent: HashMap<PermitId, Sent>,
    bot: Pace,
    anonymous: Pace,
    /// A global 429 holds everything until then.
    held_until: Option<Instant>,
    global_refusals: Refusals,
    fuse: Fuse,
    gate: Gate,
    /// Tickets that should ask again.
    rung: Vec<Ticket>,
    last_number: u64,
    /// When to look at which bucket, in order.
    looks: VecDeque<(Instant, BucketId)>,
}

impl Queues {
    pub(super) fn new(now: Instant, pace: RequestPace, fuse_limit: usize) -> Self {
        Self {
            queues: HashMap::new(),
            by_route: HashMap::new(),
            by_name: HashMap::new(),
            names: HashMap::new(),
            waiting: HashMap::new(),
            sent: HashMap::new(),
            bot: Pace::new(pace, Class::Bot, now),
            anonymous: Pace::new(pace, Class::Anonymous, now),
            held_until: None,
            global_refusals: Refusals::default(),
            fuse: Fuse::new(fuse_limit),
            gate: Gate::default(),
            rung: Vec::new(),
            last_number: 0,
            looks: VecDeque::new(),
        }
    }

    /// Stands in line, at its end, or in front after a 429. What somebody waits for goes before what nobody waits for.
    pub(super) fn join(&mut self, key: Key, in_front: bool, now: Instant) -> Ticket {
        self.sweep(now);
        let id = self.find(key, now);
        let ticket = Ticket(self.number());
        self.waiting.insert(ticket, Waiting { queue: id, key, in_pace: None, overtaken: 0 });
        if let Some(queue) = self.queues.get_mut(&id) {
            let place = if in_front { 0 } else { place_in(&queue.line, key, &mut self.waiting) };
            queue.line.insert(place, ticket);
        }
        ticket
    }

    /// Asks whether it is this ticket's turn. Once it may go, the ticket is used up.
    pub(super) fn poll(&mut self, ticket: Ticket, now: Instant) -> Turn {
        let Some(waiting) = self.waiting.get(&ticket).copied() else { return Turn::Rung(None) };
        if let Some(how_long) = self.fuse.holds(waiting.key.cause, waiting.key.class, now) {
            return Turn::Blown(how_long);
        }
        let credit = self.pace(waiting.key.class).credit();
        let Some(queue) = self.queues.get_mut(&waiting.queue) else { return Turn::Rung(None) };
        if queue.line.front() != Some(&ticket) {
            self.leave_pace(ticket);
            return Turn::Rung(None);
        }
        let held = self.held_until.filter(|until| *until > now).max(self.gate.holds(waiting.key.major, now));
        let held = held.map(|until| Room::At(until, Scope::Global));
        let room = held.unwrap_or_else(|| queue.bucket.room(now, credit));
        if room != Room::Now {
            self.leave_pace(ticket);
            return Turn::from(room);
        }
        let place = self.enter_pace(ticket);
        match self.pace(waiting.key.class).room(place, now) {
            Room::Now => Turn::Go(self.go(ticket, waiting, now)),
            room => Turn::from(room),
        }
    }

    fn go(&mut self, ticket: Ticket, Waiting { queue: id, key, .. }: Waiting, now: Instant) -> PermitId {
        self.leave(ticket);
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.bucket.sent();
        }
        self.pace(key.class).sent(key.urgency, now);
        self.gate.sent(key.major, now);
        let permit = PermitId(self.number());
        self.sent.insert(permit, Sent { queue: id, key, at: now });
        permit
    }

    /// Stands in line no longer.
    pub(super) fn leave(&mut self, ticket: Ticket) {
        self.leave_pace(ticket);
        let Some(waiting) = self.waiting.remove(&ticket) else { return };
        if let Some(queue) = self.queues.get_mut(&waiting.queue) {
            if queue.line.front() == Some(&ticket) {
                queue.line.pop_front();
            } else {
                queue.line.retain(|other| *other != ticket);
            }
            self.rung.extend(queue.line.front());
        }
    }

    /// An answer came. For a 429: how long it holds.
    pub(super) fn answered(&mut self, permit: PermitId, received: Instant, answer: &Answer) -> Option<Pause> {
        let sent = self.sent.remove(&permit)?;
        self.pace(sent.key.class).answered(sent.at, received, answer);
        let id = match (&answer.bucket, answer.verdict) {
            // Only what the route's own bucket says tells its name.
            (Some(name), Verdict::Dealt | Verdict::Invalid | Verdict::Limited { scope: Scope::User, .. }) => {
                self.rename(sent, name, received)
            }
            _ => sent.queue,
        };
        let elsewhere = id != sent.queue;
        let experience =
            self.queues.get(&sent.queue).filter(|_| elsewhere).map(|queue| queue.bucket.experience());
        let (mut pause, mut surprised) = (None, false);
        if let Some(queue) = self.queues.get_mut(&id) {
            let bucket = &mut queue.bucket;
            match answer.verdict {
                // What isn't a success and names no limit may come from something before Discord, and says nothing of its limits.
                Verdict::Dealt | Verdict::Invalid | Verdict::Failed
                    if answer.quota.is_none() && !answer.success =>
                {
                    bucket.lost(received);
                }
                Verdict::Barred => bucket.lost(received),
                Verdict::Dealt | Verdict::Invalid | Verdict::Failed => {
                    bucket.answered(sent.at, received, answer.quota);
                }
                Verdict::Limited { scope: Scope::Global, retry_after } => {
                    pause = Some(bucket.limited_globally((sent.at, received), retry_after));
                }
                Verdict::Limited { retry_after, scope } => {
                    let times = (sent.at, received);
                    let (held, known) = bucket.limited(times, retry_after, scope, answer.quota);
                    (pause, surprised) = (Some(held), known);
                }
            }
            if let Some(experience) = experience {
                bucket.heed(experience);
            }
        }
        if surprised {
            self.pace(sent.key.class).distrust(received);
        }
        match answer.verdict {
            Verdict::Limited { scope: Scope::Shared, .. } | Verdict::Dealt | Verdict::Failed => {}
            Verdict::Invalid | Verdict::Barred | Verdict::Limited { .. } => {
                self.fuse.mark(sent.key.cause, received)
            }
        }
        match answer.verdict {
            Verdict::Barred => self.gate.refused(sent.key.major, sent.at, received),
            Verdict::Dealt | Verdict::Invalid if answer.genuine() => self.gate.answered(sent.key.major),
            Verdict::Dealt | Verdict::Invalid | Verdict::Failed | Verdict::Limited { .. } => {}
        }
        match answer.verdict {
            Verdict::Limited { scope: Scope::Global, retry_after } => {
                let held = self.global_refusals.refused(sent.at, received, retry_after);
                self.held_until = self.held_until.max(Some(received + held.wait));
                // Where only this bucket is refused so, others' answers don't make an end of it.
                pause = pause.max(Some(held));
            }
            Verdict::Dealt | Verdict::Invalid => self.global_refusals.end(),
            Verdict::Failed | Verdict::Barred | Verdict::Limited { .. } => {}
        }
        self.ring(id, sent);
        pause
    }

    /// No answer came, or nobody waits for it any more.
    pub(super) fn lost(&mut self, permit: PermitId, now: Instant) {
        let Some(sent) = self.sent.remove(&permit) else { return };
        self.pace(sent.key.class).lost(now);
        if let Some(queue) = self.queues.get_mut(&sent.queue) {
            queue.bucket.lost(now);
        }
        self.ring(sent.queue, sent);
    }

    /// The request certainly never reached Discord.
    pub(super) fn unsent(&mut self, permit: PermitId) {
        let Some(sent) = self.sent.remove(&permit) else { return };
        self.pace(sent.key.class).returned();
        if let Some(queue) = self.queues.get_mut(&sent.queue) {
            queue.bucket.returned();
        }
        self.ring(sent.queue, sent);
    }

    /// How the fuse stands.
    pub(super) fn fuse(&mut self, now: Instant) -> FuseState {
        self.fuse.state(now)
    }

    /// What has stopped through an invalid request with this cause, since this was asked last.
    pub(super) fn newly_blown(&mut self, cause: Cause, now: Instant) -> Option<Blown> {
        self.fuse.newly_blown(cause, now)
    }

    /// The tickets that should ask again, since this was asked last.
    pub(super) fn take_rung(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.rung)
    }

    /// Those in front of the lines that this answer is about.
    fn ring(&mut self, id: BucketId, sent: Sent) {
        for id in [id, sent.queue] {
            self.rung.extend(self.queues.get(&id).and_then(|queue| queue.line.front()));
        }
        let next = self.pace(sent.key.class).next();
        self.rung.extend(next);
    }

    const fn pace(&mut self, class: Class) -> &mut Pace {
        match class {
            Class::Bot => &mut self.bot,
            Class::Anonymous => &mut self.anonymous,
        }
    }

    /// Its place in the line for the global limit, which it takes if it has none.
    fn enter_pace(&mut self, ticket: Ticket) -> Option<Place> {
        let waiting = self.waiting.get_mut(&ticket)?;
        let pace = match waiting.key.class {
            Class::Bot => &mut self.bot,
            Class::Anonymous => &mut self.anonymous,
        };
        let urgency = waiting.key.urgency;
        Some(*waiting.in_pace.get_or_insert_with(|| pace.step_in(ticket, urgency)))
    }

    fn leave_pace(&mut self, ticket: Ticket) {
        let Some(waiting) = self.waiting.get_mut(&ticket) else { return };
        if let Some(place) = waiting.in_pace.take() {
            let class = waiting.key.class;
            self.pace(class).step_out(place);
            let next = self.pace(class).next();
            self.rung.extend(next);
        }
    }

    const fn number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// How many buckets it remembers.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.queues.len() + self.by_route.len() + self.by_name.len() + self.waiting.len() + self.sent.len()
    }
}

/// Where a newcomer stands in a bucket's line, and who is overtaken by that.
fn place_in(line: &VecDeque<Ticket>, key: Key, waiting: &mut HashMap<Ticket, Waiting>) -> usize {
    let mut place = line.len();
    while let Some(before) = place.checked_sub(1).and_then(|index| line.get(index)) {
        let Some(other) = waiting.get_mut(before) else { break };
        if other.key.urgency <= key.urgency || other.overtaken >= MOST_OVERTAKEN {
            break;
        }
        other.overtaken += 1;
        place -= 1;
    }
    place
}

impl From<Room> for Turn {
    fn from(room: Room) -> Self {
        match room {
            Room::At(until, scope) => Self::At(until, scope),
            Room::Answer(until) => Self::Rung(until),
            // Asked for only where there is none.
            Room::Now => Self::Rung(None),
        }
    }
}
