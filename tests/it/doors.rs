//! Who may see what changes while channels follow each other: if something that was open is closed, the bot
//! notices within seconds, tells people once, and asks.

use chrono::DateTime;
use rstest::rstest;
use tributary_sandbox::{
    Channel, ChannelKind, Effect, Fault, Guild, Options, Permissions, Person, Post, Reply,
};

use crate::harness::{SOON, Scene, admin, choice, follow, refusal, texts};

const YES: &str = "Follow anyway";
const VIEW: Permissions = Permissions::VIEW_CHANNEL;

fn channel(channel: &Channel) -> Options {
    Options::new().set("channel", channel)
}

/// `#news` of Harbour follows `#board` of Lakeside.
pub(crate) struct Abroad {
    pub(crate) scene: Scene,
    pub(crate) lakeside: Guild,
    pub(crate) keeper: Person,
    pub(crate) board: Channel,
}

impl Abroad {
    pub(crate) async fn new(kind: ChannelKind, delivery: &str) -> Self {
        let scene = Scene::new().await;
        let (lakeside, keeper) = scene.elsewhere("Lakeside");
        let board = lakeside.create_channel(kind, "board");
        lakeside.join(&scene.alice, Permissions::empty());
        if kind != ChannelKind::Announcement {
            publish(&keeper, &board, "servers").await;
        }
        let options = Options::new().set("link", board.link()).set("delivery", delivery);
        let reply = scene.run("/follow", options).await;
        assert!(reply.text().contains("now follows"), "{}", reply.text());
        Self { scene, lakeside, keeper, board }
    }

    /// Makes the board visible only to those who were given access, including the bot.
    pub(crate) fn make_private(&self) {
        self.lakeside.allow_bot(&self.board, VIEW | Permissions::READ_MESSAGE_HISTORY);
        self.board.allow(&self.keeper, VIEW);
        self.board.deny_everyone(VIEW);
    }
}

async fn publish(keeper: &Person, channel: &Channel, audience: &str) {
    let options = Options::new().set("channel", channel).set("audience", audience);
    keeper.run(channel, "/publish", options).await.unwrap();
}

/// Resumes the only follow of the list.
pub(crate) async fn resume(scene: &Scene) -> Reply {
    let list = scene.run("/follows", ()).await;
    let (menu, choice) = choice(&list, "resume");
    list.select(&menu, &[&choice]).await.unwrap()
}

/// What people were told in `#news`, once one of the messages says this.
pub(crate) async fn told(scene: &Scene, what: &str) -> String {
    scene.news.wait_for_message(SOON, |message| message.content.contains(what)).await.unwrap().content
}

/// Nothing that is posted in the source arrives. It waits for something that is posted later in another
/// source of `#news`.
pub(crate) async fn assert_nothing_arrives(scene: &Scene, person: &Person, source: &Channel) {
    person.post(source, "secret").unwrap();
    let open = scene.harbour.text("open");
    follow(&scene.alice, &open, &scene.news).await;
    scene.alice.post(&open, "the end").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "the end").await.unwrap();
    assert!(!texts(&scene.news).contains(&"secret".to_owned()), "{:?}", texts(&scene.news));
}

#[rstest]
#[tokio::test]
async fn an_announcement_channel_that_is_made_private_is_followed_from_elsewhere_no_more(
    #[values("relay", "native")] delivery: &str,
) {
    let abroad = Abroad::new(ChannelKind::Announcement, delivery).await;
    abroad.make_private();
    abroad.scene.world.database.wait_for("broken_reason", "unpublished").await;
    let told = told(&abroad.scene, "no longer receives").await;
    assert!(told.contains("no longer open to other servers"), "{told}");
    let gone = || abroad.scene.news.webhooks().iter().all(|hook| hook.follows.is_none()).then_some(());
    abroad.scene.world.sandbox.wait_for("Discord's webhook to disappear", SOON, gone).await.unwrap();
    let post = abroad.keeper.post(&abroad.board, "secret").unwrap();
    if delivery == "native" {
        abroad.keeper.publish(&abroad.board, post.id).unwrap();
    }
    assert_nothing_arrives(&abroad.scene, &abroad.keeper, &abroad.board).await;
    let refused = resume(&abroad.scene).await.text();
    assert!(refused.starts_with("I can't find that channel"), "{refused}");
}

