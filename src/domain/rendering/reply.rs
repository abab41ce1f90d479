//! The first line of an answer: whom it answers, what was said there, and a link to it.

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::{message::Reply, text};

use super::{Stage, markup, mentions::Mentions, words};

/// How much of the answered text is shown, as it is read; and how long that may be as it is written, with its escapes and ids.
const READ: usize = 80;
const WRITTEN: usize = 300;
/// What a mention, an emoji or a timestamp takes of [`READ`], about: their numbers aren't read.
const UNIT_READ: usize = 8;

/// The line.
pub(super) fn line(reply: &Reply, mentions: Mentions<'_>, stage: &Stage) -> String {
    let mirror = stage.answered.as_deref().and_then(words::link);
    let linked = |label: &str, link: Option<String>| match link {
        Some(link) => format!("-# ↪ [{label}](<{link}>)"),
        None => format!("-# ↪ {label}"),
    };
    let Some(author) = &reply.author else { return linked("a deleted message", mirror) };
    let name = Some(words::plain(author, words::LONGEST_NAME)).filter(|name| !name.is_empty());
    let label = format!("**{}**", name.as_deref().unwrap_or("Someone"));
    let line = linked(&label, mirror.or_else(|| words::link(&reply.link)));
    match excerpt(&mentions.named(&reply.text)) {
        excerpt if excerpt.is_empty() => line,
        excerpt => format!("{line}: {excerpt}"),
    }
}

/// The beginning of a text in one line. Mentions, custom emoji and links are whole or left out; all other formatting is taken off or escaped.
/// What may be a spoiler isn't in it: everything from the first `||` to the last one, however the marks between them pair.
fn excerpt(full: &str) -> String {
    let full: String = full.chars().filter(|c| !text::is_noise(*c)).collect();
    let mut excerpt = Excerpt::default();
    let hidden = full.find("||").zip(full.rfind("||")).filter(|(first, last)| first + 2 <= *last);
    match hidden {
        Some((first, last)) => {
            excerpt.take(&full[..first]);
            excerpt.write("\\[spoiler\\]", "[spoiler]".len());
            excerpt.take(&full[last + 2..]);
        }
        None => excerpt.take(&full),
    }
    excerpt.finish()
}

#[derive(Debug, Default)]
struct Excerpt {
    written: String,
    /// How long it is as written and as read, in units.
    written_units: usize,
    read: usize,
    full: bool,
    gap: bool,
}

impl Excerpt {
    fn take(&mut self, text: &str) {
        for (code, piece) in markup::pieces(text) {
            if self.full {
                return;
            }
            if code { self.take_plain(piece.trim_matches('`')) } else { self.take_text(piece) }
        }
    }

    fn take_text(&mut self, text: &str) {
        for (number, line) in text.split('\n').enumerate() {
            if self.full {
                return;
            }
            self.gap |= number > 0;
            let starts = number > 0 || self.written.is_empty();
            self.take_line(if starts { without_line_markers(line) } else { line });
        }
    }

    /// Goes from one mark to the next.
    fn take_line(&mut self, line: &str) {
        let mut at = 0;
        let mut from = 0;
        while at < line.len() && !self.full {
            let rest = &line[at..];
            let emphasis = ["**", "__", "~~"].iter().any(|marker| rest.starts_with(marker));
            let length = if emphasis { Some(2) } else { unit_length(rest) };
            let Some(length) = length else {
                at += rest.chars().next().map_or(1, char::len_utf8);
                continue;
            };
            self.take_plain(&line[from..at]);
            if !emphasis {
                self.take_unit(&rest[..length]);
            }
            at += length;
            from = at;
        }
        self.take_plain(&line[from..]);
    }

    fn take_unit(&mut self, unit: &str) {
        match unit.as_bytes().first() {
            Some(b'<') if unit.contains("://") => self.take_link(&unit[1..unit.len() - 1]),
            Some(b'<') => self.write(unit, UNIT_READ),
            Some(b'h') => {
                // What Discord wouldn't take for part of it stands behind it.
                let link = &unit[..unit.find('>').unwrap_or(unit.len())];
                let link = link.trim_end_matches(['.', ',', ':', ';', '"', '\'', ']']);
                let link = if link.contains('(') { link } else { link.trim_end_matches(')') };
                self.take_link(link);
                self.take_plain(&unit[link.len()..]);
            }
            // Of a masked link its text.
            Some(b'[') => self.take_plain(&unit[1..unit.find("](").unwrap_or(unit.len())]),
            Some(b'\\') => self.take_plain(&unit[1..]),
            _ => self.take_plain(unit),
        }
    }

    /// A link without its preview.
    fn take_link(&mut self, link: &str) {
        match words::bracketed(link) {
            Some(address) => self.write(&format!("<{address}>"), text::units(&address)),
            None => self.take_plain(link),
        }
    }

