//! Making and changing follows by number, with the question of the commands in the same request.

use super::*;
use crate::domain::follow::{FollowState, TagMode};

fn options(mode: TagMode, tags: &str) -> OptionsRequest {
    OptionsRequest { mode: Some(mode), tags: Some(tags.to_owned()), ..OptionsRequest::default() }
}

#[tokio::test]
async fn a_follow_is_made_changed_paused_resumed_and_removed() {
    let world = World::new().await;
    let harbour = world.server("Harbour");
    let (releases, news) = (harbour.text("releases"), harbour.text("news"));
    let alice = from_web(&harbour.member("Alice", MANAGE), &harbour);
    let wanted = request(&releases, &news, OptionsRequest::default());
    let made = world.follows.set_up(alice, wanted.clone(), false).await.unwrap();
    assert_eq!(made.edit, FollowEdit::Created { earlier: 0 });
    let id = made.record.id;
    assert_eq!(code(world.follows.set_up(alice, wanted, false).await), "already_following");
    let same = world.follows.change_options(alice, id, OptionsRequest::default(), false).await.unwrap();
    assert_eq!((same.edit, &same.record), (FollowEdit::Unchanged, &made.record));
    let change = world.follows.change_options(alice, id, options(TagMode::Only, "beta"), false);
    let changed = change.await.unwrap();
    assert_eq!((changed.edit, changed.record.id), (FollowEdit::Changed, id));
    assert_eq!((changed.record.mode, changed.record.tags.there), (TagMode::Only, vec!["#beta".to_owned()]));
    // The other way is the same.
    let again = request(&releases, &news, options(TagMode::Except, "beta"));
    let changed = world.follows.set_up(alice, again, false).await.unwrap();
    assert_eq!((changed.edit, changed.record.mode), (FollowEdit::Changed, TagMode::Except));
    let refused = world.follows.change_options(alice, id, options(TagMode::All, "beta"), false).await;
    assert_eq!(code(refused), "tags_without_mode");

    let paused = world.follows.pause_by_id(alice, id).await.unwrap();
    assert_eq!((paused.edit, paused.record.state), (FollowEdit::Paused, FollowState::Paused));
    assert_eq!(code(world.follows.pause_by_id(alice, id).await), "already_paused");
    let resumed = world.follows.resume_by_id(alice, id, false).await.unwrap();
    assert_eq!((resumed.edit, resumed.record.state), (FollowEdit::Resumed, FollowState::Active));
    assert_eq!(code(world.follows.resume_by_id(alice, id, false).await), "already_active");
    world.follows.remove(alice, id).await.unwrap();
    assert_eq!(code(world.follows.follow_record(alice, id).await), "unknown_follow");
    let gone = world.follows.change_options(alice, id, options(TagMode::Only, "x"), false).await;
    assert_eq!(code(gone), "unknown_follow");
    // Also if it goes at the very last moment.
    let late = FollowRequest { only: Some(id), ..request(&releases, &news, OptionsRequest::default()) };
    assert_eq!(code(world.follows.follow_as(alice, late, true).await), "unknown_follow");
    assert_eq!(world.list(alice).await.unwrap().total, 0, "nothing was made in its place");
}

#[tokio::test]
async fn what_becomes_public_must_be_confirmed_in_the_same_request() {
    let world = World::new().await;
    let harbour = world.server("Harbour");
    let (secret, news) = (private(&harbour, "secret"), harbour.text("news"));
    let owner = from_web(&harbour.owner(), &harbour);
    let wanted = request(&secret, &news, OptionsRequest::default());
    let refused = world.follows.set_up(owner, wanted.clone(), false).await.unwrap_err();
    assert_eq!((refused.code(), refused.facts().kind), ("confirmation_required", FailureKind::Conflict));
    assert!(refused.to_string().contains(&secret.mention()), "it says what: {refused}");
    assert_eq!(world.list(owner).await.unwrap().total, 0);
    assert!(news.webhooks().is_empty(), "nothing was made at Discord");
    let made = world.follows.set_up(owner, wanted, true).await.unwrap();
    assert_eq!(made.edit, FollowEdit::Created { earlier: 0 });
    // Who confirmed it needn't do so again.
    world.follows.pause_by_id(owner, made.record.id).await.unwrap();
    let resumed = world.follows.resume_by_id(owner, made.record.id, false).await.unwrap();
    assert_eq!(resumed.edit, FollowEdit::Resumed);
}

