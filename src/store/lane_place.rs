//! What is known of the place where a delivery is to be shown.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use super::connect::Write;
use super::lane_pick::Candidate;
use super::lane_work::Surroundings;
use super::sql::Sql;
use super::{Cipher, StoreError};
use crate::domain::activity::{Origin, Showing};
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::message::Content;
use crate::domain::place::{Place, Spot};

#[derive(FromQueryResult)]
struct EndsRow {
    source_channel_id: i64,
    source_guild_id: i64,
    guild_id: i64,
    is_active: bool,
    broken_reason: Option<String>,
    updated_at: DateTime<Utc>,
}

/// What a delivery needs to know of its follow.
struct Ends {
    /// The source.
    source: i64,
    /// The source's server and the target's.
    servers: (GuildId, GuildId),
    paused_since: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
struct Standing {
    channel_id: i64,
    message_id: i64,
}

impl Standing {
    fn read(self) -> Result<(ChannelId, MessageId), StoreError> {
        Ok((ChannelId::from_db(self.channel_id)?, MessageId::from_db(self.message_id)?))
    }
}

#[derive(FromQueryResult)]
struct Above {
    origin: String,
    author_id: Option<i64>,
    content: Option<Vec<u8>>,
}

/// What is known of it before it is looked at.
pub(super) struct Here {
    pub(super) target: ChannelId,
    pub(super) spot: Spot,
    /// Where in its source it was posted.
    pub(super) place: Place,
    /// Where a part of it stands already.
    pub(super) standing: Option<ChannelId>,
    /// A create is in flight for it.
    pub(super) in_doubt: bool,
}

impl Here {
    /// Reads the rest. What a deletion needs is nothing.
    pub(super) async fn surroundings(
        &self,
        txn: &Write,
        cipher: &Cipher,
        row: &Candidate,
        content: Option<&Showing>,
    ) -> Result<Surroundings, StoreError> {
        let thread = match row.thread_id.zip(row.source_channel_id) {
            Some((thread, source)) if self.place == Place::Answer && (content.is_some() || self.in_doubt) => {
                self.thread(txn, ChannelId::from_db(thread)?, ChannelId::from_db(source)?).await?
            }
            _ => ThreadHere::default(),
        };
        let in_thread = Surroundings {
            starter: thread.starter,
            post: thread.post,
            post_removed: thread.post_removed,
            ..Surroundings::default()
        };
        let Some(content) = content else { return Ok(in_thread) };
        let follow = match row.follow_id {
            Some(follow) => ends(txn, follow).await?,
            None => None,
        };
        let of_thread = follow.as_ref().is_some_and(|ends| Some(ends.source) == row.thread_id);
        let (servers, paused_since) =
            follow.map_or((None, None), |ends| (Some(ends.servers), ends.paused_since));
        let of_follow = Surroundings { servers, paused_since, of_thread, ..in_thread };
        let Some(content) = content.as_message() else { return Ok(of_follow) };
        let answered = match &content.reply {
            Some(reply) => {
                let origin = Origin::Message { channel: reply.channel, message: reply.message };
                standing(txn, self.target, origin).await?
            }
            None => None,
        };
        // A name is given with the creation only. Nothing stands above what begins a post.
        let channel = match self.spot {
            Spot::Forum => self.standing.or(thread.post),
            Spot::Channel | Spot::Thread { .. } => Some(self.target),
        };
        let namesake = match channel.filter(|_| row.shown_revision.is_none()) {
            Some(channel) => namesake(txn, cipher, channel, row, content).await?,
            None => false,
        };
        Ok(Surroundings { answered, namesake, ..of_follow })
    }

