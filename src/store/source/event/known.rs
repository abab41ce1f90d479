//! What is known about the origins of a batch while it is replayed in memory.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::FromQueryResult;

use super::{keys, place};
use crate::domain::activity::{ActivityContent, Origin};
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::domain::place::SourcePlace;
use crate::store::db::connect::Write;
use crate::store::db::sql::Sql;
use crate::store::follow::matching;
use crate::store::source::quotes;
use crate::store::{SourceEvent, Store, StoreError};

/// What is known about an origin, and what a batch makes of it.
///
/// What an event does depends on its [state](ActivityState) and on whether it `has_deliveries`. All
/// combinations occur; — means that the event is ignored.
///
/// | | a post | an edit | a deletion | a post or an edit of somebody who opted out |
/// |---|---|---|---|---|
/// | not known | recorded | — | — | a post is recorded as withheld |
/// | exists, has deliveries | — | a new revision if it shows something else | the last revision | the last one, withheld |
/// | exists, has none | — | only other tags count | the last revision | the last one, withheld |
/// | deleted or withheld | — | — | — | — |
///
/// Whether the batch has changed it isn't kept: it has if `revision` is above `revision_before`.
pub(in crate::store) struct KnownActivity {
    /// Its row; none before it is inserted.
    pub(super) id: Option<i64>,
    pub(super) source: Option<ChannelId>,
    pub(super) author: Option<UserId>,
    pub(super) revision: i32,
    /// The revision before the batch; of a new activity, the one that it begins with.
    pub(super) revision_before: i32,
    pub(super) state: ActivityState,
    /// Whether there are deliveries of it, or may be when its quarantine ends, or some feed may show it. If
    /// not, its content is of no use.
    pub(in crate::store) has_deliveries: bool,
    /// Some feed may show it.
    pub(super) in_feeds: bool,
    /// The message that it answers, and that message's author, if Discord named them in this batch.
    pub(super) quoted: Option<MessageId>,
    pub(super) quoted_author: Option<UserId>,
    pub(super) place: SourcePlace,
    pub(super) tags: BTreeSet<String>,
    /// The tags that it had in the database, if they have changed.
    pub(super) tags_before: Option<BTreeSet<String>>,
}

/// Whether an activity still exists in its source and may be shown. Only one that does has a content. It can
/// become deleted or withheld, and stays so.
pub(super) enum ActivityState {
    /// It is posted in its source.
    Exists(KnownContent),
    /// It was deleted in its source.
    Deleted,
    /// Its author doesn't want it mirrored. Its mirrors are deleted, as if it were deleted itself.
    Withheld,
}

/// What is kept of what an activity says.
pub(super) struct KnownContent {
    /// All of it. Of a known activity that has a digest it isn't read, since the digest is compared.
    pub(super) content: Option<ActivityContent>,
    /// By which an edit is recognised that changes nothing.
    pub(super) digest: Option<Vec<u8>>,
}

impl KnownContent {
    /// Whether a content shows the same as this.
    fn shows_the_same(&self, content: &ActivityContent, digest: Option<&Vec<u8>>) -> bool {
        match (&self.digest, digest) {
            (Some(one), Some(other)) => one == other,
            _ => self.content.as_ref().is_some_and(|known| known.shows_the_same(content)),
        }
    }
}

/// For what a new message's content is kept. For neither, only its existence is remembered.
#[derive(Clone, Copy)]
pub(super) struct WantedBy {
    /// An active relay follow of its source or thread.
    pub(super) follows: bool,
    /// A personal follow of its author, source or thread.
    pub(super) feeds: bool,
}

impl KnownActivity {
    /// A message that was just posted, and its content. It has no deliveries, and its content isn't kept,
    /// while all follows of its source are paused; it is remembered so that it isn't taken for new when the
    /// source is read again.
    pub(super) fn posted(
        source: ChannelId,
        author: Option<UserId>,
        content: &ActivityContent,
        digest: Option<Vec<u8>>,
        wanted: WantedBy,
    ) -> Self {
        let WantedBy { follows: has_deliveries, feeds: in_feeds } = wanted;
        let has_deliveries = has_deliveries || in_feeds;
        let content_to_keep = has_deliveries.then(|| content.clone());
        Self {
            author,
            state: ActivityState::Exists(KnownContent { content: content_to_keep, digest }),
            has_deliveries,
            in_feeds,
            quoted: quotes::quoted_by(content),
            quoted_author: quotes::author_quoted_by(content),
            tags: keys(content),
            ..Self::withheld(source, place(content))
        }
    }

    /// What is remembered about a message that its author doesn't want mirrored: that it exists.
    pub(super) const fn withheld(source: ChannelId, place: SourcePlace) -> Self {
        Self {
            id: None,
            source: Some(source),
            author: None,
            revision: 1,
            revision_before: 1,
            state: ActivityState::Withheld,
            has_deliveries: false,
            in_feeds: false,
            quoted: None,
            quoted_author: None,
            place,
            tags: BTreeSet::new(),
            tags_before: None,
        }
    }

    /// What is kept of what it says; nothing of what mustn't be shown any more.
    pub(super) const fn content(&self) -> Option<&KnownContent> {
        match &self.state {
            ActivityState::Exists(content) => Some(content),
            ActivityState::Deleted | ActivityState::Withheld => None,
        }
    }

