//! People whom somebody follows: what they post matters wherever they post it, and so do edits and deletions
//! where something of theirs was recorded. And what is known of the places in which they post: threads, with
//! the tags by which their posts are filtered, and channels that are no threads.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::expiring::ExpiringMap;
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};

use super::threads::ThreadIndex;
use super::{MessageLocation, SeenThread, ThreadChange, Watched};

/// How many threads, and how many channels, are remembered that nobody follows.
const MOST_PLACES: usize = 20_000;
/// How long it is remembered that a channel is no thread.
const CHANNEL_KNOWN: TimeDelta = TimeDelta::days(1);
/// How long it is remembered that Discord doesn't show a channel.
const HIDDEN_KNOWN: TimeDelta = TimeDelta::minutes(10);

/// What is known of places that nobody follows.
#[derive(Debug, Default)]
pub(super) struct AuthorPlaces {
    /// Threads, and the tags that forums offer.
    pub(super) threads: ThreadIndex,
    /// Channels that are no threads: whether Discord shows them.
    channels: ExpiringMap<ChannelId, bool, MOST_PLACES>,
}

/// Where a message is that somebody posted in a channel that nobody follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service) enum AuthorPlace {
    /// There.
    At(MessageLocation),
    /// Too little is known: Discord must be asked what its channel is.
    Unknown,
    /// Discord doesn't show the channel. Without its tags, what is posted there isn't shown to anybody.
    Hidden,
}

impl Watched {
    /// Whether edits and deletions in this channel matter, which needn't be a source.
    pub fn concerns_messages(&self, channel: ChannelId) -> bool {
        self.read_sets(|sets| {
            sets.read.contains_key(&channel)
                || sets.threads.get(channel).is_some()
                || sets.author_channels.contains(&channel)
        })
    }

    /// Whether something of a followed person is recorded in this channel or thread, which is no source.
    pub(in crate::service) fn has_author_posts(&self, channel: ChannelId) -> bool {
        self.read_sets(|sets| sets.author_channels.contains(&channel))
    }

    /// Whether somebody follows this person.
    pub fn is_followed_author(&self, author: UserId) -> bool {
        self.read_sets(|sets| sets.authors.contains(&author))
    }

    /// Whether somebody follows any person.
    pub fn has_followed_authors(&self) -> bool {
        self.read_sets(|sets| !sets.authors.is_empty())
    }

    /// Begins to listen to a person. It must be called before the follow is stored.
    pub fn add_author(&self, author: UserId) {
        self.update_sets(|sets| sets.authors.insert(author));
    }

    /// Notes that something of a followed person is recorded in this channel.
    pub(in crate::service) fn add_author_channel(&self, channel: ChannelId) {
        if !self.concerns_messages(channel) {
            self.update_sets(|sets| sets.author_channels.insert(channel));
        }
    }

    /// Adds the people who are followed, and where something of theirs is recorded.
    pub fn extend_authors(
        &self,
        authors: impl IntoIterator<Item = UserId>,
        channels: impl IntoIterator<Item = ChannelId>,
    ) {
        self.update_sets(|sets| {
            sets.authors.extend(authors);
            sets.author_channels.extend(channels);
        });
    }

    /// Takes up what Discord says about a thread that nobody follows. `None` if that matters to nobody.
    pub(in crate::service) fn note_author_thread(&self, seen: SeenThread) -> Option<ThreadChange> {
        if !self.has_followed_authors() {
            return None;
        }
        Some(self.update_sets(|sets| sets.author_places.note(seen)))
    }

    /// The same for what Discord was asked: what the gateway has told meanwhile is newer.
    pub(in crate::service) fn describe_author_thread(&self, seen: SeenThread) {
        self.update_sets(|sets| {
            if !sets.author_places.threads.is_described(seen.id) {
                sets.author_places.note(seen);
            }
        });
    }

    /// Notes that a channel is no thread, or that Discord doesn't show it.
    pub(in crate::service) fn describe_author_channel(
        &self,
        channel: ChannelId,
        shown: bool,
        now: DateTime<Utc>,
    ) {
        let until = now + if shown { CHANNEL_KNOWN } else { HIDDEN_KNOWN };
        self.update_sets(|sets| sets.author_places.channels.put(channel, shown, until, now));
    }

    /// Where a message is, in a channel that nobody follows.
    pub(in crate::service) fn locate_author_post(
        &self,
        channel: ChannelId,
        message: MessageId,
        now: DateTime<Utc>,
    ) -> AuthorPlace {
        self.read_sets(|sets| {
            let AuthorPlaces { threads, channels } = &sets.author_places;
            if let Some(location) = threads.locate(channel, message) {
                return AuthorPlace::At(location);
            }
            match channels.get(&channel, now) {
                Some(true) => AuthorPlace::At(MessageLocation { source: channel, thread: None }),
                Some(false) => AuthorPlace::Hidden,
                None => AuthorPlace::Unknown,
            }
        })
    }

    /// Whether a channel is a forum, as far as that is known of channels that nobody follows.
    pub(in crate::service) fn is_author_forum(&self, channel: ChannelId) -> Option<bool> {
        self.read_sets(|sets| sets.author_places.threads.is_forum(channel))
    }

    /// Forgets a thread that is gone. Returns its channel and its server, if they are known.
    pub(in crate::service) fn forget_author_thread(&self, thread: ChannelId) -> Option<(ChannelId, GuildId)> {
        self.update_sets(|sets| {
            let threads = &mut sets.author_places.threads;
            let known = threads.get(thread).map(|known| (known.parent, known.guild));
            threads.forget(thread);
            known
        })
    }
}

impl AuthorPlaces {
    fn note(&mut self, seen: SeenThread) -> ThreadChange {
        self.threads.make_room(MOST_PLACES);
        self.threads.note(seen)
    }
}
