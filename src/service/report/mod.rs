//! The delivery report: what became of a message in each follower, and where a mirror comes from, as far as
//! the person who asks may know it. `last_messages` shows the same for the last messages of one follow.

mod last_messages;
mod origin;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use futures_util::future::join_all;
use serde_json::Value;

use crate::domain::activity::{Origin, Revision};
use crate::domain::channel::{ChannelKind, message_link};
use crate::domain::follow::{Follow, TagFilter};
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::permissions::Permissions;
use crate::domain::place;
use crate::domain::report::{
    DeliveryVerdict, FollowerFacts, MessageCondition, WaitReason, verdict, wait_reason,
};
use crate::domain::tags::TagSet;
use crate::rest::Rest;
use crate::rest::model::{Channel, Message};
use crate::store::{MessageFacts, MessageInFollower};

use super::access::{Access, GuildChannel};
use super::{Actor, ChannelView, FollowService, Refusal, ServiceError, TagsNow, content};

pub(crate) use self::last_messages::LAST_MESSAGES;
pub use self::last_messages::{LastMessages, MOST_LAST_MESSAGES, RecentMessage};
pub use self::origin::{MirrorMaker, MirrorOrigin};

/// How many followers are listed one by one; the others are counted.
const LOOKED_AT: u64 = 20;
/// Discord: "Message Flags", `CROSSPOSTED`.
const CROSSPOSTED: u64 = 1 << 0;

/// What is known of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    /// A link to it.
    pub link: String,
    /// When it was posted.
    pub posted_at: DateTime<Utc>,
    /// What it mirrors.
    pub from: Option<MirrorOrigin>,
    /// Who mirrors it.
    pub to: MessageReach,
}

/// Who mirrors a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageReach {
    /// The followers of its channel, each with what became of the message there.
    Followers(FollowerStatuses),
    /// Nobody, for this reason.
    Nobody(NotMirrored),
}

/// Why a message appears nowhere else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotMirrored {
    /// Nobody follows its channel.
    NotFollowed {
        /// How many channels that used to follow still show it.
        former: u64,
    },
    /// It is Discord's own: a join, a boost, a pin.
    System,
    /// The bot posted it.
    Own,
    /// The bot posted it as a mirror, and no longer knows of what.
    Forgotten,
}

/// The followers of a message's channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowerStatuses {
    /// The message is a panel's.
    pub panel: bool,
    /// Those that the person sees; their own server's come first.
    pub lines: Vec<FollowerStatus>,
    /// How many others there are, by what became of the message there.
    pub rest: BTreeMap<DeliveryVerdict, u64>,
    /// Some of these weren't looked at, so the person might see them.
    pub counted: bool,
    /// How many channels show it that no longer follow.
    pub former: u64,
}

/// What became of a message in a follower that the person sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowerStatus {
    /// The follow.
    pub follow: Follow,
    /// Its target.
    pub target: ChannelView,
    /// What became of the message there.
    pub status: DeliveryStatus,
}

/// What became of a message in one follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryStatus {
    /// The verdict in one word.
    pub verdict: DeliveryVerdict,
    /// Why it waits, if it does.
    pub wait: Option<WaitReason>,
    /// Links to the mirrors, by part.
    pub links: Vec<String>,
    /// The tags because of which the follow's mode leaves it out: under `except` those that it has, under
    /// `only` those that it would need.
    pub tags: Vec<String>,
}

impl FollowService {
    /// What became of a message, or of the message that it mirrors. The message is in Discord's own form.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, channel = actor.channel.map(tracing::field::display)))]
    pub async fn report(&self, actor: Actor, message: Value) -> Result<DeliveryReport, ServiceError> {
        let message: Message = serde_json::from_value(message).map_err(|_| Refusal::UnreadableMessage)?;
        self.quotas.spend_question(actor.user)?;
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        let place = access.require_own_channel(actor, message.channel_id).await?;
        access.require_person(actor.user, &place, Permissions::MANAGE_MESSAGES).await?;
        self.report_of(&mut access, actor, &place, &message).await
    }

