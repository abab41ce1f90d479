//! The names behind mentions of roles, channels and people, for targets in servers that don't know them, and the nicknames of those who are answered. A message
//! brings the names of the people it pings; whom a bot's embed mentions, nobody is told.
//!
//! What others write decides what is asked here, so all of it is bounded: people whom a message invents aren't asked for, all others within a budget of their server;
//! and roles and channels once in a while, whatever the answer is.

mod mentioned;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::domain::message::{Content, Names};
use crate::domain::permissions::Permissions;
use crate::rest::model::{AuthorMember, Channel, Guild, Message, User};
use crate::rest::{Rest, RestError};
use crate::service::access::rules;

use self::mentioned::Mentioned;

/// How long names are used before they are asked for again: roles and channels are seldom renamed.
const FRESH: TimeDelta = TimeDelta::minutes(10);
/// How long they are remembered: they are used as they were where Discord doesn't tell them anew.
const USEFUL: TimeDelta = TimeDelta::hours(1);
/// The same of people, who are asked for one by one.
const PERSON_FRESH: TimeDelta = TimeDelta::hours(1);
/// How many people are remembered.
const PEOPLE: usize = 10_000;
/// What stands for the name of a channel that most can't see.
const NO_ACCESS: &str = "no-access";
/// For how many people of one message Discord is asked.
const ASKED: usize = 10;
/// For how many people of one server Discord is asked in a span. Whatever stands in the others' place has no name then.
const BUDGET: usize = 20;
/// How often a server is asked again for its channels, where it changed who may see them in between.
const TRIES: usize = 2;
/// The span of that budget.
const SPAN: TimeDelta = TimeDelta::minutes(1);

/// Names, by server.
#[derive(Clone, Default)]
pub(in crate::service::intake) struct NameBook(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    servers: HashMap<GuildId, Known>,
    people: HashMap<(GuildId, UserId), Person>,
    spent: HashMap<GuildId, Spent>,
    /// How often the names of a server were forgotten.
    forgotten: HashMap<GuildId, u64>,
}

struct Known {
    names: Arc<Names>,
    since: DateTime<Utc>,
}

struct Person {
    /// None where that person isn't in the server.
    name: Option<String>,
    since: DateTime<Utc>,
}

/// What of a server's budget is spent.
struct Spent {
    count: usize,
    since: DateTime<Utc>,
}

/// What has to be [learnt](NameBook::learn) before a content has all its names.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::service::intake) struct Unnamed {
    roles_and_channels: bool,
    people: Vec<UserId>,
}

impl Book {
    /// Somebody of whom it is known how they are called, or that nobody knows it.
    fn person(&self, guild: GuildId, id: UserId, now: DateTime<Utc>) -> Option<&Person> {
        self.people.get(&(guild, id)).filter(|known| now - known.since < PERSON_FRESH)
    }

    /// How often the names of a server were forgotten.
    fn forgotten(&self, guild: GuildId) -> u64 {
        self.forgotten.get(&guild).copied().unwrap_or_default()
    }

    /// For how many people of a server may still be asked.
    fn budget(&self, guild: GuildId, now: DateTime<Utc>) -> usize {
        let spent = self.spent.get(&guild).filter(|spent| now - spent.since < SPAN);
        BUDGET.saturating_sub(spent.map_or(0, |spent| spent.count))
    }

    /// Takes one of the budget, if there is any left.
    fn spend(&mut self, guild: GuildId, now: DateTime<Utc>) -> bool {
        self.spent.retain(|_, spent| now - spent.since < SPAN);
        let spent = self.spent.entry(guild).or_insert(Spent { count: 0, since: now });
        let any = spent.count < BUDGET;
        spent.count += usize::from(any);
        any
    }
}

impl NameBook {
    /// Writes the names into what is shown of a message, and says which are missing and worth asking for.
    pub(in crate::service::intake) fn fill(
        &self,
        message: &Message,
        content: &mut Content,
        guild: GuildId,
        now: DateTime<Utc>,
    ) -> Result<(), Unnamed> {
        let mentioned = Mentioned::of(message, content);
        let mut unnamed = Unnamed { roles_and_channels: false, people: Vec::new() };
        let book = self.book();
        if !mentioned.roles.is_empty() || !mentioned.channels.is_empty() {
            match book.servers.get(&guild).filter(|known| now - known.since < FRESH) {
                Some(Known { names, .. }) => {
                    let roles = mentioned.roles.iter();
                    let roles = roles.filter_map(|id| Some((*id, names.roles.get(id)?.clone())));
                    content.names.roles.extend(roles);
                    let channels = mentioned.channels.iter();
                    let channels = channels.filter_map(|id| Some((*id, names.channels.get(id)?.clone())));
                    content.names.channels.extend(channels);
                }
                None => unnamed.roles_and_channels = true,
            }
        }
        for id in &mentioned.people {
            match book.person(guild, *id, now) {
                Some(Person { name: Some(name), .. }) => {
                    content.names.people.insert(*id, name.clone());
                }
                Some(Person { name: None, .. }) => {}
                None => unnamed.people.extend(mentioned.untold.get(id)),
            }
        }
        unnamed.people.truncate(ASKED);
        if let Some(reply) = &mut content.reply
            && let Some(id) = reply.author_id
        {
            match book.person(guild, id, now) {
                Some(Person { name, .. }) => {
                    reply.author_id = None;
                    reply.author = name.clone().or_else(|| reply.author.take());
                }
                None => unnamed.people.insert(0, id),
            }
        }
        unnamed.people.truncate(book.budget(guild, now));
        drop(book);
        if unnamed.roles_and_channels || !unnamed.people.is_empty() { Err(unnamed) } else { Ok(()) }
    }

