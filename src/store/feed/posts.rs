//! The contents of a page's posts.

use std::collections::HashMap;

use sea_orm::FromQueryResult;

use super::unchecked::IS_CERTAIN;
use crate::domain::activity::Origin;
use crate::domain::feed::{FeedCandidate, FeedPost};
use crate::domain::ids::{GuildId, UserId};
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
    is_certain: bool,
}

impl Store {
    /// What these say, in this order. What was deleted meanwhile is left out. What isn't kept any more has no
    /// content, nor has what may have changed unheard: in a gap after which it wasn't compared with Discord
    /// yet, or because nobody listens to its server at the moment.
    pub async fn feed_posts(
        &self,
        candidates: Vec<FeedCandidate>,
        is_heard: impl Fn(GuildId) -> bool,
    ) -> Result<Vec<FeedPost>, StoreError> {
        let ids = || candidates.iter().map(|candidate| candidate.position.activity.0);
        let query = format!(
            "SELECT a.id, a.origin, a.author_id, a.revision, a.shape, a.content, {IS_CERTAIN} AS is_certain \
             FROM activities a WHERE NOT a.deleted AND a.id IN "
        );
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
            let Some(row) = rows.remove(&id) else { continue };
            posts.push(if row.is_certain && is_heard(candidate.server) {
                self.feed_post(candidate, row, tags.remove(&id).unwrap_or_default())?
            } else {
                self.feed_post(candidate, PostRow { content: None, shape: 0, ..row }, Vec::new())?
            });
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
