//! Who may read which follows, and what of them.

use super::*;
use crate::domain::follow::{FollowState, FollowStateKind, TagMode};

/// A server with a follow, and people of all sorts.
struct Scene {
    world: World,
    harbour: Guild,
    releases: Channel,
    news: Channel,
    alice: Actor,
    reader: Actor,
    member: Actor,
    stranger: Actor,
    follow: FollowRecord,
}

impl Scene {
    async fn new() -> Self {
        let world = World::new().await;
        let harbour = world.server("Harbour");
        let (releases, news) = (harbour.text("releases"), harbour.text("news"));
        let person = |name, may| from_web(&harbour.member(name, may), &harbour);
        let [alice, reader, member] =
            [("Alice", MANAGE), ("Rhea", May::MANAGE_MESSAGES), ("Mia", May::empty())]
                .map(|(name, may)| person(name, may));
        let stranger = from_web(&world.sandbox.person("Sam"), &harbour);
        let follow = world.follow(alice, &releases, &news).await;
        Self { world, harbour, releases, news, alice, reader, member, stranger, follow }
    }
}

#[tokio::test]
async fn reading_takes_manage_messages_and_tells_others_nothing() {
    let scene = Scene::new().await;
    let Scene { world, follow, .. } = &scene;
    let (one, none) = (follow.id, FollowId(999));
    for who in [scene.alice, scene.reader] {
        assert_eq!(world.list(who).await.unwrap().total, 1);
        assert_eq!(world.follows.follow_record(who, one).await.unwrap().id, one);
        assert_eq!(code(world.follows.follow_record(who, none).await), "unknown_follow");
    }
    let nowhere = Actor { guild: GuildId::new(7).unwrap(), ..scene.alice };
    for (who, expected) in [
        (scene.member, "missing_server_permission"),
        (scene.stranger, "unknown_server"),
        (nowhere, "unknown_server"),
    ] {
        assert_eq!(code(world.list(who).await), expected);
        // Whether there is a follow of that number isn't told.
        for id in [one, none] {
            assert_eq!(code(world.follows.follow_record(who, id).await), expected);
            assert_eq!(code(world.follows.last_messages(who, id, 5).await), expected);
            assert_eq!(code(world.follows.pause_by_id(who, id).await), expected);
            assert_eq!(code(world.follows.remove(who, id).await), expected);
        }
        assert_eq!(code(world.follows.followable_channels(who).await), expected);
        assert_eq!(code(world.follows.server_figures(who).await), expected);
    }
}

#[tokio::test]
async fn a_record_says_what_the_follow_is_and_managers_learn_its_webhook() {
    let scene = Scene::new().await;
    let Scene { world, releases, news, .. } = &scene;
    let webhook: WebhookId = news.webhooks()[0].id.to_string().parse().unwrap();
    let seen = world.follows.follow_record(scene.alice, scene.follow.id).await.unwrap();
    assert_eq!(seen, scene.follow, "as it was answered when it was made");
    assert_eq!((seen.source.clone(), seen.target.clone()), (here(releases), here(news)));
    assert_eq!((seen.state, seen.remedy.clone(), seen.mode), (FollowState::Active, None, TagMode::All));
    assert_eq!((seen.guild, seen.created_by), (scene.alice.guild, Some(scene.alice.user)));
    assert_eq!((seen.manages, seen.webhook), (true, Some(webhook)));
    let seen = world.follows.follow_record(scene.reader, scene.follow.id).await.unwrap();
    assert_eq!(seen, FollowRecord { manages: false, webhook: None, ..scene.follow.clone() });
}

#[tokio::test]
async fn what_a_person_cannot_see_stays_hidden() {
    let scene = Scene::new().await;
    let Scene { world, harbour, .. } = &scene;
    let secret = private(harbour, "secret");
    let owner = from_web(&harbour.owner(), harbour);
    let hidden = world.follow(owner, &secret, &private(harbour, "office")).await;
    let listed = world.list(scene.reader).await.unwrap();
    assert_eq!(listed.items[0].id, hidden.id);
    let unseen = ChannelView::Hidden { server: None };
    assert_eq!((&listed.items[0].source, &listed.items[0].target), (&unseen, &unseen));
    // A filter doesn't tell either, and the answer is the same where there is no such channel.
    for source in [channel_id(&secret), ChannelId::new(7).unwrap()] {
        let wanted = FollowFilter { source: Some(source), ..FollowFilter::default() };
        assert_eq!(code(world.list_of(scene.reader, &wanted).await), "unknown_source");
        for wanted in [
            FollowFilter { target: Some(source), ..FollowFilter::default() },
            FollowFilter::of_channel(Some(source)),
        ] {
            assert_eq!(code(world.list_of(scene.reader, &wanted).await), "unknown_channel");
        }
    }
    let wanted = FollowFilter { source: Some(channel_id(&secret)), ..FollowFilter::default() };
    assert_eq!(world.list_of(owner, &wanted).await.unwrap().total, 1);
    // Nor does a refusal name what they can't see.
    assert_eq!(code(world.follows.pause_by_id(scene.alice, hidden.id).await), "unknown_channel");
}

