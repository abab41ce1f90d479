//! What must be known about threads to understand a message in one: their names, their tags, and how they
//! begin. Pure.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::domain::channel::channel_link;
use crate::domain::ids::{ChannelId, GuildId, MessageId, TagId, UserId};
use crate::domain::message::{InThread, PostTag};
use crate::domain::place::SourcePlace;
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
    /// Its name.
    pub title: String,
    /// Who began it.
    pub owner: Option<UserId>,
    /// The forum tags that it has.
    pub tags: Vec<TagId>,
    /// Only those invited see it.
    pub private: bool,
    /// Its newest message, if it has one.
    pub last_message: Option<MessageId>,
}

impl SeenThread {
    /// Reads a channel; `None` if it isn't a thread.
    pub fn read(channel: &Channel, guild: GuildId) -> Option<Self> {
        Some(Self {
            id: channel.id,
            parent: channel.thread_parent()?,
            guild,
            title: channel.name.clone(),
            owner: channel.owner_id,
            tags: channel.applied_tags.clone(),
            private: channel.kind == crate::domain::channel::ChannelKind::PrivateThread,
            last_message: channel.last_message_id,
        })
    }
}

/// What changed about a thread that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ThreadChange {
    /// It wasn't known before.
    New,
    /// Nothing.
    Same,
    /// Its name or its tags changed, or weren't known before.
    Changed,
    /// It is private now.
    Hidden,
}

/// Where a message stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageLocation {
    /// What is followed, unless its thread is followed by itself: its channel, or the channel of its thread.
    pub source: ChannelId,
    /// The thread, if it is part of the source.
    pub thread: Option<InThread>,
}

/// How a thread begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::service) enum ThreadStart {
    /// With the message that has the thread's number, if there is one. In a forum, they are the same.
    Unknown,
    /// Nothing has been posted in it yet.
    Awaited,
    /// With this message.
    Post(MessageId),
    /// With no message of its own: it was started from a message of its channel, or by the bot itself.
    Elsewhere,
}

#[derive(Debug)]
pub(super) struct Thread {
    pub(super) parent: ChannelId,
    pub(super) guild: GuildId,
    first: ThreadStart,
    /// Discord's last description; `None` while only the database has mentioned it.
    told: Option<ThreadDescription>,
}

#[derive(Debug, PartialEq, Eq)]
struct ThreadDescription {
    title: String,
    owner: Option<UserId>,
    tags: Vec<TagId>,
    private: bool,
}

/// All threads that matter.
#[derive(Debug, Default)]
pub(super) struct ThreadIndex {
    all: HashMap<ChannelId, Thread>,
    /// The names of the tags that forums offer; `None` for channels that are known to be no forum.
    tags: HashMap<ChannelId, Option<HashMap<TagId, String>>>,
}

impl ThreadIndex {
    pub(super) fn get(&self, thread: ChannelId) -> Option<&Thread> {
        self.all.get(&thread)
    }

    /// Whether Discord has described this thread.
    pub(super) fn is_described(&self, thread: ChannelId) -> bool {
        self.all.get(&thread).is_some_and(|thread| thread.told.is_some())
    }

    /// Forgets half of the threads if there are so many: Discord is asked again about those that matter.
    pub(super) fn make_room(&mut self, most: usize) {
        if self.all.len() >= most {
            let mut keeps = false;
            self.all.retain(|_, _| {
                keeps = !keeps;
                keeps
            });
        }
    }

