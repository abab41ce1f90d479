//! Messages with anything anywhere. They are read and shown all the same.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::domain::rendering::render;
use crate::domain::rendering::tests::{any_context, check_against_discord};
use crate::domain::text::alphabet::any_text;

/// The names of fields in Discord's objects, as far as this code reads them.
const NAMES: &[&str] = &[
    "accessory",
    "answer_counts",
    "answer_id",
    "answers",
    "attachment_id",
    "attachments",
    "author",
    "avatar",
    "bot",
    "channel_id",
    "components",
    "content",
    "content_type",
    "count",
    "description",
    "duration_secs",
    "edited_timestamp",
    "embeds",
    "emoji",
    "fields",
    "file",
    "filename",
    "flags",
    "footer",
    "format_type",
    "global_name",
    "icon_url",
    "id",
    "image",
    "inline",
    "is_finalized",
    "items",
    "label",
    "media",
    "member",
    "mentions",
    "message",
    "message_id",
    "message_reference",
    "message_snapshots",
    "name",
    "nick",
    "poll",
    "poll_media",
    "question",
    "provider",
    "referenced_message",
    "results",
    "size",
    "spoiler",
    "sticker_items",
    "stickers",
    "style",
    "text",
    "thumbnail",
    "timestamp",
    "title",
    "type",
    "url",
    "username",
    "value",
    "video",
    "webhook_id",
];

/// A value that might be anywhere.
fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (0..25_u64).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<u64>().prop_map(|id| Value::from(id.to_string())),
        any_text(12).prop_map(Value::from),
        (0..900_usize).prop_map(|length| Value::from("long ".repeat(length))),
        Just(json!("rich")),
        Just(json!("https://cdn.discordapp.com/a.png")),
        Just(json!("2026-01-01T00:00:00+00:00")),
        Just(json!("attachment://a.png")),
    ]
}

fn name() -> impl Strategy<Value = String> {
    proptest::sample::select(NAMES).prop_map(str::to_owned)
}

/// Anything, with field names that this code reads.
pub(crate) fn anything() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            2 => proptest::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            5 => proptest::collection::hash_map(name(), inner, 0..12)
                .prop_map(|fields| Value::from(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// An object with all these fields.
fn with(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    proptest::collection::vec(anything(), names.len()).prop_map(move |values| {
        Value::from(names.iter().map(|name| (*name).to_owned()).zip(values).collect::<Map<_, _>>())
    })
}

fn lists(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    proptest::collection::vec(with(names), 0..12).prop_map(Value::from)
}

/// A message in which only the ids are valid. Some fields have the right form outside, and anything inside.
fn message() -> impl Strategy<Value = Value> {
    let shaped = (
        lists(&["id", "filename", "size", "url", "description", "flags", "title"]),
        lists(&["type", "title", "description", "fields", "footer", "image"]),
        lists(&[
            "type",
            "content",
            "components",
            "accessory",
            "items",
            "media",
            "style",
            "url",
            "label",
            "spoiler",
            "file",
        ]),
        lists(&["message"]),
        lists(&["id", "name", "format_type"]),
        with(&["question", "answers"]),
        with(&["type", "message_id", "channel_id"]),
    );
    let shaped = shaped.prop_map(|(attachments, embeds, components, snapshots, stickers, poll, reference)| {
        json!({
            "attachments": attachments, "embeds": embeds, "components": components, "message_snapshots": snapshots,
            "sticker_items": stickers, "poll": poll, "message_reference": reference,
        })
    });
    let any_fields = proptest::collection::hash_map(name(), anything(), 0..20);
    (shaped, any_fields, any_text(8), prop_oneof![Just(0), Just(19), any::<u16>()]).prop_map(
        |(shaped, fields, username, kind)| {
            let mut whole = shaped;
            if let Value::Object(whole) = &mut whole {
                whole.extend(fields);
                let ids = json!({"id": "30", "channel_id": "20", "type": kind, "author": {"id": "40", "username": username}});
                whole.extend(ids.as_object().cloned().unwrap_or_default());
            }
            whole
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn any_message_is_read_and_shown_within_discords_limits(message in message(), context in any_context()) {
        let message: Message = serde_json::from_value(message).expect("whatever is odd is left out");
        let content = read(&message, GuildId::new(10).expect("an id"), None);
        for payload in render(&content, &context) {
            check_against_discord(&payload, context.file_limit);
        }
    }

    #[test]
    fn anything_at_all_is_a_message_or_none(anything in anything()) {
        if let Ok(message) = serde_json::from_value::<Message>(anything) {
            is_hollow(&read(&message, GuildId::new(10).expect("an id"), None));
        }
    }
}
