//! Who may do what in which channel. Discord is asked anew for each command and each change, because roles
//! and overwrites may have changed since the last one. What only reads, from the web, goes on from what was
//! found out within a minute (`cached`).
//!
//! There are two ways to look at a channel. [`Access::find`] says what the *bot* sees; [`Access::look`] says
//! what the *person* who asks sees, and every answer to people goes through it. What follows from roles and
//! overwrites is computed in `permissions`, what a use case demands in `require`. `prefetch` asks side by
//! side and skips questions whose answer is known; `lookups` bounds what failed look-ups may cost,
//! `keystrokes` what completing an option may cost, and `quotas` what one person may do in a span of time.

mod cached;
mod facts;
mod keystrokes;
pub mod lookups;
mod permissions;
mod prefetch;
pub mod quotas;
mod require;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use crate::domain::clock::Clock;
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::domain::permissions::Permissions;
use crate::rest::Rest;
use crate::rest::model::{Channel, Guild, Member};

pub(super) use self::cached::CachedAccess;
use self::facts::AccessFacts;
pub use self::facts::{ChannelLookup, GuildChannel};
use self::lookups::{LookupPurpose, Lookups};
pub(super) use self::permissions::rules;
use self::prefetch::KnownLocation;
use super::Actor;
use super::error::ServiceError;

/// What a person sees of a channel that they named.
#[derive(Debug, Clone)]
pub enum ChannelSight {
    /// They see it, and it is in the server in which they act.
    Seen(GuildChannel),
    /// They see it, and it is in another server.
    Elsewhere(GuildChannel),
    /// They can't see it, or the bot can't. Which of the two is never told.
    Hidden,
    /// It doesn't exist.
    Gone,
}

impl ChannelSight {
    /// The channel, if the person sees it, wherever it is.
    pub fn visible(self) -> Option<GuildChannel> {
        match self {
            Self::Seen(channel) | Self::Elsewhere(channel) => Some(channel),
            Self::Hidden | Self::Gone => None,
        }
    }
}

/// Permissions as they are now. It is made for one use case, remembers Discord's answers, and is dropped with
/// it.
pub struct Access<'a> {
    pub(super) rest: &'a Rest,
    clock: Clock,
    /// The person who looks up channels by name or number, if it is a person.
    pub(super) asker: Option<(&'a Lookups, Actor, LookupPurpose)>,
    facts: AccessFacts,
    /// Servers whose channels were listed for an earlier use case. Such a list says nothing about newer
    /// channels.
    listed_before: HashSet<GuildId>,
    /// Where channels are that the bot knows from its follows and panels.
    locations: HashMap<ChannelId, KnownLocation>,
    /// People whose permissions will be needed wherever a channel is found.
    people: Vec<UserId>,
}

impl<'a> Access<'a> {
    /// Knows nothing yet.
    pub fn new(rest: &'a Rest, clock: Clock) -> Self {
        Self {
            rest,
            clock,
            asker: None,
            facts: AccessFacts::default(),
            listed_before: HashSet::new(),
            locations: HashMap::new(),
            people: Vec::new(),
        }
    }

    /// The same for a person, whose failed look-ups are bounded.
    pub(super) fn of_person(
        rest: &'a Rest,
        clock: Clock,
        lookups: &'a Lookups,
        actor: Actor,
        purpose: LookupPurpose,
    ) -> Self {
        Self { asker: Some((lookups, actor, purpose)), ..Self::new(rest, clock) }
    }

    /// What the bot sees of a channel.
    pub async fn find(&mut self, id: ChannelId) -> Result<ChannelLookup, ServiceError> {
        if let Some(found) = self.facts.channels.get(&id) {
            return Ok(found.clone());
        }
        let found = match self.answer_without_asking(id)? {
            Some(found) => found,
            None => self.ask_for_channel(id).await?,
        };
        self.facts.channels.insert(id, found.clone());
        Ok(found)
    }

    async fn ask_for_channel(&self, id: ChannelId) -> Result<ChannelLookup, ServiceError> {
        let found = match self.rest.channel(id).await {
            Ok(channel) => ChannelLookup::Seen(channel),
            Err(error) if error.is_not_found() => ChannelLookup::Gone,
            Err(error) if error.is_forbidden() => ChannelLookup::Hidden,
            Err(error) => return Err(error.into()),
        };
        self.remember_answer(id, &found);
        Ok(found)
    }

