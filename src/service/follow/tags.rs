//! Tags as people know them: read with what a source offers, completed while they are typed, and as they are called now.

use crate::domain::channel::ChannelKind;
use crate::domain::follow::Filter;
use crate::domain::permissions::Permissions;
use crate::domain::tag_list::{Unreadable, Vocabulary};
use crate::domain::tags::{Tag, TagSet};
use crate::rest::model::Channel;

use super::list::{CHOICES, IN_TIME};
use crate::service::access::{Access, Found, Place};
use crate::service::{Actor, Follows, Refusal, ServiceError, SourceChoice};

/// How many hashtags of posts the autocompletion looks at. Discord: 25 choices at most.
const TAGS: u64 = 50;

/// A follow's tags as they are called now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagsNow {
    /// Those that there are.
    pub there: Vec<String>,
    /// Those that were deleted in the source, by the names that they had.
    pub deleted: Vec<String>,
    /// How many there are whose names aren't for whoever asks, as they can't see the source.
    pub hidden: usize,
}

impl TagsNow {
    /// Of a follow whose source belongs to this forum, if it does; without it, as they were called when they were chosen. Whoever may not see the source
    /// learns none: what a follow filters by tells of what is posted.
    pub(in crate::service) fn of(filter: &Filter, forum: Option<&Channel>, seen: bool) -> Self {
        let mut now = Self::default();
        for tag in filter.tags() {
            if !seen {
                now.hidden += 1;
                continue;
            }
            let Tag::Forum { id, name } = tag else {
                now.there.push(tag.to_string());
                continue;
            };
            match forum.map(|forum| forum.available_tags.iter().find(|offered| offered.id == *id)) {
                Some(None) => now.deleted.push(name.clone()),
                Some(Some(offered)) => now.there.push(offered.name.clone()),
                None => now.there.push(name.clone()),
            }
        }
        now
    }

    /// What is said of those that are hidden; nothing where there are none.
    pub fn said_of_hidden(&self) -> Option<String> {
        match self.hidden {
            0 => None,
            1 => Some("a tag that you can't see".to_owned()),
            count => Some(format!("{count} tags that you can't see")),
        }
    }
}

/// Reads the tags that were typed for this source; `None` where there are none.
pub(in crate::service) async fn read_tags(
    access: &mut Access<'_>,
    source: &Place,
    typed: &str,
) -> Result<Option<TagSet>, ServiceError> {
    let forum = access.forum_of(&source.channel).await?;
    let vocabulary = vocabulary(forum.as_ref());
    let refusal = |unreadable| match unreadable {
        Unreadable::NotOffered(name) => Refusal::NoSuchTag {
            forum: forum.as_ref().map_or(source.id(), |forum| forum.id),
            name,
            offered: vocabulary.offered().unwrap_or_default().iter().map(ToString::to_string).collect(),
        },
        Unreadable::NotWritable(text) => Refusal::NotAHashtag(text),
    };
    Ok(vocabulary.read(typed).map_err(refusal)?)
}

/// What tags of this forum can be; without one, hashtags alone.
fn vocabulary(forum: Option<&Channel>) -> Vocabulary {
    let Some(forum) = forum else { return Vocabulary::hashtags() };
    let tag = |tag: &crate::rest::model::ForumTag| Tag::Forum { id: tag.id, name: tag.name.clone() };
    Vocabulary::forum(forum.available_tags.iter().map(tag).collect())
}

