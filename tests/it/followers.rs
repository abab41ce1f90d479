//! `/followers`, `/publish` and `/about`.

use tributary_sandbox::{Channel, Options, Permissions};

use crate::harness::{Scene, admin};

fn channel(channel: &Channel) -> Options {
    Options::new().set("channel", channel)
}

fn audience(source: &Channel, audience: &str) -> Options {
    channel(source).set("audience", audience)
}

#[tokio::test]
async fn followers_are_counted_by_server_and_named_where_seen() {
    let scene = Scene::new().await;
    let none = scene.run("/followers", channel(&scene.releases)).await;
    assert!(none.text().contains("No channel follows"), "{}", none.text());

    let secret = scene.harbour.text("secret");
    scene.follow(&scene.releases).await;
    scene.run("/follow", channel(&scene.releases).set("into", &secret)).await;
    secret.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    scene.run("/publish", audience(&scene.releases, "servers")).await;
    let (lakeside, keeper) = scene.elsewhere("Lake*side");
    scene.harbour.join(&keeper, Permissions::empty());
    for name in ["one", "two"] {
        let target = lakeside.text(name);
        let link = Options::new().set("link", scene.releases.link());
        keeper.run(&target, "/follow", link).await.unwrap();
    }

    let reply = scene.run("/followers", channel(&scene.releases)).await;
    let text = reply.text();
    assert!(text.starts_with("4 followers"), "{text}");
    let own = format!("**Harbour** (2): {}, 1 more that you can't see", scene.news.mention());
    let other = "**Lake\\*side** (2): 2 channels that you can't see";
    assert!(text.find(&own).unwrap() < text.find(other).unwrap(), "{text}");
    assert!(!text.contains("secret") && !text.contains("one"), "{text}");

    // A member of that server sees them by name.
    lakeside.join(&scene.alice, Permissions::empty());
    let text = scene.run("/followers", channel(&scene.releases)).await.text();
    assert!(text.contains("#two in Lake\\*side, #one in Lake\\*side"), "{text}");
}

#[tokio::test]
async fn many_followers_fit_into_one_answer() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    // Follows of channels that no longer exist, then of servers with long names: inserted as rows, or it
    // would take a minute.
    let targets = (1..=34).map(|id| (id, scene.harbour.id())).chain((0..20).map(|n| {
        let (guild, _) = scene.elsewhere(&format!("{n}{}", "*".repeat(97)));
        (guild.text("target").id().0, guild.id())
    }));
    for (target, guild) in targets.collect::<Vec<_>>() {
        let columns =
            "source_guild_id, delivery, mode, panels, is_active, created_by, created_at, updated_at";
        let copy = format!(
            "INSERT INTO channel_follows (source_channel_id, target_channel_id, guild_id, webhook_id, webhook_token, {columns}) \
            SELECT source_channel_id, {target}, {guild}, webhook_id, webhook_token, {columns} FROM channel_follows WHERE id = 1"
        );
        scene.world.database.execute(&copy).await;
    }
    let text = scene.run("/followers", channel(&scene.releases)).await.text();
    assert!(text.starts_with("55 followers"), "{text}");
    let lines = text.lines().filter(|line| line.contains("(1): a channel that you can't see")).count();
    assert!((10..20).contains(&lines), "{text}");
    assert!(text.contains("**Harbour** (30): 30 channels that you can't see"), "{text}");
    assert!(text.ends_with(&format!("… and {} more.", 25 - lines)), "{text}");
}

#[tokio::test]
async fn taking_a_publication_back_breaks_others_follows_and_says_how_many() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let reply = scene.run("/publish", audience(&scene.releases, "servers")).await;
    assert!(reply.text().contains("Other servers can follow"), "{}", reply.text());
    let (lakeside, keeper) = scene.elsewhere("Lakeside");
    scene.harbour.join(&keeper, Permissions::empty());
    let link = Options::new().set("link", scene.releases.link());
    for (name, said) in [("one", "This broke 1 follow of another server."), ("two", "This broke 2 follows")] {
        let target = lakeside.text(name);
        for there in lakeside.channels() {
            let _ = keeper.run(&there, "/follow", link.clone()).await.unwrap();
        }
        assert_eq!(target.webhooks().len(), 1);
        let reply = scene.run("/publish", audience(&scene.releases, "nobody")).await;
        assert!(reply.text().contains("can be followed from this server only"), "{}", reply.text());
        assert!(reply.text().contains(said), "{}", reply.text());
        let list = keeper.run(&target, "/follows", ()).await.unwrap();
        assert!(list.text().contains("no longer open to other servers"), "{}", list.text());
        // It can't simply be resumed.
        let resumed =
            list.select("Look into, pause, resume or remove a follow …", &["resume:2"]).await.unwrap();
        assert!(resumed.text().contains("not open to other servers"), "{}", resumed.text());
        scene.run("/publish", audience(&scene.releases, "everyone")).await;
    }
    // This server's own follow continues.
    assert_eq!(scene.count("channel_follows WHERE is_active").await, 1);
    let again = scene.run("/publish", audience(&scene.releases, "nobody")).await;
    assert!(!again.text().contains("broke"), "{}", again.text());
}

