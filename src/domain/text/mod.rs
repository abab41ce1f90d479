//! Text as Discord counts, trims and compares it.

#[cfg(test)]
pub(crate) mod alphabet;
pub(crate) mod markup;
mod split;
pub(in crate::domain) mod tokens;

use std::borrow::Cow;
use std::str::FromStr;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};
use unicode_segmentation::UnicodeSegmentation;

pub use self::split::shortened;
pub(in crate::domain) use self::split::{Suffixes, split};

/// The length of a text in units. Discord's API counts code points (its staff, discord-api-docs issue 1315),
/// and its clients count UTF-16 units. The latter is never the smaller number, so it is safe with both.
pub fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Reads a number that is written in digits and nothing else: Rust's own parser would take a `+` before them.
pub fn number<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether the text has something that people can see. Discord refuses a message, and ignores a name, without
/// it.
pub fn is_visible(text: &str) -> bool {
    text.chars().any(|c| !c.is_whitespace() && !is_ignorable(c))
}

/// Whether a character shows nothing by itself: controls, and Unicode's characters for joining, filling and
/// directing text. Discord drops some of them from what it stores (discord-api-docs issues 1189, 1193, 4691),
/// without saying which.
pub fn is_ignorable(c: char) -> bool {
    c.is_control()
        || is_noise(c)
        || matches!(c,
        '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}' | '\u{200C}' | '\u{200D}' | '\u{2800}'
        | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}')
}

/// Whether it is an ignorable character that no script and no emoji needs: a name is as readable without it.
pub fn is_noise(c: char) -> bool {
    (c.is_control() && !c.is_whitespace())
        || matches!(c,
            '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FEFF}' | '\u{FFF0}'..='\u{FFFB}' | '\u{FFFE}' | '\u{FFFF}')
}

/// The text, or as much of it as fits into `limit` units with an ellipsis at its end. In whole graphemes,
/// where they aren't longer than that.
pub fn cut(text: &str, limit: usize) -> Cow<'_, str> {
    if units(text) <= limit {
        return Cow::Borrowed(text);
    }
    let Some(room) = limit.checked_sub(1) else { return Cow::Borrowed("") };
    let mut kept = fitting(text.grapheme_indices(true), room);
    if kept == 0 {
        kept = fitting(text.char_indices().map(|(at, c)| (at, &text[at..at + c.len_utf8()])), room);
    }
    Cow::Owned(format!("{}…", text[..kept].trim_end()))
}

/// Where the last of the pieces that fit into `room` units ends.
fn fitting<'a>(pieces: impl Iterator<Item = (usize, &'a str)>, room: usize) -> usize {
    let mut used = 0;
    let mut end = 0;
    for (at, piece) in pieces {
        used += units(piece);
        if used > room {
            break;
        }
        end = at + piece.len();
    }
    end
}

/// What is left of a text without everything that Discord may change in storing it: white space, ignorable
/// characters, surplus combining marks, Unicode forms, and custom emoji that it writes as `:name:`. Two texts
/// with the same skeleton show the same.
pub fn skeleton(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        plain.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some((name, length)) = custom_emoji(rest) {
            plain.extend([":", name, ":"]);
            rest = &rest[length..];
        } else {
            plain.push('<');
            rest = &rest[1..];
        }
    }
    plain.push_str(rest);
    plain.nfkd().filter(|c| !c.is_whitespace() && !is_ignorable(*c) && !is_combining_mark(*c)).collect()
}

/// The name of the custom emoji `<:name:id>` or `<a:name:id>` at the start of a text, and the length of the
/// whole.
fn custom_emoji(text: &str) -> Option<(&str, usize)> {
    let start = if text.starts_with("<a:") { 3 } else { 2 };
    text.starts_with("<:").then_some(()).or((start == 3).then_some(()))?;
    let name = text[start..]
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .map(|end| &text[start..start + end])?;
    let id = text[start + name.len()..].strip_prefix(':')?;
    let digits = id.find(|c: char| !c.is_ascii_digit())?;
    let whole = start + name.len() + 1 + digits + 1;
    (!name.is_empty() && digits > 0 && id[digits..].starts_with('>')).then_some((name, whole))
}

/// A name, escaped so that Discord doesn't read it as markdown and makes no link of it.
pub fn escape(name: &str) -> String {
    name.char_indices().fold(String::with_capacity(name.len()), |mut text, (at, c)| {
        if matches!(c, '\\' | '*' | '_' | '~' | '`' | '|' | '>' | '<' | '[' | ']' | '(' | ')' | '#' | '@')
            || name[at..].starts_with("://")
        {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_larger_measure() {
        assert_eq!((units("abc"), units("🦀"), units("👨‍👩‍👧")), (3, 2, 8));
    }

    #[test]
    fn cuts_between_graphemes() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "ab…");
        assert_eq!(cut("a👨‍👩‍👧b", 8), "a…");
        assert_eq!(cut("👨‍👩‍👧b", 4), "👨‍…", "a grapheme that doesn't fit at all is cut");
        assert_eq!(cut("ab", 0), "");
    }

    #[test]
    fn an_address_in_a_name_is_no_link() {
        assert_eq!(escape("https://evil.example/x_y"), "https\\://evil.example/x\\_y");
        assert_eq!(escape("12:30 :// a"), "12:30 \\:// a");
    }

    #[test]
    fn nothing_to_see() {
        for blank in ["", " \n", "\u{200B}", "\u{202E}\u{2800}", "\u{3164}\u{FE0F}"] {
            assert!(!is_visible(blank), "{blank:?}");
        }
        assert!(is_visible("\u{200B}."));
    }

    #[test]
    fn a_skeleton_outlives_storage() {
        assert_eq!(skeleton(" <a:party:1> x\u{200B}y <:b:2>"), skeleton(":party: xy\n:b:"));
        assert_eq!(skeleton("e\u{301}❤\u{FE0F}"), skeleton("é❤"));
        assert_eq!(skeleton("<@1> <:broken <a:b:>"), "<@1><:broken<a:b:>");
        assert_ne!(skeleton("a"), skeleton("b"));
    }
}
