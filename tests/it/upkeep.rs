//! The bot notices what moderators do behind its back, whether it runs or is away; the follow then says what
//! is wrong, and can be repaired.

use std::time::Duration;

use rstest::rstest;
use tributary_sandbox::{Channel, Effect, Fault, Guild, Options, Permissions, Person};

use crate::harness::{Bot, SOON, World, admin, choice, follow};

struct Town {
    world: World,
    /// The source's server.
    harbour: Guild,
    /// The target's server.
    village: Guild,
    source: Channel,
    target: Channel,
    alice: Person,
}

#[derive(Debug, Clone, Copy)]
enum When {
    Running,
    Away,
}

impl Town {
    /// A published source, followed from another server.
    async fn new() -> (Self, Bot) {
        let world = World::new().await;
        let (harbour, village) =
            (world.sandbox.create_guild("Harbour"), world.sandbox.create_guild("Village"));
        let (source, target) = (harbour.text("source"), village.text("target"));
        let alice = admin(&harbour, "Alice");
        village.join(&alice, Permissions::MANAGE_CHANNELS | Permissions::MANAGE_MESSAGES);
        let bot = world.start().await;
        let published = Options::new().set("channel", &source).set("audience", "everyone");
        alice.run(&source, "/publish", published).await.unwrap();
        let options = Options::new().set("link", source.link()).set("delivery", "relay");
        let reply = alice.run(&target, "/follow", options).await.unwrap();
        assert!(reply.text().contains("now follows"), "{}", reply.text());
        (Self { world, harbour, village, source, target, alice }, bot)
    }

    /// Does something while the bot runs, or while it is away.
    async fn happens(&self, bot: Bot, when: When, what: impl FnOnce(&Self)) -> Bot {
        match when {
            When::Running => {
                what(self);
                bot
            }
            When::Away => {
                bot.stop().await;
                what(self);
                self.world.start().await
            }
        }
    }

    async fn reason(&self) -> Option<String> {
        self.world.database.text("SELECT broken_reason FROM channel_follows").await
    }

    async fn assert_broken(&self, reason: &str) {
        self.world.until("the follow is broken", async || self.reason().await.is_some()).await;
        assert_eq!(self.reason().await.as_deref(), Some(reason));
    }

    async fn assert_works(&self) {
        self.alice.post(&self.source, "it works").unwrap();
        self.target.wait_for_message(SOON, |message| message.content == "it works").await.unwrap();
        assert_eq!(self.reason().await, None);
    }

    /// What `/follows` says, asked in the target's server.
    async fn list(&self) -> tributary_sandbox::Reply {
        let place = self.village.find_channel("target").unwrap_or_else(|| self.village.text("elsewhere"));
        self.alice.run(&place, "/follows", ()).await.unwrap()
    }
}

#[rstest]
#[tokio::test]
async fn a_deleted_source_breaks_the_follow(#[values(When::Running, When::Away)] when: When) {
    let (town, bot) = Town::new().await;
    let _bot = town.happens(bot, when, |town| town.source.delete().unwrap()).await;
    town.assert_broken("source_deleted").await;
    assert!(
        town.list().await.text().contains("The followed channel was deleted"),
        "{}",
        town.list().await.text()
    );
}

#[rstest]
#[tokio::test]
async fn a_deleted_target_breaks_the_follow(#[values(When::Running, When::Away)] when: When) {
    let (town, bot) = Town::new().await;
    let _bot = town.happens(bot, when, |town| town.target.delete().unwrap()).await;
    town.assert_broken("target_deleted").await;
    assert!(town.list().await.text().contains("The receiving channel was deleted"));
}

#[rstest]
#[tokio::test]
async fn leaving_the_sources_server_breaks_the_follow(#[values(When::Running, When::Away)] when: When) {
    let (town, bot) = Town::new().await;
    let _bot = town.happens(bot, when, |town| town.harbour.remove_bot().unwrap()).await;
    town.assert_broken("source_server_left").await;
    assert!(town.list().await.text().contains("no longer in the followed channel's server"));
}

#[rstest]
#[tokio::test]
async fn leaving_the_targets_server_breaks_the_follow(#[values(When::Running, When::Away)] when: When) {
    let (town, bot) = Town::new().await;
    let _bot = town.happens(bot, when, |town| town.village.remove_bot().unwrap()).await;
    town.assert_broken("target_server_left").await;
}

