//! Names that look like settings and are none: a mistyped one would be passed over without a word.

use super::SETTINGS;
use super::nearest::distance;

/// Names beginning so are meant for this program when they stand in its own `.env` file.
const OURS: &[&str] = &["TRIBUTARY_", "DISCORD_", "CATCH_UP_", "PANEL_", "FOLLOW_", "CONTENT_", "MIRROR_"];

/// A name that is no setting, and the setting that it comes nearest to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// As it stands there.
    pub name: String,
    /// What may have been meant.
    pub nearest: &'static str,
}

/// The setting that may have been meant by a name. In a `.env` file, anything that begins as ours do counts; in the environment, which is full of others' names, only what is a slip
/// of the pen away.
pub fn stranger(name: &str, in_file: bool) -> Option<Stranger> {
    if SETTINGS.iter().any(|setting| setting.name == name) {
        return None;
    }
    let plain = name.to_ascii_uppercase().replace('-', "_");
    let bare = plain.strip_prefix("TRIBUTARY_").unwrap_or(&plain);
    let by_distance = SETTINGS.iter().map(|setting| (distance(bare, setting.name), setting.name));
    let (far, nearest) = by_distance.min()?;
    let prefixed = OURS.iter().any(|prefix| plain.starts_with(prefix));
    let near = far <= slips(bare) || (in_file && prefixed);
    let of_prefix = |setting: &&super::Setting| {
        let prefix = OURS.iter().find(|prefix| plain.starts_with(**prefix));
        prefix.is_some_and(|prefix| setting.name.starts_with(prefix))
    };
    // Of one family rather than of one length.
    let family =
        SETTINGS.iter().filter(of_prefix).map(|setting| (distance(bare, setting.name), setting.name)).min();
    let nearest = family.filter(|_| far > slips(bare)).map_or(nearest, |(_, name)| name);
    near.then(|| Stranger { name: name.to_owned(), nearest })
}

/// How many slips a name of this length may have.
const fn slips(name: &str) -> usize {
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
    fn slips_are_found_and_others_left_alone() {
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
        ] {
            assert_eq!(stranger(name, false).map(|stranger| stranger.nearest), nearest, "{name}");
        }
    }

    #[test]
    fn in_the_file_whatever_begins_like_ours_counts() {
        for (name, nearest) in [
            ("DISCORD_BOT_TOKEN", Some("DISCORD_TOKEN")),
            ("CATCH_UP_DAYS", Some("CATCH_UP_HOURS")),
            ("POSTGRES_PASSWORD", None),
            ("COMPOSE_PROJECT_NAME", None),
        ] {
            assert_eq!(stranger(name, true).map(|stranger| stranger.nearest), nearest, "{name}");
        }
    }
}