#[tokio::test]
async fn roles_and_categories_close_doors_too() {
    let abroad = Abroad::new(ChannelKind::Announcement, "relay").await;
    let all = abroad.board.permissions_of(abroad.scene.alice.id());
    abroad.lakeside.set_everyone(all.difference(VIEW));
    abroad.scene.world.database.wait_for("broken_reason", "unpublished").await;
    drop(abroad);

    let scene = Scene::new().await;
    let category = scene.harbour.category("team");
    let plans = scene.harbour.create_channel_in(&category, ChannelKind::Text, "plans");
    scene.follow(&plans).await;
    scene.harbour.allow_bot(&category, VIEW | Permissions::READ_MESSAGE_HISTORY);
    category.deny_everyone(VIEW);
    assert!(!plans.permissions_of(scene.alice.id()).contains(VIEW), "the channel goes with its category");
    let told = told(&scene, "no longer receives").await;
    assert!(told.contains("I paused this"), "{told}");
}

#[tokio::test]
async fn a_source_that_is_made_private_is_paused_told_once_and_asked_about() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    scene.alice.post(&scene.releases, "open").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "open").await.unwrap();
    scene.harbour.allow_bot(&scene.releases, VIEW);
    scene.releases.allow(&scene.alice, VIEW);
    scene.releases.deny_everyone(VIEW);
    let told = told(&scene, "I paused this").await;
    assert!(told.contains(&scene.releases.mention()), "{told}");
    let list = scene.run("/follows", ()).await.text();
    assert!(list.contains("⏸️ paused") && list.contains("most can no longer see the followed one"), "{list}");
    // What was mirrored before isn't edited any more; deletions are still applied.
    assert_nothing_arrives(&scene, &scene.alice, &scene.releases).await;
    let open = scene.releases.messages()[0].id;
    scene.alice.edit(&scene.releases, open, "secret").unwrap();
    scene.alice.delete(&scene.releases, open).unwrap();
    let gone = || (!texts(&scene.news).contains(&"open".to_owned())).then_some(());
    scene.world.sandbox.wait_for("the mirror to disappear", SOON, gone).await.unwrap();
    assert!(!texts(&scene.news).contains(&"secret".to_owned()));

    let list = scene.run("/follows", channel(&scene.releases)).await;
    let asked = list.select("Look into, pause, resume or remove a follow …", &["resume:1"]).await.unwrap();
    assert!(asked.text().starts_with("Everyone in this server will be able to read"), "{}", asked.text());
    let resumed = asked.press(YES).await.unwrap();
    assert!(resumed.text().starts_with("Follow #1 is resumed"), "{}", resumed.text());
    scene.alice.post(&scene.releases, "meant").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "meant").await.unwrap();
    // It is intended now: another change of permissions doesn't ask again.
    scene.releases.allow(&scene.alice, VIEW | Permissions::MANAGE_CHANNELS);
    scene.world.sandbox.wait_quiet(std::time::Duration::from_secs(3)).await;
    scene.alice.post(&scene.releases, "still meant").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "still meant").await.unwrap();
    assert_eq!(texts(&scene.news).iter().filter(|text| text.contains("I paused this")).count(), 1);
}

#[tokio::test]
async fn a_target_that_is_opened_is_asked_about_too() {
    let scene = Scene::new().await;
    for channel in [&scene.releases, &scene.news] {
        scene.harbour.allow_bot(channel, VIEW);
        channel.allow(&scene.alice, VIEW);
        channel.deny_everyone(VIEW);
    }
    scene.follow(&scene.releases).await;
    scene.news.deny_everyone(Permissions::empty());
    told(&scene, "I paused this").await;
    assert_nothing_arrives(&scene, &scene.alice, &scene.releases).await;
}

