//! Messages that quote something which was edited or deleted, until they are brought up to date.
//!
//! An answer's mirror quotes the message that it answers, and says in which thread it stands. When that
//! message changes or is deleted, or what the thread begins with is withheld, the transaction that records it
//! notes that (`mark`): in one row however many answers there are, and in none if there is no answer. The
//! process that reads the source then updates the answers, some at a time.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};

use sea_orm::FromQueryResult;

use super::event::followed::FollowedSources;
use super::event::known::KnownActivity;
use crate::domain::activity::{ActivityContent, ActivityId, Origin, Revision};
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::domain::message::{Content, InThread};
use crate::domain::place::SourcePlace;
use crate::store::db::connect::Write;
use crate::store::db::sql::Sql;
use crate::store::{SourceEvent, Store, StoreError};

/// What is stale already becomes stale again, from the first of its quotes.
const AGAIN: &str = "ON CONFLICT (message_id) DO UPDATE \
    SET after_id = 0, changes = stale_quotes.changes + 1, source_channel_id = excluded.source_channel_id";

/// A message that was edited or deleted, and whose quotes must be brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaleQuote {
    /// The message.
    pub message: MessageId,
    /// The source of the messages that quote it.
    pub source: ChannelId,
    after: i64,
    changes: i64,
}

/// An activity that quotes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuotingActivity {
    /// Its number.
    pub id: ActivityId,
    /// Where it comes from.
    pub origin: Origin,
    /// Its source.
    pub source: ChannelId,
    /// Its newest revision.
    pub revision: Revision,
    /// What it shows, while that is kept.
    pub content: Option<Content>,
}

#[derive(FromQueryResult)]
struct StaleRow {
    message_id: i64,
    source_channel_id: i64,
    after_id: i64,
    changes: i64,
}

#[derive(FromQueryResult)]
struct QuotingRow {
    id: i64,
    origin: String,
    source_channel_id: i64,
    revision: i32,
    content: Option<Vec<u8>>,
}

/// The message that this one answers or forwards.
pub(in crate::store) fn quoted_by(content: &ActivityContent) -> Option<MessageId> {
    let content = content.as_message()?;
    let answered = content.reply.as_ref().map(|reply| reply.message);
    answered.or_else(|| content.forward.as_ref()?.message)
}

/// The thread whose title this event shows, if it is an answer in one.
pub(in crate::store) fn titled_thread(event: &SourceEvent) -> Option<&InThread> {
    let thread = event.content()?.as_message()?.thread.as_ref();
    thread.filter(|thread| thread.place == SourcePlace::Answer)
}

/// Who wrote the message that this one answers, if that is known.
pub(in crate::store) fn author_quoted_by(content: &ActivityContent) -> Option<UserId> {
    content.as_message()?.reply.as_ref()?.written_by
}

/// The messages of a batch whose quotes may be out of date now. If a message isn't known, or no delivery
/// shows it, every edit counts.
pub(in crate::store) fn maybe_quoted(
    events: &[SourceEvent],
    known: &HashMap<Origin, KnownActivity>,
) -> BTreeSet<i64> {
    let changed = |event: &&SourceEvent| match event {
        SourceEvent::Posted { .. } | SourceEvent::Passed { .. } => false,
        event => known.get(&event.origin()).is_none_or(|known| known.is_changed() || !known.has_deliveries),
    };
    events.iter().filter(changed).map(|event| event.origin().message().to_db()).collect()
}

/// Notes that quotes of these messages must be brought up to date. Returns whether there are any.
pub(in crate::store) async fn mark(txn: &Write, messages: BTreeSet<i64>) -> Result<bool, StoreError> {
    if messages.is_empty() {
        return Ok(false);
    }
    mark_where(txn, |insert| insert.list(messages)).await
}

/// The same for quotes of these activities.
pub(in crate::store) async fn mark_of(txn: &Write, activities: &[i64]) -> Result<bool, StoreError> {
    if activities.is_empty() {
        return Ok(false);
    }
    let these = |insert: Sql| {
        let insert =
            insert.then("(SELECT source_message_id FROM activities WHERE kind = 'message' AND id IN ");
        insert.list(activities.iter().copied()).then(")")
    };
    mark_where(txn, these).await
}

