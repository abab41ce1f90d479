//! The store against real databases: each test runs on SQLite in a temporary file, and on PostgreSQL where
//! `TEST_POSTGRES_URL` names a server in which databases may be made.

mod copy;
mod counts;
mod events;
mod events_edges;
mod follows;
mod forget;
mod lane_batches;
mod lane_order;
mod lanes;
mod matching;
mod migrations;
mod numbers;
mod paging;
mod panels;
mod posts;
mod report;
mod retention;
mod secrets;
mod sessions;
mod simulation;
mod states;
mod year;

use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, Database, FromQueryResult, Statement};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use tempfile::TempDir;

use super::lane_rows::Taken;
use super::sql::{Sql, stored};
use super::{
    Cipher, Decide, Done, Holder, Hook, Inserted, LaneRequest, Lease, Next, SourceEvent, Store, StoreError,
    Turn, Which, Work, gates,
};
use crate::domain::activity::{InFlight, Mirror, Origin, Part};
use crate::domain::follow::{Delivery, Filter, Follow, FollowOptions, NewFollow, Pair, Threads};
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId, WebhookId};
use crate::domain::message::Content;
use crate::domain::next_step::{Situation, Step, next_step};
use crate::domain::place::Spot;
use crate::domain::tags::{Tag, TagSet};
use crate::domain::webhook::Webhook;

/// Where a test runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Backend {
    Sqlite,
    Postgres,
}

/// A database of a test's own, gone when it ends.
pub(super) struct Db {
    pub(super) store: Store,
    address: SecretString,
    directory: Option<TempDir>,
    /// On PostgreSQL: the server's address and the database's name.
    server: Option<(String, String)>,
}

impl Db {
    /// One with all tables; `None` where there is no such server.
    pub(super) async fn new(backend: Backend) -> Option<Self> {
        let db = Self::empty(backend).await?;
        db.store.migrate_up().await.unwrap();
        Some(db)
    }

    /// One without tables.
    pub(super) async fn empty(backend: Backend) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let (address, directory, server) = match backend {
            Backend::Sqlite => {
                let directory = TempDir::new().unwrap();
                let file = directory.path().join("test.db");
                (format!("sqlite://{}?mode=rwc", file.display()), Some(directory), None)
            }
            Backend::Postgres => {
                let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
                    println!("skipped: TEST_POSTGRES_URL is not set");
                    return None;
                };
                let number = COUNT.fetch_add(1, Ordering::Relaxed);
                let name = format!("tributary_test_{}_{number}", std::process::id());
                run(&server, &format!("CREATE DATABASE {name}")).await;
                let (base, _) = server.rsplit_once('/').unwrap();
                (format!("{base}/{name}"), None, Some((server.clone(), name)))
            }
        };
        let address = SecretString::from(address);
        let store = Store::connect(&address, cipher(1)).await.unwrap();
        Some(Self { store, address, directory, server })
    }

    /// Another process on the same database.
    pub(super) async fn again(&self) -> Store {
        self.with_key(1).await
    }

    pub(super) async fn with_key(&self, key: u8) -> Store {
        Store::connect(&self.address, cipher(key)).await.unwrap()
    }

    pub(super) async fn rows<T: FromQueryResult>(&self, query: &str) -> Vec<T> {
        let db = &self.store.db;
        let statement = Statement::from_string(db.get_database_backend(), query);
        let rows = db.query_all_raw(statement).await.unwrap();
        rows.iter().map(|row| T::from_query_result(row, "").unwrap()).collect()
    }

    pub(super) async fn texts(&self, query: &str) -> Vec<String> {
        #[derive(FromQueryResult)]
        struct Row {
            text: Option<String>,
        }
        let rows: Vec<Row> = self.rows(query).await;
        rows.into_iter().map(|row| row.text.unwrap_or_default()).collect()
    }

    /// Each delivery in one line, in the order in which they were made: `TARGET STATE [SHOWN] [OUTCOME]`.
    pub(super) async fn deliveries(&self) -> Vec<String> {
        let number = "CAST(target_channel_id AS text) || ' ' || state";
        let shown = "COALESCE(' ' || CAST(shown_revision AS text), '') || COALESCE(' ' || outcome, '')";
        self.texts(&format!("SELECT {number} || {shown} AS text FROM deliveries ORDER BY id")).await
    }
}

impl Drop for Db {
    fn drop(&mut self) {
        let Some((server, name)) = self.server.take() else { return };
        let drop = async move { run(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await };
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        std::thread::spawn(move || runtime().block_on(drop)).join().unwrap();
    }
}

async fn run(server: &str, statement: &str) {
    let db = Database::connect(server).await.unwrap();
    db.execute_unprepared(statement).await.unwrap();
    db.close().await.unwrap();
}

pub(super) fn cipher(key: u8) -> Cipher {
    Cipher::new(&SecretBox::new(Box::new([key; 32])))
}

/// So many seconds after some moment.
pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 123_456_789).unwrap() + TimeDelta::seconds(seconds)
}