#[tokio::test]
async fn a_change_of_options_asks_the_question_as_well() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    scene.harbour.allow_bot(&scene.releases, VIEW);
    scene.releases.allow(&scene.alice, VIEW);
    scene.releases.deny_everyone(VIEW);
    // Even if the check that pauses it is faster.
    let asked = scene.run("/follow", channel(&scene.releases).set("threads", "all")).await;
    assert!(asked.text().starts_with("Everyone in this server"), "{}", asked.text());
    assert_eq!(scene.newest("threads").await.as_deref(), Some("none"));
}

#[rstest]
#[case(VIEW, "**View Channel**")]
#[case(Permissions::READ_MESSAGE_HISTORY, "**Read Message History**")]
#[tokio::test]
async fn what_the_bot_loses_in_the_source_is_named_and_mends_itself(
    #[case] lost: Permissions,
    #[case] named: &str,
) {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    scene.harbour.deny_bot(&scene.releases, lost);
    let said = told(&scene, "no longer receives").await;
    assert!(said.contains(named) && said.contains("goes on by itself"), "{said}");
    let list = scene.run("/follows", ()).await.text();
    assert!(list.contains("🔴 broken") && list.contains(named), "{list}");
    scene.harbour.deny_bot(&scene.releases, Permissions::empty());
    told(&scene, "receives again").await;
    scene.alice.post(&scene.releases, "back").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "back").await.unwrap();
    assert_eq!(scene.newest("broken_reason").await, None);
}

#[tokio::test]
async fn a_role_of_the_bots_brings_back_what_it_lost() {
    let scene = Scene::new().await;
    let reader = scene.harbour.role("reader", Permissions::empty());
    scene.harbour.grant_bot(reader).unwrap();
    for channel in [&scene.releases, &scene.news] {
        channel.allow(&scene.alice, VIEW | Permissions::READ_MESSAGE_HISTORY);
        channel.allow_role(reader, VIEW | Permissions::READ_MESSAGE_HISTORY);
        channel.deny_everyone(VIEW);
    }
    scene.follow(&scene.releases).await;
    scene.harbour.revoke_bot(reader).unwrap();
    scene.world.database.wait_for("broken_reason", "source_forbidden").await;
    scene.harbour.grant_bot(reader).unwrap();
    scene.world.database.eventually("SELECT CAST(is_active AS TEXT) FROM channel_follows", "1").await;
    scene.alice.post(&scene.releases, "back").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "back").await.unwrap();
}

#[tokio::test]
async fn a_lost_manage_webhooks_breaks_nothing_until_the_webhook_goes() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    scene.harbour.deny_bot(&scene.news, Permissions::MANAGE_WEBHOOKS);
    let said = told(&scene, "still receives").await;
    assert!(said.contains("**Manage Webhooks**"), "{said}");
    scene.alice.post(&scene.releases, "still here").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "still here").await.unwrap();
    scene.news.delete_webhook(scene.news.webhooks()[0].id).unwrap();
    scene.alice.post(&scene.releases, "lost").unwrap();
    let said = told(&scene, "no longer receives").await;
    assert!(said.contains("**Manage Webhooks**") && said.contains("goes on by itself"), "{said}");
    scene.harbour.deny_bot(&scene.news, Permissions::empty());
    told(&scene, "receives again").await;
    scene.alice.post(&scene.releases, "back").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "back").await.unwrap();
}

/// The bot gets back what it lost, but meanwhile most people can't see the source any more.
#[tokio::test]
async fn what_comes_back_is_looked_at_as_if_it_were_new() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    scene.releases.allow(&scene.alice, VIEW);
    scene.releases.deny_everyone(VIEW);
    scene.world.database.wait_for("broken_reason", "source_forbidden").await;
    scene.harbour.allow_bot(&scene.releases, VIEW);
    told(&scene, "I paused this").await;
    assert_nothing_arrives(&scene, &scene.alice, &scene.releases).await;
}

