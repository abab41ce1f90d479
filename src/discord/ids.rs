//! Turns serenity's ids into the domain's.

use std::num::NonZeroU64;

use poise::serenity_prelude as serenity;

use crate::domain::ids::{ApplicationId, ChannelId, GuildId, MessageId, TagId, UserId, WebhookId};

/// The domain's id for one of serenity's.
pub(super) trait IntoDomain {
    /// The domain's type.
    type Id;

    /// The same id in the domain's type.
    fn into_domain(self) -> Self::Id;
}

macro_rules! into_domain {
    ($($name:ident),+) => {$(
        impl IntoDomain for serenity::$name {
            type Id = $name;

            fn into_domain(self) -> $name {
                $name::from(NonZeroU64::from(self))
            }
        }
    )+};
}

impl IntoDomain for serenity::ForumTagId {
    type Id = TagId;

    fn into_domain(self) -> TagId {
        TagId::from(NonZeroU64::from(self))
    }
}

into_domain!(ApplicationId, ChannelId, GuildId, MessageId, UserId, WebhookId);