impl Follows {
    /// What the tags that are being typed may become, for who manages the channel in which they type; as much as can be found in time.
    pub async fn tag_choices(
        &self,
        actor: Actor,
        source: Option<SourceChoice>,
        typed: &str,
    ) -> Result<Vec<String>, ServiceError> {
        let mut offer = Offer::default();
        match tokio::time::timeout(IN_TIME, self.find_tags(actor, source, &mut offer)).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) | Err(_) => Ok(offer.complete(typed)),
        }
    }

    async fn find_tags(
        &self,
        actor: Actor,
        source: Option<SourceChoice>,
        offer: &mut Offer,
    ) -> Result<(), ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.completing(&rest, actor).await;
        access.prepare(actor.guild, &[actor.user]).await?;
        access.require_actor(actor, actor.channel, Permissions::MANAGE_CHANNELS).await?;
        let source = source.filter(|source| !self.is_elsewhere(*source));
        let source = match source {
            Some(source) => seen_if_any(access.seen_by(actor, source.id()).await)?,
            None => None,
        };
        // Of a source that they may not see, or that isn't chosen yet: no names of a forum's tags.
        let forum = match &source {
            Some(source) => access.forum_of(&source.channel).await?,
            None => None,
        };
        offer.vocabulary = Some(vocabulary(forum.as_ref()));
        // Those of a forum have names of their own; what was posted is for those who may read it.
        if let (Some(source), None) = (&source, &forum)
            && access.reads(actor, source.id()).await?.is_some()
        {
            offer.posted = self.store.hashtags_of(source.id(), TAGS).await?;
        }
        for follow in self.store.follows_for_autocomplete(actor.guild, CHOICES).await? {
            let tags = follow.options.filter.tags().iter().filter(|tag| matches!(tag, Tag::Hashtag(_)));
            let tags: Vec<Tag> = tags.cloned().collect();
            if tags.is_empty() {
                continue;
            }
            access.knows(&follow);
            // What is filtered by tells of what is posted.
            if seen_if_any(access.seen_by(actor, follow.pair.source).await)?.is_some() {
                offer.used.extend(tags);
            }
        }
        Ok(())
    }
}

/// A channel that is seen; that it may not even be looked for is as if it weren't.
fn seen_if_any(seen: Result<Option<Place>, ServiceError>) -> Result<Option<Place>, ServiceError> {
    match seen {
        Err(ServiceError::Refused(_)) => Ok(None),
        seen => seen,
    }
}

/// What can be offered, as far as it was found.
#[derive(Default)]
struct Offer {
    /// None before it is known that the person may follow anything here.
    vocabulary: Option<Vocabulary>,
    /// The hashtags of the source's last posts, the newest first.
    posted: Vec<Tag>,
    /// Those that this server's follows use.
    used: Vec<Tag>,
}

impl Offer {
    fn complete(mut self, typed: &str) -> Vec<String> {
        let Some(vocabulary) = self.vocabulary else { return Vec::new() };
        self.used.sort_by_cached_key(ToString::to_string);
        self.used.dedup();
        self.posted.extend(self.used);
        vocabulary.complete(typed, &self.posted)
    }
}

impl Access<'_> {
    /// The forum that this channel is, or that it is a post of.
    pub(in crate::service) async fn forum_of(
        &mut self,
        channel: &Channel,
    ) -> Result<Option<Channel>, ServiceError> {
        if channel.kind == ChannelKind::Forum {
            return Ok(Some(channel.clone()));
        }
        let Some(parent) = channel.thread_parent() else { return Ok(None) };
        match self.find(parent).await? {
            Found::Seen(parent) if parent.kind == ChannelKind::Forum => Ok(Some(parent)),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::TagId;

    #[test]
    fn tags_go_by_the_names_that_they_have_now() {
        let tag = |id, name: &str| Tag::Forum { id: TagId::new(id).unwrap(), name: name.to_owned() };
        let tags = [tag(1, "Bug"), tag(2, "Idea"), Tag::Hashtag("beta".to_owned())];
        let filter = Filter::Only(TagSet::new(tags).unwrap());
        let forum: Channel = serde_json::from_value(serde_json::json!({
            "id": "7", "type": 15, "available_tags": [{ "id": "1", "name": "Fault" }, { "id": "3", "name": "Idea" }],
        }))
        .unwrap();
        let now = |forum, seen| {
            let TagsNow { there, deleted, hidden } = TagsNow::of(&filter, forum, seen);
            (there.join(", "), deleted.join(", "), hidden)
        };
        assert_eq!(now(None, true), ("#beta, Bug, Idea".to_owned(), String::new(), 0));
        assert_eq!(now(Some(&forum), true), ("#beta, Fault".to_owned(), "Idea".to_owned(), 0));
        assert_eq!(now(Some(&forum), false), (String::new(), String::new(), 3));
        assert_eq!(now(None, false), (String::new(), String::new(), 3));
    }
}
