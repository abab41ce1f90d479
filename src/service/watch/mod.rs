//! What the gateway listens for: followed sources with their threads, targets, and the bot's own webhooks. It
//! is kept in memory, so that a message in a channel that nobody follows costs no query.

mod authors;
pub(super) mod snapshot;
mod threads;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use crate::domain::follow::{ChannelPair, DeliveryMethod, Follow, FollowOptions, NewFollow, ThreadScope};
use crate::domain::ids::{ChannelId, GuildId, MessageId, TagId, UserId, WebhookId};
use crate::store::{FollowedSource, KnownThread};

pub(super) use self::authors::AuthorPlace;
use self::authors::AuthorPlaces;
use self::threads::ThreadIndex;
pub(super) use self::threads::ThreadStart;
pub use self::threads::{MessageLocation, SeenThread, ThreadChange};

/// A filter, not a truth: it may know too much, some of it until the process is started again, but never too
/// little. The database decides what is delivered.
#[derive(Debug, Default)]
pub struct Watched(RwLock<WatchedSets>);

#[derive(Debug, Default)]
struct WatchedSets {
    /// The channels that the bot reads: sources of relay follows, and channels that people follow by
    /// themselves or in a collection.
    read: HashMap<ChannelId, Source>,
    /// The public threads of sources that want them, and threads that are followed themselves.
    threads: ThreadIndex,
    /// The sources and targets of all follows, the channels of those that are threads, and the channels of
    /// the bot's webhooks.
    ends: HashSet<ChannelId>,
    /// The channels among them, without threads, by server.
    channels: HashMap<GuildId, HashSet<ChannelId>>,
    own_webhooks: HashSet<WebhookId>,
    /// People whom somebody follows, wherever they post.
    authors: HashSet<UserId>,
    /// Channels that aren't sources, in which something of theirs was recorded.
    author_channels: HashSet<ChannelId>,
    author_places: AuthorPlaces,
    /// The servers of all of these.
    servers: HashSet<GuildId>,
    /// Servers that the bot has left, and of which something is still kept.
    left: HashSet<GuildId>,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    guild: GuildId,
    /// Its threads are read with it.
    threads: bool,
}

impl WatchedSets {
    fn wants_threads(&self, source: ChannelId) -> bool {
        self.read.get(&source).is_some_and(|source| source.threads)
    }

    fn wants_thread(&self, thread: ChannelId, parent: ChannelId) -> bool {
        self.wants_threads(parent) || self.read.contains_key(&thread)
    }

    fn wants_tags_of_source(&self, forum: ChannelId) -> bool {
        self.wants_threads(forum) || self.ends.contains(&forum)
    }

    /// Whether more of it must be read than before.
    fn add_source(&mut self, source: ChannelId, guild: GuildId, threads: bool) -> bool {
        match self.read.entry(source) {
            Entry::Vacant(empty) => {
                empty.insert(Source { guild, threads });
                true
            }
            Entry::Occupied(mut known) => {
                let more = threads && !known.get().threads;
                known.get_mut().threads |= threads;
                more
            }
        }
    }
}

impl Watched {
    /// Whether messages in this channel are read.
    pub fn is_source(&self, channel: ChannelId) -> bool {
        self.read_sets(|sets| sets.read.contains_key(&channel) || sets.threads.get(channel).is_some())
    }

    /// The source whose history is read before anything of this channel is accepted, and its server: the
    /// channel itself, or the channel of the thread.
    pub fn root_of(&self, channel: ChannelId) -> Option<(ChannelId, GuildId)> {
        self.read_sets(|sets| match sets.read.get(&channel) {
            Some(source) => Some((channel, source.guild)),
            None => sets.threads.get(channel).map(|thread| (thread.parent, thread.guild)),
        })
    }

    /// The sources in these servers, with their servers.
    pub fn sources_of(&self, in_server: impl Fn(GuildId) -> bool) -> Vec<(ChannelId, GuildId)> {
        self.read_sets(|sets| {
            let all = sets.read.iter().map(|(source, of)| (*source, of.guild));
            all.filter(|(_, guild)| in_server(*guild)).collect()
        })
    }

    /// Whether this channel is followed itself, and read.
    pub(super) fn is_followed(&self, channel: ChannelId) -> bool {
        self.read_sets(|sets| sets.read.contains_key(&channel))
    }

    /// Whether the threads of this source are read with it.
    pub fn wants_threads(&self, source: ChannelId) -> bool {
        self.read_sets(|sets| sets.wants_threads(source))
    }

    /// Whether this thread is read, with its channel or by itself.
    pub fn wants_thread(&self, thread: ChannelId, parent: ChannelId) -> bool {
        self.read_sets(|sets| sets.wants_thread(thread, parent))
    }

    /// The channel of a thread that is read.
    pub(super) fn parent_of(&self, thread: ChannelId) -> Option<ChannelId> {
        self.read_sets(|sets| sets.threads.get(thread).map(|thread| thread.parent))
    }

