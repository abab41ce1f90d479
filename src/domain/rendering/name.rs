//! The author name of a mirror: the display name, made acceptable for a webhook with as little change as
//! possible.
//!
//! Discord: "Webhook names follow the nickname guidelines", and may not contain "clyde" or "discord" nor be
//! "everyone", "here" or "system message". Three backticks are refused, too; the rules about `@`, `#` and `:`
//! are for account names only (discord-api-docs issue 4293). One letter of a refused word is replaced by a
//! Cyrillic twin, which looks the same. An invisible character in between wouldn't do, because Discord strips
//! many of these *before* it checks (issues 1189, 4691) and squeezes white space.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::domain::{limits, text};

/// The name when nothing of the author's can be seen. Discord would show the webhook's own name instead
/// (discord-api-docs issue 4218).
const FALLBACK: &str = "Someone";

/// What a name may not contain, and which letter of it is replaced.
const REFUSED_PARTS: [(&str, usize); 3] = [("clyde", 4), ("discord", 4), ("```", 2)];

/// What a name may not be. The last letter, an "e" in all of them, is replaced.
const REFUSED_NAMES: [&str; 3] = ["everyone", "here", "system message"];

/// How long a handle may be. Discord's have at most 32 characters.
const LONGEST_HANDLE: usize = 40;

/// The name under which a mirror of this author is posted: 1 to 80 long, and nothing that Discord refuses. A
/// handle follows it in full.
pub(super) fn username(display_name: &str, handle: Option<&str>) -> String {
    let name = squeezed(display_name).unwrap_or_else(|| FALLBACK.to_owned());
    match handle.and_then(squeezed) {
        Some(handle) => {
            let handle = format!(" ({})", text::cut(&handle, LONGEST_HANDLE));
            let name = text::cut(&name, limits::USERNAME - text::units(&handle));
            without_refused_words(&format!("{name}{handle}"))
        }
        None => text::cut(&without_refused_words(&name), limits::USERNAME).into_owned(),
    }
}

/// Other names for the same author, should Discord refuse that one for a reason that nobody knows: one from
/// the account's name, which Discord accepted before, and a neutral one.
pub(super) fn instead(display_name: &str, handle: &str) -> Vec<String> {
    let first = username(display_name, None);
    let mut names: Vec<String> = Vec::new();
    for name in [username(handle, None), FALLBACK.to_owned()] {
        if name != first && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// A name without what can't be seen, if anything can be seen.
fn squeezed(name: &str) -> Option<String> {
    let kept: String = name.chars().filter(|c| !text::is_noise(*c)).collect();
    let squeezed = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    text::is_visible(&squeezed).then_some(squeezed)
}

fn without_refused_words(name: &str) -> String {
    let mut letters: Vec<char> = name.chars().collect();
    let folded: Vec<(char, usize)> =
        letters.iter().enumerate().flat_map(|(at, c)| folded(*c).map(move |folded| (folded, at))).collect();
    let reads = |word: &str, from: usize| {
        word.chars().enumerate().all(|(at, c)| folded.get(from + at).is_some_and(|(folded, _)| *folded == c))
    };
    let mut twins = Vec::new();
    for from in 0..folded.len() {
        twins.extend(
            REFUSED_PARTS
                .iter()
                .filter(|(word, _)| reads(word, from))
                .map(|(_, letter)| folded[from + letter].1),
        );
    }
    if REFUSED_NAMES.iter().any(|word| word.chars().count() == folded.len() && reads(word, 0)) {
        twins.extend(folded.last().map(|(_, at)| *at));
    }
    for at in twins {
        letters[at] = twin(letters[at]);
    }
    letters.into_iter().collect()
}

/// A character as a strict filter may see it: without case, width and ornament.
fn folded(c: char) -> impl Iterator<Item = char> {
    std::iter::once(c)
        .nfkd()
        .filter(|c| !text::is_ignorable(*c) && !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect::<Vec<_>>()
        .into_iter()
}

/// A letter that looks like this one and isn't.
fn twin(c: char) -> char {
    let upper = c.is_uppercase();
    match folded(c).next() {
        Some('e') if upper => 'Е',
        Some('e') => 'е',
        Some('o') if upper => 'О',
        Some('o') => 'о',
        _ => 'ˋ',
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("Ada", "Ada")]
    #[case("  Ada \t  Lovelace ", "Ada Lovelace")]
    #[case("A", "A")]
    #[case("", "Someone")]
    #[case("\u{200B}\u{2800} \u{202E}", "Someone")]
    #[case("Clyde", "Clydе")]
    #[case("CLYDE and clyde", "CLYDЕ and clydе")]
    #[case("my Discord bot", "my Discоrd bot")]
    #[case("dis\u{200B}cord", "discоrd")]
    #[case("dis\u{200D}cord", "dis\u{200D}cоrd")]
    #[case("ｄｉｓｃｏｒｄ", "ｄｉｓｃоｒｄ")]
    #[case("Here", "Herе")]
    #[case("everyone", "everyonе")]
    #[case("System  message", "System messagе")]
    #[case("Theresa from there", "Theresa from there")]
    #[case("a```b", "a``ˋb")]
    #[case("@here #1 :3", "@here #1 :3")]
    #[case("👨‍👩‍👧 family", "👨‍👩‍👧 family")]
    fn is_made_acceptable(#[case] name: &str, #[case] shown: &str) {
        assert_eq!(username(name, None), shown);
    }

    #[test]
    fn is_cut_between_graphemes() {
        assert_eq!(username(&"x".repeat(80), None), "x".repeat(80));
        assert_eq!(username(&"x".repeat(81), None), format!("{}…", "x".repeat(79)));
        assert_eq!(username(&"👨‍👩‍👧".repeat(20), None), format!("{}…", "👨‍👩‍👧".repeat(9)));
    }

    #[rstest]
    #[case("Ada", "ada_l", &["ada_l", "Someone"])]
    #[case("ada_l", "ada_l", &["Someone"])]
    #[case("Ada", "", &["Someone"])]
    #[case("Someone", "", &[])]
    #[case("Ada", "clyde", &["clydе", "Someone"])]
    fn there_are_others(#[case] name: &str, #[case] handle: &str, #[case] others: &[&str]) {
        assert_eq!(instead(name, handle), others);
    }

    #[rstest]
    #[case("Ada", "ada_l", "Ada (ada_l)")]
    #[case("", "ada_l", "Someone (ada_l)")]
    #[case("Ada", " ", "Ada")]
    #[case("Ada", "clyde", "Ada (clydе)")]
    #[case(&"x".repeat(90), "ada_l", &format!("{}… (ada_l)", "x".repeat(71)))]
    fn a_namesake_is_told_apart(#[case] name: &str, #[case] handle: &str, #[case] shown: &str) {
        assert_eq!(username(name, Some(handle)), shown);
    }
}
