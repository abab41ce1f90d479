//! Who may do what, checked again at each command and each pressed button; and what the bot itself needs,
//! named as Discord names it.

use tributary_sandbox::{Channel, Options, Permissions, Person};

use crate::harness::{Scene, admin, hidden, refusal};

const CANT_FIND: &str = "I can't find that channel: it doesn't exist, or one of us can't see it.";

fn channel(channel: &Channel) -> Options {
    Options::new().set("channel", channel)
}

fn link(channel: &Channel) -> Options {
    Options::new().set("link", channel.link())
}

fn manager(scene: &Scene, name: &str) -> Person {
    admin(&scene.harbour, name)
}

#[tokio::test]
async fn commands_are_hidden_from_who_may_not_and_refused_all_the_same() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let other = scene.harbour.text("other");
    let bob = scene.harbour.member("Bob", Permissions::empty());
    let publish = channel(&scene.releases).set("audience", "servers");
    for (command, options, needed) in [
        ("/follow", channel(&other), "Manage Channels"),
        ("/unfollow", channel(&scene.releases), "Manage Channels"),
        ("/publish", publish, "Manage Channels"),
        ("/follows", Options::new(), "Manage Messages"),
        ("/followers", channel(&scene.releases), "Manage Messages"),
    ] {
        assert!(hidden(bob.run(&scene.news, command, options.clone()).await), "{command}");
        let text = scene.refused_for(&bob, &scene.news, command, options).await;
        assert!(text.starts_with(&format!("You need **{needed}** in <#")), "{command}: {text}");
    }
    let about = bob.run(&scene.news, "/about", ()).await.unwrap();
    assert!(about.text().contains("Tributary"));
}

#[tokio::test]
async fn looking_needs_manage_messages_and_changing_manage_channels() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let moderator = scene.harbour.member("Mod", Permissions::MANAGE_MESSAGES);
    let list = moderator.run(&scene.news, "/follows", ()).await.unwrap();
    assert!(list.text().contains("1 follow"), "{}", list.text());
    for act in ["pause:1", "remove:1"] {
        let before = scene.everything().await;
        let answer = list.select("Look into, pause, resume or remove a follow …", &[act]).await.unwrap();
        assert!(
            answer.text().starts_with(&format!("You need **Manage Channels** in {}", scene.news.mention()))
        );
        assert_eq!(scene.everything().await, before);
    }
    let followers = moderator.run(&scene.news, "/followers", channel(&scene.releases)).await.unwrap();
    assert!(followers.text().contains("1 follower"), "{}", followers.text());
}

#[tokio::test]
async fn into_asks_for_the_rights_in_that_channel() {
    let scene = Scene::new().await;
    let board = scene.harbour.text("board");
    let bob = scene.harbour.member("Bob", Permissions::empty());
    scene.news.allow(&bob, Permissions::MANAGE_CHANNELS);
    let into = |target: &Channel| channel(&scene.releases).set("into", target);
    for command in ["/follow", "/unfollow"] {
        let text = scene.refused_for(&bob, &scene.news, command, into(&board)).await;
        assert_eq!(text, format!("You need **Manage Channels** in {} for this.", board.mention()));
    }
    // The other way round: the permission is needed where the posts go, not where the command is run.
    let reply = bob.run_unchecked(&board, "/follow", into(&scene.news)).await.unwrap();
    assert!(reply.text().contains("now follows"), "{}", reply.text());
    // If it is denied only there, having it everywhere else isn't enough.
    board.deny(&scene.alice, Permissions::MANAGE_CHANNELS);
    let text = scene.refused("/follow", into(&board)).await;
    assert!(text.starts_with("You need **Manage Channels**"), "{text}");
}

#[tokio::test]
async fn publishing_asks_for_the_rights_in_the_channel() {
    let scene = Scene::new().await;
    scene.releases.deny(&scene.alice, Permissions::MANAGE_CHANNELS);
    let publish = channel(&scene.releases).set("audience", "everyone");
    let text = scene.refused("/publish", publish).await;
    assert_eq!(text, format!("You need **Manage Channels** in {} for this.", scene.releases.mention()));
    let category = scene.harbour.category("ideas");
    let text = scene.refused("/publish", channel(&category).set("audience", "servers")).await;
    assert!(text.contains("not categories"), "{text}");
}

