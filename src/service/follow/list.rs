//! `/follows`: what a server follows, as far as the person who asks may know it.

use std::time::Duration;

use crate::domain::follow::{Follow, FollowFilter, ThreadScope};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::paging::{Cursor, Page, PageStart};
use crate::domain::permissions::Permissions;
use crate::domain::report::WaitReason;

use super::change::usual_threads;
use super::collected::CollectionFollowRecord;
use crate::service::access::{Access, ChannelLookup, ChannelSight};
use crate::service::{Actor, FollowService, Refusal, ServiceError, TagsNow};

/// How many follows a page shows. With three choices each, their select stays under Discord's 25 options.
pub(crate) const PAGE: u64 = 8;
/// How many collections are shown that no follow on the page comes from.
const MOST_ALONE: usize = 3;
/// Among how many follows the autocompletion looks for those that fit what was typed.
pub(in crate::service) const CHOICES: u64 = 100;
/// How long it may take: an autocompletion can't be acknowledged first, and Discord waits for 3 s.
pub(in crate::service) const IN_TIME: Duration = Duration::from_millis(1_800);

/// A channel as far as the person may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelView {
    /// A channel of the person's own server, which Discord shows by its mention.
    Here {
        /// The channel.
        channel: ChannelId,
        /// Its name.
        name: String,
    },
    /// A channel of another server that the person sees, too.
    Elsewhere {
        /// The channel.
        channel: ChannelId,
        /// Its name.
        name: String,
        /// Its server.
        guild: GuildId,
        /// Its server's name.
        server: String,
    },
    /// A channel that the person can't see.
    Hidden {
        /// The name of its server, if that is another one which the person is a member of. To others, it is
        /// hidden as well.
        server: Option<String>,
    },
    /// A channel that was deleted.
    Deleted(ChannelId),
}

/// A follow with its channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowListItem {
    /// The follow.
    pub follow: Follow,
    /// Its source.
    pub source: ChannelView,
    /// Its target.
    pub target: ChannelView,
    /// Its tags with their current names.
    pub tags: TagsNow,
    /// Which threads of the source it lets through, if that isn't the usual.
    pub threads: Option<ThreadScope>,
    /// Why nothing is sent into its target at the moment, if something has waited there for longer than
    /// usual.
    pub waits: Option<WaitReason>,
}

/// A page of a server's follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowPage {
    /// Newest first.
    pub rows: Vec<FollowListItem>,
    /// How many follows there are on all pages.
    pub total: u64,
    /// How many newer ones come before this page.
    pub newer: u64,
    /// The collections that rows of this page come from; on the newest page, also those that aren't followed
    /// as a whole.
    pub collections: Vec<CollectionFollowRecord>,
}

impl FollowPage {
    /// How many older ones come after this page.
    pub fn older(&self) -> u64 {
        let shown = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        self.total.saturating_sub(self.newer).saturating_sub(shown)
    }
}

