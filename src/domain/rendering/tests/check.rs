//! What Discord refuses.

use serde_json::Value;

use super::super::Payload;
use crate::domain::message::File;

/// Discord's limits on a webhook message, stated anew from its documentation and OpenAPI description, on the
/// JSON that is sent.
pub(crate) fn check_against_discord(payload: &Payload, file_limit: u64) {
    let create = serde_json::to_value(payload.create_body()).unwrap();
    let edit = serde_json::to_value(payload.edit_body(None)).unwrap();
    for body in [&create, &edit] {
        assert_eq!(body["allowed_mentions"], serde_json::json!({"parse": []}));
        let content = body["content"].as_str().unwrap_or_default();
        length(content, 0, 2000);
        let embeds = body["embeds"].as_array().cloned().unwrap_or_default();
        assert!(embeds.len() <= 10);
        let sanitised: String = content.chars().filter(|c| !c.is_control() && !c.is_whitespace()).collect();
        let stripped = sanitised.trim_matches(|c| ('\u{200B}'..='\u{202E}').contains(&c));
        assert!(
            !stripped.is_empty() || !embeds.is_empty() || !payload.files.is_empty(),
            "50006: cannot send an empty message"
        );
        let total: usize = embeds.iter().map(check_embed).sum();
        assert!(total <= 6000, "MAX_EMBED_SIZE_EXCEEDED: {total}");
        check_buttons(body.get("components").unwrap_or(&Value::Null));
        assert_eq!(body.get("flags").and_then(Value::as_u64).unwrap_or_default() & !(4 | 4096), 0);
    }
    assert!(edit.get("username").is_none() && edit.get("avatar_url").is_none());
    assert!(edit.get("attachments").is_none() && edit["components"].is_array());
    check_files(&payload.files, &create, file_limit);
    assert!(edit["content"].is_string() && edit["embeds"].is_array() && edit["flags"].is_u64());

    let name = create["username"].as_str().unwrap();
    let name =
        name.replace(['\u{200B}', '\u{200C}', '\u{200D}', '\u{2060}', '\u{FEFF}', '\u{202E}', '\u{AD}'], "");
    length(name.trim(), 1, 80);
    let lower = name.trim().to_lowercase();
    assert!(!["clyde", "discord", "```"].iter().any(|word| lower.contains(word)), "{name:?}");
    assert!(!["everyone", "here", "system message"].contains(&lower.as_str()));
    if let Some(avatar) = create.get("avatar_url") {
        check_address(avatar, &["http", "https"]);
    }
}

/// Checks that the files and the body's words on them fit each other and a request.
fn check_files(files: &[File], create: &Value, file_limit: u64) {
    let said = create.get("attachments").and_then(Value::as_array).cloned().unwrap_or_default();
    assert_eq!(said.len(), files.len());
    assert!(files.len() <= 10, "max 10 files");
    assert!(files.iter().all(|file| file.size <= file_limit), "40005: request entity too large");
    let body = serde_json::to_vec(create).unwrap().len() as u64;
    let parts: u64 = files.iter().map(|file| file.size + file.name.len() as u64 + 500).sum();
    // Nobody says how much a boosted server takes. It takes one file of its limit, at least.
    let most = (25 << 20).max(file_limit.min(100 << 20) + (1 << 20));
    assert!(files.is_empty() || body + parts <= most, "40005: request entity too large");
    for (place, (file, said)) in files.iter().zip(&said).enumerate() {
        assert_eq!(said["id"], place.to_string());
        assert_eq!(said["filename"], file.name);
        let hidden = said.get("is_spoiler").is_some_and(|said| said == true);
        assert_eq!(hidden, file.is_hidden());
        assert_eq!(
            hidden,
            file.name.starts_with("SPOILER_"),
            "hidden for whoever doesn't know the field, too"
        );
        length(&file.name, 1, 1024);
        assert!(!file.name.chars().any(char::is_control), "{:?}", file.name);
        if let Some(description) = said.get("description") {
            length(description.as_str().unwrap(), 1, 1024);
        }
    }
}

fn check_buttons(components: &Value) {
    let rows = components.as_array().cloned().unwrap_or_default();
    assert!(rows.len() <= 5, "at most five rows");
    for row in &rows {
        assert_eq!(row["type"], 1);
        let buttons = row["components"].as_array().unwrap();
        assert!((1..=5).contains(&buttons.len()));
        for button in buttons {
            assert_eq!((&button["type"], &button["style"]), (&Value::from(2), &Value::from(5)));
            let label = button["label"].as_str().unwrap();
            length(label, 1, 80);
            assert!(!label.trim().is_empty());
            check_address(&button["url"], &["http", "https"]);
            length(button["url"].as_str().unwrap(), 1, 512);
        }
    }
}

/// Checks an embed, and returns the length that counts.
fn check_embed(embed: &Value) -> usize {
    let texts = [("/title", 256), ("/description", 4096), ("/footer/text", 2048), ("/author/name", 256)];
    let mut total = 0;
    let mut shows = embed.get("image").is_some() || embed.get("thumbnail").is_some();
    for (place, limit) in texts {
        if let Some(text) = embed.pointer(place) {
            total += length(text.as_str().unwrap(), 1, limit);
            assert!(!text.as_str().unwrap().trim().is_empty(), "BASE_TYPE_REQUIRED {place}");
            shows = true;
        }
    }
    let fields = embed.get("fields").and_then(Value::as_array).cloned().unwrap_or_default();
    assert!(fields.len() <= 25);
    for field in &fields {
        for (key, limit) in [("name", 256), ("value", 1024)] {
            let text = field[key].as_str().unwrap();
            assert!(!text.trim().is_empty(), "BASE_TYPE_REQUIRED {key}");
            total += length(text, 1, limit);
            shows = true;
        }
    }
    assert!(shows, "50006: an empty embed");
    for place in ["/url", "/author/url"] {
        embed.pointer(place).iter().for_each(|url| check_address(url, &["http", "https"]));
    }
    for place in ["/image/url", "/thumbnail/url", "/author/icon_url", "/footer/icon_url"] {
        embed.pointer(place).iter().for_each(|url| check_address(url, &["http", "https", "attachment"]));
    }
    if let Some(color) = embed.get("color") {
        assert!(color.as_u64().unwrap() <= 0x00FF_FFFF);
    }
    if let Some(timestamp) = embed.get("timestamp") {
        chrono::DateTime::parse_from_rfc3339(timestamp.as_str().unwrap()).unwrap();
    }
    total
}

fn length(text: &str, least: usize, most: usize) -> usize {
    let length = text.encode_utf16().count().max(text.chars().count());
    assert!((least..=most).contains(&length), "BASE_TYPE_BAD_LENGTH: {length} of {least} to {most}");
    length
}

fn check_address(address: &Value, schemes: &[&str]) {
    let address = address.as_str().unwrap();
    length(address, 1, 2048);
    let url = reqwest::Url::parse(address).unwrap();
    assert!(schemes.contains(&url.scheme()), "URL_TYPE_INVALID_SCHEME: {address}");
    assert!(address.chars().all(|c| c.is_ascii_graphic()), "URL_TYPE_INVALID_URL: {address}");
}
