//! Embeds: limits per field, and 6,000 characters across all embeds of a message.

use serde_json::{Map, Value, json};

use super::length;
use crate::error::FormErrors;

const KEYS: [&str; 11] = [
    "title",
    "description",
    "url",
    "timestamp",
    "color",
    "footer",
    "image",
    "thumbnail",
    "author",
    "fields",
    "video",
];

/// Checks the embeds under `path` and returns them as Discord stores them.
pub(crate) fn normalise(form: &mut FormErrors, path: &str, embeds: &[Value]) -> Vec<Value> {
    if embeds.len() > 10 {
        form.add(path, "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.");
    }
    let mut total = 0;
    let stored = embeds
        .iter()
        .enumerate()
        .map(|(i, embed)| one(form, &format!("{path}.{i}"), embed, &mut total))
        .collect();
    if total > 6000 {
        form.add(path, "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000");
    }
    stored
}

fn one(form: &mut FormErrors, path: &str, embed: &Value, total: &mut usize) -> Value {
    let Some(given) = embed.as_object() else {
        form.add(path, "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType");
        return Value::Null;
    };
    let mut kept: Map<String, Value> = Map::new();
    for key in KEYS {
        if let Some(value) = given.get(key).filter(|value| !value.is_null()) {
            kept.insert(key.to_owned(), value.clone());
        }
    }
    let mut text = |form: &mut FormErrors, at: &mut Map<String, Value>, path: &str, key: &str, max: usize| {
        if let Some(value) = at.get_mut(key) {
            let Some(content) = value.as_str().map(str::trim).map(ToOwned::to_owned) else {
                form.add(
                    &format!("{path}.{key}"),
                    "STRING_TYPE_CONVERT",
                    "Could not interpret value as string.",
                );
                return;
            };
            if length(&content) > max {
                form.too_long(&format!("{path}.{key}"), max);
            }
            *total += length(&content);
            *value = json!(content);
        }
    };
    text(form, &mut kept, path, "title", 256);
    text(form, &mut kept, path, "description", 4096);
    for (key, inner, max) in [("footer", "text", 2048), ("author", "name", 256)] {
        if let Some(Value::Object(part)) = kept.get_mut(key) {
            let at = format!("{path}.{key}");
            if part.get(inner).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()) {
                form.required(&format!("{at}.{inner}"));
            }
            text(form, part, &at, inner, max);
        }
    }
    if let Some(Value::Array(fields)) = kept.get_mut("fields") {
        if fields.len() > 25 {
            form.add(&format!("{path}.fields"), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.");
        }
        for (i, field) in fields.iter_mut().enumerate() {
            let at = format!("{path}.fields.{i}");
            let Value::Object(field) = field else { continue };
            for (key, max) in [("name", 256), ("value", 1024)] {
                if field.get(key).and_then(Value::as_str).is_none_or(|text| text.trim().is_empty()) {
                    form.required(&format!("{at}.{key}"));
                }
                text(form, field, &at, key, max);
            }
            field.entry("inline").or_insert(json!(false));
        }
    }
    links(form, path, &kept);
    if kept.is_empty() {
        form.required(&format!("{path}.description"));
    }
    kept.insert("type".to_owned(), json!("rich"));
    Value::Object(kept)
}

fn links(form: &mut FormErrors, path: &str, embed: &Map<String, Value>) {
    let mut check = |at: String, url: Option<&Value>, attachments: bool| {
        let Some(url) = url.and_then(Value::as_str) else { return };
        let good = url.starts_with("http://")
            || url.starts_with("https://")
            || attachments && url.starts_with("attachment://");
        if !good {
            form.add(
                &at,
                "URL_TYPE_INVALID_SCHEME",
                &format!(
                    "Scheme \"{}\" is not supported. Scheme must be one of ('http', 'https').",
                    url.split(':').next().unwrap_or_default()
                ),
            );
        }
    };
    check(format!("{path}.url"), embed.get("url"), false);
    for key in ["image", "thumbnail"] {
        check(format!("{path}.{key}.url"), embed.get(key).and_then(|part| part.get("url")), true);
    }
    for key in ["author", "footer"] {
        let icon = embed.get(key).and_then(|part| part.get("icon_url"));
        check(format!("{path}.{key}.icon_url"), icon, true);
    }
    check(format!("{path}.author.url"), embed.get("author").and_then(|author| author.get("url")), false);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(embeds: &[Value]) -> bool {
        let mut form = FormErrors::default();
        normalise(&mut form, "embeds", embeds);
        form.finish().is_err()
    }

    #[test]
    fn each_part_has_its_limit_and_all_together_have_one() {
        assert!(!refused(&[json!({"title": "a".repeat(256), "description": "b".repeat(4096)})]));
        assert!(refused(&[json!({"title": "a".repeat(257)})]));
        assert!(refused(&[json!({"description": "b".repeat(4097)})]));
        assert!(refused(&[
            json!({"description": "b".repeat(3001)}),
            json!({"description": "b".repeat(3000)})
        ]));
        assert!(refused(&[json!({"fields": [{"name": "n", "value": ""}]})]));
        assert!(refused(&vec![json!({"title": "t"}); 11]));
        assert!(refused(&[json!({})]));
        assert!(refused(&[json!({"title": "t", "url": "javascript:alert(1)"})]));
    }
}
