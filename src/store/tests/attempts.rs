//! Attempts are counted, whatever fails; they come to an end; and a delivery that keeps failing holds up
//! others only for a while.

use rstest::rstest;

use super::*;
use crate::domain::activity::DeliveryId;
use crate::domain::retry::{AttemptFailure, HOLDS_UP};

/// What goes wrong with the bad message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// It can't be rendered.
    Panic,
    /// Its content can't be opened.
    Content,
    /// Its row holds what the program never writes.
    Row,
    /// A mirror of it has an impossible number.
    Mirror,
    /// It is refused a connection.
    NotSent,
    /// Each create ends in doubt, and was not made.
    Doubt,
    /// It is in doubt, and the target can't be looked at.
    Blind,
    /// Its webhook is gone each time.
    Webhook,
}

/// A lane and its holder, with a clock that jumps to when there is something to do.
struct Works<'a> {
    db: &'a Db,
    clock: DateTime<Utc>,
    made: u64,
    /// Which message was tried when, and that it was shown.
    tried: Vec<(u64, DateTime<Utc>, bool)>,
}

impl<'a> Works<'a> {
    fn new(db: &'a Db) -> Self {
        Self { db, clock: at(10), made: 1_000_000, tried: Vec::new() }
    }

    fn number(work: &Work) -> u64 {
        work.activity.origin.message().get()
    }

    /// Works on the target 2 until so much time has passed or nothing is left; `fails` says how a step ends,
    /// if it fails.
    async fn until(
        &mut self,
        end: DateTime<Utc>,
        mut fails: impl FnMut(u64, DateTime<Utc>) -> Option<Trouble> + Send,
    ) {
        let store = &self.db.store;
        while self.clock < end {
            let mut lane = LaneRef::Unclaimed(channel(2));
            let mut done = None;
            let until = loop {
                let clock = self.clock;
                let panics: std::sync::Mutex<&mut _> = std::sync::Mutex::new(&mut fails);
                let decide: Decide<'_> = Box::new(|work, now| {
                    let trouble = (panics.lock().unwrap())(Self::number(work), clock);
                    assert!(
                        work.in_flight.is_some() || trouble != Some(Trouble::Panic),
                        "what somebody wrote"
                    );
                    step_of(work, 1, now)
                });
                let resting = match &done {
                    Some(StepResult::InDoubt { settle_at, .. }) => Some(*settle_at),
                    _ => None,
                };
                let asking = LaneRequest { done: done.take(), decide, ..request(lane, None) };
                let LaneAnswer { next, lease, .. } = turn(store, asking, self.clock).await;
                let (step, work) = match next {
                    NextAction::Do { step, work } => (step, work),
                    NextAction::Wait(until) => break Some(until),
                    NextAction::Idle => break resting,
                    other => panic!("{other:?}"),
                };
                lane = LaneRef::Claimed(lease.unwrap());
                let trouble = fails(Self::number(&work), self.clock);
                done = Some(self.perform(step, &work, trouble));
            };
            match until {
                Some(until) => self.clock = until.max(self.clock + TimeDelta::milliseconds(1)),
                None => return,
            }
        }
    }

    fn perform(&mut self, step: Step, work: &Work, trouble: Option<Trouble>) -> StepResult {
        let delivery = work.delivery.id;
        let failed = |failure| StepResult::Failed { delivery, failure };
        if matches!(step, Step::Create(_)) {
            self.tried.push((Self::number(work), self.clock, trouble.is_none()));
        }
        match (step, work.in_flight, trouble) {
            (Step::Create(_), Some(in_flight), None) => {
                self.made += 1;
                match created(in_flight, 2, self.made) {
                    StepResult::Created { in_flight, mirror, .. } => {
                        StepResult::Created { in_flight, mirror, overtakes: work.overtakes }
                    }
                    other => other,
                }
            }
            (Step::Create(_), Some(in_flight), Some(Trouble::Doubt | Trouble::Blind)) => {
                StepResult::InDoubt { in_flight, settle_at: self.clock + TimeDelta::seconds(5) }
            }
            (Step::Create(_), _, Some(Trouble::Webhook)) => failed(AttemptFailure::Webhook),
            (Step::Settle(in_flight), _, Some(Trouble::Blind)) => {
                StepResult::Unsettled { in_flight, failure: AttemptFailure::Unsettled }
            }
            (Step::Settle(_), ..) => failed(AttemptFailure::NotMade),
            (Step::Create(_), ..) => failed(AttemptFailure::NotSent),
            other => panic!("{other:?}"),
        }
    }

    fn shown(&self) -> Vec<u64> {
        self.tried.iter().filter(|(.., shown)| *shown).map(|(message, ..)| *message).collect()
    }
}

async fn failed(db: &Db, message: u64) -> i32 {
    #[derive(FromQueryResult)]
    struct Row {
        attempts: i32,
    }
    let query = format!("SELECT attempts FROM deliveries WHERE position = {message}");
    db.rows::<Row>(&query).await[0].attempts
}

async fn state(db: &Db, message: u64) -> String {
    let query = format!(
        "SELECT state || COALESCE(' ' || outcome, '') AS text FROM deliveries WHERE position = {message}"
    );
    db.texts(&query).await.remove(0)
}

