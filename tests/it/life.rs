//! A message's whole life: edits and deletions, whenever they happen.

use serde_json::json;
use tributary_sandbox::{Effect, Fault, FaultId, Hold, Post};

use crate::harness::{Pair, SOON};

impl Pair {
    /// Holds back the next request of this kind, or the one after `pass` others, until it is released.
    fn hold(&self, method: &str, pass: u64) -> Held {
        let hold = Hold::new();
        let fault = Fault::on(method, "/webhooks/**", Effect::Hold(hold.clone())).after(pass);
        Held { fault: self.world.sandbox.fault(fault), hold }
    }

    /// Waits until it is held: the request is in flight.
    async fn in_flight(&self, held: &Held) {
        let struck = async || self.world.sandbox.fault_hits(held.fault) == 1;
        self.world.until("a request is in flight", struck).await;
    }

    /// Waits until the number of changes to the first message is recorded; then releases the request.
    async fn released(&self, held: Held, revision: u32) {
        let newest = "SELECT CAST(revision AS TEXT) FROM activities ORDER BY id LIMIT 1";
        self.recorded(newest, &revision.to_string()).await;
        held.hold.release();
    }
}

/// A request that is held back.
struct Held {
    fault: FaultId,
    hold: Hold,
}

/// A message of two parts; the first begins with this word.
fn long(word: &str) -> String {
    format!("{word} {}", "long ".repeat(600)).trim_end().to_owned()
}

#[tokio::test]
async fn edits_and_deletions_arrive() {
    let pair = Pair::new().await;
    let posted = pair.post_all(1..3, "first");
    pair.in_step().await;
    pair.edit(&posted[0], "1 changed");
    pair.delete(&posted[1]);
    pair.in_step().await;
    let shown = pair.target.wait_for_message(SOON, |message| message.content == "1 changed").await.unwrap();
    assert!(shown.edited_at.is_some());
}

#[tokio::test]
async fn what_was_missed_is_made_up_for() {
    let mut pair = Pair::new().await;
    let posted = pair.post_all(1..3, "first");
    pair.in_step().await;
    pair.stop().await;

    pair.edit(&posted[0], "1 changed while away");
    pair.delete(&posted[1]);
    pair.post_all(3..250, "while away");
    pair.start().await;
    pair.post("250 live again");
    pair.in_step().await;
}

#[tokio::test]
async fn an_edit_while_the_copy_is_in_flight_follows_it() {
    let pair = Pair::new().await;
    let held = pair.hold("POST", 0);
    let posted = pair.post("1 first");
    pair.in_flight(&held).await;
    pair.edit(&posted, "1 changed");
    pair.released(held, 2).await;
    pair.in_step().await;
}

#[tokio::test]
async fn a_deletion_while_the_copy_is_in_flight_follows_it() {
    let pair = Pair::new().await;
    let held = pair.hold("POST", 0);
    let posted = pair.post("1 first");
    pair.in_flight(&held).await;
    pair.delete(&posted);
    pair.released(held, 2).await;
    pair.in_step().await;
    assert_eq!(pair.requests("DELETE").len(), 1);
}

#[tokio::test]
async fn what_changes_while_the_copy_waits_is_sent_once_or_never() {
    let pair = Pair::new().await;
    let held = pair.hold("POST", 0);
    pair.post("1 first");
    pair.in_flight(&held).await;
    let waiting = pair.post_all(2..4, "waits");
    pair.edit(&waiting[0], "2 changed");
    pair.delete(&waiting[1]);
    pair.recorded("SELECT CAST(COUNT(*) AS TEXT) FROM activities WHERE deleted", "1").await;
    held.hold.release();
    pair.in_step().await;
    assert_eq!(pair.requests("POST").len(), 3, "the first, the changed one and the last");
    assert!(pair.requests("PATCH").is_empty() && pair.requests("DELETE").is_empty());
}

#[tokio::test]
async fn ten_quick_edits_become_two() {
    let pair = Pair::new().await;
    let posted = pair.post("1 first");
    pair.in_step().await;
    let held = pair.hold("PATCH", 0);
    pair.edit(&posted, "1 edit 0");
    pair.in_flight(&held).await;
    for edit in 1..10 {
        pair.edit(&posted, format!("1 edit {edit}"));
    }
    pair.released(held, 11).await;
    pair.in_step().await;
    assert_eq!(pair.requests("PATCH").len(), 2);
}

#[tokio::test]
async fn a_bulk_deletion_takes_all_mirrors_along() {
    let pair = Pair::new().await;
    let posted = pair.post_all(1..21, "first");
    pair.in_step().await;
    let ids: Vec<_> = posted[3..18].iter().map(|message| message.id).collect();
    pair.source.bulk_delete(&ids).unwrap();
    pair.in_step().await;
    assert_eq!(pair.mirrors().len(), 7);
}

