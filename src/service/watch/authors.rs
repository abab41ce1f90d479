//! People whom somebody follows: what they post matters wherever they post it, and so do edits and deletions
//! where something of theirs was recorded.

use crate::domain::ids::{ChannelId, UserId};

use super::Watched;

impl Watched {
    /// Whether edits and deletions in this channel matter, which needn't be a source.
    pub fn concerns_messages(&self, channel: ChannelId) -> bool {
        self.read_sets(|sets| {
            sets.read.contains_key(&channel)
                || sets.threads.get(channel).is_some()
                || sets.author_channels.contains(&channel)
        })
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
}
