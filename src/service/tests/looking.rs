//! Servers in common, what others may follow, followers, previews and figures.

use super::*;
use crate::domain::follow::{Audience, FollowStateKind, TagMode};
use crate::domain::ids::MessageId;
use crate::domain::permissions::Permissions;

#[tokio::test]
async fn servers_in_common_are_looked_at_ten_at_a_time() {
    let world = World::new().await;
    let pat = world.sandbox.person("Pat");
    let mut candidates = Vec::new();
    for number in 0..12 {
        let guild = world.server(&format!("Server {number}"));
        // Pat isn't in every third of them.
        if number % 3 != 2 {
            guild.join(&pat, if number == 0 { May::MANAGE_GUILD } else { May::empty() });
        }
        candidates.push(guild_id(&guild));
    }
    candidates.insert(0, GuildId::new(7).unwrap());
    let user = pat.id().to_string().parse().unwrap();
    let before = world.requests();
    let first = world.follows.shared_servers(user, Via::Web, &candidates).await.unwrap();
    assert_eq!(first.remaining, candidates[11..], "the bot isn't in the first, which costs nothing");
    let names: Vec<&str> = first.servers.iter().map(|server| server.name.as_str()).collect();
    let expected = [0, 1, 3, 4, 6, 7, 9].map(|number| format!("Server {number}"));
    assert_eq!(names, expected.each_ref().map(String::as_str));
    assert!(first.servers[0].permissions.contains(Permissions::MANAGE_GUILD));
    assert!(!first.servers[1].permissions.intersects(Permissions::MANAGE_GUILD));
    assert!(world.requests() - before <= 20);
    // What is known by now costs nothing, and leaves room for the others.
    let before = world.requests();
    let all = world.follows.shared_servers(user, Via::Web, &candidates).await.unwrap();
    assert_eq!((all.servers.len(), all.remaining.len()), (8, 0));
    assert!(world.requests() - before <= 4);
}

#[tokio::test]
async fn channels_show_who_may_follow_them_and_who_does() {
    let world = World::new().await;
    let (harbour, town) = (world.server("Harbour"), world.server("Town"));
    let (releases, hidden) = (harbour.text("releases"), private(&harbour, "hidden"));
    let announcements = harbour.announcement("announcements");
    let keeper = harbour.member("Alice", MANAGE);
    let alice = from_web(&keeper, &harbour);
    let open = PublishRequest { audience: Some(Audience::Servers), ..PublishRequest::default() };
    let published = world.follows.publish(alice, channel_id(&releases), open).await.unwrap();
    assert_eq!(published.now.audience, Audience::Servers);
    town.join(&keeper, MANAGE);
    let in_town = town.text("from-harbour");
    let id = world.follow(from_web(&keeper, &town), &releases, &in_town).await.id;
    let unseen = world.follow(from_web(&town.owner(), &town), &releases, &private(&town, "office")).await.id;

    let channels = world.follows.followable_channels(alice).await.unwrap();
    let of = |channel: &Channel| channels.iter().find(|found| found.channel == channel_id(channel));
    let found = of(&releases).unwrap();
    assert_eq!((found.audience, found.open, found.followers), (Audience::Servers, true, 2));
    let found = of(&announcements).unwrap();
    assert_eq!(
        (found.audience, found.open, found.followers),
        (Audience::Nobody, true, 0),
        "by Discord's rule"
    );
    assert_eq!(of(&hidden), None, "Alice can't see it");

    let first = PageStart::Number(1.try_into().unwrap());
    let size = PageSize::default();
    let page = world.follows.follower_records(alice, channel_id(&releases), first, size).await.unwrap();
    let seen: Vec<_> = page.items.iter().map(|one| (one.id, one.server.as_deref(), one.state)).collect();
    let active = FollowStateKind::Active;
    assert_eq!(seen, [(unseen, Some("Town"), active), (id, Some("Town"), active)]);
    let view = ChannelView::Elsewhere {
        channel: channel_id(&in_town),
        name: in_town.name(),
        guild: guild_id(&town),
        server: "Town".to_owned(),
    };
    assert_eq!(page.items[1].channel, view);
    assert!(matches!(page.items[0].channel, ChannelView::Hidden { .. }), "{:?}", page.items[0]);
    // Somebody who isn't in that server learns which it is, and no channel.
    let rhea = from_web(&harbour.member("Rhea", May::MANAGE_MESSAGES), &harbour);
    let page = world.follows.follower_records(rhea, channel_id(&releases), first, size).await.unwrap();
    assert!(page.items.iter().all(|one| one.channel == ChannelView::Hidden { server: None }));
    let refused = world.follows.follower_records(rhea, channel_id(&in_town), first, size).await;
    assert_eq!(code(refused), "unknown_channel");

    let figures = world.follows.server_figures(alice).await.unwrap();
    assert_eq!((figures.follows.active, figures.followers.channels), (0, 2));
    let figures = world.follows.server_figures(from_web(&keeper, &town)).await.unwrap();
    assert_eq!((figures.follows.active, figures.followers.channels), (2, 0));
}