#[tokio::test]
async fn a_follow_that_became_public_later_is_resumed_only_if_confirmed() {
    let world = World::new().await;
    let harbour = world.server("Harbour");
    let (plans, news) = (harbour.text("plans"), harbour.text("news"));
    let owner = from_web(&harbour.owner(), &harbour);
    harbour.allow_bot(&plans, May::VIEW_CHANNEL | May::READ_MESSAGE_HISTORY);
    let wanted = request(&plans, &news, OptionsRequest::default());
    let id = world.follows.set_up(owner, wanted, false).await.unwrap().record.id;
    world.follows.pause_by_id(owner, id).await.unwrap();
    plans.deny_everyone(May::VIEW_CHANNEL);
    assert_eq!(code(world.follows.resume_by_id(owner, id, false).await), "confirmation_required");
    assert_eq!(world.store.follow_anywhere(id).await.unwrap().unwrap().state, FollowState::Paused);
    let resumed = world.follows.resume_by_id(owner, id, true).await.unwrap();
    assert_eq!(resumed.record.state, FollowState::Active);
}

#[tokio::test]
async fn only_who_manages_the_target_changes_it() {
    let world = World::new().await;
    let harbour = world.server("Harbour");
    let (releases, news) = (harbour.text("releases"), harbour.text("news"));
    let alice = from_web(&harbour.member("Alice", MANAGE), &harbour);
    let reader = from_web(&harbour.member("Rhea", May::MANAGE_MESSAGES), &harbour);
    let stranger = from_web(&world.sandbox.person("Sam"), &harbour);
    let before = world.follow(alice, &releases, &news).await;
    let other = request(&releases, &harbour.text("other"), OptionsRequest::default());
    for (who, changing, making) in
        [(reader, "missing_permission", "missing_permission"), (stranger, "unknown_server", "unknown_server")]
    {
        let change = options(TagMode::Only, "x");
        assert_eq!(code(world.follows.change_options(who, before.id, change, true).await), changing);
        assert_eq!(code(world.follows.pause_by_id(who, before.id).await), changing);
        assert_eq!(code(world.follows.resume_by_id(who, before.id, true).await), changing);
        assert_eq!(code(world.follows.remove(who, before.id).await), changing);
        assert_eq!(code(world.follows.set_up(who, other.clone(), true).await), making);
        let open = PublishRequest {
            audience: Some(crate::domain::follow::Audience::Servers),
            ..PublishRequest::default()
        };
        assert_eq!(code(world.follows.publish(who, channel_id(&releases), open).await), making);
    }
    assert_eq!(world.follows.follow_record(alice, before.id).await.unwrap(), before);
    assert_eq!(world.list(alice).await.unwrap().total, 1);
    // What can't be seen is not found: as a source, and as a target.
    let secret = private(&harbour, "secret");
    let hidden = request(&secret, &news, OptionsRequest::default());
    assert_eq!(code(world.follows.set_up(alice, hidden, true).await), "unknown_source");
    let hidden = request(&releases, &secret, OptionsRequest::default());
    assert_eq!(code(world.follows.set_up(alice, hidden, true).await), "unknown_channel");
    let elsewhere = world.sandbox.create_guild_without_bot("Nowhere");
    let nowhere = request(&releases, &elsewhere.text("x"), OptionsRequest::default());
    assert_eq!(code(world.follows.set_up(alice, nowhere, true).await), "unknown_channel");
}
