//! Stickers, as links whose preview is the picture: a webhook can't send stickers.

use crate::domain::message::Sticker;

use super::words;

/// How many are shown. A message has three at most.
const SHOWN: usize = 5;

/// A line for each sticker that is a picture. The others are added to what can't be shown.
pub(super) fn lines(stickers: &[Sticker], unshown: &mut Vec<String>) -> Vec<String> {
    let mut lines = Vec::new();
    for sticker in stickers {
        match sticker.url.as_deref().and_then(words::link).filter(|_| lines.len() < SHOWN) {
            Some(link) => {
                let name = words::plain(&sticker.name, words::LONGEST_NAME);
                let name = if name.is_empty() { String::new() } else { format!(": {name}") };
                lines.push(format!("[sticker{name}]({link})"));
            }
            None => unshown.push("sticker".to_owned()),
        }
    }
    lines
}
