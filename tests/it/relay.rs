//! What a relay shows of a message, and what it leaves alone.

use rstest::rstest;
use serde_json::json;
use tributary_sandbox::{Channel, Guild, MessageFlags, Permissions, Person, Post, SeenMessage};

use crate::harness::{Backend, Bot, SOON, World, admin, follow, texts};

struct Scene {
    world: World,
    harbour: Guild,
    source: Channel,
    target: Channel,
    alice: Person,
    _bot: Bot,
}

impl Scene {
    async fn on(backend: Backend) -> Option<Self> {
        let world = World::on(backend).await?;
        let harbour = world.sandbox.create_guild("Harbour");
        let (source, target) = (harbour.text("source"), harbour.text("target"));
        let alice = admin(&harbour, "Alice");
        let bot = world.start().await;
        follow(&alice, &source, &target).await;
        Some(Self { world, harbour, source, target, alice, _bot: bot })
    }

    async fn new() -> Self {
        Self::on(Backend::Sqlite).await.expect("SQLite is always there")
    }

    /// Posts, and waits for this many mirrors.
    async fn mirrors(&self, post: impl Into<Post>, count: usize) -> Vec<SeenMessage> {
        self.alice.post(&self.source, post).unwrap();
        let mirrors = self
            .target
            .wait_for_messages(SOON, |all| all.iter().filter(|one| one.kind == 0).count() >= count);
        let all = mirrors.await.unwrap_or_else(|error| panic!("{error}: {:?}", texts(&self.target)));
        self.assert_nothing_refused();
        all
    }

    async fn mirror(&self, post: impl Into<Post>) -> SeenMessage {
        self.mirrors(post, 1).await.remove(0)
    }

    /// The same for what a webhook posts in the source: people can't create embeds.
    async fn mirror_of_webhook(&self, post: Post) -> SeenMessage {
        let webhook = self.source.add_webhooks(1).unwrap()[0];
        self.source.post_through(webhook, "Build", post).unwrap();
        let arrives = self.target.wait_for_message(SOON, |message| message.author == "Build");
        let mirror = arrives.await.unwrap_or_else(|error| panic!("{error}: {:?}", texts(&self.target)));
        self.assert_nothing_refused();
        mirror
    }

    fn assert_nothing_refused(&self) {
        let refused = self.world.sandbox.exchanges().into_iter().find(|exchange| exchange.status == 400);
        assert!(refused.is_none(), "{refused:?}");
    }

