//! Threads, as far as a message in one has to be understood: what they are called, which tags they have, and what they begin with. Pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::domain::channel::channel_link;
use crate::domain::ids::{ChannelId, GuildId, MessageId, TagId};
use crate::domain::message::{InThread, PostTag};
use crate::domain::place::Place;
use crate::rest::model::Channel;

use super::snapshot::KeptThread;

/// A thread, as Discord describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenThread {
    /// The thread.
    pub id: ChannelId,
    /// Its channel.
    pub parent: ChannelId,
    /// Its server.
    pub guild: GuildId,
    /// What it is called.
    pub title: String,
    /// The tags that it has in its forum.
    pub tags: Vec<TagId>,
    /// Only those invited see it.
    pub private: bool,
    /// Its newest message, if it has one.
    pub last_message: Option<MessageId>,
}

impl SeenThread {
    /// Reads a channel; `None` where it isn't a thread.
    pub fn read(channel: &Channel, guild: GuildId) -> Option<Self> {
        Some(Self {
            id: channel.id,
            parent: channel.thread_parent()?,
            guild,
            title: channel.name.clone(),
            tags: channel.applied_tags.clone(),
            private: channel.kind == crate::domain::channel::ChannelKind::PrivateThread,
            last_message: channel.last_message_id,
        })
    }
}

/// What is new about a thread that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// Nothing was known of it.
    New,
    /// Nothing.
    Same,
    /// Its title or its tags are others, or weren't known.
    Changed,
    /// It is private now.
    Hidden,
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// What is followed, where its thread isn't by itself: its channel, or the channel of its thread.
    pub source: ChannelId,
    /// The thread, where that is a part of the source.
    pub thread: Option<InThread>,
}

/// What a thread begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::service) enum First {
    /// A message that has the thread's number, if any: in a forum they are the same.
    Unknown,
    /// Nothing has been posted in it yet.
    Awaited,
    /// This message.
    Post(MessageId),
    /// No message of it: it was started from one of its channel, or by the bot itself.
    Elsewhere,
}

#[derive(Debug)]
pub(super) struct Thread {
    pub(super) parent: ChannelId,
    pub(super) guild: GuildId,
    first: First,
    /// What Discord told last; none while only the database has told of it.
    told: Option<Told>,
}

#[derive(Debug, PartialEq, Eq)]
struct Told {
    title: String,
    tags: Vec<TagId>,
    private: bool,
}

/// All threads that matter.
#[derive(Debug, Default)]
pub(super) struct Threads {
    all: HashMap<ChannelId, Thread>,
    /// The names of the tags that forums offer; none for channels that are known to be no forum.
    tags: HashMap<ChannelId, Option<HashMap<TagId, String>>>,
}

impl Threads {
    pub(super) fn get(&self, thread: ChannelId) -> Option<&Thread> {
        self.all.get(&thread)
    }

    /// All threads, as they are kept over a planned restart.
    pub(super) fn kept(&self) -> Vec<KeptThread> {
        let kept = self.all.iter().map(|(id, thread)| {
            let Thread { parent, guild, first, .. } = *thread;
            KeptThread { guild, thread: *id, parent, first }
        });
        kept.collect()
    }

    /// Takes up a thread that was known before a planned restart.
    pub(super) fn restore(&mut self, kept: KeptThread) {
        let KeptThread { guild, thread, parent, first } = kept;
        self.all.entry(thread).or_insert(Thread { parent, guild, first, told: None });
        self.begin(thread, first);
    }

    /// Takes up what the database knows of a thread.
    pub(super) fn know(
        &mut self,
        thread: ChannelId,
        parent: ChannelId,
        guild: GuildId,
        starter: Option<MessageId>,
    ) {
        let first = starter.map_or(First::Unknown, First::Post);
        let known = self.all.entry(thread).or_insert(Thread { parent, guild, first, told: None });
        if known.first == First::Unknown {
            known.first = first;
        }
    }

