//! Who is told, and about which channels.

use super::*;

#[tokio::test]
async fn only_who_manages_messages_is_told() {
    let (scene, posted, mirror) = shown("v1").await;
    let bob = scene.harbour.member("Bob", Permissions::empty());
    assert!(hidden(bob.run_on(&scene.releases, posted.id, REPORT).await));
    for (channel, message) in [(&scene.releases, posted.id), (&scene.news, mirror.id)] {
        let reply = bob.run_on_unchecked(channel, message, REPORT).await.unwrap();
        assert_eq!(
            refusal(&reply),
            format!("You need **Manage Messages** in {} for this.", channel.mention())
        );
    }
    let list = scene.run("/follows", ()).await;
    scene.news.deny(&scene.alice, Permissions::MANAGE_MESSAGES);
    let last = list.select(MENU, &["last:1"]).await.unwrap();
    assert!(last.text().starts_with("You need **Manage Messages**"), "{}", last.text());
}

#[tokio::test]
async fn channels_that_the_person_cant_see_are_counted() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let secret = scene.harbour.text("secret");
    follow(&scene.alice, &scene.releases, &secret).await;
    scene.run("/publish", Options::new().set("channel", &scene.releases).set("audience", "servers")).await;
    let (lakeside, keeper) = scene.elsewhere("Lakeside");
    scene.harbour.join(&keeper, Permissions::empty());
    let abroad = lakeside.text("abroad");
    keeper.run(&abroad, "/follow", Options::new().set("link", scene.releases.link())).await.unwrap();
    secret.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    let posted = post(&scene, "v1");
    let there = mirror(&abroad, "v1").await;
    let inside = mirror(&secret, "v1").await;
    settled(&scene).await;
    let text = report(&scene, &posted).await;
    assert!(text.contains("And 2 channels that you can't see: 2 shown."), "{text}");
    for name in [
        "Lakeside",
        "abroad",
        "secret",
        &abroad.id().to_string(),
        &secret.id().to_string(),
        &inside.id.to_string(),
        "#2",
        "#3",
    ] {
        assert!(!text.contains(name), "{name} in {text}");
    }
    // The other way round: a mirror's source.
    scene.releases.deny(&keeper, Permissions::VIEW_CHANNEL);
    let text = keeper.run_on(&abroad, there.id, REPORT).await.unwrap().text();
    assert!(
        text.contains("*a channel in Harbour that you can't see*") && !text.contains("the original]("),
        "{text}"
    );
    assert!(!text.contains("releases") && !text.contains(&scene.releases.id().to_string()), "{text}");
    // A member of both servers sees both.
    lakeside.join(&scene.alice, Permissions::empty());
    let text = report(&scene, &posted).await;
    assert!(text.contains("#abroad in Lakeside · #3 · [shown]("), "{text}");
    // /follows shows nothing about a follow into a channel that she can't see, either.
    let hidden = select(&scene, "last:2").await.text();
    assert!(hidden.starts_with("I can't find that channel"), "{hidden}");
}

#[tokio::test]
async fn contents_are_for_those_who_may_read_the_history() {
    let scene = Scene::new().await;
    let (lounge, bulletin) = (scene.harbour.voice("lounge"), scene.harbour.announcement("bulletin"));
    for source in [&scene.releases, &lounge, &bulletin] {
        scene.follow(source).await;
    }
    let tagged = Options::new().set("mode", "except").set("tags", "plan");
    scene.run("/follow", tagged.set("channel", &scene.releases)).await;
    for (source, text) in
        [(&scene.releases, "hush #plan"), (&scene.releases, "v1"), (&lounge, "v2"), (&bulletin, "v3")]
    {
        scene.alice.post(source, text).unwrap();
    }
    for text in ["v1", "v2"] {
        mirror(&scene.news, text).await;
    }
    settled(&scene).await;
    let told = async || {
        let (mut all, list) = (Vec::new(), scene.run("/follows", ()).await);
        for number in 1..=3 {
            all.push(list.select(MENU, &[&format!("last:{number}")]).await.unwrap().text());
        }
        all
    };
    for (text, said) in told().await.iter().zip(["#plan", "v2", "v3"]) {
        assert!(text.contains(said), "{text}");
    }
    // She still has the messages in her client, but Discord no longer shows her any.
    scene.releases.deny(&scene.alice, Permissions::READ_MESSAGE_HISTORY);
    lounge.deny(&scene.alice, Permissions::CONNECT);
    bulletin.deny(&scene.alice, Permissions::READ_MESSAGE_HISTORY);
    for text in told().await {
        assert!(text.contains("<t:"), "when it was posted, and what became of it: {text}");
        for contents in ["hush", "plan", "v1", "v2", "v3"] {
            assert!(!text.contains(contents), "{contents} in {text}");
        }
    }
}

#[tokio::test]
async fn many_followers_are_counted() {
    let (scene, posted, _) = shown("v1").await;
    scene.run("/publish", Options::new().set("channel", &scene.releases).set("audience", "servers")).await;
    let columns = "source_guild_id, delivery, mode, panels, created_by, created_at, updated_at, webhook_id, webhook_token";
    // They exist, so that no sweep finds anything wrong with them.
    let far = scene.world.sandbox.create_guild("Far away");
    for number in 1..=60 {
        let (target, server) = (far.text(&format!("far-{number}")).id(), far.id());
        let copy = format!(
            "INSERT INTO channel_follows (source_channel_id, target_channel_id, guild_id, is_active, {columns}) \
             SELECT source_channel_id, {target}, {server}, {}, {columns} FROM channel_follows WHERE id = 1",
            number > 9
        );
        scene.world.database.execute(&copy).await;
    }
    let text = report(&scene, &posted).await;
    assert!(line(&text, &scene.news).starts_with("✅"), "{text}");
    assert!(
        text.contains(
            "And 60 channels, counted without their names: 9 paused, 51 not ready when it was posted."
        ),
        "{text}"
    );
}
