//! Ids as the API takes them: by one rule, in paths, queries and bodies alike.

use serde::{Deserialize, Deserializer, de};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::account::{ApiTokenId, WebSessionId};
use crate::domain::activity::ActivityId;
use crate::domain::collection_follow::CollectionFollowId;
use crate::domain::feed_link::FeedLinkId;
use crate::domain::follow::FollowId;
use crate::domain::ids::{ChannelId, GuildId, InvalidId, MessageId, UserId};
use crate::domain::panel::PanelId;
use crate::domain::personal::{CollectionId, PersonalFollowId};
use crate::domain::text;

/// The rule, for people.
pub(super) const RULE: &str =
    "An id is a text of 1 to 19 digits without a leading zero: from 1 to 9223372036854775807.";
/// The same for programs. What is larger than the largest id has 19 digits, too.
const PATTERN: &str = "^[1-9][0-9]{0,18}$";

/// An id that somebody gave. It is a text: JavaScript's numbers end at 2^53, and one that was rounded there
/// would be somebody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id<T>(pub(super) T);

/// What has ids.
pub(super) trait Numbered: Sized {
    /// The one with this number, which is above 0.
    fn numbered(number: i64) -> Result<Self, InvalidId>;
}

macro_rules! numbered {
    ($($name:ty => $make:path),+ $(,)?) => {$(
        impl Numbered for $name {
            fn numbered(number: i64) -> Result<Self, InvalidId> {
                $make(number)
            }
        }
    )+};
    (rows $($name:ident),+ $(,)?) => {$(
        impl Numbered for $name {
            fn numbered(number: i64) -> Result<Self, InvalidId> {
                Ok(Self(number))
            }
        }
    )+};
}

numbered! {
    GuildId => Self::from_db,
    ChannelId => Self::from_db,
    MessageId => Self::from_db,
    UserId => Self::from_db,
    i64 => Ok,
}
numbered! {
    rows FollowId, PanelId, WebSessionId, ApiTokenId, PersonalFollowId, CollectionId, CollectionFollowId, ActivityId,
    FeedLinkId
}

impl<T: Numbered> Id<T> {
    /// Reads an id by the rule.
    pub(super) fn parse(given: &str) -> Result<Self, InvalidId> {
        let number = text::number(given).filter(|number| *number > 0 && !given.starts_with('0'));
        number.ok_or(InvalidId).and_then(T::numbered).map(Self)
    }
}

impl<'de, T: Numbered> Deserialize<'de> for Id<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(|_| de::Error::custom(RULE))
    }
}

/// An id in the API's description.
pub(super) struct IdText;

impl PartialSchema for IdText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(SchemaType::new(Type::String))
            .description(Some(RULE))
            .pattern(Some(PATTERN))
            .into()
    }
}

impl ToSchema for IdText {
    fn name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_rule_holds_for_all_ids() {
        let read = |text: &str| Id::<ChannelId>::parse(text).ok().map(|Id(id)| id.get());
        assert_eq!((read("1"), read("9223372036854775807")), (Some(1), Some(i64::MAX.unsigned_abs())));
        let wrong = [
            "",
            "0",
            "00",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1.0",
            "1e3",
            "x",
            "\u{661}",
            "9223372036854775808",
            "10000000000000000000",
            "99999999999999999999",
        ];
        for text in wrong {
            assert_eq!(Id::<ChannelId>::parse(text), Err(InvalidId), "{text}");
            assert_eq!(Id::<FollowId>::parse(text), Err(InvalidId), "{text}");
        }
        assert_eq!(serde_json::from_str::<Id<FollowId>>("\"7\"").ok(), Some(Id(FollowId(7))));
        for json in ["7", "7.0", "null", "[\"7\"]", "\"07\""] {
            assert!(serde_json::from_str::<Id<FollowId>>(json).is_err(), "{json}");
        }
    }
}
