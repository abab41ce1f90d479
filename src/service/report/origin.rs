//! Where a mirror comes from, the bot's own or one of Discord's.

use chrono::{DateTime, Utc};

use crate::domain::activity::Origin;
use crate::domain::channel::message_link;
use crate::domain::follow::{Follow, Pair};
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::report::Verdict;
use crate::rest::model::{Message, Reference};
use crate::store::Mirrored;

use super::subject;
use crate::service::access::Access;
use crate::service::{Actor, End, Follows, ServiceError};

/// Discord: "Message Flags".
const IS_CROSSPOST: u64 = 1 << 1;
const SOURCE_MESSAGE_DELETED: u64 = 1 << 3;

/// What a mirror shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameFrom {
    /// The channel or thread where the original stands.
    pub source: End,
    /// A link to it, where the person sees that channel and the original isn't deleted.
    pub original: Option<String>,
    /// When that was posted.
    pub posted_at: DateTime<Utc>,
    /// It was deleted.
    pub deleted: bool,
    /// The follow that brought it; none where that was removed.
    pub follow: Option<Follow>,
    /// Who made the mirror.
    pub by: By,
}

/// Who made a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// The bot.
    Relay {
        /// The name under which it stands.
        author: String,
        /// Which part of the original it is, from 1.
        part: usize,
        /// How many parts stand.
        parts: usize,
        /// How far it is; none where the follow was removed.
        verdict: Option<Verdict>,
    },
    /// The bot, to say that messages were missed.
    Notice,
    /// Discord's own following.
    Discord,
}

impl Follows {
    /// What this message mirrors, if it is a mirror.
    pub(super) async fn came_from(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        message: &Message,
    ) -> Result<Option<CameFrom>, ServiceError> {
        match self.store.mirrored(message.id).await? {
            Some(mirrored) => Ok(Some(self.relayed(access, actor, message, mirrored).await?)),
            None => self.crossposted(access, actor, message).await,
        }
    }

    async fn relayed(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        message: &Message,
        mirrored: Mirrored,
    ) -> Result<CameFrom, ServiceError> {
        let asked = self.store.asked_by_id(mirrored.activity).await?;
        let here = match (&asked, mirrored.follow) {
            (Some(asked), Some(follow)) => self.store.in_follow(asked, follow).await?,
            _ => None,
        };
        let fate = asked.as_ref().zip(here.as_ref());
        let fate = fate.map(|(asked, here)| self.fate(asked, subject(asked, false), here, false, None));
        let by = match mirrored.origin {
            Origin::Gap { .. } => By::Notice,
            Origin::Message { .. } | Origin::Panel { .. } => By::Relay {
                author: message.author.username.clone(),
                part: usize::try_from(mirrored.mirror.part.0).unwrap_or(0) + 1,
                parts: here.as_ref().map_or(1, |here| here.mirrors.len()),
                verdict: fate.map(|fate| fate.verdict),
            },
        };
        let (channel, original) = (mirrored.origin.channel(), mirrored.origin.message());
        let deleted = asked.is_some_and(|asked| asked.deleted && !asked.withheld);
        let link = if deleted || by == By::Notice { None } else { Some(original) };
        Ok(CameFrom {
            source: access.end(actor, channel).await?,
            original: link_seen(access, actor, channel, link).await?,
            posted_at: original.created_at(),
            deleted,
            follow: here.map(|here| here.follow),
            by,
        })
    }

    async fn crossposted(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        message: &Message,
    ) -> Result<Option<CameFrom>, ServiceError> {
        let Some(Reference { message_id: Some(original), channel_id: Some(channel), .. }) =
            message.message_reference.filter(|_| message.flags & IS_CROSSPOST != 0)
        else {
            return Ok(None);
        };
        let deleted = message.flags & SOURCE_MESSAGE_DELETED != 0;
        let pair = Pair { source: channel, target: message.channel_id };
        Ok(Some(CameFrom {
            source: access.end(actor, channel).await?,
            original: link_seen(access, actor, channel, (!deleted).then_some(original)).await?,
            posted_at: original.created_at(),
            deleted,
            follow: self.store.follow_by_pair(pair).await?,
            by: By::Discord,
        }))
    }
}

/// A link to a message, for a person who sees its channel.
pub(super) async fn link_seen(
    access: &mut Access<'_>,
    actor: Actor,
    channel: ChannelId,
    message: Option<MessageId>,
) -> Result<Option<String>, ServiceError> {
    let Some(message) = message else { return Ok(None) };
    let place = access.seen_by(actor, channel).await?;
    Ok(place.map(|place| message_link(place.guild, channel, message)))
}
