//! Joins texts that Discord formats separately, so that none changes how another looks. Above all, what is
//! hidden stays hidden.
//!
//! In one text, an unpaired mark in one block could pair with one in another: a `||` would open the next
//! spoiler instead of closing its own, and a `` ` `` would turn it into code. So where something is hidden,
//! open text around it keeps only marks that pair within a line. In doubt, text is hidden, too.

/// The blocks, in their order.
#[derive(Debug, Default)]
pub(super) struct Blocks(Vec<Block>);

#[derive(Debug)]
struct Block {
    text: String,
    hidden: bool,
}

impl Blocks {
    /// Begins with a message's own text.
    pub(super) fn beginning(text: &str) -> Self {
        let mut blocks = Self::default();
        blocks.add(text, false);
        blocks
    }

    /// Adds a text, if it isn't empty.
    pub(super) fn add(&mut self, text: &str, hidden: bool) {
        let is_first = self.0.is_empty();
        if !text.trim().is_empty() || (is_first && !text.is_empty()) {
            self.0.push(Block { text: text.to_owned(), hidden });
        }
    }

    /// All of them as one text.
    pub(super) fn joined(self) -> String {
        let hides = self.0.iter().any(|block| block.hidden);
        let written = |block: Block| match block {
            Block { text, .. } if !hides => text,
            Block { text, hidden: true } => hidden(&text),
            Block { text, hidden: false } if !pairs_in_lines(&text) => hidden(&text),
            Block { text, hidden: false } => closed(&text),
        };
        self.0.into_iter().map(written).collect::<Vec<_>>().join("\n\n")
    }
}

/// A text as a spoiler that nothing in it can end.
fn hidden(text: &str) -> String {
    let mut inner = text.trim().replace('|', "\\|");
    // The last character must not swallow the closing mark.
    if inner.ends_with(['|', '\\']) {
        inner.push(' ');
    }
    format!("||{inner}||")
}

/// Whether each spoiler of a text surely begins and ends in the same line.
fn pairs_in_lines(text: &str) -> bool {
    if !text.contains("||") {
        return true;
    }
    let in_doubt = text.contains("|||") || text.contains(['`', '\\']);
    let pairs = |line: &str| {
        let pieces: Vec<&str> = line.split("||").collect();
        pieces.len() % 2 == 1 && pieces.iter().skip(1).step_by(2).all(|piece| !piece.trim().is_empty())
    };
    !in_doubt && text.lines().all(pairs)
}

/// A text in which nothing reaches into the next: code is shown as it is written, and so is everything that
/// isn't closed.
fn closed(text: &str) -> String {
    let mut closed = String::with_capacity(text.len());
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        let rest = &text[at..];
        let escaped = c == '\\' && rest[1..].starts_with(|next: char| next.is_ascii_punctuation());
        let reaches = c == '`' || (c == '<' && !rest.contains('>')) || (c == '[' && !rest.contains(']'));
        if reaches {
            closed.push('\\');
        }
        closed.push(c);
        if escaped {
            closed.extend(chars.next().map(|(_, next)| next));
        }
    }
    closed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn joined(blocks: &[(&str, bool)]) -> String {
        let mut all = Blocks::default();
        blocks.iter().for_each(|(text, hidden)| all.add(text, *hidden));
        all.joined()
    }

    #[test]
    fn blocks_stand_in_their_order() {
        assert_eq!(joined(&[("a `b`", false), (" ", false), ("||c||", false)]), "a `b`\n\n||c||");
        assert_eq!(
            joined(&[("open", false), ("secret", true), ("||x|| y", false)]),
            "open\n\n||secret||\n\n||x|| y"
        );
    }

    #[test]
    fn what_is_hidden_stays_hidden() {
        assert_eq!(joined(&[("a ||b|| c", true)]), "||a \\|\\|b\\|\\| c||");
        assert_eq!(joined(&[("end|", true)]), "||end\\| ||");
        assert_eq!(joined(&[("end\\", true)]), "||end\\ ||");
        assert_eq!(joined(&[("a || b", false), ("secret", true)]), "||a \\|\\| b||\n\n||secret||");
        assert_eq!(joined(&[("a ` b \\`", false), ("secret", true)]), "a \\` b \\`\n\n||secret||");
        let torn = joined(&[("> ||a\nb||", false), ("secret", true)]);
        assert_eq!(torn, "||> \\|\\|a\nb\\|\\| ||\n\n||secret||");
    }

    /// The part of a text that is visible at once, as Discord reads it: from left to right, whichever of
    /// code, escapes and spoilers begins first.
    fn open(text: &str) -> String {
        let mut open = String::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if c == '\\' && rest[1..].starts_with(|c: char| c.is_ascii_punctuation()) {
                open.push_str(&rest[1..2]);
                rest = &rest[2..];
                continue;
            }
            if c == '`' {
                let marker = rest.len() - rest.trim_start_matches('`').len();
                let close = rest[marker..].find(&rest[..marker]).map(|at| marker + at + marker);
                let end = close.unwrap_or(marker);
                open.push_str(&rest[..end]);
                rest = &rest[end..];
                continue;
            }
            let first = rest.chars().nth(2).map_or(0, char::len_utf8);
            if rest.starts_with("||")
                && first > 0
                && let Some(end) = rest[2 + first..].find("||")
            {
                rest = &rest[2 + first + end + 2..];
                continue;
            }
            open.push(c);
            rest = &rest[c.len_utf8()..];
        }
        open
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_ever_open(
            blocks in prop::collection::vec(("[ab`|\\\\>\n -]{0,8}", any::<bool>()), 1..6),
        ) {
            let mut all = Blocks::default();
            for (text, hidden) in &blocks {
                let text = if *hidden { format!("{text}Z{text}") } else { text.clone() };
                all.add(&text, *hidden);
            }
            let joined = all.joined();
            prop_assert!(!open(&joined).contains('Z'), "{blocks:?} became {joined:?}");
        }

        #[test]
        fn where_nothing_is_hidden_nothing_changes(texts in prop::collection::vec("[ab`|\\\\]{1,8}", 1..4)) {
            let mut all = Blocks::default();
            texts.iter().for_each(|text| all.add(text, false));
            prop_assert_eq!(all.joined(), texts.join("\n\n"));
        }
    }
}
