//! Messages of rare or unexpected kinds that Discord allows: people see what was posted.

use serde_json::{Value, json};
use tributary_sandbox::{MessageFlags, Permissions, Post};

use crate::harness::{Pair, SOON};

/// The gateway delivers this message of another bot, in the source.
fn tell(pair: &Pair, number: u64, fields: Value) {
    let mut message = json!({
        "id": (pair.post("before it").id.0 + number).to_string(), "channel_id": pair.source.id(), "guild_id": pair.guild.id(),
        "author": { "id": "40", "username": "other", "bot": true, "global_name": null, "avatar": null },
    });
    message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    pair.world.sandbox.send_event("MESSAGE_CREATE", &message);
}

#[tokio::test]
async fn whatever_is_null_costs_nothing() {
    let pair = Pair::new().await;
    let embed = json!({
        "type": "rich", "title": "Build passed", "description": null, "url": null, "color": null, "timestamp": null,
        "fields": null, "author": { "name": "CI", "url": null, "icon_url": null }, "footer": null, "image": { "url": null },
        "provider": null, "video": null, "thumbnail": null,
    });
    let fields = json!({
        "type": null, "content": null, "embeds": [embed], "member": null, "webhook_id": null, "application_id": null,
        "flags": null, "timestamp": null, "edited_timestamp": null, "attachments": null, "sticker_items": null, "stickers": null,
        "mentions": null, "mention_roles": null, "message_reference": null, "message_snapshots": null, "components": null, "poll": null,
        "soundboard_sounds": null, "thread": null, "interaction": null, "interaction_metadata": null, "nonce": null, "reactions": null,
    });
    tell(&pair, 1, fields);
    let found = pair.target.wait_for_message(SOON, |message| !message.embeds.is_empty()).await.unwrap();
    assert_eq!(
        (&found.embeds[0]["title"], &found.embeds[0]["author"]["name"]),
        (&json!("Build passed"), &json!("CI"))
    );
}

#[tokio::test]
async fn system_messages_of_any_number_are_not_mirrored() {
    let pair = Pair::new().await;
    for (at, kind) in (1..=60).chain([61, 255, 70_000, 5_000_000_000_u64]).enumerate() {
        if ![19, 20, 23].contains(&kind) {
            tell(&pair, at as u64 + 1, json!({ "type": kind, "content": "a system message" }));
        }
    }
    tell(&pair, 99, json!({ "content": "a post" }));
    pair.target.wait_for_message(SOON, |message| message.content == "a post").await.unwrap();
    pair.settled().await;
    assert!(pair.texts().iter().all(|text| text != "a system message"), "{:?}", pair.texts());
}

#[tokio::test]
async fn answers_quote_what_forwards_and_polls_say() {
    let pair = Pair::new().await;
    let first = pair.post("The harbour opens at 9");
    let forward = pair.alice.post(&pair.source, Post::forward(pair.source.id(), first.id)).unwrap();
    pair.alice.post(&pair.source, Post::text("At last").reply_to(forward.id)).unwrap();
    let answers =
        json!([{ "poll_media": { "emoji": { "name": "🍎" } } }, { "poll_media": { "text": "No" } }]);
    let poll = json!({ "question": { "text": "Tea?" }, "duration": 24, "answers": answers });
    let poll = pair.alice.post(&pair.source, Post::default().field("poll", poll)).unwrap();
    pair.alice.post(&pair.source, Post::text("Always").reply_to(poll.id)).unwrap();
    pair.source.end_poll(poll.id, &[0, 0]).unwrap();
    pair.settled().await;
    let texts = pair.texts();
    let answer = |text: &str| texts.iter().find(|shown| shown.ends_with(text)).expect("an answer").clone();
    assert!(answer("At last").contains("The harbour opens at 9"), "{texts:?}");
    assert!(answer("Always").contains("Tea?"), "{texts:?}");
    assert!(
        texts
            .iter()
            .any(|text| text.contains("- 🍎 · 0 votes\n- No · 0 votes\n-# Poll · ended with 0 votes")),
        "{texts:?}"
    );
}

#[tokio::test]
async fn pictures_in_parts_are_shown_although_previews_are_taken_off() {
    let pair = Pair::new().await;
    let bot = pair.guild.other_bot("Painter", Permissions::empty());
    let flags = MessageFlags::IS_COMPONENTS_V2.bits() | MessageFlags::SUPPRESS_EMBEDS.bits();
    let inner = json!({ "type": 17, "components": [
        { "type": 12, "items": [{ "media": { "url": "https://x.example/open.png" } }] },
        { "type": 9, "components": [{ "type": 10, "content": "beside" }],
            "accessory": { "type": 11, "media": { "url": "https://x.example/hidden.png" }, "spoiler": true } },
    ] });
    let post = Post::default().field("flags", json!(flags)).field("components", json!([inner]));
    bot.post(&pair.source, post).unwrap();
    let found =
        pair.target.wait_for_message(SOON, |message| message.content.contains("beside")).await.unwrap();
    assert_eq!(found.content, "beside\n\n||https://x.example/hidden.png||");
    assert_eq!(found.embeds.len(), 1, "{found:?}");
}
