//! Source events become activities and deliveries: a batch, whatever it contains, in one transaction and a
//! handful of statements.
//!
//! The batch is first replayed in memory, in order, on top of what the database knows about its origins; then
//! the outcome is written. So ten edits of a message cost one UPDATE, and a message that was posted and
//! deleted within a batch is never delivered to anybody.
//!
//! The transaction, step by step, as numbered in [`Store::record_events_quarantining`]:
//!
//! 1. lock the sources, and read what is known of the batch's origins, followers and opt-outs;
//! 2. replay the events in memory;
//! 3. lock the lanes that the outcome concerns;
//! 4. insert new activities, quarantine those that may go round in a circle, and update known ones;
//! 5. deliver: create deliveries of new activities;
//! 6. make new activities candidates for feeds;
//! 7. reopen deliveries of changed activities;
//! 8. retag: create and withdraw deliveries of activities with other tags;
//! 9. clean up: clear contents that nobody needs, wake lanes, and mark quotes that are out of date.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::FromQueryResult;

use super::effects::{
    ChangedActivities, forget_undelivered, insert_deliveries, lock_and_move_sources, lock_lanes, reopen, wake,
};
use super::followed::FollowedSources;
use super::known::{KnownActivity, WantedBy};
use super::{place, thread_of};
use crate::domain::activity::{ActivityContent, Origin};
use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::domain::place::SourcePlace;
use crate::domain::post_shape::PostShape;
use crate::store::db::connect::Write;
use crate::store::db::sql::{Kind, Sql, Table, cell, distinct_channels, hex};
use crate::store::feed::fill;
use crate::store::follow::matching;
use crate::store::follow::matching::{Rematch, TagChange};
use crate::store::source::{circles, quotes};
use crate::store::{Recorded, SourceEvent, Store, StoreError};

/// How long a message is quarantined at most; usually it is released earlier.
const QUARANTINE: TimeDelta = TimeDelta::minutes(20);

#[derive(FromQueryResult)]
struct InsertedRow {
    id: i64,
    origin: String,
}

/// The columns of a new activity; the first is its place in the order.
const COLUMNS: [(&str, Kind); 19] = [
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
    ("guild", Kind::Number),
    ("shape", Kind::Number),
    ("in_feeds", Kind::Flag),
];

impl Store {
    /// Records what happened in sources, in this order. Recording an event again changes nothing.
    ///
    /// - Posted: an activity, delivered to every active relay follow of the source, or of its thread, that
    ///   lets it through (`matching`). The message's channel counts as read up to it.
    /// - Edited: a new revision, if the content changed; due again where it was shown through a follow that
    ///   isn't broken. With other tags, it is delivered where it wasn't wanted before, and withdrawn where it
    ///   no longer is.
    /// - Read again: like an edit, but ignored if a newer revision was stored since the reading began.
    /// - Deleted: the last revision. Its content is forgotten, and its mirrors are deleted.
    /// - Passed: the channel counts as read up to it, without an activity.
    /// - Of an author who doesn't want to be mirrored: only the message's existence is recorded; its mirrors
    ///   are deleted.
    ///
    /// Edits and deletions of messages that were never recorded are ignored.
    pub async fn record_events(
        &self,
        events: &[SourceEvent],
        now: DateTime<Utc>,
    ) -> Result<Recorded, StoreError> {
        self.record_events_quarantining(events, &HashSet::new(), now).await
    }