#[tokio::test]
async fn a_mirror_that_a_moderator_deletes_stays_deleted() {
    let mut pair = Pair::new().await;
    let posted = pair.post_all(1..3, "first");
    pair.settled().await;
    for mirror in &pair.mirrors()[..2] {
        pair.target.delete_message(mirror.id).unwrap();
    }
    pair.edit(&posted[0], "1 changed");
    pair.settled().await;
    assert!(pair.texts().iter().all(|text| text.starts_with("last")), "{:?}", pair.texts());
    pair.stop().await;
    pair.edit(&posted[1], "2 changed while the bot was away");
    pair.start().await;
    pair.delete(&posted[0]);
    pair.settled().await;
    assert!(pair.texts().iter().all(|text| text.starts_with("last")), "{:?}", pair.texts());
}

#[tokio::test]
async fn an_edit_adds_no_part_below_later_mirrors() {
    let pair = Pair::new().await;
    let posted = pair.post("1 short");
    pair.post("2 later");
    pair.settled().await;
    pair.edit(&posted, long("1"));
    let last = pair.settled().await;
    let texts = pair.texts();
    assert_eq!((texts.len(), &texts[1], &texts[3]), (4, &"2 later".to_owned(), &last));
    let tail: String = texts[0].chars().skip(1800).collect();
    assert!(tail.contains(&posted.id.to_string()), "it ends with a link to the original: {tail}");
}

#[tokio::test]
async fn a_message_of_two_parts_is_edited_in_both_and_shrinks() {
    let pair = Pair::new().await;
    let posted = pair.post(long("1"));
    pair.settled().await;
    pair.edit(&posted, long("1 changed").replace("long", "tall"));
    pair.settled().await;
    assert!(pair.texts()[..2].iter().all(|text| text.contains("tall") && !text.contains("long")));
    pair.edit(&posted, "1 short");
    pair.settled().await;
    assert_eq!(pair.texts(), ["1 short", "last-0 of all", "last-1 of all", "last-2 of all"]);
}

#[tokio::test]
async fn a_part_that_a_moderator_leaves_standing_keeps_its_place() {
    let pair = Pair::new().await;
    let posted = pair.post(long("1"));
    pair.settled().await;
    pair.target.delete_message(pair.mirrors()[0].id).unwrap();
    for word in ["tall", "wide"] {
        pair.edit(&posted, long("1").replace("long", word));
        pair.settled().await;
        let texts = pair.texts();
        assert!(texts[0].starts_with(word), "the second part stays, and is kept current: {texts:?}");
    }
    pair.delete(&posted);
    pair.settled().await;
    assert!(pair.texts().iter().all(|text| text.starts_with("last")), "{:?}", pair.texts());
}

#[tokio::test]
async fn a_deletion_while_a_part_is_in_flight_takes_all_parts() {
    let pair = Pair::new().await;
    let held = pair.hold("POST", 1);
    let posted = pair.post(long("1"));
    pair.in_flight(&held).await;
    pair.delete(&posted);
    pair.released(held, 2).await;
    let last = pair.settled().await;
    assert_eq!(pair.texts(), [last]);
    assert_eq!(pair.requests("DELETE").len(), 2);
}

#[tokio::test]
async fn an_edit_while_a_part_is_in_flight_reaches_both() {
    let pair = Pair::new().await;
    let held = pair.hold("POST", 1);
    let posted = pair.post(long("1"));
    pair.in_flight(&held).await;
    pair.edit(&posted, long("1").replace("long", "tall"));
    pair.released(held, 2).await;
    pair.settled().await;
    let texts = pair.texts();
    assert!(texts.len() == 3 && texts[..2].iter().all(|text| !text.contains("long")), "{texts:?}");
}

/// The gateway's library understands neither; both arrive anyway.
#[tokio::test]
async fn what_the_library_does_not_know_arrives() {
    let pair = Pair::new().await;
    let unknown = json!([{ "type": 1, "components": [{ "type": 99 }] }, { "type": 1, "components": [{ "type": 2, "style": 5, "label": "Docs", "url": "https://x.example" }] }]);
    pair.alice.post(&pair.source, Post::text("1 with something new").field("components", unknown)).unwrap();
    let inner =
        json!([{ "type": 10, "content": "# 2 a layout" }, { "type": 14, "divider": true, "spacing": 1 }]);
    let layout = json!([{ "type": 17, "accent_color": null, "spoiler": false, "components": inner }]);
    let layout = Post::default().field("components", layout).field("flags", json!(1 << 15));
    pair.alice.post(&pair.source, layout).unwrap();
    pair.settled().await;
    let mirrors = pair.mirrors();
    assert!(mirrors[0].content.starts_with("1 with something new"), "{:?}", mirrors[0]);
    assert!(mirrors[0].json["components"].to_string().contains("https://x.example"), "{:?}", mirrors[0]);
    assert!(mirrors[1].content.starts_with("# 2 a layout"), "{:?}", mirrors[1]);
}
