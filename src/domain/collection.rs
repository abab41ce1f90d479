//! Collections: a server's named lists of channels, which people follow as one.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::ids::{ChannelId, GuildId, UserId};
use super::personal::CollectionId;
use super::text;

/// How many collections a server can have.
pub const MOST_COLLECTIONS: u32 = 100;
/// How many channels a collection can have.
pub const MOST_COLLECTED: u32 = 50;

/// The name of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionName(String);

impl CollectionName {
    /// How long it can be, in units of [`text::units`].
    pub const LONGEST: usize = 50;

    /// A name, without white space around it and without characters that nobody sees. `None` if it is empty
    /// or too long.
    pub fn new(name: &str) -> Option<Self> {
        let name = cleaned(name);
        (text::is_visible(&name) && text::units(&name) <= Self::LONGEST).then_some(Self(name))
    }

    /// As people wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The spelling in which names are compared: no two collections of a server share it.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }
}

/// What a collection is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionDescription(String);

impl CollectionDescription {
    /// How long it can be, in units of [`text::units`].
    pub const LONGEST: usize = 300;

    /// A description, without white space around it and without characters that nobody sees; `None` for one
    /// that says nothing.
    pub fn new(description: &str) -> Result<Option<Self>, DescriptionTooLong> {
        let description = cleaned(description);
        if text::units(&description) > Self::LONGEST {
            return Err(DescriptionTooLong);
        }
        Ok(text::is_visible(&description).then_some(Self(description)))
    }

    /// As people wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A description with more than [`CollectionDescription::LONGEST`] units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DescriptionTooLong;

fn cleaned(text: &str) -> String {
    let kept: String = text.chars().filter(|c| !text::is_noise(*c)).collect();
    kept.trim().to_owned()
}

/// What people choose for a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionOptions {
    /// Its name.
    pub name: CollectionName,
    /// What it is about.
    pub description: Option<CollectionDescription>,
    /// Whether people who aren't members of its server may follow it, if they can read one of its channels.
    pub open: bool,
}

impl CollectionOptions {
    /// What the audit says of a change to these: what changed, but none of what is written there. `None` if
    /// nothing did.
    pub fn change(&self, now: &Self) -> Option<Value> {
        let parts = [
            ("name", self.name != now.name),
            ("description", self.description != now.description),
            ("open", self.open != now.open),
        ];
        let changed: Vec<&str> =
            parts.iter().filter(|(_, changes)| *changes).map(|(name, _)| *name).collect();
        let mut detail = json!({ "changed": changed });
        if self.open != now.open {
            detail["open"] = json!([self.open, now.open]);
        }
        (!changed.is_empty()).then_some(detail)
    }
}

/// A collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Collection {
    /// Its number.
    pub id: CollectionId,
    /// Its server.
    pub guild: GuildId,
    /// What people chose for it.
    pub options: CollectionOptions,
    /// Who made it; `None` once that person is forgotten.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it, or which channels it has, last changed.
    pub updated_at: DateTime<Utc>,
}

/// A channel, forum or thread of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CollectedChannel {
    /// The channel.
    pub channel: ChannelId,
    /// Its server, which may be another one than the collection's.
    pub guild: GuildId,
    /// The channel of a thread.
    pub parent: Option<ChannelId>,
    /// Whether its threads are read with it.
    pub threads: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_visible_and_compared_in_lower_case() {
        let name = |text: &str| CollectionName::new(text).map(|name| name.as_str().to_owned());
        assert_eq!(name("  Über uns\u{200B} "), Some("Über uns".to_owned()));
        assert_eq!(name(&"x".repeat(50)), Some("x".repeat(50)));
        for wrong in ["", "  ", "\u{200B}\u{2800}", &"x".repeat(51)] {
            assert_eq!(name(wrong), None, "{wrong:?}");
        }
        assert_eq!(CollectionName::new("ÜBER Uns").unwrap().key(), "über uns");
    }

    #[test]
    fn an_empty_description_is_none() {
        let text = |text: &str| {
            CollectionDescription::new(text).map(|found| found.map(|found| found.as_str().to_owned()))
        };
        assert_eq!(text(" \u{200B} "), Ok(None));
        assert_eq!(text(" what we make "), Ok(Some("what we make".to_owned())));
        assert_eq!(text(&"x".repeat(301)), Err(DescriptionTooLong));
    }

    #[test]
    fn a_change_says_what_but_not_into_what() {
        let options = |name: &str, open| CollectionOptions {
            name: CollectionName::new(name).unwrap(),
            description: None,
            open,
        };
        let before = options("News", false);
        assert_eq!(before.change(&before), None);
        let detail = before.change(&options("Secret plans", true)).unwrap();
        assert_eq!(detail, json!({ "changed": ["name", "open"], "open": [false, true] }));
    }
}
