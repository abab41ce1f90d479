//! Names that look like settings but aren't: without a warning, nobody would notice a mistyped one.

use super::SETTINGS;
use super::nearest::distance;

/// A name in our own `.env` file that begins with one of these is meant for this program.
const OURS: &[&str] =
    &["TRIBUTARY_", "DISCORD_", "CATCH_UP_", "PANEL_", "FOLLOW_", "CONTENT_", "MIRROR_", "WEB_"];

/// A name that isn't a setting, and the setting that it is nearest to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    /// The name as it is written.
    pub name: String,
    /// The setting that may have been meant.
    pub nearest: &'static str,
}

/// Finds the setting that may have been meant by a name. In a `.env` file, every name that begins as ours do
/// counts. The environment is full of other programs' names, so there only a typo counts.
pub fn unknown_name(name: &str, in_file: bool) -> Option<UnknownName> {
    if SETTINGS.iter().any(|setting| setting.name == name) {
        return None;
    }
    let plain = name.to_ascii_uppercase().replace('-', "_");
    let bare = plain.strip_prefix("TRIBUTARY_").unwrap_or(&plain);
    let by_distance = SETTINGS.iter().map(|setting| (distance(bare, setting.name), setting.name));
    let (far, nearest) = by_distance.min()?;
    let prefixed = OURS.iter().any(|prefix| plain.starts_with(prefix));
    let near = far <= typos(bare) || (in_file && prefixed);
    let of_prefix = |setting: &&super::Setting| {
        let prefix = OURS.iter().find(|prefix| plain.starts_with(**prefix));
        prefix.is_some_and(|prefix| setting.name.starts_with(prefix))
    };
    // Rather one with the same prefix than one of the same length.
    let family =
        SETTINGS.iter().filter(of_prefix).map(|setting| (distance(bare, setting.name), setting.name)).min();
    let nearest = family.filter(|_| far > typos(bare)).map_or(nearest, |(_, name)| name);
    near.then(|| UnknownName { name: name.to_owned(), nearest })
}

/// How many typos a name of this length may have.
const fn typos(name: &str) -> usize {
    match name.len() {
        0..=4 => 0,
        5..=7 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typos_are_found_and_other_names_left_alone() {
        for (name, nearest) in [
            ("DISCORD_TOKN", Some("DISCORD_TOKEN")),
            ("DISCORD_TOKEN", None),
            ("discord_token", Some("DISCORD_TOKEN")),
            ("DATABASE_URI", Some("DATABASE_URL")),
            ("DATABASEURL", Some("DATABASE_URL")),
            ("SHARD", Some("SHARDS")),
            ("SHARDSS", Some("SHARDS")),
            ("TRIBUTARY_ROLE", Some("ROLE")),
            ("CONTENT_HOUR", Some("CONTENT_HOURS")),
            ("ENCRYPTIONKEY", Some("ENCRYPTION_KEY")),
            ("LOG_FROMAT", Some("LOG_FORMAT")),
            ("RUST_BACKTRACE", None),
            ("RUST_LOG_STYLE", None),
            ("HTTP_PROXY", None),
            ("HOME", None),
            ("SHELL", None),
            ("LOGNAME", None),
            ("DATABASE_HOST", None),
            ("DISCORD_CLIENT_ID", None),
            ("DISCORD_CLIENT_SECRT", Some("DISCORD_CLIENT_SECRET")),
        ] {
            assert_eq!(unknown_name(name, false).map(|unknown| unknown.nearest), nearest, "{name}");
        }
    }

    #[test]
    fn in_the_file_whatever_begins_like_ours_counts() {
        for (name, nearest) in [
            ("DISCORD_BOT_TOKEN", Some("DISCORD_TOKEN")),
            ("DISCORD_CLIENTSECRET", Some("DISCORD_CLIENT_SECRET")),
            ("CATCH_UP_DAYS", Some("CATCH_UP_HOURS")),
            ("POSTGRES_PASSWORD", None),
            ("COMPOSE_PROJECT_NAME", None),
        ] {
            assert_eq!(unknown_name(name, true).map(|unknown| unknown.nearest), nearest, "{name}");
        }
    }
}