#[tokio::test]
async fn an_outage_breaks_nothing() {
    let (town, _bot) = Town::new().await;
    town.harbour.outage().unwrap();
    town.village.outage().unwrap();
    town.world.sandbox.wait_quiet(Duration::from_millis(300)).await;
    assert_eq!(town.reason().await, None);
    town.harbour.recover().unwrap();
    town.village.recover().unwrap();
    town.assert_works().await;
}

#[rstest]
#[tokio::test]
async fn a_deleted_webhook_is_made_again(#[values(When::Running, When::Away)] when: When) {
    let (town, bot) = Town::new().await;
    let hook = town.target.webhooks()[0].id;
    let mut bot = town.happens(bot, when, |town| town.target.delete_webhook(hook).unwrap()).await;
    bot.logged("a webhook was gone, and is replaced").await;
    town.assert_works().await;
    assert_eq!(town.target.webhooks().len(), 1);
}

#[rstest]
#[tokio::test]
async fn a_webhook_that_cant_be_made_again_breaks_the_follow(
    #[values(When::Running, When::Away)] when: When,
) {
    let (town, bot) = Town::new().await;
    let hook = town.target.webhooks()[0].id;
    let without = Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY | Permissions::SEND_MESSAGES;
    let taken = |town: &Town| {
        town.village.set_bot_permissions(without).unwrap();
        town.target.delete_webhook(hook).unwrap();
    };
    let _bot = town.happens(bot, when, taken).await;
    town.alice.post(&town.source, "lost").unwrap();
    town.assert_broken("webhook_deleted").await;
    assert!(town.list().await.text().contains("webhook that posts in the receiving channel"));
    town.village.set_bot_permissions(without | Permissions::MANAGE_WEBHOOKS).unwrap();
    town.world.until("it continues by itself", async || town.reason().await.is_none()).await;
    town.assert_works().await;
}

#[rstest]
#[tokio::test]
async fn a_moved_webhook_carries_nothing_elsewhere_and_another_is_made(
    #[values(When::Running, When::Away)] when: When,
) {
    let (town, bot) = Town::new().await;
    let hook = town.target.webhooks()[0].id;
    let elsewhere = town.village.text("elsewhere");
    let mut bot = town.happens(bot, when, |town| town.target.move_webhook(hook, &elsewhere).unwrap()).await;
    bot.logged("a webhook was gone, and is replaced").await;
    town.assert_works().await;
    assert_eq!(elsewhere.message_count(), 0, "nothing arrives where the webhook was moved to");
}

/// Only where a post ends up shows that the webhook was moved.
#[tokio::test]
async fn what_a_moved_webhook_carried_elsewhere_is_taken_back() {
    let (town, _bot) = Town::new().await;
    let hook = town.target.webhooks()[0].id;
    let elsewhere = town.village.text("elsewhere");
    let late = Effect::Delay(Duration::from_millis(500));
    town.world.sandbox.fault(Fault::on("GET", "/channels/*/webhooks", late).times(1));
    town.target.move_webhook(hook, &elsewhere).unwrap();
    town.alice.post(&town.source, "astray").unwrap();
    town.target.wait_for_message(SOON, |message| message.content == "astray").await.unwrap();
    let empty = || (elsewhere.message_count() == 0).then_some(());
    town.world.sandbox.wait_for("the stray message to disappear", SOON, empty).await.unwrap();
    town.assert_works().await;
}