#[tokio::test]
async fn a_flood_of_changes_costs_a_few_requests() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    scene.world.sandbox.wait_quiet(std::time::Duration::from_secs(2)).await;
    let before = scene.world.sandbox.exchanges().len();
    for n in 0..500 {
        scene.releases.rename(&format!("releases-{n}")).unwrap();
    }
    scene.releases.deny(&scene.alice, Permissions::ADD_REACTIONS);
    scene.world.sandbox.wait_quiet(std::time::Duration::from_secs(3)).await;
    let since = scene.world.sandbox.exchanges().len() - before;
    assert!(since <= 15, "{since} requests");
}

/// The channel is closed between the check and the write, or right after the write: either way, no follow is
/// left.
#[rstest]
#[tokio::test]
async fn closing_a_channel_while_a_follow_is_under_way_leaves_none(#[values(false, true)] resumes: bool) {
    let scene = Scene::new().await;
    let (lakeside, keeper) = scene.elsewhere("Lakeside");
    let talk = lakeside.text("talk");
    publish(&keeper, &talk, "servers").await;
    let relay = Options::new().set("link", talk.link()).set("delivery", "relay");
    if resumes {
        scene.run("/follow", relay.clone()).await;
        let list = scene.run("/follows", ()).await;
        list.select("Look into, pause, resume or remove a follow …", &["pause:1"]).await.unwrap();
    }
    // The last request before the write.
    let late = Effect::Delay(std::time::Duration::from_secs(5));
    let late = scene.world.sandbox.fault(Fault::on("GET", "/channels/*/webhooks", late).forever());
    let acting =
        async { if resumes { resume(&scene).await } else { scene.run("/follow", relay.clone()).await } };
    let closing = async {
        let asked = || (scene.world.sandbox.fault_hits(late) > 0).then_some(());
        scene.world.sandbox.wait_for("the last question", SOON, asked).await.unwrap();
        publish(&keeper, &talk, "nobody").await;
    };
    tokio::join!(acting, closing);
    scene.world.sandbox.clear_fault(late);
    assert_eq!(scene.count("channel_follows WHERE is_active").await, 0);
    assert_nothing_arrives(&scene, &keeper, &talk).await;
}

#[tokio::test]
async fn an_age_restricted_source_goes_into_such_targets_only() {
    let scene = Scene::new().await;
    scene.releases.set_age_restricted(true).unwrap();
    let text = scene.refused("/follow", channel(&scene.releases)).await;
    assert!(text.contains("is not age-restricted"), "{text}");
    let thread = scene.releases.thread("thread").unwrap();
    let text = scene.refused("/follow", channel(&thread)).await;
    assert!(text.contains("is not age-restricted"), "a thread counts as its channel: {text}");
    scene.news.set_age_restricted(true).unwrap();
    scene.follow(&scene.releases).await;
    scene.news.set_age_restricted(false).unwrap();
    let said = told(&scene, "no longer receives").await;
    assert!(said.contains("age-restricted"), "{said}");
    assert_nothing_arrives(&scene, &scene.alice, &scene.releases).await;
}

#[rstest]
#[tokio::test]
async fn an_age_restriction_is_looked_at_from_both_servers(#[values(true, false)] source_changes: bool) {
    let abroad = Abroad::new(ChannelKind::Text, "relay").await;
    if source_changes {
        abroad.board.set_age_restricted(true).unwrap();
    } else {
        abroad.scene.news.set_age_restricted(true).unwrap();
        abroad.board.set_age_restricted(true).unwrap();
        let seen = "SELECT CAST(source_restricted AS TEXT) FROM channel_follows";
        abroad.scene.world.database.eventually(seen, "1").await;
        abroad.scene.news.set_age_restricted(false).unwrap();
    }
    abroad.scene.world.database.wait_for("broken_reason", "age_restricted").await;
}

#[tokio::test]
async fn who_may_not_read_the_history_may_not_follow() {
    let scene = Scene::new().await;
    scene.releases.deny(&scene.alice, Permissions::READ_MESSAGE_HISTORY);
    let text = scene.refused("/follow", channel(&scene.releases).set("backfill", 5)).await;
    let expected = format!("You need **Read Message History** in {} for this.", scene.releases.mention());
    assert_eq!(text, expected);
}

