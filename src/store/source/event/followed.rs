//! What follows and opt-outs say about a batch: which of its sources are followed, in which servers they are,
//! and what is withheld.

use std::collections::{HashMap, HashSet};

use sea_orm::FromQueryResult;

use super::known::KnownActivity;
use crate::domain::activity::Origin;
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::opt_out::{OptOut, OptOutScope};
use crate::domain::personal::{Followee, FolloweeKind};
use crate::store::db::connect::Write;
use crate::store::db::sql::Sql;
use crate::store::source::quotes;
use crate::store::{SourceEvent, StoreError};

/// A source of relay follows.
struct RelaySource {
    /// Whether any of its follows is active.
    active: bool,
    server: GuildId,
}

/// What is known about the followers of a batch's sources, and about the people who post there. Read while
/// the sources are locked: an opt-out is written first, then takes the same locks once, and then what was
/// recorded before is withdrawn.
#[derive(Default)]
pub(in crate::store) struct FollowedSources {
    sources: HashMap<ChannelId, RelaySource>,
    /// The servers of sources in which nothing was posted.
    servers: HashMap<ChannelId, GuildId>,
    opt_outs: HashMap<UserId, Vec<OptOut>>,
    /// Authors and channels that somebody follows personally; channels also through a collection.
    personal: HashSet<Followee>,
}

/// What a [`FollowedRow`] is about.
#[derive(Clone, Copy)]
enum FollowedKind {
    /// A source of relay follows: `guild_id` is its server, `active` the number of its active follows.
    Source = 0,
    /// An opt-out: of the person `id`, in `guild_id`, until `until_id`.
    OptOut = 1,
    /// An author whom somebody follows personally.
    Author = 2,
    /// A channel that somebody follows personally, or through a collection.
    Channel = 3,
}

impl FollowedKind {
    const ALL: [Self; 4] = [Self::Source, Self::OptOut, Self::Author, Self::Channel];

    /// The number for it in the statement.
    const fn number(self) -> i32 {
        self as i32
    }
}

/// A row of the one statement that reads all four kinds.
#[derive(FromQueryResult)]
struct FollowedRow {
    kind: i32,
    id: i64,
    guild_id: i64,
    active: i64,
    until_id: Option<i64>,
}

#[derive(FromQueryResult)]
struct ServerRow {
    channel: i64,
    guild: i64,
}

impl FollowedSources {
    /// What is known about the sources and the people of these events.
    pub(in crate::store) async fn by(
        txn: &Write,
        events: &[SourceEvent],
        known: &HashMap<Origin, KnownActivity>,
    ) -> Result<Self, StoreError> {
        let posted = events.iter().filter(|event| matches!(event, SourceEvent::Posted { .. }));
        let sources: HashSet<i64> = posted.clone().flat_map(channels_of).map(ChannelId::to_db).collect();
        let authors: HashSet<i64> = posted.filter_map(author_of).map(UserId::to_db).collect();
        let posting = events.iter().filter_map(author_of);
        let quoted = events.iter().filter_map(|event| quotes::author_quoted_by(event.content()?));
        let naming = events.iter().filter_map(|event| quotes::titled_thread(event)?.owner);
        let people =
            posting.chain(quoted).chain(naming).chain(known.values().filter_map(|known| known.author));
        let people: HashSet<i64> = people.map(UserId::to_db).collect();
        let relayed = format!(
            "SELECT {} AS kind, source_channel_id AS id, MIN(source_guild_id) AS guild_id, \
             COUNT(CASE WHEN is_active THEN 1 END) AS active, CAST(NULL AS BIGINT) AS until_id \
             FROM channel_follows WHERE delivery = 'relay' AND source_channel_id IN ",
            FollowedKind::Source.number()
        );
        let opted_out = format!(
            " GROUP BY source_channel_id UNION ALL \
             SELECT {} AS kind, user_id AS id, guild_id, 0 AS active, until_id FROM author_opt_outs WHERE user_id IN ",
            FollowedKind::OptOut.number()
        );
        let query = Sql::new(relayed, []).list(sources.iter().copied()).then(&opted_out).list(people);
        let mut followed = Self::default();
        for row in personally_followed(query, authors, sources).rows_of::<FollowedRow>(&**txn).await? {
            followed.add(&row)?;
        }
        if !followed.opt_outs.is_empty() {
            followed.find_servers(txn, events).await?;
        }
        Ok(followed)
    }

    fn add(&mut self, row: &FollowedRow) -> Result<(), StoreError> {
        let FollowedRow { kind, id, guild_id, active, until_id } = *row;
        let kind = FollowedKind::ALL.into_iter().find(|known| known.number() == kind);
        match kind.ok_or(StoreError::Unreadable("kind"))? {
            FollowedKind::Source => {
                let source = RelaySource { active: active > 0, server: GuildId::from_db(guild_id)? };
                self.sources.insert(ChannelId::from_db(id)?, source);
            }
            FollowedKind::OptOut => {
                let user = UserId::from_db(id)?;
                let until = until_id.map(MessageId::from_db).transpose()?;
                let scope = OptOutScope::from_db(guild_id)?;
                self.opt_outs.entry(user).or_default().push(OptOut { user, scope, until });
            }
            FollowedKind::Author => self.personal.extend(Followee::from_db(FolloweeKind::User, id)),
            FollowedKind::Channel => self.personal.extend(Followee::from_db(FolloweeKind::Channel, id)),
        }
        Ok(())
    }