pub(super) fn channel(id: u64) -> ChannelId {
    ChannelId::new(id).unwrap()
}

pub(super) fn guild(id: u64) -> GuildId {
    GuildId::new(id).unwrap()
}

pub(super) fn message(id: u64) -> MessageId {
    MessageId::new(id).unwrap()
}

pub(super) fn webhook_id(id: u64) -> WebhookId {
    WebhookId::new(id).unwrap()
}

pub(super) fn relay(id: u64) -> Hook {
    Hook::Relay(webhook(id))
}

pub(super) fn webhook(id: u64) -> Webhook {
    Webhook { id: webhook_id(id), token: SecretString::from(format!("secret-token-{id}")) }
}

pub(super) fn token(webhook: &Webhook) -> &str {
    webhook.token.expose_secret()
}

/// The server that all targets of these tests are in, unless said otherwise.
pub(super) const HOME: u64 = 7;

pub(super) fn new_follow(source: u64, target: u64) -> NewFollow {
    NewFollow {
        pair: Pair { source: channel(source), target: channel(target) },
        guild: guild(HOME),
        source_guild: guild(8),
        source_parent: None,
        spot: Spot::Channel,
        options: FollowOptions {
            delivery: Delivery::Relay,
            filter: Filter::All,
            threads: Threads::None,
            panels: false,
        },
        created_by: UserId::new(9).unwrap(),
    }
}

/// These hashtags.
pub(super) fn tag_set(tags: &str) -> TagSet {
    TagSet::new(tags.split(',').filter_map(Tag::hashtag)).unwrap()
}

/// A relay follow, through the target's webhook.
pub(super) async fn follow(store: &Store, source: u64, target: u64) -> Follow {
    match store.insert_follow(&new_follow(source, target), &relay(target + 1_000), at(0)).await.unwrap() {
        Inserted::Made(follow) => follow,
        Inserted::AlreadyThere(follow) => panic!("{follow:?} is there"),
    }
}

pub(super) fn origin(source: u64, id: u64) -> Origin {
    Origin::Message { channel: channel(source), message: message(id) }
}

pub(super) fn content(text: &str) -> Content {
    Content { author: "Ada".to_owned(), text: text.to_owned(), ..Content::default() }
}

pub(super) fn posted(source: u64, id: u64) -> SourceEvent {
    SourceEvent::Posted {
        origin: origin(source, id),
        source: channel(source),
        author: Some(UserId::new(99).unwrap()),
        content: content("first").into(),
    }
}

pub(super) fn edited(source: u64, id: u64, text: &str) -> SourceEvent {
    SourceEvent::Edited { origin: origin(source, id), source: channel(source), content: content(text).into() }
}

pub(super) fn deleted(source: u64, id: u64) -> SourceEvent {
    SourceEvent::Deleted { origin: origin(source, id) }
}

/// Holds a lane of the target for a long time, whether or not there is something to do in it.
pub(super) async fn claim(store: &Store, target: u64) -> Lease {
    claim_until(store, target, at(1_000_000)).await
}

/// The same, until that time.
pub(super) async fn claim_until(store: &Store, target: u64, until: DateTime<Utc>) -> Lease {
    let txn = store.write().await.unwrap();
    gates::lanes(&*txn, [channel(target)]).await.unwrap();
    let update = "UPDATE lanes SET lease_owner = 'test', lease_until = $2, epoch = epoch + 1 \
        WHERE target_channel_id = $1 RETURNING epoch, parent_id, forum";
    let until = stored(until);
    let row =
        Sql::new(update, [channel(target).to_db().into(), until.into()]).row(&*txn).await.unwrap().unwrap();
    txn.commit().await.unwrap();
    let parent: Option<i64> = row.try_get("", "parent_id").unwrap();
    let parent = parent.map(|parent| ChannelId::from_db(parent).unwrap());
    let spot = Spot::from_parts(parent, row.try_get("", "forum").unwrap());
    let epoch = row.try_get("", "epoch").unwrap();
    Lease { target: channel(target), spot, owner: "test".to_owned(), epoch, until }
}

/// Holds on to a lane that was given back as there was nothing to do.
async fn keep(store: &Store, lease: &Lease) {
    let txn = store.write().await.unwrap();
    let update = "UPDATE lanes SET lease_owner = $1, lease_until = $2 \
        WHERE lease_owner IS NULL AND target_channel_id = $3 AND epoch = $4";
    let values =
        [lease.owner.as_str().into(), lease.until.into(), lease.target.to_db().into(), lease.epoch.into()];
    Sql::new(update, values).execute(&*txn).await.unwrap();
    txn.commit().await.unwrap();
}

