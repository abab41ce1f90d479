//! The forums that are posted into, with the tags that they offer, remembered for some minutes.

use std::sync::{Arc, Mutex};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::expiring::ExpiringMap;
use crate::domain::ids::{ChannelId, TagId};
use crate::domain::lock::lock;
use crate::domain::message::Content;
use crate::domain::tags::{Tag, normalise};
use crate::rest::RestError;
use crate::rest::model::{Channel, ForumTag};

use crate::delivery::LaneTools;

/// How long a forum is remembered. Discord says when a tag is missing or unknown, so nothing is lost where
/// the cache is out of date.
const REMEMBERED: TimeDelta = TimeDelta::minutes(5);
/// How many forums are remembered, each with up to 20 tags (Discord).
const MOST: usize = 1_000;
/// Discord: a post has five tags at most.
const MOST_TAGS: usize = 5;

/// The forums that are known.
#[derive(Debug, Clone, Default)]
pub(in crate::delivery) struct ForumCache(Arc<Mutex<ExpiringMap<ChannelId, Arc<Channel>, MOST>>>);

impl ForumCache {
    fn get(&self, id: ChannelId, now: DateTime<Utc>) -> Option<Arc<Channel>> {
        lock(&self.0).get(&id, now).cloned()
    }

    fn put(&self, forum: Arc<Channel>, now: DateTime<Utc>) {
        lock(&self.0).put(forum.id, forum, now + REMEMBERED, now);
    }

    /// Forgets a forum, so that it is asked for anew the next time.
    pub(super) fn forget(&self, id: ChannelId) {
        lock(&self.0).remove(&id);
    }
}

impl LaneTools {
    /// A forum, and whether Discord was asked for it just now.
    pub(super) async fn forum(&self, id: ChannelId) -> Result<(Arc<Channel>, bool), RestError> {
        let now = self.clock.now();
        if let Some(known) = self.forums.get(id, now) {
            return Ok((known, false));
        }
        let forum = Arc::new(self.rest.channel(id).await?);
        self.forums.put(Arc::clone(&forum), now);
        Ok((forum, true))
    }
}

/// The tags for a post that shows this: the forum's tags that have the name of one of its own. Where a tag is
/// required and none fits, the first one that everyone may give. A hashtag, which anybody can write, never
/// gives a tag that only moderators may give.
pub(super) fn fitting_tags(forum: &Channel, content: Option<&Content>) -> Vec<TagId> {
    let own = content.map(Content::tags).unwrap_or_default();
    let rank = |offered: &ForumTag| {
        let name = normalise(&offered.name);
        let ranks = own.iter().filter_map(|tag| match tag {
            Tag::Forum { name: own, .. } => (normalise(own) == name).then_some(0),
            Tag::Hashtag(own) => (*own == name && !offered.moderated).then_some(1),
        });
        ranks.min()
    };
    let offered = &forum.available_tags;
    let mut fitting: Vec<(u8, TagId)> =
        offered.iter().filter_map(|tag| rank(tag).map(|rank| (rank, tag.id))).collect();
    // Where there are too many, the post's own tags go first.
    fitting.sort_by_key(|(rank, _)| *rank);
    let mut tags: Vec<TagId> = fitting.into_iter().map(|(_, tag)| tag).take(MOST_TAGS).collect();
    if tags.is_empty() && forum.requires_tag() {
        let any = offered.iter().find(|tag| !tag.moderated).or_else(|| offered.first());
        tags.extend(any.map(|tag| tag.id));
    }
    tags
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::message::{InThread, PostTag};
    use crate::domain::place::SourcePlace;

    fn forum(required: bool) -> Channel {
        let names = ["Official", "Bug", "Größe", "c", "d", "e", "f"];
        let tags = names.iter().enumerate();
        let tags: Vec<_> =
            tags.map(|(n, name)| json!({"id": n + 1, "name": name, "moderated": n == 0})).collect();
        let flags = if required { 1 << 4 } else { 0 };
        serde_json::from_value(json!({"id": 9, "type": 15, "flags": flags, "available_tags": tags})).unwrap()
    }

    fn tags(forum: &Channel, text: &str, of_post: &[&str]) -> Vec<u64> {
        let tag = |name: &&str| PostTag { id: "77".parse().unwrap(), name: (*name).to_owned() };
        let thread = InThread {
            thread: "5".parse().unwrap(),
            title: "t".to_owned(),
            owner: None,
            title_withheld: false,
            tags: of_post.iter().map(tag).collect(),
            place: SourcePlace::Starter,
            link: String::new(),
        };
        let content = Content { text: text.to_owned(), thread: Some(thread), ..Content::default() };
        fitting_tags(forum, Some(&content)).into_iter().map(TagId::get).collect()
    }

    #[test]
    fn a_forum_is_remembered_for_minutes_and_so_many_of_them() {
        let (forums, now) = (ForumCache::default(), DateTime::UNIX_EPOCH);
        let put = |id: usize, now| {
            let id = ChannelId::new(u64::try_from(id).unwrap()).unwrap();
            forums.put(Arc::new(Channel { id, ..forum(false) }), now);
            id
        };
        let first = put(1, now);
        assert!(forums.get(first, now + TimeDelta::minutes(4)).is_some());
        assert!(forums.get(first, now + REMEMBERED).is_none());
        for id in 2..=MOST {
            put(id, now);
        }
        assert!(forums.get(first, now).is_some());
        let last = put(MOST + 1, now);
        assert!(forums.get(first, now).is_none() && forums.get(last, now).is_some());
        forums.forget(last);
        assert!(forums.get(last, now).is_none());
    }

    #[test]
    fn tags_of_the_same_name_are_given() {
        assert_eq!(tags(&forum(false), "a #GRO\u{308}SSE", &["ｂｕｇ", "else"]), [2, 3]);
        assert_eq!(tags(&forum(false), "nothing", &[]), [0; 0]);
        assert_eq!(tags(&forum(false), "#bug #größe #c #d #e #f", &[]), [2, 3, 4, 5, 6]);
        assert_eq!(tags(&forum(false), "#bug #größe #c #d #e #f", &["F"]), [7, 2, 3, 4, 5]);
    }

    #[test]
    fn a_moderators_tag_is_no_hashtags() {
        assert_eq!(tags(&forum(false), "#official", &[]), [0; 0]);
        assert_eq!(tags(&forum(false), "", &["official"]), [1]);
    }

    #[test]
    fn a_required_tag_is_one_that_everyone_may_give() {
        assert_eq!(tags(&forum(true), "", &[]), [2]);
        assert_eq!(fitting_tags(&forum(true), None).len(), 1);
        let mut only = forum(true);
        only.available_tags.truncate(1);
        assert_eq!(tags(&only, "", &[]), [1]);
        only.available_tags.clear();
        assert_eq!(tags(&only, "", &[]), [0; 0]);
    }
}
