//! Forums that are posted into: which tags they offer, remembered for some minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::ids::{ChannelId, TagId};
use crate::domain::message::Content;
use crate::domain::tags::{Tag, normalise};
use crate::rest::RestError;
use crate::rest::model::{Channel, ForumTag};

use crate::delivery::Tools;

/// How long a forum is remembered. Discord says when a tag is missing or unknown, so that what is out of date loses nothing.
const REMEMBERED: TimeDelta = TimeDelta::minutes(5);
/// Discord: a post has five tags at most.
const MOST_TAGS: usize = 5;

/// What is known of forums.
#[derive(Debug, Clone, Default)]
pub(in crate::delivery) struct Forums(Arc<Mutex<HashMap<ChannelId, Known>>>);

#[derive(Debug)]
struct Known {
    until: DateTime<Utc>,
    forum: Arc<Channel>,
}

impl Forums {
    fn get(&self, id: ChannelId, now: DateTime<Utc>) -> Option<Arc<Channel>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&id).filter(|known| known.until > now).map(|known| Arc::clone(&known.forum))
    }

    fn put(&self, forum: Arc<Channel>, now: DateTime<Utc>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, known| known.until > now);
        known.insert(forum.id, Known { until: now + REMEMBERED, forum });
    }

    /// Asks anew the next time.
    pub(in crate::delivery) fn forget(&self, id: ChannelId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

impl Tools {
    /// A forum, and whether it was asked for just now.
    pub(in crate::delivery) async fn forum(&self, id: ChannelId) -> Result<(Arc<Channel>, bool), RestError> {
        let now = self.clock.now();
        if let Some(known) = self.forums.get(id, now) {
            return Ok((known, false));
        }
        let forum = Arc::new(self.rest.channel(id).await?);
        self.forums.put(Arc::clone(&forum), now);
        Ok((forum, true))
    }
}

/// The tags that a post which shows this gets: those of the forum that are called like one of its own. Where one is required and none fits, the first that
/// everyone may give. A hashtag, which anybody can write, gives no tag that only moderators give.
pub(in crate::delivery) fn fitting_tags(forum: &Channel, content: Option<&Content>) -> Vec<TagId> {
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
    // Where there are too many, those of the post itself stay.
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
    use crate::domain::place::Place;

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
            tags: of_post.iter().map(tag).collect(),
            place: Place::Starter,
            link: String::new(),
        };
        let content = Content { text: text.to_owned(), thread: Some(thread), ..Content::default() };
        fitting_tags(forum, Some(&content)).into_iter().map(TagId::get).collect()
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
