//! The names behind mentions of roles, channels and people, for targets in servers that don't know them, and the nicknames of those who are answered. A message
//! brings the names of the people it pings; whom a bot's embed mentions, nobody is told.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::ids::{ChannelId, GuildId, RoleId, UserId};
use crate::domain::message::{Content, Names};
use crate::domain::permissions::Permissions;
use crate::rest::model::{AuthorMember, Channel, Guild, Message, User};
use crate::rest::{Rest, RestError};
use crate::service::access::rules;

/// How long names are used before they are asked for again: roles and channels are seldom renamed.
const FRESH: TimeDelta = TimeDelta::minutes(10);
/// The same of people, who are asked for one by one.
const PERSON_FRESH: TimeDelta = TimeDelta::hours(1);
/// How many people are remembered.
const PEOPLE: usize = 10_000;
/// What stands for the name of a channel that most can't see.
const NO_ACCESS: &str = "no-access";
/// For how many people of one message Discord is asked.
const ASKED: usize = 10;

/// Names, by server.
#[derive(Clone, Default)]
pub(super) struct NameBook(Arc<Mutex<Book>>);

#[derive(Default)]
struct Book {
    servers: HashMap<GuildId, Known>,
    people: HashMap<(GuildId, UserId), Person>,
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

/// What has to be [learnt](NameBook::learn) before a content has all its names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unnamed {
    roles_and_channels: bool,
    people: Vec<UserId>,
}

impl NameBook {
    /// Writes the names into a content, and says which are missing.
    pub(super) fn fill(
        &self,
        content: &mut Content,
        guild: GuildId,
        now: DateTime<Utc>,
    ) -> Result<(), Unnamed> {
        let mentioned = Mentioned::in_content(content);
        let mut unnamed = Unnamed { roles_and_channels: false, people: Vec::new() };
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !mentioned.roles.is_empty() || !mentioned.channels.is_empty() {
            match book.servers.get(&guild).filter(|known| now - known.since < FRESH) {
                Some(Known { names, .. }) => {
                    let role = |id: RoleId| names.roles.get(&id).map(|name| (id, name.clone()));
                    let channel = |id: ChannelId| names.channels.get(&id).map(|name| (id, name.clone()));
                    content.names.roles.extend(mentioned.roles.into_iter().filter_map(role));
                    content.names.channels.extend(mentioned.channels.into_iter().filter_map(channel));
                }
                None => unnamed.roles_and_channels = true,
            }
        }
        let person =
            |id: UserId| book.people.get(&(guild, id)).filter(|known| now - known.since < PERSON_FRESH);
        for id in mentioned.people.into_iter().take(ASKED) {
            match person(id) {
                Some(Person { name: Some(name), .. }) => {
                    content.names.people.insert(id, name.clone());
                }
                Some(Person { name: None, .. }) => {}
                None => unnamed.people.push(id),
            }
        }
        if let Some(reply) = &mut content.reply
            && let Some(id) = reply.author_id
        {
            match person(id) {
                Some(Person { name, .. }) => {
                    reply.author_id = None;
                    reply.author = name.clone().or_else(|| reply.author.take());
                }
                None => unnamed.people.push(id),
            }
        }
        drop(book);
        if unnamed.roles_and_channels || !unnamed.people.is_empty() { Err(unnamed) } else { Ok(()) }
    }

    /// Asks Discord for what is missing.
    pub(super) async fn learn(
        &self,
        rest: &Rest,
        guild: GuildId,
        unnamed: &Unnamed,
        now: DateTime<Utc>,
    ) -> Result<(), RestError> {
        if unnamed.roles_and_channels {
            let server = rest.guild(guild).await?;
            let channels =
                rest.guild_channels(guild).await?.into_iter().map(|channel| named(&server, channel));
            let channels = channels.collect();
            let names = Arc::new(Names { roles: server.role_names, channels, ..Names::default() });
            let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            book.servers.retain(|_, known| now - known.since < FRESH);
            book.servers.insert(guild, Known { names, since: now });
        }
        for id in &unnamed.people {
            let member = match rest.member(guild, *id).await {
                Ok(member) => member,
                Err(error) if error.was_not_asked() => return Err(error),
                // A name is not worth that its message waits for it.
                Err(_) => None,
            };
            let name = member.and_then(|member| {
                member.nick.or_else(|| member.user.map(|user| user.display_name().to_owned()))
            });
            self.remember(guild, *id, name, now);
        }
        Ok(())
    }

    /// Forgets what the channels of a server are called: who may see them has changed.
    pub(super) fn forget(&self, guild: GuildId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).servers.remove(&guild);
    }

    /// Remembers whom a message tells the names of: its author, and those whom it pings.
    pub(super) fn note(&self, message: &Message, guild: GuildId, now: DateTime<Utc>) {
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
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if book.people.len() >= PEOPLE {
            book.people.retain(|_, known| since - known.since < FRESH);
        }
        if book.people.len() >= PEOPLE {
            book.people.clear();
        }
        book.people.insert((guild, user), Person { name, since });
    }
}

