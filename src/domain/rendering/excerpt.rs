//! The beginning of a text, for the line of an answer or a post's title.

use unicode_segmentation::UnicodeSegmentation;

use crate::domain::text::{self, markup, tokens};

use super::words;

/// How much of the answered text is shown, in units as it is read; and how long that may be as it is written,
/// with escapes and ids.
const READ: usize = 80;
const WRITTEN: usize = 300;
/// About how much of [`READ`] a mention, an emoji or a timestamp takes: their numbers aren't read.
const UNIT_READ: usize = 8;

/// The beginning of a text in one line, for a line of the bot's own. Mentions, custom emoji and links are
/// whole or left out. All other formatting is removed or escaped. What may be a spoiler is left out:
/// everything from the first `||` to the last one, however the marks between them pair.
pub(super) fn excerpt(full: &str) -> String {
    Excerpt::new(Form::Escaped).of(full)
}

/// The first line of a text in which something can be seen, without formatting, as it is read, and at most
/// that many units long. Spoilers are left out.
pub(super) fn first_line(full: &str, longest: usize) -> String {
    Excerpt::new(Form::Plain { longest }).of(full)
}

/// How an excerpt is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// As one line with formatting. Text that looks like formatting is escaped; mentions and custom emoji
    /// stay.
    Escaped,
    /// As a title, which has no formatting. Only the first line.
    Plain { longest: usize },
}

#[derive(Debug)]
struct Excerpt {
    form: Form,
    written: String,
    /// How long it is as written and as read, in units.
    written_units: usize,
    read: usize,
    /// Whether something was left out.
    full: bool,
    /// Whether nothing more is taken.
    ended: bool,
    gap: bool,
}

impl Excerpt {
    const fn new(form: Form) -> Self {
        Self {
            form,
            written: String::new(),
            written_units: 0,
            read: 0,
            full: false,
            ended: false,
            gap: false,
        }
    }

    fn of(mut self, full: &str) -> String {
        let full: String = full.chars().filter(|c| !text::is_noise(*c)).collect();
        let hidden = full.find("||").zip(full.rfind("||")).filter(|(first, last)| first + 2 <= *last);
        match hidden {
            Some((first, last)) => {
                self.take(&full[..first]);
                let instead = if self.is_plain() { "[spoiler]" } else { "\\[spoiler\\]" };
                self.write(instead, "[spoiler]".len());
                self.take(&full[last + 2..]);
            }
            None => self.take(&full),
        }
        self.finish()
    }

    fn is_plain(&self) -> bool {
        self.form != Form::Escaped
    }

    /// How long it may be, as it is read and as it is written.
    const fn room(&self) -> (usize, usize) {
        match self.form {
            Form::Escaped => (READ, WRITTEN),
            // With the ellipsis.
            Form::Plain { longest } => (longest.saturating_sub(1), longest.saturating_sub(1)),
        }
    }

    fn take(&mut self, text: &str) {
        for (code, piece) in markup::pieces(text) {
            if self.ended {
                return;
            }
            if code { self.take_plain(piece.trim_matches('`')) } else { self.take_text(piece) }
        }
    }

