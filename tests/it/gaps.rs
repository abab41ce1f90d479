//! Absences: of the connection, the session, the server, the process, the database. The bot makes up for
//! everything that happened meanwhile.

use std::time::Duration;

use rstest::rstest;
use sea_orm::{ConnectionTrait, TransactionTrait};
use tributary_sandbox::{Effect, Fault, GatewayFault, Permissions, SeenMessage, Tally};

use crate::harness::{Backend, Pair, SOON};

impl Pair {
    /// Some posts; the second will be edited and the third deleted.
    async fn before(&self) -> Vec<SeenMessage> {
        let posted = self.post_all(1..6, "before");
        self.settled().await;
        posted
    }

    /// What happens while nobody listens.
    fn meanwhile(&self, before: &[SeenMessage]) {
        self.edit(&before[1], "2 edited meanwhile");
        self.delete(&before[2]);
        let new = self.post_all(10..15, "meanwhile");
        self.edit(&new[1], "11 edited at once");
        self.delete(&new[2]);
    }

    /// The mirrors that say what wasn't mirrored.
    fn notices(&self) -> Vec<String> {
        self.texts().into_iter().filter(|text| text.contains("not mirrored")).collect()
    }

    /// Something happens while the bot is away; when this returns, the bot has read what it missed.
    async fn absent(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.stop().await;
        meanwhile(self);
        let history = format!("/channels/{}/messages", self.source.id());
        let sandbox = self.world.sandbox.clone();
        let read = || sandbox.exchanges().iter().filter(|one| one.path == history).count();
        let before = read();
        self.start().await;
        self.world.until("the source is read", async || read() > before).await;
        self.world.sandbox.wait_quiet(Duration::from_millis(300)).await;
    }
}

#[rstest]
#[case::resumable(&GatewayFault::Close(4000))]
#[case::told_to_reconnect(&GatewayFault::Reconnect)]
#[case::new_session(&GatewayFault::InvalidSession(false))]
#[case::resumed_session(&GatewayFault::InvalidSession(true))]
#[case::broken(&GatewayFault::Break)]
#[tokio::test]
async fn nothing_is_lost_with_a_connection(
    #[case] fault: &GatewayFault,
    #[values(false, true)] forgotten: bool,
) {
    let pair = Pair::new().await;
    let before = pair.before().await;
    pair.world.sandbox.gateway_fault(fault);
    if forgotten {
        pair.world.sandbox.forget_gateway_sessions();
    }
    pair.meanwhile(&before);
    pair.in_step_within(SOON * 2).await;
}

#[tokio::test]
async fn a_gateway_that_was_unreachable_for_a_while_is_found_again() {
    let pair = Pair::new().await;
    let before = pair.before().await;
    pair.world.sandbox.gateway_unreachable_for(Duration::from_secs(8));
    pair.meanwhile(&before);
    pair.in_step_within(SOON * 3).await;
}

#[tokio::test]
async fn a_servers_outage_is_made_up_for() {
    let pair = Pair::new().await;
    let before = pair.before().await;
    pair.guild.outage().unwrap();
    pair.meanwhile(&before);
    pair.guild.recover().unwrap();
    // Only because the server returned: no later post hurries it.
    let clean = || Tally::of(&pair.source, &pair.target).is_clean().then_some(());
    let came = pair.world.sandbox.wait_for("the target to show its source", SOON, clean).await;
    assert!(came.is_ok(), "{}\n{}", Tally::of(&pair.source, &pair.target), pair.target.render_text());
    pair.in_step().await;
}

#[rstest]
#[case(Backend::Sqlite)]
#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[case(Backend::Postgres)]
#[tokio::test]
async fn a_restart_is_made_up_for(#[case] backend: Backend) {
    let Some(mut pair) = Pair::on(backend, &[]).await else { return };
    let before = pair.before().await;
    pair.absent(|pair| pair.meanwhile(&before)).await;
    pair.in_step().await;
}

#[tokio::test]
async fn only_the_newest_are_made_up_for_and_the_rest_is_said() {
    let mut pair = Pair::with(&[("CATCH_UP_MESSAGES", "5")]).await;
    pair.before().await;
    pair.absent(|pair| drop(pair.post_all(100..130, "meanwhile"))).await;
    let last = pair.settled().await;
    let texts = pair.texts();
    let wanted: Vec<String> = (125..130).map(|number| format!("{number} meanwhile")).chain([last]).collect();
    assert!(texts[6].contains("not mirrored"), "{texts:?}");
    assert_eq!(texts[7..], wanted);
}

#[tokio::test]
async fn nothing_old_is_made_up_for_where_the_operator_wants_none() {
    let mut pair = Pair::with(&[("CATCH_UP_HOURS", "0")]).await;
    pair.before().await;
    pair.absent(|pair| drop(pair.post_all(100..130, "meanwhile"))).await;
    let last = pair.settled().await;
    let texts = pair.texts();
    assert!(texts.len() == 8 && texts[6].contains("not mirrored") && texts[7] == last, "{texts:?}");
}

