//! The event fields that the shard's own task looks at. Each is read by itself, and only on demand: whatever
//! else an event contains, in whatever form, costs nothing.

use std::str::FromStr;

use serde_json::value::RawValue;

use crate::domain::channel::ChannelKind;
use crate::domain::ids::{ChannelId, GuildId, MessageId, TagId, UserId};

use super::frame::{self, parse};
use super::lenient::lenient;

lenient! {
    /// The fields of an event, or of a channel, thread, server or tag in one.
    pub(super) struct Fields {
        id: "id",
        guild_id: "guild_id",
        channel_id: "channel_id",
        parent_id: "parent_id",
        ids: "ids",
        channel_ids: "channel_ids",
        guilds: "guilds",
        channels: "channels",
        threads: "threads",
        available_tags: "available_tags",
        unavailable: "unavailable",
        name: "name",
        kind: "type",
        user: "user",
        author: "author",
        session_id: "session_id",
        resume_gateway_url: "resume_gateway_url",
    }
}

impl<'a> Fields<'a> {
    /// The fields of this object; none if it isn't an object.
    pub(super) fn of(object: &'a RawValue) -> Self {
        frame::object(object.get()).unwrap_or_default()
    }

    pub(super) fn id<T: FromStr>(&self) -> Option<T> {
        id(self.id)
    }

    pub(super) fn guild(&self) -> Option<GuildId> {
        id(self.guild_id)
    }

    pub(super) fn channel(&self) -> Option<ChannelId> {
        id(self.channel_id)
    }

    pub(super) fn parent(&self) -> Option<ChannelId> {
        id(self.parent_id)
    }

    /// What a channel is.
    pub(super) fn kind(&self) -> Option<ChannelKind> {
        parse(self.kind).map(ChannelKind::from_number)
    }

    /// The user of a member.
    pub(super) fn user(&self) -> Option<UserId> {
        Fields::of(self.user?).id()
    }

    /// The author of a message.
    pub(super) fn author(&self) -> Option<UserId> {
        Fields::of(self.author?).id()
    }

    /// The messages of a bulk deletion.
    pub(super) fn messages(&self) -> Option<Vec<MessageId>> {
        ids(self.ids)
    }

    /// The channels that a list of threads covers; none if it covers the whole server.
    pub(super) fn channel_ids(&self) -> Option<Vec<ChannelId>> {
        ids(self.channel_ids)
    }

    /// The servers that a session begins with; `None` if they can't be read.
    pub(super) fn guilds(&self) -> Option<Vec<GuildId>> {
        let guilds = list(self.guilds)?;
        Some(guilds.into_iter().filter_map(|guild| Fields::of(guild).id()).collect())
    }

    /// A server's channels; `None` if they can't be read.
    pub(super) fn channels(&self) -> Option<Vec<Fields<'a>>> {
        Some(list(self.channels)?.into_iter().map(Fields::of).collect())
    }

    /// Threads, as Discord wrote them.
    pub(super) fn threads(&self) -> Vec<&'a RawValue> {
        list(self.threads).unwrap_or_default()
    }

    /// A forum's tags with their names; `None` for any other channel.
    pub(super) fn tags(&self) -> Option<Vec<(TagId, String)>> {
        let kind = self.kind()?;
        let tags = list(self.available_tags).unwrap_or_default().into_iter().map(Fields::of);
        let named = tags.filter_map(|tag| Some((tag.id()?, parse(tag.name).unwrap_or_default())));
        (kind == ChannelKind::Forum).then(|| named.collect())
    }

    /// Whether a server has an outage. If in doubt, it has: then the bot doesn't conclude that it was
    /// removed.
    pub(super) fn is_unavailable(&self) -> bool {
        self.unavailable.is_some_and(|unavailable| unavailable.get() != "false")
    }

    pub(super) fn session(&self) -> Option<String> {
        parse(self.session_id)
    }

    pub(super) fn resume_address(&self) -> Option<String> {
        parse(self.resume_gateway_url)
    }
}

/// An id, which Discord writes as a string. A number is accepted, too.
fn id<T: FromStr>(text: Option<&RawValue>) -> Option<T> {
    text?.get().trim_matches('"').parse().ok()
}

fn ids<T: FromStr>(texts: Option<&RawValue>) -> Option<Vec<T>> {
    Some(list(texts)?.into_iter().filter_map(|text| id(Some(text))).collect())
}

fn list(text: Option<&RawValue>) -> Option<Vec<&RawValue>> {
    parse(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T>(text: &str, read: impl FnOnce(Fields<'_>) -> T) -> T {
        read(Fields::of(&RawValue::from_string(text.to_owned()).unwrap()))
    }

    #[test]
    fn rubbish_beside_what_is_needed_costs_nothing() {
        let text =
            r#"{"position":99999,"id":"5","guild_id":{"a":1},"type":"new","parent_id":7,"unavailable":null}"#;
        read(text, |fields| {
            assert_eq!(fields.id::<ChannelId>(), ChannelId::new(5).ok());
            assert_eq!(fields.parent(), ChannelId::new(7).ok());
            assert_eq!((fields.guild(), fields.tags()), (None, None));
            assert!(!fields.is_unavailable());
        });
        assert!(read(r#"{"unavailable":"yes"}"#, |fields| fields.is_unavailable()));
        assert!(read(r#"["5"]"#, |fields| fields.id::<ChannelId>().is_none()));
    }

    #[test]
    fn of_a_key_that_stands_there_twice_the_last_counts() {
        let text = r#"{"id":"5","id":"6","guild_id":null,"guild_id":"7","x":1,"x":2,"channel_id":"8","channel_id":[]}"#;
        read(text, |fields| {
            assert_eq!(fields.id::<ChannelId>(), ChannelId::new(6).ok());
            assert_eq!((fields.guild(), fields.channel()), (GuildId::new(7).ok(), None));
        });
    }

    #[test]
    fn an_odd_element_costs_only_itself() {
        let text = r#"{"ids":["1",{},"x","3"],"guilds":[{"id":"1"},7,{"id":[]},{"id":"2"}]}"#;
        read(text, |fields| {
            assert_eq!(fields.messages().unwrap().len(), 2);
            assert_eq!(fields.guilds().unwrap().len(), 2);
            assert!(fields.channels().is_none(), "nothing is said of channels");
        });
        let forum = r#"{"type":15,"available_tags":[{"id":"1","name":"a"},{"id":"2","name":7},{}]}"#;
        let tags = read(forum, |fields| fields.tags()).unwrap();
        assert_eq!(tags.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>(), ["a", ""]);
    }
}