    fn take_text(&mut self, text: &str) {
        for (number, line) in text.split('\n').enumerate() {
            if self.ended {
                return;
            }
            if number > 0 && self.is_plain() && text::is_visible(&self.written) {
                self.ended = true;
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
        // Where the single marks that were opened are closed.
        let mut closing = Vec::new();
        while at < line.len() && !self.ended {
            let rest = &line[at..];
            let double = ["**", "__", "~~"].iter().any(|marker| rest.starts_with(marker));
            let single = !double
                && self.is_plain()
                && (closing.contains(&at) || {
                    let closes = closing_mark(line, at);
                    closing.extend(closes);
                    closes.is_some()
                });
            let emphasis = double || single;
            let length = match (double, single) {
                (true, _) => Some(2),
                (_, true) => Some(1),
                _ => unit_length(rest),
            };
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
            Some(b'<') if self.is_plain() && !unit.contains("://") => match unit.rsplit_once(':') {
                // A custom emoji is named. A timestamp is left out, since only its number could be read.
                Some((name, _)) if name.starts_with("<:") => self.take_plain(&format!("{}:", &name[1..])),
                Some((name, _)) if name.starts_with("<a:") => self.take_plain(&format!("{}:", &name[2..])),
                _ => self.gap = true,
            },
            Some(b'<') if unit.contains("://") => self.take_link(&unit[1..unit.len() - 1]),
            Some(b'<') => self.write(unit, UNIT_READ),
            Some(b'h') => {
                // What Discord wouldn't read as part of the link follows it.
                let link = &unit[..unit.find('>').unwrap_or(unit.len())];
                let link = link.trim_end_matches(['.', ',', ':', ';', '"', '\'', ']']);
                let link = if link.contains('(') { link } else { link.trim_end_matches(')') };
                self.take_link(link);
                self.take_plain(&unit[link.len()..]);
            }
            // Of a masked link, only its text.
            Some(b'[') => self.take_plain(&unit[1..unit.find("](").unwrap_or(unit.len())]),
            Some(b'\\') => self.take_plain(&unit[1..]),
            _ => self.take_plain(unit),
        }
    }

    /// A link without its preview.
    fn take_link(&mut self, link: &str) {
        match words::bracketed(link) {
            Some(_) if self.is_plain() => self.take_plain(link),
            Some(address) => self.write(&format!("<{address}>"), text::units(&address)),
            None => self.take_plain(link),
        }
    }

    fn take_plain(&mut self, text: &str) {
        for (at, grapheme) in text.grapheme_indices(true) {
            if self.ended {
                return;
            }
            if grapheme.trim().is_empty() {
                self.gap = true;
                continue;
            }
            let mut escaped = String::new();
            for (offset, c) in grapheme.char_indices() {
                // What follows may be joined to it when the marks between them are removed. That must not
                // make a link. (A grapheme can begin with other characters.)
                let behind = &text[at + offset + c.len_utf8()..];
                let open = c == ':' && !behind.starts_with(char::is_whitespace);
                if !self.is_plain() && (words::is_mark(c) || open) {
                    escaped.push('\\');
                }
                escaped.push(c);
            }
            self.write(&escaped, text::units(grapheme));
        }
    }

    /// Writes something as a whole, or notes that there is no room for it.
    fn write(&mut self, piece: &str, read: usize) {
        if self.ended {
            return;
        }
        let gap = usize::from(std::mem::take(&mut self.gap) && !self.written.is_empty());
        let units = text::units(piece) + gap;
        let (most_read, most_written) = self.room();
        if self.read + read + gap > most_read || self.written_units + units > most_written {
            (self.full, self.ended) = (true, true);
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

/// Where the emphasis ends that a single `*` or `_` opens here, if it does. Both marks must be next to
/// something visible, and `_` must not be within a word.
fn closing_mark(line: &str, at: usize) -> Option<usize> {
    let mark = line[at..].chars().next().filter(|c| matches!(c, '*' | '_'))?;
    let solid = |c: Option<char>| c.is_some_and(|c| !c.is_whitespace() && c != mark);
    let within = |c: Option<char>| mark == '_' && c.is_some_and(char::is_alphanumeric);
    let before = |at: usize| line[..at].chars().next_back();
    let after = |at: usize| line[at + 1..].chars().next();
    if !solid(after(at)) || within(before(at)) {
        return None;
    }
    let found = line[at + 1..].match_indices(mark).map(|(found, _)| at + 1 + found);
    found.into_iter().find(|end| solid(before(*end)) && after(*end) != Some(mark) && !within(after(*end)))
}

/// The length of the token at the start of a text, in bytes.
fn unit_length(rest: &str) -> Option<usize> {
    let length = tokens::token_length(rest, 0, rest.len())?;
    let unit = &rest[..length];
    let known = !unit.starts_with('<') || unit.contains("://") || is_known(&unit[1..length - 1]);
    known.then_some(length)
}

/// Whether a text in angle brackets is a mention, a custom emoji, a timestamp or a command, and nothing else.
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

/// A line without the marks that make it a heading, a quote or small.
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
    #[case("\u{600}: a", "\u{600}: a")]
    #[case("\u{6DD}:a\u{301}:\u{111C2}:", "\u{6DD}\\:a\u{301}\\:\u{111C2}\\:")]
    fn excerpts(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(excerpt(text), shown);
    }

    #[rstest]
    #[case("**v1.0** is _out_!\nMore below", "v1.0 is out!")]
    #[case("\n\u{200B}\n## Hello `a*b`", "Hello a*b")]
    #[case("> quoted <:wave:123> <a:blob:9> <t:1700000000:R>!", "quoted :wave: :blob: !")]
    #[case("*all* of *this*, 2 * 3 * 4, snake_case_name", "all of this, 2 * 3 * 4, snake_case_name")]
    #[case("a ||secret|| b", "a [spoiler] b")]
    #[case("[label](https://e.com) https://e.com/a_b.", "label https://e.com/a_b.")]
    #[case("\\*not bold\\* @Ada\\_L", "*not bold* @Ada_L")]
    #[case("", "")]
    fn first_lines(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(first_line(text, 100), shown);
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
