//! `/followers`: who follows a channel, as far as the person who asks may know it.

use chrono::{DateTime, Utc};

use crate::domain::follow::{Follow, FollowId, FollowStateKind, Publication};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::paging::{Cursor, Page, PageSize, PageStart};
use crate::domain::permissions::Permissions;

use crate::service::access::Access;
use crate::service::error::ConsentRefusal;
use crate::service::{Actor, ChannelView, FollowService, ServiceError};
use crate::store::Store;

/// How many followers are listed one by one; the others are counted. Two menus name them all (Discord: 25
/// options).
const FOLLOWERS: u64 = 50;
/// How many requests are shown, and how many blocked servers (Discord: 25 options).
const MOST: u64 = 25;

/// A channel of another server that follows, or asks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// The follow.
    pub follow: Follow,
    /// Its server's name; `None` if the bot has left it.
    pub server: Option<String>,
    /// The channel.
    pub channel: ChannelView,
}

/// The followers in one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowersInServer {
    /// The server's name; `None` if the bot has left it.
    pub server: Option<String>,
    /// Channels that the person sees.
    pub seen: Vec<ChannelView>,
    /// How many more there are.
    pub unseen: usize,
}

/// Who follows a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowerPage {
    /// By server; the person's own comes first.
    pub servers: Vec<FollowersInServer>,
    /// How many follows there are in all.
    pub total: u64,
    /// How many of them are not listed.
    pub more: u64,
    /// Those of other servers that are listed.
    pub outside: Vec<Follower>,
    /// Those that wait for approval, oldest first.
    pub waiting: Vec<Follower>,
    /// The blocked servers, with their names; `None` where the bot isn't a member.
    pub blocked: Vec<(GuildId, Option<String>)>,
    /// What was chosen with `/publish`.
    pub publication: Publication,
}

/// A follower as programs read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowerRecord {
    /// The follow's number.
    pub id: FollowId,
    /// Its server's name; `None` if the bot has left it.
    pub server: Option<String>,
    /// The channel that follows.
    pub channel: ChannelView,
    /// Whether the follow delivers.
    pub state: FollowStateKind,
    /// Since when it follows.
    pub since: DateTime<Utc>,
}

impl FollowerRecord {
    fn of(follower: Follower) -> Self {
        let Follower { follow, server, channel } = follower;
        Self { id: follow.id, server, channel, state: follow.state.kind(), since: follow.created_at }
    }
}

impl FollowService {
    /// A page of those who follow a channel of this server, newest first. Those that wait for approval aren't
    /// among them. That takes Manage Messages there.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, %channel))]
    pub async fn follower_records(
        &self,
        actor: Actor,
        channel: ChannelId,
        start: PageStart,
        size: PageSize,
    ) -> Result<Page<FollowerRecord>, ServiceError> {
        self.quotas.spend_question(actor.user)?;
        let rest = self.on_behalf_of(actor);
        let mut access = self.reading_access(&rest, actor).await?;
        let place = access.require_own_channel(actor, channel).await?;
        access.require_person(actor.user, &place, Permissions::MANAGE_MESSAGES).await?;
        let page = self.parts.store.followers_of(channel, start, size.get()).await?;
        // A channel of a server that the person isn't in is hidden, so nobody needs to look at it.
        let outside = page.items.iter().filter(|follow| follow.crosses_servers()).map(|follow| follow.guild);
        let outside = outside.filter(|guild| !self.lookups.is_elsewhere(*guild)).collect();
        access.prefetch_servers(outside).await?;
        let mut shared = Vec::new();
        for follow in &page.items {
            if !self.lookups.is_elsewhere(follow.guild) && access.is_member(follow.guild, actor.user).await? {
                shared.push(follow.clone());
            }
        }
        access.prefetch_follows(actor.guild, &shared).await?;
        let mut records = Vec::with_capacity(page.items.len());
        for follow in &page.items {
            let follow = follow.clone();
            records.push(FollowerRecord::of(if shared.contains(&follow) {
                access.follower(actor, follow).await?
            } else {
                let server = access.server_name(follow.guild).await?;
                Follower { follow, server, channel: ChannelView::Hidden { server: None } }
            }));
        }
        Ok(page.with(records))
    }

    /// The channels of other servers that wait for approval to follow a channel of this server, oldest first,
    /// at most 25. That takes Manage Messages there.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, %channel))]
    pub async fn follower_requests(
        &self,
        actor: Actor,
        channel: ChannelId,
    ) -> Result<Vec<FollowerRecord>, ServiceError> {
        self.quotas.spend_question(actor.user)?;
        let rest = self.on_behalf_of(actor);
        let mut access = self.reading_access(&rest, actor).await?;
        let place = access.require_own_channel(actor, channel).await?;
        access.require_person(actor.user, &place, Permissions::MANAGE_MESSAGES).await?;
        let waiting = access.waiting_followers(&self.parts.store, actor, channel).await?;
        Ok(waiting.into_iter().map(FollowerRecord::of).collect())
    }

