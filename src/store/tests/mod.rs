//! The store against real databases: each test runs on SQLite in a temporary file, and on PostgreSQL if
//! `TEST_POSTGRES_URL` names a server on which databases may be created. Otherwise the latter are ignored.

mod access;
mod actions;
mod answers;
mod attempts;
mod audit;
mod blame;
mod blocked_servers;
mod circles;
mod collection_follows;
mod collections;
mod consent;
mod copy;
mod counts;
mod doors;
mod events;
mod events_edges;
mod feeds;
mod follows;
mod forget;
mod gateway_sessions;
mod holding;
mod lane_batches;
mod lane_order;
mod lanes;
mod matching;
mod migrations;
mod numbers;
mod opt_outs;
mod outlets;
mod paging;
mod panels;
mod personal;
mod plans;
mod posts;
mod privacy;
mod quotes;
mod report;
mod retention;
#[path = "../../../tests/scratch/mod.rs"]
mod scratch;
mod secrets;
mod sessions;
mod simulation;
mod stale;
mod states;
mod year;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use tempfile::TempDir;

use self::holding::*;
use self::scratch::Scratch;
use crate::domain::activity::{InFlight, Mirror, Origin, Part, Staleness};
use crate::domain::audit::{ChangeStamp, ChangedBy, Via};
use crate::domain::follow::{
    Audience, ChannelPair, DeliveryMethod, Door, Exposure, Follow, FollowOptions, NewFollow,
    PublicationChange, TagFilter, ThreadScope,
};
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId, WebhookId};
use crate::domain::message::Content;
use crate::domain::next_step::{Situation, Step, next_step};
use crate::domain::place::TargetKind;
use crate::domain::servers::FollowLimits;
use crate::domain::tags::{Tag, TagSet};
use crate::domain::webhook::WebhookCredentials;
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};
use crate::store::lane::rows::LaneClaim;
use crate::store::{
    Cipher, Decide, FollowWebhook, Holder, Inserted, LaneAnswer, LaneRef, LaneRequest, Lease, NextAction,
    SourceEvent, StepResult, Store, StoreError, Work,
};

/// The database that a test runs on.
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
    /// On PostgreSQL: what drops it.
    scratch: Option<Scratch>,
}

impl Db {
    /// A database with all tables. Always `Some`: without PostgreSQL, a test on it is ignored, and panics if
    /// it is run nevertheless.
    pub(super) async fn new(backend: Backend) -> Option<Self> {
        let db = Self::empty(backend).await?;
        db.store.migrate_up().await.unwrap();
        Some(db)
    }

    /// A database without tables.
    pub(super) async fn empty(backend: Backend) -> Option<Self> {
        let (address, directory, scratch) = match backend {
            Backend::Sqlite => {
                let directory = TempDir::new().unwrap();
                let file = directory.path().join("test.db");
                (format!("sqlite://{}?mode=rwc", file.display()), Some(directory), None)
            }
            Backend::Postgres => {
                let scratch = Scratch::create().await;
                (scratch.url(), None, Some(scratch))
            }
        };
        let address = SecretString::from(address);
        let store = Store::connect_for_command(&address, cipher(1)).await.unwrap();
        Some(Self { store, address, directory, scratch })
    }

    /// Another process on the same database.
    pub(super) async fn again(&self) -> Store {
        self.with_key(1).await
    }

    pub(super) async fn with_key(&self, key: u8) -> Store {
        Store::connect_for_command(&self.address, cipher(key)).await.unwrap()
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

    /// Each delivery in one line, in the order of creation: `TARGET STATE [SHOWN] [OUTCOME]`.
    pub(super) async fn deliveries(&self) -> Vec<String> {
        let number = "CAST(target_channel_id AS text) || ' ' || state";
        let shown = "COALESCE(' ' || CAST(shown_revision AS text), '') || COALESCE(' ' || outcome, '')";
        self.texts(&format!("SELECT {number} || {shown} AS text FROM deliveries ORDER BY id")).await
    }
}

pub(super) fn cipher(key: u8) -> Cipher {
    Cipher::new(&SecretBox::new(Box::new([key; 32])))
}

/// This many seconds after some moment.
pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 123_456_789).unwrap() + TimeDelta::seconds(seconds)
}

/// The bot itself changes something.
pub(super) fn bot(at: DateTime<Utc>) -> ChangeStamp {
    ChangedBy::System.at(at)
}

/// A person changes something by a command in this server.
pub(super) fn by(user: UserId, guild: GuildId) -> ChangedBy {
    ChangedBy::Person { user, guild, via: Via::Command }
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

pub(super) fn relay(id: u64) -> FollowWebhook {
    FollowWebhook::Relay(webhook(id))
}

pub(super) fn webhook(id: u64) -> WebhookCredentials {
    WebhookCredentials { id: webhook_id(id), token: SecretString::from(format!("secret-token-{id}")) }
}

pub(super) fn token(webhook: &WebhookCredentials) -> &str {
    webhook.token.expose_secret()
}

/// The server that all targets of these tests are in, unless stated otherwise.
pub(super) const HOME: u64 = 7;

pub(super) fn new_follow(source: u64, target: u64) -> NewFollow {
    NewFollow {
        pair: ChannelPair { source: channel(source), target: channel(target) },
        guild: guild(HOME),
        source_guild: guild(8),
        source_parent: None,
        target_kind: TargetKind::Channel,
        options: FollowOptions {
            delivery: DeliveryMethod::Relay,
            filter: TagFilter::All,
            threads: ThreadScope::None,
            panels: false,
        },
        created_by: UserId::new(9).unwrap(),
        door: Door::Own,
        exposure: Exposure::None,
        source_restricted: false,
        source_private: false,
        collection_follow: None,
        limits: FollowLimits::default(),
    }
}

/// These hashtags.
pub(super) fn tag_set(tags: &str) -> TagSet {
    TagSet::new(tags.split(',').filter_map(Tag::hashtag)).unwrap()
}

/// A relay follow, through the target's webhook.
pub(super) async fn follow(store: &Store, source: u64, target: u64) -> Follow {
    match store.insert_follow(&new_follow(source, target), &relay(target + 1_000), bot(at(0))).await.unwrap()
    {
        Inserted::Made(follow) => follow,
        Inserted::AlreadyThere(follow) => panic!("{follow:?} is there"),
        Inserted::Full(full) => panic!("{full:?}"),
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
    SourceEvent::Edited {
        origin: origin(source, id),
        source: channel(source),
        author: None,
        content: content(text).into(),
    }
}

pub(super) fn deleted(source: u64, id: u64) -> SourceEvent {
    SourceEvent::Deleted { origin: origin(source, id) }
}

impl Store {
    /// Chooses who may follow a channel. Returns who might before.
    pub(super) async fn set_audience(
        &self,
        channel: ChannelId,
        guild: GuildId,
        audience: Audience,
    ) -> Result<Audience, StoreError> {
        let before = self.audience(channel).await?;
        let change = PublicationChange { audience: Some(audience), ..PublicationChange::default() };
        self.set_publication(channel, guild, change, bot(at(0))).await?;
        Ok(before)
    }
}
