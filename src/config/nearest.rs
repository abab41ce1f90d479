//! Finds what a mistyped name was meant to be.

/// How many characters must be inserted, deleted, replaced or swapped with a neighbour to turn one word into
/// the other.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let replaced = last[j] + usize::from(x != y);
            let mut least = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                least = least.min(before_last[j - 1] + 1);
            }
            row.push(least);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

/// The word that is nearest to this one, and their distance.
pub(crate) fn nearest<'a>(word: &str, words: impl IntoIterator<Item = &'a str>) -> Option<(&'a str, usize)> {
    words.into_iter().map(|known| (known, distance(word, known))).min_by_key(|(_, distance)| *distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_near() {
        for (a, b, far) in [
            ("", "", 0),
            ("warn", "warn", 0),
            ("warning", "warn", 3),
            ("HTTP_ADRR", "HTTP_ADDR", 1),
            ("debgu", "debug", 1),
            ("DISCORD_TOKN", "DISCORD_TOKEN", 1),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!((distance(a, b), distance(b, a)), (far, far), "{a} {b}");
        }
        assert_eq!(nearest("warm", ["error", "warn", "info"]), Some(("warn", 1)));
        assert_eq!(nearest("x", []), None);
    }
}