/// Who and what a content mentions anywhere; of people those without a name yet.
#[derive(Default)]
struct Mentioned {
    roles: Vec<RoleId>,
    channels: Vec<ChannelId>,
    people: BTreeSet<UserId>,
}

impl Mentioned {
    fn in_content(content: &Content) -> Self {
        let forward = content.forward.iter();
        let embeds = content.embeds.iter().chain(forward.clone().flat_map(|forward| &forward.embeds));
        let of_embeds = embeds.flat_map(|embed| {
            let fields = embed.fields.iter().flat_map(|field| [field.name.as_str(), field.value.as_str()]);
            embed.description.as_deref().into_iter().chain(fields)
        });
        let replied = content.reply.iter().map(|reply| reply.text.as_str());
        let texts = [content.text.as_str()].into_iter().chain(forward.map(|forward| forward.text.as_str()));
        let mut mentioned = Self::default();
        for text in texts.chain(replied).chain(of_embeds) {
            mentioned.roles.extend(ids::<RoleId>(text, "<@&"));
            mentioned.channels.extend(ids::<ChannelId>(text, "<#"));
            mentioned.people.extend(ids::<UserId>(text, "<@"));
            mentioned.people.extend(ids::<UserId>(text, "<@!"));
        }
        mentioned.people.retain(|id| !content.names.people.contains_key(id));
        mentioned
    }
}

/// What a channel is called in other servers: one that not everybody in its own sees keeps its name there, as Discord keeps it.
fn named(server: &Guild, channel: Channel) -> (ChannelId, String) {
    let seen = rules(server).everyone(&channel.permission_overwrites).contains(Permissions::VIEW_CHANNEL);
    (channel.id, if seen { channel.name } else { NO_ACCESS.to_owned() })
}

/// The ids between this opening and the next `>`.
fn ids<T: std::str::FromStr>(text: &str, opening: &'static str) -> impl Iterator<Item = T> {
    text.split(opening).skip(1).filter_map(|rest| rest.split_once('>')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn guild() -> GuildId {
        GuildId::new(9).unwrap()
    }

    fn person(id: u64) -> UserId {
        UserId::new(id).unwrap()
    }

    #[test]
    fn mentions_are_found_wherever_they_stand() {
        let mut content =
            Content { text: "<@&1> <#2> <#x> <@3> <@!4> <@5> <#4".to_owned(), ..Content::default() };
        content.names.people.insert(person(5), "Ada".to_owned());
        let mentioned = Mentioned::in_content(&content);
        assert_eq!(mentioned.roles, [RoleId::new(1).unwrap()]);
        assert_eq!(mentioned.channels, [ChannelId::new(2).unwrap()]);
        assert_eq!(mentioned.people.into_iter().collect::<Vec<_>>(), [person(3), person(4)]);
    }

    #[test]
    fn names_are_used_while_they_are_fresh() {
        let book = NameBook::default();
        let now = DateTime::UNIX_EPOCH;
        let mut content = Content { text: "see <#2>".to_owned(), ..Content::default() };
        let unnamed = Unnamed { roles_and_channels: true, people: vec![] };
        assert_eq!(book.fill(&mut content, guild(), now), Err(unnamed));
        let channels = [(ChannelId::new(2).unwrap(), "news".to_owned())].into();
        let names = Arc::new(Names { channels, ..Names::default() });
        book.0.lock().unwrap().servers.insert(guild(), Known { names, since: now });
        assert!(book.fill(&mut content, guild(), now).is_ok());
        assert_eq!(content.names.channels.values().next().map(String::as_str), Some("news"));
        assert!(book.fill(&mut content, guild(), now + FRESH).is_err());
        assert!(book.fill(&mut Content::default(), guild(), now + FRESH).is_ok(), "nothing to name");
    }

    #[test]
    fn who_was_seen_needs_not_be_asked_for() {
        let book = NameBook::default();
        let now = DateTime::UNIX_EPOCH;
        let mut content = Content { text: "<@40> <@41> <@42>".to_owned(), ..Content::default() };
        let message = json!({
            "id": "1", "channel_id": "2", "author": {"id": "40", "username": "ada"}, "member": {"nick": "Countess"},
            "mentions": [{"id": "41", "username": "bob", "member": {}}, {"id": "42", "username": "cy"}],
        });
        book.note(&serde_json::from_value(message).unwrap(), guild(), now);
        let unnamed = Unnamed { roles_and_channels: false, people: vec![person(42)] };
        assert_eq!(book.fill(&mut content, guild(), now), Err(unnamed));
        let names: Vec<_> = content.names.people.values().map(String::as_str).collect();
        assert_eq!(names, ["Countess", "bob"]);
        book.remember(guild(), person(42), None, now);
        assert!(book.fill(&mut content, guild(), now).is_ok(), "it is known that nobody knows");
    }
}