#[tokio::test]
async fn taking_a_publication_back_breaks_follows_of_its_threads_too() {
    let scene = Scene::new().await;
    let thread = scene.alice.start_thread(&scene.releases, "aside", None).unwrap();
    scene.run("/publish", audience(&scene.releases, "servers")).await;
    let (lakeside, keeper) = scene.elsewhere("Lakeside");
    scene.harbour.join(&keeper, Permissions::empty());
    let target = lakeside.text("target");
    let link = Options::new().set("link", thread.link());
    let reply = keeper.run(&target, "/follow", link).await.unwrap();
    assert!(reply.text().contains("now follows"), "{}", reply.text());
    let reply = scene.run("/publish", audience(&scene.releases, "nobody")).await;
    assert!(reply.text().contains("This broke 1 follow of another server."), "{}", reply.text());
    assert_eq!(scene.newest("broken_reason").await.as_deref(), Some("unpublished"));
}

#[tokio::test]
async fn taking_back_stops_discords_own_following_too() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    board.deny_everyone(Permissions::VIEW_CHANNEL);
    scene.harbour.allow_bot(&board, Permissions::VIEW_CHANNEL);
    let (lakeside, keeper) = scene.elsewhere("Lakeside");
    scene.harbour.join(&keeper, Permissions::empty());
    board.allow(&scene.alice, Permissions::VIEW_CHANNEL);
    board.allow(&keeper, Permissions::VIEW_CHANNEL);
    scene.run("/publish", audience(&board, "servers")).await;
    let target = lakeside.text("target");
    let link = Options::new().set("link", board.link());
    let asked = keeper.run(&target, "/follow", link).await.unwrap();
    let reply = asked.press("Follow anyway").await.unwrap();
    assert!(reply.text().contains("once they are published"), "{}", reply.text());
    let reply = scene.run("/publish", audience(&board, "nobody")).await;
    assert!(reply.text().contains("This broke 1 follow"), "{}", reply.text());
    assert!(target.webhooks().is_empty());
    assert_eq!(scene.newest("broken_reason").await.as_deref(), Some("unpublished"));
}

#[tokio::test]
async fn a_public_announcement_channel_stays_open_as_discord_has_it() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    let reply = scene.run("/publish", audience(&board, "nobody")).await;
    assert!(reply.text().contains("can still be followed from other servers"), "{}", reply.text());
}

#[tokio::test]
async fn about_tells_the_figures() {
    let scene = Scene::new().await;
    scene.elsewhere("Lakeside");
    scene.follow(&scene.releases).await;
    let bob = admin(&scene.harbour, "Bob");
    scene.alice.post(&scene.releases, "v1").unwrap();
    scene.news.wait_for_message(crate::harness::SOON, |message| message.content == "v1").await.unwrap();
    // The mirror appears before the bot has recorded it, and servers are counted in parallel with the events.
    let counted = async || {
        let about = bob.run(&scene.news, "/about", ()).await.unwrap();
        field(&about, "Delivered in 24 hours") == "1" && field(&about, "Servers") == "2"
    };
    scene.world.until("the message and both servers are counted", counted).await;
    let about = bob.run(&scene.news, "/about", ()).await.unwrap();
    assert_eq!(field(&about, "Version"), env!("CARGO_PKG_VERSION"));
    assert_eq!(field(&about, "Follows"), "1");
    assert!(field(&about, "Started").starts_with("<t:"));
    assert!(field(&about, "Links").contains("https://discord.com/oauth2/authorize"));
}

fn field(reply: &tributary_sandbox::Reply, name: &str) -> String {
    let fields = reply.embeds()[0]["fields"].as_array().expect("fields").clone();
    let field = fields.iter().find(|field| field["name"] == name).expect("that field");
    field["value"].as_str().expect("a text").to_owned()
}
