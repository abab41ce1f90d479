//! Source events become activities and deliveries: a batch, whatever it holds, in one transaction and a handful
//! of statements.
//!
//! The batch is first played through in memory, in order, upon what the database knows of its origins; then the
//! outcome is written. So ten edits of a message cost one UPDATE, and a message that was posted and deleted
//! within a batch is never owed to anybody.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{FromQueryResult, Value};

use super::connect::Write;
use super::event_effects::{Changed, followed, insert_deliveries, lock_lanes, pass_gates, reopen, wake};
use super::sql::{Sql, stored};
use super::{Store, StoreError};
use crate::domain::activity::{Origin, Showing};
use crate::domain::ids::{ChannelId, UserId};

/// Something that happened in a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceEvent {
    /// A message was posted.
    Posted {
        /// Which.
        origin: Origin,
        /// The source: the message's channel, or that of its thread.
        source: ChannelId,
        /// Who wrote it.
        author: Option<UserId>,
        /// What it shows.
        content: Showing,
    },
    /// It was edited, or its embeds arrived.
    Edited {
        /// Which.
        origin: Origin,
        /// What it shows now.
        content: Showing,
    },
    /// It was deleted.
    Deleted {
        /// Which.
        origin: Origin,
    },
    /// The source was read up to here, whatever that message is.
    Passed {
        /// Which.
        origin: Origin,
    },
}

impl SourceEvent {
    /// Which message it is about.
    pub const fn origin(&self) -> Origin {
        match self {
            Self::Posted { origin, .. }
            | Self::Edited { origin, .. }
            | Self::Deleted { origin }
            | Self::Passed { origin } => *origin,
        }
    }
}

/// What a batch led to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// The targets that have new work, each once, ascending.
    pub lanes: Vec<ChannelId>,
    /// How many activities are new.
    pub posted: usize,
    /// How many that were known before have a new revision.
    pub changed: usize,
}

/// What is known of an origin while the batch is played through.
struct Known {
    /// Its row; none before it is inserted.
    id: Option<i64>,
    source: Option<ChannelId>,
    author: Option<UserId>,
    revision: i32,
    deleted: bool,
    content: Option<Showing>,
    /// Nobody was ever owed it, so that its content is of no use.
    unowed: bool,
    changed: bool,
}

#[derive(FromQueryResult)]
struct KnownRow {
    id: i64,
    origin: String,
    revision: i32,
    deleted: bool,
    content: Option<Vec<u8>>,
    owed: bool,
}

impl Store {
    /// Records what happened in sources, in this order. Recording an event again changes nothing.
    ///
    /// - Posted: an activity, owed to every active relay follow of the source. The message's channel counts as
    ///   read up to it. (Modes and tags aren't looked at yet: every follow lets everything through.)
    /// - Edited: a new revision, if it shows something else; owed again where it was shown through a follow
    ///   that isn't broken.
    /// - Deleted: the last revision; its content is forgotten, and its mirrors are to go.
    /// - Passed: the channel counts as read up to it, without an activity.
    ///
    /// Edits and deletions of what was never recorded are passed over.
    pub async fn record_events(
        &self,
        events: &[SourceEvent],
        now: DateTime<Utc>,
    ) -> Result<Recorded, StoreError> {
        if events.is_empty() {
            return Ok(Recorded::default());
        }
        let txn = self.write().await?;
        pass_gates(&txn, events).await?;
        let mut known = self.known(&txn, events).await?;
        let followed = followed(&txn, events).await?;
        let mut order = Vec::new();
        for event in events {
            play(&mut known, &mut order, event, &followed);
        }
        let changed = changed(&known);
        lock_lanes(&txn, &followed, &changed).await?;
        let posted = self.insert_activities(&txn, &known, &order, now).await?;
        self.update_activities(&txn, &known).await?;
        let mut lanes = insert_deliveries(&txn, &posted).await?;
        lanes.extend(reopen(&txn, &changed).await?);
        wake(&txn, &posted, &changed).await?;
        txn.commit().await?;
        lanes.sort_unstable();
        lanes.dedup();
        let lanes = lanes.into_iter().map(ChannelId::from_db).collect::<Result<_, _>>()?;
        Ok(Recorded { lanes, posted: posted.len(), changed: changed.ids().count() })
    }

