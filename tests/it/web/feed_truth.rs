//! A feed tells the truth: what is deleted, edited, gone or hidden is so in feeds, whatever happens to the
//! bot.

use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::{Value, json};
use tributary_sandbox::{Channel, Effect, Fault, Permissions, Person};

use super::feed::{follow, shows, texts};
use super::people::newcomer;
use super::{Program, Site};
use crate::harness::{Backend, SOON};

/// Follows this person as somebody.
async fn follow_person(program: &Program, person: &Person) -> Value {
    follow(program, json!({ "target": { "kind": "user", "id": person.id().to_string() } })).await
}

/// Follows this channel as somebody.
async fn follow_channel(program: &Program, channel: &Channel) -> Value {
    follow(program, json!({ "target": { "kind": "channel", "id": channel.id().to_string() } })).await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_edited_and_deleted_while_the_bot_is_away_is_so_in_feeds(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let town = site.harbour.text("town");
    let (carol, _) = newcomer(&site, "Carol").await;
    let (dave, _) = newcomer(&site, "Dave").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    follow_person(&bobs, &carol).await;
    follow_channel(&bobs, &site.news).await;
    let [edited, deleted] = ["to be edited", "to be deleted"].map(|text| carol.post(&town, text).unwrap());
    carol.post(&town, "left alone").unwrap();
    let [news_edited, news_deleted] =
        ["news, edited", "news, deleted"].map(|text| dave.post(&site.news, text).unwrap());
    let before = ["news, deleted", "news, edited", "left alone", "to be deleted", "to be edited"];
    shows(&bobs, &before).await;

    let news = site.news.clone();
    // Discord is asked late, so that the first pages come before it.
    let site = site
        .killed(async |world| {
            carol.edit(&town, edited.id, "edited meanwhile").unwrap();
            carol.delete(&town, deleted.id).unwrap();
            dave.edit(&news, news_edited.id, "news, edited meanwhile").unwrap();
            dave.delete(&news, news_deleted.id).unwrap();
            let slow = Effect::Delay(Duration::from_millis(500));
            world.sandbox.fault(Fault::on("GET", "/channels/*/messages", slow).forever());
        })
        .await;
    let bobs = site.again(bobs);
    let (began, after) = (Instant::now(), ["news, edited meanwhile", "left alone", "edited meanwhile"]);
    loop {
        let now = texts(&bobs, "").await;
        let stale = |text: &String| text.ends_with("deleted") || text.ends_with("edited");
        assert!(!now.iter().any(stale), "not even for a moment: {now:?}");
        if now == after {
            break;
        }
        assert!(began.elapsed() < SOON, "{now:?} never became {after:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(bobs.get("/api/v1/me/feed").await.body()["totalCount"], 3);
}

/// A new session tells nothing of what happened before it, in the same process, too.
#[tokio::test]
async fn what_happens_between_two_sessions_is_so_in_feeds() {
    let site = Site::new().await;
    let town = site.harbour.text("town");
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    follow_person(&bobs, &carol).await;
    let [edited, deleted] = ["edited", "deleted"].map(|text| carol.post(&town, text).unwrap());
    shows(&bobs, &["deleted", "edited"]).await;
    let sandbox = &site.world.sandbox;
    sandbox.refuse_gateway_resumes(true);
    sandbox.gateway_unreachable_for(Duration::from_secs(2));
    carol.edit(&town, edited.id, "edited meanwhile").unwrap();
    carol.delete(&town, deleted.id).unwrap();
    shows(&bobs, &["edited meanwhile"]).await;
}

/// What comes with a new follow may have been deleted since anybody listened to its channel.
#[tokio::test]
async fn a_new_follow_begins_with_nothing_that_is_deleted() {
    let site = Site::new().await;
    let target = site.harbour.text("target");
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    crate::harness::follow(&site.alice, &site.news, &target).await;
    let [kept, deleted] = ["kept", "deleted"].map(|text| carol.post(&site.news, text).unwrap());
    target.wait_for_message(SOON, |message| message.content == "deleted").await.unwrap();
    site.alice.run(&target, "/unfollow", [("channel", &site.news)]).await.unwrap();
    assert_eq!(site.rows("channel_follows").await, "0");
    // From now on, nobody listens to the channel.
    let news = site.news.clone();
    let site = site
        .killed(async |_| {
            carol.edit(&news, kept.id, "kept and edited").unwrap();
            carol.delete(&news, deleted.id).unwrap();
        })
        .await;
    let bobs = site.again(bobs);
    follow_person(&bobs, &carol).await;
    shows(&bobs, &["kept and edited"]).await;
    carol.delete(&site.news, kept.id).unwrap();
    shows(&bobs, &[]).await;
}

/// Asks once, without waiting for a cache to end.
async fn shows_at_once(program: &Program, expected: &[&str]) {
    let began = Instant::now();
    shows(program, expected).await;
    assert!(began.elapsed() < Duration::from_secs(30), "not only after a minute");
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn what_is_in_deleted_channels_is_gone_at_once_with_its_follows(#[case] backend: Backend) {
    let Some(site) = Site::on(backend).await else { return };
    let [town, docks] = ["town", "docks"].map(|name| site.harbour.text(name));
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    follow_person(&bobs, &carol).await;
    follow_channel(&bobs, &docks).await;
    let thread = town.thread("a thread").unwrap();
    for (channel, text) in [(&town, "town"), (&docks, "docks"), (&thread, "thread"), (&site.news, "news")] {
        carol.post(channel, text).unwrap();
        carol.post(channel, format!("{text} again").as_str()).unwrap();
    }
    let all = ["news again", "news", "thread again", "thread", "docks again", "docks", "town again", "town"];
    shows(&bobs, &all).await;
    thread.delete().unwrap();
    shows_at_once(&bobs, &["news again", "news", "docks again", "docks", "town again", "town"]).await;
    town.delete().unwrap();
    shows_at_once(&bobs, &["news again", "news", "docks again", "docks"]).await;
    docks.delete().unwrap();
    shows_at_once(&bobs, &["news again", "news"]).await;
    let channels = "SELECT CAST(COUNT(*) AS TEXT) FROM personal_follows WHERE followee_kind = 'channel'";
    site.world.database.eventually(channels, "0").await;
    let counts = "SELECT CAST(COALESCE(SUM(followers), 0) AS TEXT) FROM followee_counts WHERE followee_kind = 'channel'";
    assert_eq!(site.world.database.text(counts).await.as_deref(), Some("0"));
}

#[tokio::test]
async fn a_channel_that_is_deleted_while_the_bot_is_away_takes_its_follows_along() {
    let site = Site::new().await;
    let [town, docks] = ["town", "docks"].map(|name| site.harbour.text(name));
    let (carol, _) = newcomer(&site, "Carol").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    follow_person(&bobs, &carol).await;
    follow_channel(&bobs, &docks).await;
    carol.post(&town, "town").unwrap();
    carol.post(&docks, "docks").unwrap();
    shows(&bobs, &["docks", "town"]).await;
    let site = site
        .killed(async |_| {
            town.delete().unwrap();
            docks.delete().unwrap();
        })
        .await;
    let bobs = site.again(bobs);
    shows(&bobs, &[]).await;
    let channels = "SELECT CAST(COUNT(*) AS TEXT) FROM personal_follows WHERE followee_kind = 'channel'";
    site.world.database.eventually(channels, "0").await;
}

#[tokio::test]
async fn what_is_in_a_server_that_the_bot_left_is_gone_at_once() {
    let site = Site::new().await;
    let island = site.world.sandbox.create_guild("Island");
    let beach = island.text("beach");
    let (carol, _) = newcomer(&site, "Carol").await;
    let (bob, bobs) = newcomer(&site, "Bob").await;
    island.join(&carol, Permissions::default());
    island.join(&bob, Permissions::default());
    follow_person(&bobs, &carol).await;
    carol.post(&beach, "on the beach").unwrap();
    carol.post(&site.news, "in the harbour").unwrap();
    shows(&bobs, &["in the harbour", "on the beach"]).await;
    island.remove_bot().unwrap();
    shows_at_once(&bobs, &["in the harbour"]).await;
}

/// Whoever follows somebody who posts a lot where they can't read misses nothing of the others.
#[tokio::test]
async fn what_is_hidden_pushes_nothing_out() {
    let site = Site::new().await;
    let secret = site.harbour.private_text("secret");
    let reading = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
    site.harbour.allow_bot(&secret, reading);
    let (carol, _) = newcomer(&site, "Carol").await;
    let (dave, _) = newcomer(&site, "Dave").await;
    let (_, bobs) = newcomer(&site, "Bob").await;
    secret.allow(&carol, reading);
    follow_person(&bobs, &carol).await;
    follow_person(&bobs, &dave).await;
    dave.post(&site.news, "of Dave").unwrap();
    shows(&bobs, &["of Dave"]).await;
    for number in 0..2_100 {
        carol.post(&secret, format!("hidden {number}").as_str()).unwrap();
    }
    site.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM feed_items", "2101").await;
    let page = bobs.get("/api/v1/me/feed").await.body();
    assert_eq!((&page["totalCount"], &page["totalIsExact"]), (&json!(1), &json!(true)), "{page}");
    assert_eq!(page["activities"][0]["text"], "of Dave");
}
