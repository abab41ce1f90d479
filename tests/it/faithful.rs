//! Mirrors look like what was posted: spoilers stay closed, polls stay and end, the bot waits for bots that
//! think, files keep their names, and replies their people.
//!
//! Most of it is read from the history, after the bot was away: there, everything is as Discord stores it.

use serde_json::{Value, json};
use tributary_sandbox::{Effect, Fault, MessageFlags, Options, Permissions, Post, SeenMessage};

use crate::harness::{Forum, Pair, SOON, Scene, texts};

/// What the target shows of what happened while the bot was away, once everything has arrived.
async fn away(pair: &mut Pair, happens: impl AsyncFnOnce(&Pair)) -> Vec<SeenMessage> {
    pair.stop().await;
    happens(pair).await;
    pair.start().await;
    pair.settled().await;
    pair.mirrors()
}

fn hidden(message: &SeenMessage) -> Vec<bool> {
    message.attachments.iter().map(|file| file.spoiler).collect()
}

fn components(attachment: &str) -> Value {
    json!([
        { "type": 10, "content": "open" },
        { "type": 17, "spoiler": true, "components": [{ "type": 10, "content": "the butler" }] },
        { "type": 12, "items": [{ "media": { "url": format!("attachment://{attachment}") }, "spoiler": true }] },
    ])
}

#[tokio::test]
async fn spoilers_stay_closed() {
    let mut pair = Pair::new().await;
    let v2 = json!(MessageFlags::IS_COMPONENTS_V2.bits());
    let mut posted = Vec::new();
    let mirrors = away(&mut pair, async |pair| {
        let picture = Post::text("flagged").file("end.png", "image/png", *b"end").spoiler();
        let flagged = pair.alice.post(&pair.source, picture).unwrap();
        let parts = Post::default().field("flags", v2).field("components", components("end.png"));
        let parts = pair.alice.post(&pair.source, parts.file("end.png", "image/png", *b"end")).unwrap();
        for message in [&flagged, &parts] {
            pair.alice.post(&pair.source, Post::forward(pair.source.id(), message.id)).unwrap();
        }
        posted.push(flagged);
    })
    .await;
    assert!(posted[0].attachments[0].spoiler && posted[0].attachments[0].filename == "end.png");
    for mirror in &mirrors[..4] {
        assert_eq!(hidden(mirror), [true], "{mirror:?}");
        assert!(mirror.embeds.is_empty(), "no open picture: {mirror:?}");
    }
    assert_eq!(mirrors[1].content, "open\n\n||the butler||");
    assert!(mirrors[3].content.ends_with(">>> open\n\n||the butler||"), "{}", mirrors[3].content);
    let kept = json!([{ "id": posted[0].json["attachments"][0]["id"] }]);
    let mirrors = away(&mut pair, async |pair| {
        let edit = Post::text("edited").field("attachments", kept);
        pair.alice.edit(&pair.source, posted[0].id, edit).unwrap();
    })
    .await;
    assert_eq!((mirrors[0].content.as_str(), hidden(&mirrors[0])), ("edited", vec![true]));
}

#[tokio::test]
async fn what_is_hidden_later_is_hidden_in_the_mirror() {
    let mut pair = Pair::new().await;
    let picture = Post::text("open").file("end.png", "image/png", *b"end");
    let original = pair.alice.post(&pair.source, picture).unwrap();
    pair.settled().await;
    assert_eq!(hidden(&pair.mirrors()[0]), [false]);
    let id = original.json["attachments"][0]["id"].clone();
    let mirrors = away(&mut pair, async |pair| {
        let edit = Post::text("open").field("attachments", json!([{ "id": id, "is_spoiler": true }]));
        pair.alice.edit(&pair.source, original.id, edit).unwrap();
    })
    .await;
    assert_eq!(hidden(&mirrors[0]), [true]);
    assert_eq!(mirrors[0].attachments[0].bytes, b"end");
}

