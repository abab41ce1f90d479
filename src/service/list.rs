//! `/follows` and `/followers`: who follows what, as far as the person who asks may know.

use crate::domain::follow::{Follow, FollowId};
use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::permissions::Permissions;
use crate::store::Cursor;

use super::access::{Access, Found, Place};
use super::{Actor, Follows, ServiceError};

/// How many follows a page shows. With two choices each, their select stays under Discord's 25 options.
pub(crate) const PAGE: u64 = 8;
/// How many follows the autocompletion offers. Discord: 25 choices at most.
const CHOICES: u64 = 25;
/// How many followers `/followers` looks at one by one; the rest is counted.
const FOLLOWERS: u64 = 50;

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
}

/// A page of a server's follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowPage {
    /// Newest first.
    pub rows: Vec<FollowRow>,
    /// How many there are on all pages.
    pub total: u64,
    /// There are newer ones before this page.
    pub has_newer: bool,
    /// There are older ones behind it.
    pub has_older: bool,
}

/// A channel that follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follower {
    /// The channel.
    pub channel: End,
    /// The follow.
    pub follow: FollowId,
}

/// The followers in one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFollowers {
    /// The server's name; none where the bot has left it.
    pub server: Option<String>,
    /// Channels that the person sees.
    pub seen: Vec<End>,
    /// How many more there are.
    pub unseen: usize,
}

/// Who follows a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowerPage {
    /// By server, the person's own first.
    pub servers: Vec<ServerFollowers>,
    /// How many follows there are in all.
    pub total: u64,
    /// How many of them were not looked at.
    pub more: u64,
}

impl Follows {
    /// A page of this server's follows; of one channel's (as source or target) where one is given.
    pub async fn list(
        &self,
        actor: Actor,
        channel: Option<ChannelId>,
        cursor: Cursor,
    ) -> Result<FollowPage, ServiceError> {
        let mut access = Access::new(&self.rest);
        let place = channel.unwrap_or(actor.channel);
        access.require_actor(actor, place, Permissions::MANAGE_MESSAGES).await?;
        let page = self.store.follows_of_server(actor.guild, channel, cursor, PAGE).await?;
        let (total, has_newer, has_older) = (page.total, page.has_newer(), page.has_older());
        let rows = rows(&mut access, actor, page.items).await?;
        Ok(FollowPage { rows, total, has_newer, has_older })
    }

    /// Who follows a channel of this server.
    pub async fn followers(&self, actor: Actor, channel: ChannelId) -> Result<FollowerPage, ServiceError> {
        let mut access = Access::new(&self.rest);
        access.require_actor(actor, channel, Permissions::MANAGE_MESSAGES).await?;
        let page = self.store.followers_of(channel, Cursor::Newest, FOLLOWERS).await?;
        let mut by_server: Vec<(GuildId, ServerFollowers)> = Vec::new();
        for follow in &page.items {
            let index = match by_server.iter().position(|(guild, _)| *guild == follow.guild) {
                Some(index) => index,
                None => {
                    let server = access.guild(follow.guild).await?.map(|guild| guild.name.clone());
                    by_server.push((follow.guild, ServerFollowers { server, seen: Vec::new(), unseen: 0 }));
                    by_server.len() - 1
                }
            };
            let end = end(&mut access, actor, follow.pair.target).await?;
            let Some((_, followers)) = by_server.get_mut(index) else { continue };
            match end {
                End::Hidden | End::Deleted(_) => followers.unseen += 1,
                seen => followers.seen.push(seen),
            }
        }
        by_server.sort_by_key(|(guild, _)| *guild != actor.guild);
        let looked_at = u64::try_from(page.items.len()).unwrap_or(u64::MAX);
        let servers = by_server.into_iter().map(|(_, followers)| followers).collect();
        Ok(FollowerPage { servers, total: page.total, more: page.total.saturating_sub(looked_at) })
    }

    /// This server's follows for the autocompletion of `/unfollow`, newest first.
    pub async fn choices(&self, actor: Actor) -> Result<Vec<FollowRow>, ServiceError> {
        let newest = self.store.follows_for_autocomplete(actor.guild, CHOICES).await?;
        rows(&mut Access::new(&self.rest), actor, newest).await
    }

    /// The tags that this server's follows use.
    pub async fn known_tags(&self, actor: Actor) -> Result<Vec<String>, ServiceError> {
        Ok(self.store.tags_of_server(actor.guild, CHOICES).await?)
    }
}

/// Follows with their ends, as this person may know them.
async fn rows(
    access: &mut Access<'_>,
    actor: Actor,
    follows: Vec<Follow>,
) -> Result<Vec<FollowRow>, ServiceError> {
    let mut rows = Vec::with_capacity(follows.len());
    for follow in follows {
        let source = end(access, actor, follow.pair.source).await?;
        let target = end(access, actor, follow.pair.target).await?;
        rows.push(FollowRow { follow, source, target });
    }
    Ok(rows)
}

/// A channel as this person may know it.
async fn end(access: &mut Access<'_>, actor: Actor, id: ChannelId) -> Result<End, ServiceError> {
    let channel = match access.find_from(actor.guild, id).await? {
        Found::Seen(channel) => channel,
        Found::Hidden => return Ok(End::Hidden),
        Found::Gone => return Ok(End::Deleted(id)),
    };
    let Some(guild) = channel.guild_id else { return Ok(End::Hidden) };
    let place = Place { channel, guild };
    if !access.person(actor.user, &place).await?.contains(Permissions::VIEW_CHANNEL) {
        return Ok(End::Hidden);
    }
    if guild == actor.guild {
        return Ok(End::Here { channel: id, name: place.channel.name });
    }
    let server = access.guild(guild).await?.map(|guild| guild.name.clone()).unwrap_or_default();
    Ok(End::Elsewhere { channel: id, name: place.channel.name, server })
}
