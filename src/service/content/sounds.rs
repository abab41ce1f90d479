//! Sounds in a text. Only Discord's client plays them, so a mirror shows their names.

use crate::domain::text::markup::pieces;
use crate::rest::model::TextSound;

/// Discord's form of a sound: `<sound:SERVER:SOUND>`.
const OPENING: &str = "<sound:";

/// The text with the names of its sounds, except in code.
pub(super) fn named(text: String, sounds: &[TextSound]) -> String {
    if !text.contains(OPENING) {
        return text;
    }
    let mut named = String::with_capacity(text.len());
    for (code, piece) in pieces(&text) {
        if code {
            named.push_str(piece);
            continue;
        }
        let mut rest = piece;
        while let Some((before, after)) = rest.split_once(OPENING) {
            named.push_str(before);
            rest = after;
            match number(after) {
                Some((id, length)) => {
                    let name =
                        sounds.iter().find(|sound| sound.sound_id == id).map(|sound| sound.name.trim());
                    let name = name.filter(|name| !name.is_empty()).unwrap_or("a sound");
                    named.push_str(&format!("🔊 {name}"));
                    rest = &after[length..];
                }
                None => named.push_str(OPENING),
            }
        }
        named.push_str(rest);
    }
    named
}

/// The number of the sound, which follows that of its server, and the length of both with the closing mark.
fn number(after: &str) -> Option<(&str, usize)> {
    let end = after.find('>')?;
    let (server, sound) = after[..end].split_once(':')?;
    let is_id = |id: &str| (1..=20).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_digit());
    (is_id(server) && is_id(sound)).then_some((sound, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sounds_are_named() {
        let sounds = [TextSound { sound_id: "7".to_owned(), name: "quack".to_owned() }];
        let of = |text: &str| named(text.to_owned(), &sounds);
        assert_eq!(of("<sound:0:7> and <sound:9:8>!"), "🔊 quack and 🔊 a sound!");
        assert_eq!(of("`<sound:0:7>` <sound:x:7> <sound:"), "`<sound:0:7>` <sound:x:7> <sound:");
    }
}
