//! What became of a message in each follower, with every verdict produced for real.

use super::*;

#[tokio::test]
async fn a_shown_message_is_linked_and_its_mirror_leads_back() {
    let (scene, posted, mirror) = shown("v1").await;
    let text = report(&scene, &posted).await;
    let expected = format!("✅ {} · #1 · [shown]({})", scene.news.mention(), link(&scene, &mirror));
    assert_eq!(line(&text, &scene.news), expected);
    let text = report_on(&scene, &scene.news, mirror.id).await.text();
    for expected in [
        format!("**Alice** posted in {}", scene.releases.mention()),
        format!("[the original]({})", link(&scene, &posted)),
        "shows the newest version".to_owned(),
        "Follow #1 brought it.".to_owned(),
    ] {
        assert!(text.contains(&expected), "{expected} in {text}");
    }
}

#[tokio::test]
async fn a_message_in_parts_has_a_link_to_each() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let much = ["a.bin", "b.bin", "c.bin"]
        .into_iter()
        .fold(Post::text("much"), |post, name| post.file(name, "application/octet-stream", vec![1; 9 << 20]));
    let posted = scene.alice.post(&scene.releases, much).unwrap();
    let parts = |all: &[SeenMessage]| all.iter().filter(|message| message.webhook.is_some()).count() == 2;
    let mirrors = scene.news.wait_for_messages(SOON, parts).await.unwrap();
    settled(&scene).await;
    let text = report(&scene, &posted).await;
    let expected = format!("[shown]({}) [2]({})", link(&scene, &mirrors[0]), link(&scene, &mirrors[1]));
    assert!(line(&text, &scene.news).ends_with(&expected), "{expected} in {text}");
    let text = report_on(&scene, &scene.news, mirrors[1].id).await.text();
    assert!(text.contains("It is part 2 of 2."), "{text}");
}

/// What Discord refuses for another reason than a missing permission is called by that reason, wherever
/// people look.
async fn broken_for(scene: &Scene, reason: &str, told: &str) {
    scene.news.delete_webhook(scene.news.webhooks()[0].id).unwrap();
    let posted = post(scene, "v2");
    scene.world.database.wait_for("broken_reason", reason).await;
    let explained = |text: &str| {
        assert!(text.contains(told), "{text}");
        assert!(!text.contains("Give me"), "no permission is missing: {text}");
    };
    explained(&scene.run("/follows", ()).await.text());
    explained(&report(scene, &posted).await);
    let last = scene.run("/follows", ()).await.select(MENU, &["last:1"]).await.unwrap();
    explained(&last.text());
    let direct = scene.world.sandbox.direct_messages(&scene.alice).unwrap();
    let news = async || {
        let all = scene.news.messages().into_iter().chain(direct.messages());
        all.into_iter()
            .any(|message| message.content.contains("no longer receives") && message.content.contains(told))
    };
    scene.world.until("somebody is told", news).await;
}

#[tokio::test]
async fn a_break_for_lack_of_a_second_factor_says_so() {
    let (scene, ..) = shown("v1").await;
    let message = "Two factor is required for this operation".to_owned();
    let refuse = Effect::Refuse { status: 403, code: 60_003, message };
    scene.world.sandbox.fault(Fault::on("POST", "/channels/*/webhooks", refuse).forever());
    broken_for(&scene, "two_factor", "the owner of my application").await;
}

#[tokio::test]
async fn a_break_for_a_timeout_says_so() {
    let (scene, ..) = shown("v1").await;
    let until = chrono::DateTime::parse_from_rfc3339("2199-01-01T00:00:00Z").unwrap().to_utc();
    scene.harbour.time_out_bot(until).unwrap();
    broken_for(&scene, "bot_timed_out", "I am timed out").await;
}

#[tokio::test]
async fn a_break_for_too_many_webhooks_says_so() {
    let (scene, ..) = shown("v1").await;
    let message = "Maximum number of webhooks reached (15)".to_owned();
    let refuse = Effect::Refuse { status: 400, code: 30_007, message };
    scene.world.sandbox.fault(Fault::on("POST", "/channels/*/webhooks", refuse).forever());
    broken_for(&scene, "too_many_webhooks", "Delete one that nobody needs").await;
}

#[tokio::test]
async fn what_waits_says_why() {
    let (scene, ..) = shown("v1").await;
    strike(
        &scene,
        &scene.news,
        "POST",
        Effect::RateLimited { scope: LimitScope::User, retry_after: Duration::from_secs(60) },
    );
    let posted = [post(&scene, "v2"), post(&scene, "v3")];
    let limited = "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE wait_until IS NOT NULL";
    scene.world.database.eventually(limited, "1").await;
    let text = report(&scene, &posted[0]).await;
    assert!(
        text.contains("⏳") && text.contains("Discord's rate limit was reached; it continues <t:"),
        "{text}"
    );
    let text = report(&scene, &posted[1]).await;
    assert!(text.contains("waiting: 1 earlier message goes first, <t:"), "{text}");
}

