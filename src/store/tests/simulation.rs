//! A Discord that loses requests and answers, workers that die, a source that posts, edits and deletes: in
//! any order, what is shown in the end is right, and shown once.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rstest::rstest;

use super::*;
use crate::domain::activity::Revision;
use crate::domain::retry::AttemptFailure;

const TARGET: u64 = 2;

/// A message that people see: its number, what it mirrors, which part and revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    id: MessageId,
    source: u64,
    part: Part,
    revision: Revision,
}

struct World {
    db: Db,
    random: StdRng,
    clock: i64,
    next_id: u64,
    /// Source messages, and whether each was deleted.
    posts: Vec<(u64, bool)>,
    seen: Vec<Seen>,
    worker: Option<Worker>,
    workers: u32,
}

/// A process that holds the lane, with what it has to record.
struct Worker {
    lease: Lease,
    done: Option<StepResult>,
    shown: Option<Revision>,
}

/// Every third message takes two parts.
fn parts(source: u64) -> usize {
    if source.is_multiple_of(3) { 2 } else { 1 }
}

fn source_of(work: &Work) -> u64 {
    work.activity.origin.message().get()
}

impl World {
    fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    async fn happen(&mut self) {
        self.clock += 1;
        match self.random.random_range(0..20) {
            0..3 => {
                let id = self.id();
                self.posts.push((id, false));
                self.record(posted(1, id)).await;
            }
            3..5 => {
                let Some(index) = self.any_post() else { return };
                let text = format!("at {}", self.clock);
                self.record(edited(1, self.posts[index].0, &text)).await;
            }
            5 => {
                let Some(index) = self.any_post() else { return };
                self.posts[index].1 = true;
                self.record(deleted(1, self.posts[index].0)).await;
            }
            // It dies, and its lease runs out.
            6 => {
                self.worker = None;
                self.clock += 1_000;
            }
            // It believes that it holds the lane, while another takes it.
            7 => {
                let late = self.worker.take();
                self.clock += 1_000;
                let taken = self.work(true).await;
                if let Some(late) = late.filter(|_| taken) {
                    let late = request(LaneRef::Claimed(late.lease), late.done);
                    let next = turn(&self.db.store, late, at(self.clock)).await.next;
                    assert_eq!(next, NextAction::LostLease);
                }
            }
            _ => drop(self.work(false).await),
        }
    }

    fn any_post(&mut self) -> Option<usize> {
        (!self.posts.is_empty()).then(|| self.random.random_range(0..self.posts.len()))
    }

    async fn record(&mut self, event: SourceEvent) {
        let twice = [event.clone(), event];
        let count = self.random.random_range(1..=2);
        self.db.store.record_events(&twice[..count], at(self.clock)).await.unwrap();
    }