/// Notes that answers in the threads that begin with these activities, which are withheld, must be brought up
/// to date: a thread's title is the words of whoever began it.
pub(in crate::store) async fn mark_answers_under(txn: &Write, activities: &[i64]) -> Result<(), StoreError> {
    let insert = "INSERT INTO stale_quotes (message_id, source_channel_id) \
        SELECT thread_id, MIN(source_channel_id) FROM activities \
        WHERE place = 'answer' AND NOT deleted AND source_channel_id IS NOT NULL AND thread_id IN \
        (SELECT COALESCE(thread_id, source_message_id) FROM activities \
        WHERE kind = 'message' AND place <> 'answer' AND id IN ";
    let insert = Sql::new(insert, []).list(activities.iter().copied());
    insert.then(&format!(") GROUP BY thread_id ORDER BY thread_id {AGAIN}")).execute(&**txn).await?;
    Ok(())
}

/// The same for quotes of the messages that these activities quote.
pub(in crate::store) async fn mark_quoted_by(txn: &Write, activities: &[i64]) -> Result<bool, StoreError> {
    let these = |insert: Sql| {
        let insert = insert.then("(SELECT quoted_message_id FROM activities WHERE id IN ");
        insert.list(activities.iter().copied()).then(")")
    };
    mark_where(txn, these).await
}

async fn mark_where(txn: &Write, these: impl FnOnce(Sql) -> Sql) -> Result<bool, StoreError> {
    let insert = "INSERT INTO stale_quotes (message_id, source_channel_id) \
        SELECT quoted_message_id, MIN(source_channel_id) FROM activities \
        WHERE quoted_message_id IS NOT NULL AND NOT deleted AND source_channel_id IS NOT NULL AND quoted_message_id IN ";
    let insert = these(Sql::new(insert, []))
        .then(&format!(" GROUP BY quoted_message_id ORDER BY quoted_message_id {AGAIN}"));
    Ok(insert.execute(&**txn).await? > 0)
}

#[derive(FromQueryResult)]
struct GoneRow {
    source_message_id: i64,
    withheld: bool,
}

/// The same events, without quotes of messages that are known to be deleted, that were withdrawn here, or
/// whose authors don't want them mirrored, and without titles of threads that such an author began.
pub(in crate::store) async fn without_deleted<'a>(
    txn: &Write,
    events: &'a [SourceEvent],
    followed: &FollowedSources,
) -> Result<Cow<'a, [SourceEvent]>, StoreError> {
    let quoted = |event: &SourceEvent| event.content().and_then(quoted_by);
    let begun = |event: &SourceEvent| titled_thread(event).map(|thread| thread.thread.first_message());
    let all: BTreeSet<i64> = events
        .iter()
        .flat_map(|event| [quoted(event), begun(event)])
        .flatten()
        .map(MessageId::to_db)
        .collect();
    if all.is_empty() {
        return Ok(Cow::Borrowed(events));
    }
    let query = "SELECT source_message_id, withheld FROM activities \
        WHERE deleted AND kind = 'message' AND source_message_id IN ";
    let rows: Vec<GoneRow> = Sql::new(query, []).list(all).rows_of(&**txn).await?;
    let gone = rows.iter().map(|row| (row.source_message_id, row.withheld));
    // What was posted just before isn't recorded yet.
    let posted = events.iter().filter(|event| followed.withholds(event, None));
    let posted = posted.map(|event| (event.origin().message().to_db(), true));
    let gone: HashMap<i64, bool> = gone.chain(posted).collect();
    let leaves_out =
        |event: &SourceEvent| followed.withholds_quote_of(event) || followed.withholds_title_of(event);
    if gone.is_empty() && !events.iter().any(leaves_out) {
        return Ok(Cow::Borrowed(events));
    }
    let is_withheld = |message: MessageId| gone.get(&message.to_db()) == Some(&true);
    let mut events = events.to_vec();
    for event in &mut events {
        let withheld = followed.withholds_quote_of(event);
        let untitled = followed.withholds_title_of(event) || begun(event).is_some_and(is_withheld);
        let Some(ActivityContent::Message(content)) = event.content_mut() else { continue };
        if let Some(reply) = &mut content.reply
            && (withheld || gone.contains_key(&reply.message.to_db()))
        {
            reply.delete();
        }
        // A forward of a message that was merely deleted keeps Discord's copy of it.
        if content.forward.as_ref().and_then(|forward| forward.message).is_some_and(is_withheld) {
            content.withhold_forward();
        }
        if let Some(thread) = content.thread.as_mut().filter(|_| untitled) {
            thread.withhold_title();
        }
    }
    Ok(Cow::Owned(events))
}

