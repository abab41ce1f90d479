//! What is kept across a planned restart, beyond what the database knows: threads in which nobody has posted
//! yet, how threads begin, and the tags of forums. Thread names are not kept: Discord is asked for them when
//! they matter.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{ChannelId, GuildId, TagId};

use super::Watched;
use super::threads::ThreadStart;

/// A thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct KeptThread {
    pub(in crate::service) guild: GuildId,
    pub(super) thread: ChannelId,
    pub(super) parent: ChannelId,
    pub(super) first: ThreadStart,
}

/// Whether a source is a forum, and if so, its tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::service) struct KeptTags {
    pub(in crate::service) guild: GuildId,
    channel: ChannelId,
    tags: Option<Vec<(TagId, String)>>,
}

impl Watched {
    /// The threads that are read, and the tags of sources.
    pub(in crate::service) fn kept(&self) -> (Vec<KeptThread>, Vec<KeptTags>) {
        self.read_sets(|sets| {
            let tags = sets.threads.offered().filter_map(|(channel, tags)| {
                let guild = sets.read.get(&channel)?.guild;
                let tags = tags.map(|tags| tags.iter().map(|(tag, name)| (*tag, name.clone())).collect());
                Some(KeptTags { guild, channel, tags })
            });
            (sets.threads.kept(), tags.collect())
        })
    }

    /// Takes up what was known before the restart, as far as it is still wanted.
    pub(in crate::service) fn restore(&self, threads: Vec<KeptThread>, tags: Vec<KeptTags>) {
        self.update_sets(|sets| {
            for thread in threads {
                if sets.wants_thread(thread.thread, thread.parent) {
                    sets.threads.restore(thread);
                }
            }
            for KeptTags { channel, tags, .. } in tags {
                match tags {
                    Some(tags) => sets.threads.offer(channel, tags),
                    None => sets.threads.offers_nothing(channel),
                }
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::MessageId;
    use crate::service::watch::tests::{channel, seen, source};

    #[test]
    fn what_was_known_is_known_again_where_it_is_still_wanted() {
        let tag = TagId::new(3).unwrap();
        let before = Watched::default();
        before.add_source(source(5, None, true));
        before.note_thread(seen(9, false));
        before.note_thread(seen(10, false));
        before.set_thread_start(channel(10), ThreadStart::Post(MessageId::new(12).unwrap()));
        before.offer_tags(channel(5), [(tag, "bug".to_owned())]);
        let (threads, tags) = before.kept();
        let text = serde_json::to_string(&(&threads, &tags)).unwrap();
        assert!(!text.contains("thread\":\"thread"), "titles aren't kept");
        let (threads, tags) = serde_json::from_str(&text).unwrap();

        let after = Watched::default();
        after.add_source(source(5, None, true));
        after.restore(threads, tags);
        assert!(after.is_source(channel(9)) && after.is_source(channel(10)));
        assert_eq!(after.thread_start(channel(10)), ThreadStart::Post(MessageId::new(12).unwrap()));
        assert_eq!(after.is_forum(channel(5)), Some(true));

        let unwanted = Watched::default();
        unwanted.add_source(source(5, None, false));
        let (threads, tags) = before.kept();
        unwanted.restore(threads, tags);
        assert!(!unwanted.is_source(channel(9)));
    }
}
