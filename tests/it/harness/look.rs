//! An answer as text, for snapshots: ids, addresses and times that differ from run to run are replaced.

use std::fmt::Write;

use serde_json::Value;
use tributary_sandbox::{Reply, Sandbox};

/// What a person sees of an answer: the embeds with the colour of their edge, then buttons and menus.
pub fn look(sandbox: &Sandbox, reply: &Reply) -> String {
    let mut text = String::new();
    if !reply.content().is_empty() {
        let _ = writeln!(text, "{}", reply.content());
    }
    for embed in reply.embeds() {
        show_embed(&mut text, &embed);
    }
    for row in reply.components() {
        for component in row["components"].as_array().into_iter().flatten() {
            show_component(&mut text, component);
        }
    }
    settle(sandbox, &text)
}

fn show_embed(text: &mut String, embed: &Value) {
    let colour = match embed["color"].as_u64() {
        Some(0x2e_9e_6b) => "green",
        Some(0xd9_8e_04) => "amber",
        Some(0xd2_3b_3b) => "red",
        Some(0x3b_7d_d8) => "blue",
        _ => "no colour",
    };
    let _ = writeln!(text, "┏ {colour}");
    let mut lines = |part: &Value| {
        for line in part.as_str().unwrap_or_default().lines() {
            let _ = writeln!(text, "┃ {line}");
        }
    };
    lines(&embed["title"]);
    lines(&embed["description"]);
    for field in embed["fields"].as_array().into_iter().flatten() {
        let part = |key: &str| field[key].as_str().unwrap_or_default();
        lines(&Value::String(format!("{}: {}", part("name"), part("value"))));
    }
    lines(&embed["footer"]["text"]);
}

fn show_component(text: &mut String, component: &Value) {
    let part = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if component["type"] == 2 {
        let off = if component["disabled"] == true { " (off)" } else { "" };
        let _ = writeln!(text, "[{}]{off}", part(&component["label"]));
        return;
    }
    let _ = writeln!(text, "▾ {}", part(&component["placeholder"]));
    for option in component["options"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "  · {} | {}", part(&option["label"]), part(&option["description"]));
    }
}

/// Replaces a channel's id by its name, any other id by a word, a time by an hourglass, and anything that
/// depends on the version.
fn settle(sandbox: &Sandbox, text: &str) -> String {
    let mut settled = String::new();
    let mut rest = text.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let end = rest[start..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |len| start + len);
        settled.push_str(&rest[..start]);
        let number = &rest[start..end];
        if settled.ends_with("<t:") {
            settled.push('⏳');
        } else if number.len() < 15 {
            settled.push_str(number);
        } else {
            let id = number.parse().expect("an id");
            let name = sandbox.channel(tributary_sandbox::ChannelId(id)).name();
            settled.push_str(if name.is_empty() { "ID" } else { &name });
        }
        rest.drain(..end);
    }
    settled + &rest
}