    /// The same for a message of this server that is named by its channel or thread, and its number.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, %channel))]
    pub async fn report_by_id(
        &self,
        actor: Actor,
        channel: ChannelId,
        message: MessageId,
    ) -> Result<DeliveryReport, ServiceError> {
        self.quotas.spend_question(actor.user)?;
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        access.require_member(actor).await?;
        let place = access.require_own_channel(actor, channel).await?;
        access.require_person(actor.user, &place, Permissions::MANAGE_MESSAGES).await?;
        if !access.may_read(actor, channel).await? {
            return Err(Refusal::UnknownMessage.into());
        }
        match rest.message(channel, message).await {
            Ok(message) => self.report_of(&mut access, actor, &place, &message).await,
            Err(error) if error.is_not_found() || error.is_forbidden() => Err(Refusal::UnknownMessage.into()),
            Err(error) => Err(error.into()),
        }
    }

    async fn report_of(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        place: &GuildChannel,
        message: &Message,
    ) -> Result<DeliveryReport, ServiceError> {
        access.list_channels(actor.guild).await?;
        let from = self.came_from(access, actor, message).await?;
        let to = self.goes_to(access, actor, place, message, from.is_some()).await?;
        Ok(DeliveryReport {
            link: message_link(actor.guild, message.channel_id, message.id),
            posted_at: message.id.created_at(),
            from,
            to,
        })
    }

    async fn goes_to(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        place: &GuildChannel,
        message: &Message,
        is_mirror: bool,
    ) -> Result<MessageReach, ServiceError> {
        let asked = match self.parts.store.message_facts(message.channel_id, message.id).await? {
            Some(asked) => asked,
            None if !content::is_post(message) => return Ok(MessageReach::Nobody(NotMirrored::System)),
            None if content::is_own(message, self.parts.identity, &self.parts.watched) => {
                return Ok(MessageReach::Nobody(
                    self.why_own(&unrecorded(place, message), message, is_mirror).await?,
                ));
            }
            None => unrecorded(place, message),
        };
        let published = message.flags & CROSSPOSTED != 0;
        let forum = access.forum_of(&place.channel).await?;
        self.followers_of_message(access, actor, &asked, published, forum.as_ref()).await
    }

    /// Why a message of the bot appears nowhere else. For a mirror, that matters only if somebody follows its
    /// channel.
    async fn why_own(
        &self,
        asked: &MessageFacts,
        message: &Message,
        is_mirror: bool,
    ) -> Result<NotMirrored, ServiceError> {
        let webhooks_own =
            message.webhook_id.is_some_and(|webhook| self.parts.watched.is_own_webhook(webhook));
        Ok(match (is_mirror, webhooks_own) {
            (true, _) if self.parts.store.count_followers_by_facts(asked).await?.is_empty() => {
                NotMirrored::NotFollowed { former: 0 }
            }
            (false, true) => NotMirrored::Forgotten,
            (true, _) | (false, false) => NotMirrored::Own,
        })
    }

    async fn followers_of_message(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        asked: &MessageFacts,
        published: bool,
        forum: Option<&Channel>,
    ) -> Result<MessageReach, ServiceError> {
        let subject = subject(asked, published);
        let mut rest: BTreeMap<DeliveryVerdict, u64> = BTreeMap::new();
        for (facts, count) in self.parts.store.count_followers_by_facts(asked).await? {
            *rest.entry(verdict(subject, &facts)).or_default() += count;
        }
        let former = self.parts.store.count_former_followers(asked).await?;
        if rest.is_empty() {
            return Ok(MessageReach::Nobody(NotMirrored::NotFollowed { former }));
        }
        let total: u64 = rest.values().sum();
        let looked_at = self.parts.store.followers_with_facts(asked, actor.guild, LOOKED_AT).await?;
        let counted = total > u64::try_from(looked_at.len()).unwrap_or(u64::MAX);
        let mut seen = Vec::new();
        for one in looked_at {
            let target = access.view_channel(actor, one.follow.pair.target).await?;
            match target {
                ChannelView::Hidden { .. } => continue,
                ChannelView::Deleted(_) if one.follow.guild != actor.guild => continue,
                ChannelView::Here { .. } | ChannelView::Elsewhere { .. } | ChannelView::Deleted(_) => {}
            }
            if let Some(count) = rest.get_mut(&verdict(subject, &one.facts)) {
                *count = count.saturating_sub(1);
            }
            seen.push((one, target));
        }
        rest.retain(|_, count| *count > 0);
        let asking = self.on_behalf_of(actor);
        let looking = seen.into_iter().map(async |(one, target)| {
            let one = self.check_mirrors(&asking, one).await;
            let status = self.delivery_status(asked, subject, &one, true, forum);
            FollowerStatus { follow: one.follow, target, status }
        });
        let lines = join_all(looking).await;
        Ok(MessageReach::Followers(FollowerStatuses { panel: subject.panel, lines, rest, counted, former }))
    }

