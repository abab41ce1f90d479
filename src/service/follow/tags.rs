//! Tags as people know them: read by what a source offers, completed while they are typed, and shown by their
//! current names.

use crate::domain::channel::ChannelKind;
use crate::domain::follow::TagFilter;
use crate::domain::permissions::Permissions;
use crate::domain::tag_list::{UnreadableTag, Vocabulary};
use crate::domain::tags::{Tag, TagSet};
use crate::rest::model::Channel;

use super::list::{CHOICES, IN_TIME};
use crate::service::access::{Access, ChannelLookup, ChannelSight, GuildChannel};
use crate::service::{Actor, FollowService, Refusal, ServiceError, SourceChoice};

/// How many hashtags of posts the autocompletion looks at. Discord: 25 choices at most.
const TAGS: u64 = 50;

/// A follow's tags, by their current names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagsNow {
    /// Those that exist.
    pub there: Vec<String>,
    /// Those that were deleted in the source, by their last names.
    pub deleted: Vec<String>,
    /// How many there are whose names the person may not know, because they can't see the source.
    pub hidden: usize,
}

impl TagsNow {
    /// The tags of this filter. With the source's forum they get their current names, otherwise the names
    /// that they had when they were chosen. A person who can't see the source learns none: what a follow
    /// filters by reveals what is posted there.
    pub(in crate::service) fn of(filter: &TagFilter, forum: Option<&Channel>, seen: bool) -> Self {
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

    /// How to mention the hidden ones; `None` if there are none.
    pub fn said_of_hidden(&self) -> Option<String> {
        match self.hidden {
            0 => None,
            1 => Some("a tag that you can't see".to_owned()),
            count => Some(format!("{count} tags that you can't see")),
        }
    }
}

/// Reads the tags that were typed for this source; `None` if there are none.
pub(in crate::service) async fn read_tags(
    access: &mut Access<'_>,
    source: &GuildChannel,
    typed: &str,
) -> Result<Option<TagSet>, ServiceError> {
    let forum = access.forum_of(&source.channel).await?;
    let vocabulary = vocabulary(forum.as_ref());
    let refusal = |unreadable| match unreadable {
        UnreadableTag::NotOffered(name) => Refusal::NoSuchTag {
            forum: forum.as_ref().map_or(source.id(), |forum| forum.id),
            name,
            offered: vocabulary.offered().unwrap_or_default().iter().map(ToString::to_string).collect(),
        },
        UnreadableTag::NotWritable(text) => Refusal::NotAHashtag(text),
    };
    Ok(vocabulary.read(typed).map_err(refusal)?)
}

/// Which tags this forum has; without a forum, there are only hashtags.
fn vocabulary(forum: Option<&Channel>) -> Vocabulary {
    let Some(forum) = forum else { return Vocabulary::hashtags() };
    let tag = |tag: &crate::rest::model::ForumTag| Tag::Forum { id: tag.id, name: tag.name.clone() };
    Vocabulary::forum(forum.available_tags.iter().map(tag).collect())
}

impl FollowService {
    /// What the tags that are being typed may become, as much as can be found in time. Only for people who
    /// manage the channel in which they type.
    pub async fn tag_choices(
        &self,
        actor: Actor,
        source: Option<SourceChoice>,
        typed: &str,
    ) -> Result<Vec<String>, ServiceError> {
        let mut offer = TagSuggestions::default();
        match tokio::time::timeout(IN_TIME, self.find_tags(actor, source, &mut offer)).await {
            Ok(Err(error)) => Err(error),
            Ok(Ok(())) | Err(_) => Ok(offer.complete(typed)),
        }
    }

    async fn find_tags(
        &self,
        actor: Actor,
        source: Option<SourceChoice>,
        offer: &mut TagSuggestions,
    ) -> Result<(), ServiceError> {
        let rest = self.on_behalf_of(actor);
        let mut access = self.completion_access(&rest, actor).await;
        access.prefetch(actor.guild, &[actor.user]).await?;
        access.require_here(actor, Permissions::MANAGE_CHANNELS).await?;
        let source = source.filter(|source| !self.is_elsewhere(*source));
        let source = match source {
            Some(source) => visible_if_any(access.look(actor, source.id()).await)?,
            None => None,
        };
        // For a source that they can't see, or haven't chosen yet, no forum tags are named.
        let forum = match &source {
            Some(source) => access.forum_of(&source.channel).await?,
            None => None,
        };
        offer.vocabulary = Some(vocabulary(forum.as_ref()));
        // A forum's tags have names of their own. What was posted is only for people who may read it.
        if let (Some(source), None) = (&source, &forum)
            && access.may_read(actor, source.id()).await?
        {
            offer.posted = self.parts.store.hashtags_of(source.id(), TAGS).await?;
        }
        for follow in self.parts.store.follows_for_autocomplete(actor.guild, CHOICES).await? {
            let tags = follow.options.filter.tags().iter().filter(|tag| matches!(tag, Tag::Hashtag(_)));
            let tags: Vec<Tag> = tags.cloned().collect();
            if tags.is_empty() {
                continue;
            }
            access.note_follow(&follow);
            // What a follow filters by reveals what is posted.
            if visible_if_any(access.look(actor, follow.pair.source).await)?.is_some() {
                offer.used.extend(tags);
            }
        }
        Ok(())
    }
}

/// A channel that is visible. A refused look-up counts as "not visible".
fn visible_if_any(sight: Result<ChannelSight, ServiceError>) -> Result<Option<GuildChannel>, ServiceError> {
    match sight {
        Ok(sight) => Ok(sight.visible()),
        Err(ServiceError::Refused(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What can be offered, as far as it was found.
#[derive(Default)]
struct TagSuggestions {
    /// `None` until it is known that the person may follow anything here.
    vocabulary: Option<Vocabulary>,
    /// The hashtags of the source's last posts, newest first.
    posted: Vec<Tag>,
    /// Those that this server's follows use.
    used: Vec<Tag>,
}

impl TagSuggestions {
    fn complete(mut self, typed: &str) -> Vec<String> {
        let Some(vocabulary) = self.vocabulary else { return Vec::new() };
        self.used.sort_by_cached_key(ToString::to_string);
        self.used.dedup();
        self.posted.extend(self.used);
        vocabulary.complete(typed, &self.posted)
    }
}

impl Access<'_> {
    /// The forum that this channel is, or is a post of.
    pub(in crate::service) async fn forum_of(
        &mut self,
        channel: &Channel,
    ) -> Result<Option<Channel>, ServiceError> {
        if channel.kind == ChannelKind::Forum {
            return Ok(Some(channel.clone()));
        }
        let Some(parent) = channel.thread_parent() else { return Ok(None) };
        match self.find(parent).await? {
            ChannelLookup::Seen(parent) if parent.kind == ChannelKind::Forum => Ok(Some(parent)),
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
        let filter = TagFilter::Only(TagSet::new(tags).unwrap());
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