    /// Takes up what Discord says about a thread; `None` if nobody wants it. A thread that was made private
    /// is no longer part of its channel.
    pub fn note_thread(&self, seen: SeenThread) -> Option<ThreadChange> {
        let (id, parent, private) = (seen.id, seen.parent, seen.private);
        self.update_sets(|sets| {
            if !sets.wants_thread(id, parent) {
                return None;
            }
            let by_itself = sets.read.contains_key(&id);
            if private && !by_itself && sets.threads.get(id).is_none() {
                return None;
            }
            let noted = sets.threads.note(seen);
            if private && !by_itself {
                sets.threads.forget(id);
            }
            Some(noted)
        })
    }

    /// Forgets a thread that is gone.
    pub fn forget_thread(&self, thread: ChannelId) {
        self.update_sets(|sets| sets.threads.forget(thread));
    }

    /// Forgets the threads of a channel that is gone.
    pub fn forget_threads_of(&self, parent: ChannelId) {
        self.update_sets(|sets| {
            sets.threads.forget_of(parent);
            sets.author_places.threads.forget_of(parent);
        });
    }

    /// Whether the tags of this forum matter. Those of any forum do where people are followed.
    pub fn wants_tags(&self, forum: ChannelId) -> bool {
        self.read_sets(|sets| sets.wants_tags_of_source(forum) || !sets.authors.is_empty())
    }

    /// Takes up the tags that a forum offers, as the gateway tells them of any forum.
    pub fn offer_tags(&self, forum: ChannelId, tags: impl IntoIterator<Item = (TagId, String)>) {
        let tags: Vec<(TagId, String)> = tags.into_iter().collect();
        self.update_sets(|sets| {
            if !sets.authors.is_empty() {
                sets.author_places.threads.offer(forum, tags.clone());
            }
            if sets.wants_tags_of_source(forum) {
                sets.threads.offer(forum, tags);
            }
        });
    }

    /// The same for a forum that Discord was asked about.
    pub(super) fn describe_tags(&self, forum: ChannelId, tags: Vec<(TagId, String)>) {
        self.update_sets(|sets| {
            sets.author_places.threads.offer(forum, tags.clone());
            sets.threads.offer(forum, tags);
        });
    }

    /// Notes that a channel is not a forum.
    pub(super) fn offers_nothing(&self, channel: ChannelId) {
        self.update_sets(|sets| {
            sets.author_places.threads.offers_nothing(channel);
            sets.threads.offers_nothing(channel);
        });
    }

    /// Whether a channel is a forum; `None` if that isn't known.
    pub(super) fn is_forum(&self, channel: ChannelId) -> Option<bool> {
        self.read_sets(|sets| sets.threads.is_forum(channel))
    }

    /// Decides how a thread begins, unless that is decided already.
    pub(super) fn set_thread_start(&self, thread: ChannelId, first: ThreadStart) {
        self.update_sets(|sets| sets.threads.set_thread_start(thread, first));
    }

    /// How a thread begins.
    pub(super) fn thread_start(&self, thread: ChannelId) -> ThreadStart {
        self.read_sets(|sets| sets.threads.thread_start(thread))
    }

    /// Where a message stands; `None` while too little is known about its thread. `new` means that it was
    /// posted after all others that are known.
    pub(super) fn locate(
        &self,
        channel: ChannelId,
        message: MessageId,
        new: bool,
    ) -> Option<MessageLocation> {
        if new && self.thread_start(channel) == ThreadStart::Awaited {
            self.set_thread_start(channel, ThreadStart::Post(message));
        }
        self.read_sets(|sets| match sets.threads.get(channel) {
            Some(_) => sets.threads.locate(channel, message),
            None => Some(MessageLocation { source: channel, thread: None }),
        })
    }

    /// Whether this channel has to do with any follow.
    pub fn concerns(&self, channel: ChannelId) -> bool {
        self.read_sets(|sets| sets.ends.contains(&channel))
    }

    /// Whether this server should have a channel with follows that isn't among the existing ones.
    pub fn has_missing_channel(&self, guild: GuildId, stands: impl Fn(ChannelId) -> bool) -> bool {
        self.read_sets(|sets| {
            let channels = sets.channels.get(&guild);
            channels.is_some_and(|channels| channels.iter().any(|channel| !stands(*channel)))
        })
    }

    /// Adds channels of servers that have to do with follows.
    pub fn extend_channels(&self, channels: impl IntoIterator<Item = (GuildId, ChannelId)>) {
        self.update_sets(|sets| {
            for (guild, channel) in channels {
                sets.channels.entry(guild).or_default().insert(channel);
            }
        });
    }

    /// Adds servers that have to do with follows.
    pub fn extend_servers(&self, servers: impl IntoIterator<Item = GuildId>) {
        self.update_sets(|sets| sets.servers.extend(servers));
    }

    /// Whether this server has to do with any follow.
    pub fn concerns_server(&self, guild: GuildId) -> bool {
        self.read_sets(|sets| sets.servers.contains(&guild))
    }

