//! Somebody else's bot copies mirrors back into the source. The follow breaks after a few mirrors, the people
//! concerned are told why, and nobody else is affected.

use std::collections::HashSet;
use std::time::Duration;

use rstest::rstest;
use tokio::task::JoinHandle;
use tributary_sandbox::{Channel, MessageId, Permissions, Person, SeenMessage, WebhookId};

use crate::harness::{Backend, Pair, SOON, choice, texts};

/// How somebody else posts into the source.
#[derive(Clone)]
enum Bridge {
    Webhook(WebhookId),
    Bot(Person),
}

#[derive(Debug, Clone, Copy)]
enum By {
    Webhook,
    Bot,
}

impl Bridge {
    fn new(by: By, pair: &Pair) -> Self {
        match by {
            By::Webhook => Self::Webhook(pair.source.add_webhooks(1).unwrap()[0]),
            By::Bot => Self::Bot(pair.guild.other_bot("Bridge", Permissions::empty())),
        }
    }

    fn post(&self, source: &Channel, message: &SeenMessage) {
        match self {
            Self::Webhook(id) => source.post_through(*id, &message.author, message.content.as_str()),
            Self::Bot(bot) => bot.post(source, format!("<{}> {}", message.author, message.content).as_str()),
        }
        .unwrap();
    }

    /// From now on, copies everything that is posted in the target into the source, until it is aborted.
    fn open(&self, target: &Channel, source: &Channel) -> JoinHandle<()> {
        let (bridge, target, source) = (self.clone(), target.clone(), source.clone());
        let mut copied: HashSet<MessageId> = target.messages().iter().map(|message| message.id).collect();
        tokio::spawn(async move {
            loop {
                // It ignores Discord's own messages and the bot's.
                for message in target.messages().into_iter().filter(|message| message.webhook.is_some()) {
                    if copied.insert(message.id) {
                        bridge.post(&source, &message);
                    }
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    }
}

fn count(channel: &Channel, text: &str) -> usize {
    texts(channel).iter().filter(|content| content.contains(text)).count()
}

#[rstest]
#[case(Backend::Sqlite, By::Webhook)]
#[case(Backend::Sqlite, By::Bot)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres, By::Webhook)]
#[tokio::test]
async fn a_circle_breaks_its_follow_after_a_few_mirrors_and_says_why(
    #[case] backend: Backend,
    #[case] by: By,
) {
    let Some(mut pair) = Pair::on(backend, &[]).await else { return };
    let beside = pair.guild.text("beside");
    pair.follow(&pair.source, &beside).await;
    let bridge = Bridge::new(by, &pair);
    let open = bridge.open(&pair.target, &pair.source);
    pair.post("hello everybody");
    let reason = format!(
        "SELECT COALESCE(broken_reason, '-') FROM channel_follows WHERE target_channel_id = {}",
        pair.target.id()
    );
    // How long that takes depends on how long one copy takes.
    let tells = |message: &SeenMessage| message.content.contains("no longer receives");
    let told = pair.target.wait_for_message(SOON * 6, tells).await.unwrap();
    assert_eq!(pair.world.database.text(&reason).await.as_deref(), Some("circle"));
    assert!(told.content.contains("came around again and again"), "{}", told.content);
    assert_eq!(told.pinged.users, [pair.alice.id()]);
    let mirrors = count(&pair.target, "hello everybody");
    assert!((6..=10).contains(&mirrors), "{mirrors} mirrors");

    // The other follower has everything, including what is posted later.
    pair.post("still here");
    beside.wait_for_message(SOON, |message| message.content == "still here").await.unwrap();
    let posted = count(&pair.source, "hello everybody");
    let all = |messages: &[SeenMessage]| {
        messages.iter().filter(|message| message.content.contains("hello everybody")).count() == posted
    };
    beside.wait_for_messages(SOON * 4, all).await.unwrap();

    // It stays broken through a restart, and can be resumed once the copying has stopped.
    pair.stop().await;
    pair.start().await;
    pair.post("after the restart");
    beside.wait_for_message(SOON, |message| message.content == "after the restart").await.unwrap();
    assert_eq!(pair.world.database.text(&reason).await.as_deref(), Some("circle"));
    assert_eq!(count(&pair.target, "after the restart"), 0);
    open.abort();
    let list = pair.alice.run(&pair.target, "/follows", ()).await.unwrap();
    assert!(list.text().contains("Stop that copying, then resume this follow"), "{}", list.text());
    let (menu, choice) = choice(&list, "resume");
    list.select(&menu, &[&choice]).await.unwrap();
    pair.post("repaired");
    pair.target.wait_for_message(SOON, |message| message.content == "repaired").await.unwrap();
}

#[tokio::test]
async fn a_raid_of_equal_messages_breaks_nothing() {
    let pair = Pair::new().await;
    let people: Vec<Person> =
        (0..8).map(|n| pair.guild.member(&format!("Raider {n}"), Permissions::empty())).collect();
    for n in 0..80 {
        people[n % people.len()].post(&pair.source, "JOIN THE RAID NOW").unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let all = |messages: &[SeenMessage]| {
        messages.iter().filter(|message| message.content == "JOIN THE RAID NOW").count() == 80
    };
    pair.target.wait_for_messages(SOON * 4, all).await.unwrap();
    let held = "SELECT CAST(COUNT(*) AS TEXT) FROM held_activities";
    assert_eq!(pair.world.database.text(held).await.as_deref(), Some("0"));
    let broken = "SELECT broken_reason FROM channel_follows";
    assert_eq!(pair.world.database.text(broken).await, None);
}

/// A build bot says the same thing over and over, each time after the last was mirrored; what people say
/// meanwhile isn't held up.
#[rstest]
#[case(By::Webhook)]
#[case(By::Bot)]
#[tokio::test]
async fn a_bot_that_repeats_itself_is_mirrored_in_full(#[case] by: By) {
    let pair = Pair::new().await;
    let build = Bridge::new(by, &pair);
    for n in 0..24 {
        match &build {
            Bridge::Webhook(id) => drop(pair.source.post_through(*id, "Build", "Build passed").unwrap()),
            Bridge::Bot(bot) => drop(bot.post(&pair.source, "Build passed").unwrap()),
        }
        let shown = format!("person {n}");
        pair.post(&shown);
        pair.target.wait_for_message(SOON, |message| message.content == shown).await.unwrap();
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    let all = |messages: &[SeenMessage]| {
        messages.iter().filter(|message| message.content == "Build passed").count() == 24
    };
    pair.target.wait_for_messages(SOON * 4, all).await.unwrap();
    let broken = "SELECT broken_reason FROM channel_follows";
    assert_eq!(pair.world.database.text(broken).await, None);
}

/// Messages that are held when the process dies are mirrored by the next one.
#[tokio::test]
async fn what_was_held_when_the_bot_was_killed_arrives() {
    let mut pair = Pair::new().await;
    let build = Bridge::new(By::Webhook, &pair);
    let Bridge::Webhook(id) = build else { unreachable!() };
    for _ in 0..8 {
        pair.source.post_through(id, "Build", "Build passed").unwrap();
    }
    let held = "SELECT CAST(COUNT(*) > 0 AS TEXT) FROM held_activities";
    pair.world.database.eventually(held, "1").await;
    pair.kill().await;
    pair.start().await;
    let all = |messages: &[SeenMessage]| {
        messages.iter().filter(|message| message.content == "Build passed").count() == 8
    };
    pair.target.wait_for_messages(SOON * 4, all).await.unwrap();
    pair.world.database.eventually("SELECT CAST(COUNT(*) AS TEXT) FROM held_activities", "0").await;
}
