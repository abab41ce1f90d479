//! What is known about the places where deliveries will be shown: for all lanes of a batch together, only
//! what each needs.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::FromQueryResult;

use super::candidates::Candidate;
use super::contents::Contents;
use crate::domain::activity::{ActivityContent, Origin};
use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::place::{SourcePlace, TargetKind};
use crate::store::db::connect::Write;
use crate::store::db::sql::{Kind, Sql, Table};
use crate::store::{StoreError, Surroundings};

/// Where a message is: its channel, and its id.
type MessageLocation = (ChannelId, MessageId);

/// A delivery that was picked, before the place where it is shown is looked at.
pub(super) struct PlacedDelivery<'a> {
    pub(super) target: ChannelId,
    pub(super) target_kind: TargetKind,
    /// Where in its source it was posted.
    pub(super) place: SourcePlace,
    /// The channel of its first mirror, if it has any.
    pub(super) mirrored_in: Option<ChannelId>,
    /// A create is in flight for it.
    pub(super) in_doubt: bool,
    pub(super) content: Option<Arc<ActivityContent>>,
    pub(super) row: &'a Candidate,
}

/// What was found in the target.
#[derive(Default)]
pub(super) struct TargetView {
    pub(super) surroundings: Surroundings,
    /// The channel where it is or will be shown.
    pub(super) channel: Option<ChannelId>,
    /// The newest mirror of something else there, if it isn't shown yet.
    pub(super) above: Option<MessageId>,
}

/// What shows a thread in a target (docs/adr/0009-forums-and-threads.md, "Targets").
#[derive(Clone, Copy, Default)]
struct MirroredThread {
    /// The mirror of the thread's first message.
    starter: Option<MessageLocation>,
    /// In a forum: the post that shows the thread.
    post: Option<ChannelId>,
    /// In a forum: there was such a post, and somebody removed it.
    post_removed: bool,
}

/// The newest mirror of something else in a channel.
struct NewestMirror {
    message: MessageId,
    activity: i64,
    author: Option<i64>,
    origin: Origin,
}

impl PlacedDelivery<'_> {
    /// The thread that it was posted in, and that thread's channel, if what shows the thread matters: a
    /// deletion doesn't need it.
    fn thread(&self) -> Option<(ChannelId, ChannelId)> {
        let wanted = self.place == SourcePlace::Answer && (self.content.is_some() || self.in_doubt);
        let (thread, source) = self.row.thread_id.zip(self.row.source_channel_id).filter(|_| wanted)?;
        Some((ChannelId::from_db(thread).ok()?, ChannelId::from_db(source).ok()?))
    }

    fn channel(&self, thread: &MirroredThread) -> Option<ChannelId> {
        match self.target_kind {
            TargetKind::Forum => self.mirrored_in.or(thread.post),
            TargetKind::Channel | TargetKind::Thread { .. } => Some(self.target),
        }
    }

    /// The message that it answers.
    fn answers(&self) -> Option<Origin> {
        let reply = self.content.as_deref()?.as_message()?.reply.as_ref()?;
        Some(Origin::Message { channel: reply.channel, message: reply.message })
    }

    /// What its follow says about its surroundings.
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

/// Something that was read for each target, or couldn't be.
type ByTarget<T> = HashMap<ChannelId, Result<T, StoreError>>;

