//! Reading one's feed.
//!
//! First, the channels of everything that it may show are looked up ([`Store::feed_channels`]), and which of
//! them the person can read at this moment: Discord is asked about each server, unless the answer is known
//! from within the last minute. So losing a role hides its posts within a minute. Then the posts of the
//! channels that they can read are looked up, newest first ([`Store::feed_candidates`]). The others are not
//! told or counted, and take nobody's place.
//!
//! [`Store::feed_channels`]: crate::store::Store::feed_channels
//! [`Store::feed_candidates`]: crate::store::Store::feed_candidates

use std::collections::{HashMap, HashSet};

use futures_util::StreamExt;
use futures_util::stream;

use crate::domain::activity::ActivityId;
use crate::domain::audit::Via;
use crate::domain::feed::{FeedCandidate, FeedChannel, FeedFilter, FeedPosition, FeedPost, MOST_UNREAD};
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::service::access::{CachedAccess, ChannelSight};
use crate::service::{Actor, PersonalRefusal, Refusal, ServiceError};

use super::People;

/// About how many servers Discord is asked at once.
const AT_ONCE: usize = 8;
/// How many threads, which no list of a server's channels has, are looked up for one page.
const MOST_THREADS: usize = 25;

/// Where a page of a feed begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FeedStart {
    /// With the newest.
    #[default]
    Newest,
    /// After this one, further back.
    OlderThan(FeedPosition),
    /// With this one, or with what is next to it further back if it is gone.
    At(FeedPosition),
    /// So that it ends before this one.
    NewerThan(FeedPosition),
    /// After this activity, further back.
    OlderThanActivity(ActivityId),
    /// After so many.
    Skip(usize),
}

/// Which page of whose feed.
#[derive(Debug, Clone)]
pub struct FeedRequest {
    /// Whose.
    pub user: UserId,
    /// In which way they ask.
    pub via: Via,
    /// What they want to see.
    pub filter: FeedFilter,
    /// Only what they haven't marked as read.
    pub unread: bool,
    /// Where it begins.
    pub start: FeedStart,
    /// How much it has at most.
    pub limit: usize,
}

/// A post with what its place is called now.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownPost {
    /// The post.
    pub post: FeedPost,
    /// The name of its channel, or of its thread.
    pub channel_name: String,
    /// The name of the server.
    pub server_name: String,
}

/// A page of a feed, newest first.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedPage {
    /// What is on it.
    pub posts: Vec<ShownPost>,
    /// How many there are on all pages. A lower bound unless `is_total_exact`.
    pub total: usize,
    /// How many of these are newer than the page.
    pub newer: usize,
    /// Whether that is all.
    pub is_total_exact: bool,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<FeedPosition>,
    /// Whether Discord answered about every server.
    pub is_complete: bool,
    /// Up to where it was marked as read.
    pub seen: Option<MessageId>,
}

/// What a person hasn't read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unread {
    /// How much; [`MOST_UNREAD`] is where counting ends.
    pub count: usize,
    /// The newest of it.
    pub newest: Option<ActivityId>,
}

/// A channel that somebody can read, by name.
#[derive(Debug, Clone)]
struct VisibleChannel {
    channel: String,
    server: String,
}

/// What somebody sees of the channels that their feed names.
#[derive(Debug, Default)]
struct Sight {
    /// Whether there was nothing more to look at.
    is_whole: bool,
    visible: HashMap<ChannelId, VisibleChannel>,
    /// Nobody looked at these, because there are too many.
    unknown: HashSet<ChannelId>,
    /// About these servers, Discord couldn't be asked.
    failed: HashSet<GuildId>,
}