#[rstest]
#[tokio::test]
async fn a_native_follow_breaks_with_its_webhook_and_is_made_again(
    #[values(When::Running, When::Away)] when: When,
) {
    let world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.announcement("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let mut bot = world.start().await;
    let reply = alice.run(&target, "/follow", Options::new().set("channel", &source)).await.unwrap();
    assert_eq!(target.webhooks()[0].follows, Some(source.id()), "{}", reply.text());
    if matches!(when, When::Away) {
        bot.stop().await;
        target.delete_webhook(target.webhooks()[0].id).unwrap();
        bot = world.start().await;
    } else {
        target.delete_webhook(target.webhooks()[0].id).unwrap();
    }
    bot.logged("follow broken").await;
    let list = alice.run(&target, "/follows", ()).await.unwrap();
    assert!(list.text().contains("was deleted"), "{}", list.text());
    let (menu, choice) = choice(&list, "resume");
    list.select(&menu, &[&choice]).await.unwrap();
    assert_eq!(target.webhooks()[0].follows, Some(source.id()));
    let reason = "SELECT broken_reason FROM channel_follows";
    assert_eq!(world.database.text(reason).await, None);
}

/// The list of webhooks is read after the bot itself replaced one, for a follow that was read before.
#[tokio::test]
async fn a_change_of_delivery_is_not_taken_for_a_loss() {
    let world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, target) = (harbour.announcement("source"), harbour.text("target"));
    let alice = admin(&harbour, "Alice");
    let bot = world.start().await;
    alice.run(&target, "/follow", Options::new().set("channel", &source)).await.unwrap();
    let late = Effect::Delay(Duration::from_millis(300));
    let late = world.sandbox.fault(Fault::on("GET", "/channels/*/webhooks", late).forever());
    for delivery in ["relay", "native", "relay"] {
        let before = world.sandbox.fault_hits(late);
        let options = Options::new().set("channel", &source).set("delivery", delivery);
        let reply = alice.run(&target, "/follow", options).await.unwrap();
        assert!(reply.text().contains("is changed"), "{}", reply.text());
        world.until("the webhooks to be looked at", async || world.sandbox.fault_hits(late) > before).await;
        world.sandbox.wait_quiet(Duration::from_millis(600)).await;
    }
    assert!(!bot.log().contains("follow broken"), "{}", bot.log());
    alice.post(&source, "it works").unwrap();
    target.wait_for_message(SOON, |message| message.content == "it works").await.unwrap();
}

/// Discord reports the webhook's deletion late or never: the next post discovers it.
#[tokio::test]
async fn a_post_that_finds_its_webhook_gone_makes_another() {
    let (town, bot) = Town::new().await;
    bot.stop().await;
    let hook = town.target.webhooks()[0].id;
    let blind = Effect::Refuse { status: 500, code: 0, message: String::new() };
    town.world.sandbox.fault(Fault::on("GET", "/channels/*/webhooks", blind).times(4));
    town.target.delete_webhook(hook).unwrap();
    let _bot = town.world.start().await;
    town.assert_works().await;
}

#[tokio::test]
async fn a_gateway_session_that_begins_anew_finds_what_it_missed() {
    let (town, _bot) = Town::new().await;
    town.world.sandbox.gateway_unreachable_for(Duration::from_secs(3600));
    town.world.sandbox.forget_gateway_sessions();
    town.source.delete().unwrap();
    town.world.sandbox.restore_gateway();
    town.assert_broken("source_deleted").await;
}

#[tokio::test]
async fn a_follow_within_a_server_breaks_for_its_own_target_only() {
    let world = World::new().await;
    let harbour = world.sandbox.create_guild("Harbour");
    let (source, one, two) = (harbour.text("source"), harbour.text("one"), harbour.text("two"));
    let alice = admin(&harbour, "Alice");
    let _bot = world.start().await;
    follow(&alice, &source, &one).await;
    follow(&alice, &source, &two).await;
    one.delete().unwrap();
    let broken = "SELECT CAST(COUNT(*) AS TEXT) FROM channel_follows WHERE broken_reason IS NOT NULL";
    world.until("one is broken", async || world.database.text(broken).await.as_deref() == Some("1")).await;
    alice.post(&source, "still here").unwrap();
    two.wait_for_message(SOON, |message| message.content == "still here").await.unwrap();
}

#[tokio::test]
async fn who_set_up_a_follow_that_breaks_is_told_once() {
    let (town, bot) = Town::new().await;
    let bot = town.happens(bot, When::Running, |town| town.source.delete().unwrap()).await;
    let told =
        town.target.wait_for_message(SOON, |message| message.content.contains("no longer receives")).await;
    let told = told.unwrap();
    assert_eq!(told.pinged.users, [town.alice.id()], "{}", told.content);
    assert!(told.content.contains("The followed channel was deleted"), "{}", told.content);
    bot.stop().await;
    let mut bot = town.world.start().await;
    bot.logged("connected to the gateway").await;
    town.world.sandbox.wait_quiet(Duration::from_secs(3)).await;
    let all = town.target.messages();
    assert_eq!(all.iter().filter(|message| message.content.contains("no longer receives")).count(), 1);
}

#[tokio::test]
async fn where_the_target_is_gone_a_direct_message_tells() {
    let (town, _bot) = Town::new().await;
    town.target.delete().unwrap();
    let direct = town.world.sandbox.direct_messages(&town.alice).unwrap();
    let told = direct.wait_for_message(SOON, |message| message.content.contains("no longer receives")).await;
    assert!(told.unwrap().content.contains("The receiving channel was deleted"));
}
