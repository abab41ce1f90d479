//! The contents of a page's posts.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use crate::domain::activity::Origin;
use crate::domain::feed::{FeedCandidate, FeedPost};
use crate::domain::ids::UserId;
use crate::domain::post_shape::PostShape;
use crate::domain::tags::Tag;
use crate::store::db::sql::Sql;
use crate::store::follow::matching;
use crate::store::{Store, StoreError};

#[derive(FromQueryResult)]
struct PostRow {
    id: i64,
    origin: String,
    author_id: Option<i64>,
    shape: i32,
    content: Option<Vec<u8>>,
}

impl Store {
    /// What these say, in this order. What was deleted meanwhile is left out; what isn't kept any more has no
    /// content.
    pub async fn feed_posts(&self, candidates: Vec<FeedCandidate>) -> Result<Vec<FeedPost>, StoreError> {
        let ids = || candidates.iter().map(|candidate| candidate.position.activity.0);
        let query = "SELECT id, origin, author_id, shape, content FROM activities \
            WHERE NOT deleted AND id IN ";
        let rows: Vec<PostRow> = Sql::new(query, []).list(ids()).rows_of(&self.db).await?;
        let mut rows: HashMap<i64, PostRow> = rows.into_iter().map(|row| (row.id, row)).collect();
        let mut tags: HashMap<i64, Vec<String>> = HashMap::new();
        for (id, tag) in matching::tags_of(&self.db, ids().collect()).await? {
            if tag != matching::PUBLISHED {
                tags.entry(id).or_default().push(tag);
            }
        }
        let mut posts = Vec::with_capacity(candidates.len());
        for candidate in candidates {
            let id = candidate.position.activity.0;
            if let Some(row) = rows.remove(&id) {
                posts.push(self.feed_post(candidate, row, tags.remove(&id).unwrap_or_default())?);
            }
        }
        Ok(posts)
    }

    fn feed_post(
        &self,
        candidate: FeedCandidate,
        row: PostRow,
        keys: Vec<String>,
    ) -> Result<FeedPost, StoreError> {
        let origin: Origin = row.origin.parse().map_err(|_| StoreError::Unreadable("origin"))?;
        // A content that can't be opened is shown as one that isn't kept.
        let content = row.content.and_then(|sealed| self.cipher.open_content(origin, &sealed).ok());
        let content = content.and_then(|content| content.as_message().cloned());
        let named = content.iter().flat_map(|content| content.tags()).map(|tag| (tag.key(), tag.to_string()));
        let named: HashMap<String, String> = named.collect();
        let name = |key: &String| match named.get(key) {
            Some(name) => name.clone(),
            None => Tag::from_key(key, None).to_string(),
        };
        let mut tags: Vec<String> = keys.iter().map(name).filter(|name| !name.is_empty()).collect();
        tags.sort_unstable();
        let FeedCandidate { position, source, thread, server, because } = candidate;
        Ok(FeedPost {
            position,
            source,
            thread,
            server,
            author: row.author_id.map(UserId::from_db).transpose()?,
            edited: content.as_ref().is_some_and(|content| content.edited),
            shape: PostShape::from_bits_retain(row.shape),
            content,
            tags,
            because,
        })
    }
}
