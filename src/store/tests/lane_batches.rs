//! Lanes that ask together are answered as if each had asked alone, and a fault in one harms no other.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rstest::rstest;

use super::*;
use crate::domain::activity::Revision;
use crate::domain::activity::{DeliveryEnding, DeliveryId};
use crate::domain::ids::MessageId;
use crate::domain::retry::AttemptFailure;

/// Those of the source 1, and of the source 20.
const TARGETS: [u64; 7] = [2, 3, 4, 5, 6, 7, 8];

/// What a lane's holder is about to ask.
#[derive(Debug, Clone)]
struct Asking {
    lane: LaneRef,
    done: Option<StepResult>,
    shown: Option<Revision>,
    rest_until: Option<DateTime<Utc>>,
}

impl Asking {
    fn new(lane: LaneRef) -> Self {
        Self { lane, done: None, shown: None, rest_until: None }
    }

    fn request(&self) -> LaneRequest<'static> {
        let rest = self.rest_until;
        let decide: Decide<'static> = Box::new(move |work, now| match rest {
            Some(until) => Step::Wait(until),
            None => step_of(work, 1, now),
        });
        let Self { lane, done, shown, rest_until } = self.clone();
        LaneRequest { lane, done, shown, webhook: None, decide, rest_until }
    }
}

/// A lane's answer, as far as two databases can say the same.
type Answer = Result<(NextAction, Option<Lease>), String>;

async fn ask(store: &Store, asking: &[Asking], now: DateTime<Utc>) -> Vec<Answer> {
    let holder = Holder { owner: "test", now, lease: TimeDelta::seconds(30) };
    let turns = store.advance(holder, asking.iter().map(Asking::request).collect()).await.unwrap();
    let answer = |turn: Result<LaneAnswer, StoreError>| {
        let LaneAnswer { next, lease, .. } = turn.map_err(|error| error.to_string())?;
        Ok((next, lease))
    };
    turns.into_iter().map(answer).collect()
}

/// All that lanes write.
async fn dump(db: &Db) -> Vec<String> {
    let text = |column: &str| format!("COALESCE(CAST({column} AS text), '-') || ' '");
    let table = |columns: &[&str], table: &str, key: &str| {
        let columns: Vec<String> = columns.iter().map(|column| text(column)).collect();
        format!("SELECT {} AS text FROM {table} ORDER BY {key}", columns.join(" || "))
    };
    let deliveries = [
        "id",
        "target_channel_id",
        "state",
        "outcome",
        "shown_revision",
        "attempts",
        "wait_until",
        "remake",
        "overtaken",
    ];
    let lanes = [
        "target_channel_id",
        "lease_owner",
        "lease_until",
        "epoch",
        "wait_until",
        "in_flight_delivery_id",
        "in_flight_part",
        "in_flight_revision",
        "in_flight_after_id",
        "in_flight_webhook_id",
        "settle_at",
        "newest_id",
    ];
    let mirrors = ["message_id", "channel_id", "webhook_id", "delivery_id", "part", "revision"];
    let mut dump = db.texts(&table(&deliveries, "deliveries", "id")).await;
    dump.extend(db.texts(&table(&lanes, "lanes", "target_channel_id")).await);
    dump.extend(db.texts(&table(&mirrors, "mirrors", "message_id")).await);
    dump
}

async fn town(backend: Backend) -> Option<Db> {
    let db = Db::new(backend).await?;
    for target in TARGETS {
        follow(&db.store, if target % 2 == 0 { 1 } else { 20 }, target).await;
        follow(&db.store, 30, target).await;
    }
    Some(db)
}