#[tokio::test]
async fn a_poll_stays_and_ends_with_its_results() {
    let mut pair = Pair::new().await;
    let poll = json!({
        "question": { "text": "Tea?" }, "duration": 24,
        "answers": [{ "poll_media": { "text": "Yes" } }, { "poll_media": { "text": "No" } }],
    });
    let mirrors = away(&mut pair, async |pair| {
        pair.alice.post(&pair.source, Post::text("Vote!").field("poll", poll)).unwrap();
    })
    .await;
    assert!(mirrors[0].content.starts_with("Vote!\n**Tea?**\n- Yes\n- No\n"), "{}", mirrors[0].content);
    let original = pair.source.messages()[0].id;
    let mirrors = away(&mut pair, async |pair| pair.source.end_poll(original, &[1, 2]).unwrap()).await;
    let wanted = "Vote!\n**Tea?**\n- Yes · 1 vote\n- **No** · 2 votes\n-# Poll · ended with 3 votes";
    assert!(mirrors[0].content.starts_with(wanted), "{}", mirrors[0].content);
}

#[tokio::test]
async fn a_bot_that_thinks_is_waited_for() {
    let pair = Pair::new().await;
    let other = pair.guild.member("Thinker", Permissions::empty());
    let thinking = pair.source.start_thinking(&other).unwrap();
    let first = pair.settled().await;
    assert_eq!(pair.texts(), [first.as_str()], "there is nothing to show yet");
    other.edit(&pair.source, thinking.id, "forty-two").unwrap();
    let second = pair.settled().await;
    assert_eq!(pair.texts(), [first.as_str(), "forty-two", second.as_str()]);
    other.edit(&pair.source, thinking.id, "forty-three").unwrap();
    pair.target.wait_for_message(SOON, |message| message.content == "forty-three").await.unwrap();
}

#[tokio::test]
async fn a_bot_that_thinks_is_waited_for_across_an_absence() {
    let mut pair = Pair::new().await;
    let other = pair.guild.member("Thinker", Permissions::empty());
    let before = pair.source.start_thinking(&other).unwrap();
    pair.settled().await;
    let mut during = None;
    let mirrors = away(&mut pair, async |pair| {
        other.edit(&pair.source, before.id, "one").unwrap();
        during = Some(pair.source.start_thinking(&other).unwrap());
    })
    .await;
    let texts: Vec<_> = mirrors.iter().map(|mirror| mirror.content.as_str()).collect();
    assert_eq!(texts.iter().filter(|text| **text == "one").count(), 1, "{texts:?}");
    assert_eq!(texts.len(), 3, "{texts:?}");
    other.edit(&pair.source, during.unwrap().id, "two").unwrap();
    pair.target.wait_for_message(SOON, |message| message.content == "two").await.unwrap();
}

#[tokio::test]
async fn names_of_files_are_kept_in_any_writing() {
    let mut pair = Pair::new().await;
    let mirrors = away(&mut pair, async |pair| {
        let plan = Post::text("plan").file("План работ.pdf", "application/pdf", *b"1");
        pair.alice.post(&pair.source, plan).unwrap();
    })
    .await;
    let original = &pair.source.messages()[0].attachments[0];
    assert_eq!((original.filename.as_str(), original.title.as_deref()), ("_.pdf", Some("План работ")));
    let file = &mirrors[0].attachments[0];
    assert_eq!((file.filename.as_str(), file.title.as_deref()), ("_.pdf", Some("План работ")));
}

#[tokio::test]
async fn previews_are_left_to_discord_whatever_their_type() {
    let pair = Pair::new().await;
    let preview = json!({ "type": "rich", "url": "https://x.com/a/status/1", "title": "A post" });
    let post = Post::text("https://x.com/a/status/1").embeds(vec![preview.clone()]);
    pair.alice.post(&pair.source, post.clone()).unwrap();
    let hook = pair.source.add_webhooks(1).unwrap()[0];
    let own = json!({ "title": "Build passed" });
    let by_webhook = post.embeds(vec![preview, own]);
    pair.source.post_through(hook, "Build", by_webhook).unwrap();
    pair.settled().await;
    let titles =
        |message: &SeenMessage| message.embeds.iter().map(|embed| embed["title"].clone()).collect::<Vec<_>>();
    let mirrors = pair.mirrors();
    assert_eq!((titles(&mirrors[0]), titles(&mirrors[1])), (vec![], vec![json!("Build passed")]));
}