impl FollowService {
    /// A page of this server's follows. If a channel is given, only those with it as source or target.
    #[tracing::instrument(name = "follows", skip_all, fields(server = %actor.guild))]
    pub async fn list(
        &self,
        actor: Actor,
        channel: Option<ChannelId>,
        cursor: Cursor,
    ) -> Result<FollowPage, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        access.prefetch(actor.guild, &[actor.user]).await?;
        let wanted = FollowFilter::of_channel(channel);
        let page = self.list_items(&mut access, actor, &wanted, cursor.into(), PAGE).await?;
        let collections = self.collections_on(&mut access, actor, channel, &page).await?;
        Ok(FollowPage { rows: page.items, total: page.total, newer: page.newer, collections })
    }

    /// The collections to show with this page.
    async fn collections_on(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        channel: Option<ChannelId>,
        page: &Page<FollowListItem>,
    ) -> Result<Vec<CollectionFollowRecord>, ServiceError> {
        let all = self.parts.store.collection_follows_of(actor.guild, None).await?;
        let from: Vec<_> = page.items.iter().filter_map(|row| row.follow.collection_follow).collect();
        let wanted = all.into_iter().filter(|(follow, _)| {
            let concerned = channel.is_none_or(|channel| channel == follow.target);
            from.contains(&follow.id) || page.newer == 0 && concerned
        });
        let mut records = self.collection_records(access, actor, wanted.collect()).await?;
        let mut alone = 0;
        records.retain(|record| {
            let of_page = from.contains(&record.follow.id);
            let news = !record.gaps.is_empty() || record.followed == 0 || !record.follow.is_in_step();
            alone += usize::from(news && !of_page);
            of_page || news && alone <= MOST_ALONE
        });
        Ok(records)
    }

    /// A page of this server's follows, as far as they are wanted, and as far as the person may list them.
    pub(super) async fn list_items(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        wanted: &FollowFilter,
        start: PageStart,
        size: u64,
    ) -> Result<Page<FollowListItem>, ServiceError> {
        for channel in [wanted.channel, wanted.target].into_iter().flatten() {
            access.require_own_channel(actor, channel).await?;
        }
        let place = wanted.target.or(wanted.channel);
        match place {
            Some(place) => access.require_actor(actor, place, Permissions::MANAGE_MESSAGES).await?,
            None => access.require_here(actor, Permissions::MANAGE_MESSAGES).await?,
        }
        // Whether a channel that they can't see is followed isn't told by leaving others out, either.
        if let Some(source) = wanted.source
            && access.look(actor, source).await?.visible().is_none()
        {
            return Err(Refusal::UnknownSource.into());
        }
        let page = self.parts.store.follows_of_server(actor.guild, wanted, start, size).await?;
        access.list_channels(actor.guild).await?;
        access.prefetch_follows(actor.guild, &page.items).await?;
        let targets = page.items.iter().map(|follow| follow.pair.target);
        let waits = self.parts.store.waiting_targets(targets, self.parts.clock.now()).await?;
        let mut items = Vec::with_capacity(page.items.len());
        for follow in &page.items {
            let waits = waits.get(&follow.pair.target).copied();
            items.push(FollowListItem { waits, ..access.list_item(actor, follow.clone()).await? });
        }
        Ok(page.with(items))
    }

    /// This server's follows for the autocompletion of `/unfollow`: those that the person may end, first
    /// those into this channel (`into`, or where they type), then newest first. It offers as many as it can
    /// check in time.
    pub async fn choices(
        &self,
        actor: Actor,
        into: Option<ChannelId>,
    ) -> Result<Vec<FollowListItem>, ServiceError> {
        let mut follows = self.parts.store.follows_for_autocomplete(actor.guild, CHOICES).await?;
        let meant = into.or(actor.channel);
        follows.sort_by_key(|follow| Some(follow.pair.target) != meant);
        let mut rows = Vec::new();
        match tokio::time::timeout(IN_TIME, self.offer(actor, follows, &mut rows)).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) | Err(_) => Ok(rows),
        }
    }

    async fn offer(
        &self,
        actor: Actor,
        follows: Vec<Follow>,
        rows: &mut Vec<FollowListItem>,
    ) -> Result<(), ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.completion_access(&rest, actor).await;
        access.prefetch(actor.guild, &[actor.user]).await?;
        for follow in follows {
            access.note_follow(&follow);
            if access.actor_may(actor, follow.pair.target, Permissions::MANAGE_CHANNELS).await? {
                rows.push(access.list_item(actor, follow).await?);
            }
        }
        Ok(())
    }
}

impl Access<'_> {
    /// A follow with its channels, as this person may know them.
    pub(super) async fn list_item(
        &mut self,
        actor: Actor,
        follow: Follow,
    ) -> Result<FollowListItem, ServiceError> {
        self.note_follow(&follow);
        let source = self.view_channel(actor, follow.pair.source).await?;
        let target = self.view_channel(actor, follow.pair.target).await?;
        let (forum, usual) = match self.find(follow.pair.source).await? {
            ChannelLookup::Seen(channel) => (self.forum_of(&channel).await?, usual_threads(channel.kind)),
            ChannelLookup::Hidden | ChannelLookup::Gone => (None, ThreadScope::None),
        };
        let seen = matches!(source, ChannelView::Here { .. } | ChannelView::Elsewhere { .. });
        let tags = TagsNow::of(&follow.options.filter, forum.as_ref(), seen);
        let threads = Some(follow.options.threads).filter(|threads| *threads != usual);
        Ok(FollowListItem { follow, source, target, tags, threads, waits: None })
    }

    /// A channel as this person may know it.
    pub(in crate::service) async fn view_channel(
        &mut self,
        actor: Actor,
        id: ChannelId,
    ) -> Result<ChannelView, ServiceError> {
        let (place, here) = match self.look(actor, id).await? {
            ChannelSight::Seen(place) => (place, true),
            ChannelSight::Elsewhere(place) => (place, false),
            ChannelSight::Hidden => return self.view_hidden(actor, id).await,
            ChannelSight::Gone => return Ok(ChannelView::Deleted(id)),
        };
        let (name, guild) = (place.channel.name, place.guild);
        if here {
            return Ok(ChannelView::Here { channel: id, name });
        }
        let server = self.guild(guild).await?.map(|guild| guild.name.clone()).unwrap_or_default();
        Ok(ChannelView::Elsewhere { channel: id, name, guild, server })
    }

    async fn view_hidden(&mut self, actor: Actor, id: ChannelId) -> Result<ChannelView, ServiceError> {
        let guild = self.seen_channel(id).and_then(|channel| channel.guild_id);
        let server = match guild.filter(|guild| *guild != actor.guild) {
            Some(guild) if self.is_member(guild, actor.user).await? => {
                self.guild(guild).await?.map(|guild| guild.name.clone())
            }
            _ => None,
        };
        Ok(ChannelView::Hidden { server })
    }
}
