//! What the gateway has to listen for: followed sources with their threads, targets, and the bot's own webhooks, in memory, so that a message in a
//! channel that nobody follows costs no query.

pub(super) mod snapshot;
mod threads;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::{PoisonError, RwLock};

use crate::domain::follow::{Delivery, Follow, FollowOptions, NewFollow, Pair, Threads as Wanted};
use crate::domain::ids::{ChannelId, GuildId, MessageId, TagId, WebhookId};
use crate::store::{FollowedSource, KnownThread};

pub(super) use self::threads::First;
use self::threads::Threads;
pub use self::threads::{Noted, SeenThread, Standing};

/// A filter, not a truth: it may know too much for a moment, never too little. What is delivered is decided in the database.
#[derive(Debug, Default)]
pub struct Watched(RwLock<Sets>);

#[derive(Debug, Default)]
struct Sets {
    /// Sources that the bot reads, those of relay follows.
    read: HashMap<ChannelId, Source>,
    /// The public threads of sources that want them, and the threads that are followed themselves.
    threads: Threads,
    /// Sources and targets of all follows, with the channels of those that are threads, and of the bot's webhooks.
    ends: HashSet<ChannelId>,
    /// The channels among them, threads not, by server.
    channels: HashMap<GuildId, HashSet<ChannelId>>,
    own_webhooks: HashSet<WebhookId>,
    /// The servers of all of these.
    servers: HashSet<GuildId>,
    /// Servers that the bot has left, and of which something is kept.
    left: HashSet<GuildId>,
}

#[derive(Debug, Clone, Copy)]
struct Source {
    guild: GuildId,
    /// Its threads are read with it.
    threads: bool,
}

impl Sets {
    fn wants_threads(&self, source: ChannelId) -> bool {
        self.read.get(&source).is_some_and(|source| source.threads)
    }

    fn wants_thread(&self, thread: ChannelId, parent: ChannelId) -> bool {
        self.wants_threads(parent) || self.read.contains_key(&thread)
    }