    /// Nothing that came before is mirrored: only the next post appears in the target.
    async fn assert_only_the_next_arrives(&self) {
        self.alice.post(&self.source, "the next").unwrap();
        self.target.wait_for_message(SOON, |message| message.content == "the next").await.unwrap();
        assert_eq!(texts(&self.target), ["the next"]);
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_mirror_shows_author_text_and_embeds(#[case] backend: Backend) {
    let Some(scene) = Scene::on(backend).await else { return };
    scene.alice.set_avatar(Some("0123456789abcdef0123456789abcdef"));
    scene.harbour.nickname(&scene.alice, Some("Captain Alice")).unwrap();
    let embed =
        json!({ "title": "v1.0", "description": "It is out", "fields": [{ "name": "a", "value": "b" }] });
    let mirror = scene.mirror("**Hello** <https://example.com>").await;
    assert_eq!(mirror.author, "Captain Alice");
    assert!(
        mirror.avatar.as_ref().is_some_and(|url| url.contains("0123456789abcdef")),
        "{:?}",
        mirror.avatar
    );
    assert_eq!(mirror.content, "**Hello** <https://example.com>");
    let mirror = scene.mirror_of_webhook(Post::default().embeds(vec![embed])).await;
    assert_eq!(
        (&mirror.embeds[0]["title"], &mirror.embeds[0]["fields"][0]["value"]),
        (&json!("v1.0"), &json!("b"))
    );
    assert_eq!(mirror.application, Some(scene.world.sandbox.application_id()));
}

#[tokio::test]
async fn a_mirror_pings_nobody() {
    let scene = Scene::new().await;
    let loud = scene.harbour.role("loud", Permissions::MENTION_EVERYONE);
    scene.harbour.set_role_mentionable(loud, true).unwrap();
    scene.harbour.grant(&scene.alice, loud);
    let bob = scene.harbour.member("Bob", Permissions::empty());
    let text = format!("@everyone @here {} <@&{loud}>", bob.mention());
    let mirror = scene.mirror(text.as_str()).await;
    assert!(!scene.source.messages()[0].pinged.is_empty(), "the original did ping");
    assert!(mirror.pinged.is_empty() && mirror.content == text, "{mirror:?}");
}

#[rstest]
#[tokio::test]
async fn any_name_will_do(
    #[values("clyde", "My Discord", "x", "@everyone", "\u{200B}\u{2060}\u{200B}", "   ", "dis\u{200D}cord")]
    name: &str,
) {
    let scene = Scene::new().await;
    scene.alice.rename(name);
    let mirror = scene.mirror("who is this?").await;
    assert!((1..=80).contains(&mirror.author.chars().count()), "{:?}", mirror.author);
}

#[tokio::test]
async fn a_long_name_is_cut() {
    let scene = Scene::new().await;
    scene.alice.rename(&"n".repeat(81));
    assert_eq!(scene.mirror("hello").await.author, format!("{}…", "n".repeat(79)));
}

#[tokio::test]
async fn four_thousand_characters_arrive_whole() {
    let scene = Scene::new().await;
    let text = "word ".repeat(800).trim_end().to_owned();
    let parts = scene.mirrors(text.as_str(), 2).await;
    let words = |text: &str| text.split_whitespace().count();
    assert_eq!(parts.iter().map(|part| words(&part.content)).sum::<usize>(), words(&text));
    assert!(parts.iter().all(|part| part.content.chars().count() <= 2000));
}

#[tokio::test]
async fn embeds_up_to_the_limits_arrive() {
    let scene = Scene::new().await;
    let field = json!({ "name": "n".repeat(56), "value": "v".repeat(44) });
    let big = json!({ "title": "t".repeat(256), "description": "d".repeat(4096), "footer": { "text": "f".repeat(148) } });
    let fields = json!({ "title": "fields", "fields": vec![field; 14] });
    let small: Vec<_> = (0..8).map(|n| json!({ "title": format!("embed {n}") })).collect();
    let embeds = [vec![big, fields], small].concat();
    let mirror = scene.mirror_of_webhook(Post::default().embeds(embeds)).await;
    assert_eq!(mirror.embeds.len(), 10);
    assert_eq!(mirror.embeds[0]["description"].as_str().map(str::len), Some(4096));
    assert_eq!(mirror.embeds[1]["fields"].as_array().map(Vec::len), Some(14));
}

#[tokio::test]
async fn link_previews_are_left_to_discord() {
    let scene = Scene::new().await;
    let preview = json!({ "type": "link", "url": "https://example.com", "title": "Example" });
    let mirror = scene.mirror(Post::text("https://example.com").embeds(vec![preview])).await;
    assert!(mirror.embeds.is_empty(), "{:?}", mirror.embeds);
}

#[tokio::test]
async fn a_silent_message_stays_silent() {
    let scene = Scene::new().await;
    let silent = MessageFlags::SUPPRESS_NOTIFICATIONS;
    let mirror = scene.mirror(Post::text("psst").field("flags", json!(silent.bits()))).await;
    assert!(mirror.flags.contains(silent));
}

#[tokio::test]
async fn system_messages_are_not_mirrored() {
    let scene = Scene::new().await;
    scene.alice.start_thread(&scene.source, "aside", None).unwrap();
    let announcements = scene.harbour.announcement("announcements");
    scene.harbour.owner().follow_natively(&announcements, &scene.source).unwrap();
    assert!(scene.source.messages().iter().all(|message| message.kind != 0), "Discord itself said something");
    scene.assert_only_the_next_arrives().await;
}

#[tokio::test]
async fn two_channels_that_follow_each_other_do_not_echo() {
    let scene = Scene::new().await;
    follow(&scene.alice, &scene.target, &scene.source).await;
    scene.alice.post(&scene.source, "ping").unwrap();
    scene.alice.post(&scene.target, "pong").unwrap();
    for (channel, text) in [(&scene.source, "pong"), (&scene.target, "ping")] {
        channel.wait_for_message(SOON, |message| message.content == text).await.unwrap();
    }
    scene.world.sandbox.wait_quiet(std::time::Duration::from_millis(300)).await;
    assert_eq!((texts(&scene.source).len(), texts(&scene.target).len()), (2, 2));
}

/// What this application posted is never mirrored, what people post is: in a chain, each channel's posts are
/// passed on by one step.
#[tokio::test]
async fn a_chain_passes_on_what_people_post_and_no_copies() {
    let scene = Scene::new().await;
    let end = scene.harbour.text("end");
    follow(&scene.alice, &scene.target, &end).await;
    scene.mirror("from the source").await;
    scene.alice.post(&scene.target, "from the middle").unwrap();
    end.wait_for_message(SOON, |message| message.content == "from the middle").await.unwrap();
    assert_eq!(texts(&end), ["from the middle"]);
}

#[tokio::test]
async fn what_the_bot_says_is_not_mirrored() {
    let scene = Scene::new().await;
    // The answer is the bot's own message in the source.
    scene.alice.run(&scene.source, "/about", ()).await.unwrap();
    scene.assert_only_the_next_arrives().await;
}

#[tokio::test]
async fn fifty_followers_all_get_it() {
    let scene = Scene::new().await;
    let targets: Vec<Channel> = (0..50).map(|n| scene.harbour.text(&format!("follower-{n}"))).collect();
    for target in &targets {
        follow(&scene.alice, &scene.source, target).await;
    }
    scene.alice.post(&scene.source, "to everyone").unwrap();
    for target in &targets {
        target.wait_for_message(SOON, |message| message.content == "to everyone").await.unwrap();
        assert_eq!(texts(target).len(), 1);
    }
}

/// Discord lets a bot send 50 requests a second: 1,000 mirrors take 20 s.
#[rstest]
#[case(Backend::Sqlite, 200)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres, 60)]
#[tokio::test]
async fn many_quick_posts_arrive_in_order(#[case] backend: Backend, #[case] posts: usize) {
    let Some(scene) = Scene::on(backend).await else { return };
    let mut targets: Vec<Channel> = (1..5).map(|n| scene.harbour.text(&format!("target-{n}"))).collect();
    for target in &targets {
        follow(&scene.alice, &scene.source, target).await;
    }
    targets.push(scene.target.clone());
    let wanted: Vec<String> = (0..posts).map(|n| format!("post {n}")).collect();
    for text in &wanted {
        scene.alice.post(&scene.source, text.as_str()).unwrap();
    }
    for target in &targets {
        target.wait_for_messages(SOON * 4, |all| all.len() >= posts).await.unwrap();
        assert_eq!(texts(target), wanted);
    }
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_is_deleted_goes_everywhere(#[case] backend: Backend) {
    let Some(scene) = Scene::on(backend).await else { return };
    let long = "long ".repeat(600);
    let texts_posted = ["one", "two", "three", long.trim_end()];
    let posted: Vec<_> =
        texts_posted.iter().map(|text| scene.alice.post(&scene.source, *text).unwrap().id).collect();
    scene.target.wait_for_messages(SOON, |all| all.len() == 5).await.unwrap();
    scene.alice.delete(&scene.source, posted[0]).unwrap();
    scene.target.wait_for_messages(SOON, |all| all.len() == 4).await.unwrap();
    scene.source.bulk_delete(&posted[2..]).unwrap();
    scene.target.wait_for_messages(SOON, |all| all.len() == 1).await.unwrap();
    assert_eq!(texts(&scene.target), ["two"]);
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn what_is_posted_while_paused_is_not_sent_later(#[case] backend: Backend) {
    let Some(scene) = Scene::on(backend).await else { return };
    let act = async |word: &str| {
        let list = scene.alice.run(&scene.target, "/follows", ()).await.unwrap();
        let (menu, choice) = crate::harness::choice(&list, word);
        list.select(&menu, &[&choice]).await.unwrap().text()
    };
    let said = act("pause").await;
    assert!(said.contains("not sent later") || said.contains("won't be sent"), "{said}");
    scene.alice.post(&scene.source, "missed").unwrap();
    scene.world.sandbox.wait_quiet(std::time::Duration::from_millis(200)).await;
    act("resume").await;
    scene.assert_only_the_next_arrives().await;
}