    /// Checks whether the mirrors still exist. If somebody deleted one, the bot would otherwise notice at the
    /// next edit.
    async fn check_mirrors(&self, asking: &Rest, mut one: MessageInFollower) -> MessageInFollower {
        let stands = join_all(one.mirrors.into_iter().map(async |mirror| {
            let found = asking.message(mirror.channel, mirror.message).await;
            (!found.is_err_and(|error| error.is_not_found())).then_some(mirror)
        }));
        one.mirrors = stands.await.into_iter().flatten().collect();
        if let Some(delivery) = &mut one.facts.delivery {
            delivery.mirrored = !one.mirrors.is_empty();
        }
        one
    }

    /// What became of a message in this follower. Only a person who may read the source learns the names of
    /// tags; `forum` is the source's forum, if the person sees it.
    fn delivery_status(
        &self,
        asked: &MessageFacts,
        subject: MessageCondition,
        one: &MessageInFollower,
        reads: bool,
        forum: Option<&Channel>,
    ) -> DeliveryStatus {
        let verdict = verdict(subject, &one.facts);
        let waits = matches!(
            verdict,
            DeliveryVerdict::Waiting | DeliveryVerdict::Updating | DeliveryVerdict::Removing
        );
        let mirrors = one.mirrors.iter();
        DeliveryStatus {
            verdict,
            wait: waits.then(|| wait_reason(one.turn, self.parts.clock.now())),
            links: mirrors
                .map(|mirror| message_link(one.follow.guild, mirror.channel, mirror.message))
                .collect(),
            tags: deciding_tags(asked, &one.follow.options.filter, reads, forum),
        }
    }

    /// What became of a message that Discord itself delivers.
    fn native_status(&self, follow: &Follow, message: &Message) -> DeliveryStatus {
        let published = message.flags & CROSSPOSTED != 0;
        let subject =
            MessageCondition { panel: false, recorded: false, deleted: false, withheld: false, published };
        let before = follow.created_at > message.id.created_at();
        let (method, state) = (follow.options.delivery, follow.state);
        let facts = FollowerFacts { method, state, before, left_out: None, delivery: None };
        DeliveryStatus { verdict: verdict(subject, &facts), wait: None, links: Vec::new(), tags: Vec::new() }
    }
}

fn subject(asked: &MessageFacts, published: bool) -> MessageCondition {
    MessageCondition {
        panel: matches!(asked.origin, Origin::Panel { .. }),
        recorded: asked.activity.is_some(),
        deleted: asked.deleted,
        withheld: asked.withheld,
        published,
    }
}

/// The tags because of which a follow's mode leaves a message out, by their current names. A person who can't
/// read the message learns no names.
fn deciding_tags(
    asked: &MessageFacts,
    filter: &TagFilter,
    reads: bool,
    forum: Option<&Channel>,
) -> Vec<String> {
    let hits = |tags: &TagSet| {
        TagSet::new(tags.as_slice().iter().filter(|tag| asked.tags.contains(&tag.key())).cloned())
    };
    let deciding = match filter {
        TagFilter::All => return Vec::new(),
        TagFilter::Only(tags) => TagFilter::Only(tags.clone()),
        TagFilter::Except(tags) => hits(tags).map_or(TagFilter::All, TagFilter::Except),
    };
    let tags = TagsNow::of(&deciding, forum, reads);
    let hidden = tags.said_of_hidden();
    tags.there.into_iter().chain(tags.deleted).chain(hidden).collect()
}

/// What can be said about a message that wasn't recorded.
fn unrecorded(place: &GuildChannel, message: &Message) -> MessageFacts {
    let channel = message.channel_id;
    // A private thread is not part of its channel.
    let parent = place.parent().filter(|_| place.kind() == ChannelKind::PublicThread);
    let begins = message.id == channel.first_message() || content::is_thread_starter(message);
    MessageFacts {
        activity: None,
        origin: Origin::Message { channel, message: message.id },
        source: parent.unwrap_or(channel),
        thread: parent.map(|_| channel),
        place: match parent {
            None => place::SourcePlace::Source,
            Some(_) if begins => place::SourcePlace::Starter,
            Some(_) => place::SourcePlace::Answer,
        },
        revision: Revision(1),
        deleted: false,
        withheld: false,
        author: Some(message.author.id),
        tags: Vec::new(),
    }
}
