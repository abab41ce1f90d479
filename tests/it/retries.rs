//! What fails is retried with growing pauses, and finally given up; the rest of the lane continues meanwhile.

use tributary_sandbox::{Effect, Fault, FaultId};

use crate::harness::{Pair, SOON};

/// The most attempts that any delivery had.
async fn attempts(pair: &Pair) -> u32 {
    let attempts = "SELECT CAST(MAX(attempts) AS TEXT) FROM deliveries";
    pair.world.database.text(attempts).await.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Edits fail until that is cleared. If only one failed, the client would repeat it within one attempt.
async fn failing_edit(pair: &Pair) -> FaultId {
    let posted = pair.post("1 first");
    pair.settled().await;
    let fault = Fault::on("PATCH", "/webhooks/**", Effect::Status(500)).forever();
    let fault = pair.world.sandbox.fault(fault);
    pair.edit(&posted, "1 edited");
    pair.world.until("two attempts have failed", async || attempts(pair).await >= 2).await;
    fault
}

#[tokio::test]
async fn an_edit_that_fails_is_tried_until_it_succeeds_and_holds_nothing_up() {
    let pair = Pair::new().await;
    let fault = failing_edit(&pair).await;
    pair.post("2 meanwhile");
    pair.target.wait_for_message(SOON, |message| message.content == "2 meanwhile").await.unwrap();
    assert_eq!(pair.texts()[0], "1 first");
    pair.world.sandbox.clear_fault(fault);
    pair.in_step().await;
    assert_eq!(attempts(&pair).await, 0, "a success resets the count");
}

#[tokio::test]
async fn what_has_failed_for_a_day_is_given_up() {
    let pair = Pair::new().await;
    let fault = failing_edit(&pair).await;
    // As many as fit into a day.
    pair.world.database.execute("UPDATE deliveries SET attempts = 199 WHERE attempts > 0").await;
    let given_up =
        "SELECT CAST(COUNT(*) AS TEXT) FROM deliveries WHERE state = 'ended' AND outcome = 'gave_up'";
    pair.world.database.eventually(given_up, "1").await;
    let tried = pair.world.sandbox.fault_hits(fault);
    pair.post("2 next");
    pair.settled().await;
    assert_eq!(pair.texts()[..2], ["1 first", "last-0 of all"], "what is posted stays");
    assert_eq!(pair.world.sandbox.fault_hits(fault), tried, "it isn't tried again");
}