    /// Finds the servers of the other sources, which matter only if somebody opted out.
    async fn find_servers(&mut self, txn: &Write, events: &[SourceEvent]) -> Result<(), StoreError> {
        let all = events.iter().flat_map(channels_of);
        let unknown: HashSet<i64> =
            all.filter(|channel| !self.sources.contains_key(channel)).map(ChannelId::to_db).collect();
        let query = "SELECT source_channel_id AS channel, MIN(source_guild_id) AS guild FROM channel_follows \
            WHERE source_channel_id IN ";
        let query = Sql::new(query, []).list(unknown).then(" GROUP BY source_channel_id");
        for ServerRow { channel, guild } in query.rows_of::<ServerRow>(&**txn).await? {
            self.servers.insert(ChannelId::from_db(channel)?, GuildId::from_db(guild)?);
        }
        Ok(())
    }

    /// Whether any relay follow of the source, or of the thread, is active. `None` if there are no relay
    /// follows.
    pub(in crate::store) fn is_active(&self, source: ChannelId, thread: ChannelId) -> Option<bool> {
        let of = [source, thread].map(|channel| self.sources.get(&channel).map(|source| source.active));
        of.into_iter().flatten().max()
    }

    /// Whether somebody follows the author, the source or the thread personally.
    pub(in crate::store) fn is_in_feeds(
        &self,
        author: Option<UserId>,
        source: ChannelId,
        thread: ChannelId,
    ) -> bool {
        let of =
            [author.map(Followee::User), Some(Followee::Channel(source)), Some(Followee::Channel(thread))];
        !self.personal.is_empty()
            && of.into_iter().flatten().any(|followee| self.personal.contains(&followee))
    }

    /// Whether the content of this event must not be mirrored, because the message's author doesn't want it.
    pub(in crate::store) fn withholds(&self, event: &SourceEvent, known: Option<&KnownActivity>) -> bool {
        if self.opt_outs.is_empty() || event.content().is_none() {
            return false;
        }
        let author = author_of(event).or_else(|| known.and_then(|known| known.author));
        self.covers(author, event, event.origin().message())
    }

    /// Whether this event quotes a message whose author doesn't want it mirrored.
    pub(in crate::store) fn withholds_quote_of(&self, event: &SourceEvent) -> bool {
        if self.opt_outs.is_empty() {
            return false;
        }
        let quoted = event
            .content()
            .and_then(|content| Some((quotes::author_quoted_by(content)?, quotes::quoted_by(content)?)));
        quoted.is_some_and(|(author, message)| self.covers(Some(author), event, message))
    }

    /// Whether this event is in a thread that somebody named who doesn't want their words mirrored.
    pub(in crate::store) fn withholds_title_of(&self, event: &SourceEvent) -> bool {
        let thread = quotes::titled_thread(event).filter(|_| !self.opt_outs.is_empty());
        thread.is_some_and(|thread| self.covers(thread.owner, event, thread.thread.first_message()))
    }

    /// Whether this person's message is withheld where the event happened.
    fn covers(&self, author: Option<UserId>, event: &SourceEvent, message: MessageId) -> bool {
        let Some(opt_outs) = author.and_then(|author| self.opt_outs.get(&author)) else { return false };
        let server = channels_of(event).into_iter().find_map(|channel| {
            let source = self.sources.get(&channel).map(|source| source.server);
            source.or_else(|| self.servers.get(&channel).copied())
        });
        // Of a channel that no channel follows, only the message itself says where it is.
        let server = server.or_else(|| event.content()?.server());
        opt_outs.iter().any(|opt_out| opt_out.withholds(server, message))
    }
}

/// Adds those of these authors and channels that somebody follows personally.
fn personally_followed(query: Sql, authors: HashSet<i64>, channels: HashSet<i64>) -> Sql {
    let select = |kind: FollowedKind, word: FolloweeKind| {
        format!(
            " UNION ALL SELECT {} AS kind, followee_id AS id, 0 AS guild_id, 0 AS active, NULL AS until_id \
             FROM followee_counts WHERE followee_kind = '{}' AND followee_id IN ",
            kind.number(),
            word.as_str()
        )
    };
    let query = query.then(&select(FollowedKind::Author, FolloweeKind::User)).list(authors);
    let query = query.then(&select(FollowedKind::Channel, FolloweeKind::Channel));
    let query = query.list(channels.iter().copied());
    let collected = format!(
        " UNION ALL SELECT {} AS kind, c.channel_id AS id, 0 AS guild_id, 0 AS active, NULL AS until_id \
         FROM collection_channels c JOIN followee_counts n \
         ON n.followee_kind = 'collection' AND n.followee_id = c.collection_id WHERE c.channel_id IN ",
        FollowedKind::Channel.number()
    );
    query.then(&collected).list(channels)
}

/// Its source, and the thread in which it happened.
fn channels_of(event: &SourceEvent) -> Vec<ChannelId> {
    event.source().into_iter().chain([event.origin().channel()]).collect()
}

/// Who wrote what was posted, edited or read again.
fn author_of(event: &SourceEvent) -> Option<UserId> {
    match event {
        SourceEvent::Posted { author, .. }
        | SourceEvent::Edited { author, .. }
        | SourceEvent::Reread { author, .. } => *author,
        SourceEvent::Deleted { .. } | SourceEvent::Passed { .. } => None,
    }
}
