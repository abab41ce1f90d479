//! What is known about the origins of a batch while it is replayed in memory.

use std::collections::{BTreeSet, HashMap, HashSet};

use sea_orm::FromQueryResult;

use crate::domain::activity::{ActivityContent, Origin};
use crate::domain::ids::{ChannelId, MessageId, UserId};
use crate::domain::place::SourcePlace;
use crate::store::db::connect::Write;
use crate::store::db::sql::Sql;
use crate::store::follow::matching;
use crate::store::source::quotes;
use crate::store::{SourceEvent, Store, StoreError};

/// What is known about an origin.
pub(in crate::store) struct KnownActivity {
    /// Its row; none before it is inserted.
    pub(in crate::store) id: Option<i64>,
    pub(in crate::store) source: Option<ChannelId>,
    pub(in crate::store) author: Option<UserId>,
    pub(in crate::store) revision: i32,
    pub(in crate::store) deleted: bool,
    /// Its author doesn't want it mirrored. It counts as deleted, too.
    pub(in crate::store) withheld: bool,
    /// The message that it answers, and that message's author, if Discord named them in this batch.
    pub(in crate::store) quoted: Option<MessageId>,
    pub(super) quoted_author: Option<UserId>,
    pub(in crate::store) content: Option<ActivityContent>,
    pub(in crate::store) digest: Option<Vec<u8>>,
    pub(in crate::store) place: SourcePlace,
    pub(in crate::store) tags: BTreeSet<String>,
    /// The tags that it had in the database, if they have changed.
    pub(super) retagged: Option<BTreeSet<String>>,
    /// Some feed may show it.
    pub(in crate::store) in_feeds: bool,
    /// Nobody was ever owed it, so its content is of no use.
    pub(in crate::store) unowed: bool,
    /// Its content changed, or it was deleted.
    pub(in crate::store) changed: bool,
}

impl KnownActivity {
    /// What is remembered about a message that its author doesn't want mirrored: that it exists.
    pub(in crate::store) fn withheld(source: ChannelId, place: SourcePlace) -> Self {
        Self {
            id: None,
            source: Some(source),
            author: None,
            revision: 1,
            deleted: true,
            withheld: true,
            quoted: None,
            quoted_author: None,
            content: None,
            digest: None,
            place,
            tags: BTreeSet::new(),
            retagged: None,
            in_feeds: false,
            unowed: true,
            changed: false,
        }
    }

    /// Notes what its content quotes.
    pub(in crate::store) fn quotes(&mut self, content: &ActivityContent) {
        self.quoted = quotes::quoted_by(content);
        self.quoted_author = quotes::author_quoted_by(content);
    }

    /// Marks it as not to be mirrored. Returns whether that is new.
    pub(super) fn withhold(&mut self) -> bool {
        let new = !self.deleted;
        if new {
            self.delete();
            self.withheld = true;
        }
        new
    }

    /// It was deleted in the source, or must be deleted everywhere else.
    pub(in crate::store) fn delete(&mut self) {
        (self.content, self.digest) = (None, None);
        self.deleted = true;
        self.revision += 1;
        self.changed = true;
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
    owed: bool,
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
            OR EXISTS (SELECT 1 FROM held_activities h WHERE h.activity_id = activities.id)) AS owed \
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
        Ok(KnownActivity {
            id: Some(row.id),
            source: None,
            author: row.author_id.map(UserId::from_db).transpose()?,
            revision: row.revision,
            deleted: row.deleted,
            withheld: row.withheld,
            quoted: None,
            quoted_author: None,
            content,
            digest: row.digest,
            place: SourcePlace::parse(&row.place).ok_or(StoreError::Unreadable("place"))?,
            tags: BTreeSet::new(),
            retagged: None,
            in_feeds: row.in_feeds,
            unowed: !row.owed,
            changed: false,
        })
    }
}