    /// Those of these servers that have to do with any follow.
    pub fn servers_of(&self, among: impl Fn(GuildId) -> bool) -> Vec<GuildId> {
        self.read_sets(|sets| sets.servers.iter().copied().filter(|guild| among(*guild)).collect())
    }

    /// Whether the bot posts through this webhook.
    pub fn is_own_webhook(&self, webhook: WebhookId) -> bool {
        self.read_sets(|sets| sets.own_webhooks.contains(&webhook))
    }

    /// Starts listening to a new follow's channels. It must be called before the follow is stored, so that no
    /// message is missed in between.
    pub fn add_follow(&self, new: &NewFollow) {
        let source = FollowedSource {
            channel: new.pair.source,
            guild: new.source_guild,
            parent: new.source_parent,
            threads: new.options.threads != ThreadScope::None,
        };
        self.listen(new.pair, source, new.target_kind.parent(), new.options.delivery);
        self.listen_in_server(source, new.guild, new.target_kind.webhook_channel(new.pair.target));
    }

    /// The same for an existing follow, with these options. Whether more of its source must be read than
    /// before.
    pub fn update_follow(&self, follow: &Follow, options: &FollowOptions) -> bool {
        let source = FollowedSource {
            channel: follow.pair.source,
            guild: follow.source_guild,
            parent: follow.source_parent,
            threads: options.threads != ThreadScope::None,
        };
        self.listen_in_server(source, follow.guild, follow.target_kind.webhook_channel(follow.pair.target));
        self.listen(follow.pair, source, follow.target_kind.parent(), options.delivery)
    }

    fn listen_in_server(&self, source: FollowedSource, guild: GuildId, target: ChannelId) {
        self.extend_channels([(source.guild, source.parent.unwrap_or(source.channel)), (guild, target)]);
        self.extend_servers([source.guild, guild]);
    }

    fn listen(
        &self,
        pair: ChannelPair,
        source: FollowedSource,
        target_parent: Option<ChannelId>,
        delivery: DeliveryMethod,
    ) -> bool {
        let more = delivery == DeliveryMethod::Relay && self.add_source(source);
        let ends = [Some(pair.source), source.parent, Some(pair.target), target_parent];
        self.update_sets(|sets| sets.ends.extend(ends.into_iter().flatten()));
        more
    }

    /// Starts reading a source. Whether more of it must be read than before.
    pub fn add_source(&self, source: FollowedSource) -> bool {
        self.update_sets(|sets| {
            let more = sets.add_source(source.channel, source.guild, source.threads);
            if let Some(parent) = source.parent {
                sets.threads.add_known(source.channel, parent, source.guild, None);
            }
            more
        })
    }

    /// Remembers one of the bot's webhooks, and listens to its channel. It is never forgotten: a late message
    /// of a removed webhook is still the bot's.
    pub fn add_webhook(&self, channel: ChannelId, webhook: WebhookId) {
        self.update_sets(|sets| {
            sets.ends.insert(channel);
            sets.own_webhooks.insert(webhook);
        });
    }

    /// Adds the webhooks that the database knows.
    pub fn extend_webhooks(&self, webhooks: impl IntoIterator<Item = WebhookId>) {
        self.update_sets(|sets| sets.own_webhooks.extend(webhooks));
    }

    /// Notes that the bot has left a server.
    pub fn add_left(&self, guild: GuildId) {
        self.update_sets(|sets| sets.left.insert(guild));
    }

    /// Whether the bot is known to have left a server.
    pub fn is_left(&self, guild: GuildId) -> bool {
        self.read_sets(|sets| sets.left.contains(&guild))
    }

    /// Notes that the bot is in a server. Whether it had left it.
    pub fn remove_left(&self, guild: GuildId) -> bool {
        // This is asked for every server at the start of a session, and mostly the answer is no.
        self.read_sets(|sets| sets.left.contains(&guild)) && self.update_sets(|sets| sets.left.remove(&guild))
    }

    /// Adds what the database knows: the sources that are read, the threads of which something was read, and
    /// the channels of all follows. Returns the sources of which more must be read than before, with their
    /// servers.
    pub fn extend(
        &self,
        read: impl IntoIterator<Item = FollowedSource>,
        threads: impl IntoIterator<Item = KnownThread>,
        ends: impl IntoIterator<Item = ChannelId>,
    ) -> Vec<(ChannelId, GuildId)> {
        let read = read.into_iter().filter(|source| self.add_source(*source));
        let more = read.map(|source| (source.channel, source.guild)).collect();
        self.update_sets(|sets| {
            for KnownThread { thread, parent, starter } in threads {
                let source =
                    sets.read.get(&thread).or_else(|| sets.read.get(&parent).filter(|of| of.threads));
                if let Some(guild) = source.map(|source| source.guild) {
                    sets.threads.add_known(thread, parent, guild, starter);
                }
            }
            sets.ends.extend(ends);
        });
        more
    }

    fn read_sets<T>(&self, look: impl FnOnce(&WatchedSets) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn update_sets<T>(&self, change: impl FnOnce(&mut WatchedSets) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
