//! What is known of the places where deliveries are to be shown: for all lanes of a batch together, as far as each needs it.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;

use super::contents::Contents;
use super::pick::Candidate;
use crate::domain::activity::{Origin, Showing};
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::place::{Place, Spot};
use crate::store::db::connect::Write;
use crate::store::db::sql::{Kind, Sql, Table};
use crate::store::{StoreError, Surroundings};

/// Where a message stands: its channel, and its number.
type Standing = (ChannelId, MessageId);

/// What is known of a delivery before its place is looked at.
pub(super) struct Here<'a> {
    pub(super) target: ChannelId,
    pub(super) spot: Spot,
    /// Where in its source it was posted.
    pub(super) place: Place,
    /// Where a part of it stands already.
    pub(super) standing: Option<ChannelId>,
    /// A create is in flight for it.
    pub(super) in_doubt: bool,
    pub(super) content: Option<Arc<Showing>>,
    pub(super) row: &'a Candidate,
}

/// What was found.
#[derive(Default)]
pub(super) struct Found {
    pub(super) surroundings: Surroundings,
    /// Where it stands, or is to.
    pub(super) channel: Option<ChannelId>,
    /// The newest mirror of something else there, where it isn't shown yet.
    pub(super) above: Option<MessageId>,
}

/// What shows a thread in a target.
#[derive(Clone, Copy, Default)]
struct ThreadHere {
    starter: Option<Standing>,
    post: Option<ChannelId>,
    post_removed: bool,
}

/// What stands last in a channel.
struct Above {
    message: MessageId,
    activity: i64,
    author: Option<i64>,
    origin: Origin,
}

impl Here<'_> {
    /// The thread that it stands in and that thread's channel, where what shows them is of interest: what a deletion needs is nothing.
    fn thread(&self) -> Option<(ChannelId, ChannelId)> {
        let wanted = self.place == Place::Answer && (self.content.is_some() || self.in_doubt);
        let (thread, source) = self.row.thread_id.zip(self.row.source_channel_id).filter(|_| wanted)?;
        Some((ChannelId::from_db(thread).ok()?, ChannelId::from_db(source).ok()?))
    }

    fn channel(&self, thread: &ThreadHere) -> Option<ChannelId> {
        match self.spot {
            Spot::Forum => self.standing.or(thread.post),
            Spot::Channel | Spot::Thread { .. } => Some(self.target),
        }
    }

    /// The message that it answers.
    fn answers(&self) -> Option<Origin> {
        let reply = self.content.as_deref()?.as_message()?.reply.as_ref()?;
        Some(Origin::Message { channel: reply.channel, message: reply.message })
    }

    fn of_follow(&self) -> Result<Surroundings, StoreError> {
        let row = self.row;
        if self.content.is_none() {
            return Ok(Surroundings::default());
        }
        let servers = row.source_guild_id.zip(row.guild_id);
        let servers = servers.map(|(source, own)| Ok((GuildId::from_db(source)?, GuildId::from_db(own)?)));
        Ok(Surroundings {
            servers: servers.transpose().map_err(|error: StoreError| error)?,
            paused_since: row.paused_since,
            published_only: row.published_only.unwrap_or_default(),
            of_thread: row.follow_source.is_some() && row.follow_source == row.thread_id,
            ..Surroundings::default()
        })
    }
}

/// Reads it, by target.
pub(super) async fn surroundings(
    txn: &Write,
    contents: &mut Contents<'_>,
    here: &[Here<'_>],
) -> Result<HashMap<ChannelId, Result<Found, StoreError>>, StoreError> {
    let threads = threads(txn, here).await?;
    let thread = |one: &Here<'_>| match threads.get(&one.target) {
        Some(Ok(thread)) => *thread,
        Some(Err(_)) | None => ThreadHere::default(),
    };
    let answered = answered(txn, here).await?;
    // A name is given with the creation only. Nothing stands above what begins a post.
    let places = here.iter().filter(|one| one.content.is_some() && one.row.shown_revision.is_none());
    let places = places.filter_map(|one| Some((one, one.channel(&thread(one))?)));
    let mut above = above(txn, places).await?;
    let same_name = |one: &Here<'_>, above: &Above| above.author != one.row.author_id;
    let others = here.iter().filter_map(|one| {
        let above = above.get(&one.target)?.as_ref().ok()?;
        same_name(one, above).then_some((above.activity, above.origin))
    });
    contents.read(txn, others).await?;
    let mut found = HashMap::new();
    for one in here {
        let unreadable = threads.get(&one.target).and_then(|thread| thread.as_ref().err()).cloned();
        let thread = thread(one);
        // What can't be read of other messages is their own trouble, but for the post that this belongs into.
        let above = above.remove(&one.target).and_then(Result::ok);
        let answered = answered.get(&one.target).cloned().and_then(Result::ok);
        let read = || {
            if let Some(error) = unreadable {
                return Err(error);
            }
            let author = one.content.as_deref().and_then(Showing::as_message).map(|content| &content.author);
            let namesake = match above.as_ref().filter(|above| same_name(one, above)).zip(author) {
                // Asked of the database, so that a create that was in doubt is recognised by the name that it was given.
                Some((above, author)) => {
                    contents.get(above.activity).ok().flatten().is_some_and(|above| above.author() == author)
                }
                None => false,
            };
            Ok(Found {
                surroundings: Surroundings {
                    answered,
                    starter: thread.starter,
                    post: thread.post,
                    post_removed: thread.post_removed,
                    namesake,
                    ..one.of_follow()?
                },
                channel: one.channel(&thread),
                above: above.map(|above| above.message),
            })
        };
        found.insert(one.target, read());
    }
    Ok(found)
}

