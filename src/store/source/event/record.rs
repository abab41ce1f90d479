//! Source events become activities and deliveries: a batch, whatever it holds, in one transaction and a handful
//! of statements.
//!
//! The batch is first played through in memory, in order, upon what the database knows of its origins; then the
//! outcome is written. So ten edits of a message cost one UPDATE, and a message that was posted and deleted
//! within a batch is never owed to anybody.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use super::effects::{Changed, forget_unowed, insert_deliveries, lock_lanes, pass_gates, reopen, wake};
use super::followed::Followed;
use super::known::Known;
use super::{keys, place, thread_of};
use crate::domain::activity::{Origin, Showing};
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::domain::place::Place;
use crate::store::db::connect::Write;
use crate::store::db::sql::{Kind, Sql, Table, cell, channel_ids, hex};
use crate::store::follow::matching;
use crate::store::follow::matching::{Rematch, TagChange};
use crate::store::source::{circles, quotes};
use crate::store::{Recorded, SourceEvent, Store, StoreError};

/// How long a message is held at most; whoever holds it lets it go earlier.
const HELD: TimeDelta = TimeDelta::minutes(20);

#[derive(FromQueryResult)]
struct InsertedRow {
    id: i64,
    origin: String,
}

/// The columns of a new activity; the first is its place in the order.
const COLUMNS: [(&str, Kind); 16] = [
    ("number", Kind::Number),
    ("origin", Kind::Text),
    ("kind", Kind::Text),
    ("source", Kind::Number),
    ("message", Kind::Number),
    ("author", Kind::Number),
    ("revision", Kind::Number),
    ("deleted", Kind::Flag),
    ("content", Kind::Bytes),
    ("created_at", Kind::Time),
    ("thread", Kind::Number),
    ("place", Kind::Text),
    ("digest", Kind::Bytes),
    ("quoted", Kind::Number),
    ("quoted_author", Kind::Number),
    ("withheld", Kind::Flag),
];

impl Store {
    /// Records what happened in sources, in this order. Recording an event again changes nothing.
    ///
    /// - Posted: an activity, owed to every active relay follow of the source, or of its thread, that lets it through (`matching`). The
    ///   message's channel counts as read up to it.
    /// - Edited: a new revision, if it shows something else; owed again where it was shown through a follow
    ///   that isn't broken. With other tags, it is owed where it wasn't wanted before, and taken back where it isn't any more.
    /// - Read again: the same, unless there is a later revision than was known before it was read.
    /// - Deleted: the last revision; its content is forgotten, and its mirrors are to go.
    /// - Passed: the channel counts as read up to it, without an activity.
    /// - Whose author doesn't want it mirrored: nothing but that it was there; what was mirrored of it is to go.
    ///
    /// Edits and deletions of what was never recorded are passed over.
    pub async fn record_events(
        &self,
        events: &[SourceEvent],
        now: DateTime<Utc>,
    ) -> Result<Recorded, StoreError> {
        self.record_events_holding(events, &HashSet::new(), now).await
    }

    /// The same, but these of the posts are [held](Self::release_held): recorded, and owed to nobody yet.
    #[tracing::instrument(name = "transaction", level = "debug", skip_all, fields(of = "record_events_holding", events = events.len()))]
    pub async fn record_events_holding(
        &self,
        events: &[SourceEvent],
        held: &HashSet<Origin>,
        now: DateTime<Utc>,
    ) -> Result<Recorded, StoreError> {
        if events.is_empty() {
            return Ok(Recorded::default());
        }
        let txn = self.write().await?;
        pass_gates(&txn, events).await?;
        let mut known = self.known(&txn, events).await?;
        let followed = Followed::by(&txn, events, &known).await?;
        let events = &*quotes::without_deleted(&txn, events, &followed).await?;
        let (mut order, mut withheld) = (Vec::new(), 0_u64);
        for event in events {
            if followed.withholds(event, known.get(&event.origin())) {
                withheld += u64::from(withhold(&mut known, &mut order, event, &followed));
            } else {
                self.play(&mut known, &mut order, event, &followed);
            }
        }
        let changed = changed(&known);
        lock_lanes(&txn, reached(events, &known), &changed).await?;
        let mut posted = self.insert_activities(&txn, &known, &order, now).await?;
        circles::hold(&txn, &mut posted, held, now + HELD).await?;
        self.update_activities(&txn, &known).await?;
        let mut lanes = insert_deliveries(&txn, &posted).await?;
        lanes.extend(reopen(&txn, &changed).await?);
        lanes.extend(retag(&txn, &known).await?);
        let retagged = known.values().filter(|known| known.retagged.is_some()).filter_map(|known| known.id);
        forget_unowed(&txn, posted.iter().copied().chain(retagged).collect()).await?;
        wake(&txn, &posted, &changed).await?;
        let quoted = quotes::mark(&txn, quotes::maybe_quoted(events, &known)).await?;
        txn.commit().await?;
        lanes.sort_unstable();
        lanes.dedup();
        let lanes = channel_ids(lanes)?;
        let (posted, changed) = (posted.len(), changed.ids().count());
        Ok(Recorded { lanes, posted, changed, quoted, withheld })
    }

