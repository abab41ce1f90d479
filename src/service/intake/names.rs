//! The names behind mentions of roles and channels, for targets in servers that don't know them. A message brings only the names of people.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::ids::{ChannelId, GuildId, RoleId};
use crate::domain::message::{Content, Names};
use crate::rest::{Rest, RestError};

/// How long names are used before they are asked for again: roles and channels are seldom renamed.
const FRESH: TimeDelta = TimeDelta::minutes(10);

/// The names of roles and channels, by server.
#[derive(Clone, Default)]
pub(super) struct NameBook(Arc<Mutex<HashMap<GuildId, Known>>>);

struct Known {
    names: Arc<Names>,
    since: DateTime<Utc>,
}

impl NameBook {
    /// Writes the names into a content that mentions roles or channels; false where they have to be [learnt](Self::learn) first.
    pub(super) fn fill(&self, content: &mut Content, guild: GuildId, now: DateTime<Utc>) -> bool {
        let (roles, channels) = mentioned(content);
        if roles.is_empty() && channels.is_empty() {
            return true;
        }
        let book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(known) = book.get(&guild).filter(|known| now - known.since < FRESH) else { return false };
        let names = &known.names;
        let role = |id: RoleId| names.roles.get(&id).map(|name| (id, name.clone()));
        let channel = |id: ChannelId| names.channels.get(&id).map(|name| (id, name.clone()));
        content.names.roles.extend(roles.into_iter().filter_map(role));
        content.names.channels.extend(channels.into_iter().filter_map(channel));
        true
    }

    /// Asks Discord for a server's names.
    pub(super) async fn learn(
        &self,
        rest: &Rest,
        guild: GuildId,
        now: DateTime<Utc>,
    ) -> Result<(), RestError> {
        let roles = rest.guild(guild).await?.role_names;
        let channels =
            rest.guild_channels(guild).await?.into_iter().map(|channel| (channel.id, channel.name));
        let names = Arc::new(Names { roles, channels: channels.collect(), ..Names::default() });
        let mut book = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        book.retain(|_, known| now - known.since < FRESH);
        book.insert(guild, Known { names, since: now });
        Ok(())
    }
}

/// The roles and channels that a content mentions anywhere.
fn mentioned(content: &Content) -> (Vec<RoleId>, Vec<ChannelId>) {
    let forward = content.forward.iter();
    let embeds = content.embeds.iter().chain(forward.clone().flat_map(|forward| &forward.embeds));
    let of_embeds = embeds.flat_map(|embed| {
        let fields = embed.fields.iter().flat_map(|field| [field.name.as_str(), field.value.as_str()]);
        embed.description.as_deref().into_iter().chain(fields)
    });
    let replied = content.reply.iter().map(|reply| reply.text.as_str());
    let texts = [content.text.as_str()].into_iter().chain(forward.map(|forward| forward.text.as_str()));
    let (mut roles, mut channels) = (Vec::new(), Vec::new());
    for text in texts.chain(replied).chain(of_embeds) {
        roles.extend(ids::<RoleId>(text, "<@&"));
        channels.extend(ids::<ChannelId>(text, "<#"));
    }
    (roles, channels)
}

/// The ids between this opening and the next `>`.
fn ids<T: std::str::FromStr>(text: &str, opening: &'static str) -> impl Iterator<Item = T> {
    text.split(opening).skip(1).filter_map(|rest| rest.split_once('>')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mentions_are_found_wherever_they_stand() {
        let content = Content { text: "<@&1> <#2> <#x> <@3> <#4".to_owned(), ..Content::default() };
        let (roles, channels) = mentioned(&content);
        assert_eq!(roles, [RoleId::new(1).unwrap()]);
        assert_eq!(channels, [ChannelId::new(2).unwrap()]);
    }

    #[test]
    fn names_are_used_while_they_are_fresh() {
        let book = NameBook::default();
        let (guild, now) = (GuildId::new(9).unwrap(), DateTime::UNIX_EPOCH);
        let mut content = Content { text: "see <#2>".to_owned(), ..Content::default() };
        assert!(!book.fill(&mut content, guild, now));
        let channels = [(ChannelId::new(2).unwrap(), "news".to_owned())].into();
        let names = Arc::new(Names { channels, ..Names::default() });
        book.0.lock().unwrap().insert(guild, Known { names, since: now });
        assert!(book.fill(&mut content, guild, now));
        assert_eq!(content.names.channels.values().next().map(String::as_str), Some("news"));
        assert!(!book.fill(&mut content, guild, now + FRESH));
        assert!(book.fill(&mut Content::default(), guild, now + FRESH), "nothing to name");
    }
}
