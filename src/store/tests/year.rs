//! A year of a busy bot, with all that comes and goes: what it keeps stays bounded.
//!
//! `cargo test --lib a_year -- --nocapture` prints how many rows each table has.

use std::collections::BTreeMap;
use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::domain::follow::FollowFilter;
use crate::domain::paging::Cursor;
use crate::store::BreakWhich;

/// The server whose channels everybody follows.
const TOWN: u64 = 1_000;
/// Its channels: text channels, and forums of which the threads are followed too.
const SOURCES: std::ops::Range<u64> = 1..21;
const FORUMS: std::ops::Range<u64> = 17..21;
/// How many targets a server has that comes, each with as many follows.
const TARGETS: u64 = 4;
const FOLLOWS: u64 = 3;
/// One comes every few days, and stays for as long.
const COMES: i64 = 5;
const STAYS: i64 = 45;
/// What the operator chose: the defaults.
const CONTENTS: TimeDelta = TimeDelta::hours(24);
const MIRRORS: TimeDelta = TimeDelta::days(30);
/// How long the bot tries to come back to a server.
const LEFT: TimeDelta = TimeDelta::days(7);

struct Year {
    db: Db,
    random: StdRng,
    hour: i64,
    next_id: u64,
    /// What was posted in the last weeks: source, channel or thread, message.
    posts: VecDeque<(u64, u64, u64)>,
    /// Threads in which somebody may answer: forum, thread.
    threads: VecDeque<(u64, u64)>,
    /// When each server came, and its targets.
    servers: VecDeque<(i64, u64, Vec<u64>)>,
    panels: VecDeque<u64>,
}

impl Year {
    fn now(&self) -> DateTime<Utc> {
        at(self.hour * 3_600)
    }

    fn day(&self) -> i64 {
        self.hour / 24
    }

    /// A number that Discord would give now.
    fn id(&mut self) -> u64 {
        self.next_id += 1;
        MessageId::first_at(self.now()).get() + self.next_id % (1 << 22)
    }

    async fn a_server_comes(&mut self) {
        let server = self.id();
        let targets: Vec<u64> = (0..TARGETS).map(|_| self.id()).collect();
        for target in &targets {
            for _ in 0..FOLLOWS {
                let source = self.random.random_range(SOURCES);
                self.follow(source, TOWN, *target, server).await;
            }
        }
        // The town follows them too, and has a panel of theirs.
        let town = self.id();
        self.follow(targets[0], server, town, TOWN).await;
        self.panels.push_back(targets[1]);
        panels::posted_panel_as(&self.db.store, guild(server), targets[1], self.next_id, self.now()).await;
        let members = (format!("server.members:{server}"), 5.0);
        self.db.store.add_samples(&[members, (format!("game:{server}"), 1.0)], self.now()).await.unwrap();
        self.servers.push_back((self.day(), server, targets));
    }

    async fn follow(&mut self, source: u64, source_guild: u64, target: u64, into: u64) {
        let mut new = new_follow(source, target);
        (new.guild, new.source_guild, new.options.panels) = (guild(into), guild(source_guild), true);
        if FORUMS.contains(&source) {
            new.options.threads = ThreadScope::All;
        }
        let seen = message(self.id());
        self.db.store.move_seen_message(channel(source), seen).await.unwrap();
        if FORUMS.contains(&source) && self.db.store.threads_from(channel(source)).await.unwrap().is_none() {
            self.db.store.move_threads_from(channel(source), seen).await.unwrap();
        }
        self.db.store.insert_follow(&new, &relay(target + 1), bot(self.now())).await.unwrap();
    }

    /// The bot is removed; some come back before they are forgotten.
    async fn a_server_goes(&mut self) {
        let Some((_, server, _)) = self.servers.pop_front() else { return };
        let reason = crate::domain::follow::BrokenReason::TargetServerLeft;
        for which in [BreakWhich::TargetGuild(guild(server)), BreakWhich::SourceGuild(guild(server))] {
            self.db.store.break_follows(which, reason, bot(self.now())).await.unwrap();
        }
        self.db.store.guild_left(guild(server), self.now()).await.unwrap();
    }

    /// Somebody stops to follow, and somebody else begins.
    async fn a_follow_changes(&mut self) {
        let Some((_, server, targets)) = self.servers.back().cloned() else { return };
        let all = self
            .db
            .store
            .follows_of_server(guild(server), &FollowFilter::default(), Cursor::Newest, 1)
            .await
            .unwrap();
        if let Some(follow) = all.items.first() {
            self.db.store.delete_follow(follow.guild, follow.id, bot(self.now())).await.unwrap();
        }
        let (source, target) = (self.random.random_range(SOURCES), self.id());
        self.follow(source, TOWN, target, server).await;
        let source = self.random.random_range(SOURCES);
        self.follow(source, TOWN, targets[0], server).await;
    }

    /// Half a day: posts in half of the sources, new threads, answers in those of the last weeks, edits and
    /// deletions.
    async fn people_write(&mut self) {
        let mut events = Vec::new();
        let half = self.hour.unsigned_abs() / 12 % 2;
        for source in SOURCES.filter(|source| source % 2 == half) {
            let (id, forum) = (self.id(), FORUMS.contains(&source));
            // A forum's post is the first message of a thread, which has its number.
            let place = if forum { id } else { source };
            if forum {
                self.threads.push_back((source, id));
            }
            events.push(self.post(source, place, id));
        }
        for _ in 0..4 {
            let Some(index) = self.threads.len().checked_sub(1) else { break };
            let (forum, thread) = self.threads[self.random.random_range(index / 2..=index)];
            let id = self.id();
            events.push(self.post(forum, thread, id));
        }
        for _ in 0..4 {
            let (source, place, id) = self.posts[self.random.random_range(0..self.posts.len())];
            let (origin, text) = (origin(place, id), format!("edited at {}", self.hour));
            let content = Content { author: "Ada".to_owned(), text, ..Content::default() }.into();
            events.push(match self.random.random_range(0..3) {
                0 => SourceEvent::Deleted { origin },
                _ => SourceEvent::Edited { origin, source: channel(source), author: None, content },
            });
        }
        self.db.store.record_events(&events, self.now()).await.unwrap();
        self.posts.truncate(1_500);
        self.threads.drain(..self.threads.len().saturating_sub(120));
    }