#[tokio::test]
async fn what_a_person_cant_see_might_as_well_not_exist() {
    let scene = Scene::new().await;
    let secret = scene.harbour.private_text("secret");
    scene.harbour.allow_bot(&secret, Permissions::VIEW_CHANNEL);
    let thread = scene.releases.private_thread("whispers").unwrap();
    thread.add_to_thread(scene.world.sandbox.bot_id()).unwrap();
    let in_secret = secret.thread("in secret").unwrap();
    let gone = scene.harbour.text("gone");
    let there_was = (channel(&gone), link(&gone));
    gone.delete().unwrap();
    for command in ["/follow", "/followers", "/follows", "/publish"] {
        let more = |options: Options| match command {
            "/publish" => options.set("audience", "servers"),
            _ => options,
        };
        // What no client offers, but a forged one could send.
        for hidden in [&secret, &thread, &in_secret] {
            let text = scene.refused_for(&scene.alice, &scene.news, command, more(channel(hidden))).await;
            assert!(text.starts_with(CANT_FIND), "{command}: {text}");
        }
    }
    let deleted = scene.refused("/follow", there_was.1).await;
    for hidden in [&secret, &thread, &in_secret] {
        assert_eq!(scene.refused("/follow", link(hidden)).await, deleted);
        for command in ["/follow", "/unfollow"] {
            let into = channel(&scene.releases).set("into", hidden);
            let text = scene.refused_for(&scene.alice, &scene.news, command, into).await;
            assert_eq!(text, CANT_FIND, "{command}");
        }
    }
}

#[tokio::test]
async fn a_private_channel_can_be_followed_by_who_sees_it() {
    let scene = Scene::new().await;
    let staff = scene.harbour.private_text("staff");
    staff.allow(&scene.alice, Permissions::VIEW_CHANNEL);
    let text = scene.refused("/follow", channel(&staff)).await;
    let lacks = "**View Channel**";
    assert!(text.starts_with(&format!("I need {lacks} in {}.", staff.mention())), "{text}");
    scene.harbour.allow_bot(&staff, Permissions::VIEW_CHANNEL);
    let asked = scene.run("/follow", channel(&staff)).await;
    let reply = asked.press("Follow anyway").await.unwrap();
    assert!(reply.text().contains("now follows"), "{}", reply.text());
}

#[tokio::test]
async fn another_servers_channel_needs_membership_sight_and_an_open_door() {
    let scene = Scene::new().await;
    let (lakeside, keeper) = scene.elsewhere("Lakeside");
    let (talk, board) = (lakeside.text("talk"), lakeside.announcement("board"));
    let private_board = lakeside.announcement("private-board");
    private_board.deny_everyone(Permissions::VIEW_CHANNEL);
    lakeside.allow_bot(&private_board, Permissions::VIEW_CHANNEL);
    private_board.allow(&keeper, Permissions::VIEW_CHANNEL);
    let nowhere = scene.world.sandbox.create_guild_without_bot("Nowhere").text("unknown");

    // She isn't a member, or the bot isn't: as if there were no such channel.
    for source in [&talk, &board, &private_board, &nowhere] {
        let text = scene.refused("/follow", link(source)).await;
        assert!(text.starts_with(CANT_FIND), "{text}");
    }
    lakeside.join(&scene.alice, Permissions::empty());
    let text = scene.refused("/follow", link(&private_board)).await;
    assert!(text.starts_with(CANT_FIND), "{text}");
    private_board.allow(&scene.alice, Permissions::VIEW_CHANNEL);
    let text = scene.refused("/follow", link(&private_board)).await;
    assert!(text.starts_with("Not everyone in its server sees that announcement channel"), "{text}");
    let text = scene.refused("/follow", link(&talk)).await;
    assert!(text.contains("not open to other servers") && text.contains("`/publish`"), "{text}");

    for audience in ["servers", "everyone"] {
        for source in [&talk, &private_board] {
            let publish = channel(source).set("audience", audience);
            keeper.run(&talk, "/publish", publish).await.unwrap_or_else(|error| panic!("{error}"));
            let reply = scene.run("/follow", link(source).set("delivery", "relay")).await;
            let private = source.id() == private_board.id();
            let reply = if private { reply.press("Follow anyway").await.unwrap() } else { reply };
            assert!(reply.text().contains("now follows"), "{}", reply.text());
            scene.run("/unfollow", link(source)).await;
            let publish = channel(source).set("audience", "nobody");
            keeper.run(&talk, "/publish", publish).await.unwrap();
        }
    }
    // An announcement channel that everyone there sees is open, as it is for Discord itself.
    let reply = scene.run("/follow", link(&board)).await;
    assert!(reply.text().contains("now follows"), "{}", reply.text());
    // If nothing was opened, this person must be able to see it.
    lakeside.leave(&scene.alice).unwrap();
    let text = scene.refused("/follow", link(&talk)).await;
    assert!(text.starts_with(CANT_FIND), "{text}");
}

