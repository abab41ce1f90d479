//! Where a mirror comes from, be it the bot's own or Discord's.

use chrono::{DateTime, Utc};

use crate::domain::activity::Origin;
use crate::domain::channel::message_link;
use crate::domain::follow::{ChannelPair, Follow};
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::report::DeliveryVerdict;
use crate::rest::model::{Message, MessageReference};
use crate::store::Mirrored;

use super::subject;
use crate::service::access::Access;
use crate::service::{Actor, ChannelView, FollowService, ServiceError};

/// Discord: "Message Flags".
const IS_CROSSPOST: u64 = 1 << 1;
const SOURCE_MESSAGE_DELETED: u64 = 1 << 3;

/// What a mirror shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorOrigin {
    /// The channel or thread of the original.
    pub source: ChannelView,
    /// A link to the original, if the person sees its channel and it isn't deleted.
    pub original: Option<String>,
    /// When the original was posted.
    pub posted_at: DateTime<Utc>,
    /// The original was deleted.
    pub deleted: bool,
    /// The follow that brought it; `None` if that was removed.
    pub follow: Option<Follow>,
    /// Who made the mirror.
    pub by: MirrorMaker,
}

/// Who made a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MirrorMaker {
    /// The bot.
    Relay {
        /// The author's name, as the mirror shows it.
        author: String,
        /// Which part of the original it is, from 1.
        part: usize,
        /// How many parts exist.
        parts: usize,
        /// How far the delivery is; `None` if the follow was removed.
        verdict: Option<DeliveryVerdict>,
    },
    /// The bot, to say that messages were missed.
    Notice,
    /// Discord's own following.
    Discord,
}

impl FollowService {
    /// What this message mirrors, if it is a mirror.
    pub(super) async fn came_from(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        message: &Message,
    ) -> Result<Option<MirrorOrigin>, ServiceError> {
        match self.parts.store.mirrored(message.id).await? {
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
    ) -> Result<MirrorOrigin, ServiceError> {
        let asked = self.parts.store.message_facts_by_id(mirrored.activity).await?;
        let here = match (&asked, mirrored.follow) {
            (Some(asked), Some(follow)) => self.parts.store.in_follow(asked, follow).await?,
            _ => None,
        };
        let status = asked.as_ref().zip(here.as_ref());
        let status =
            status.map(|(asked, here)| self.delivery_status(asked, subject(asked, false), here, false, None));
        let by = match mirrored.origin {
            Origin::Gap { .. } => MirrorMaker::Notice,
            Origin::Message { .. } | Origin::Panel { .. } => MirrorMaker::Relay {
                author: message.author.username.clone(),
                part: usize::try_from(mirrored.mirror.part.0).unwrap_or(0) + 1,
                parts: here.as_ref().map_or(1, |here| here.mirrors.len()),
                verdict: status.map(|status| status.verdict),
            },
        };
        let (channel, original) = (mirrored.origin.channel(), mirrored.origin.message());
        let deleted = asked.is_some_and(|asked| asked.deleted && !asked.withheld);
        let link = if deleted || by == MirrorMaker::Notice { None } else { Some(original) };
        Ok(MirrorOrigin {
            source: access.view_channel(actor, channel).await?,
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
    ) -> Result<Option<MirrorOrigin>, ServiceError> {
        let Some(MessageReference { message_id: Some(original), channel_id: Some(channel), .. }) =
            message.message_reference.filter(|_| message.flags & IS_CROSSPOST != 0)
        else {
            return Ok(None);
        };
        let deleted = message.flags & SOURCE_MESSAGE_DELETED != 0;
        let pair = ChannelPair { source: channel, target: message.channel_id };
        Ok(Some(MirrorOrigin {
            source: access.view_channel(actor, channel).await?,
            original: link_seen(access, actor, channel, (!deleted).then_some(original)).await?,
            posted_at: original.created_at(),
            deleted,
            follow: self.parts.store.follow_by_pair(pair).await?,
            by: MirrorMaker::Discord,
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
    let place = access.look(actor, channel).await?.visible();
    Ok(place.map(|place| message_link(place.guild, channel, message)))
}