/// Gives a lane back, or lets its lease end.
pub(super) async fn give_back(store: &Store, lease: &Lease) {
    let txn = store.write().await.unwrap();
    let update = "UPDATE lanes SET lease_owner = NULL, lease_until = NULL WHERE target_channel_id = $1";
    Sql::new(update, [lease.target.to_db().into()]).execute(&*txn).await.unwrap();
    txn.commit().await.unwrap();
}

/// Takes a lane that has work, if it is free.
pub(super) async fn take(
    store: &Store,
    target: u64,
    owner: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Option<Lease> {
    let txn = store.write().await.unwrap();
    let mut taken = store.take(&txn, &[channel(target)], owner, now, until).await.unwrap();
    txn.commit().await.unwrap();
    match taken.remove(&channel(target))?.unwrap() {
        Taken::Held { lease, .. } => Some(*lease),
        _ => None,
    }
}

/// A lane's request, for activities that each take one part.
pub(super) fn request(lane: Which, done: Option<Done>) -> LaneRequest<'static> {
    let decide: Decide<'static> = Box::new(|work, now| step_of(work, 1, now));
    LaneRequest { lane, done, all_shown: false, decide, rest_until: None }
}

/// A batch of one.
pub(super) async fn turn(store: &Store, request: LaneRequest<'_>, now: DateTime<Utc>) -> Turn {
    let holder = Holder { owner: "test", now, lease: TimeDelta::seconds(1_000_000) };
    store.advance(holder, vec![request]).await.unwrap().pop().unwrap().unwrap()
}

/// Asks for the next step of a lane, which is named by `decide`.
pub(super) async fn advance_by(
    store: &Store,
    lease: &Lease,
    done: Option<Done>,
    now: DateTime<Utc>,
    decide: impl FnMut(&Work, DateTime<Utc>) -> Step + Send + Sync,
) -> Next {
    keep(store, lease).await;
    let request = request(Which::Held(lease.clone()), done);
    turn(store, LaneRequest { decide: Box::new(decide), ..request }, now).await.next
}

/// Asks for the next step of a lane whose activities each take so many parts.
pub(super) async fn advance_parts(
    store: &Store,
    lease: &Lease,
    done: Option<Done>,
    now: DateTime<Utc>,
    parts: usize,
) -> Next {
    advance_by(store, lease, done, now, |work, now| step_of(work, parts, now)).await
}

/// The same, with one part.
pub(super) async fn advance(store: &Store, lease: &Lease, done: Option<Done>, now: DateTime<Utc>) -> Next {
    advance_parts(store, lease, done, now, 1).await
}

pub(super) fn step_of(work: &Work, parts: usize, now: DateTime<Utc>) -> Step {
    next_step(Situation {
        activity: &work.activity,
        parts,
        delivery: &work.delivery,
        mirrors: &work.mirrors,
        in_flight: work.in_flight,
        now,
    })
}

/// The create that a lane is to make.
pub(super) fn create(next: &Next) -> (InFlight, &Work) {
    match next {
        Next::Do { step: Step::Create(_), work } => (work.in_flight.unwrap(), work),
        other => panic!("no create: {other:?}"),
    }
}

/// Its answer: it made this message.
pub(super) fn created(in_flight: InFlight, target: u64, id: u64) -> Done {
    let mirror = Mirror {
        message: message(id),
        channel: channel(target),
        webhook: webhook_id(target + 1_000),
        part: in_flight.part,
        revision: in_flight.revision,
        files: 0,
    };
    Done::Created { in_flight, mirror }
}

/// Which message of the source a step is about.
pub(super) fn about(next: &Next) -> (Step, u64) {
    match next {
        Next::Do { step, work } => {
            let message = work.activity.origin.message();
            (*step, message.get())
        }
        other => panic!("no step: {other:?}"),
    }
}

/// Shows all that a lane has, and returns the source messages in the order in which they were first shown.
/// Mirrors get the numbers from `first` on.
pub(super) async fn show_all(store: &Store, lease: &Lease, first: u64) -> Vec<u64> {
    let mut shown = Vec::new();
    let mut done = None;
    loop {
        let next = advance(store, lease, done.take(), at(10)).await;
        let id = first + shown.len() as u64;
        match &next {
            Next::Idle => return shown,
            Next::Do { step: Step::Create(Part(0)), work } => {
                shown.push(about(&next).1);
                done = Some(created(work.in_flight.unwrap(), lease.target.get(), id));
            }
            Next::Do { step: Step::Edit(message, _), work } => {
                done = Some(edited_to_newest(work, *message));
            }
            Next::Do { step: Step::Delete(message), work } => {
                done = Some(Done::Deleted { delivery: work.delivery.id, message: *message });
            }
            other => panic!("{other:?}"),
        }
    }
}

/// That this mirror was edited to the newest revision.
pub(super) fn edited_to_newest(work: &Work, message: MessageId) -> Done {
    let was = work.mirrors.iter().find(|mirror| mirror.message == message).unwrap().revision;
    Done::Edited { delivery: work.delivery.id, message, was, revision: work.activity.revision }
}