    fn take_plain(&mut self, text: &str) {
        for (at, grapheme) in text.grapheme_indices(true) {
            if self.full {
                return;
            }
            if grapheme.trim().is_empty() {
                self.gap = true;
                continue;
            }
            let mut escaped = String::new();
            for c in grapheme.chars() {
                // What follows may be joined to it when marks between them are taken off: no link may come of it.
                let open = c == ':' && !text[at + 1..].starts_with(char::is_whitespace);
                if words::is_mark(c) || open {
                    escaped.push('\\');
                }
                escaped.push(c);
            }
            self.write(&escaped, text::units(grapheme));
        }
    }

    /// Writes something as a whole, or notes that it has no room.
    fn write(&mut self, piece: &str, read: usize) {
        if self.full {
            return;
        }
        let gap = usize::from(std::mem::take(&mut self.gap) && !self.written.is_empty());
        let units = text::units(piece) + gap;
        if self.read + read + gap > READ || self.written_units + units > WRITTEN {
            self.full = true;
            return;
        }
        if gap > 0 {
            self.written.push(' ');
        }
        self.written.push_str(piece);
        self.written_units += units;
        self.read += read + gap;
    }

    fn finish(self) -> String {
        let written = self.written.trim();
        match (text::is_visible(written), self.full) {
            (false, false) => String::new(),
            (false, true) => "…".to_owned(),
            (true, false) => written.to_owned(),
            (true, true) => format!("{written}…"),
        }
    }
}

/// The length of what can't be cut at the start of a text, in bytes.
fn unit_length(rest: &str) -> Option<usize> {
    let length = markup::unit_length(rest, 0, rest.len())?;
    let unit = &rest[..length];
    let known = !unit.starts_with('<') || unit.contains("://") || is_known(&unit[1..length - 1]);
    known.then_some(length)
}

/// Whether what stands in angle brackets is a mention, a custom emoji, a timestamp or a command, and so nothing else.
fn is_known(inner: &str) -> bool {
    let all = |text: &str, also: &[char]| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(&c))
    };
    let id = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let named = |text: &str, also: &[char]| {
        text.rsplit_once(':').is_some_and(|(name, last)| all(name, also) && id(last))
    };
    if let Some(mention) = ["@&", "@!", "@", "#"].iter().find_map(|sign| inner.strip_prefix(sign)) {
        return id(mention);
    }
    if let Some(emoji) = inner.strip_prefix("a:").or_else(|| inner.strip_prefix(':')) {
        return named(emoji, &['_']);
    }
    if let Some(place) = inner.strip_prefix("t:").or_else(|| inner.strip_prefix("id:")) {
        return all(place, &['-', ':']);
    }
    inner.strip_prefix('/').is_some_and(|command| named(command, &['_', '-', ' ']))
}

/// A line without what makes it a heading, a quote or small.
fn without_line_markers(line: &str) -> &str {
    let mut line = line;
    while let Some(rest) = [">>> ", "> ", "-# ", "# ", "## ", "### "]
        .iter()
        .find_map(|marker| line.trim_start().strip_prefix(marker))
    {
        line = rest;
    }
    line
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Hello", "Hello")]
    #[case("", "")]
    #[case("\u{200B}\n ", "")]
    #[case("one\n\n  two\tthree", "one two three")]
    #[case(
        "# Title\n> **bold** and ~~gone~~ `a*b` ```rust\nlet <@1>;\n```",
        "Title bold and gone a\\*b rust let \\<@1\\>;"
    )]
    #[case("a ||secret|| b", "a \\[spoiler\\] b")]
    #[case("`a||b` ||secret|| c", "\\`a\\[spoiler\\] c")]
    #[case("||secret||(https://e.com)", "\\[spoiler\\](<https://e.com>)")]
    #[case("a || b", "a \\|\\| b")]
    #[case("see https://e.com/a.", "see <https://e.com/a>.")]
    #[case("[label](https://e.com) <https://e.com>", "label <https://e.com>")]
    #[case("<@1> <:wave:123> \\*", "<@1> <:wave:123> \\*")]
    #[case("<@**a**> <_b_:1>", "\\<@a\\> \\<\\_b\\_\\:1\\>")]
    #[case("https:**//e.com** 12:30", "https\\://e.com 12\\:30")]
    #[case("*one* _two_", "\\*one\\* \\_two\\_")]
    fn excerpts(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(excerpt(text), shown);
    }

    #[test]
    fn an_excerpt_cuts_nothing_in_half() {
        assert_eq!(excerpt(&"x".repeat(90)), format!("{}…", "x".repeat(80)));
        let before = "x".repeat(75);
        for unit in ["<@123456789012345678>", "<:wave:123456789012345678>", "https://example.com", "👨‍👩‍👧👨‍👩‍👧"]
        {
            let cut = excerpt(&format!("{before}{unit}"));
            assert!(cut == format!("{before}…") || unit.starts_with('👨'), "{cut}");
        }
        assert_eq!(excerpt(&format!("{before}||{}||", "s".repeat(50))), format!("{before}…"));
        assert!(excerpt(&"<:wave:123456789012345678> ".repeat(50)).ends_with("678>…"));
    }
}