impl People {
    /// A page of somebody's feed.
    pub async fn feed(&self, request: FeedRequest) -> Result<FeedPage, ServiceError> {
        let FeedRequest { user, via, mut filter, unread, start, limit } = request;
        let seen = self.store.feed_mark(user).await?;
        if unread {
            filter.after = filter.after.max(seen);
        }
        let marker = match start {
            FeedStart::OlderThanActivity(activity) => {
                self.store.feed_candidate(user, activity, self.clock.now()).await?
            }
            _ => None,
        };
        let has_marker = matches!(start, FeedStart::OlderThanActivity(_));
        let start = marker.as_ref().map_or(start, |marker| FeedStart::OlderThan(marker.position));
        let (shown, sight) = self.visible(user, via, &filter, start).await?;
        if has_marker {
            self.require_visible(user, via, marker, &sight).await?;
        }
        let total = shown.len();
        let from = match start {
            FeedStart::Newest | FeedStart::OlderThanActivity(_) => 0,
            FeedStart::Skip(skip) => skip.min(total),
            FeedStart::OlderThan(than) => shown.partition_point(|one| one.position >= than),
            FeedStart::At(at) => shown.partition_point(|one| one.position > at),
            FeedStart::NewerThan(than) => {
                shown.partition_point(|one| one.position > than).saturating_sub(limit)
            }
        };
        let mut rest = shown.into_iter().skip(from);
        let page: Vec<FeedCandidate> = rest.by_ref().take(limit).collect();
        let next = if rest.next().is_some() { page.last().map(|last| last.position) } else { None };
        let posts = self.store.feed_posts(page, |server| self.intake.hears(server)).await?.into_iter();
        let named = |post: FeedPost| {
            let place = sight.visible.get(&post.source)?;
            Some(ShownPost { channel_name: place.channel.clone(), server_name: place.server.clone(), post })
        };
        Ok(FeedPage {
            posts: posts.filter_map(named).collect(),
            total,
            newer: from,
            is_total_exact: sight.is_whole && sight.unknown.is_empty() && sight.failed.is_empty(),
            next,
            is_complete: sight.failed.is_empty(),
            seen,
        })
    }

    /// What a person hasn't marked as read.
    pub async fn unread(&self, user: UserId, via: Via) -> Result<Unread, ServiceError> {
        let filter = FeedFilter { after: self.store.feed_mark(user).await?, ..FeedFilter::default() };
        let (shown, _) = self.visible(user, via, &filter, FeedStart::Newest).await?;
        let newest = shown.first().map(|newest| newest.position.activity);
        Ok(Unread { count: shown.len().min(MOST_UNREAD), newest })
    }

    /// Marks everything up to this activity as read.
    pub async fn mark_read(&self, user: UserId, via: Via, up_to: ActivityId) -> Result<(), ServiceError> {
        let position = self.position_in_feed(user, via, up_to).await?;
        self.mark_read_to(user, position.message).await
    }

    /// The same for everything up to this message, which somebody saw in their feed.
    pub async fn mark_read_to(&self, user: UserId, message: MessageId) -> Result<(), ServiceError> {
        Ok(self.store.move_feed_mark(user, message).await?)
    }

    /// Where in somebody's feed an activity is. An activity that they may not see looks like a missing one.
    async fn position_in_feed(
        &self,
        user: UserId,
        via: Via,
        activity: ActivityId,
    ) -> Result<FeedPosition, ServiceError> {
        let (shown, _) = self.visible(user, via, &FeedFilter::default(), FeedStart::Newest).await?;
        let found = shown.iter().map(|one| one.position).find(|position| position.activity == activity);
        found.ok_or_else(|| PersonalRefusal::UnknownActivity.into())
    }

    /// Makes sure that a person may see this. What they may not see isn't told from what doesn't exist.
    async fn require_visible(
        &self,
        user: UserId,
        via: Via,
        candidate: Option<FeedCandidate>,
        sight: &Sight,
    ) -> Result<(), ServiceError> {
        let unknown = || ServiceError::from(PersonalRefusal::UnknownActivity);
        let FeedCandidate { source, server, .. } = candidate.ok_or_else(unknown)?;
        let is_visible = sight.visible.contains_key(&source) || {
            let sight = self.sight(user, via, &[FeedChannel { source, server }]).await?;
            sight.visible.contains_key(&source)
        };
        is_visible.then_some(()).ok_or_else(unknown)
    }

