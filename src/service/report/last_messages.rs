//! The last messages of one follow's source, and what became of each.

use chrono::{DateTime, Utc};
use futures_util::future::join_all;

use crate::domain::activity::ActivityContent;
use crate::domain::follow::{DeliveryMethod, Follow, FollowId};
use crate::domain::permissions::Permissions;
use crate::domain::rendering::beginning;
use crate::rest::model::Message;

use super::origin::link_seen;
use super::{DeliveryStatus, subject};
use crate::service::access::{Access, ChannelLookup};
use crate::service::{Actor, ChannelView, FollowService, Refusal, ServiceError, content};

/// How many are shown where nobody says how many.
pub(crate) const LAST_MESSAGES: u8 = 10;
/// How many can be asked for.
pub const MOST_LAST_MESSAGES: u8 = 50;

/// The last messages of a follow's source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastMessages {
    /// The follow.
    pub follow: Follow,
    /// Its source.
    pub source: ChannelView,
    /// Its target.
    pub target: ChannelView,
    /// The messages, newest first.
    pub messages: Vec<RecentMessage>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentMessage {
    /// When it was posted.
    pub posted_at: DateTime<Utc>,
    /// A link to it, if the person sees its channel and it isn't deleted.
    pub original: Option<String>,
    /// How it begins, if the person may read its channel and its content is still kept.
    pub beginning: Option<String>,
    /// What became of it.
    pub status: DeliveryStatus,
}

impl FollowService {
    /// What became of the last messages in a follow of this server, at most [`MOST_LAST_MESSAGES`] of them.
    /// If the person can't see its target, they learn nothing.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, follow = id.0))]
    pub async fn last_messages(
        &self,
        actor: Actor,
        id: FollowId,
        limit: u8,
    ) -> Result<LastMessages, ServiceError> {
        self.quotas.spend_question(actor.user)?;
        let limit = limit.min(MOST_LAST_MESSAGES);
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        let follow = self.known_follow(&mut access, actor, id).await?;
        access.note_follow(&follow);
        access.prefetch(actor.guild, &[actor.user]).await?;
        let target = access.view_channel(actor, follow.pair.target).await?;
        if matches!(target, ChannelView::Hidden { .. }) {
            return Err(Refusal::UnknownChannel.into());
        }
        access.require_actor(actor, follow.pair.target, Permissions::MANAGE_MESSAGES).await?;
        let source = access.view_channel(actor, follow.pair.source).await?;
        let messages = match follow.options.delivery {
            DeliveryMethod::Relay => self.recorded(&mut access, actor, &follow, &source, limit).await?,
            // What Discord itself delivers isn't recorded.
            DeliveryMethod::Native
                if matches!(source, ChannelView::Here { .. } | ChannelView::Elsewhere { .. }) =>
            {
                self.in_history(&mut access, actor, &follow, limit).await?
            }
            DeliveryMethod::Native => Vec::new(),
        };
        Ok(LastMessages { follow, source, target, messages })
    }

    async fn recorded(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        follow: &Follow,
        source: &ChannelView,
        limit: u8,
    ) -> Result<Vec<RecentMessage>, ServiceError> {
        let (mut messages, rest) = (Vec::new(), self.on_behalf_of(actor));
        let forum = match (source, access.find(follow.pair.source).await?) {
            (ChannelView::Here { .. } | ChannelView::Elsewhere { .. }, ChannelLookup::Seen(channel)) => {
                access.forum_of(&channel).await?
            }
            _ => None,
        };
        let newest = self.parts.store.newest_message_facts(follow.pair.source, limit.into()).await?;
        let contents = self.parts.store.contents_of(&newest).await?;
        let mut found = Vec::new();
        for asked in newest {
            // The follow was removed meanwhile.
            let Some(here) = self.parts.store.in_follow(&asked, follow.id).await? else { break };
            found.push((asked, here));
        }
        let checked =
            found.into_iter().map(async |(asked, here)| (asked, self.check_mirrors(&rest, here).await));
        for (asked, here) in join_all(checked).await {
            let channel = asked.origin.channel();
            let original = (!asked.deleted || asked.withheld).then_some(asked.origin.message());
            let original = link_seen(access, actor, channel, original).await?;
            let reads = access.may_read(actor, channel).await?;
            let content = contents.get(&asked.origin).filter(|_| reads && original.is_some());
            messages.push(RecentMessage {
                posted_at: asked.posted_at(),
                original,
                beginning: content.and_then(ActivityContent::as_message).map(beginning),
                status: self.delivery_status(&asked, subject(&asked, false), &here, reads, forum.as_ref()),
            });
        }
        Ok(messages)
    }

    async fn in_history(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        follow: &Follow,
        limit: u8,
    ) -> Result<Vec<RecentMessage>, ServiceError> {
        let history = match self.on_behalf_of(actor).messages_latest(follow.pair.source, limit).await {
            Ok(history) => history,
            Err(error) if error.is_not_found() || error.is_forbidden() => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let mut messages = Vec::new();
        let reads = access.may_read(actor, follow.pair.source).await?;
        let posts: Vec<Message> = history.into_iter().filter(content::is_post).collect();
        for post in posts.iter().rev() {
            messages.push(RecentMessage {
                posted_at: post.id.created_at(),
                original: link_seen(access, actor, follow.pair.source, Some(post.id)).await?,
                beginning: reads.then(|| beginning(&content::read(post, follow.source_guild, None))),
                status: self.native_status(follow, post),
            });
        }
        Ok(messages)
    }
}
