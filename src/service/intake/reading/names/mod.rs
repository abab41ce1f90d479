//! The names behind mentions of roles, channels and people, for targets in servers that don't know them, and
//! the nicknames of people who are answered. A message brings the names of the people it pings; nobody is
//! told whom a bot's embed mentions.
//!
//! What others write decides what is asked here, so all of it is bounded. People whom a message invents
//! aren't asked for, all others only within a budget of their server. Roles and channels are asked for once
//! in a while, whatever the answer is.

mod mentioned;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::expiring::ExpiringMap;
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::domain::lock::lock;
use crate::domain::message::{Content, Names};
use crate::domain::permissions::Permissions;
use crate::rest::model::{AuthorMember, Channel, Guild, Message, User};
use crate::rest::{Rest, RestError};
use crate::service::access::rules;

use self::mentioned::Mentioned;

/// How long names are used before they are asked for again. Roles and channels are seldom renamed.
const FRESH: TimeDelta = TimeDelta::minutes(10);
/// How long they are remembered. Old names are used if Discord doesn't give new ones.
const USEFUL: TimeDelta = TimeDelta::hours(1);
/// The same for people, who are asked for one by one.
const PERSON_FRESH: TimeDelta = TimeDelta::hours(1);
/// How many servers are remembered. Each may have 500 channels and 250 roles (Discord).
const SERVERS: usize = 1_000;
/// How many people are remembered.
const PEOPLE: usize = 10_000;
/// The name of a channel that most people can't see.
const NO_ACCESS: &str = "no-access";
/// About how many people of one message Discord is asked.
const ASKED: usize = 10;
/// About how many people of one server Discord is asked in a span. The others' names are then left out.
const BUDGET: usize = 20;
/// How often a server is asked for its channels if its permissions changed meanwhile.
const TRIES: usize = 2;
/// The span of that budget.
const SPAN: TimeDelta = TimeDelta::minutes(1);
/// How many servers' budgets are remembered.
const BUDGETS: usize = 10_000;

/// Names, by server.
#[derive(Clone, Default)]
pub(in crate::service::intake) struct NameBook(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    servers: ExpiringMap<GuildId, ServerNames, SERVERS>,
    /// People's names; `None` for those who aren't in the server.
    people: ExpiringMap<(GuildId, UserId), Option<String>, PEOPLE>,
    spent: ExpiringMap<GuildId, SpentBudget, BUDGETS>,
    /// How often the names of a server were dropped. There are no more of these than servers that the bot is
    /// in.
    forgotten: HashMap<GuildId, u64>,
}

struct ServerNames {
    names: Arc<Names>,
    since: DateTime<Utc>,
}

/// How much of a server's budget is spent.
#[derive(Clone, Copy)]
struct SpentBudget {
    count: usize,
    since: DateTime<Utc>,
}

/// What must be [learnt](NameBook::learn) before a content has all its names.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::service::intake) struct Unnamed {
    roles_and_channels: bool,
    people: Vec<UserId>,
}

impl Book {
    /// A person whose name is known, or known to be unknown.
    fn person(&self, guild: GuildId, id: UserId, now: DateTime<Utc>) -> Option<&Option<String>> {
        self.people.get(&(guild, id), now)
    }

    /// Keeps the names of a server's roles and channels.
    fn keep(&mut self, guild: GuildId, names: Arc<Names>, now: DateTime<Utc>) {
        self.servers.put(guild, ServerNames { names, since: now }, now + USEFUL, now);
    }

    /// How often the names of a server were dropped.
    fn forgotten(&self, guild: GuildId) -> u64 {
        self.forgotten.get(&guild).copied().unwrap_or_default()
    }

    /// About how many people of a server may still be asked.
    fn budget(&self, guild: GuildId, now: DateTime<Utc>) -> usize {
        BUDGET.saturating_sub(self.spent.get(&guild, now).map_or(0, |spent| spent.count))
    }

    /// Spends one unit of the budget, if any is left.
    fn spend(&mut self, guild: GuildId, now: DateTime<Utc>) -> bool {
        let SpentBudget { count, since } =
            self.spent.get(&guild, now).copied().unwrap_or(SpentBudget { count: 0, since: now });
        let any = count < BUDGET;
        if any {
            self.spent.put(guild, SpentBudget { count: count + 1, since }, since + SPAN, now);
        }
        any
    }
}

impl NameBook {
    /// Writes the names into what is shown of a message. Says which names are missing and worth asking for.
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
            match book.servers.get(&guild, now).filter(|known| now - known.since < FRESH) {
                Some(ServerNames { names, .. }) => {
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
                Some(Some(name)) => {
                    content.names.people.insert(*id, name.clone());
                }
                Some(None) => {}
                None => unnamed.people.extend(mentioned.unnamed.get(id)),
            }
        }
        unnamed.people.truncate(ASKED);
        if let Some(reply) = &mut content.reply
            && let Some(id) = reply.author_id
        {
            match book.person(guild, id, now) {
                Some(name) => {
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

    /// Asks Discord for what is missing. Any answer counts: a message isn't held up for a name. Fails only if
    /// Discord could not be asked.
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

    /// Asks for a server's roles and channels. Where Discord refuses, the former names stay, if there are
    /// any. Permissions may change before the answers arrive: then the answers are worthless, and it returns
    /// `false`.
    async fn learn_server(&self, rest: &Rest, guild: GuildId, now: DateTime<Utc>) -> Result<bool, RestError> {
        let forgotten = self.book().forgotten(guild);
        let server = answered(rest.guild(guild).await)?;
        let channels = answered(rest.guild_channels(guild).await)?;
        // The server's roles tell who may see a channel: without them, no channel is named.
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
        book.keep(guild, Arc::new(names), now);
        Ok(true)
    }

    /// Drops the names of a server's channels: its permissions have changed.
    pub(in crate::service::intake) fn forget(&self, guild: GuildId) {
        let mut book = self.book();
        book.servers.remove(&guild);
        *book.forgotten.entry(guild).or_default() += 1;
    }

    /// Remembers the names that a message brings: of its author, and of the people it pings.
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

    fn remember(&self, guild: GuildId, user: UserId, name: Option<String>, now: DateTime<Utc>) {
        self.book().people.put((guild, user), name, now + PERSON_FRESH, now);
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        lock(&self.0)
    }
}

/// Discord's answer, if it was asked at all. `None` for any failure.
fn answered<T>(answer: Result<T, RestError>) -> Result<Option<T>, RestError> {
    match answer {
        Err(error) if error.was_not_asked() => Err(error),
        answer => Ok(answer.ok()),
    }
}

/// The name of a channel in other servers. If not everyone in its own server sees it, its name stays there,
/// as Discord keeps it there, too.
fn named(server: Option<&Guild>, channel: Channel) -> (ChannelId, String) {
    let everyone = server.map(|server| rules(server).everyone(&channel.permission_overwrites));
    let seen = everyone.is_some_and(|everyone| everyone.contains(Permissions::VIEW_CHANNEL));
    (channel.id, if seen { channel.name } else { NO_ACCESS.to_owned() })
}

#[cfg(test)]
mod tests;
