//! What a server says about itself, made fit to show: each text is one short line without control characters
//! or colour codes.

use gamedig::protocols::types::{CommonResponse, GenericResponse};
use serde_json::Value;

use super::GameStatus;
use crate::domain::text;

/// How long a text may be.
const LONGEST: usize = 100;
/// How long a player's name may be, and how many of them there are.
const LONGEST_NAME: usize = 32;
const MOST_NAMES: usize = 40;

/// Turns the library's answer into a status.
pub(super) fn status(response: &dyn CommonResponse) -> GameStatus {
    // A Minecraft server has a description instead of a name.
    let name = match (response.name(), response.description()) {
        (Some(name), _) => name.to_owned(),
        (None, Some(description)) => described(description),
        (None, None) => String::new(),
    };
    let map = match response.as_original() {
        // What Bedrock servers call their map is a second name.
        GenericResponse::Minecraft(_) => "",
        _ => response.map().unwrap_or_default(),
    };
    let names = response.players().unwrap_or_default();
    let names =
        names.iter().map(|player| line(player.name(), LONGEST_NAME)).filter(|name| text::is_visible(name));
    GameStatus {
        name: line(&name, LONGEST),
        map: line(map, LONGEST),
        version: line(response.game_version().unwrap_or_default(), LONGEST),
        players: response.players_online(),
        most: response.players_maximum(),
        names: names.take(MOST_NAMES).collect(),
        latency: 0,
    }
}

/// A Minecraft server's description: a text, or texts in texts with their formats (JSON).
fn described(description: &str) -> String {
    match serde_json::from_str::<Value>(description) {
        Ok(value) => {
            let mut text = String::new();
            gather(&value, &mut text);
            text
        }
        Err(_) => description.to_owned(),
    }
}

fn gather(value: &Value, text: &mut String) {
    match value {
        Value::String(part) => text.push_str(part),
        Value::Array(parts) => parts.iter().for_each(|part| gather(part, text)),
        Value::Object(fields) => {
            for field in ["text", "translate", "extra"] {
                fields.get(field).into_iter().for_each(|part| gather(part, text));
            }
        }
        _ => {}
    }
}

/// Makes one line of a text, without the colour codes of games: § and a letter, ^ and a digit.
fn line(written: &str, longest: usize) -> String {
    let mut plain = String::with_capacity(written.len().min(4 * longest));
    let mut chars = written.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '§' => drop(chars.next()),
            '^' if chars.peek().is_some_and(char::is_ascii_digit) => drop(chars.next()),
            c if c.is_whitespace() => plain.push(' '),
            c if text::is_noise(c) => {}
            c => plain.push(c),
        }
    }
    let words: Vec<&str> = plain.split(' ').filter(|word| !word.is_empty()).collect();
    text::cut(&words.join(" "), longest).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptions_are_one_plain_line() {
        let json = r#"{"text":"§aThe ","extra":[{"text":"Harbour","bold":true},"\n  est. 2019"]}"#;
        assert_eq!(line(&described(json), LONGEST), "The Harbour est. 2019");
        assert_eq!(line(&described("\"§6Gold\""), LONGEST), "Gold");
        assert_eq!(line(&described("plain"), LONGEST), "plain");
    }

    #[test]
    fn colours_and_controls_go() {
        assert_eq!(line("^1Red^7 \u{7}team\u{202e}", LONGEST), "Red team");
        assert_eq!(line(&"x".repeat(300), LONGEST).chars().count(), LONGEST);
        assert_eq!(line("§", LONGEST), "");
    }
}
