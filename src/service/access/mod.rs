//! Who may do what in which channel, asked of Discord anew for each command: roles and overwrites may have changed since.

pub(super) mod keystrokes;
pub mod lookups;
mod prefetch;
pub mod quotas;
mod require;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::domain::channel::ChannelKind;
use crate::domain::clock::Clock;
use crate::domain::doors::ChannelFacts;
use crate::domain::follow::Audience;
use crate::domain::ids::{ChannelId, GuildId, RoleId, UserId};
use crate::domain::permissions::{Overwrite, Permissions, ServerRules, Subject};
use crate::domain::place::Spot;
use crate::rest::Rest;
use crate::rest::model::{Channel, Guild, Member};

use self::lookups::{Lookups, Purpose};
use self::prefetch::Home;
use super::Actor;
use super::error::{Lack, Refusal, ServiceError};

/// What Discord says about a channel that somebody named.
#[derive(Debug, Clone)]
pub enum Found {
    /// The bot sees it.
    Seen(Channel),
    /// It is there, but the bot lacks View Channel, or is not in its server.
    Hidden,
    /// It was deleted, or never was.
    Gone,
}

/// A channel of a server, with what is needed to compute permissions in it.
#[derive(Debug, Clone)]
pub struct Place {
    /// The channel itself.
    pub channel: Channel,
    /// Its server.
    pub guild: GuildId,
}

impl Place {
    /// The channel's id.
    pub const fn id(&self) -> ChannelId {
        self.channel.id
    }

    /// The channel's kind.
    pub const fn kind(&self) -> ChannelKind {
        self.channel.kind
    }

    /// The channel of a thread.
    pub fn parent(&self) -> Option<ChannelId> {
        self.channel.thread_parent()
    }

    /// What it is as a target.
    pub fn spot(&self) -> Spot {
        Spot::from_parts(self.parent(), self.kind() == ChannelKind::Forum)
    }
}

/// Permissions as they are now. Made for one use case, remembers what it asked, and is dropped with it.
pub struct Access<'a> {
    pub(super) rest: &'a Rest,
    clock: Clock,
    /// Who looks up channels by their names or numbers, if it is a person.
    pub(super) asker: Option<(&'a Lookups, Actor, Purpose)>,
    pub(super) channels: HashMap<ChannelId, Found>,
    /// The servers whose channels were listed.
    pub(super) listed: HashSet<GuildId>,
    /// Those of them that were listed for an earlier use case: of what was made since, that says nothing.
    pub(super) listed_before: HashSet<GuildId>,
    /// Where channels are that the bot knows of.
    pub(super) homes: HashMap<ChannelId, Home>,
    pub(super) guilds: HashMap<GuildId, Option<Guild>>,
    pub(super) members: HashMap<(GuildId, UserId), Option<Member>>,
    /// Whether people are in private threads.
    pub(super) invited: HashMap<(ChannelId, UserId), bool>,
    /// Those whose permissions will be needed wherever a channel is found.
    pub(super) people: Vec<UserId>,
}

impl<'a> Access<'a> {
    /// Nothing is known yet.
    pub fn new(rest: &'a Rest, clock: Clock) -> Self {
        Self {
            rest,
            clock,
            asker: None,
            channels: HashMap::new(),
            listed: HashSet::new(),
            listed_before: HashSet::new(),
            homes: HashMap::new(),
            guilds: HashMap::new(),
            members: HashMap::new(),
            invited: HashMap::new(),
            people: Vec::new(),
        }
    }

    /// The same for a person, whose look-ups that find nothing are bounded.
    pub(super) fn of_person(
        rest: &'a Rest,
        clock: Clock,
        lookups: &'a Lookups,
        actor: Actor,
        purpose: Purpose,
    ) -> Self {
        Self { asker: Some((lookups, actor, purpose)), ..Self::new(rest, clock) }
    }

    /// A channel, as far as the bot may know it.
    pub async fn find(&mut self, id: ChannelId) -> Result<Found, ServiceError> {
        if let Some(found) = self.channels.get(&id) {
            return Ok(found.clone());
        }
        let found = match self.foresee(id)? {
            Some(found) => found,
            None => self.ask(id).await?,
        };
        self.channels.insert(id, found.clone());
        Ok(found)
    }

    async fn ask(&self, id: ChannelId) -> Result<Found, ServiceError> {
        let found = match self.rest.channel(id).await {
            Ok(channel) => Found::Seen(channel),
            Err(error) if error.is_not_found() => Found::Gone,
            Err(error) if error.is_forbidden() => Found::Hidden,
            Err(error) => return Err(error.into()),
        };
        self.note_found(id, &found);
        Ok(found)
    }

    /// A channel that somebody in this server named, even where the bot doesn't see it: Discord lists a server's channels in full, so that an answer can
    /// name exactly what the bot lacks there, and a channel of the server costs no refusal.
    pub async fn find_from(&mut self, guild: GuildId, id: ChannelId) -> Result<Found, ServiceError> {
        if !self.channels.contains_key(&id) {
            self.read_all(guild).await?;
        }
        self.find(id).await
    }

