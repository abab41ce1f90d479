//! Everything that a message can be: files, replies, forwards, polls, stickers, buttons, mentions.

use serde_json::json;
use tributary_sandbox::{Channel, Effect, Fault, Person, Post, SeenMessage};

use crate::harness::{SOON, Scene, admin, follow};

/// Posts in the source, and waits for what the target shows of it: the first message that fits.
async fn shown(
    who: &Person,
    source: &Channel,
    target: &Channel,
    post: impl Into<Post>,
    fits: impl Fn(&SeenMessage) -> bool,
) -> SeenMessage {
    who.post(source, post).unwrap();
    let found = target.wait_for_message(SOON, |message| message.webhook.is_some() && fits(message)).await;
    found.unwrap_or_else(|error| panic!("{error}\n{}", target.render_text()))
}

/// `#news` follows `#releases` in one server.
async fn scene() -> Scene {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    scene
}

#[tokio::test]
async fn files_arrive_with_their_names_and_descriptions() {
    let scene = scene().await;
    let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let post = Post::text("look").file("plan.png", "image/png", bytes.clone()).file(
        "SPOILER_end.txt",
        "text/plain",
        *b"it was the butler",
    );
    let mirror =
        shown(&scene.alice, &scene.releases, &scene.news, post, |message| message.content == "look").await;
    let names: Vec<_> = mirror.attachments.iter().map(|file| file.filename.as_str()).collect();
    assert_eq!(names, ["plan.png", "SPOILER_end.txt"]);
    assert!(mirror.attachments[0].bytes == bytes, "the bytes are the same");
}

#[tokio::test]
async fn more_than_a_request_takes_stands_in_two_messages() {
    let scene = scene().await;
    let files = (0..3).map(|n| (format!("{n}.bin"), vec![n; 9 << 20]));
    let post = files
        .fold(Post::text("much"), |post, (name, bytes)| post.file(&name, "application/octet-stream", bytes));
    scene.alice.post(&scene.releases, post).unwrap();
    let count = |all: &[SeenMessage]| all.iter().map(|message| message.attachments.len()).sum::<usize>();
    let all = scene.news.wait_for_messages(SOON, |all| count(all) == 3).await.unwrap();
    assert_eq!(all.iter().filter(|message| message.webhook.is_some()).count(), 2);
}

#[tokio::test]
async fn a_file_that_is_too_large_is_linked() {
    let scene = scene().await;
    let post = Post::text("big").file("big.bin", "application/octet-stream", vec![7; 11 << 20]);
    let mirror =
        shown(&scene.alice, &scene.releases, &scene.news, post, |message| message.content.starts_with("big"))
            .await;
    let original = scene.releases.messages().pop().unwrap();
    assert!(mirror.attachments.is_empty());
    assert!(
        mirror.content.contains("big.bin") && mirror.content.contains(&original.id.to_string()),
        "{}",
        mirror.content
    );
}

#[tokio::test]
async fn a_file_that_an_edit_takes_off_goes() {
    let scene = scene().await;
    let post = Post::text("two").file("keep.txt", "text/plain", *b"a").file("drop.txt", "text/plain", *b"b");
    let original = scene.alice.post(&scene.releases, post).unwrap();
    scene.news.wait_for_message(SOON, |message| message.attachments.len() == 2).await.unwrap();
    let kept = original.json["attachments"][0]["id"].clone();
    let edit = Post::text("one").field("attachments", json!([{ "id": kept }]));
    scene.alice.edit(&scene.releases, original.id, edit).unwrap();
    let mirror = scene.news.wait_for_message(SOON, |message| message.content == "one").await.unwrap();
    let names: Vec<_> = mirror.attachments.iter().map(|file| file.filename.as_str()).collect();
    assert_eq!(names, ["keep.txt"]);
}

#[tokio::test]
async fn a_link_that_expired_while_it_waited_is_asked_for_anew() {
    let scene = scene().await;
    let faults = &scene.world.sandbox;
    let expired = faults.fault(Fault::on("GET", "/attachments/**", Effect::Status(404)));
    let post = Post::text("late").file("late.txt", "text/plain", *b"still there");
    let mirror =
        shown(&scene.alice, &scene.releases, &scene.news, post, |message| message.content == "late").await;
    assert_eq!(mirror.attachments[0].bytes, b"still there");
    assert_eq!(scene.world.sandbox.fault_hits(expired), 1);
}