/// What Discord made of a step, or that something else came of it.
fn outcome(random: &mut StdRng, next: &NextAction, message: MessageId, now: i64) -> Asking {
    let NextAction::Do { step, work } = next else { panic!("{next:?}") };
    let delivery: DeliveryId = work.delivery.id;
    let later = at(now + random.random_range(1..30));
    let kind = random.random_range(0..12);
    let done = match (step, work.in_flight) {
        (Step::Create(_), Some(in_flight)) => match kind {
            0 => StepResult::NotBegun { in_flight },
            1 => StepResult::InDoubt { in_flight, settle_at: later },
            2 => StepResult::Failed { delivery, failure: AttemptFailure::NotSent },
            3 => StepResult::Ended { delivery, ending: DeliveryEnding::Refused },
            _ => created(in_flight, work.target.get(), message.get()),
        },
        (Step::Settle(in_flight), _) if kind == 0 => {
            StepResult::Unsettled { in_flight: *in_flight, failure: AttemptFailure::Unsettled }
        }
        (Step::Settle(_), _) if kind < 5 => StepResult::Failed { delivery, failure: AttemptFailure::NotMade },
        (Step::Settle(in_flight), _) => created(*in_flight, work.target.get(), message.get()),
        (Step::Edit(message, _), _) => match kind {
            0 => StepResult::Delayed { delivery, until: later },
            3 => StepResult::Failed { delivery, failure: AttemptFailure::NoAnswer },
            1 => StepResult::Cleared { delivery, message: *message },
            2 => StepResult::Deleted { delivery, message: *message },
            _ => edited_to_newest(work, *message),
        },
        (Step::Delete(message), _) => match kind {
            0 => StepResult::Delayed { delivery, until: later },
            _ => StepResult::Deleted { delivery, message: *message },
        },
        other => panic!("{other:?}"),
    };
    let shown = match &done {
        StepResult::Created { mirror, .. } => Some(mirror.revision),
        StepResult::Edited { revision, .. } => Some(*revision),
        _ => None,
    };
    let rest_until = random.random_bool(0.1).then_some(later);
    Asking { done: Some(done), shown, rest_until, lane: LaneRef::Unclaimed(work.target) }
}