#[tokio::test]
async fn another_servers_follows_are_not_found() {
    let scene = Scene::new().await;
    let world = &scene.world;
    let town = world.server("Town");
    let tom = from_web(&town.member("Tom", MANAGE), &town);
    assert_eq!(world.list(tom).await.unwrap().total, 0);
    let id = scene.follow.id;
    assert_eq!(code(world.follows.follow_record(tom, id).await), "unknown_follow");
    assert_eq!(code(world.follows.pause_by_id(tom, id).await), "unknown_follow");
    assert_eq!(code(world.follows.resume_by_id(tom, id, true).await), "unknown_follow");
    assert_eq!(code(world.follows.remove(tom, id).await), "unknown_follow");
    assert_eq!(code(world.follows.last_messages(tom, id, 5).await), "unknown_follow");
    let change = world.follows.change_options(tom, id, OptionsRequest::default(), true);
    assert_eq!(code(change.await), "unknown_follow");
    assert_eq!(world.store.follow_anywhere(id).await.unwrap().unwrap().state, FollowState::Active);
}

#[tokio::test]
async fn one_channel_is_enough_for_its_own_follows() {
    let scene = Scene::new().await;
    let Scene { world, harbour, news, .. } = &scene;
    let keeper = harbour.member("Keeper", May::empty());
    news.allow(&keeper, May::MANAGE_MESSAGES);
    let keeper = from_web(&keeper, harbour);
    assert_eq!(code(world.list(keeper).await), "missing_server_permission");
    let wanted = FollowFilter { target: Some(channel_id(news)), ..FollowFilter::default() };
    assert_eq!(world.list_of(keeper, &wanted).await.unwrap().items[0].id, scene.follow.id);
    assert_eq!(world.follows.follow_record(keeper, scene.follow.id).await.unwrap().id, scene.follow.id);
    assert_eq!(code(world.follows.pause_by_id(keeper, scene.follow.id).await), "missing_permission");
}

#[tokio::test]
async fn a_list_is_filtered_and_paged() {
    let scene = Scene::new().await;
    let Scene { world, harbour, releases, news, alice, .. } = &scene;
    let mut made = vec![scene.follow.id];
    for name in ["one", "two", "three"] {
        made.push(world.follow(*alice, releases, &harbour.text(name)).await.id);
    }
    made.push(world.follow(*alice, news, &harbour.text("four")).await.id);
    world.follows.pause_by_id(*alice, made[1]).await.unwrap();
    made.reverse();
    let ids = |page: &Page<FollowRecord>| page.items.iter().map(|item| item.id).collect::<Vec<_>>();
    assert_eq!(ids(&world.list(scene.reader).await.unwrap()), made);
    let size = PageSize::new(2).unwrap();
    let all = FollowFilter::default();
    let mut start = PageStart::At(Cursor::Newest);
    for expected in made.chunks(2) {
        let page = world.follows.follow_records(scene.reader, &all, start, size).await.unwrap();
        assert_eq!((ids(&page), page.total), (expected.to_vec(), 5));
        start = Cursor::OlderThan(expected.last().unwrap().0).into();
    }
    let second = PageStart::Number(2.try_into().unwrap());
    let page = world.follows.follow_records(scene.reader, &all, second, size).await.unwrap();
    assert_eq!((ids(&page), page.newer), (made[2..4].to_vec(), 2));
    let paused = FollowFilter { state: Some(FollowStateKind::Paused), ..all };
    assert_eq!(ids(&world.list_of(scene.reader, &paused).await.unwrap()), [made[3]]);
    let of_news = FollowFilter::of_channel(Some(channel_id(news)));
    assert_eq!(ids(&world.list_of(scene.reader, &of_news).await.unwrap()), [made[0], made[4]]);
}

#[tokio::test]
async fn reading_often_asks_discord_once_a_minute_and_changing_asks_anew() {
    let scene = Scene::new().await;
    let Scene { world, harbour, reader, .. } = &scene;
    let before = world.requests();
    let seen = world.follows.follow_record(scene.alice, scene.follow.id).await.unwrap();
    assert_eq!((seen, world.requests()), (scene.follow.clone(), before), "a change leaves what it found out");
    world.list(*reader).await.unwrap();
    let before = world.requests();
    for _ in 0..20 {
        world.list(*reader).await.unwrap();
        world.follows.follow_record(*reader, scene.follow.id).await.unwrap();
    }
    assert_eq!(world.requests(), before, "what is known is not asked again");
    // A lost role shows after a minute at the latest, and at once where something is changed.
    let manager = harbour.member("Max", MANAGE);
    let max = from_web(&manager, harbour);
    assert!(world.follows.follow_record(max, scene.follow.id).await.unwrap().manages);
    harbour.revoke_all(&manager);
    assert!(world.follows.follow_record(max, scene.follow.id).await.unwrap().manages);
    assert_eq!(code(world.follows.pause_by_id(max, scene.follow.id).await), "missing_server_permission");
    pass(60);
    assert_eq!(code(world.follows.follow_record(max, scene.follow.id).await), "missing_server_permission");
    // What the gateway reports is noticed at once.
    let everyone = harbour.role("Readers", May::MANAGE_MESSAGES);
    let late = harbour.member("Lea", May::empty());
    let lea = from_web(&late, harbour);
    assert_eq!(code(world.list(lea).await), "missing_server_permission");
    harbour.grant(&late, everyone);
    world.follows.permissions_changed(lea.guild);
    assert_eq!(world.list(lea).await.unwrap().total, 1);
}

#[tokio::test]
async fn many_readings_at_once_ask_discord_once() {
    let scene = Scene::new().await;
    let before = scene.world.requests();
    let readings = (0..10).map(|_| scene.world.list(scene.reader));
    for page in futures_util::future::join_all(readings).await {
        assert_eq!(page.unwrap().total, 1);
    }
    assert_eq!(scene.world.requests() - before, 3, "the server, the member, the channels");
}
