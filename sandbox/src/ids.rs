//! Newtypes for Discord's ids, and the generator of snowflakes.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds between the Unix epoch and the first second of 2015, from which Discord counts.
const DISCORD_EPOCH_MS: i64 = 1_420_070_400_000;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);

        impl $name {
            /// When this id was created: a snowflake contains its time.
            pub fn created_at(self) -> DateTime<Utc> {
                time_of(self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }

        impl From<u64> for $name {
            fn from(raw: u64) -> Self {
                Self(raw)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A server.
    GuildId;
    /// A channel of any kind, a thread, or a direct-message channel.
    ChannelId;
    /// A person, the bot, or (as a message's author) a webhook.
    UserId;
    /// A role; `@everyone` has the id of its guild.
    RoleId;
    /// A message; a thread started from it has the same id.
    MessageId;
    /// A webhook.
    WebhookId;
    /// An application. Here, its id is *not* that of its bot user, as with many older and newer bots.
    ApplicationId;
    /// A registered application command.
    CommandId;
    /// One use of a command, component or modal.
    InteractionId;
    /// An uploaded file.
    AttachmentId;
    /// A tag of a forum.
    TagId;
}

impl GuildId {
    /// The role that everyone in this guild has.
    pub fn everyone(self) -> RoleId {
        RoleId(self.0)
    }
}

/// Creates ids that strictly increase and contain the real time.
#[derive(Debug, Default)]
pub(crate) struct Snowflakes {
    last: u64,
}

impl Snowflakes {
    /// The next id; within one millisecond (even beyond 4,096 of them), it keeps counting up.
    pub(crate) fn next<I: From<u64>>(&mut self) -> I {
        let now = Utc::now().timestamp_millis() - DISCORD_EPOCH_MS;
        let fresh = u64::try_from(now).unwrap_or(0) << 22;
        self.last = fresh.max(self.last + 1);
        I::from(self.last)
    }
}

/// The time that a snowflake contains.
pub(crate) fn time_of(snowflake: u64) -> DateTime<Utc> {
    let ms = i64::try_from(snowflake >> 22).unwrap_or(0) + DISCORD_EPOCH_MS;
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snowflakes_grow_and_carry_the_time() {
        let mut ids = Snowflakes::default();
        let many: Vec<MessageId> = (0..10_000).map(|_| ids.next()).collect();
        assert!(many.windows(2).all(|pair| pair[0] < pair[1]));
        assert!((Utc::now() - many[0].created_at()).num_seconds().abs() < 5);
    }
}