    /// What the database knows of the batch's origins.
    async fn known(&self, txn: &Write, events: &[SourceEvent]) -> Result<HashMap<Origin, Known>, StoreError> {
        let origins: HashMap<String, Origin> =
            events.iter().map(|event| (event.origin().to_string(), event.origin())).collect();
        let mut known = HashMap::new();
        let keys: Vec<&String> = origins.keys().collect();
        for keys in keys.chunks(10_000) {
            let query = "SELECT id, origin, revision, deleted, content, \
                EXISTS (SELECT 1 FROM deliveries d WHERE d.activity_id = activities.id) AS owed \
                FROM activities WHERE origin IN ";
            let rows: Vec<KnownRow> =
                Sql::new(query, []).list(keys.iter().map(|key| key.as_str())).rows_of(&**txn).await?;
            for row in rows {
                let origin = *origins.get(&row.origin).ok_or(StoreError::Unreadable("origin"))?;
                let open = |sealed: Vec<u8>| self.cipher.open_content(origin, &sealed);
                let content = row.content.map(open).transpose()?;
                known.insert(
                    origin,
                    Known {
                        id: Some(row.id),
                        source: None,
                        author: None,
                        revision: row.revision,
                        deleted: row.deleted,
                        content,
                        unowed: !row.owed,
                        changed: false,
                    },
                );
            }
        }
        Ok(known)
    }

    /// Inserts the new activities, numbered in the order of their events. Returns the numbers of those that are owed.
    async fn insert_activities(
        &self,
        txn: &Write,
        known: &HashMap<Origin, Known>,
        order: &[Origin],
        now: DateTime<Utc>,
    ) -> Result<Vec<i64>, StoreError> {
        let mut ids = Vec::with_capacity(order.len());
        for origins in order.chunks(1_000) {
            let rows = origins.iter().filter_map(|origin| known.get(origin).map(|known| (*origin, known)));
            let rows = rows.map(|(origin, known)| {
                let content = known.content.as_ref().map(|content| self.cipher.seal_content(origin, content));
                vec![
                    origin.to_string().into(),
                    origin.kind().into(),
                    Value::BigInt(known.source.map(ChannelId::to_db)),
                    origin.message().to_db().into(),
                    Value::BigInt(known.author.map(UserId::to_db)),
                    known.revision.into(),
                    known.deleted.into(),
                    content.into(),
                    stored(now).into(),
                ]
            });
            let insert = "INSERT INTO activities \
                (origin, kind, source_channel_id, source_message_id, author_id, revision, deleted, content, created_at) \
                VALUES ";
            let insert = Sql::new(insert, []).rows(rows).then(" ON CONFLICT DO NOTHING RETURNING id");
            ids.extend(insert.numbers(&**txn).await?);
        }
        Ok(ids)
    }

    /// Writes down the new revisions of those that were known before.
    async fn update_activities(&self, txn: &Write, known: &HashMap<Origin, Known>) -> Result<(), StoreError> {
        for (origin, known) in known.iter().filter(|(_, known)| known.changed) {
            let Some(id) = known.id else { continue };
            let content = known.content.as_ref().map(|content| self.cipher.seal_content(*origin, content));
            let update = "UPDATE activities SET revision = $2, deleted = $3, content = $4 WHERE id = $1";
            let values = [id.into(), known.revision.into(), known.deleted.into(), content.into()];
            Sql::new(update, values).execute(&**txn).await?;
        }
        Ok(())
    }
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

/// Applies one event to what is known.
fn play(
    known: &mut HashMap<Origin, Known>,
    order: &mut Vec<Origin>,
    event: &SourceEvent,
    followed: &HashMap<i64, bool>,
) {
    match event {
        SourceEvent::Posted { origin, source, author, content } => {
            // Of a source that only Discord itself relays, nothing is kept.
            let Some(active) = followed.get(&source.to_db()) else { return };
            known.entry(*origin).or_insert_with(|| {
                order.push(*origin);
                // While all its follows rest it is still remembered, so as not to be taken for new when the
                // source is read again, but not what it says.
                let unowed = !active;
                Known {
                    id: None,
                    source: Some(*source),
                    author: *author,
                    revision: 1,
                    deleted: false,
                    content: (!unowed).then(|| content.clone()),
                    unowed,
                    changed: false,
                }
            });
        }
        SourceEvent::Edited { origin, content } => {
            if let Some(known) = known.get_mut(origin)
                && !known.deleted
                && !known.unowed
                && !known.content.as_ref().is_some_and(|known| known.shows_the_same(content))
            {
                known.content = Some(content.clone());
                known.revision += 1;
                known.changed = true;
            }
        }
        SourceEvent::Deleted { origin } => {
            if let Some(known) = known.get_mut(origin)
                && !known.deleted
            {
                known.content = None;
                known.deleted = true;
                known.revision += 1;
                known.changed = true;
            }
        }
        SourceEvent::Passed { .. } => {}
    }
}