    fn post(&mut self, source: u64, place: u64, id: u64) -> SourceEvent {
        self.posts.push_front((source, place, id));
        SourceEvent::Posted {
            origin: origin(place, id),
            source: channel(source),
            author: UserId::new(self.random.random_range(1..500)).ok(),
            content: content("Something worth a follower's while, #news and all").into(),
        }
    }

    /// What lanes do, all at once; a few targets are slow, and are served a day later.
    async fn lanes_deliver(&mut self) {
        let (first, slow) = (MessageId::first_at(self.now()), self.day() % 20);
        let due = format!("state = 'due' AND (target_channel_id % 20 <> {slow} OR withdrawn)");
        for statement in [
            format!(
                "DELETE FROM mirrors WHERE delivery_id IN (SELECT d.id FROM deliveries d JOIN activities a ON a.id = d.activity_id WHERE {due} AND (a.deleted OR d.withdrawn))"
            ),
            format!(
                "UPDATE deliveries SET state = 'ended', outcome = 'withdrawn' WHERE {due} AND (withdrawn OR (SELECT a.deleted FROM activities a WHERE a.id = activity_id))"
            ),
            format!(
                "INSERT INTO mirrors (message_id, channel_id, webhook_id, delivery_id, part, revision) SELECT {first} + id, target_channel_id, 1, id, 0, 1 FROM deliveries WHERE {due} AND shown_revision IS NULL"
            ),
            format!(
                "UPDATE deliveries SET state = 'shown', shown_revision = (SELECT a.revision FROM activities a WHERE a.id = activity_id) WHERE {due}"
            ),
        ] {
            self.db.store.db.execute_unprepared(&statement).await.unwrap();
        }
        self.db.store.take_unannounced(10).await.unwrap();
    }

    /// As in `service/retention.rs`.
    async fn retention_run(&mut self) {
        let (store, now) = (&self.db.store, self.now());
        store.mark_contents_unneeded(now).await.unwrap();
        store.clear_contents(now - CONTENTS).await.unwrap();
        for guild in store.left_guilds(now - LEFT).await.unwrap() {
            store.forget_guild(guild, now).await.unwrap();
        }
        store.forget_old_audit(now - MIRRORS).await.unwrap();
        store.forget_unused(now, MIRRORS).await.unwrap();
    }

    /// How many rows each table has, and how many bytes the contents.
    async fn sizes(&self) -> BTreeMap<String, i64> {
        let tables = "SELECT name AS text FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%sql%'";
        let mut sizes = BTreeMap::new();
        for table in self.db.texts(tables).await {
            let count = format!("SELECT CAST(COUNT(*) AS text) AS text FROM {table}");
            sizes.insert(table, self.db.texts(&count).await[0].parse().unwrap());
        }
        let bytes = "SELECT CAST(COALESCE(SUM(LENGTH(content)), 0) AS text) AS text FROM activities";
        sizes.insert("bytes of contents".to_owned(), self.db.texts(bytes).await[0].parse().unwrap());
        sizes
    }
}

fn grow(peaks: &mut BTreeMap<String, i64>, sizes: &BTreeMap<String, i64>) {
    for (table, size) in sizes {
        let peak = peaks.entry(table.clone()).or_default();
        *peak = (*peak).max(*size);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_posts_stays_bounded() {
    let db = Db::new(Backend::Sqlite).await.unwrap();
    // A power cut needn't be survived here.
    db.store.db.execute_unprepared("PRAGMA synchronous = OFF").await.unwrap();
    let (posts, threads, servers, panels) =
        (VecDeque::new(), VecDeque::new(), VecDeque::new(), VecDeque::new());
    let random = StdRng::seed_from_u64(1);
    let mut year = Year { db, random, hour: 0, next_id: 0, posts, threads, servers, panels };
    let (mut early, mut late) = (BTreeMap::new(), BTreeMap::new());
    for day in 0..365 {
        if day % COMES == 0 {
            year.a_server_comes().await;
        }
        if year.servers.front().is_some_and(|(came, ..)| day - came >= STAYS) {
            year.a_server_goes().await;
        }
        if day % 3 == 0 {
            year.a_follow_changes().await;
        }
        for _ in 0..2 {
            year.people_write().await;
            year.hour += 12;
            year.lanes_deliver().await;
            year.retention_run().await;
        }
        match day {
            60..120 => grow(&mut early, &year.sizes().await),
            305.. => grow(&mut late, &year.sizes().await),
            _ => {}
        }
    }
    for (table, late) in &late {
        let early = early[table];
        println!("{table:>22}: {early:>8} at most in days 60 to 120, {late:>8} in the last 60");
        assert!(*late <= early + early / 5 + 20, "{table} grows");
    }
    // Those that the year is about were really there.
    for (table, least) in
        [("activities", 700), ("deliveries", 3_000), ("mirrors", 3_000), ("channel_follows", 120)]
    {
        assert!(late[table] > least, "{table}: {}", late[table]);
    }
    assert!(late["bytes of contents"] < 200_000);
}