    /// The servers that may not follow this server's channels, with their names; `None` where the bot isn't
    /// a member. That takes Manage Messages in the server as a whole.
    #[tracing::instrument(skip_all, fields(server = %actor.guild))]
    pub async fn blocked_servers(
        &self,
        actor: Actor,
    ) -> Result<Vec<(GuildId, Option<String>)>, ServiceError> {
        self.quotas.spend_question(actor.user)?;
        let rest = self.on_behalf_of(actor);
        let mut access = self.reading_access(&rest, actor).await?;
        access.require_in_server(actor, Permissions::MANAGE_MESSAGES).await?;
        access.blocked_servers(&self.parts.store, actor, usize::MAX).await
    }

    /// Who follows a channel of this server.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, %channel))]
    pub async fn followers(&self, actor: Actor, channel: ChannelId) -> Result<FollowerPage, ServiceError> {
        self.quotas.spend_question(actor.user)?;
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        let place = access.require_own_channel(actor, channel).await?;
        access.require_person(actor.user, &place, Permissions::MANAGE_MESSAGES).await?;
        let page = self.parts.store.followers_of(channel, Cursor::Newest, FOLLOWERS).await?;
        let looked_at = u64::try_from(page.items.len()).unwrap_or(u64::MAX);
        let mut by_server: Vec<(GuildId, FollowersInServer)> = Vec::new();
        let mut outside = Vec::new();
        for follow in page.items {
            let follower = access.follower(actor, follow).await?;
            let guild = follower.follow.guild;
            let index = by_server.iter().position(|(known, _)| *known == guild).unwrap_or_else(|| {
                let server = follower.server.clone();
                by_server.push((guild, FollowersInServer { server, seen: Vec::new(), unseen: 0 }));
                by_server.len() - 1
            });
            if let Some((_, followers)) = by_server.get_mut(index) {
                match follower.channel.clone() {
                    ChannelView::Hidden { .. } | ChannelView::Deleted(_) => followers.unseen += 1,
                    seen => followers.seen.push(seen),
                }
            }
            if follower.follow.crosses_servers() {
                outside.push(follower);
            }
        }
        by_server.sort_by_key(|(guild, _)| *guild != actor.guild);
        let waiting = access.waiting_followers(&self.parts.store, actor, channel).await?;
        let most = usize::try_from(MOST).unwrap_or(usize::MAX);
        let blocked = access.blocked_servers(&self.parts.store, actor, most).await?;
        Ok(FollowerPage {
            servers: by_server.into_iter().map(|(_, followers)| followers).collect(),
            total: page.total,
            more: page.total.saturating_sub(looked_at),
            outside,
            waiting,
            blocked,
            publication: self.parts.store.publication(place.parent().unwrap_or(channel)).await?,
        })
    }

    /// One channel of another server that follows a channel of this server, or asks to.
    #[tracing::instrument(name = "follower", skip_all, fields(server = %actor.guild, %channel, follow = id.0))]
    pub async fn one_follower(
        &self,
        actor: Actor,
        channel: ChannelId,
        id: FollowId,
    ) -> Result<Follower, ServiceError> {
        self.quotas.spend_question(actor.user)?;
        let rest = self.on_behalf_of(actor);
        let mut access = self.access(&rest, actor);
        let place = access.require_own_channel(actor, channel).await?;
        access.require_person(actor.user, &place, Permissions::MANAGE_MESSAGES).await?;
        let follow = self.parts.store.follower(actor.guild, id).await?;
        let of_channel = |follow: &Follow| [follow.pair.source, follow.source_root()].contains(&channel);
        let follow = follow.filter(of_channel).ok_or(ConsentRefusal::FollowerGone)?;
        access.follower(actor, follow).await
    }
}

impl Access<'_> {
    /// A server's name; `None` if the bot isn't in it. If the gateway says so, nothing is asked.
    async fn server_name(&mut self, guild: GuildId) -> Result<Option<String>, ServiceError> {
        if self.asker.is_some_and(|(lookups, ..)| lookups.is_elsewhere(guild)) {
            return Ok(None);
        }
        Ok(self.guild(guild).await?.map(|guild| guild.name.clone()))
    }

    /// The follows that wait for approval of a channel, oldest first, at most `MOST`.
    async fn waiting_followers(
        &mut self,
        store: &Store,
        actor: Actor,
        channel: ChannelId,
    ) -> Result<Vec<Follower>, ServiceError> {
        let mut waiting = Vec::new();
        for follow in store.waiting_followers(channel, MOST).await? {
            waiting.push(self.follower(actor, follow).await?);
        }
        Ok(waiting)
    }

    /// The servers that the actor's server blocks, at most so many.
    async fn blocked_servers(
        &mut self,
        store: &Store,
        actor: Actor,
        most: usize,
    ) -> Result<Vec<(GuildId, Option<String>)>, ServiceError> {
        let mut blocked = Vec::new();
        for guild in store.blocked_followers(actor.guild).await?.into_iter().take(most) {
            blocked.push((guild, self.server_name(guild).await?));
        }
        Ok(blocked)
    }

    /// A follower as this person may know it.
    async fn follower(&mut self, actor: Actor, follow: Follow) -> Result<Follower, ServiceError> {
        self.note_follow(&follow);
        let server = self.server_name(follow.guild).await?;
        let channel = self.view_channel(actor, follow.pair.target).await?;
        Ok(Follower { follow, server, channel })
    }
}