fn happenings(random: &mut StdRng, round: u64) -> Vec<SourceEvent> {
    let source = |random: &mut StdRng| [1, 20, 30][random.random_range(0..3)];
    let event = |random: &mut StdRng| {
        let (source, old) = (source(random), 100 + random.random_range(0..=round));
        match random.random_range(0..6) {
            0 => edited(source, old, &format!("round {round}")),
            1 => deleted(source, old),
            _ => posted(source, 100 + round),
        }
    };
    (0..random.random_range(0..3)).map(|_| event(random)).collect()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn are_answered_as_if_each_had_asked_alone(#[case] backend: Backend, #[values(1, 2, 3)] seed: u64) {
    let (Some(together), Some(alone)) = (town(backend).await, town(backend).await) else { return };
    let mut random = StdRng::seed_from_u64(seed);
    let mut asking: Vec<Asking> = Vec::new();
    let mut shown = 0;
    for round in 0..120 {
        let now = i64::try_from(round * 5).unwrap();
        let events = happenings(&mut random, round);
        for db in [&together, &alone] {
            db.store.record_events(&events, at(now)).await.unwrap();
        }
        for target in TARGETS.map(channel) {
            let is_there = asking.iter().any(|asking| asking.lane.target() == target);
            if !is_there && random.random_bool(0.6) {
                asking.push(Asking::new(LaneRef::Unclaimed(target)));
            } else if random.random_bool(0.02) {
                // One asks twice, at once or later.
                asking.extend(asking.iter().find(|asking| asking.lane.target() == target).cloned());
            }
        }
        // Some are slow, and some are never heard of again.
        let (now_asking, mut later): (Vec<_>, Vec<_>) =
            asking.drain(..).partition(|_| random.random_bool(0.8));
        later.retain(|_| random.random_bool(0.9));
        asking = later;
        let turns = ask(&together.store, &now_asking, at(now)).await;
        for (one, turn) in now_asking.iter().zip(&turns) {
            let same = ask(&alone.store, std::slice::from_ref(one), at(now)).await;
            assert_eq!(same, std::slice::from_ref(turn), "{one:?}");
        }
        assert_eq!(dump(&together).await, dump(&alone).await);
        for (next, lease) in turns.into_iter().flatten() {
            if let (NextAction::Do { .. }, Some(lease)) = (&next, lease) {
                shown += 1;
                let message = MessageId::new(10_000 + shown).unwrap();
                let outcome = outcome(&mut random, &next, message, now);
                asking.push(Asking { lane: LaneRef::Claimed(lease), ..outcome });
            }
        }
    }
    assert!(shown > 100, "{shown} steps were done");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_wrong_with_one_harms_no_other(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    for (source, target) in [(1, 2), (10, 3), (20, 4), (20, 5), (40, 6)] {
        follow(&db.store, source, target).await;
    }
    let posts = [posted(1, 100), posted(10, 100), posted(20, 100), posted(20, 101), posted(40, 100)];
    db.store.record_events(&posts, at(0)).await.unwrap();
    let sql = "UPDATE activities SET content = $1 WHERE source_channel_id = 10";
    Sql::new(sql, [vec![1_u8, 2, 3].into()]).execute(&db.store.db).await.unwrap();
    let lost = take(&db.store, 4, "test", at(0), at(1)).await.unwrap();
    take(&db.store, 4, "other", at(1), at(30)).await.unwrap();
    let free = |target| LaneRef::Unclaimed(channel(target));
    let lanes = [free(2), free(3), LaneRef::Claimed(lost), free(5), free(4), free(9)];
    let mut requests: Vec<_> = lanes.into_iter().map(|lane| request(lane, None)).collect();
    let decide: Decide<'_> = Box::new(|_, _| panic!("this can't be rendered"));
    requests.push(LaneRequest { decide, ..request(free(6), None) });
    let holder = Holder { owner: "test", now: at(2), lease: TimeDelta::seconds(30) };
    let turns = db.store.advance(holder, requests).await.unwrap();
    let said: Vec<String> = turns
        .iter()
        .map(|turn| match turn {
            Ok(LaneAnswer { next: next @ NextAction::Do { .. }, .. }) => format!("{:?}", about(next)),
            Ok(LaneAnswer { next, .. }) => format!("{next:?}"),
            Err(error) => error.to_string(),
        })
        .collect();
    assert_eq!(said[0], "(Create(Part(0)), 100)");
    assert!(said[1].starts_with("Wait"), "{}", said[1]);
    assert_eq!(said[2..6], ["LostLease", "(Create(Part(0)), 100)", "Elsewhere", "Idle"]);
    assert!(said[6].starts_with("Wait"), "{}", said[6]);
    let failed = |turn: &Result<LaneAnswer, StoreError>| -> Vec<AttemptFailure> {
        turn.iter().flat_map(|turn| &turn.failed).map(|one| one.failure).collect()
    };
    assert_eq!(failed(&turns[1]), vec![AttemptFailure::Unreadable]);
    assert!(matches!(turns[1].as_ref().unwrap().unreadable[0].1, StoreError::Decrypt(_)));
    assert_eq!(failed(&turns[6]), vec![AttemptFailure::Panicked]);
    let held = db.texts("SELECT lease_owner AS text FROM lanes ORDER BY target_channel_id").await;
    assert_eq!(held, ["test", "", "other", "test", ""], "what can't be read is given back");

    // A second message for the same part is refused, and its lane's alone.
    let requests = turns.into_iter().flatten().filter_map(|turn| {
        let (in_flight, work) = match &turn.next {
            NextAction::Do { .. } => create(&turn.next),
            _ => return None,
        };
        let target = work.target.get();
        Some(request(LaneRef::Claimed(turn.lease.clone()?), Some(created(in_flight, target, 900 + target))))
    });
    let requests: Vec<_> = requests.collect();
    let double = "INSERT INTO mirrors (message_id, channel_id, webhook_id, delivery_id, part, revision) \
        SELECT 800, 2, 1, in_flight_delivery_id, 0, 1 FROM lanes WHERE target_channel_id = 2";
    Sql::new(double, []).execute(&db.store.db).await.unwrap();
    let turns = db.store.advance(holder, requests).await.unwrap();
    let doubled = turns[0].as_ref().unwrap();
    assert!(matches!(doubled.next, NextAction::Wait(_)), "{doubled:?}");
    assert_eq!(doubled.failed[0].failure, AttemptFailure::Database);
    assert_eq!(about(&turns[1].as_ref().unwrap().next), (Step::Create(Part(0)), 101));
    assert!(db.store.mirrored(message(905)).await.unwrap().is_some());
    let marked = "SELECT CAST(target_channel_id AS text) AS text FROM lanes WHERE in_flight_delivery_id IS NOT NULL \
        ORDER BY target_channel_id";
    assert_eq!(db.texts(marked).await, ["2", "5"], "the doubt stays");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_row_that_was_taken_away_is_made_again(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 10)], at(0)).await.unwrap();
    Sql::new("DELETE FROM lanes", []).execute(&db.store.db).await.unwrap();
    assert_eq!(db.store.open_lanes(None, at(0), 10).await.unwrap().lanes.len(), 1);
    let ask = async || turn(&db.store, request(LaneRef::Unclaimed(channel(2)), None), at(1)).await.next;
    assert_eq!(ask().await, NextAction::Wait(at(1)));
    assert_eq!(about(&ask().await), (Step::Create(Part(0)), 10));
}
