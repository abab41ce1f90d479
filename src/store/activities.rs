//! Source events become activities and deliveries: a batch, whatever it holds, in one transaction and a handful of statements.
//!
//! The batch is first played through in memory, in order, upon what the database knows of its origins; then the outcome is written.
//! So ten edits of a message cost one UPDATE, and a message that was posted and deleted within a batch is never owed to anybody.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbBackend, FromQueryResult, Value};

use super::connect::Write;
use super::sql::{Sql, stored};
use super::{Store, StoreError};
use crate::domain::activity::Origin;
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::message::Content;

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
        content: Content,
    },
    /// It was edited, or its embeds arrived.
    Edited {
        /// Which.
        origin: Origin,
        /// What it shows now.
        content: Content,
    },
    /// It was deleted.
    Deleted {
        /// Which.
        origin: Origin,
    },
}

impl SourceEvent {
    /// Which message it is about.
    pub const fn origin(&self) -> Origin {
        match self {
            Self::Posted { origin, .. } | Self::Edited { origin, .. } | Self::Deleted { origin } => *origin,
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
    content: Option<Content>,
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

#[derive(FromQueryResult)]
struct FollowedRow {
    source_channel_id: i64,
    active: i64,
}

impl Store {
    /// Records what happened in sources, in this order. Recording an event again changes nothing.
    ///
    /// - Posted: an activity, owed to every active relay follow of the source. The message's channel counts as read up to it.
    ///   (Modes and tags aren't looked at yet: every follow lets everything through.)
    /// - Edited: a new revision, if it shows something else; owed again where it was shown through a follow that isn't broken.
    /// - Deleted: the last revision; its content is forgotten, and its mirrors are to go.
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
        let changed: Vec<(Origin, &Known)> = known
            .iter()
            .filter(|(_, known)| known.changed && known.id.is_some())
            .map(|(origin, known)| (*origin, known))
            .collect();
        lock_lanes(&txn, &followed, &changed).await?;
        let posted = self.insert_activities(&txn, &known, &order, now).await?;
        self.update_activities(&txn, &changed).await?;
        let mut lanes = insert_deliveries(&txn, &posted).await?;
        lanes.extend(reopen(&txn, &changed).await?);
        wake(&txn, &posted, &changed).await?;
        txn.commit().await?;
        lanes.sort_unstable();
        lanes.dedup();
        let lanes = lanes.into_iter().map(ChannelId::from_db).collect::<Result<_, _>>()?;
        Ok(Recorded { lanes, posted: posted.len(), changed: changed.len() })
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
                let Origin::Message { message, .. } = origin;
                let content = known.content.as_ref().map(|content| self.cipher.seal_content(origin, content));
                vec![
                    origin.to_string().into(),
                    "message".into(),
                    Value::BigInt(known.source.map(ChannelId::to_db)),
                    message.to_db().into(),
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

    async fn update_activities(&self, txn: &Write, changed: &[(Origin, &Known)]) -> Result<(), StoreError> {
        for (origin, known) in changed {
            let content = known.content.as_ref().map(|content| self.cipher.seal_content(*origin, content));
            let update = "UPDATE activities SET revision = $2, deleted = $3, content = $4 WHERE id = $1";
            let values =
                [Value::BigInt(known.id), known.revision.into(), known.deleted.into(), content.into()];
            Sql::new(update, values).execute(&**txn).await?;
        }
        Ok(())
    }
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
                // While all its follows rest it is still remembered, so as not to be taken for new when the source is read again,
                // but not what it says.
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
                && known.content.as_ref() != Some(content)
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
    }
}

/// Takes the gates of all channels of the batch, in order, and moves up to where each has been read: one statement.
async fn pass_gates(txn: &Write, events: &[SourceEvent]) -> Result<(), StoreError> {
    let mut channels: BTreeMap<i64, Option<i64>> = BTreeMap::new();
    for event in events {
        let Origin::Message { channel, message } = event.origin();
        let seen = channels.entry(channel.to_db()).or_default();
        if let SourceEvent::Posted { source, .. } = event {
            *seen = (*seen).max(Some(message.to_db()));
            channels.entry(source.to_db()).or_default();
        }
    }
    let rows = channels.into_iter().map(|(channel, seen)| vec![channel.into(), Value::BigInt(seen)]);
    Sql::new("INSERT INTO channels (channel_id, seen_message_id) VALUES ", [])
        .rows(rows)
        .then(
            " ON CONFLICT (channel_id) DO UPDATE SET seen_message_id = \
             CASE WHEN excluded.seen_message_id > COALESCE(channels.seen_message_id, 0) \
             THEN excluded.seen_message_id ELSE channels.seen_message_id END",
        )
        .execute(&**txn)
        .await?;
    Ok(())
}

/// Which of the batch's sources have relay follows, and whether any of these is active.
async fn followed(txn: &Write, events: &[SourceEvent]) -> Result<HashMap<i64, bool>, StoreError> {
    let sources: HashSet<i64> = events
        .iter()
        .filter_map(|event| match event {
            SourceEvent::Posted { source, .. } => Some(source.to_db()),
            _ => None,
        })
        .collect();
    let query = "SELECT source_channel_id, COUNT(CASE WHEN is_active THEN 1 END) AS active FROM channel_follows \
        WHERE delivery = 'relay' AND source_channel_id IN ";
    let query = Sql::new(query, []).list(sources).then(" GROUP BY source_channel_id");
    let rows: Vec<FollowedRow> = query.rows_of(&**txn).await?;
    Ok(rows.into_iter().map(|row| (row.source_channel_id, row.active > 0)).collect())
}

/// Takes the gates of all lanes that the batch may reach: nobody records a step there that rests on what is about to change.
async fn lock_lanes(
    txn: &Write,
    followed: &HashMap<i64, bool>,
    changed: &[(Origin, &Known)],
) -> Result<(), StoreError> {
    if txn.get_database_backend() != DbBackend::Postgres {
        return Ok(());
    }
    let query = "SELECT target_channel_id FROM lanes WHERE target_channel_id IN (\
        SELECT target_channel_id FROM channel_follows \
        WHERE is_active AND delivery = 'relay' AND source_channel_id IN ";
    Sql::new(query, [])
        .list(followed.keys().copied())
        .then(" UNION SELECT target_channel_id FROM deliveries WHERE activity_id IN ")
        .list(changed.iter().map(|(_, known)| Value::BigInt(known.id)))
        .then(") ORDER BY target_channel_id FOR UPDATE")
        .numbers(&**txn)
        .await?;
    Ok(())
}

/// Owes new activities to all who follow their sources by relay. Returns the targets.
async fn insert_deliveries(txn: &Write, activities: &[i64]) -> Result<Vec<i64>, StoreError> {
    if activities.is_empty() {
        return Ok(Vec::new());
    }
    let insert = "INSERT INTO deliveries (activity_id, target_channel_id, follow_id) \
        SELECT a.id, f.target_channel_id, f.id FROM activities a \
        JOIN channel_follows f ON f.source_channel_id = a.source_channel_id \
        WHERE f.is_active AND f.delivery = 'relay' AND NOT a.deleted AND a.id IN ";
    let insert = Sql::new(insert, []).list(activities.iter().copied());
    let insert = insert.then(" ORDER BY a.id, f.id ON CONFLICT DO NOTHING RETURNING target_channel_id");
    Ok(insert.numbers(&**txn).await?)
}

/// Owes changed activities again to those who were shown them. A deletion also reaches what was given up half shown, and
/// nothing makes it wait. Returns the targets.
async fn reopen(txn: &Write, changed: &[(Origin, &Known)]) -> Result<Vec<i64>, StoreError> {
    let reached = "EXISTS (SELECT 1 FROM channel_follows f \
        WHERE f.id = deliveries.follow_id AND f.broken_reason IS NULL)";
    let ids = |deleted: bool| -> Vec<i64> {
        changed
            .iter()
            .filter(|(_, known)| known.deleted == deleted)
            .filter_map(|(_, known)| known.id)
            .collect()
    };
    let mut targets = Vec::new();
    let (edited, deleted) = (ids(false), ids(true));
    if !edited.is_empty() {
        let update = format!(
            "UPDATE deliveries SET state = 'due', wait_until = NULL, attempts = 0 \
             WHERE state = 'shown' AND {reached} AND activity_id IN "
        );
        let update = Sql::new(update, []).list(edited).then(" RETURNING target_channel_id");
        targets.extend(update.numbers(&**txn).await?);
    }
    if !deleted.is_empty() {
        let update = format!(
            "UPDATE deliveries SET state = 'due', outcome = NULL, wait_until = NULL, attempts = 0 \
             WHERE (state = 'due' OR {reached} AND (state = 'shown' \
             OR EXISTS (SELECT 1 FROM mirrors m WHERE m.delivery_id = deliveries.id))) AND activity_id IN "
        );
        let update = Sql::new(update, []).list(deleted).then(" RETURNING target_channel_id");
        targets.extend(update.numbers(&**txn).await?);
    }
    Ok(targets)
}

/// Lanes that rest until some later time have a reason to look now.
async fn wake(txn: &Write, posted: &[i64], changed: &[(Origin, &Known)]) -> Result<(), StoreError> {
    let ids = posted.iter().copied().chain(changed.iter().filter_map(|(_, known)| known.id));
    let update = "UPDATE lanes SET wait_until = NULL WHERE wait_until IS NOT NULL AND target_channel_id IN \
        (SELECT target_channel_id FROM deliveries WHERE state = 'due' AND activity_id IN ";
    Sql::new(update, []).list(ids).then(")").execute(&**txn).await?;
    Ok(())
}