#[tokio::test]
async fn a_preview_says_what_would_be_let_through() {
    let world = World::new().await;
    let harbour = world.server("Harbour");
    let (releases, news) = (harbour.text("releases"), harbour.text("news"));
    let keeper = harbour.member("Alice", MANAGE);
    let alice = from_web(&keeper, &harbour);
    for text in ["one #beta", "two", "three #beta #rc"] {
        keeper.post(&releases, text).unwrap();
    }
    let looked = async |mode, tags: &str| {
        let options = OptionsRequest {
            mode: Some(mode),
            tags: Some(tags.to_owned()).filter(|tags| !tags.is_empty()),
            ..OptionsRequest::default()
        };
        let preview = world.follows.preview(alice, request(&releases, &news, options)).await.unwrap();
        let posts = preview.posts.iter().map(|post| (post.beginning.clone(), post.left_out.clone()));
        (preview.let_through(), posts.collect::<Vec<_>>())
    };
    let (through, posts) = looked(TagMode::All, "").await;
    assert_eq!((through, posts.len(), posts[0].0.as_str()), (3, 3, "three #beta #rc"));
    let (through, posts) = looked(TagMode::Only, "rc").await;
    let why = posts.into_iter().map(|(_, why)| why).collect::<Vec<_>>();
    assert_eq!(
        (through, why),
        (1, vec![None, Some(NotLetThrough::LacksTags), Some(NotLetThrough::LacksTags)])
    );
    let (through, posts) = looked(TagMode::Except, "rc, alpha").await;
    let why = posts.into_iter().map(|(_, why)| why).collect::<Vec<_>>();
    assert_eq!((through, why), (2, vec![Some(NotLetThrough::HasTags(vec!["#rc".to_owned()])), None, None]));
    assert_eq!(world.list(alice).await.unwrap().total, 0, "nothing was made");

    // Who can't read the source learns nothing of it, and who may not look at the target neither.
    let wanted = || request(&releases, &news, OptionsRequest::default());
    let member = from_web(&harbour.member("Mia", May::empty()), &harbour);
    assert_eq!(code(world.follows.preview(member, wanted()).await), "missing_permission");
    let reader = harbour.member("Rhea", May::MANAGE_MESSAGES);
    releases.deny(&reader, May::VIEW_CHANNEL);
    let reader = from_web(&reader, &harbour);
    assert_eq!(code(world.follows.preview(reader, wanted()).await), "unknown_source");
}

#[tokio::test]
async fn the_last_messages_of_a_follow_come_as_many_as_are_wanted() {
    let world = World::new().await;
    let harbour = world.server("Harbour");
    let (releases, news) = (harbour.text("releases"), harbour.text("news"));
    let keeper = harbour.member("Alice", MANAGE);
    let alice = from_web(&keeper, &harbour);
    for number in 0..12 {
        keeper.post(&releases, format!("post {number}").as_str()).unwrap();
    }
    let wanted = FollowRequest { backfill: 12, ..request(&releases, &news, OptionsRequest::default()) };
    let made = world.follows.set_up(alice, wanted, false).await.unwrap();
    assert_eq!(made.edit, FollowEdit::Created { earlier: 12 });
    let id = made.record.id;
    for (limit, expected) in [(3, 3), (12, 12), (u8::MAX, 12)] {
        let last = world.follows.last_messages(alice, id, limit).await.unwrap();
        assert_eq!(last.messages.len(), expected);
        assert_eq!(last.messages[0].beginning.as_deref(), Some("post 11"));
    }
}

#[tokio::test]
async fn a_message_is_reported_on_by_its_number() {
    let world = World::new().await;
    let harbour = world.server("Harbour");
    let (releases, news) = (harbour.text("releases"), harbour.text("news"));
    let keeper = harbour.member("Alice", MANAGE);
    let alice = from_web(&keeper, &harbour);
    let posted = keeper.post(&releases, "hello").unwrap();
    let posted: MessageId = posted.id.to_string().parse().unwrap();
    world.follow(alice, &releases, &news).await;
    let report = world.follows.report_by_id(alice, channel_id(&releases), posted).await.unwrap();
    assert!(matches!(report.to, MessageReach::Followers(_)), "{:?}", report.to);
    let missing = MessageId::new(7).unwrap();
    let of = async |who, channel, message| code(world.follows.report_by_id(who, channel, message).await);
    assert_eq!(of(alice, channel_id(&releases), missing).await, "unknown_message");
    assert_eq!(of(alice, ChannelId::new(7).unwrap(), posted).await, "unknown_channel");
    let member = from_web(&harbour.member("Mia", May::empty()), &harbour);
    assert_eq!(of(member, channel_id(&releases), posted).await, "missing_permission");
    let stranger = from_web(&world.sandbox.person("Sam"), &harbour);
    assert_eq!(of(stranger, channel_id(&releases), posted).await, "unknown_server");
}
