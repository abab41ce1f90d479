//! The contents of the bot's own lines: names as plain text, links without a preview, and the lines for what
//! can't be shown.

use crate::domain::text;

use super::address;

/// The longest link in a line of the bot's own, so that there is always room for the text itself. A link to a
/// message isn't half as long.
const LONGEST_LINK: usize = 256;

/// How many kinds of things are named below a text, and how long a name may be there.
const NAMED: usize = 6;
pub(super) const LONGEST_NAME: usize = 40;

/// A link as it can stand in the brackets of a masked one.
pub(super) fn link(raw: &str) -> Option<String> {
    bracketed(raw).filter(|link| link.len() <= LONGEST_LINK)
}

/// The same, of any length that Discord takes.
pub(super) fn bracketed(raw: &str) -> Option<String> {
    Some(address::any(raw)?.replace('(', "%28").replace(')', "%29"))
}

/// ` · [original](<link>)`, or nothing where there is no link.
pub(super) fn see_original(link: Option<&str>) -> String {
    link.map_or_else(String::new, |link| format!(" · [original](<{link}>)"))
}

/// The line that names what isn't shown, such as `-# + 2 attachments, sticker · [original](<link>)`.
pub(super) fn note(unshown: &[String], link: Option<&str>) -> Option<String> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    let mut further = 0;
    for name in unshown.iter().map(|name| plain(name, LONGEST_NAME)).filter(|name| !name.is_empty()) {
        if let Some((_, count)) = counted.iter_mut().find(|(known, _)| *known == name) {
            *count += 1;
        } else if counted.len() < NAMED {
            counted.push((name, 1));
        } else {
            further += 1;
        }
    }
    if counted.is_empty() {
        return None;
    }
    let mut names: Vec<_> = counted
        .into_iter()
        .map(|(name, count)| match count {
            1 => name,
            _ if name.ends_with(|c: char| c.is_ascii_alphabetic()) => format!("{count} {name}s"),
            _ => format!("{count} × {name}"),
        })
        .collect();
    if further > 0 {
        names.push(format!("{further} more"));
    }
    Some(format!("-# + {}{}", names.join(", "), see_original(link)))
}

/// The line for a message of which nothing can be shown or named.
pub(super) fn instead(link: Option<&str>) -> String {
    format!("-# A message that can't be shown here{}", see_original(link))
}

/// A text without line breaks, and with single spaces.
pub(super) fn one_line(raw: &str) -> String {
    raw.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text as one line of at most `longest` units, without formatting. What could be read as formatting is
/// escaped, which makes it twice as long at most. Empty where nothing can be seen.
pub(super) fn plain(raw: &str, longest: usize) -> String {
    let line: String = one_line(raw).chars().filter(|c| !text::is_noise(*c)).collect();
    if !text::is_visible(&line) {
        return String::new();
    }
    let line = text::cut(&line, longest);
    let mut plain = String::new();
    if line.starts_with(['#', '-', '+']) {
        plain.push('\\');
    }
    for (at, c) in line.char_indices() {
        if is_mark(c) || (c == ':' && line[at..].starts_with("://")) {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

/// Whether a character can be formatting anywhere in a line.
pub(super) const fn is_mark(c: char) -> bool {
    matches!(c, '\\' | '*' | '_' | '~' | '`' | '|' | '[' | ']' | '<' | '>')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_line_has_no_formatting() {
        assert_eq!(plain(" a\n**b**  `c`", 40), "a \\*\\*b\\*\\* \\`c\\`");
        assert_eq!(plain("# <@1> [x](https://e.com)", 40), "\\# \\<@1\\> \\[x\\](https\\://e.com)");
        assert_eq!(plain("abcdef", 4), "abc…");
        assert_eq!(plain("\u{200B} \u{202E}", 4), "");
    }

    #[test]
    fn a_link_never_ends_its_brackets() {
        assert_eq!(link("https://example.com/a(b)").as_deref(), Some("https://example.com/a%28b%29"));
        assert_eq!(link(&format!("https://example.com/{}", "a".repeat(300))), None);
        assert_eq!(link("discord://x"), None);
    }
}