#[tokio::test]
async fn an_answer_names_whom_it_answers_as_the_mirrors_do() {
    let mut pair = Pair::new().await;
    pair.guild.nickname(&pair.alice, Some("Captain Alice")).unwrap();
    let question = pair.post("Who is coming?");
    let gone = pair.post("never mind");
    let mirrors = away(&mut pair, async |pair| {
        pair.alice.post(&pair.source, Post::text("Me").reply_to(question.id)).unwrap();
        pair.alice.post(&pair.source, Post::text("Me too").reply_withholding(question.id)).unwrap();
        pair.alice.post(&pair.source, Post::text("Fine").reply_withholding(gone.id)).unwrap();
        pair.delete(&gone);
    })
    .await;
    let all: Vec<_> = mirrors.iter().map(|mirror| mirror.content.as_str()).collect();
    let answer = |text: &str| {
        let found = all.iter().find(|shown| shown.ends_with(&format!("\n{text}")));
        (*found.unwrap_or_else(|| panic!("no {text} in {all:?}"))).to_owned()
    };
    for text in ["Me", "Me too"] {
        let shown = answer(text);
        assert!(shown.contains("Captain Alice") && shown.contains("Who is coming?"), "{shown}");
    }
    assert_eq!(answer("Fine"), "-# ↪ a deleted message\nFine");
}

#[tokio::test]
async fn an_edit_adds_and_replaces_files() {
    let pair = Pair::new().await;
    let post = Post::text("one").file("a.txt", "text/plain", *b"a").file("b.txt", "text/plain", *b"b");
    let original = pair.alice.post(&pair.source, post).unwrap();
    pair.settled().await;
    let kept = original.json["attachments"][0]["id"].clone();
    let edit = Post::text("two")
        .field("attachments", json!([{ "id": kept }, { "id": 0 }, { "id": 1 }]))
        .file("b.txt", "text/plain", *b"other")
        .file("c.txt", "text/plain", *b"c");
    pair.alice.edit(&pair.source, original.id, edit).unwrap();
    let mirror = pair.target.wait_for_message(SOON, |message| message.content == "two").await.unwrap();
    let files = mirror.attachments.iter().map(|file| (file.filename.as_str(), file.bytes.as_slice()));
    let files: Vec<(&str, &[u8])> = files.collect();
    assert_eq!(files, [("a.txt", b"a".as_slice()), ("b.txt", b"other"), ("c.txt", b"c")]);
    let bare = Post::text("three").field("attachments", json!([]));
    pair.alice.edit(&pair.source, original.id, bare).unwrap();
    let mirror = pair.target.wait_for_message(SOON, |message| message.content == "three").await.unwrap();
    assert!(mirror.attachments.is_empty());
}

#[tokio::test]
async fn a_file_of_the_same_name_and_size_is_replaced() {
    let mut pair = Pair::new().await;
    let post = Post::text("one").file("a.txt", "text/plain", *b"old").file("b.txt", "text/plain", *b"old");
    let original = pair.alice.post(&pair.source, post).unwrap();
    pair.settled().await;
    let bytes =
        |mirror: &SeenMessage| mirror.attachments.iter().map(|file| file.bytes.to_vec()).collect::<Vec<_>>();
    let kept = original.json["attachments"][0]["id"].clone();
    let edit = |text: &str, kept: &Value, new: &[u8]| {
        let edit = Post::text(text).field("attachments", json!([{ "id": kept }, { "id": 0 }]));
        edit.file("b.txt", "text/plain", new)
    };
    let edited = pair.alice.edit(&pair.source, original.id, edit("two", &kept, b"new")).unwrap();
    let mirror = pair.target.wait_for_message(SOON, |message| message.content == "two").await.unwrap();
    assert_eq!(bytes(&mirror), [b"old", b"new"]);
    // Next, the other file is replaced, after a text-only edit and a restart.
    pair.edit(&edited, "three");
    pair.target.wait_for_message(SOON, |message| message.content == "three").await.unwrap();
    let kept = edited.json["attachments"][1]["id"].clone();
    let mirrors = away(&mut pair, async |pair| {
        let edit = edit("four", &kept, b"one").field("attachments", json!([{ "id": 0 }, { "id": kept }]));
        pair.alice.edit(&pair.source, original.id, edit).unwrap();
    })
    .await;
    assert_eq!(mirrors[0].content, "four");
    let mut all = bytes(&mirrors[0]);
    all.sort();
    assert_eq!(all, [b"new", b"one"]);
}