/// What shows the threads in which these were posted, by target.
///
/// What a thread begins with is known by its number: a forum's post and the thread's first message, and a message and the thread that was started from it, share
/// theirs. Otherwise it is looked for among what was posted in the thread.
async fn threads(
    txn: &Write,
    here: &[Here<'_>],
) -> Result<HashMap<ChannelId, Result<ThreadHere, StoreError>>, StoreError> {
    let wanted: Vec<_> = here.iter().filter_map(|one| Some((one, one.thread()?))).collect();
    let origin = |channel, thread: ChannelId| Origin::Message { channel, message: thread.first_message() };
    let rows = wanted.iter().map(|(one, (thread, source))| {
        let (own, of_source) = (origin(*thread, *thread).to_string(), origin(*source, *thread).to_string());
        [one.target.to_db().into(), own.into(), of_source.into()]
    });
    let columns = [("target", Kind::Number), ("own", Kind::Text), ("of_source", Kind::Text)];
    let mut begins = beginnings(txn, Table::new(columns, rows), "a.origin IN (t.own, t.of_source)").await?;
    let pairs = |wanted: &[&(&Here<'_>, (ChannelId, ChannelId))]| {
        let rows = wanted.iter().map(|(one, (thread, _))| [one.target.to_db().into(), thread.to_db().into()]);
        Table::new([("target", Kind::Number), ("thread", Kind::Number)], rows)
    };
    let left: Vec<_> = wanted.iter().filter(|(one, _)| !begins.contains_key(&one.target)).collect();
    begins.extend(beginnings(txn, pairs(&left), "a.thread_id = t.thread AND a.place = 'starter'").await?);
    let starter = |target| match begins.get(&target) {
        Some(Ok(Beginning { standing, .. })) => standing.clone().transpose(),
        Some(Err(error)) => Err(error.clone()),
        None => Ok(None),
    };
    let nothing = |target| matches!(starter(target), Ok(None));
    let left = wanted.iter().filter(|(one, _)| one.spot == Spot::Forum && nothing(one.target));
    let others = standing(
        txn,
        pairs(&left.collect::<Vec<_>>()),
        "a.thread_id = t.thread AND d.target_channel_id = t.target ORDER BY a.id, s.part",
    )
    .await?;
    let thread = |one: &Here<'_>| {
        let starter = starter(one.target)?;
        let shows = match starter {
            Some(starter) => Some(starter),
            None => others.get(&one.target).cloned().transpose()?,
        };
        let post = shows.map(|(channel, _)| channel).filter(|_| one.spot == Spot::Forum);
        // What a moderator removed here doesn't come back with the next answer.
        let begins = begins.get(&one.target).and_then(|begins| begins.as_ref().ok());
        let post_removed = post.is_none() && begins.is_some_and(|begins| begins.shown && !begins.gone);
        Ok(ThreadHere { starter, post, post_removed })
    };
    Ok(wanted.iter().map(|(one, _)| (one.target, thread(one))).collect())
}

/// What a thread begins with, as it is owed to a target.
struct Beginning {
    shown: bool,
    gone: bool,
    standing: Option<Result<Standing, StoreError>>,
}

async fn beginnings<const N: usize>(
    txn: &Write,
    wanted: Table<N>,
    which: &str,
) -> Result<HashMap<ChannelId, Result<Beginning, StoreError>>, StoreError> {
    #[derive(FromQueryResult)]
    struct Row {
        shown: bool,
        gone: bool,
        channel_id: Option<i64>,
        message_id: Option<i64>,
    }
    let mut found = HashMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let query = "SELECT t.target, (d.shown_revision IS NOT NULL) AS shown, (a.deleted OR d.withdrawn) AS gone, \
        m.channel_id, m.message_id FROM ";
    let joined = " CROSS JOIN activities a JOIN deliveries d ON d.activity_id = a.id AND d.target_channel_id = t.target \
        LEFT JOIN mirrors m ON m.delivery_id = d.id";
    let order = "ORDER BY t.target, m.part NULLS LAST";
    let query = Sql::new(query, []).table(&**txn, wanted).then(&format!("{joined} WHERE {which} {order}"));
    for (target, row) in query.keyed_rows(&**txn).await? {
        let begins = Row::from_query_result(&row, "").map_err(StoreError::from).map(|row| {
            let standing = row.channel_id.zip(row.message_id).map(place);
            Beginning { shown: row.shown, gone: row.gone, standing }
        });
        found.entry(ChannelId::from_db(target)?).or_insert(begins);
    }
    Ok(found)
}

/// The first parts of what shows in these targets what they answer.
async fn answered(
    txn: &Write,
    here: &[Here<'_>],
) -> Result<HashMap<ChannelId, Result<Standing, StoreError>>, StoreError> {
    let rows =
        here.iter().filter_map(|one| Some([one.target.to_db().into(), one.answers()?.to_string().into()]));
    let wanted = Table::new([("target", Kind::Number), ("origin", Kind::Text)], rows);
    standing(txn, wanted, "a.origin = t.origin AND d.target_channel_id = t.target ORDER BY s.part").await
}

/// The first mirror of each target on which this condition is true.
async fn standing<const N: usize>(
    txn: &Write,
    wanted: Table<N>,
    which: &str,
) -> Result<HashMap<ChannelId, Result<Standing, StoreError>>, StoreError> {
    let mut found = HashMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let query = Sql::new("SELECT t.target, m.channel_id, m.message_id FROM ", []);
    let query = query.table(&**txn, wanted).then(&format!(
        " CROSS JOIN mirrors m WHERE m.message_id = (SELECT s.message_id FROM activities a \
         JOIN deliveries d ON d.activity_id = a.id JOIN mirrors s ON s.delivery_id = d.id WHERE {which} LIMIT 1)"
    ));
    for (target, row) in query.keyed_rows(&**txn).await? {
        let standing = (|| place((row.try_get_by_index(1)?, row.try_get_by_index(2)?)))();
        found.insert(ChannelId::from_db(target)?, standing);
    }
    Ok(found)
}

/// The newest mirrors of other deliveries in these channels, by target.
async fn above<'a>(
    txn: &Write,
    places: impl Iterator<Item = (&'a Here<'a>, ChannelId)>,
) -> Result<HashMap<ChannelId, Result<Above, StoreError>>, StoreError> {
    let rows =
        places.map(|(one, channel)| [one.target.to_db().into(), channel.to_db().into(), one.row.id.into()]);
    let columns = [("target", Kind::Number), ("channel", Kind::Number), ("delivery", Kind::Number)];
    let places = Table::new(columns, rows);
    let mut found = HashMap::new();
    if places.is_empty() {
        return Ok(found);
    }
    let query = Sql::new("SELECT t.target, m.message_id, a.id, a.author_id, a.origin FROM ", []);
    let query = query.table(&**txn, places).then(
        " CROSS JOIN mirrors m JOIN deliveries d ON d.id = m.delivery_id JOIN activities a ON a.id = d.activity_id \
         WHERE m.message_id = (SELECT s.message_id FROM mirrors s \
         WHERE s.channel_id = t.channel AND s.delivery_id <> t.delivery ORDER BY s.message_id DESC LIMIT 1)",
    );
    for (target, row) in query.keyed_rows(&**txn).await? {
        let above = (|| {
            let origin: String = row.try_get_by_index(4)?;
            let origin = origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
            let message = MessageId::from_db(row.try_get_by_index(1)?)?;
            Ok(Above {
                message,
                activity: row.try_get_by_index(2)?,
                author: row.try_get_by_index(3)?,
                origin,
            })
        })();
        found.insert(ChannelId::from_db(target)?, above);
    }
    Ok(found)
}

fn place((channel, message): (i64, i64)) -> Result<Standing, StoreError> {
    Ok((ChannelId::from_db(channel)?, MessageId::from_db(message)?))
}
