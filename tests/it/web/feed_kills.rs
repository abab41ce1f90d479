//! The real process, killed over and over at random (seeded) moments while people whom others follow post,
//! edit and delete: what feeds show exists, once, with its newest text, and nobody sees what they may not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rstest::rstest;
use serde_json::{Value, json};
use tributary_sandbox::{Channel, Guild, MessageId, Permissions, Person};

use super::feed::follow;
use super::people::{PERSONAL, newcomer};
use super::two_processes::{sign_in, two_doors};
use super::{Program, Site};
use crate::harness::{Backend, SOON};

/// What exists: the texts by channel (0 is followed itself, 1 isn't, 2 is hidden from some) and message.
type Existing = BTreeMap<(usize, MessageId), String>;

/// An author, and where they post.
#[derive(Clone)]
struct Stage {
    carol: Person,
    channels: [Channel; 3],
    existing: Arc<Mutex<Existing>>,
}

impl Stage {
    fn new(guild: &Guild, carol: Person, followed: &Channel) -> Self {
        let (town, secret) = (guild.text("town"), guild.private_text("secret"));
        let reading = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
        guild.allow_bot(&secret, reading);
        secret.allow(&carol, reading);
        Self { carol, channels: [followed.clone(), town, secret], existing: Arc::default() }
    }

    /// Posts, edits and deletes for ever.
    async fn play(self, seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        for number in 0_u32.. {
            tokio::time::sleep(Duration::from_millis(random.random_range(5..40))).await;
            self.act(&mut random, number);
        }
    }

    fn act(&self, random: &mut StdRng, number: u32) {
        let mut existing = self.existing.lock().unwrap();
        let some = existing.keys().nth(random.random_range(0..=existing.len())).copied();
        match (random.random_range(0..10), some) {
            (0..=2, Some((channel, message))) => {
                let text = format!("{channel} edited {number}");
                self.carol.edit(&self.channels[channel], message, text.as_str()).unwrap();
                existing.insert((channel, message), text);
            }
            (3..=4, Some((channel, message))) => {
                self.carol.delete(&self.channels[channel], message).unwrap();
                existing.remove(&(channel, message));
            }
            _ => {
                let channel = random.random_range(0..3);
                let text = format!("{channel} posted {number}");
                let posted = self.carol.post(&self.channels[channel], text.as_str()).unwrap();
                existing.insert((channel, posted.id), text);
            }
        }
    }

    fn texts(&self, of: impl Fn(usize) -> bool) -> BTreeSet<String> {
        let existing = self.existing.lock().unwrap();
        existing.iter().filter(|((channel, _), _)| of(*channel)).map(|(_, text)| text.clone()).collect()
    }

    /// What is wrong with a feed of somebody who sees these channels: it has all of the channel that they
    /// follow, and nothing that doesn't exist or isn't what it says now.
    fn faults(&self, feed: &[String], sees: impl Fn(usize) -> bool) -> Option<String> {
        let shown: BTreeSet<String> = feed.iter().cloned().collect();
        let (may, must) = (self.texts(sees), self.texts(|channel| channel == 0));
        let wrong: Vec<&String> = shown.difference(&may).collect();
        let missing: Vec<&String> = must.difference(&shown).collect();
        let fine = wrong.is_empty() && missing.is_empty() && shown.len() == feed.len();
        (!fine).then(|| format!("wrong: {wrong:?}; missing: {missing:?}; {} of {}", shown.len(), feed.len()))
    }
}

/// All pages of a feed.
async fn all(get: impl AsyncFn(String) -> Value) -> Vec<String> {
    let (mut texts, mut query) = (Vec::new(), String::new());
    loop {
        let page = get(format!("/api/v1/me/feed?limit=100{query}")).await;
        let activities = page["activities"].as_array().unwrap_or_else(|| panic!("{page}"));
        texts.extend(activities.iter().map(|one| one["text"].as_str().unwrap_or("a link").to_owned()));
        let Some(next) = page["nextCursor"].as_str() else { return texts };
        query = format!("&cursor={next}");
    }
}

