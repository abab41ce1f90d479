//! What a follow would let through: the last posts of its source, each with the reason if it would be left
//! out. Nothing is made or changed.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::domain::channel::message_link;
use crate::domain::follow::{DeliveryMethod, Door, TagFilter, TagMode, ThreadScope};
use crate::domain::ids::UserId;
use crate::domain::opt_out::OptOut;
use crate::domain::permissions::Permissions;
use crate::domain::rendering::beginning;

use super::FollowChannels;
use crate::service::intake::EarlierPost;
use crate::service::{Actor, FollowRequest, FollowService, Refusal, ServiceError};

/// How many posts are looked at.
const POSTS: u8 = 20;

/// What a follow would let through of its source's last posts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowPreview {
    /// How it would deliver.
    pub delivery: DeliveryMethod,
    /// Which posts it would let through.
    pub mode: TagMode,
    /// What of the source's threads it would let through.
    pub threads: ThreadScope,
    /// The posts, newest first.
    pub posts: Vec<PreviewedPost>,
}

/// A post, and whether it would be mirrored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewedPost {
    /// A link to it.
    pub link: String,
    /// When it was posted.
    pub posted_at: DateTime<Utc>,
    /// How it begins.
    pub beginning: String,
    /// Why it would be left out; `None` if it would be let through.
    pub left_out: Option<NotLetThrough>,
}

/// Why a post would be left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotLetThrough {
    /// It has these tags, which the follow leaves out.
    HasTags(Vec<String>),
    /// It has none of the follow's tags.
    LacksTags,
    /// Its author isn't mirrored.
    Author,
    /// Discord's own following delivers only what is published.
    Unpublished,
}

impl FollowService {
    /// Which of the source's last posts a follow would let through. That takes Manage Messages in the target,
    /// and being able to read the source. Answers in threads are not looked at.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, channel = %request.target))]
    pub async fn preview(&self, actor: Actor, request: FollowRequest) -> Result<FollowPreview, ServiceError> {
        self.quotas.spend_question(actor.user)?;
        if self.is_elsewhere(request.source) {
            return Err(Refusal::UnknownSource.into());
        }
        let rest = self.on_behalf_of(actor);
        let mut access = self.reading_access(&rest, actor).await?;
        let target = access.require_own_channel(actor, request.target).await?;
        access.require_person(actor.user, &target, Permissions::MANAGE_MESSAGES).await?;
        let source = access.look(actor, request.source.id()).await?.visible();
        let source = source.ok_or(Refusal::UnknownSource)?;
        if !source.kind().is_followable() {
            return Err(Refusal::SourceKind { channel: source.id(), kind: source.kind() }.into());
        }
        let reading = access.needed_to_read(&source).await?;
        access.require_person(actor.user, &source, reading).await?;
        // Whether the door is open matters once it is made.
        let ends = FollowChannels { source, target, door: Door::Own, restricted: false };
        let existing = self.parts.store.follow_by_pair(ends.pair()).await?;
        let wanted = self.requested_options(&mut access, &ends, &request.options, existing.as_ref()).await?;
        let options = wanted.options;
        let earlier = self.intake.earlier_posts(&ends.source, POSTS).await?;
        let authors = self.opt_outs(&earlier).await?;
        let posts = earlier.iter().rev().map(|post| PreviewedPost {
            link: message_link(ends.source.guild, post.channel, post.message),
            posted_at: post.message.created_at(),
            beginning: beginning(&post.content),
            left_out: left_out(post, &ends, &options.filter, options.delivery, &authors),
        });
        let posts = posts.collect();
        Ok(FollowPreview {
            delivery: options.delivery,
            mode: options.filter.mode(),
            threads: options.threads,
            posts,
        })
    }

    async fn opt_outs(&self, posts: &[EarlierPost]) -> Result<BTreeMap<UserId, Vec<OptOut>>, ServiceError> {
        let mut opt_outs = BTreeMap::new();
        for author in posts.iter().map(|post| post.author).collect::<BTreeSet<_>>() {
            opt_outs.insert(author, self.parts.store.opt_outs_of(author).await?);
        }
        Ok(opt_outs)
    }
}

fn left_out(
    post: &EarlierPost,
    ends: &FollowChannels,
    filter: &TagFilter,
    delivery: DeliveryMethod,
    authors: &BTreeMap<UserId, Vec<OptOut>>,
) -> Option<NotLetThrough> {
    let own = authors.get(&post.author).map(Vec::as_slice).unwrap_or_default();
    if delivery == DeliveryMethod::Native {
        return (!post.content.published).then_some(NotLetThrough::Unpublished);
    }
    if own.iter().any(|opt_out| opt_out.withholds(Some(ends.source.guild), post.message)) {
        return Some(NotLetThrough::Author);
    }
    let tags = post.content.tags();
    if filter.lets_through(&tags) {
        return None;
    }
    Some(match filter {
        TagFilter::All | TagFilter::Only(_) => NotLetThrough::LacksTags,
        TagFilter::Except(excluded) => {
            let hits = tags.iter().filter(|tag| excluded.as_slice().contains(tag));
            NotLetThrough::HasTags(hits.map(ToString::to_string).collect())
        }
    })
}

impl FollowPreview {
    /// How many of the posts would be let through.
    pub fn let_through(&self) -> usize {
        self.posts.iter().filter(|post| post.left_out.is_none()).count()
    }
}