    /// Whether its mirrors have to go.
    pub(super) const fn is_deleted(&self) -> bool {
        self.content().is_none()
    }

    /// Whether it is gone because its author doesn't want it mirrored.
    pub(super) const fn is_withheld(&self) -> bool {
        matches!(self.state, ActivityState::Withheld)
    }

    /// Whether the batch gave it a new revision: its content changed, or it is gone.
    pub(in crate::store) const fn is_changed(&self) -> bool {
        self.revision > self.revision_before
    }

    /// Applies an edit. If no delivery shows the message, it matters only if other tags may make it wanted.
    pub(super) fn edit(&mut self, content: &ActivityContent, digest: Option<Vec<u8>>) {
        let ActivityState::Exists(known) = &mut self.state else { return };
        let same = known.shows_the_same(content, digest.as_ref());
        let tags = keys(content);
        let retagged = tags != self.tags;
        if retagged {
            let before = std::mem::replace(&mut self.tags, tags);
            self.tags_before.get_or_insert(before);
        }
        if !retagged && (same || !self.has_deliveries) {
            return;
        }
        *known = KnownContent { content: Some(content.clone()), digest };
        self.quoted = quotes::quoted_by(content);
        self.quoted_author = quotes::author_quoted_by(content);
        if !same {
            self.revision += 1;
        }
    }

    /// It was deleted in its source.
    pub(super) fn delete(&mut self) {
        self.end(ActivityState::Deleted);
    }

    /// Marks it as not to be mirrored. Returns whether that is new.
    pub(super) fn withhold(&mut self) -> bool {
        self.end(ActivityState::Withheld)
    }

    /// Gives it its last revision. Returns whether it had none yet.
    fn end(&mut self, state: ActivityState) -> bool {
        let existed = !self.is_deleted();
        if existed {
            self.state = state;
            self.revision += 1;
        }
        existed
    }
}

#[derive(FromQueryResult)]
struct KnownRow {
    id: i64,
    origin: String,
    revision: i32,
    deleted: bool,
    withheld: bool,
    author_id: Option<i64>,
    content: Option<Vec<u8>>,
    digest: Option<Vec<u8>>,
    place: String,
    has_deliveries: bool,
    in_feeds: bool,
}

impl Store {
    /// What the database knows about the batch's origins.
    pub(in crate::store) async fn known(
        &self,
        txn: &Write,
        events: &[SourceEvent],
    ) -> Result<HashMap<Origin, KnownActivity>, StoreError> {
        let origins: HashMap<String, Origin> =
            events.iter().map(|event| (event.origin().to_string(), event.origin())).collect();
        let query = "SELECT id, origin, revision, deleted, withheld, author_id, content, digest, place, in_feeds, \
            (in_feeds OR EXISTS (SELECT 1 FROM deliveries d WHERE d.activity_id = activities.id) \
            OR EXISTS (SELECT 1 FROM held_activities h WHERE h.activity_id = activities.id)) AS has_deliveries \
            FROM activities WHERE origin IN ";
        let rows: Vec<KnownRow> =
            Sql::new(query, []).list(origins.keys().map(String::as_str)).rows_of(&**txn).await?;
        let mut known = HashMap::new();
        for row in rows {
            let origin = *origins.get(&row.origin).ok_or(StoreError::Unreadable("origin"))?;
            known.insert(origin, self.known_row(origin, row)?);
        }
        // Only edits are compared with the former tags.
        let edits = events
            .iter()
            .filter(|event| matches!(event, SourceEvent::Edited { .. } | SourceEvent::Reread { .. }));
        let edited: HashSet<Origin> = edits.map(SourceEvent::origin).collect();
        let of_edited = known.iter_mut().filter(|(origin, _)| edited.contains(origin));
        let mut of_ids: HashMap<i64, &mut KnownActivity> =
            of_edited.filter_map(|(_, known)| known.id.map(|id| (id, known))).collect();
        for (id, tag) in matching::tags_of(&**txn, of_ids.keys().copied().collect()).await? {
            if let Some(known) = of_ids.get_mut(&id) {
                known.tags.insert(tag);
            }
        }
        Ok(known)
    }

    fn known_row(&self, origin: Origin, row: KnownRow) -> Result<KnownActivity, StoreError> {
        // If there is a digest, edits are compared with that. Content that can't be read differs from any
        // other, so an edit or a deletion replaces it.
        let content = row.content.filter(|_| row.digest.is_none());
        let content = content.and_then(|sealed| self.cipher.open_content(origin, &sealed).ok());
        let state = match (row.withheld, row.deleted) {
            (true, _) => ActivityState::Withheld,
            (false, true) => ActivityState::Deleted,
            (false, false) => ActivityState::Exists(KnownContent { content, digest: row.digest }),
        };
        Ok(KnownActivity {
            id: Some(row.id),
            source: None,
            author: row.author_id.map(UserId::from_db).transpose()?,
            revision: row.revision,
            revision_before: row.revision,
            state,
            has_deliveries: row.has_deliveries,
            in_feeds: row.in_feeds,
            quoted: None,
            quoted_author: None,
            place: SourcePlace::parse(&row.place).ok_or(StoreError::Unreadable("place"))?,
            tags: BTreeSet::new(),
            tags_before: None,
        })
    }
}
