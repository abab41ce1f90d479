//! What `/follow` and `/unfollow` refuse, and that a refusal changes nothing, in the database or at Discord.

use tributary_sandbox::{Channel, Config, Options, Permissions};

use crate::harness::{SOON, Scene};

fn follow(source: &Channel) -> Options {
    Options::new().set("channel", source)
}

#[tokio::test]
async fn a_channel_cant_follow_itself() {
    let scene = Scene::new().await;
    let text = scene.refused("/follow", follow(&scene.news)).await;
    assert!(text.starts_with("A channel can't follow itself."), "{text}");
    let linked = Options::new().set("link", scene.news.link());
    assert_eq!(scene.refused("/follow", linked).await, text);
    let into = follow(&scene.releases).set("into", &scene.releases);
    assert_eq!(scene.refused("/follow", into).await, text);
    assert_eq!(scene.refused("/unfollow", follow(&scene.news)).await, text);
}

#[tokio::test]
async fn the_same_pair_with_the_same_options_follows_already() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let text = scene.refused("/follow", follow(&scene.releases)).await;
    let (news, releases) = (scene.news.mention(), scene.releases.mention());
    assert_eq!(text, format!("{news} is already following {releases}. `/follows` shows it."));
    let spelt_out = follow(&scene.releases).set("mode", "all").set("delivery", "relay").set("panels", true);
    assert_eq!(scene.refused("/follow", spelt_out).await, text);
}