    /// All threads, in the form that is kept across a planned restart.
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
        self.set_thread_start(thread, first);
    }

    /// Takes up what the database knows about a thread.
    pub(super) fn add_known(
        &mut self,
        thread: ChannelId,
        parent: ChannelId,
        guild: GuildId,
        starter: Option<MessageId>,
    ) {
        let first = starter.map_or(ThreadStart::Unknown, ThreadStart::Post);
        let known = self.all.entry(thread).or_insert(Thread { parent, guild, first, told: None });
        if known.first == ThreadStart::Unknown {
            known.first = first;
        }
    }

    /// Takes up what Discord says about a thread.
    pub(super) fn note(&mut self, seen: SeenThread) -> ThreadChange {
        let SeenThread { title, owner, tags, private, .. } = seen;
        let told = ThreadDescription { title, owner, tags, private };
        let Some(known) = self.all.get_mut(&seen.id) else {
            let (parent, guild) = (seen.parent, seen.guild);
            self.all.insert(seen.id, Thread { parent, guild, first: ThreadStart::Unknown, told: Some(told) });
            return ThreadChange::New;
        };
        let before = known.told.replace(told);
        let private = |told: &Option<ThreadDescription>| told.as_ref().is_some_and(|told| told.private);
        match (private(&before), private(&known.told)) {
            // If nothing was known about it, it may have been public.
            (false, true) => ThreadChange::Hidden,
            _ if before == known.told => ThreadChange::Same,
            _ => ThreadChange::Changed,
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

    /// Notes that a channel is not a forum.
    pub(super) fn offers_nothing(&mut self, channel: ChannelId) {
        self.tags.insert(channel, None);
    }

    /// The tags that channels offer; `None` for those that are known to be no forum.
    pub(super) fn offered(&self) -> impl Iterator<Item = (ChannelId, Option<&HashMap<TagId, String>>)> {
        self.tags.iter().map(|(channel, tags)| (*channel, tags.as_ref()))
    }

    /// Whether a channel is a forum; `None` if that isn't known.
    pub(super) fn is_forum(&self, channel: ChannelId) -> Option<bool> {
        self.tags.get(&channel).map(Option::is_some)
    }

    /// Decides how a thread begins. Once decided, it stays.
    pub(super) fn set_thread_start(&mut self, thread: ChannelId, first: ThreadStart) {
        if let Some(thread) = self.all.get_mut(&thread)
            && matches!(thread.first, ThreadStart::Unknown | ThreadStart::Awaited)
        {
            thread.first = first;
        }
    }

    /// How a thread begins.
    pub(super) fn thread_start(&self, thread: ChannelId) -> ThreadStart {
        self.all.get(&thread).map_or(ThreadStart::Unknown, |thread| thread.first)
    }

    /// Where a message of a thread stands; `None` while too little is known about the thread.
    pub(super) fn locate(&self, id: ChannelId, message: MessageId) -> Option<MessageLocation> {
        let thread = self.all.get(&id)?;
        let told = thread.told.as_ref()?;
        if told.private {
            return Some(MessageLocation { source: id, thread: None });
        }
        if !told.tags.is_empty() && self.is_forum(thread.parent).is_none() {
            return None;
        }
        let names = self.tags.get(&thread.parent).and_then(Option::as_ref);
        let name = |tag: &TagId| names.and_then(|names| names.get(tag)).cloned().unwrap_or_default();
        let by_number = message == id.first_message();
        let starts = match self.is_forum(thread.parent) {
            Some(true) => by_number,
            Some(false) | None => by_number || thread.first == ThreadStart::Post(message),
        };
        Some(MessageLocation {
            source: thread.parent,
            thread: Some(InThread {
                thread: id,
                title: told.title.clone(),
                owner: told.owner,
                title_withheld: false,
                tags: told.tags.iter().map(|tag| PostTag { id: *tag, name: name(tag) }).collect(),
                place: if starts { SourcePlace::Starter } else { SourcePlace::Answer },
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
            owner: None,
            tags: tags.iter().map(|tag| TagId::new(*tag).unwrap()).collect(),
            private: false,
            last_message: None,
        }
    }

    fn place(threads: &ThreadIndex, thread: u64, at: u64) -> Option<SourcePlace> {
        threads.locate(channel(thread), message(at))?.thread.map(|thread| thread.place)
    }

    #[test]
    fn what_changes_about_a_thread_is_noticed() {
        let mut threads = ThreadIndex::default();
        assert_eq!(threads.note(seen(9, "a", &[])), ThreadChange::New);
        assert_eq!(threads.note(seen(9, "a", &[])), ThreadChange::Same);
        assert_eq!(threads.note(seen(9, "b", &[])), ThreadChange::Changed);
        assert_eq!(threads.note(seen(9, "b", &[3])), ThreadChange::Changed);
        assert_eq!(threads.note(SeenThread { private: true, ..seen(9, "b", &[3]) }), ThreadChange::Hidden);
        threads.add_known(channel(8), channel(FORUM), GuildId::new(1).unwrap(), None);
        assert_eq!(threads.note(seen(8, "a", &[])), ThreadChange::Changed, "it may have been another");
    }

    #[test]
    fn a_thread_begins_with_its_own_number_or_its_first_post() {
        let mut threads = ThreadIndex::default();
        threads.note(seen(9, "a", &[]));
        assert_eq!(place(&threads, 9, 9), Some(SourcePlace::Starter));
        assert_eq!(place(&threads, 9, 10), Some(SourcePlace::Answer));
        threads.set_thread_start(channel(9), ThreadStart::Awaited);
        threads.set_thread_start(channel(9), ThreadStart::Post(message(10)));
        threads.set_thread_start(channel(9), ThreadStart::Elsewhere);
        assert_eq!(place(&threads, 9, 10), Some(SourcePlace::Starter), "decided once");
        assert_eq!(place(&threads, 9, 11), Some(SourcePlace::Answer));
    }

    #[test]
    fn a_forums_post_begins_with_its_own_number_only() {
        let mut threads = ThreadIndex::default();
        threads.offer(channel(FORUM), []);
        threads.note(seen(9, "a", &[]));
        threads.set_thread_start(channel(9), ThreadStart::Awaited);
        threads.set_thread_start(channel(9), ThreadStart::Post(message(10)));
        assert_eq!(place(&threads, 9, 10), Some(SourcePlace::Answer));
        assert_eq!(place(&threads, 9, 9), Some(SourcePlace::Starter));
    }

    #[test]
    fn what_the_database_knows_does_for_places_but_not_for_titles() {
        let mut threads = ThreadIndex::default();
        threads.add_known(channel(9), channel(FORUM), GuildId::new(1).unwrap(), Some(message(12)));
        assert_eq!(threads.locate(channel(9), message(12)), None);
        threads.note(seen(9, "a", &[]));
        assert_eq!(place(&threads, 9, 12), Some(SourcePlace::Starter));
    }

    #[test]
    fn tags_have_the_names_that_their_forum_gives_them() {
        let mut threads = ThreadIndex::default();
        threads.note(seen(9, "a", &[3]));
        assert_eq!(threads.locate(channel(9), message(10)), None, "the forum isn't known yet");
        threads.offer(channel(FORUM), [(TagId::new(3).unwrap(), "bug".to_owned())]);
        let thread = threads.locate(channel(9), message(10)).unwrap().thread.unwrap();
        assert_eq!(
            (thread.tags[0].name.as_str(), thread.link.as_str()),
            ("bug", "https://discord.com/channels/1/9")
        );
    }

    #[test]
    fn a_private_thread_is_a_source_of_its_own() {
        let mut threads = ThreadIndex::default();
        threads.note(SeenThread { private: true, ..seen(9, "a", &[]) });
        let standing = threads.locate(channel(9), message(10)).unwrap();
        assert_eq!(standing, MessageLocation { source: channel(9), thread: None });
    }
}