    /// Inserts the new activities, numbered in the order of their events. Returns the numbers of those that are owed.
    async fn insert_activities(
        &self,
        txn: &Write,
        known: &HashMap<Origin, Known>,
        order: &[Origin],
        now: DateTime<Utc>,
    ) -> Result<Vec<i64>, StoreError> {
        if order.is_empty() {
            return Ok(Vec::new());
        }
        let rows = order.iter().filter_map(|origin| known.get(origin).map(|known| (*origin, known)));
        let rows = rows.zip(0_i64..).map(|((origin, known), number)| {
            let content = known.content.as_ref().map(|content| self.cipher.seal_content(origin, content));
            [
                number.into(),
                origin.to_string().into(),
                origin.kind().into(),
                known.source.map(ChannelId::to_db).into(),
                origin.message().to_db().into(),
                known.author.map(UserId::to_db).into(),
                known.revision.into(),
                known.deleted.into(),
                content.as_deref().map(hex).into(),
                cell(now).into(),
                thread_of(origin, known.source).map(ChannelId::to_db).into(),
                known.place.as_str().into(),
                known.digest.as_deref().map(hex).into(),
                known.quoted.map(MessageId::to_db).into(),
                known.quoted_author.map(UserId::to_db).into(),
                known.withheld.into(),
            ]
        });
        let insert = "INSERT INTO activities (origin, kind, source_channel_id, source_message_id, author_id, revision, \
            deleted, content, created_at, thread_id, place, digest, quoted_message_id, quoted_author_id, withheld) \
            SELECT t.origin, t.kind, t.source, t.message, t.author, t.revision, t.deleted, t.content, t.created_at, \
            t.thread, t.place, t.digest, t.quoted, t.quoted_author, t.withheld FROM ";
        let insert = Sql::new(insert, []).rows(Table::new(COLUMNS, rows));
        let insert = insert.then(" WHERE TRUE ORDER BY t.number ON CONFLICT DO NOTHING RETURNING id, origin");
        let inserted: Vec<InsertedRow> = insert.rows_of(&**txn).await?;
        let (mut ids, mut tags) = (Vec::with_capacity(inserted.len()), Vec::new());
        for InsertedRow { id, origin } in inserted {
            ids.push(id);
            let origin: Origin = origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
            let of_it = known.get(&origin).into_iter().flat_map(|known| &known.tags);
            tags.extend(of_it.map(|tag| (id, tag.as_str())));
        }
        matching::put_tags(&**txn, &tags).await?;
        Ok(ids)
    }

    /// Writes down the new revisions of those that were known before.
    async fn update_activities(&self, txn: &Write, known: &HashMap<Origin, Known>) -> Result<(), StoreError> {
        for (origin, known) in known.iter().filter(|(_, known)| known.changed || known.retagged.is_some()) {
            let Some(id) = known.id else { continue };
            let content = known.content.as_ref().map(|content| self.cipher.seal_content(*origin, content));
            // Whatever is owed of it now needs the new content.
            let update = "UPDATE activities SET revision = $2, deleted = $3, content = $4, digest = $5, \
                quoted_message_id = COALESCE($6, quoted_message_id), quoted_author_id = COALESCE($7, quoted_author_id), \
                withheld = $8, settled_at = NULL WHERE id = $1";
            let values = [
                id.into(),
                known.revision.into(),
                known.deleted.into(),
                content.into(),
                known.digest.clone().into(),
                known.quoted.map(MessageId::to_db).into(),
                known.quoted_author.map(UserId::to_db).into(),
                known.withheld.into(),
            ];
            Sql::new(update, values).execute(&**txn).await?;
        }
        Ok(())
    }