/// Reads the surroundings of these deliveries, by target.
pub(super) async fn read(
    txn: &Write,
    contents: &mut Contents<'_>,
    placed: &[PlacedDelivery<'_>],
) -> Result<ByTarget<TargetView>, StoreError> {
    let threads = mirrored_threads(txn, placed).await?;
    let answered = answered(txn, placed).await?;
    let mut newest = newest_above(txn, contents, placed, &threads).await?;
    let views = placed.iter().map(|one| {
        // What can't be read of other messages is their own trouble, except for the post that this one
        // belongs to.
        let above = newest.remove(&one.target).and_then(Result::ok);
        let view = thread_post(one, &threads).and_then(|thread| {
            Ok(TargetView {
                surroundings: Surroundings {
                    answered: reply_target(one, &answered),
                    starter: thread.starter,
                    post: thread.post,
                    post_removed: thread.post_removed,
                    namesake: above.as_ref().is_some_and(|above| is_name_clash(one, above, contents)),
                    ..one.of_follow()?
                },
                channel: one.channel(&thread),
                above: above.map(|above| above.message),
            })
        });
        (one.target, view)
    });
    Ok(views.collect())
}

/// What shows the delivery's thread in its target; nothing does if it isn't in a thread.
fn thread_post(
    one: &PlacedDelivery<'_>,
    threads: &ByTarget<MirroredThread>,
) -> Result<MirroredThread, StoreError> {
    threads.get(&one.target).cloned().unwrap_or_else(|| Ok(MirroredThread::default()))
}

/// The mirror of the message that this delivery answers, if there is one.
fn reply_target(one: &PlacedDelivery<'_>, answered: &ByTarget<MessageLocation>) -> Option<MessageLocation> {
    answered.get(&one.target)?.as_ref().ok().copied()
}

/// The newest mirrors above deliveries that weren't shown yet, by target, with the contents of those that
/// are by another author.
async fn newest_above(
    txn: &Write,
    contents: &mut Contents<'_>,
    placed: &[PlacedDelivery<'_>],
    threads: &ByTarget<MirroredThread>,
) -> Result<ByTarget<NewestMirror>, StoreError> {
    // A name is given at creation only. Nothing is above what begins a post.
    let unshown = placed.iter().filter(|one| one.content.is_some() && one.row.shown_revision.is_none());
    let channels = unshown.filter_map(|one| {
        let thread = thread_post(one, threads).unwrap_or_default();
        Some((one, one.channel(&thread)?))
    });
    let newest = newest_mirrors(txn, channels).await?;
    let others = placed.iter().filter_map(|one| {
        let above = newest.get(&one.target)?.as_ref().ok()?;
        is_by_another(one, above).then_some((above.activity, above.origin))
    });
    contents.read(txn, others).await?;
    Ok(newest)
}

fn is_by_another(one: &PlacedDelivery<'_>, above: &NewestMirror) -> bool {
    above.author != one.row.author_id
}

/// Whether the mirror above shows another author under the same name. It is found in the database, so that a
/// create that was in doubt is recognised by the name that it was given.
fn is_name_clash(one: &PlacedDelivery<'_>, above: &NewestMirror, contents: &Contents<'_>) -> bool {
    let message = one.content.as_deref().and_then(ActivityContent::as_message);
    let Some(message) = message.filter(|_| is_by_another(one, above)) else { return false };
    contents.get(above.activity).ok().flatten().is_some_and(|above| above.author() == message.author)
}

impl MirroredThread {
    /// What shows a thread in a target, case by case:
    ///
    /// | the thread's first message there | anything else of the thread there | an answer goes |
    /// |---|---|---|
    /// | is mirrored | | below that; in a forum, into its post |
    /// | isn't mirrored | is mirrored | in a forum, into the post of that |
    /// | was shown, and still exists in the source | no | in a forum, nowhere: somebody removed the post |
    /// | was deleted in the source, was never shown, or isn't known | no | in a forum, into a post that it begins |
    ///
    /// A target that isn't a forum has no posts, and the answer goes into the target itself.
    fn of(target_kind: TargetKind, beginning: Option<&Beginning>, other: Option<MessageLocation>) -> Self {
        let starter = beginning.and_then(|beginning| beginning.mirror);
        let shown_in =
            |(channel, _): MessageLocation| Self { starter, post: Some(channel), post_removed: false };
        match (target_kind, starter, other) {
            (TargetKind::Channel | TargetKind::Thread { .. }, ..) => Self { starter, ..Self::default() },
            (TargetKind::Forum, Some(mirror), _) | (TargetKind::Forum, None, Some(mirror)) => {
                shown_in(mirror)
            }
            (TargetKind::Forum, None, None) => {
                // What a moderator removed here doesn't come back with the next answer.
                let post_removed = beginning.is_some_and(|beginning| beginning.shown && !beginning.gone);
                Self { post_removed, ..Self::default() }
            }
        }
    }
}

/// What shows the threads in which these were posted, by target.
///
/// The first message of a thread is known by its id: a forum's post and the thread's first message share
/// theirs, and so do a message and the thread that was started from it. Otherwise it is searched for among
/// what was posted in the thread.
async fn mirrored_threads(
    txn: &Write,
    placed: &[PlacedDelivery<'_>],
) -> Result<ByTarget<MirroredThread>, StoreError> {
    let wanted: Vec<_> = placed.iter().filter_map(|one| Some((one, one.thread()?))).collect();
    let mut beginnings = beginnings_by_id(txn, &wanted).await?;
    let unknown: Vec<_> = wanted.iter().filter(|(one, _)| !beginnings.contains_key(&one.target)).collect();
    let by_place = "a.thread_id = t.thread AND a.place = 'starter'";
    beginnings.extend(read_beginnings(txn, thread_table(&unknown), by_place).await?);
    let unmirrored = |one: &PlacedDelivery<'_>| match beginnings.get(&one.target) {
        Some(Ok(beginning)) => beginning.mirror.is_none(),
        Some(Err(_)) => false,
        None => true,
    };
    let without_post =
        wanted.iter().filter(|(one, _)| one.target_kind == TargetKind::Forum && unmirrored(one));
    let others = first_mirrors(
        txn,
        thread_table(&without_post.collect::<Vec<_>>()),
        "a.thread_id = t.thread AND d.target_channel_id = t.target ORDER BY a.id, s.part",
    )
    .await?;
    let thread = |one: &PlacedDelivery<'_>| {
        let beginning = match beginnings.get(&one.target) {
            Some(Ok(beginning)) => Some(beginning),
            Some(Err(error)) => return Err(error.clone()),
            None => None,
        };
        let other = others.get(&one.target).cloned().transpose()?;
        Ok(MirroredThread::of(one.target_kind, beginning, other))
    };
    Ok(wanted.iter().map(|(one, _)| (one.target, thread(one))).collect())
}

/// A delivery with its thread, and that thread's channel.
type InThread<'a> = (&'a PlacedDelivery<'a>, (ChannelId, ChannelId));

/// The targets and threads of these deliveries.
fn thread_table(wanted: &[&InThread<'_>]) -> Table<2> {
    let rows = wanted.iter().map(|(one, (thread, _))| [one.target.to_db().into(), thread.to_db().into()]);
    Table::new([("target", Kind::Number), ("thread", Kind::Number)], rows)
}

/// The first messages of threads that are known by their ids, by target.
async fn beginnings_by_id(txn: &Write, wanted: &[InThread<'_>]) -> Result<ByTarget<Beginning>, StoreError> {
    let origin = |channel, thread: ChannelId| Origin::Message { channel, message: thread.first_message() };
    let rows = wanted.iter().map(|(one, (thread, source))| {
        let (own, of_source) = (origin(*thread, *thread).to_string(), origin(*source, *thread).to_string());
        [one.target.to_db().into(), own.into(), of_source.into()]
    });
    let columns = [("target", Kind::Number), ("own", Kind::Text), ("of_source", Kind::Text)];
    read_beginnings(txn, Table::new(columns, rows), "a.origin IN (t.own, t.of_source)").await
}

/// The first message of a thread, as it is delivered to a target.
struct Beginning {
    /// It was shown there.
    shown: bool,
    /// It was deleted in the source, or withdrawn.
    gone: bool,
    /// The mirror that shows it there.
    mirror: Option<MessageLocation>,
}

async fn read_beginnings<const N: usize>(
    txn: &Write,
    wanted: Table<N>,
    which: &str,
) -> Result<ByTarget<Beginning>, StoreError> {
    #[derive(FromQueryResult)]
    struct BeginningRow {
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
        let beginning = BeginningRow::from_query_result(&row, "").map_err(StoreError::from);
        let beginning = beginning.and_then(|row| {
            let mirror = row.channel_id.zip(row.message_id).map(location).transpose()?;
            Ok(Beginning { shown: row.shown, gone: row.gone, mirror })
        });
        found.entry(ChannelId::from_db(target)?).or_insert(beginning);
    }
    Ok(found)
}

/// The first mirrors of what these deliveries answer, by target.
async fn answered(
    txn: &Write,
    placed: &[PlacedDelivery<'_>],
) -> Result<ByTarget<MessageLocation>, StoreError> {
    let rows =
        placed.iter().filter_map(|one| Some([one.target.to_db().into(), one.answers()?.to_string().into()]));
    let wanted = Table::new([("target", Kind::Number), ("origin", Kind::Text)], rows);
    first_mirrors(txn, wanted, "a.origin = t.origin AND d.target_channel_id = t.target ORDER BY s.part").await
}

/// The first mirror in each target that meets this condition.
async fn first_mirrors<const N: usize>(
    txn: &Write,
    wanted: Table<N>,
    which: &str,
) -> Result<ByTarget<MessageLocation>, StoreError> {
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
        let mirror = (|| location((row.try_get_by_index(1)?, row.try_get_by_index(2)?)))();
        found.insert(ChannelId::from_db(target)?, mirror);
    }
    Ok(found)
}

/// The newest mirrors of other deliveries in these channels, by target.
async fn newest_mirrors<'a>(
    txn: &Write,
    channels: impl Iterator<Item = (&'a PlacedDelivery<'a>, ChannelId)>,
) -> Result<ByTarget<NewestMirror>, StoreError> {
    let rows =
        channels.map(|(one, channel)| [one.target.to_db().into(), channel.to_db().into(), one.row.id.into()]);
    let columns = [("target", Kind::Number), ("channel", Kind::Number), ("delivery", Kind::Number)];
    let channels = Table::new(columns, rows);
    let mut found = HashMap::new();
    if channels.is_empty() {
        return Ok(found);
    }
    let query = Sql::new("SELECT t.target, m.message_id, a.id, a.author_id, a.origin FROM ", []);
    let query = query.table(&**txn, channels).then(
        " CROSS JOIN mirrors m JOIN deliveries d ON d.id = m.delivery_id JOIN activities a ON a.id = d.activity_id \
         WHERE m.message_id = (SELECT s.message_id FROM mirrors s \
         WHERE s.channel_id = t.channel AND s.delivery_id <> t.delivery ORDER BY s.message_id DESC LIMIT 1)",
    );
    for (target, row) in query.keyed_rows(&**txn).await? {
        let newest = (|| {
            let origin: String = row.try_get_by_index(4)?;
            let origin = origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
            let message = MessageId::from_db(row.try_get_by_index(1)?)?;
            Ok(NewestMirror {
                message,
                activity: row.try_get_by_index(2)?,
                author: row.try_get_by_index(3)?,
                origin,
            })
        })();
        found.insert(ChannelId::from_db(target)?, newest);
    }
    Ok(found)
}

fn location((channel, message): (i64, i64)) -> Result<MessageLocation, StoreError> {
    Ok((ChannelId::from_db(channel)?, MessageId::from_db(message)?))
}