    /// What the bot sees of a channel that somebody in this server named. Discord lists a server's channels
    /// in full, even those that the bot can't see. So a refusal can name exactly what the bot lacks there,
    /// and looking up a channel of the server never costs a refused request.
    pub async fn find_from(&mut self, guild: GuildId, id: ChannelId) -> Result<ChannelLookup, ServiceError> {
        if !self.facts.channels.contains_key(&id) {
            self.list_channels(guild).await?;
        }
        self.find(id).await
    }

    /// Lists a server's channels, at most once: those that the bot can't see are included, threads are not.
    /// After that, looking up one of them costs no request.
    pub async fn list_channels(&mut self, guild: GuildId) -> Result<(), ServiceError> {
        if !self.facts.listed.contains(&guild) {
            let channels = self.rest.guild_channels(guild).await?;
            self.add_listed_channels(guild, channels);
        }
        Ok(())
    }

    /// A server's channels without its threads, in the order of their numbers.
    pub(in crate::service) async fn channels_of(
        &mut self,
        guild: GuildId,
    ) -> Result<Vec<Channel>, ServiceError> {
        self.list_channels(guild).await?;
        let mut channels = self.facts.channels_of(guild);
        channels.sort_unstable_by_key(|channel| channel.id);
        Ok(channels)
    }

    /// Adds a server's channels that somebody else has listed.
    pub(super) fn add_channels(&mut self, guild: GuildId, channels: impl IntoIterator<Item = Channel>) {
        self.facts.add_channels(guild, channels);
    }

    /// A channel that was found before.
    pub(super) fn seen_channel(&self, id: ChannelId) -> Option<Channel> {
        self.facts.seen_channel(id)
    }

    /// What this person sees of a channel, wherever it is.
    pub async fn look(&mut self, actor: Actor, id: ChannelId) -> Result<ChannelSight, ServiceError> {
        let channel = match self.find_from(actor.guild, id).await? {
            ChannelLookup::Seen(channel) => channel,
            ChannelLookup::Hidden => return Ok(ChannelSight::Hidden),
            ChannelLookup::Gone => return Ok(ChannelSight::Gone),
        };
        let Some(guild) = channel.guild_id else { return Ok(ChannelSight::Hidden) };
        let place = GuildChannel { channel, guild };
        if guild != actor.guild {
            self.prefetch_permissions(guild).await?;
        }
        let sees = self.permissions_of(actor.user, &place).await?.contains(Permissions::VIEW_CHANNEL);
        Ok(match (sees, guild == actor.guild) {
            (false, _) => ChannelSight::Hidden,
            (true, true) => ChannelSight::Seen(place),
            (true, false) => ChannelSight::Elsewhere(place),
        })
    }

    /// A server, if the bot is in it.
    pub async fn guild(&mut self, id: GuildId) -> Result<Option<&Guild>, ServiceError> {
        match self.facts.guilds.entry(id) {
            Entry::Occupied(known) => Ok(known.into_mut().as_ref()),
            Entry::Vacant(empty) => {
                let guild = match self.rest.guild(id).await {
                    Ok(guild) => Some(guild),
                    Err(error) if error.is_not_found() || error.is_forbidden() => None,
                    Err(error) => return Err(error.into()),
                };
                Ok(empty.insert(guild).as_ref())
            }
        }
    }

    /// Whether a person is a member of a server.
    pub(in crate::service) async fn is_member(
        &mut self,
        guild: GuildId,
        user: UserId,
    ) -> Result<bool, ServiceError> {
        Ok(self.member(guild, user).await?.is_some())
    }

    async fn member(&mut self, guild: GuildId, user: UserId) -> Result<Option<&Member>, ServiceError> {
        match self.facts.members.entry((guild, user)) {
            Entry::Occupied(known) => Ok(known.into_mut().as_ref()),
            Entry::Vacant(empty) => {
                let member = match self.rest.member(guild, user).await {
                    Ok(member) => member,
                    Err(error) if error.is_not_found() || error.is_forbidden() => None,
                    Err(error) => return Err(error.into()),
                };
                Ok(empty.insert(member).as_ref())
            }
        }
    }
}