    /// The same, but these posts are [quarantined](Self::release_quarantined): recorded, and delivered to
    /// nobody yet.
    #[tracing::instrument(name = "transaction", level = "debug", skip_all, fields(of = "record_events_quarantining", events = events.len()))]
    pub async fn record_events_quarantining(
        &self,
        events: &[SourceEvent],
        quarantined: &HashSet<Origin>,
        now: DateTime<Utc>,
    ) -> Result<Recorded, StoreError> {
        if events.is_empty() {
            return Ok(Recorded::default());
        }
        let txn = self.write().await?;
        // 1. Lock, and read what is known.
        lock_and_move_sources(&txn, events).await?;
        let mut known = self.known(&txn, events).await?;
        let followed = FollowedSources::by(&txn, events, &known).await?;
        let events = &*quotes::without_deleted(&txn, events, &followed).await?;
        // 2. Replay.
        let (mut order, mut withheld) = (Vec::new(), 0_u64);
        for event in events {
            if followed.withholds(event, known.get(&event.origin())) {
                withheld += u64::from(withhold(&mut known, &mut order, event, &followed));
            } else {
                self.apply(&mut known, &mut order, event, &followed);
            }
        }
        let changed = changed(&known);
        // 3. Lock the lanes.
        lock_lanes(&txn, reached(events, &known), &changed).await?;
        // 4. Insert and update.
        let mut posted = self.insert_activities(&txn, &known, &order, now).await?;
        circles::quarantine(&txn, &mut posted, quarantined, now + QUARANTINE).await?;
        self.update_activities(&txn, &known).await?;
        // 5. Deliver.
        let mut lanes = insert_deliveries(&txn, &posted, None).await?;
        // 6. Feeds.
        if known.values().any(|known| known.id.is_none() && known.in_feeds) {
            fill::push(&txn, &posted).await?;
        }
        // 7. Reopen, and 8. retag.
        lanes.extend(reopen(&txn, &changed).await?);
        lanes.extend(retag(&txn, &known).await?);
        let retagged =
            known.values().filter(|known| known.tags_before.is_some()).filter_map(|known| known.id);
        // 9. Clean up.
        forget_undelivered(&txn, posted.iter().copied().chain(retagged).collect()).await?;
        wake(&txn, &posted, &changed).await?;
        let quoted = quotes::mark(&txn, quotes::maybe_quoted(events, &known)).await?;
        txn.commit().await?;
        let lanes = distinct_channels(lanes)?;
        let (posted, changed) = (posted.len(), changed.ids().count());
        Ok(Recorded { lanes, posted, changed, quoted, withheld })
    }