    /// Reads a server's channels at once, those that the bot can't see included, threads not. Each of them then costs no call. Done once at most.
    pub async fn read_all(&mut self, guild: GuildId) -> Result<(), ServiceError> {
        if !self.listed.contains(&guild) {
            let channels = self.rest.guild_channels(guild).await?;
            self.take_channels(guild, channels);
        }
        Ok(())
    }

    /// Takes up a server's channels as they were listed.
    pub(super) fn know(&mut self, guild: GuildId, channels: impl IntoIterator<Item = Channel>) {
        let found = |channel| Found::Seen(Channel { guild_id: Some(guild), ..channel });
        self.channels.extend(channels.into_iter().map(|channel| (channel.id, found(channel))));
    }

    /// A channel that was found already.
    pub(super) fn known(&self, id: ChannelId) -> Option<Channel> {
        match self.channels.get(&id)? {
            Found::Seen(channel) => Some(channel.clone()),
            Found::Hidden | Found::Gone => None,
        }
    }

    /// A channel that this person sees, wherever it is. That there is none, and that they or the bot don't see it, are not told apart.
    pub async fn seen_by(&mut self, actor: Actor, id: ChannelId) -> Result<Option<Place>, ServiceError> {
        let Found::Seen(channel) = self.find_from(actor.guild, id).await? else { return Ok(None) };
        let Some(guild) = channel.guild_id else { return Ok(None) };
        let place = Place { channel, guild };
        if guild != actor.guild {
            self.prepare_rights(guild).await?;
        }
        let sees = self.person(actor.user, &place).await?.contains(Permissions::VIEW_CHANNEL);
        Ok(sees.then_some(place))
    }

    /// A channel of the actor's own server that they named, or in which they run the command.
    pub async fn own(&mut self, actor: Actor, id: ChannelId) -> Result<Place, ServiceError> {
        match self.seen_by(actor, id).await? {
            Some(place) if place.guild == actor.guild => Ok(place),
            Some(_) => Err(Refusal::Elsewhere.into()),
            // They are there, so it is the bot that doesn't see it.
            None if id == actor.channel => match self.find(id).await? {
                // Of a server's channels, the hidden ones have been listed; threads aren't.
                Found::Hidden => Err(Refusal::UnseenThread(id).into()),
                Found::Seen(_) | Found::Gone => Err(Lack::view(id).into()),
            },
            None => Err(Refusal::UnknownChannel.into()),
        }
    }