/// The bot's own posts and Discord's messages don't count as missed.
#[tokio::test]
async fn where_nothing_was_missed_nothing_is_said() {
    let mut pair = Pair::with(&[("CATCH_UP_HOURS", "0")]).await;
    pair.follow(&pair.target, &pair.source).await;
    pair.before().await;
    pair.alice.post(&pair.target, "the other way").unwrap();
    pair.source.wait_for_message(SOON, |message| message.content == "the other way").await.unwrap();
    pair.absent(|pair| drop(pair.alice.start_thread(&pair.source, "aside", None))).await;
    pair.settled().await;
    assert!(pair.notices().is_empty(), "{:?}", pair.notices());
}

/// What the bot may not count as missed takes no space from what it may.
#[tokio::test]
async fn the_bots_own_messages_push_out_nobodys() {
    let mut pair = Pair::with(&[("CATCH_UP_MESSAGES", "5")]).await;
    pair.follow(&pair.target, &pair.source).await;
    pair.before().await;
    let away = |pair: &Pair| {
        pair.post_all(100..104, "meanwhile");
        (0..4).for_each(|n| drop(pair.alice.start_thread(&pair.source, &format!("aside {n}"), None)));
    };
    pair.absent(away).await;
    pair.settled().await;
    assert!(
        pair.notices().is_empty() && pair.texts().contains(&"100 meanwhile".to_owned()),
        "{:?}",
        pair.texts()
    );
}

/// A history is read while the bot isn't allowed to, and by the time it checks, it is allowed again.
#[tokio::test]
async fn a_permission_that_comes_back_after_a_reading_makes_nothing_deleted() {
    let pair = Pair::new().await;
    pair.before().await;
    pair.guild.deny_bot(&pair.source, Permissions::READ_MESSAGE_HISTORY);
    pair.world.database.wait_for("broken_reason", "source_forbidden").await;
    let channel = format!("/channels/{}", pair.source.id());
    let slow = Effect::Delay(Duration::from_secs(2));
    pair.world.sandbox.fault(Fault::on("GET", &channel, slow.clone()).times(3));
    pair.world.sandbox.fault(Fault::on("GET", "/guilds/*/members/*", slow.clone()).times(3));
    let history = format!("{channel}/messages");
    let readings = || {
        let all = pair.world.sandbox.exchanges().into_iter();
        all.filter(|one| one.method == "GET" && one.path.starts_with(&history)).count()
    };
    let before = readings();
    pair.world.sandbox.gateway_fault(&GatewayFault::InvalidSession(false));
    pair.world.until("the history is read", async || readings() > before).await;
    pair.guild.deny_bot(&pair.source, Permissions::empty());
    pair.world.database.eventually("SELECT CAST(is_active AS TEXT) FROM channel_follows", "1").await;
    pair.in_step().await;
}

#[tokio::test]
async fn who_may_not_read_the_history_takes_nothing_for_deleted() {
    let pair = Pair::new().await;
    pair.before().await;
    pair.guild.deny_bot(&pair.source, Permissions::READ_MESSAGE_HISTORY);
    let identified = pair.world.sandbox.counts().identifies;
    pair.world.sandbox.gateway_fault(&GatewayFault::InvalidSession(false));
    let anew = async || pair.world.sandbox.counts().identifies > identified;
    pair.world.until("a new session begins", anew).await;
    pair.world.database.wait_for("broken_reason", "source_forbidden").await;
    pair.guild.deny_bot(&pair.source, Permissions::empty());
    pair.world.database.eventually("SELECT CAST(is_active AS TEXT) FROM channel_follows", "1").await;
    pair.in_step().await;
}

/// Somebody else writes for longer than the bot waits for the file.
#[tokio::test]
async fn a_locked_database_loses_nothing() {
    let pair = Pair::new().await;
    let before = pair.before().await;
    let other = sea_orm::Database::connect(pair.world.database.url()).await.unwrap();
    let lock = other.begin().await.unwrap();
    lock.execute_unprepared("UPDATE lanes SET epoch = epoch").await.unwrap();
    pair.meanwhile(&before);
    tokio::time::sleep(Duration::from_secs(12)).await;
    lock.rollback().await.unwrap();
    pair.in_step_within(SOON * 2).await;
}

#[cfg_attr(not(has_postgres), ignore = "needs TEST_POSTGRES_URL")]
#[tokio::test]
async fn a_database_that_goes_and_comes_back_loses_nothing() {
    let Some(pair) = Pair::on(Backend::Postgres, &[]).await else { return };
    let before = pair.before().await;
    pair.world.database.take_away().await;
    pair.meanwhile(&before);
    tokio::time::sleep(Duration::from_secs(2)).await;
    pair.world.database.give_back().await;
    pair.in_step_within(SOON * 3).await;
}
