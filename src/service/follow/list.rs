//! `/follows`: what a server follows, as far as the person who asks may know.

use std::time::Duration;

use crate::domain::follow::{Follow, Threads};
use crate::domain::ids::ChannelId;
use crate::domain::permissions::Permissions;
use crate::domain::report::Wait;
use crate::store::Cursor;

use super::change::usual_threads;
use crate::service::access::{Access, Found};
use crate::service::{Actor, Follows, ServiceError, TagsNow};

/// How many follows a page shows. With three choices each, their select stays under Discord's 25 options.
pub(crate) const PAGE: u64 = 8;
/// How many follows the autocompletion looks through, for those that fit what was typed.
pub(in crate::service) const CHOICES: u64 = 100;
/// How long it may look: an autocompletion can't be acknowledged first, and Discord waits for 3 s.
pub(in crate::service) const IN_TIME: Duration = Duration::from_millis(1_800);

/// One end of a follow, as far as the person may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// A channel of the person's own server, which Discord shows by its mention.
    Here {
        /// The channel.
        channel: ChannelId,
        /// Its name.
        name: String,
    },
    /// A channel of another server that the person sees there too.
    Elsewhere {
        /// The channel.
        channel: ChannelId,
        /// Its name.
        name: String,
        /// Its server's name.
        server: String,
    },
    /// A channel that the person can't see.
    Hidden,
    /// A channel that is no more.
    Deleted(ChannelId),
}

/// A follow with its ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowRow {
    /// The follow.
    pub follow: Follow,
    /// Its source.
    pub source: End,
    /// Its target.
    pub target: End,
    /// Its tags as they are called now.
    pub tags: TagsNow,
    /// What of the source's threads it lets through, where that isn't the usual.
    pub threads: Option<Threads>,
    /// Why nothing is sent into its target at the moment, where something waits there for longer than usual.
    pub held: Option<Wait>,
}

/// A page of a server's follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowPage {
    /// Newest first.
    pub rows: Vec<FollowRow>,
    /// How many there are on all pages.
    pub total: u64,
    /// How many newer ones stand before this page.
    pub newer: u64,
}

impl FollowPage {
    /// How many older ones stand behind this page.
    pub fn older(&self) -> u64 {
        let shown = u64::try_from(self.rows.len()).unwrap_or(u64::MAX);
        self.total.saturating_sub(self.newer).saturating_sub(shown)
    }
}

impl Follows {
    /// A page of this server's follows; of one channel's (as source or target) where one is given.
    pub async fn list(
        &self,
        actor: Actor,
        channel: Option<ChannelId>,
        cursor: Cursor,
    ) -> Result<FollowPage, ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        access.prepare(actor.guild, &[actor.user]).await?;
        if let Some(channel) = channel {
            access.own(actor, channel).await?;
        }
        let place = channel.unwrap_or(actor.channel);
        access.require_actor(actor, place, Permissions::MANAGE_MESSAGES).await?;
        let page = self.store.follows_of_server(actor.guild, channel, cursor, PAGE).await?;
        access.read_all(actor.guild).await?;
        let mut rows = Vec::with_capacity(page.items.len());
        let targets = page.items.iter().map(|follow| follow.pair.target);
        let held = self.store.held_targets(targets, self.clock.now()).await?;
        for follow in page.items {
            let held = held.get(&follow.pair.target).copied();
            rows.push(FollowRow { held, ..access.row(actor, follow).await? });
        }
        Ok(FollowPage { rows, total: page.total, newer: page.newer })
    }

    /// This server's follows for the autocompletion of `/unfollow`: those that the person may end, into this channel (`into`, or where they type) first,
    /// then newest first. As many as can be looked at in time.
    pub async fn choices(
        &self,
        actor: Actor,
        into: Option<ChannelId>,
    ) -> Result<Vec<FollowRow>, ServiceError> {
        let mut follows = self.store.follows_for_autocomplete(actor.guild, CHOICES).await?;
        let meant = into.unwrap_or(actor.channel);
        follows.sort_by_key(|follow| follow.pair.target != meant);
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
        rows: &mut Vec<FollowRow>,
    ) -> Result<(), ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.completing(&rest, actor).await;
        access.prepare(actor.guild, &[actor.user]).await?;
        for follow in follows {
            access.knows(&follow);
            if access.actor_may(actor, follow.pair.target, Permissions::MANAGE_CHANNELS).await? {
                rows.push(access.row(actor, follow).await?);
            }
        }
        Ok(())
    }
}

impl Access<'_> {
    /// A follow with its ends, as this person may know them.
    async fn row(&mut self, actor: Actor, follow: Follow) -> Result<FollowRow, ServiceError> {
        self.knows(&follow);
        let source = self.end(actor, follow.pair.source).await?;
        let target = self.end(actor, follow.pair.target).await?;
        let (forum, usual) = match self.find(follow.pair.source).await? {
            Found::Seen(channel) => (self.forum_of(&channel).await?, usual_threads(channel.kind)),
            Found::Hidden | Found::Gone => (None, Threads::None),
        };
        let seen = matches!(source, End::Here { .. } | End::Elsewhere { .. });
        let tags = TagsNow::of(&follow.options.filter, forum.as_ref(), seen);
        let threads = Some(follow.options.threads).filter(|threads| *threads != usual);
        Ok(FollowRow { follow, source, target, tags, threads, held: None })
    }

    /// A channel as this person may know it.
    pub(in crate::service) async fn end(&mut self, actor: Actor, id: ChannelId) -> Result<End, ServiceError> {
        if matches!(self.find(id).await?, Found::Gone) {
            return Ok(End::Deleted(id));
        }
        let Some(place) = self.seen_by(actor, id).await? else { return Ok(End::Hidden) };
        let name = place.channel.name;
        if place.guild == actor.guild {
            return Ok(End::Here { channel: id, name });
        }
        let server = self.guild(place.guild).await?.map(|guild| guild.name.clone()).unwrap_or_default();
        Ok(End::Elsewhere { channel: id, name, server })
    }
}