    /// Takes up what Discord tells of a thread.
    pub(super) fn note(&mut self, seen: SeenThread) -> Noted {
        let told = Told { title: seen.title, tags: seen.tags, private: seen.private };
        let Some(known) = self.all.get_mut(&seen.id) else {
            let (parent, guild) = (seen.parent, seen.guild);
            self.all.insert(seen.id, Thread { parent, guild, first: First::Unknown, told: Some(told) });
            return Noted::New;
        };
        let before = known.told.replace(told);
        let private = |told: &Option<Told>| told.as_ref().is_some_and(|told| told.private);
        match (private(&before), private(&known.told)) {
            // Where nothing was known of it, it may have been public.
            (false, true) => Noted::Hidden,
            _ if before == known.told => Noted::Same,
            _ => Noted::Changed,
        }
    }

    pub(super) fn forget(&mut self, thread: ChannelId) {
        self.all.remove(&thread);
    }

    pub(super) fn forget_of(&mut self, parent: ChannelId) {
        self.all.retain(|_, thread| thread.parent != parent);
        self.tags.remove(&parent);
    }

    /// Takes up the tags that a forum offers.
    pub(super) fn offer(&mut self, forum: ChannelId, tags: impl IntoIterator<Item = (TagId, String)>) {
        self.tags.insert(forum, Some(tags.into_iter().collect()));
    }

    /// Takes up that a channel is no forum.
    pub(super) fn offers_nothing(&mut self, channel: ChannelId) {
        self.tags.insert(channel, None);
    }

    /// The tags that channels offer; none for those that are known to be no forum.
    pub(super) fn offered(&self) -> impl Iterator<Item = (ChannelId, Option<&HashMap<TagId, String>>)> {
        self.tags.iter().map(|(channel, tags)| (*channel, tags.as_ref()))
    }

    /// Whether a channel is a forum; `None` where that isn't known.
    pub(super) fn is_forum(&self, channel: ChannelId) -> Option<bool> {
        self.tags.get(&channel).map(Option::is_some)
    }

    /// Settles what a thread begins with; once settled it stays.
    pub(super) fn begin(&mut self, thread: ChannelId, first: First) {
        if let Some(thread) = self.all.get_mut(&thread)
            && matches!(thread.first, First::Unknown | First::Awaited)
        {
            thread.first = first;
        }
    }

    /// What a thread begins with.
    pub(super) fn first(&self, thread: ChannelId) -> First {
        self.all.get(&thread).map_or(First::Unknown, |thread| thread.first)
    }