async fn until_faultless(stage: &Stage, sees: impl Fn(usize) -> bool, get: impl AsyncFn(String) -> Value) {
    let began = std::time::Instant::now();
    loop {
        let feed = all(&get).await;
        let Some(faults) = stage.faults(&feed, &sees) else {
            assert!(!feed.is_empty());
            return;
        };
        assert!(began.elapsed() < SOON * 2, "{faults}");
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

fn target(kind: &str, id: impl ToString) -> Value {
    json!({ "target": { "kind": kind, "id": id.to_string() } })
}

#[rstest]
#[case::sqlite(Backend::Sqlite, 12, 1)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres, 6, 2)]
#[tokio::test]
async fn kills_leave_feeds_true(#[case] backend: Backend, #[case] kills: u32, #[case] seed: u64) {
    let Some(mut site) = Site::on(backend).await else { return };
    let (carol, _) = newcomer(&site, "Carol").await;
    let (bob, mut bobs) = newcomer(&site, "Bob").await;
    let (_, mut eves) = newcomer(&site, "Eve").await;
    let stage = Stage::new(&site.harbour, carol, &site.news);
    stage.channels[2].allow(&bob, Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY);
    for reader in [&bobs, &eves] {
        follow(reader, target("user", stage.carol.id())).await;
        follow(reader, target("channel", site.news.id())).await;
    }
    let playing = tokio::spawn(stage.clone().play(seed));
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..kills {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..1_500))).await;
        site = site.killed(async |_| {}).await;
    }
    playing.abort();
    let _ = playing.await;
    (bobs, eves) = (site.again(bobs), site.again(eves));
    let last = stage.carol.post(&stage.channels[1], "1 last").unwrap();
    stage.existing.lock().unwrap().insert((1, last.id), "1 last".to_owned());
    let get = async |program: &Program, path: String| program.get(&path).await.body();
    until_faultless(&stage, |_| true, async |path| get(&bobs, path).await).await;
    until_faultless(&stage, |channel| channel < 2, async |path| get(&eves, path).await).await;
    assert!(all(async |path| get(&eves, path).await).await.contains(&"1 last".to_owned()));
}

/// The server's process is killed, and feeds are read from another one.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn kills_of_one_process_leave_feeds_true_in_another() {
    let Some((mut crew, one, other)) = two_doors().await else { return };
    let (harbour, _) = crew.server(0, "Harbour");
    let news = harbour.text("news");
    let bob = harbour.member("Bob", Permissions::default());
    sign_in(&bob, &news, &one, &other).await;
    let body = json!({ "name": "a reader", "scopes": PERSONAL });
    let token = other.send("POST", "/api/v1/me/tokens", body, None).await.body();
    let token = token["token"].as_str().unwrap().to_owned();
    let stage = Stage::new(&harbour, harbour.member("Carol", Permissions::default()), &news);
    for body in [target("user", stage.carol.id()), target("channel", news.id())] {
        let made = other.send("POST", "/api/v1/me/follows", body, Some(&token)).await;
        assert_eq!(made.status, 201, "{}", made.text);
    }
    let playing = tokio::spawn(stage.clone().play(3));
    let mut random = StdRng::seed_from_u64(3);
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(random.random_range(500..2_000))).await;
        crew.gateways.remove(0).kill().await;
        let mut gateway = crew.spawn_gateway(0, 2);
        crew.world.ready(&mut gateway).await;
        crew.gateways.insert(0, gateway);
    }
    playing.abort();
    let _ = playing.await;
    let get = async |path: String| other.send("GET", &path, Value::Null, Some(&token)).await.body();
    until_faultless(&stage, |channel| channel < 2, get).await;
}

/// What one process hears of a server hides what another one remembered.
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn what_is_gone_is_gone_at_once_in_another_process() {
    let Some((crew, one, other)) = two_doors().await else { return };
    let (harbour, _) = crew.server(0, "Harbour");
    let [news, town, docks] = ["news", "town", "docks"].map(|name| harbour.text(name));
    let bob = harbour.member("Bob", Permissions::default());
    let carol = harbour.member("Carol", Permissions::default());
    sign_in(&bob, &news, &one, &other).await;
    let body = json!({ "name": "a reader", "scopes": PERSONAL });
    let token = other.send("POST", "/api/v1/me/tokens", body, None).await.body();
    let token = token["token"].as_str().unwrap().to_owned();
    let made = other.send("POST", "/api/v1/me/follows", target("user", carol.id()), Some(&token)).await;
    assert_eq!(made.status, 201, "{}", made.text);
    // The process that has the server hears of the follow a moment later.
    let watched = async || {
        carol.post(&news, "news").unwrap();
        let feed = other.send("GET", "/api/v1/me/feed", Value::Null, Some(&token)).await.body();
        feed["totalCount"].as_u64() > Some(0)
    };
    crew.world.until("what Carol posts arrives", watched).await;
    carol.post(&town, "town").unwrap();
    carol.post(&docks, "docks").unwrap();
    let get = async |path: String| other.send("GET", &path, Value::Null, Some(&token)).await.body();
    let has = async |text: &str| all(&get).await.contains(&text.to_owned());
    crew.world.until("both are there", async || has("town").await && has("docks").await).await;
    let began = std::time::Instant::now();
    docks.deny_everyone(Permissions::VIEW_CHANNEL);
    town.delete().unwrap();
    crew.world.until("both are gone", async || !has("town").await && !has("docks").await).await;
    assert!(began.elapsed() < Duration::from_secs(30), "not only after a minute");
}