    /// A server, if the bot is in it.
    pub async fn guild(&mut self, id: GuildId) -> Result<Option<&Guild>, ServiceError> {
        match self.guilds.entry(id) {
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

    /// The roles of a person in a server; `None` for who is not a member.
    async fn roles(&mut self, guild: GuildId, user: UserId) -> Result<Option<Vec<RoleId>>, ServiceError> {
        Ok(self.member(guild, user).await?.map(|member| member.roles.clone()))
    }

    async fn member(&mut self, guild: GuildId, user: UserId) -> Result<Option<&Member>, ServiceError> {
        match self.members.entry((guild, user)) {
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

    /// What a person may do in a channel: nothing without View Channel, and nothing for who is not a member. Discord: "Timed Out Members" may only read, and
    /// without Connect, the chat of a voice channel is closed.
    pub async fn person(&mut self, user: UserId, place: &Place) -> Result<Permissions, ServiceError> {
        let mut granted = self.granted(user, place).await?;
        if !granted.contains(Permissions::ADMINISTRATOR) {
            if self.timed_out_until(place.guild, user).await?.is_some() {
                granted &= Permissions::reading(place.kind());
            }
            let reading = Permissions::reading(place.kind());
            if reading.contains(Permissions::CONNECT) && !granted.contains(Permissions::CONNECT) {
                granted &= Permissions::VIEW_CHANNEL;
            }
        }
        if !granted.contains(Permissions::VIEW_CHANNEL) {
            return Ok(Permissions::empty());
        }
        let private =
            place.kind() == ChannelKind::PrivateThread && !granted.contains(Permissions::MANAGE_THREADS);
        if private && !self.is_invited(user, place.id()).await? {
            return Ok(Permissions::empty());
        }
        Ok(granted)
    }

    /// Whether a person is in a private thread.
    async fn is_invited(&mut self, user: UserId, thread: ChannelId) -> Result<bool, ServiceError> {
        match self.invited.entry((thread, user)) {
            Entry::Occupied(known) => Ok(*known.get()),
            Entry::Vacant(empty) => Ok(*empty.insert(self.rest.thread_member(thread, user).await?)),
        }
    }

    /// Until when moderators have timed a member out.
    pub(super) async fn timed_out_until(
        &mut self,
        guild: GuildId,
        user: UserId,
    ) -> Result<Option<DateTime<Utc>>, ServiceError> {
        let now = self.clock.now();
        let until = self.member(guild, user).await?.and_then(|member| member.communication_disabled_until);
        Ok(until.filter(|until| *until > now))
    }

    /// What the roles and overwrites grant a member in a channel, even where View Channel is missing; so that an answer can name exactly what is missing.
    pub async fn granted(&mut self, user: UserId, place: &Place) -> Result<Permissions, ServiceError> {
        let Some(roles) = self.roles(place.guild, user).await? else { return Ok(Permissions::empty()) };
        let Some(overwrites) = self.overwrites(place).await? else { return Ok(Permissions::empty()) };
        let Some(guild) = self.guild(place.guild).await? else { return Ok(Permissions::empty()) };
        let subject = Subject { user, roles: &roles };
        Ok(rules(guild).granted(subject, &overwrites))
    }

    /// Whether every member of the channel's server sees it. A thread is seen with its channel, a private one by those invited.
    pub async fn everyone_sees(&mut self, place: &Place) -> Result<bool, ServiceError> {
        if place.kind() == ChannelKind::PrivateThread {
            return Ok(false);
        }
        let Some(overwrites) = self.overwrites(place).await? else { return Ok(false) };
        let Some(guild) = self.guild(place.guild).await? else { return Ok(false) };
        Ok(rules(guild).everyone(&overwrites).contains(Permissions::VIEW_CHANNEL))
    }

    /// Whether every member of the channel's server can read what is posted there: in voice and stage channels that takes
    /// Connect, too.
    pub(super) async fn everyone_reads(&mut self, place: &Place) -> Result<bool, ServiceError> {
        if place.kind() == ChannelKind::PrivateThread {
            return Ok(false);
        }
        let needed = self.reading(place).await?;
        let Some(overwrites) = self.overwrites(place).await? else { return Ok(false) };
        let Some(guild) = self.guild(place.guild).await? else { return Ok(false) };
        Ok(rules(guild).everyone(&overwrites).contains(needed))
    }

    /// Whether a channel is age-restricted; a thread counts as its channel, and one whose channel can't be seen as restricted.
    pub(super) async fn is_age_restricted(&mut self, place: &Place) -> Result<bool, ServiceError> {
        match place.parent() {
            Some(parent) => match self.find(parent).await? {
                Found::Seen(parent) => Ok(parent.nsfw),
                Found::Hidden | Found::Gone => Ok(true),
            },
            None => Ok(place.channel.nsfw),
        }
    }

    /// What reading a channel takes; a thread counts as its channel.
    pub(super) async fn reading(&mut self, place: &Place) -> Result<Permissions, ServiceError> {
        let kind = match place.parent() {
            Some(parent) => match self.find(parent).await? {
                Found::Seen(parent) => parent.kind,
                Found::Hidden | Found::Gone => place.kind(),
            },
            None => place.kind(),
        };
        Ok(Permissions::reading(kind))
    }

    /// What follows rest on of a channel; a thread counts as its channel. Who may follow it, the database knows.
    pub(super) async fn facts(
        &mut self,
        bot: UserId,
        root: &Place,
        audience: Audience,
    ) -> Result<ChannelFacts, ServiceError> {
        Ok(ChannelFacts {
            kind: root.kind(),
            everyone_sees: self.everyone_sees(root).await?,
            everyone_reads: self.everyone_reads(root).await?,
            age_restricted: root.channel.nsfw,
            audience,
            bot: self.granted(bot, root).await?,
        })
    }

    /// What a channel allows and denies. A thread has no overwrites of its own, but those of its channel; `None` where the bot doesn't see that.
    async fn overwrites(&mut self, place: &Place) -> Result<Option<Vec<Overwrite>>, ServiceError> {
        match place.parent() {
            Some(parent) => match self.find(parent).await? {
                Found::Seen(parent) => Ok(Some(parent.permission_overwrites)),
                Found::Hidden | Found::Gone => Ok(None),
            },
            None => Ok(Some(place.channel.permission_overwrites.clone())),
        }
    }

    /// What a person may do in a server as a whole, for what concerns a channel that is no more.
    pub(super) async fn person_in_guild(
        &mut self,
        user: UserId,
        guild: GuildId,
    ) -> Result<Permissions, ServiceError> {
        let Some(roles) = self.roles(guild, user).await? else { return Ok(Permissions::empty()) };
        let timed_out = self.timed_out_until(guild, user).await?.is_some();
        let Some(guild) = self.guild(guild).await? else { return Ok(Permissions::empty()) };
        let granted = rules(guild).granted(Subject { user, roles: &roles }, &[]);
        let all = granted.contains(Permissions::ADMINISTRATOR) || !timed_out;
        Ok(if all { granted } else { granted & Permissions::reading(ChannelKind::Text) })
    }
}

/// What a server says about permissions.
pub(super) fn rules(guild: &Guild) -> ServerRules<'_> {
    ServerRules { guild: guild.id, owner: guild.owner_id, roles: &guild.roles }
}