    /// Applies one event to what is known.
    fn play(
        &self,
        known: &mut HashMap<Origin, Known>,
        order: &mut Vec<Origin>,
        event: &SourceEvent,
        followed: &Followed,
    ) {
        match event {
            SourceEvent::Posted { origin, source, author, content } => {
                // Of a source that only Discord itself relays, nothing is kept.
                let Some(active) = followed.is_active(*source, origin.channel()) else { return };
                known.entry(*origin).or_insert_with(|| {
                    order.push(*origin);
                    Known {
                        id: None,
                        source: Some(*source),
                        author: *author,
                        revision: 1,
                        deleted: false,
                        withheld: false,
                        quoted: quotes::quoted_by(content),
                        quoted_author: quotes::author_quoted_by(content),
                        // While all its follows rest it is still remembered, so as not to be taken for new when the
                        // source is read again, but not what it says.
                        content: active.then(|| content.clone()),
                        digest: self.cipher.digest(*origin, content),
                        place: place(content),
                        tags: keys(content),
                        retagged: None,
                        unowed: !active,
                        changed: false,
                    }
                });
            }
            SourceEvent::Edited { origin, content, .. } => {
                if let Some(known) = known.get_mut(origin).filter(|known| !known.deleted) {
                    self.edit(known, *origin, content);
                }
            }
            SourceEvent::Reread { origin, revision, content, .. } => {
                if let Some(known) = known.get_mut(origin)
                    && !known.deleted
                    && known.revision == revision.0
                {
                    self.edit(known, *origin, content);
                }
            }
            SourceEvent::Deleted { origin } => {
                if let Some(known) = known.get_mut(origin)
                    && !known.deleted
                {
                    known.delete();
                }
            }
            SourceEvent::Passed { .. } => {}
        }
    }

    /// Applies an edit. What nobody is owed is of interest only where other tags may make it wanted.
    fn edit(&self, known: &mut Known, origin: Origin, content: &Showing) {
        let (tags, digest) = (keys(content), self.cipher.digest(origin, content));
        let same = match (&known.digest, &digest) {
            (Some(one), Some(other)) => one == other,
            _ => known.content.as_ref().is_some_and(|known| known.shows_the_same(content)),
        };
        let retagged = tags != known.tags;
        if retagged {
            let before = std::mem::replace(&mut known.tags, tags);
            known.retagged.get_or_insert(before);
        }
        if !retagged && (same || known.unowed) {
            return;
        }
        known.content = Some(content.clone());
        known.digest = digest;
        known.quotes(content);
        if !same {
            known.revision += 1;
            known.changed = true;
        }
    }
}

/// Leaves an event out of what is mirrored, as the message's author wants it; what was mirrored of it is to go. Whether there was something to leave out.
fn withhold(
    known: &mut HashMap<Origin, Known>,
    order: &mut Vec<Origin>,
    event: &SourceEvent,
    followed: &Followed,
) -> bool {
    match (event, known.get_mut(&event.origin())) {
        (_, Some(known)) => known.withhold(),
        (SourceEvent::Posted { origin, source, content, .. }, None) => {
            let followed = followed.is_active(*source, origin.channel()).is_some();
            if followed {
                order.push(*origin);
                known.insert(*origin, Known::withheld(*source, place(content)));
            }
            followed
        }
        (_, None) => false,
    }
}

/// The channels whose followers the batch may concern: the sources, and the threads, of what was posted or got other tags.
fn reached(events: &[SourceEvent], known: &HashMap<Origin, Known>) -> BTreeSet<i64> {
    let concerns = |event: &&SourceEvent| match event {
        SourceEvent::Posted { .. } => true,
        event => known.get(&event.origin()).is_some_and(|known| known.retagged.is_some()),
    };
    let ends = |event: &SourceEvent| event.source().into_iter().chain([event.origin().channel()]);
    events.iter().filter(concerns).flat_map(ends).map(ChannelId::to_db).collect()
}

/// Brings the deliveries of what has other tags now to what follows ask for. Returns the targets.
async fn retag(txn: &Write, known: &HashMap<Origin, Known>) -> Result<Vec<i64>, StoreError> {
    let mut targets = Vec::new();
    for known in known.values() {
        let (Some(id), Some(before)) = (known.id, &known.retagged) else { continue };
        let change = TagChange {
            added: known.tags.difference(before).cloned().collect(),
            removed: before.difference(&known.tags).cloned().collect(),
        };
        targets.extend(matching::rematch(txn, Rematch::One(id), &change).await?);
        if known.place == Place::Starter {
            targets.extend(matching::rematch(txn, Rematch::AnswersUnder(id), &change.of_post()).await?);
        }
    }
    Ok(targets)
}

/// Which of those that were known before have a new revision.
fn changed(known: &HashMap<Origin, Known>) -> Changed {
    let mut changed = Changed::default();
    for known in known.values().filter(|known| known.changed) {
        let list = if known.deleted { &mut changed.deleted } else { &mut changed.edited };
        list.extend(known.id);
    }
    changed
}