    /// One step of whoever holds the lane; whether anybody does.
    async fn work(&mut self, calm: bool) -> bool {
        let now = at(self.clock);
        let (owner, lane, done, shown) = match self.worker.take() {
            Some(worker) if worker.lease.until <= now => return false,
            Some(Worker { lease, done, shown }) => {
                (lease.owner.clone(), LaneRef::Claimed(lease), done, shown)
            }
            None => {
                self.workers += 1;
                (format!("worker-{}", self.workers), LaneRef::Unclaimed(channel(TARGET)), None, None)
            }
        };
        let holder = Holder { owner: &owner, now, lease: TimeDelta::seconds(900) };
        let ask = || {
            let decide: Decide<'_> = Box::new(|work, now| {
                // Rendering fits an edit into the parts that stand.
                let parts = parts(source_of(work));
                let first = work.delivery.shown.is_none();
                step_of(work, if first { parts } else { parts.min(work.mirrors.len()) }, now)
            });
            vec![LaneRequest { decide, shown, ..request(lane.clone(), done.clone()) }]
        };
        let mut turn = self.db.store.advance(holder, ask()).await.unwrap().pop().unwrap();
        if !calm && self.random.random_bool(0.15) {
            // It was written down, but the answer was lost: so it is asked again.
            turn = self.db.store.advance(holder, ask()).await.unwrap().pop().unwrap();
        }
        let LaneAnswer { next, lease, .. } = turn.unwrap();
        let held = lease.is_some();
        if let NextAction::Do { step, work } = next {
            let (reaches, answered) = match self.random.random_range(0..10) {
                0 if !calm => (false, false),
                1 if !calm => (true, false),
                _ => (true, true),
            };
            let done = self.perform(step, &work, reaches, answered);
            let shown = done.as_ref().and_then(|done| done.shows(&work.mirrors, parts(source_of(&work))));
            self.worker = lease.map(|lease| Worker { lease, done, shown });
        }
        held
    }

    /// What Discord makes of a step. `None`: the worker doesn't know.
    fn perform(&mut self, step: Step, work: &Work, reaches: bool, answered: bool) -> Option<StepResult> {
        let (delivery, revision) = (work.delivery.id, work.activity.revision);
        match step {
            Step::Settle(in_flight) => {
                let made = self.seen.iter().find(|seen| seen.id > in_flight.after).copied();
                Some(match made {
                    Some(seen) => {
                        assert_eq!((seen.part, seen.revision), (in_flight.part, in_flight.revision));
                        created(in_flight, TARGET, seen.id.get())
                    }
                    None => StepResult::Failed { delivery, failure: AttemptFailure::NotMade },
                })
            }
            Step::Create(part) => {
                let in_flight = work.in_flight?;
                if !reaches {
                    let failed = StepResult::Failed { delivery, failure: AttemptFailure::NotSent };
                    return self.random.random_bool(0.5).then_some(failed);
                }
                let id = self.id();
                self.seen.push(Seen { id: message(id), source: source_of(work), part, revision });
                answered.then(|| created(in_flight, TARGET, id))
            }
            Step::Edit(message, _) => {
                if reaches {
                    let seen = self.seen.iter_mut().find(|seen| seen.id == message);
                    let Some(seen) = seen else { return Some(StepResult::Deleted { delivery, message }) };
                    seen.revision = revision;
                }
                answered.then(|| edited_to_newest(work, message))
            }
            Step::Delete(message) => {
                if reaches {
                    self.seen.retain(|seen| seen.id != message);
                }
                answered.then_some(StepResult::Deleted { delivery, message })
            }
            other => panic!("{other:?} is nothing to do"),
        }
    }

    fn assert_once(&self) {
        for (index, one) in self.seen.iter().enumerate() {
            let same = |other: &&Seen| (other.source, other.part) == (one.source, one.part);
            assert!(!self.seen[index + 1..].iter().any(|other| same(&other)), "{one:?} is shown twice");
        }
    }
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn in_the_end_everything_is_shown_once(#[case] backend: Backend, #[values(1, 2, 3, 4)] seed: u64) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, TARGET).await;
    let random = StdRng::seed_from_u64(seed);
    let (posts, seen) = (Vec::new(), Vec::new());
    let mut world = World { db, random, clock: 0, next_id: 100, posts, seen, worker: None, workers: 0 };
    for _ in 0..250 {
        world.happen().await;
        world.assert_once();
    }
    for _ in 0..400 {
        world.clock += 50;
        if world.worker.as_ref().is_some_and(|worker| worker.lease.until <= at(world.clock)) {
            world.worker = None;
        }
        world.work(true).await;
    }
    world.assert_once();
    assert_eq!(world.db.store.backlog().await.unwrap().deliveries, 0);
    world.seen.sort_unstable_by_key(|seen| seen.id);
    let order: Vec<(u64, Part)> = world.seen.iter().map(|seen| (seen.source, seen.part)).collect();
    let all = |(id, deleted): &(u64, bool)| if *deleted { 0 } else { parts(*id) };
    assert_eq!(order.len(), world.posts.iter().map(all).sum::<usize>());
    assert!(order.is_sorted(), "in the source's order: {order:?}");
    let outdated = "SELECT a.origin AS text FROM mirrors m JOIN deliveries d ON d.id = m.delivery_id \
        JOIN activities a ON a.id = d.activity_id WHERE m.revision <> a.revision OR a.deleted";
    assert!(world.db.texts(outdated).await.is_empty());
}
