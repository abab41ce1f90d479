//! Discord's ids (snowflakes), one type for each thing that has one, so that a source can't be passed as
//! a server, nor a message as a webhook.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::text;

/// Discord's epoch, the first second of 2015, in Unix milliseconds.
const DISCORD_EPOCH_MS: i64 = 1_420_070_400_000;

/// A text that isn't a snowflake: a positive whole number that fits Discord's 63 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a Discord id")]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU64);

        impl $name {
            /// The id with this number, which must be positive and fit a signed 64-bit column.
            pub fn new(value: u64) -> Result<Self, InvalidId> {
                match NonZeroU64::new(value) {
                    Some(id) if i64::try_from(value).is_ok() => Ok(Self(id)),
                    _ => Err(InvalidId),
                }
            }

            /// The number itself.
            pub const fn get(self) -> u64 {
                self.0.get()
            }

            /// The number as the database keeps it (`BIGINT`).
            pub const fn to_db(self) -> i64 {
                self.0.get().cast_signed()
            }

            /// The id of a number that the database kept.
            pub fn from_db(value: i64) -> Result<Self, InvalidId> {
                u64::try_from(value).map_err(|_| InvalidId).and_then(Self::new)
            }

            /// When Discord made the thing: an id's upper bits count milliseconds since 2015.
            pub fn created_at(self) -> DateTime<Utc> {
                let millis = (self.0.get() >> 22).cast_signed() + DISCORD_EPOCH_MS;
                DateTime::from_timestamp_millis(millis).unwrap_or_default()
            }

            /// The lowest id that Discord gives at this time. What is made later has a greater one.
            pub fn first_at(time: DateTime<Utc>) -> Self {
                let millis = time.timestamp_millis().saturating_sub(DISCORD_EPOCH_MS).clamp(0, i64::MAX >> 22);
                Self(NonZeroU64::new(millis.cast_unsigned() << 22).unwrap_or(NonZeroU64::MIN))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text::number(text).ok_or(InvalidId).and_then(Self::new)
            }
        }

        impl From<NonZeroU64> for $name {
            /// Takes an id from a library that has checked it already.
            fn from(value: NonZeroU64) -> Self {
                Self(value)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Snowflake).and_then(|id| Self::new(id).map_err(de::Error::custom))
            }
        }
    )+};
}

ids! {
    /// A Discord application, the bot's own included.
    ApplicationId,
    /// A channel or a thread.
    ChannelId,
    /// A server, which Discord's API calls a guild.
    GuildId,
    /// A message.
    MessageId,
    /// A role; `@everyone` has the id of its server.
    RoleId,
    /// A tag that a forum offers for its posts.
    TagId,
    /// A person or a bot.
    UserId,
    /// A webhook.
    WebhookId,
}

impl ChannelId {
    /// The message with the channel's own number: the first message of a forum's post, or the message that a
    /// thread was started from. In any channel, it is older than all messages.
    pub const fn first_message(self) -> MessageId {
        MessageId(self.0)
    }

    /// An id below that of the first message. A history from there begins at the beginning.
    pub fn before_first_message(self) -> MessageId {
        NonZeroU64::new(self.get() - 1).map_or(self.first_message(), MessageId)
    }
}

impl GuildId {
    /// The role that every member has. It has the server's own id.
    pub const fn everyone(self) -> RoleId {
        RoleId(self.0)
    }
}

/// Discord writes ids as texts. Numbers are accepted, too.
struct Snowflake;

impl de::Visitor<'_> for Snowflake {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a Discord id")
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<u64, E> {
        Ok(value)
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<u64, E> {
        text::number(value).ok_or_else(|| E::custom(InvalidId))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_texts_and_numbers_and_refuses_the_rest() {
        let id: ChannelId = serde_json::from_str("\"175928847299117063\"").unwrap();
        assert_eq!(id, serde_json::from_str("175928847299117063").unwrap());
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"175928847299117063\"");
        for bad in ["0", "-1", "+1", "", "18446744073709551615", "12x"] {
            assert_eq!(bad.parse::<ChannelId>(), Err(InvalidId), "{bad}");
        }
    }

    #[test]
    fn knows_when_it_was_made() {
        let id: MessageId = "175928847299117063".parse().unwrap();
        assert_eq!(id.created_at().to_rfc3339(), "2016-04-30T11:18:25.796+00:00");
        let first = MessageId::first_at(id.created_at());
        assert!(first <= id && first.created_at() == id.created_at());
        assert_eq!(MessageId::first_at(DateTime::UNIX_EPOCH).get(), 1);
        assert!(MessageId::from_db(MessageId::first_at(DateTime::<Utc>::MAX_UTC).to_db()).is_ok());
    }

    #[test]
    fn a_channels_own_number_is_a_messages_too() {
        let [lowest, another] = [1, 42].map(|id| ChannelId::new(id).unwrap());
        assert_eq!([another.first_message(), another.before_first_message()].map(MessageId::get), [42, 41]);
        assert_eq!(lowest.before_first_message().get(), 1, "there is no number 0");
    }

    #[test]
    fn survives_the_database() {
        let id = WebhookId::new(i64::MAX as u64).unwrap();
        assert_eq!(WebhookId::from_db(id.to_db()), Ok(id));
        assert_eq!(WebhookId::from_db(-5), Err(InvalidId));
    }
}