    /// Asks Discord for what is missing. Whatever it answers counts as an answer: a name is not worth that its message waits for it. Fails only where Discord could not
    /// be asked.
    pub(in crate::service::intake) async fn learn(
        &self,
        rest: &Rest,
        guild: GuildId,
        unnamed: &Unnamed,
        now: DateTime<Utc>,
    ) -> Result<(), RestError> {
        if unnamed.roles_and_channels {
            for _ in 0..TRIES {
                if self.learn_server(rest, guild, now).await? {
                    break;
                }
            }
        }
        for id in &unnamed.people {
            if !self.book().spend(guild, now) {
                break;
            }
            let member = answered(rest.member(guild, *id).await)?.flatten();
            let name = member.and_then(|member| {
                member.nick.or_else(|| member.user.map(|user| user.display_name().to_owned()))
            });
            self.remember(guild, *id, name, now);
        }
        Ok(())
    }

    /// Asks for a server's roles and channels. What it refuses to tell is called as it was, if that is known. Who may see which channel may change before the
    /// answers are here: then they are worth nothing, and it answers `false`.
    async fn learn_server(&self, rest: &Rest, guild: GuildId, now: DateTime<Utc>) -> Result<bool, RestError> {
        let forgotten = self.book().forgotten(guild);
        let server = answered(rest.guild(guild).await)?;
        let channels = answered(rest.guild_channels(guild).await)?;
        // Who may see a channel is told by the server's roles: without them, none is called by its name.
        let channels = channels
            .map(|channels| channels.into_iter().map(|channel| named(server.as_ref(), channel)).collect());
        let mut book = self.book();
        if book.forgotten(guild) != forgotten {
            return Ok(false);
        }
        let before = book.servers.remove(&guild).map(|known| known.names).unwrap_or_default();
        let names = Names {
            roles: server.map_or_else(|| before.roles.clone(), |server| server.role_names),
            channels: channels.unwrap_or_else(|| before.channels.clone()),
            ..Names::default()
        };
        book.servers.retain(|_, known| now - known.since < USEFUL);
        book.servers.insert(guild, Known { names: Arc::new(names), since: now });
        Ok(true)
    }

    /// Forgets what the channels of a server are called: who may see them has changed.
    pub(in crate::service::intake) fn forget(&self, guild: GuildId) {
        let mut book = self.book();
        book.servers.remove(&guild);
        *book.forgotten.entry(guild).or_default() += 1;
    }

    /// Remembers whom a message tells the names of: its author, and those whom it pings.
    pub(in crate::service::intake) fn note(&self, message: &Message, guild: GuildId, now: DateTime<Utc>) {
        let note = |user: &User, member: Option<&AuthorMember>| {
            if let Some(member) = member {
                let name = member.nick.as_deref().unwrap_or_else(|| user.display_name());
                self.remember(guild, user.id, Some(name.to_owned()), now);
            }
        };
        if message.webhook_id.is_none() {
            note(&message.author, message.member.as_ref());
        }
        message.mentions.iter().for_each(|mentioned| note(&mentioned.user, mentioned.member.as_ref()));
    }

    fn remember(&self, guild: GuildId, user: UserId, name: Option<String>, since: DateTime<Utc>) {
        let mut book = self.book();
        if book.people.len() >= PEOPLE {
            book.people.retain(|_, known| since - known.since < FRESH);
        }
        if book.people.len() >= PEOPLE {
            book.people.clear();
        }
        book.people.insert((guild, user), Person { name, since });
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What Discord answered, if it was asked at all. None for any failure.
fn answered<T>(answer: Result<T, RestError>) -> Result<Option<T>, RestError> {
    match answer {
        Err(error) if error.was_not_asked() => Err(error),
        answer => Ok(answer.ok()),
    }
}

/// What a channel is called in other servers: one that not everybody in its own sees keeps its name there, as Discord
/// keeps it.
fn named(server: Option<&Guild>, channel: Channel) -> (ChannelId, String) {
    let everyone = server.map(|server| rules(server).everyone(&channel.permission_overwrites));
    let seen = everyone.is_some_and(|everyone| everyone.contains(Permissions::VIEW_CHANNEL));
    (channel.id, if seen { channel.name } else { NO_ACCESS.to_owned() })
}

#[cfg(test)]
mod tests;