#[rstest]
#[tokio::test]
async fn the_chats_of_voice_channels_need_connect(
    #[values(ChannelKind::Voice, ChannelKind::Stage)] kind: ChannelKind,
) {
    let scene = Scene::new().await;
    let lounge = scene.harbour.create_channel(kind, "lounge");
    lounge.deny(&scene.alice, Permissions::CONNECT);
    let text = scene.refused("/follow", channel(&lounge)).await;
    assert!(text.contains("**Connect**") && text.starts_with("You need"), "{text}");
    lounge.deny(&scene.alice, Permissions::empty());
    scene.harbour.deny_bot(&lounge, Permissions::CONNECT);
    let text = scene.refused("/follow", channel(&lounge)).await;
    assert!(text.starts_with(&format!("I need **Connect** in {}", lounge.mention())), "{text}");
    scene.harbour.deny_bot(&lounge, Permissions::empty());
    scene.follow(&lounge).await;
    scene.alice.post(&lounge, "heard").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "heard").await.unwrap();
    scene.harbour.deny_bot(&lounge, Permissions::CONNECT);
    let said = told(&scene, "no longer receives").await;
    assert!(said.contains("**Connect**"), "{said}");
}

#[tokio::test]
async fn a_timed_out_moderator_changes_nothing() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let bob = admin(&scene.harbour, "Bob");
    let list = bob.run(&scene.news, "/follows", ()).await.unwrap();
    scene.harbour.time_out(&bob, DateTime::from_timestamp(4_000_000_000, 0).unwrap()).unwrap();
    let other = scene.harbour.text("other");
    let publish = channel(&scene.releases).set("audience", "servers");
    for (command, options) in
        [("/follow", channel(&other)), ("/unfollow", channel(&scene.releases)), ("/publish", publish)]
    {
        let text = scene.refused_for(&bob, &scene.news, command, options).await;
        assert!(text.starts_with("You are timed out in this server until <t:"), "{command}: {text}");
    }
    let before = scene.everything().await;
    let (menu, choice) = choice(&list, "pause");
    let pressed = list.select(&menu, &[&choice]).await.unwrap();
    assert!(refusal(&pressed).contains("You are timed out"), "{}", pressed.text());
    assert_eq!(scene.everything().await, before);
}

#[tokio::test]
async fn a_native_follow_breaks_when_its_source_is_no_announcement_channel_any_more() {
    let scene = Scene::new().await;
    let board = scene.harbour.announcement("board");
    scene.follow(&board).await;
    board.convert(ChannelKind::Text).unwrap();
    let said = told(&scene, "no longer receives").await;
    assert!(said.contains("isn't an announcement channel any more"), "{said}");
    let list = scene.run("/follows", ()).await.text();
    assert!(list.contains("🔴 broken"), "{list}");
    let repaired = scene.run("/follow", channel(&board).set("delivery", "relay")).await;
    assert!(repaired.text().contains("works again"), "{}", repaired.text());
    scene.alice.post(&board, "relayed").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "relayed").await.unwrap();
}

#[tokio::test]
async fn what_was_opened_may_be_followed_by_whoever_has_its_link() {
    let scene = Scene::new().await;
    let (lakeside, keeper) = scene.elsewhere("Lakeside");
    let talk = lakeside.text("talk");
    let link = || Options::new().set("link", talk.link());
    assert!(scene.refused("/follow", link()).await.starts_with("I can't find that channel"));
    publish(&keeper, &talk, "everyone").await;
    let thread = talk.thread("thread").unwrap();
    let whispers = talk.private_thread("whispers").unwrap();
    whispers.add_to_thread(scene.world.sandbox.bot_id()).unwrap();
    let whispers = Options::new().set("link", whispers.link());
    assert!(scene.refused("/follow", whispers).await.starts_with("I can't find that channel"));
    for source in [&talk, &thread] {
        let reply = scene.run("/follow", Options::new().set("link", source.link())).await;
        assert!(reply.text().contains("now follows"), "{}", reply.text());
    }
    keeper.post(&talk, "hello").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "hello").await.unwrap();
}