async fn spoil(db: &Db, trouble: Trouble, message: u64) {
    let which = format!("WHERE source_message_id = {message}");
    let delivery = format!("(SELECT id FROM deliveries WHERE position = {message})");
    let spoil = match trouble {
        Trouble::Content => format!(
            "UPDATE activities SET content = (SELECT content FROM activities b WHERE b.source_message_id = 101) {which}"
        ),
        Trouble::Row => format!("UPDATE activities SET origin = 'nothing' {which}"),
        Trouble::Mirror => format!(
            "INSERT INTO mirrors (message_id, channel_id, webhook_id, delivery_id, part, revision) VALUES (5, -1, 1, {delivery}, 3, 1)"
        ),
        _ => return,
    };
    Sql::new(spoil, []).execute(&db.store.db).await.unwrap();
}

/// Whatever fails, and however: it is counted each time, with growing pauses, and ends within about a day.
/// What comes after it arrives in the meantime.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn whatever_fails_is_counted_and_ends(
    #[case] backend: Backend,
    #[values(
        Trouble::Panic,
        Trouble::Content,
        Trouble::Row,
        Trouble::Mirror,
        Trouble::NotSent,
        Trouble::Doubt,
        Trouble::Blind,
        Trouble::Webhook
    )]
    trouble: Trouble,
) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 100), posted(1, 101), posted(1, 102)], at(0)).await.unwrap();
    spoil(&db, trouble, 100).await;
    let mut works = Works::new(&db);
    let bad = |message, _| (message == 100).then_some(trouble);
    let mut counted = 0;
    for look in [2_i64, 5, 10, 30, 60, 120, 300, 3_600] {
        works.until(at(10 + look), bad).await;
        let now = failed(&db, 100).await;
        assert!(now > counted || look < 60 && now >= counted, "{now} after {look} s, {counted} before");
        assert!(now <= 20 + i32::try_from(look / 250).unwrap(), "{now} after {look} s");
        counted = now;
    }
    // A doubt that can't be settled holds its lane; all else lets the others pass.
    let others = if trouble == Trouble::Blind { vec![] } else { vec![101, 102] };
    assert_eq!(works.shown(), others);
    works.until(at(40 * 3_600), bad).await;
    assert_eq!((state(&db, 100).await.as_str(), works.shown()), ("ended gave_up", vec![101, 102]));
    assert!(works.clock < at(30 * 3_600), "{}", works.clock);
}

/// A message that fails while others can be shown holds them up for a while; then they pass it, in their
/// order, and it is retried.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_keeps_failing_is_overtaken(
    #[case] backend: Backend,
    #[values(Trouble::NotSent, Trouble::Doubt, Trouble::Panic)] trouble: Trouble,
    #[values(1, 3)] bad: u64,
) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    let posts: Vec<SourceEvent> = (100..106).map(|id| posted(1, id)).collect();
    db.store.record_events(&posts, at(0)).await.unwrap();
    let mut works = Works::new(&db);
    let is_bad = |message| (100..100 + bad).contains(&message);
    works.until(at(10 + 400), |message, _| is_bad(message).then_some(trouble)).await;
    assert_eq!(works.shown(), (100 + bad..106).collect::<Vec<_>>());
    let first = works.tried.iter().find(|(.., shown)| *shown).unwrap().1;
    let bound = at(10 + 60 * i64::try_from(bad).unwrap());
    assert!(first > at(14) && first < bound, "{first}");
    assert_eq!(state(&db, 100).await, "due");
    // What passed it stays, and new posts wait for no more than a doubt.
    db.store.record_events(&[posted(1, 200)], works.clock).await.unwrap();
    let now = works.clock;
    works.until(now + TimeDelta::seconds(10), |message, _| is_bad(message).then_some(trouble)).await;
    assert_eq!(works.shown().last(), Some(&200));
    // It is shown in the end.
    works.until(now + TimeDelta::hours(1), |_, _| None).await;
    assert_eq!(works.shown().len(), 7);
}

/// If nothing can be shown, the source's order is kept, however long that lasts.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn in_an_outage_the_head_stays_first(
    #[case] backend: Backend,
    #[values(Trouble::NotSent, Trouble::Doubt, Trouble::Blind)] trouble: Trouble,
    #[values(3, 20, 47, 90, 600, 7_201)] lasts: i64,
) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    let posts: Vec<SourceEvent> = (100..106).map(|id| posted(1, id)).collect();
    db.store.record_events(&posts, at(0)).await.unwrap();
    let mut works = Works::new(&db);
    works.until(at(3 * 3_600), |_, now| (now < at(10 + lasts)).then_some(trouble)).await;
    assert_eq!(works.shown(), (100..106).collect::<Vec<_>>());
    let tried = works.tried.len();
    assert!(tried < 80, "{tried} creates");
}

/// A limit is no attempt.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_was_not_tried_is_not_counted(#[case] backend: Backend) {
    let Some(db) = Db::new(backend).await else { return };
    follow(&db.store, 1, 2).await;
    db.store.record_events(&[posted(1, 100)], at(0)).await.unwrap();
    let lease = claim(&db.store, 2).await;
    let mut next = advance(&db.store, &lease, None, at(1)).await;
    for _ in 0..=HOLDS_UP {
        let (in_flight, work) = create(&next);
        assert_eq!(work.delivery.attempts, 0);
        next = advance(&db.store, &lease, Some(StepResult::NotBegun { in_flight }), at(1)).await;
    }
    assert_eq!(failed(&db, 100).await, 0);
    let delivery: DeliveryId = create(&next).1.delivery.id;
    let refused = StepResult::Failed { delivery, failure: AttemptFailure::NotSent };
    let turn = turn(&db.store, request(LaneRef::Claimed(lease), Some(refused)), at(1)).await;
    assert_eq!((turn.failed.len(), turn.failed[0].failed, failed(&db, 100).await), (1, 1, 1));
}