#[tokio::test]
async fn buttons_ask_again_who_may() {
    let scene = Scene::new().await;
    for n in 0..9 {
        scene.follow(&scene.harbour.text(&format!("source-{n}"))).await;
    }
    let list = scene.run("/follows", ()).await;
    let before = scene.everything().await;
    // Nobody else can press an ephemeral message's buttons.
    let moderator = manager(&scene, "Bob");
    assert!(list.press_as(&moderator, "Older ▶").await.is_err());

    // She has fewer permissions than when the list was shown.
    scene.harbour.revoke_all(&scene.alice);
    let helper = scene.harbour.role("helper", Permissions::MANAGE_MESSAGES);
    scene.harbour.grant(&scene.alice, helper);
    let answer = list.select("Look into, pause, resume or remove a follow …", &["remove:9"]).await.unwrap();
    assert!(answer.text().starts_with("You need **Manage Channels**"), "{}", answer.text());
    assert!(answer.text().contains("9 follows"), "the list is still theirs to see: {}", answer.text());

    scene.harbour.revoke_all(&scene.alice);
    let answer = list.press("Older ▶").await.unwrap();
    refusal(&answer);
    assert!(answer.text().starts_with("You need **Manage Messages**"), "{}", answer.text());
    assert_eq!(answer.components(), Vec::<serde_json::Value>::new(), "there is nothing left to press");
    assert_eq!(scene.everything().await, before);
}

#[tokio::test]
async fn a_change_is_told_even_where_the_list_may_no_longer_be_seen() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let list = scene.run("/follows", ()).await;
    scene.harbour.revoke_all(&scene.alice);
    let role = scene.harbour.role("gardener", Permissions::MANAGE_CHANNELS);
    scene.harbour.grant(&scene.alice, role);
    let answer = list.select("Look into, pause, resume or remove a follow …", &["pause:1"]).await.unwrap();
    assert!(answer.text().contains("Follow #1 is paused"), "{}", answer.text());
    assert!(answer.text().contains("You need **Manage Messages**"), "{}", answer.text());
}

#[tokio::test]
async fn resuming_asks_for_sight_of_the_source() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let list = scene.run("/follows", ()).await;
    let list = list.select("Look into, pause, resume or remove a follow …", &["pause:1"]).await.unwrap();
    scene.releases.deny(&scene.alice, Permissions::VIEW_CHANNEL);
    let answer = list.select("Look into, pause, resume or remove a follow …", &["resume:1"]).await.unwrap();
    assert!(answer.text().starts_with(CANT_FIND), "{}", answer.text());
    assert_eq!(scene.newest("is_active").await.as_deref(), Some("0"));
}

#[tokio::test]
async fn what_the_bot_needs_is_named_and_where() {
    let scene = Scene::new().await;
    let (news, releases) = (scene.news.mention(), scene.releases.mention());
    let advice = "Give me that under Edit Channel → Permissions, then try again.";
    let all = Permissions::MANAGE_WEBHOOKS | Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY;
    let history = Permissions::READ_MESSAGE_HISTORY;
    for (in_target, in_source, named) in [
        (Permissions::MANAGE_WEBHOOKS, Permissions::empty(), format!("**Manage Webhooks** in {news}")),
        (Permissions::VIEW_CHANNEL, Permissions::empty(), format!("**View Channel** in {news}")),
        (history, Permissions::empty(), format!("**Read Message History** in {news}")),
        (Permissions::empty(), history, format!("**Read Message History** in {releases}")),
        (Permissions::empty(), Permissions::VIEW_CHANNEL, format!("**View Channel** in {releases}")),
        (
            all,
            Permissions::VIEW_CHANNEL | history,
            format!(
                "**View Channel**, **Manage Webhooks** and **Read Message History** in {news}, \
                and **View Channel** and **Read Message History** in {releases}"
            ),
        ),
    ] {
        scene.harbour.deny_bot(&scene.news, in_target);
        scene.harbour.deny_bot(&scene.releases, in_source);
        let text = scene.refused("/follow", channel(&scene.releases)).await;
        assert_eq!(text, format!("I need {named}. {advice}"));
    }
    scene.harbour.deny_bot(&scene.news, Permissions::empty());
    scene.harbour.deny_bot(&scene.releases, Permissions::empty());
    scene.follow(&scene.releases).await;
}

#[tokio::test]
async fn native_following_needs_no_history_of_the_source() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    scene.harbour.deny_bot(&board, Permissions::READ_MESSAGE_HISTORY);
    let text = scene.refused("/follow", channel(&board).set("delivery", "relay")).await;
    assert!(text.starts_with(&format!("I need **Read Message History** in {}", board.mention())), "{text}");
    scene.follow(&board).await;
    assert_eq!(scene.newest("delivery").await.as_deref(), Some("native"));
}

#[tokio::test]
async fn in_direct_messages_there_is_nothing_to_follow() {
    let scene = Scene::new().await;
    let private = scene.world.sandbox.direct_messages(&scene.alice).unwrap();
    assert!(hidden(scene.alice.run(&private, "/about", ()).await));
    let reply = scene.alice.run_unchecked(&private, "/about", ()).await.unwrap();
    assert!(reply.text().contains("only in servers"), "{}", reply.text());
}