#[tokio::test]
async fn a_doubt_is_said() {
    let (scene, ..) = shown("v1").await;
    strike(&scene, &scene.news, "POST", Effect::Status(503));
    let posted = post(&scene, "v2");
    // Between two doubts it is retried, which is another verdict.
    let said = async || {
        let text = report(&scene, &posted).await;
        text.contains("⏳") && text.contains("it isn't clear whether Discord took it; I'll check <t:")
    };
    scene.world.until("the doubt to be reported", said).await;
}

#[tokio::test]
async fn an_edit_that_waits_or_is_refused_is_said() {
    let (scene, posted, mirror) = shown("v1").await;
    strike(&scene, &scene.news, "PATCH", Effect::Status(500));
    scene.alice.edit(&scene.releases, posted.id, "v1.1").unwrap();
    let failed = "SELECT CASE WHEN attempts > 1 THEN 'often' ELSE '' END FROM deliveries";
    scene.world.database.eventually(failed, "often").await;
    let text = report(&scene, &posted).await;
    assert!(
        line(&text, &scene.news)
            .contains(&format!("[shown]({}), an edit is on its way: ", link(&scene, &mirror)))
            && text.contains(" attempts failed, the next one is <t:"),
        "{text}"
    );
    assert!(report_on(&scene, &scene.news, mirror.id).await.text().contains("An edit is on its way."));
    scene.world.sandbox.clear_faults();
    strike(
        &scene,
        &scene.news,
        "PATCH",
        Effect::Refuse { status: 400, code: 50_035, message: "No".to_owned() },
    );
    newest_delivery(&scene, "ended").await;
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).ends_with("without its last edit: Discord refused it"), "{text}");
}

#[tokio::test]
async fn what_discord_refuses_is_said() {
    let (scene, ..) = shown("v1").await;
    strike(
        &scene,
        &scene.news,
        "POST",
        Effect::Refuse { status: 400, code: 50_035, message: "No".to_owned() },
    );
    let posted = post(&scene, "v2");
    newest_delivery(&scene, "ended").await;
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).starts_with("❌") && text.contains("refused by Discord"), "{text}");
}

#[tokio::test]
async fn modes_are_explained() {
    let scene = Scene::new().await;
    for (name, mode, tags) in [("bugs", "only", "bug, idea"), ("calm", "except", "spam, ads")] {
        let options = Options::new().set("channel", &scene.releases).set("into", &scene.harbour.text(name));
        scene.run("/follow", options.set("mode", mode).set("tags", tags)).await;
    }
    let (bugs, calm) =
        (scene.harbour.find_channel("bugs").unwrap(), scene.harbour.find_channel("calm").unwrap());
    let spam = post(&scene, "buy #spam");
    let bug = post(&scene, "a #Bug");
    mirror(&bugs, "a #Bug").await;
    settled(&scene).await;
    let text = report(&scene, &spam).await;
    assert!(
        line(&text, &bugs).ends_with("left out: mode `only` \\#bug, \\#idea, and it has none of them"),
        "{text}"
    );
    assert!(line(&text, &calm).ends_with("left out: mode `except`, and it has \\#spam"), "{text}");
    let text = report(&scene, &bug).await;
    assert!(line(&text, &bugs).starts_with("✅") && line(&text, &calm).starts_with("✅"), "{text}");
    // Without its tag, it is withdrawn.
    scene.alice.edit(&scene.releases, bug.id, "no bug any more").unwrap();
    bugs.wait_for_messages(SOON, <[SeenMessage]>::is_empty).await.unwrap();
    settled(&scene).await;
    let text = report(&scene, &bug).await;
    assert!(
        line(&text, &bugs).starts_with("🗑️") && line(&text, &bugs).contains("its tags have changed"),
        "{text}"
    );
}

#[tokio::test]
async fn pauses_and_breaks_are_explained() {
    let (scene, before, _) = shown("v1").await;
    select(&scene, "pause:1").await;
    let posted = post(&scene, "v2");
    scene.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM activities", "2").await;
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).starts_with("⏸️"), "{text}");
    let text = report(&scene, &before).await;
    assert!(line(&text, &scene.news).starts_with("✅"), "what was shown before stays: {text}");
    select(&scene, "resume:1").await;
    let text = report(&scene, &posted).await;
    assert!(
        line(&text, &scene.news).contains("was paused, was broken or had other options when it was posted"),
        "{text}"
    );
    scene.lose_webhook().await;
    let posted = post(&scene, "v3");
    scene.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM activities", "4").await;
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).contains("🔴") && text.contains("Discord allows no new one"), "{text}");
}

#[tokio::test]
async fn what_is_older_than_the_follow_is_not_expected() {
    let scene = Scene::new().await;
    let old = post(&scene, "old");
    let text = report(&scene, &old).await;
    assert!(text.contains("No channel follows this one through me"), "{text}");
    scene.follow(&scene.releases).await;
    let text = report(&scene, &old).await;
    assert!(line(&text, &scene.news).ends_with("posted before this follow was made"), "{text}");
}