    /// Where a message of a thread stands; `None` while too little is known of the thread.
    pub(super) fn standing(&self, id: ChannelId, message: MessageId) -> Option<Standing> {
        let thread = self.all.get(&id)?;
        let told = thread.told.as_ref()?;
        if told.private {
            return Some(Standing { source: id, thread: None });
        }
        if !told.tags.is_empty() && self.is_forum(thread.parent).is_none() {
            return None;
        }
        let names = self.tags.get(&thread.parent).and_then(Option::as_ref);
        let name = |tag: &TagId| names.and_then(|names| names.get(tag)).cloned().unwrap_or_default();
        let by_number = message == id.first_message();
        let starts = match self.is_forum(thread.parent) {
            Some(true) => by_number,
            Some(false) | None => by_number || thread.first == First::Post(message),
        };
        Some(Standing {
            source: thread.parent,
            thread: Some(InThread {
                thread: id,
                title: told.title.clone(),
                tags: told.tags.iter().map(|tag| PostTag { id: *tag, name: name(tag) }).collect(),
                place: if starts { Place::Starter } else { Place::Answer },
                link: channel_link(thread.guild, id),
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORUM: u64 = 5;

    fn channel(id: u64) -> ChannelId {
        ChannelId::new(id).unwrap()
    }

    fn message(id: u64) -> MessageId {
        MessageId::new(id).unwrap()
    }

    fn seen(id: u64, title: &str, tags: &[u64]) -> SeenThread {
        SeenThread {
            id: channel(id),
            parent: channel(FORUM),
            guild: GuildId::new(1).unwrap(),
            title: title.to_owned(),
            tags: tags.iter().map(|tag| TagId::new(*tag).unwrap()).collect(),
            private: false,
            last_message: None,
        }
    }

    fn place(threads: &Threads, thread: u64, at: u64) -> Option<Place> {
        threads.standing(channel(thread), message(at))?.thread.map(|thread| thread.place)
    }

    #[test]
    fn what_changes_about_a_thread_is_noticed() {
        let mut threads = Threads::default();
        assert_eq!(threads.note(seen(9, "a", &[])), Noted::New);
        assert_eq!(threads.note(seen(9, "a", &[])), Noted::Same);
        assert_eq!(threads.note(seen(9, "b", &[])), Noted::Changed);
        assert_eq!(threads.note(seen(9, "b", &[3])), Noted::Changed);
        assert_eq!(threads.note(SeenThread { private: true, ..seen(9, "b", &[3]) }), Noted::Hidden);
        threads.know(channel(8), channel(FORUM), GuildId::new(1).unwrap(), None);
        assert_eq!(threads.note(seen(8, "a", &[])), Noted::Changed, "it may have been another");
    }

    #[test]
    fn a_thread_begins_with_its_own_number_or_its_first_post() {
        let mut threads = Threads::default();
        threads.note(seen(9, "a", &[]));
        assert_eq!(place(&threads, 9, 9), Some(Place::Starter));
        assert_eq!(place(&threads, 9, 10), Some(Place::Answer));
        threads.begin(channel(9), First::Awaited);
        threads.begin(channel(9), First::Post(message(10)));
        threads.begin(channel(9), First::Elsewhere);
        assert_eq!(place(&threads, 9, 10), Some(Place::Starter), "settled once");
        assert_eq!(place(&threads, 9, 11), Some(Place::Answer));
    }

    #[test]
    fn a_forums_post_begins_with_its_own_number_only() {
        let mut threads = Threads::default();
        threads.offer(channel(FORUM), []);
        threads.note(seen(9, "a", &[]));
        threads.begin(channel(9), First::Awaited);
        threads.begin(channel(9), First::Post(message(10)));
        assert_eq!(place(&threads, 9, 10), Some(Place::Answer));
        assert_eq!(place(&threads, 9, 9), Some(Place::Starter));
    }

    #[test]
    fn what_the_database_knows_does_for_places_but_not_for_titles() {
        let mut threads = Threads::default();
        threads.know(channel(9), channel(FORUM), GuildId::new(1).unwrap(), Some(message(12)));
        assert_eq!(threads.standing(channel(9), message(12)), None);
        threads.note(seen(9, "a", &[]));
        assert_eq!(place(&threads, 9, 12), Some(Place::Starter));
    }

    #[test]
    fn tags_have_the_names_that_their_forum_gives_them() {
        let mut threads = Threads::default();
        threads.note(seen(9, "a", &[3]));
        assert_eq!(threads.standing(channel(9), message(10)), None, "the forum isn't known yet");
        threads.offer(channel(FORUM), [(TagId::new(3).unwrap(), "bug".to_owned())]);
        let thread = threads.standing(channel(9), message(10)).unwrap().thread.unwrap();
        assert_eq!(
            (thread.tags[0].name.as_str(), thread.link.as_str()),
            ("bug", "https://discord.com/channels/1/9")
        );
    }

    #[test]
    fn a_private_thread_is_a_source_of_its_own() {
        let mut threads = Threads::default();
        threads.note(SeenThread { private: true, ..seen(9, "a", &[]) });
        let standing = threads.standing(channel(9), message(10)).unwrap();
        assert_eq!(standing, Standing { source: channel(9), thread: None });
    }
}