    /// Inserts the new activities, numbered in the order of their events. Returns the numbers of those that
    /// may be delivered.
    async fn insert_activities(
        &self,
        txn: &Write,
        known: &HashMap<Origin, KnownActivity>,
        order: &[Origin],
        now: DateTime<Utc>,
    ) -> Result<Vec<i64>, StoreError> {
        if order.is_empty() {
            return Ok(Vec::new());
        }
        let rows = order.iter().filter_map(|origin| known.get(origin).map(|known| (*origin, known)));
        let rows = rows.zip(0_i64..).map(|((origin, known), number)| {
            let content = self.sealed(origin, known);
            [
                number.into(),
                origin.to_string().into(),
                origin.kind().into(),
                known.source.map(ChannelId::to_db).into(),
                origin.message().to_db().into(),
                known.author.map(UserId::to_db).into(),
                known.revision.into(),
                known.is_deleted().into(),
                content.as_deref().map(hex).into(),
                cell(now).into(),
                thread_of(origin, known.source).map(ChannelId::to_db).into(),
                known.place.as_str().into(),
                digest_of(known).map(hex).into(),
                known.quoted.map(MessageId::to_db).into(),
                known.quoted_author.map(UserId::to_db).into(),
                known.is_withheld().into(),
                kept_of(known).and_then(ActivityContent::server).map(GuildId::to_db).into(),
                kept_of(known).map(PostShape::of).unwrap_or_default().bits().into(),
                known.in_feeds.into(),
            ]
        });
        let insert = "INSERT INTO activities (origin, kind, source_channel_id, source_message_id, author_id, revision, \
            deleted, content, created_at, thread_id, place, digest, quoted_message_id, quoted_author_id, withheld, guild_id, shape, in_feeds) \
            SELECT t.origin, t.kind, t.source, t.message, t.author, t.revision, t.deleted, t.content, t.created_at, \
            t.thread, t.place, t.digest, t.quoted, t.quoted_author, t.withheld, t.guild, t.shape, t.in_feeds FROM ";
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

    /// Writes the new revisions of known activities.
    async fn update_activities(
        &self,
        txn: &Write,
        known: &HashMap<Origin, KnownActivity>,
    ) -> Result<(), StoreError> {
        for (origin, known) in
            known.iter().filter(|(_, known)| known.is_changed() || known.tags_before.is_some())
        {
            let Some(id) = known.id else { continue };
            let content = self.sealed(*origin, known);
            // Everything that is due of it needs the new content.
            let update = "UPDATE activities SET revision = $2, deleted = $3, content = $4, digest = $5, \
                quoted_message_id = COALESCE($6, quoted_message_id), quoted_author_id = COALESCE($7, quoted_author_id), \
                withheld = $8, shape = COALESCE($9, shape), settled_at = NULL WHERE id = $1";
            let values = [
                id.into(),
                known.revision.into(),
                known.is_deleted().into(),
                content.into(),
                digest_of(known).map(<[u8]>::to_vec).into(),
                known.quoted.map(MessageId::to_db).into(),
                known.quoted_author.map(UserId::to_db).into(),
                known.is_withheld().into(),
                kept_of(known).map(|content| PostShape::of(content).bits()).into(),
            ];
            Sql::new(update, values).execute(&**txn).await?;
        }
        Ok(())
    }

    /// What is stored of a content that is kept.
    fn sealed(&self, origin: Origin, known: &KnownActivity) -> Option<Vec<u8>> {
        let content = known.content()?.content.as_ref()?;
        Some(self.cipher.seal_content(origin, content))
    }

    /// Applies one event to what is known.
    fn apply(
        &self,
        known: &mut HashMap<Origin, KnownActivity>,
        order: &mut Vec<Origin>,
        event: &SourceEvent,
        followed: &FollowedSources,
    ) {
        match event {
            SourceEvent::Posted { origin, source, author, content } => {
                // Nothing is kept of a source that only Discord itself relays.
                let in_feeds = followed.is_in_feeds(*author, *source, origin.channel());
                let relayed = followed.is_active(*source, origin.channel());
                if relayed.is_none() && !in_feeds {
                    return;
                }
                let wanted = WantedBy { follows: relayed == Some(true), feeds: in_feeds };
                known.entry(*origin).or_insert_with(|| {
                    order.push(*origin);
                    let digest = self.cipher.digest(*origin, content);
                    KnownActivity::posted(*source, *author, content, digest, wanted)
                });
            }
            SourceEvent::Edited { origin, content, .. } => {
                if let Some(known) = known.get_mut(origin) {
                    known.edit(content, self.cipher.digest(*origin, content));
                }
            }
            SourceEvent::Reread { origin, revision, content, .. } => {
                if let Some(known) = known.get_mut(origin).filter(|known| known.revision == revision.0) {
                    known.edit(content, self.cipher.digest(*origin, content));
                }
            }
            SourceEvent::Deleted { origin } => {
                if let Some(known) = known.get_mut(origin) {
                    known.delete();
                }
            }
            SourceEvent::Passed { .. } => {}
        }
    }
}

/// What is kept of what it says.
fn kept_of(known: &KnownActivity) -> Option<&ActivityContent> {
    known.content()?.content.as_ref()
}

/// By what an edit of it is recognised that changes nothing.
fn digest_of(known: &KnownActivity) -> Option<&[u8]> {
    known.content()?.digest.as_deref()
}

/// Leaves an event out because the message's author doesn't want it mirrored, and has its mirrors deleted.
/// Returns whether there was anything to leave out.
fn withhold(
    known: &mut HashMap<Origin, KnownActivity>,
    order: &mut Vec<Origin>,
    event: &SourceEvent,
    followed: &FollowedSources,
) -> bool {
    match (event, known.get_mut(&event.origin())) {
        (_, Some(known)) => known.withhold(),
        (SourceEvent::Posted { origin, source, content, author }, None) => {
            let followed = followed.is_active(*source, origin.channel()).is_some()
                || followed.is_in_feeds(*author, *source, origin.channel());
            if followed {
                order.push(*origin);
                known.insert(*origin, KnownActivity::withheld(*source, place(content)));
            }
            followed
        }
        (_, None) => false,
    }
}

/// The channels whose followers the batch may concern: the sources, and the threads, of messages that were
/// posted or got other tags.
fn reached(events: &[SourceEvent], known: &HashMap<Origin, KnownActivity>) -> BTreeSet<i64> {
    let concerns = |event: &&SourceEvent| match event {
        SourceEvent::Posted { .. } => true,
        event => known.get(&event.origin()).is_some_and(|known| known.tags_before.is_some()),
    };
    let ends = |event: &SourceEvent| event.source().into_iter().chain([event.origin().channel()]);
    events.iter().filter(concerns).flat_map(ends).map(ChannelId::to_db).collect()
}

/// Updates the deliveries of messages with other tags to what follows ask for. Returns the targets.
async fn retag(txn: &Write, known: &HashMap<Origin, KnownActivity>) -> Result<Vec<i64>, StoreError> {
    let mut targets = Vec::new();
    for known in known.values() {
        let (Some(id), Some(before)) = (known.id, &known.tags_before) else { continue };
        let change = TagChange {
            added: known.tags.difference(before).cloned().collect(),
            removed: before.difference(&known.tags).cloned().collect(),
        };
        targets.extend(matching::rematch(txn, Rematch::One(id), &change).await?);
        if known.place == SourcePlace::Starter {
            targets.extend(matching::rematch(txn, Rematch::AnswersUnder(id), &change.of_post()).await?);
        }
    }
    Ok(targets)
}

/// The known activities with a new revision.
fn changed(known: &HashMap<Origin, KnownActivity>) -> ChangedActivities {
    let mut changed = ChangedActivities::default();
    for known in known.values().filter(|known| known.is_changed()) {
        let list = if known.is_deleted() { &mut changed.deleted } else { &mut changed.edited };
        list.extend(known.id);
    }
    changed
}