#[tokio::test]
async fn a_paused_follow_is_said_to_be_paused_when_it_is_followed_again() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let list = scene.run("/follows", ()).await;
    list.select("Look into, pause, resume or remove a follow …", &["pause:1"]).await.unwrap();
    let text = scene.refused("/follow", follow(&scene.releases)).await;
    assert!(text.contains("is already following") && text.contains("paused"), "{text}");
    let changed = scene.run("/follow", follow(&scene.releases).set("panels", false)).await;
    assert!(changed.text().contains("still paused"), "{}", changed.text());
    assert_eq!(scene.newest("is_active").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn two_people_at_the_same_instant_make_one_row_and_one_webhook() {
    let scene = Scene::new().await;
    let bob = crate::harness::admin(&scene.harbour, "Bob");
    let (first, second) = tokio::join!(
        scene.alice.run(&scene.news, "/follow", follow(&scene.releases)),
        bob.run(&scene.news, "/follow", follow(&scene.releases)),
    );
    let mut texts = [first.unwrap().text(), second.unwrap().text()];
    texts.sort_by_key(|text| !text.contains("now follows"));
    assert!(texts[0].contains("now follows") && texts[1].contains("is already following"), "{texts:?}");
    assert_eq!(scene.count("channel_follows").await, 1);
    assert_eq!(scene.news.webhooks().len(), 1);
}

#[tokio::test]
async fn follows_into_one_channel_share_its_webhook_and_the_last_takes_it_away() {
    let scene = Scene::new().await;
    let sources: Vec<Channel> = (0..4).map(|n| scene.harbour.text(&format!("source-{n}"))).collect();
    let runs = sources.iter().map(|source| scene.alice.run(&scene.news, "/follow", follow(source)));
    for reply in futures_util::future::join_all(runs).await {
        assert!(reply.as_ref().unwrap().text().contains("now follows"), "{}", reply.unwrap().text());
    }
    assert_eq!((scene.count("channel_follows").await, scene.news.webhooks().len()), (4, 1));
    for (index, source) in sources.iter().enumerate() {
        let reply = scene.run("/unfollow", follow(source)).await;
        assert!(reply.text().contains("no longer follows"), "{}", reply.text());
        assert_eq!(scene.news.webhooks().len(), usize::from(index < 3));
    }
    assert_eq!(scene.count("channel_follows").await, 0);
}

#[tokio::test]
async fn unfollowing_what_isnt_followed_says_so() {
    let scene = Scene::new().await;
    let text = scene.refused("/unfollow", follow(&scene.releases)).await;
    let (news, releases) = (scene.news.mention(), scene.releases.mention());
    assert_eq!(
        text,
        format!("{news} is not following {releases}. `/follows` shows what this server follows.")
    );
    scene.follow(&scene.releases).await;
    // The other way round is another follow.
    let reversed = scene.refused_for(&scene.alice, &scene.releases, "/unfollow", follow(&scene.news)).await;
    assert!(reversed.contains("is not following"), "{reversed}");
}

#[tokio::test]
async fn except_and_only_need_a_tag_and_tags_need_one_of_them() {
    let scene = Scene::new().await;
    for mode in ["only", "except"] {
        for tags in [None, Some(""), Some(" , #")] {
            let options = follow(&scene.releases).set("mode", mode);
            let options = tags.map_or(options.clone(), |tags| options.set("tags", tags));
            let text = scene.refused("/follow", options).await;
            assert!(text.contains(&format!("The mode `{mode}` needs at least one tag")), "{text}");
        }
    }
    let text = scene.refused("/follow", follow(&scene.releases).set("tags", "news")).await;
    assert!(text.starts_with("Tags work only with the mode"), "{text}");
}

#[tokio::test]
async fn more_tags_than_can_be_shown_are_refused() {
    let scene = Scene::new().await;
    let only = |tags: String| follow(&scene.releases).set("mode", "only").set("tags", tags);
    let many: Vec<String> = (0..800).map(|n| format!("tag{n}")).collect();
    let text = scene.refused("/follow", only(many.join(","))).await;
    assert!(text.contains("25 tags"), "{text}");
    let text = scene.refused("/follow", only("x".repeat(4500))).await;
    assert!(text.contains("100 characters"), "{text}");
    let most: Vec<String> = (0..25).map(|n| format!("{n:0>100}")).collect();
    let reply = scene.run("/follow", only(most.join(","))).await;
    assert!(reply.text().contains("now follows"), "{}", reply.text());
}

#[tokio::test]
async fn kinds_that_cant_follow_or_be_followed_are_named() {
    let scene = Scene::new().await;
    let category = scene.harbour.category("a category");
    let text = scene.refused("/follow", follow(&category)).await;
    assert!(text.contains("can't be followed") && text.contains("categories"), "{text}");
    let linked = scene.refused("/follow", Options::new().set("link", category.link())).await;
    assert_eq!(linked, text);
    let text = scene.refused("/follow", follow(&scene.releases).set("into", &category)).await;
    assert!(text.contains("can't follow") && text.contains("categories"), "{text}");
}

#[tokio::test]
async fn a_private_thread_that_the_bot_does_not_see_cant_follow() {
    let scene = Scene::new().await;
    let all = Config::default().bot_permissions;
    scene.harbour.set_bot_permissions(all.difference(Permissions::MANAGE_THREADS)).unwrap();
    let thread = scene.news.private_thread("between us").unwrap();
    thread.add_to_thread(scene.alice.id()).unwrap();
    let text = scene.refused_for(&scene.alice, &thread, "/follow", follow(&scene.releases)).await;
    assert!(text.contains("add me to it"), "{text}");
}

#[tokio::test]
async fn voice_and_stage_channels_follow_and_are_followed_by_relay() {
    let scene = Scene::new().await;
    let (voice, stage) = (scene.harbour.voice("lounge"), scene.harbour.stage("talks"));
    scene.run("/follow", follow(&voice).set("into", &stage)).await;
    scene.alice.post(&voice, "from the lounge").unwrap();
    stage.wait_for_message(SOON, |message| message.content == "from the lounge").await.unwrap();
}

#[tokio::test]
async fn one_source_must_be_named_in_one_way() {
    let scene = Scene::new().await;
    for command in ["/follow", "/unfollow"] {
        let neither = scene.refused(command, ()).await;
        assert!(neither.starts_with("Which channel?"), "{neither}");
        let both = follow(&scene.releases).set("link", scene.releases.link());
        let both = scene.refused(command, both).await;
        assert_eq!(both, "Give either `channel` or `link`, not both.");
        for link in ["releases", "https://example.com/channels/1/2", "https://discord.com/channels/1", "0"] {
            let text = scene.refused(command, Options::new().set("link", link)).await;
            assert!(text.starts_with("That is not a channel link."), "{link}: {text}");
        }
    }
}

#[tokio::test]
async fn a_channel_may_be_named_by_link_mention_or_id() {
    let scene = Scene::new().await;
    let message = scene.alice.post(&scene.releases, "look").unwrap();
    for link in [
        scene.releases.link(),
        format!("{}/{}", scene.releases.link(), message.id),
        scene.releases.mention(),
        scene.releases.id().to_string(),
    ] {
        let reply = scene.run("/follow", Options::new().set("link", link.as_str())).await;
        assert!(reply.text().contains("now follows"), "{}", reply.text());
        let reply = scene.run("/unfollow", Options::new().set("link", link)).await;
        assert!(reply.text().contains("no longer follows"), "{}", reply.text());
    }
}

#[tokio::test]
async fn native_delivery_that_cant_be_is_explained() {
    let scene = Scene::new().await;
    let announcements = scene.harbour.announcement("announcements");
    let voice = scene.harbour.voice("lounge");
    for options in [
        follow(&scene.releases),
        follow(&announcements).set("mode", "only").set("tags", "x"),
        follow(&announcements).set("into", &voice),
    ] {
        let text = scene.refused("/follow", options.set("delivery", "native")).await;
        assert!(text.starts_with("Native delivery is Discord's own channel following"), "{text}");
    }
}

#[tokio::test]
async fn fifteen_webhooks_are_explained() {
    let scene = Scene::new().await;
    scene.news.add_webhooks(15).unwrap();
    let announcements = scene.harbour.announcement("announcements");
    let text = scene.refused("/follow", follow(&scene.releases)).await;
    assert!(text.contains("already has 15 webhooks") && text.contains("Integrations"), "{text}");
    assert!(text.contains(&scene.news.mention()), "{text}");
    assert_eq!(scene.refused("/follow", follow(&announcements)).await, text);
    let hook = scene.news.webhooks()[0].id;
    scene.news.delete_webhook(hook).unwrap();
    scene.follow(&scene.releases).await;
}

#[tokio::test]
async fn beyond_the_hours_actions_the_answer_says_when_to_go_on() {
    let scene = Scene::with(&[("FOLLOW_ACTIONS_PER_HOUR", "4")]).await;
    let other = scene.harbour.text("other");
    scene.follow(&scene.releases).await;
    scene.refused("/follow", follow(&scene.releases)).await;
    scene.follow(&other).await;
    scene.run("/unfollow", follow(&other)).await;
    for (command, source) in [("/follow", &other), ("/unfollow", &scene.releases)] {
        let text = scene.refused(command, follow(source)).await;
        assert!(text.contains("<t:") && text.contains(":R>"), "{text}");
    }
    let list = scene.run("/follows", ()).await;
    let removed = list.select("Look into, pause, resume or remove a follow …", &["remove:1"]).await.unwrap();
    assert!(removed.text().contains("<t:"), "{}", removed.text());
    assert_eq!(scene.count("channel_follows").await, 1);
    // Each person has their own allowance.
    let bob = crate::harness::admin(&scene.harbour, "Bob");
    let reply = bob.run(&scene.news, "/unfollow", follow(&scene.releases)).await.unwrap();
    assert!(reply.text().contains("no longer follows"), "{}", reply.text());
}

#[tokio::test]
async fn zero_actions_an_hour_means_no_limit() {
    let scene = Scene::with(&[("FOLLOW_ACTIONS_PER_HOUR", "0")]).await;
    for _ in 0..5 {
        scene.follow(&scene.releases).await;
        scene.run("/unfollow", follow(&scene.releases)).await;
    }
}

#[tokio::test]
async fn an_unfollow_that_discord_fails_changes_nothing() {
    use tributary_sandbox::{Effect, Fault};
    let scene = Scene::new().await;
    let announcements = scene.harbour.announcement("announcements");
    scene.follow(&announcements).await;
    scene.world.sandbox.fault(Fault::on("DELETE", "/webhooks/*", Effect::Status(503)).forever());
    let before = scene.everything().await;
    let reply = scene.run("/unfollow", follow(&announcements)).await;
    assert!(reply.text().contains("did not answer"), "{}", reply.text());
    assert_eq!(scene.everything().await, before);
    scene.world.sandbox.clear_faults();
    scene.run("/unfollow", follow(&announcements)).await;
    assert!(scene.news.webhooks().is_empty());
}

#[tokio::test]
async fn a_target_of_another_server_is_refused() {
    let scene = Scene::new().await;
    let (lakeside, _) = scene.elsewhere("Lakeside");
    lakeside.join(&scene.alice, Permissions::MANAGE_CHANNELS);
    let there = lakeside.text("there");
    let text = scene.refused("/follow", follow(&scene.releases).set("into", &there)).await;
    assert!(text.starts_with("That channel belongs to another server."), "{text}");
    // One that she can't see might as well not exist.
    let secret = lakeside.private_text("secret");
    let text = scene.refused("/follow", follow(&scene.releases).set("into", &secret)).await;
    assert!(text.contains("can't find that channel"), "{text}");
}
