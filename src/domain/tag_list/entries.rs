//! The segments of a list: the texts between commas, or between quotes.

/// A segment of a list.
pub(super) struct ListEntry {
    /// Where it begins in the list, after any space.
    pub(super) start: usize,
    /// Where it ends, before any space.
    pub(super) end: usize,
    /// Its text, without its quotes, and with doubled quotes inside as single ones.
    pub(super) text: String,
    /// It is quoted.
    pub(super) quoted: bool,
    /// It begins with a quote that isn't closed. Somebody may still be typing it.
    pub(super) open: bool,
}

impl ListEntry {
    /// Whether it means a hashtag and not a forum's tag.
    pub(super) fn is_hashtag(&self) -> bool {
        !self.quoted && self.text.starts_with(['#', '＃'])
    }
}

/// Whether it separates tags: a comma, or the comma of another script.
pub(super) const fn is_separator(c: char) -> bool {
    matches!(c, ',' | '，' | '、')
}

/// The segments of a list, empty ones included. At least one.
pub(super) fn entries(list: &str) -> Vec<ListEntry> {
    let mut entries = Vec::new();
    let mut next = Some(0);
    while let Some(from) = next {
        let (entry, behind) = entry(list, from);
        next = list[behind..].chars().next().map(|comma| behind + comma.len_utf8());
        entries.push(entry);
    }
    entries
}

/// The segment that begins here, and where its separator is, or the end.
fn entry(list: &str, from: usize) -> (ListEntry, usize) {
    let rest = &list[from..];
    let start = from + (rest.len() - rest.trim_start().len());
    let quote = list[start..].starts_with('"').then(|| closing(list, start + 1));
    if let Some(Some((text, end))) = &quote {
        let behind = &list[*end..];
        let separator = end + (behind.len() - behind.trim_start().len());
        if list[separator..].chars().next().is_none_or(is_separator) {
            return (
                ListEntry { start, end: *end, text: text.clone(), quoted: true, open: false },
                separator,
            );
        }
    }
    let separator = list[from..].find(is_separator).map_or(list.len(), |at| from + at);
    let text = list[from..separator].trim();
    let start = start.min(separator);
    let open = matches!(quote, Some(None));
    (ListEntry { start, end: start + text.len(), text: text.to_owned(), quoted: false, open }, separator)
}

/// The text from here to the closing quote, and where that quote ends.
fn closing(list: &str, from: usize) -> Option<(String, usize)> {
    let mut at = from;
    loop {
        at += list[at..].find('"')? + 1;
        if list[at..].starts_with('"') {
            at += 1;
        } else {
            return Some((unescape(&list[from..at - 1]), at));
        }
    }
}

/// The text with single quotes in place of doubled ones.
pub(super) fn unescape(text: &str) -> String {
    text.replace("\"\"", "\"")
}