#[tokio::test]
async fn an_answer_links_to_the_mirror_of_what_it_answers() {
    let scene = scene().await;
    let question = shown(&scene.alice, &scene.releases, &scene.news, "Who is coming?", |message| {
        message.content == "Who is coming?"
    })
    .await;
    let original = scene.releases.messages().pop().unwrap();
    let answer = Post::text("Me").reply_to(original.id);
    let mirror =
        shown(&scene.alice, &scene.releases, &scene.news, answer, |message| message.content.ends_with("Me"))
            .await;
    assert!(
        mirror.content.contains("Alice") && mirror.content.contains("Who is coming?"),
        "{}",
        mirror.content
    );
    assert!(mirror.content.contains(&question.id.to_string()), "{}", mirror.content);
}

#[tokio::test]
async fn a_forward_shows_what_was_forwarded() {
    let scene = scene().await;
    let elsewhere = scene.harbour.text("elsewhere");
    let original = scene.alice.post(&elsewhere, "the original words").unwrap();
    let mirror =
        shown(&scene.alice, &scene.releases, &scene.news, Post::forward(elsewhere.id(), original.id), |_| {
            true
        })
        .await;
    assert!(
        mirror.content.contains("Forwarded") && mirror.content.contains("the original words"),
        "{}",
        mirror.content
    );
}

#[tokio::test]
async fn polls_and_stickers_are_shown_in_words_and_pictures() {
    let scene = scene().await;
    let poll = json!({
        "question": { "text": "Tea or coffee?" }, "duration": 24, "allow_multiselect": false, "layout_type": 1,
        "answers": [{ "poll_media": { "text": "Tea" } }, { "poll_media": { "text": "Coffee" } }],
    });
    let mirror =
        shown(&scene.alice, &scene.releases, &scene.news, Post::default().field("poll", poll), |_| true)
            .await;
    for words in ["Tea or coffee?", "Tea", "Coffee", "original"] {
        assert!(mirror.content.contains(words), "{}", mirror.content);
    }
}

#[tokio::test]
async fn elsewhere_mentions_become_names() {
    let scene = Scene::new().await;
    let (island, keeper) = scene.elsewhere("Island");
    let beach = island.text("beach");
    scene.harbour.join(&keeper, tributary_sandbox::Permissions::empty());
    let publish =
        tributary_sandbox::Options::new().set("channel", &scene.releases).set("audience", "servers");
    scene.run("/publish", publish).await;
    let link = tributary_sandbox::Options::new().set("link", scene.releases.link());
    assert!(keeper.run(&beach, "/follow", link).await.unwrap().text().contains("now follows"));
    let crew = scene.harbour.role("Crew", tributary_sandbox::Permissions::empty());
    let text = format!("{} and <@&{crew}>, see {}", scene.alice.mention(), scene.news.mention());
    let mirror = shown(&scene.alice, &scene.releases, &beach, text, |_| true).await;
    assert_eq!(mirror.content, "@Alice and @Crew, see #news");
}

#[tokio::test]
async fn two_people_of_one_name_stay_apart() {
    let scene = scene().await;
    let other = admin(&scene.harbour, "Bob");
    scene.harbour.nickname(&other, Some("Alice")).unwrap();
    shown(&scene.alice, &scene.releases, &scene.news, "first", |message| message.content == "first").await;
    let second =
        shown(&other, &scene.releases, &scene.news, "second", |message| message.content == "second").await;
    assert!(second.author.starts_with("Alice (") && second.author.ends_with(')'), "{}", second.author);
}

#[tokio::test]
async fn previews_that_discord_adds_later_cost_no_edit() {
    let scene = scene().await;
    let mirror =
        shown(&scene.alice, &scene.releases, &scene.news, "https://example.com/page", |_| true).await;
    let original = scene.releases.messages().pop().unwrap();
    let preview = json!({ "type": "link", "url": "https://example.com/page", "title": "A page" });
    scene.releases.add_embeds(original.id, vec![preview]).unwrap();
    shown(&scene.alice, &scene.releases, &scene.news, "later", |message| message.content == "later").await;
    assert_eq!(scene.news.message(mirror.id).unwrap().edited_at, None);
}

#[tokio::test]
async fn both_ways_at_once_nothing_echoes() {
    let scene = scene().await;
    follow(&scene.alice, &scene.news, &scene.releases).await;
    scene.alice.post(&scene.releases, "there").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "there").await.unwrap();
    scene.alice.post(&scene.news, "and back").unwrap();
    scene.releases.wait_for_message(SOON, |message| message.content == "and back").await.unwrap();
    let posts = |channel: &Channel| channel.messages().iter().filter(|message| message.kind == 0).count();
    assert_eq!((posts(&scene.releases), posts(&scene.news)), (2, 2));
}
