//! What a message says, as far as a copy of it says the same: other names, lines before and after it, and
//! other spaces make no difference.

use crate::domain::message::{Content, File};

/// How much of a message is compared, in bytes.
const HEAD: usize = 200;
/// How much a copy may add, in bytes.
const ADDED: usize = 300;
/// A text shorter than this, in bytes, may be part of others by chance. Then only names may precede it.
const TELLING: usize = 12;

/// The fingerprint of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// Everything that it says, up to a copy's length.
    text: String,
}

/// The fingerprint of a content.
pub fn fingerprint(content: &Content) -> Fingerprint {
    let embeds = content.embeds.iter().chain(content.forward.iter().flat_map(|forward| &forward.embeds));
    let embeds = embeds.flat_map(|embed| [embed.title.as_deref(), embed.description.as_deref()]).flatten();
    let forwarded = content.forward.iter().map(|forward| forward.text.as_str());
    let files = content.files.iter().chain(content.forward.iter().flat_map(|forward| &forward.files));
    let files = files.map(|file| file.name.strip_prefix(File::SPOILER).unwrap_or(&file.name));
    let stickers = content.stickers.iter().map(|sticker| sticker.name.as_str());
    let parts =
        std::iter::once(content.text.as_str()).chain(forwarded).chain(embeds).chain(files).chain(stickers);
    let mut text = String::new();
    for word in parts.flat_map(str::split_whitespace) {
        if text.len() > HEAD + ADDED {
            break;
        }
        if !text.is_empty() {
            text.push(' ');
        }
        text.extend(word.chars().filter(|char| *char != '\\'));
    }
    Fingerprint { text }
}

impl Fingerprint {
    /// Whether there is nothing to compare.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether this says what the earlier one said, maybe with something around it.
    pub fn repeats(&self, earlier: &Self) -> bool {
        let head = earlier.head();
        if self.text == earlier.text || head.is_empty() {
            return !head.is_empty();
        }
        if head.len() >= TELLING {
            return self.text.len() <= earlier.text.len() + ADDED && self.text.contains(head);
        }
        let before = self.text.strip_suffix(head);
        before.is_some_and(|before| before.len() <= ADDED && before.ends_with([' ', ':', '>', ']']))
    }

    fn head(&self) -> &str {
        let end = (0..=HEAD.min(self.text.len())).rev().find(|end| self.text.is_char_boundary(*end));
        self.text.get(..end.unwrap_or(0)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str) -> Fingerprint {
        fingerprint(&Content { text: text.to_owned(), ..Content::default() })
    }

    #[test]
    fn what_a_bridge_adds_makes_no_difference() {
        let original = says("Release 1.4 is out");
        for copy in [
            "Release 1.4 is out",
            "Release  1.4\nis out",
            "<Ada> Release 1.4 is out",
            "**Ada** via bridge\n> Release 1.4 is out",
            "Release 1.4 is out\n-# sent from elsewhere",
        ] {
            assert!(says(copy).repeats(&original), "{copy}");
        }
        for other in ["Release 1.5 is out", "Release", ""] {
            assert!(!says(other).repeats(&original), "{other}");
        }
    }

    #[test]
    fn short_words_stand_in_others_by_chance() {
        assert!(says("<Ada> ok").repeats(&says("ok")));
        assert!(says("ok").repeats(&says("ok")));
        assert!(!says("a book").repeats(&says("ok")));
        assert!(!says("ok, then see you there").repeats(&says("ok")));
        assert!(!says("anything").repeats(&says("")));
    }

    #[test]
    fn a_prefix_that_grows_and_a_text_that_is_cut_are_known() {
        let long = "All work and no play makes Jack a dull boy. ".repeat(45);
        let cut: String = format!("<Ada> {long}").chars().take(2_000).collect();
        assert!(says(&cut).repeats(&says(&long)));
        let again: String = format!("<Ada> {cut}").chars().take(2_000).collect();
        assert!(says(&again).repeats(&says(&cut)));
    }
}