    /// Whether more of it is to be read than before.
    fn read(&mut self, source: ChannelId, guild: GuildId, threads: bool) -> bool {
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
    /// Whether a message in this channel is to be mirrored.
    pub fn is_source(&self, channel: ChannelId) -> bool {
        self.look(|sets| sets.read.contains_key(&channel) || sets.threads.get(channel).is_some())
    }

    /// The source whose history is read before anything of this channel is taken, and its server: the channel itself, or that of its thread.
    pub fn root_of(&self, channel: ChannelId) -> Option<(ChannelId, GuildId)> {
        self.look(|sets| match sets.read.get(&channel) {
            Some(source) => Some((channel, source.guild)),
            None => sets.threads.get(channel).map(|thread| (thread.parent, thread.guild)),
        })
    }

    /// The sources in these servers, with their servers.
    pub fn sources_of(&self, in_server: impl Fn(GuildId) -> bool) -> Vec<(ChannelId, GuildId)> {
        self.look(|sets| {
            let all = sets.read.iter().map(|(source, of)| (*source, of.guild));
            all.filter(|(_, guild)| in_server(*guild)).collect()
        })
    }

    /// Whether this channel is followed itself, and read.
    pub(super) fn is_followed(&self, channel: ChannelId) -> bool {
        self.look(|sets| sets.read.contains_key(&channel))
    }

    /// Whether the threads of this source are read with it.
    pub fn wants_threads(&self, source: ChannelId) -> bool {
        self.look(|sets| sets.wants_threads(source))
    }

    /// Whether this thread is read, with its channel or by itself.
    pub fn wants_thread(&self, thread: ChannelId, parent: ChannelId) -> bool {
        self.look(|sets| sets.wants_thread(thread, parent))
    }

    /// The channel of a thread that is read.
    pub(super) fn parent_of(&self, thread: ChannelId) -> Option<ChannelId> {
        self.look(|sets| sets.threads.get(thread).map(|thread| thread.parent))
    }

    /// Takes up what Discord tells of a thread; `None` where nobody wants it. One that was made private is no part of its channel any more.
    pub fn note(&self, seen: SeenThread) -> Option<Noted> {
        let (id, parent, private) = (seen.id, seen.parent, seen.private);
        self.change(|sets| {
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

    /// A thread is gone.
    pub fn forget_thread(&self, thread: ChannelId) {
        self.change(|sets| sets.threads.forget(thread));
    }

    /// A channel is gone, with its threads.
    pub fn forget_threads_of(&self, parent: ChannelId) {
        self.change(|sets| sets.threads.forget_of(parent));
    }

    /// Whether the tags of this forum matter.
    pub fn wants_tags(&self, forum: ChannelId) -> bool {
        self.look(|sets| sets.wants_threads(forum) || sets.ends.contains(&forum))
    }

    /// Takes up the tags that a forum offers.
    pub fn offer_tags(&self, forum: ChannelId, tags: impl IntoIterator<Item = (TagId, String)>) {
        self.change(|sets| sets.threads.offer(forum, tags));
    }

    /// Takes up that a channel is no forum.
    pub(super) fn offers_nothing(&self, channel: ChannelId) {
        self.change(|sets| sets.threads.offers_nothing(channel));
    }

    /// Whether a channel is a forum; `None` where that isn't known.
    pub(super) fn is_forum(&self, channel: ChannelId) -> Option<bool> {
        self.look(|sets| sets.threads.is_forum(channel))
    }

    /// Settles what a thread begins with, unless that is settled.
    pub(super) fn begin(&self, thread: ChannelId, first: First) {
        self.change(|sets| sets.threads.begin(thread, first));
    }

    /// What a thread begins with.
    pub(super) fn first(&self, thread: ChannelId) -> First {
        self.look(|sets| sets.threads.first(thread))
    }

    /// Where a message stands; `None` while too little is known of its thread. With `new`, it was posted after all others that are known of.
    pub(super) fn standing(&self, channel: ChannelId, message: MessageId, new: bool) -> Option<Standing> {
        if new && self.first(channel) == First::Awaited {
            self.begin(channel, First::Post(message));
        }
        self.look(|sets| match sets.threads.get(channel) {
            Some(_) => sets.threads.standing(channel, message),
            None => Some(Standing { source: channel, thread: None }),
        })
    }

    /// Whether this channel has to do with any follow.
    pub fn concerns(&self, channel: ChannelId) -> bool {
        self.look(|sets| sets.ends.contains(&channel))
    }

    /// Whether a channel of this server has to do with a follow, and isn't among those that stand.
    pub fn has_missing_channel(&self, guild: GuildId, stands: impl Fn(ChannelId) -> bool) -> bool {
        self.look(|sets| {
            let channels = sets.channels.get(&guild);
            channels.is_some_and(|channels| channels.iter().any(|channel| !stands(*channel)))
        })
    }

    /// Takes up which channels of which servers have to do with follows.
    pub fn extend_channels(&self, channels: impl IntoIterator<Item = (GuildId, ChannelId)>) {
        self.change(|sets| {
            for (guild, channel) in channels {
                sets.channels.entry(guild).or_default().insert(channel);
            }
        });
    }

    /// Takes up which servers have to do with follows.
    pub fn extend_servers(&self, servers: impl IntoIterator<Item = GuildId>) {
        self.change(|sets| sets.servers.extend(servers));
    }

    /// Whether this server has to do with any follow.
    pub fn concerns_server(&self, guild: GuildId) -> bool {
        self.look(|sets| sets.servers.contains(&guild))
    }

    /// The servers among these that have to do with any follow.
    pub fn servers_of(&self, among: impl Fn(GuildId) -> bool) -> Vec<GuildId> {
        self.look(|sets| sets.servers.iter().copied().filter(|guild| among(*guild)).collect())
    }

    /// Whether the bot posts through this webhook.
    pub fn is_own_webhook(&self, webhook: WebhookId) -> bool {
        self.look(|sets| sets.own_webhooks.contains(&webhook))
    }

    /// Starts listening to a new follow's ends; before it is stored, so that no message falls between.
    pub fn add(&self, new: &NewFollow) {
        let source = FollowedSource {
            channel: new.pair.source,
            guild: new.source_guild,
            parent: new.source_parent,
            threads: new.options.threads != Wanted::None,
        };
        self.listen(new.pair, source, new.spot.parent(), new.options.delivery);
        self.listen_in_server(source, new.guild, new.spot.webhook_channel(new.pair.target));
    }

    /// The same for a follow that stands, as it is to be from now on. Whether more of its source is to be read than before.
    pub fn add_again(&self, follow: &Follow, options: &FollowOptions) -> bool {
        let source = FollowedSource {
            channel: follow.pair.source,
            guild: follow.source_guild,
            parent: follow.source_parent,
            threads: options.threads != Wanted::None,
        };
        self.listen_in_server(source, follow.guild, follow.spot.webhook_channel(follow.pair.target));
        self.listen(follow.pair, source, follow.spot.parent(), options.delivery)
    }

    fn listen_in_server(&self, source: FollowedSource, guild: GuildId, target: ChannelId) {
        self.extend_channels([(source.guild, source.parent.unwrap_or(source.channel)), (guild, target)]);
        self.extend_servers([source.guild, guild]);
    }

    fn listen(
        &self,
        pair: Pair,
        source: FollowedSource,
        target_parent: Option<ChannelId>,
        delivery: Delivery,
    ) -> bool {
        let more = delivery == Delivery::Relay && self.read(source);
        let ends = [Some(pair.source), source.parent, Some(pair.target), target_parent];
        self.change(|sets| sets.ends.extend(ends.into_iter().flatten()));
        more
    }

    /// Starts reading a source. Whether more of it is to be read than before.
    pub fn read(&self, source: FollowedSource) -> bool {
        self.change(|sets| {
            let more = sets.read(source.channel, source.guild, source.threads);
            if let Some(parent) = source.parent {
                sets.threads.know(source.channel, parent, source.guild, None);
            }
            more
        })
    }

    /// Remembers a webhook of the bot's own, and listens to what happens in its channel. Never forgotten: a late message of a removed one is still the
    /// bot's.
    pub fn add_webhook(&self, channel: ChannelId, webhook: WebhookId) {
        self.change(|sets| {
            sets.ends.insert(channel);
            sets.own_webhooks.insert(webhook);
        });
    }

    /// Takes up the webhooks that the database knows.
    pub fn extend_webhooks(&self, webhooks: impl IntoIterator<Item = WebhookId>) {
        self.change(|sets| sets.own_webhooks.extend(webhooks));
    }

    /// The bot has left a server.
    pub fn add_left(&self, guild: GuildId) {
        self.change(|sets| sets.left.insert(guild));
    }

    /// Whether the bot is known to have left a server.
    pub fn is_left(&self, guild: GuildId) -> bool {
        self.look(|sets| sets.left.contains(&guild))
    }

    /// The bot is in a server; whether it had left it.
    pub fn take_left(&self, guild: GuildId) -> bool {
        // It is asked for every server at the start of a session, and mostly the answer is no.
        self.look(|sets| sets.left.contains(&guild)) && self.change(|sets| sets.left.remove(&guild))
    }

    /// Takes up what the database knows: the sources that are read, the threads of which something was read, and both ends of all follows. Returns the sources of
    /// which more is to be read than before, with their servers.
    pub fn extend(
        &self,
        read: impl IntoIterator<Item = FollowedSource>,
        threads: impl IntoIterator<Item = KnownThread>,
        ends: impl IntoIterator<Item = ChannelId>,
    ) -> Vec<(ChannelId, GuildId)> {
        let read = read.into_iter().filter(|source| self.read(*source));
        let more = read.map(|source| (source.channel, source.guild)).collect();
        self.change(|sets| {
            for KnownThread { thread, parent, starter } in threads {
                let source =
                    sets.read.get(&thread).or_else(|| sets.read.get(&parent).filter(|of| of.threads));
                if let Some(guild) = source.map(|source| source.guild) {
                    sets.threads.know(thread, parent, guild, starter);
                }
            }
            sets.ends.extend(ends);
        });
        more
    }

    fn look<T>(&self, look: impl FnOnce(&Sets) -> T) -> T {
        look(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Sets) -> T) -> T {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests;
