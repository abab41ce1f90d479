//! What activities show, for reports.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use super::followers::MessageFacts;
use crate::domain::activity::{ActivityContent, Origin};
use crate::store::db::sql::Sql;
use crate::store::{Store, StoreError};

#[derive(FromQueryResult)]
struct ContentRow {
    origin: String,
    content: Vec<u8>,
}

impl Store {
    /// What these activities show, for those whose content is still kept.
    pub async fn contents_of(
        &self,
        asked: &[MessageFacts],
    ) -> Result<HashMap<Origin, ActivityContent>, StoreError> {
        let ids = asked.iter().filter_map(|asked| asked.activity).map(|id| id.0);
        let query = "SELECT origin, content FROM activities WHERE content IS NOT NULL AND id IN ";
        let rows: Vec<ContentRow> = Sql::new(query, []).list(ids).rows_of(&self.db).await?;
        let open = |row: ContentRow| {
            let origin: Origin = row.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
            Ok((origin, self.cipher.open_content(origin, &row.content)?))
        };
        rows.into_iter().map(open).collect()
    }
}
