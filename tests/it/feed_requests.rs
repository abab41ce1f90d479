//! `/feed` where people are asked before they are followed, and those whom they blocked.

use tributary_sandbox::{Options, Reply};

use crate::feed_commands::{Readers, newcomer, said};
use crate::harness::refusal;

/// Carol wants to be asked.
async fn asked_first() -> Readers {
    let all = Readers::new().await;
    let shown = all.run(&all.carol, "/feed privacy", [("followable", "asked")]).await.text();
    assert!(shown.contains("**Who may follow you:** everyone who asks and gets your yes"), "{shown}");
    all
}

fn labels(reply: &Reply) -> Vec<String> {
    let rows = reply.components();
    let all = rows.iter().flat_map(|row| row["components"].as_array().unwrap().clone());
    all.filter_map(|one| one["label"].as_str().or(one["placeholder"].as_str()).map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_request_is_seen_and_accepted() {
    let all = asked_first().await;
    let asked = all.follow_carol().await;
    let carol = all.carol.mention();
    assert!(asked.text().contains(&format!("{carol} wants to be asked first")), "{}", asked.text());
    let again = all.bob.run_on_person(&all.scene.news, &all.carol, "Follow").await.unwrap();
    assert_eq!(again.text(), asked.text(), "it says the same each time");
    assert!(again.components().is_empty());
    assert!(all.run(&all.bob, "/feed following", ()).await.text().contains("You follow nothing yet"));
    assert_eq!(all.scene.count("personal_follows").await, 0);

    let list = all.run(&all.carol, "/feed followers", ()).await;
    assert_eq!(labels(&list), ["Requests (1)"]);
    let requests = list.press("Requests (1)").await.unwrap();
    assert!(requests.text().contains("1 person asks to follow you"), "{}", requests.text());
    assert_eq!(labels(&requests), ["Accept a request …", "Decline a request …"]);
    let bob = all.bob.id().to_string();
    let accepted = requests.select("Accept a request …", &[&bob]).await.unwrap();
    assert!(
        accepted.text().contains(&format!("{} follows you now", all.bob.mention())),
        "{}",
        accepted.text()
    );
    assert!(accepted.text().contains("Nobody asks to follow you"), "{}", accepted.text());
    assert!(all.run(&all.carol, "/feed followers", ()).await.text().contains("Your 1 follower"));
    all.carol_posts([tributary_sandbox::Post::text("one")]).await;
    assert_eq!(said(&all.read().await), ["one"]);
}

#[tokio::test]
async fn a_request_is_declined_and_taken_back_without_a_word() {
    let all = asked_first().await;
    let dave = newcomer(&all.scene, "Dave");
    let member = || Options::new().set("member", &all.carol);
    let first = all.run(&dave, "/feed follow", member()).await.text();
    let requests = all.run(&all.carol, "/feed followers", ()).await.press("Requests (1)").await.unwrap();
    let id = dave.id().to_string();
    let declined = requests.select("Decline a request …", &[&id]).await.unwrap();
    assert!(declined.text().contains("doesn't follow you. They aren't told."), "{}", declined.text());
    assert_eq!(all.run(&dave, "/feed follow", member()).await.text(), first);
    assert_eq!(labels(&all.run(&all.carol, "/feed followers", ()).await), Vec::<String>::new());

    // Of one that wasn't answered, taking it back says the same.
    all.run(&all.bob, "/feed follow", member()).await;
    let mut told = Vec::new();
    for person in [&all.bob, &dave] {
        let back = all.run(person, "/feed unfollow", member()).await.text();
        let twice = refusal(&all.run(person, "/feed unfollow", member()).await);
        told.push((back, twice));
    }
    assert!(told[0].0.contains("Your request to follow") && told[0].0.contains("is taken back"), "{told:?}");
    assert_eq!(told[0].1, "You aren't following that.");
    assert_eq!(told[0], told[1]);
    assert_eq!(labels(&all.run(&all.carol, "/feed followers", ()).await), Vec::<String>::new());
}

#[tokio::test]
async fn whom_one_blocked_is_shown_and_unblocked() {
    let all = Readers::new().await;
    all.follow_carol().await;
    let list = all.run(&all.carol, "/feed followers", ()).await;
    let bob = all.bob.id().to_string();
    list.select("Remove and block a follower …", &[&bob]).await.unwrap();
    let list = all.run(&all.carol, "/feed followers", ()).await;
    assert_eq!(labels(&list), ["Blocked (1)"]);
    let blocked = list.press("Blocked (1)").await.unwrap();
    assert!(blocked.text().contains("You blocked 1 person"), "{}", blocked.text());
    let unblocked = blocked.select("Unblock …", &[&bob]).await.unwrap();
    assert!(unblocked.text().contains("is unblocked, and can follow you again"), "{}", unblocked.text());
    assert!(unblocked.text().contains("You have blocked nobody"), "{}", unblocked.text());
    all.follow_carol().await;
    assert_eq!(all.scene.count("personal_follows").await, 1);
}

#[tokio::test]
async fn a_choice_goes_back_to_the_operator() {
    let all = Readers::with(&[("FOLLOW_MEMBERS", "asked"), ("FOLLOW_LISTS", "shared")]).await;
    let shown = all.run(&all.carol, "/feed privacy", ()).await.text();
    assert!(shown.contains("gets your yes, in `/feed followers` (what my operator chose"), "{shown}");
    let choose = |followable: &str, lists: &str| {
        let options = Options::new().set("followable", followable).set("lists", lists);
        all.run(&all.carol, "/feed privacy", options)
    };
    let own = choose("everyone", "hidden").await.text();
    assert!(!own.contains("my operator chose"), "{own}");
    all.follow_carol().await;
    let back = choose("operator", "operator").await.text();
    assert_eq!(back.matches("what my operator chose").count(), 2, "{back}");
    assert_eq!(all.scene.count("personal_follows").await, 1, "who follows already isn't asked about");
}