#[tokio::test]
async fn an_announcement_channel_that_nobody_opened_gives_away_what_it_publishes() {
    let abroad = Abroad::new(ChannelKind::Announcement, "relay").await;
    let (scene, keeper, board) = (&abroad.scene, &abroad.keeper, &abroad.board);
    let inside = abroad.lakeside.text("inside");
    follow(keeper, board, &inside).await;
    let draft = keeper.post(board, "a draft").unwrap();
    let kept = keeper.post(board, "kept").unwrap();
    inside.wait_for_message(SOON, |message| message.content == "kept").await.unwrap();
    keeper.publish(board, draft.id).unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "a draft").await.unwrap();
    keeper.edit(board, draft.id, "as corrected").unwrap();
    keeper.edit(board, kept.id, "still kept").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "as corrected").await.unwrap();
    inside.wait_for_message(SOON, |message| message.content == "still kept").await.unwrap();
    assert_eq!(texts(&scene.news), ["as corrected"]);
    // Once opened, it shares everything that is posted.
    publish(keeper, board, "servers").await;
    keeper.post(board, "for all").unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "for all").await.unwrap();
    publish(keeper, board, "nobody").await;
    keeper.post(board, "for us").unwrap();
    inside.wait_for_message(SOON, |message| message.content == "for us").await.unwrap();
    let end = keeper.post(board, "the end").unwrap();
    keeper.publish(board, end.id).unwrap();
    scene.news.wait_for_message(SOON, |message| message.content == "the end").await.unwrap();
    assert_eq!(texts(&scene.news), ["as corrected", "for all", "the end"]);
}

#[tokio::test]
async fn names_of_private_channels_stay_in_their_server() {
    let abroad = Abroad::new(ChannelKind::Text, "relay").await;
    let (lobby, staff) = (abroad.lakeside.text("lobby"), abroad.lakeside.text("layoffs"));
    staff.deny_everyone(VIEW);
    let mentions = format!("{} and {}", lobby.mention(), staff.mention());
    abroad.keeper.post(&abroad.board, mentions.as_str()).unwrap();
    let named = "#lobby and #no-access";
    abroad.scene.news.wait_for_message(SOON, |message| message.content == named).await.unwrap();
    // Its name is hidden as soon as the channel is.
    lobby.deny_everyone(VIEW);
    abroad.scene.world.sandbox.wait_quiet(std::time::Duration::from_millis(500)).await;
    abroad.keeper.post(&abroad.board, lobby.mention().as_str()).unwrap();
    abroad.scene.news.wait_for_message(SOON, |message| message.content == "#no-access").await.unwrap();
}

#[tokio::test]
async fn what_is_published_quotes_nothing_that_was_not() {
    let abroad = Abroad::new(ChannelKind::Announcement, "relay").await;
    let (scene, keeper, board) = (&abroad.scene, &abroad.keeper, &abroad.board);
    let writer = admin(&abroad.lakeside, "Wilma");
    let inside = abroad.lakeside.text("inside");
    follow(keeper, board, &inside).await;
    let [draft, open] = ["a draft", "an open word"].map(|text| writer.post(board, text).unwrap());
    keeper.publish(board, open.id).unwrap();
    for (original, text) in [(&draft, "one"), (&open, "two")] {
        let answer = keeper.post(board, Post::text(text).reply_to(original.id)).unwrap();
        keeper.publish(board, answer.id).unwrap();
    }
    let shown = async |channel: &Channel, ending: &str| {
        let mirror = channel.wait_for_message(SOON, |message| message.content.ends_with(ending)).await;
        mirror.unwrap_or_else(|error| panic!("{error}\n{}", channel.render_text())).content
    };
    let told = shown(&scene.news, "\none").await;
    assert!(told.starts_with("-# ↪ [a message](") && !told.contains("draft"), "{told}");
    assert!(!told.contains("Wilma"), "{told}");
    let told = shown(&scene.news, "\ntwo").await;
    assert!(told.contains("Wilma") && told.contains("an open word"), "{told}");
    let told = shown(&inside, "\none").await;
    assert!(told.contains("Wilma") && told.contains("a draft"), "{told}");
}