#[tokio::test]
async fn a_boosted_server_is_sent_larger_files() {
    let pair = Pair::new().await;
    pair.guild.set_boost_level(2);
    for number in 0..2 {
        let post = Post::text(&format!("big {number}"));
        let post = post.file("big.bin", "application/octet-stream", vec![7; 12 << 20]);
        pair.alice.post(&pair.source, post).unwrap();
    }
    pair.settled().await;
    let sizes: Vec<_> =
        pair.mirrors().iter().flat_map(|mirror| &mirror.attachments).map(|file| file.bytes.len()).collect();
    assert_eq!(sizes, [12 << 20, 12 << 20]);
    assert_eq!(pair.texts()[..2], ["big 0", "big 1"]);
}

#[tokio::test]
async fn a_follow_begins_with_wanted_posts_wherever_they_stand() {
    let scene = Scene::new().await;
    for number in 0..3 {
        scene.alice.post(&scene.releases, format!("#release {number}")).unwrap();
    }
    for number in 0..110 {
        scene.alice.post(&scene.releases, format!("chatter {number}")).unwrap();
    }
    let options = Options::new().set("channel", &scene.releases).set("mode", "only").set("tags", "#release");
    let reply = scene.run("/follow", options.set("backfill", 2_i64)).await;
    assert!(reply.text().contains("its last 2 posts"), "{}", reply.text());
    scene.news.wait_for_message(SOON, |message| message.content == "#release 2").await.unwrap();
    assert_eq!(texts(&scene.news), ["#release 1", "#release 2"]);
}

#[tokio::test]
async fn a_bot_that_is_timed_out_says_so() {
    let scene = Scene::new().await;
    let until = chrono::DateTime::parse_from_rfc3339("2199-01-01T00:00:00Z").unwrap().to_utc();
    scene.harbour.time_out_bot(until).unwrap();
    let told = scene.refused("/follow", [("channel", &scene.releases)]).await;
    assert!(told.contains("I am timed out") && told.contains(&until.timestamp().to_string()), "{told}");
}

#[tokio::test]
async fn two_factor_is_not_called_a_lack_of_permissions() {
    let scene = Scene::new().await;
    let refuse = Effect::Refuse {
        status: 403,
        code: 60_003,
        message: "Two factor is required for this operation".to_owned(),
    };
    scene.world.sandbox.fault(Fault::on("POST", "/channels/*/webhooks", refuse));
    let reply = scene.run("/follow", [("channel", &scene.releases)]).await;
    assert!(reply.text().contains("the owner of my application"), "{}", reply.text());
    assert!(!reply.text().contains("my permissions"), "{}", reply.text());
}

#[tokio::test]
async fn where_archived_threads_cannot_be_listed_the_active_ones_are_read() {
    let mut forum = Forum::new().await;
    forum.follow(&forum.ideas, &[("threads", "all")]).await;
    let refuse = Effect::Refuse { status: 403, code: 50_013, message: "Missing Permissions".to_owned() };
    let refused = forum.world.sandbox.fault(Fault::on("GET", "/channels/*/threads/archived/public", refuse));
    forum.absent(|forum| drop(forum.start("Lamps", &[], "It is dark."))).await;
    forum.comes_to(&["It is dark."]).await;
    assert!(forum.world.sandbox.fault_hits(refused) > 0);
}
