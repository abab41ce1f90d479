//! What the activities of a batch show: each is read and decrypted once, however many lanes it is next in.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::DbErr;

use crate::domain::activity::{ActivityContent, Origin};
use crate::store::db::connect::Write;
use crate::store::db::sql::{Sql, Table};
use crate::store::{Cipher, StoreError};

/// The contents that have been read so far.
pub(super) struct Contents<'a> {
    cipher: &'a Cipher,
    known: HashMap<i64, Result<Option<Arc<ActivityContent>>, StoreError>>,
}

impl<'a> Contents<'a> {
    pub(super) fn new(cipher: &'a Cipher) -> Self {
        Self { cipher, known: HashMap::new() }
    }

    /// Reads those of these activities that haven't been read yet.
    pub(super) async fn read(
        &mut self,
        txn: &Write,
        activities: impl IntoIterator<Item = (i64, Origin)>,
    ) -> Result<(), DbErr> {
        let mut origins: HashMap<i64, Origin> = activities.into_iter().collect();
        origins.retain(|id, _| !self.known.contains_key(id));
        if origins.is_empty() {
            return Ok(());
        }
        let query = Sql::new("SELECT id, content FROM activities WHERE id IN (SELECT t.activity FROM ", []);
        let query = query.table(&**txn, Table::numbers("activity", origins.keys().copied())).then(")");
        for (id, row) in query.keyed_rows(&**txn).await? {
            let Some(origin) = origins.get(&id) else { continue };
            let open = |sealed: Vec<u8>| Ok(Arc::new(self.cipher.open_content(*origin, &sealed)?));
            let sealed: Option<Vec<u8>> = row.try_get_by_index(1)?;
            self.known.insert(id, sealed.map(open).transpose());
        }
        Ok(())
    }

    /// What this activity shows. `None` once it is deleted or forgotten.
    pub(super) fn get(&self, activity: i64) -> Result<Option<Arc<ActivityContent>>, StoreError> {
        self.known.get(&activity).cloned().unwrap_or(Ok(None))
    }
}