#[tokio::test]
async fn what_somebody_removed_by_hand_is_said() {
    let (scene, posted, mirror) = shown("v1").await;
    scene.news.delete_message(mirror.id).unwrap();
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).starts_with("✋"), "{text}");
    // The same after an edit has discovered it.
    scene.alice.edit(&scene.releases, posted.id, "v1.1").unwrap();
    scene.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM mirrors", "0").await;
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).starts_with("✋"), "{text}");
}

#[tokio::test]
async fn a_removed_follow_leaves_its_mirrors() {
    let (scene, posted, mirror) = shown("v1").await;
    select(&scene, "remove:1").await;
    let text = report(&scene, &posted).await;
    assert!(text.contains("It is still shown in 1 channel that used to follow this one."), "{text}");
    let text = report_on(&scene, &scene.news, mirror.id).await.text();
    assert!(text.contains("The follow that brought it was removed"), "{text}");
    scene.follow(&scene.releases).await;
    let text = report(&scene, &posted).await;
    assert!(
        line(&text, &scene.news).starts_with("✅") && !text.contains("used to follow this one"),
        "{text}"
    );
}

#[tokio::test]
async fn discords_own_following_is_explained() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    scene.follow(&board).await;
    let draft = scene.alice.post(&board, "v1").unwrap();
    let text = report_on(&scene, &board, draft.id).await.text();
    assert!(line(&text, &scene.news).ends_with("appears once it is published"), "{text}");
    scene.alice.publish(&board, draft.id).unwrap();
    let copy = mirror(&scene.news, "v1").await;
    let text = report_on(&scene, &board, draft.id).await.text();
    assert!(line(&text, &scene.news).contains("published, so Discord's own following copies it"), "{text}");
    let text = report_on(&scene, &scene.news, copy.id).await.text();
    assert!(text.contains(&format!("[the original]({})", link(&scene, &draft))), "{text}");
    assert!(
        text.contains("a copy that Discord's own following made") && text.contains("Follow #1 brought it"),
        "{text}"
    );
    let list = select(&scene, "last:1").await.text();
    assert!(list.contains("published, so Discord's own following copies it"), "{list}");
}

#[tokio::test]
async fn what_is_never_mirrored_is_explained() {
    let (scene, _, mirror) = shown("v1").await;
    let board = scene.harbour.announcement("board");
    scene.follow(&board).await;
    let system =
        scene.news.messages().into_iter().find(|message| message.kind == 12).expect("Discord says so");
    let text = report_on(&scene, &scene.news, system.id).await.text();
    assert!(text.contains("one of Discord's own messages"), "{text}");
    // Mirrors aren't mirrored again.
    let end = scene.harbour.text("end");
    follow(&scene.alice, &scene.news, &end).await;
    let text = report_on(&scene, &scene.news, mirror.id).await.text();
    assert!(text.contains("It is my mirror") && text.contains("what I post is not mirrored"), "{text}");
    // A mirror that is no longer stored.
    scene.world.database.execute("DELETE FROM mirrors").await;
    let text = report_on(&scene, &scene.news, mirror.id).await.text();
    assert!(text.contains("one of my mirrors, but I no longer track it"), "{text}");
    // A message that is no longer stored.
    scene.world.database.execute("DELETE FROM activities").await;
    let text = report(&scene, &scene.releases.messages()[0]).await;
    assert!(line(&text, &scene.news).contains("unknown to me: I no longer track it"), "{text}");
}

#[tokio::test]
async fn panels_have_a_report_too() {
    let scene = Board::new().await;
    let (quiet, other) = (scene.harbour.text("quiet"), scene.harbour.text("other"));
    let options = Options::new().set("channel", &scene.board).set("panels", false);
    scene.alice.run(&quiet, "/follow", options).await.unwrap();
    scene.follow(&scene.board, &other, "relay").await;
    let panel = scene.notice("Hours", "9 to 5").await;
    let copy = scene.shows(&scene.news, "9 to 5").await;
    scene.settled().await;
    let text = scene.alice.run_on(&scene.board, panel.id, REPORT).await.unwrap().text();
    assert!(
        text.contains("This panel in the channels") && line(&text, &scene.news).starts_with("✅"),
        "{text}"
    );
    assert!(line(&text, &quiet).ends_with("this follow takes no panels"), "{text}");
    let text = scene.alice.run_on(&scene.news, copy.id, REPORT).await.unwrap().text();
    assert!(text.contains(&format!("posted in {}", scene.board.mention())), "{text}");
}

#[tokio::test]
async fn threads_are_explained() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let thread = scene.alice.start_thread(&scene.releases, "talk", None).unwrap();
    let posted = scene.alice.post(&thread, "in a thread").unwrap();
    let text = report_on(&scene, &thread, posted.id).await.text();
    assert!(line(&text, &scene.news).ends_with("left out: this follow takes no threads"), "{text}");
}