impl Store {
    /// Messages whose quotes must be brought up to date, after this one; at most `most`.
    pub async fn stale_quotes(
        &self,
        after: Option<MessageId>,
        most: u32,
    ) -> Result<Vec<StaleQuote>, StoreError> {
        let query = "SELECT message_id, source_channel_id, after_id, changes FROM stale_quotes \
            WHERE message_id > $1 ORDER BY message_id LIMIT $2";
        let values = [after.map_or(0, MessageId::to_db).into(), i64::from(most).into()];
        let rows: Vec<StaleRow> = Sql::new(query, values).rows_of(&self.db).await?;
        let stale = |row: StaleRow| {
            let message = MessageId::from_db(row.message_id)?;
            let source = ChannelId::from_db(row.source_channel_id)?;
            Ok(StaleQuote { message, source, after: row.after_id, changes: row.changes })
        };
        rows.into_iter().map(stale).collect()
    }

    /// The next activities that quote it, or answer in its thread if it is withheld, and that are shown or
    /// due anywhere; at most `most`.
    pub async fn quoting(&self, stale: &StaleQuote, most: u32) -> Result<Vec<QuotingActivity>, StoreError> {
        // Each half is read in the order of its index, and only as far as needed.
        let half = |name: &str, quotes: &str| {
            format!(
                "SELECT id FROM (SELECT id FROM activities WHERE {quotes} \
                 AND id > $2 AND NOT deleted AND source_channel_id IS NOT NULL \
                 AND (EXISTS (SELECT 1 FROM deliveries d WHERE d.activity_id = activities.id) \
                 OR EXISTS (SELECT 1 FROM held_activities h WHERE h.activity_id = activities.id)) \
                 ORDER BY id LIMIT $3) {name}"
            )
        };
        let quotes = half("quotes", "quoted_message_id = $1");
        let answers = half(
            "answers",
            "thread_id = $1 AND place = 'answer' AND EXISTS (SELECT 1 FROM activities s WHERE s.withheld \
             AND s.kind = 'message' AND s.place <> 'answer' AND (s.source_message_id = $1 OR s.thread_id = $1))",
        );
        let query = format!(
            "SELECT id, origin, source_channel_id, revision, content FROM activities \
             WHERE id IN ({quotes} UNION {answers}) ORDER BY id LIMIT $3"
        );
        let values = [stale.message.to_db().into(), stale.after.into(), i64::from(most).into()];
        let rows: Vec<QuotingRow> = Sql::new(query, values).rows_of(&self.db).await?;
        rows.into_iter().map(|row| self.quoting_row(row)).collect()
    }

    fn quoting_row(&self, row: QuotingRow) -> Result<QuotingActivity, StoreError> {
        let origin: Origin = row.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
        // Content that can't be read is fetched again.
        let content = row.content.and_then(|sealed| self.cipher.open_content(origin, &sealed).ok());
        let content = content.and_then(|content| match content {
            ActivityContent::Message(content) => Some(*content),
            ActivityContent::Panel { .. } => None,
        });
        let source = ChannelId::from_db(row.source_channel_id)?;
        Ok(QuotingActivity {
            id: ActivityId(row.id),
            origin,
            source,
            revision: Revision(row.revision),
            content,
        })
    }

    /// Whether this message is known to be deleted, or was withdrawn here.
    pub async fn is_known_deleted(&self, message: MessageId) -> Result<bool, StoreError> {
        let query = "SELECT id FROM activities WHERE source_message_id = $1 AND kind = 'message' AND deleted";
        Ok(!Sql::new(query, [message.to_db().into()]).numbers(&self.db).await?.is_empty())
    }

    /// Records that the quotes are up to date, as far as this activity; without one, all of them. If the
    /// message has changed again meanwhile, the update starts over.
    pub async fn quotes_done(&self, stale: &StaleQuote, up_to: Option<ActivityId>) -> Result<(), StoreError> {
        let txn = self.write().await?;
        let these = [stale.message.to_db().into(), stale.changes.into()];
        let sql = match up_to {
            Some(up_to) => {
                let update = "UPDATE stale_quotes SET after_id = ";
                Sql::new(update, these).bind(up_to.0).then(" WHERE message_id = $1 AND changes = $2")
            }
            None => Sql::new("DELETE FROM stale_quotes WHERE message_id = $1 AND changes = $2", these),
        };
        sql.execute(&*txn).await?;
        txn.commit().await
    }
}