    /// What shows a thread of this source in the target.
    ///
    /// What it begins with is known by its number: a forum's post and the thread's first message, and a message and the thread that was started from it, share
    /// theirs. Otherwise it is looked for among what was posted in the thread.
    async fn thread(
        &self,
        txn: &Write,
        thread: ChannelId,
        source: ChannelId,
    ) -> Result<ThreadHere, StoreError> {
        let query = format!("{BEGINNING} WHERE a.origin IN ($2, $3) ORDER BY m.part LIMIT 1");
        let origin = |channel| Origin::Message { channel, message: thread.first_message() }.to_string();
        let values = [self.target.to_db().into(), origin(thread).into(), origin(source).into()];
        let mut begins = Sql::new(query, values).rows_of::<Beginning>(&**txn).await?.pop();
        if begins.is_none() {
            let query =
                format!("{BEGINNING} WHERE a.thread_id = $2 AND a.place = 'starter' ORDER BY m.part LIMIT 1");
            let values = [self.target.to_db().into(), thread.to_db().into()];
            begins = Sql::new(query, values).rows_of::<Beginning>(&**txn).await?.pop();
        }
        let starter = begins.as_ref().and_then(Beginning::standing).map(Standing::read).transpose()?;
        let other = match starter {
            None if self.spot == Spot::Forum => first_of(txn, self.target, thread).await?,
            _ => None,
        };
        let post = starter.or(other).map(|(channel, _)| channel).filter(|_| self.spot == Spot::Forum);
        // What a moderator removed here doesn't come back with the next answer.
        let post_removed = post.is_none() && begins.is_some_and(|begins| begins.shown && !begins.gone);
        Ok(ThreadHere { starter, post, post_removed })
    }
}

/// What shows a thread in a target.
#[derive(Default)]
struct ThreadHere {
    starter: Option<(ChannelId, MessageId)>,
    post: Option<ChannelId>,
    post_removed: bool,
}

/// What a thread begins with, as it is owed to the target `$1`.
const BEGINNING: &str = "SELECT (d.shown_revision IS NOT NULL) AS shown, (a.deleted OR d.withdrawn) AS gone, \
    m.channel_id, m.message_id FROM activities a \
    JOIN deliveries d ON d.activity_id = a.id AND d.target_channel_id = $1 LEFT JOIN mirrors m ON m.delivery_id = d.id";

#[derive(FromQueryResult)]
struct Beginning {
    shown: bool,
    gone: bool,
    channel_id: Option<i64>,
    message_id: Option<i64>,
}

impl Beginning {
    fn standing(&self) -> Option<Standing> {
        Some(Standing { channel_id: self.channel_id?, message_id: self.message_id? })
    }
}

/// The first mirror, in the target, of anything that was posted in this thread.
async fn first_of(
    txn: &Write,
    target: ChannelId,
    thread: ChannelId,
) -> Result<Option<(ChannelId, MessageId)>, StoreError> {
    let query = "SELECT m.channel_id, m.message_id FROM activities a \
        JOIN deliveries d ON d.activity_id = a.id AND d.target_channel_id = $2 \
        JOIN mirrors m ON m.delivery_id = d.id WHERE a.thread_id = $1 ORDER BY a.id LIMIT 1";
    let values = [thread.to_db().into(), target.to_db().into()];
    let row = Sql::new(query, values).rows_of::<Standing>(&**txn).await?.pop();
    row.map(Standing::read).transpose()
}

async fn ends(txn: &Write, follow: i64) -> Result<Option<Ends>, StoreError> {
    let query = "SELECT source_channel_id, source_guild_id, guild_id, is_active, broken_reason, updated_at \
        FROM channel_follows WHERE id = $1";
    let row = Sql::new(query, [follow.into()]).rows_of::<EndsRow>(&**txn).await?.pop();
    let ends = |row: EndsRow| {
        let servers = (GuildId::from_db(row.source_guild_id)?, GuildId::from_db(row.guild_id)?);
        let paused = !row.is_active && row.broken_reason.is_none();
        Ok(Ends { source: row.source_channel_id, servers, paused_since: paused.then_some(row.updated_at) })
    };
    row.map(ends).transpose()
}

/// The first part of what shows this origin in the target.
async fn standing(
    txn: &Write,
    target: ChannelId,
    origin: Origin,
) -> Result<Option<(ChannelId, MessageId)>, StoreError> {
    let query = "SELECT m.channel_id, m.message_id FROM activities a \
        JOIN deliveries d ON d.activity_id = a.id JOIN mirrors m ON m.delivery_id = d.id \
        WHERE a.origin = $1 AND d.target_channel_id = $2 ORDER BY m.part LIMIT 1";
    let values = [origin.to_string().into(), target.to_db().into()];
    let row = Sql::new(query, values).rows_of::<Standing>(&**txn).await?.pop();
    row.map(Standing::read).transpose()
}

/// Whether the mirror above is by another author with the same name. Asked of the database, so that a create that was in doubt is recognised by
/// the name that it was given.
async fn namesake(
    txn: &Write,
    cipher: &Cipher,
    channel: ChannelId,
    row: &Candidate,
    content: &Content,
) -> Result<bool, StoreError> {
    let query = "SELECT a.origin, a.author_id, a.content FROM mirrors m \
        JOIN deliveries d ON d.id = m.delivery_id JOIN activities a ON a.id = d.activity_id \
        WHERE m.channel_id = $1 AND m.delivery_id <> $2 ORDER BY m.message_id DESC LIMIT 1";
    let values = [channel.to_db().into(), row.id.into()];
    let Some(above) = Sql::new(query, values).rows_of::<Above>(&**txn).await?.pop() else { return Ok(false) };
    let (Some(sealed), false) = (above.content, above.author_id == row.author_id) else { return Ok(false) };
    let origin: Origin = above.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
    Ok(cipher.open_content(origin, &sealed)?.author() == content.author)
}
