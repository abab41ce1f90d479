//! Which people, roles and channels a content mentions, and which of the people come without a name.

use std::collections::BTreeSet;

use crate::domain::ids::{ChannelId, RoleId, UserId};
use crate::domain::message::Content;
use crate::rest::model::{Message, Referenced};
use crate::service::content;

/// Everyone and everything that a content mentions anywhere. Of people, only those without a name yet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::service::intake) struct Mentioned {
    pub(in crate::service::intake) roles: BTreeSet<RoleId>,
    pub(in crate::service::intake) channels: BTreeSet<ChannelId>,
    pub(in crate::service::intake) people: BTreeSet<UserId>,
    /// Those of the people who may exist although no name came with the message. In what a person wrote,
    /// Discord names everyone it knows: all others are invented. In what an application wrote, it names only
    /// those who were pinged, and nobody in embeds.
    pub(in crate::service::intake) unnamed: BTreeSet<UserId>,
}

impl Mentioned {
    /// Reads what is shown of a message.
    pub(in crate::service::intake) fn of(message: &Message, content: &Content) -> Self {
        let mut mentioned = Self::default();
        let by_application = content::is_by_application(message);
        mentioned.add(&content.text, by_application);
        if let Some(reply) = &content.reply {
            let original = match &message.referenced_message {
                Referenced::Standing(original) => content::is_by_application(original),
                Referenced::Deleted | Referenced::Unknown => false,
            };
            mentioned.add(&reply.text, original);
        }
        let forward = content.forward.as_ref();
        if let Some(forward) = forward {
            // Only applications make embeds.
            mentioned.add(&forward.text, !forward.embeds.is_empty());
        }
        let embeds = content.embeds.iter().chain(forward.into_iter().flat_map(|forward| &forward.embeds));
        for embed in embeds {
            let fields = embed.fields.iter().flat_map(|field| [field.name.as_str(), field.value.as_str()]);
            embed.description.as_deref().into_iter().chain(fields).for_each(|text| mentioned.add(text, true));
        }
        let Self { people, unnamed, .. } = &mut mentioned;
        people.retain(|id| !content.names.people.contains_key(id));
        unnamed.retain(|id| people.contains(id));
        mentioned
    }

    fn add(&mut self, text: &str, unnamed: bool) {
        self.roles.extend(ids::<RoleId>(text, "<@&"));
        self.channels.extend(ids::<ChannelId>(text, "<#"));
        let people = ids::<UserId>(text, "<@").chain(ids::<UserId>(text, "<@!"));
        for person in people {
            self.people.insert(person);
            if unnamed {
                self.unnamed.insert(person);
            }
        }
    }
}

/// The ids between this opening and the next `>`.
fn ids<T: std::str::FromStr>(text: &str, opening: &'static str) -> impl Iterator<Item = T> {
    text.split(opening).skip(1).filter_map(|rest| rest.split_once('>')?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::domain::ids::GuildId;

    fn mentioned(fields: Value) -> Mentioned {
        let mut message = json!({"id": "1", "channel_id": "2", "author": {"id": "40"}});
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let message: Message = serde_json::from_value(message).unwrap();
        Mentioned::of(&message, &content::read(&message, GuildId::new(9).unwrap(), None))
    }

    fn numbers(people: &BTreeSet<UserId>) -> Vec<u64> {
        people.iter().map(|id| id.get()).collect()
    }

    #[test]
    fn mentions_are_found_wherever_they_stand() {
        let found = mentioned(json!({
            "content": "<@&1> <#2> <#x> <@3> <@!4> <@5> <#4", "mentions": [{"id": "5", "username": "ada"}],
        }));
        assert_eq!(found.roles, BTreeSet::from([RoleId::new(1).unwrap()]));
        assert_eq!(found.channels, BTreeSet::from([ChannelId::new(2).unwrap()]));
        assert_eq!(numbers(&found.people), [3, 4]);
    }

    #[test]
    fn what_a_person_wrote_is_told_whole() {
        let embeds = json!([{"type": "rich", "description": "<@7>"}]);
        let of = |fields: Value| numbers(&mentioned(fields).unnamed);
        assert!(of(json!({"content": "<@3> <@!4>", "embeds": embeds})).is_empty());
        let bot = json!({"id": "40", "bot": true});
        assert_eq!(of(json!({"content": "<@3> <@!4>", "embeds": embeds, "author": bot})), [3, 4, 7]);
        assert_eq!(of(json!({"content": "<@3>", "webhook_id": "40"})), [3]);
        let components = json!([{"type": 10, "content": "<@3>"}]);
        assert_eq!(of(json!({"components": components, "flags": 32768, "author": bot})), [3]);
        let copy = json!([{"message": {"content": "<@3>"}}]);
        assert!(of(json!({"message_snapshots": copy})).is_empty());
        let copy = json!([{"message": {"content": "<@3>", "embeds": embeds}}]);
        assert_eq!(of(json!({"message_snapshots": copy})), [3, 7]);
        let answer = |author: &Value| {
            of(json!({
                "type": 19, "message_reference": {"message_id": "29", "channel_id": "2"},
                "referenced_message": {"id": "29", "channel_id": "2", "author": author, "content": "<@3>"},
            }))
        };
        assert!(answer(&json!({"id": "41"})).is_empty());
        assert_eq!(answer(&bot), [3]);
    }
}