    /// What the person may see of their feed, newest first.
    async fn visible(
        &self,
        user: UserId,
        via: Via,
        filter: &FeedFilter,
        start: FeedStart,
    ) -> Result<(Vec<FeedCandidate>, Sight), ServiceError> {
        let from = match start {
            FeedStart::OlderThan(position) | FeedStart::At(position) => Some(position.message),
            _ => None,
        };
        let channels = self.store.feed_channels(user, filter, from).await?;
        let mut sight = self.sight(user, via, &channels).await?;
        let visible: Vec<ChannelId> = sight.visible.keys().copied().collect();
        let now = self.clock.now();
        let (mut candidates, is_whole) = self.store.feed_candidates(user, &visible, filter, now).await?;
        sight.is_whole = is_whole;
        // A thread that was made private is a channel of its own since then.
        let moved = candidates.iter().filter(|one| !sight.visible.contains_key(&one.source));
        let moved: HashMap<ChannelId, GuildId> = moved.map(|one| (one.source, one.server)).collect();
        if !moved.is_empty() {
            let moved: Vec<FeedChannel> =
                moved.into_iter().map(|(source, server)| FeedChannel { source, server }).collect();
            let Sight { visible, unknown, failed, .. } = self.sight(user, via, &moved).await?;
            sight.visible.extend(visible);
            sight.unknown.extend(unknown);
            sight.failed.extend(failed);
        }
        candidates.retain(|one| sight.visible.contains_key(&one.source));
        Ok((candidates, sight))
    }

    /// Looks at these channels; of each server's threads, only at the first ones.
    async fn sight(&self, user: UserId, via: Via, channels: &[FeedChannel]) -> Result<Sight, ServiceError> {
        let mut servers: HashMap<GuildId, Vec<ChannelId>> = HashMap::new();
        for one in channels {
            servers.entry(one.server).or_default().push(one.source);
        }
        let looks = servers.into_iter().map(async |(server, channels)| {
            let actor = Actor { user, guild: server, channel: None, via };
            (server, self.look_in_server(actor, channels).await)
        });
        let mut sight = Sight::default();
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some((server, looked)) = looks.next().await {
            match looked {
                Ok((visible, unknown)) => {
                    sight.visible.extend(visible);
                    sight.unknown.extend(unknown);
                }
                Err(ServiceError::Refused(Refusal::UnknownServer)) => {}
                Err(error @ ServiceError::Store(_)) => return Err(error),
                Err(error) => {
                    tracing::debug!(%server, %error, "a feed is shown without a server");
                    sight.failed.insert(server);
                }
            }
        }
        Ok(sight)
    }

    /// Which of these channels of a server a member can read.
    async fn look_in_server(
        &self,
        actor: Actor,
        channels: Vec<ChannelId>,
    ) -> Result<(HashMap<ChannelId, VisibleChannel>, Vec<ChannelId>), ServiceError> {
        if self.lookups.is_elsewhere(actor.guild) {
            return Ok((HashMap::new(), Vec::new()));
        }
        let rest = self.rest.of_person(actor.user, actor.guild);
        let mut access = CachedAccess::read(&rest, self.clock, &self.lookups, actor).await?;
        let name = access.guild(actor.guild).await?.map(|guild| guild.name.clone()).unwrap_or_default();
        let (listed, mut threads): (Vec<ChannelId>, Vec<ChannelId>) =
            channels.into_iter().partition(|channel| access.seen_channel(*channel).is_some());
        let unknown = threads.split_off(threads.len().min(MOST_THREADS));
        let mut visible = HashMap::new();
        for channel in listed.into_iter().chain(threads) {
            let ChannelSight::Seen(found) = access.look(actor, channel).await? else { continue };
            let needed = access.needed_to_read(&found).await?;
            if access.permissions_of(actor.user, &found).await?.contains(needed) {
                let channel_name = found.channel.name.clone();
                visible.insert(channel, VisibleChannel { channel: channel_name, server: name.clone() });
            }
        }
        Ok((visible, unknown))
    }
}
