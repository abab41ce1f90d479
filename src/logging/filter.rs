//! Checks that a filter names things that exist. A word that isn't a level counts as a target, and everything
//! outside that target is silent: `warning` would silence the whole program.

use std::sync::LazyLock;

use super::InvalidFilter;
use crate::config::nearest;

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// The crates of the program: targets begin with their names.
static CRATES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let names = include_str!("../../Cargo.lock").lines().filter_map(|line| line.strip_prefix("name = \""));
    names.map(|name| name.trim_end_matches('"').replace('-', "_")).collect()
});

/// Refuses a filter with a target that doesn't exist. Its syntax was checked before.
pub(super) fn check(filter: &str) -> Result<(), InvalidFilter> {
    for directive in directives(filter) {
        // TARGET[SPAN{FIELDS}]=LEVEL; each part is optional.
        let target = directive.split(['[', '=']).next().unwrap_or_default().trim();
        let alone = target == directive.trim();
        let level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(target))
            || matches!(target.parse(), Ok(0..=5_u8));
        if target.is_empty() || (alone && level) {
            continue;
        }
        let name = target.split("::").next().unwrap_or_default();
        if !CRATES.iter().any(|known| known == name) {
            return Err(InvalidFilter::Unknown { word: target.to_owned(), nearest: meant(name, alone) });
        }
    }
    Ok(())
}

/// What a word may have been meant as. Without a level behind it, it may have been one.
fn meant(word: &str, alone: bool) -> &'static str {
    let word = word.to_lowercase();
    let levels = LEVELS.into_iter().filter(|level| {
        alone && (word.starts_with(level) || nearest(&word, [*level]).is_some_and(|(_, far)| far <= 2))
    });
    let crates = CRATES
        .iter()
        .map(String::as_str)
        .filter(|name| nearest(&word, [*name]).is_some_and(|(_, far)| far <= 2));
    let near = nearest(&word, levels).or_else(|| nearest(&word, crates));
    near.map_or(if alone { "info" } else { "tributary" }, |(name, _)| name)
}

/// The directives of a filter, separated by commas outside of braces.
fn directives(filter: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_u32;
    filter.split(move |sign| {
        match sign {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        sign == ',' && depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exists_is_let_through() {
        for filter in [
            "",
            "info",
            "INFO,serenity=error",
            "3",
            "off,tributary=debug",
            "tributary::delivery::lane=trace",
            "sqlx::query=warn,sea_orm=off,tokio_tungstenite=info",
            "tributary",
            "[span]=debug",
            "info,tributary[request{route=a,status=b}]=debug,",
        ] {
            assert!(check(filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn what_does_not_is_refused_with_what_was_meant() {
        for (filter, word, meant) in [
            ("warning", "warning", "warn"),
            ("Information", "Information", "info"),
            ("verbose", "verbose", "info"),
            ("info,debgu", "debgu", "debug"),
            ("tributry=debug", "tributry", "tributary"),
            ("tributary=info,tribtary::delivery=debug", "tribtary::delivery", "tributary"),
            ("nonsense=info", "nonsense", "tributary"),
            ("levels=debug", "levels", "tributary"),
        ] {
            match check(filter) {
                Err(InvalidFilter::Unknown { word: found, nearest }) => {
                    assert_eq!((&*found, nearest), (word, meant), "{filter}")
                }
                other => panic!("{filter}: {other:?}"),
            }
        }
    }
}
