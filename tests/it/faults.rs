//! What goes wrong between the bot and Discord, and how the bot copes: nothing is lost, nothing is rushed,
//! nobody waits for anybody else.

use std::time::{Duration, Instant};

use rstest::rstest;
use tributary_sandbox::{Effect, Exchange, Fault, Hold, LimitScope, Post, Tally};

use crate::harness::{Pair, SOON};

impl Pair {
    /// Makes the next request of this kind to the target's webhook fail like this.
    fn strike(&self, method: &str, effect: Effect) -> tributary_sandbox::FaultId {
        let pattern = format!("/webhooks/{}/**", self.target.webhooks()[0].id);
        self.world.sandbox.fault(Fault::on(method, &pattern, effect))
    }

    fn refuse(&self, method: &str, status: u16, code: u32) {
        self.strike(method, Effect::Refuse { status, code, message: "No".to_owned() });
    }
}

#[rstest]
#[case::failure(Effect::Status(500))]
#[case::overload(Effect::Status(503))]
#[case::lost_request(Effect::DropRequest)]
#[case::lost_answer(Effect::DropAnswer)]
#[tokio::test]
async fn failures_are_overcome(#[case] effect: Effect) {
    let pair = Pair::new().await;
    let posted = pair.post_all(1..4, "first");
    pair.settled().await;
    for method in ["POST", "PATCH", "DELETE"] {
        pair.strike(method, effect.clone());
    }
    pair.edit(&posted[0], "1 changed");
    pair.delete(&posted[1]);
    pair.post_all(4..7, "more");
    pair.in_step_within(SOON * 2).await;
}

/// The header says 1 s, because Discord rounds it down; the body says more, and is right.
#[rstest]
#[case::user(LimitScope::User)]
#[case::shared(LimitScope::Shared)]
#[case::global(LimitScope::Global)]
#[tokio::test]
async fn the_longer_of_two_waits_is_kept(#[case] scope: LimitScope) {
    const WAIT: Duration = Duration::from_millis(1_700);
    let mut pair = Pair::new().await;
    let other = pair.guild.text("other");
    pair.follow(&pair.source, &other).await;
    pair.post("1 first");
    pair.in_step().await;
    let webhook = pair.target.webhooks()[0].id.to_string();
    pair.strike("POST", Effect::RateLimited { scope, retry_after: WAIT });
    pair.post("2 limited");
    // What was in flight when the bot was told of the limit can't be held back; what is posted after that
    // can.
    let name = format!("{scope:?}").to_lowercase();
    let counter = format!("discord_rate_limited_total{{scope=\"{name}\"}} 1");
    let asked = Instant::now();
    while !pair.page("/metrics").await.lines().any(|line| line == counter) {
        assert!(asked.elapsed() < SOON, "the limit is never counted: {counter}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    pair.post_all(3..6, "more");
    pair.in_step().await;
    let exchanges = pair.world.sandbox.exchanges();
    let limited = exchanges.iter().position(|exchange| exchange.status == 429).unwrap();
    let until = exchanges[limited].at + WAIT;
    let later = |one: &Exchange| one.request.as_ref().is_some_and(|body| body.to_string().contains(" more"));
    let held =
        |one: &&Exchange| one.path.contains(&webhook) || (matches!(scope, LimitScope::Global) && later(one));
    let early = exchanges[limited + 1..].iter().filter(held).find(|one| one.at < until);
    assert!(early.is_none(), "{early:?}");
    assert_eq!(pair.world.sandbox.counts().rate_limited, 1);
    assert!(Tally::of(&pair.source, &other).is_clean());
}

#[tokio::test]
async fn a_slow_target_holds_no_other() {
    let pair = Pair::new().await;
    let other = pair.guild.text("other");
    pair.follow(&pair.source, &other).await;
    let hold = Hold::new();
    pair.strike("POST", Effect::Hold(hold.clone()));
    pair.post_all(1..4, "first");
    other.wait_for_messages(SOON, |_| Tally::of(&pair.source, &other).is_clean()).await.unwrap();
    assert!(pair.mirrors().is_empty(), "the slow one still waits");
    hold.release();
    pair.in_step().await;
}

#[tokio::test]
async fn what_discord_refuses_is_given_up_and_the_next_arrives() {
    let pair = Pair::new().await;
    pair.refuse("POST", 400, 50_035);
    pair.post_all(1..3, "first");
    pair.settled().await;
    assert_eq!(pair.texts(), ["2 first", "last-0 of all"]);
}

#[tokio::test]
async fn a_refused_edit_stops_no_later_one() {
    let pair = Pair::new().await;
    let posted = pair.post("1 first");
    pair.settled().await;
    pair.refuse("PATCH", 400, 50_035);
    pair.edit(&posted, "1 what Discord doesn't take");
    pair.settled().await;
    assert_eq!(pair.texts()[0], "1 first");
    pair.edit(&posted, "1 what it takes");
    pair.in_step().await;
    pair.refuse("PATCH", 400, 50_035);
    pair.edit(&posted, "1 refused once more");
    pair.settled().await;
    pair.delete(&posted);
    pair.in_step().await;
}

#[tokio::test]
async fn a_target_that_forbids_breaks_the_follow() {
    let pair = Pair::new().await;
    pair.refuse("POST", 403, 50_013);
    pair.post("1 first");
    pair.world.database.wait_for("broken_reason", "target_forbidden").await;
    assert!(pair.mirrors().is_empty());
}

/// A file that can't be fetched becomes a link; neither a doubt nor an edit forgets that.
#[tokio::test]
async fn a_linked_file_is_recognised_and_stays_linked() {
    let pair = Pair::new().await;
    let gone = Effect::Status(404);
    pair.world.sandbox.fault(Fault::on("GET", "/attachments/**", gone).forever());
    pair.strike("POST", Effect::DropAnswer);
    let post = Post::text("1 look").file("plan.txt", "text/plain", *b"a plan");
    let posted = pair.alice.post(&pair.source, post).unwrap();
    let last = pair.settled().await;
    let texts = pair.texts();
    assert!(texts.len() == 2 && texts[0].contains("plan.txt") && texts[1] == last, "{texts:?}");
    pair.edit(&posted, "1 look here");
    pair.settled().await;
    let texts = pair.texts();
    assert!(texts[0].starts_with("1 look here") && texts[0].contains("plan.txt"), "{texts:?}");
}
