//! Rows of `personal_follows` as the domain knows them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::domain::follow::TagMode;
use crate::domain::ids::UserId;
use crate::domain::personal::{
    Coverage, Followee, FolloweeKind, PersonalFilter, PersonalFollow, PersonalFollowId, PersonalOptions,
};
use crate::domain::tags::Tag;
use crate::store::StoreError;
use crate::store::db::sql::Sql;

pub(super) const FOLLOW: &str = "f.id, f.follower_id, f.followee_kind, f.followee_id, f.mode, f.coverage, f.muted_until, f.created_at, f.updated_at";

#[derive(FromQueryResult)]
pub(super) struct FollowRow {
    pub(super) id: i64,
    follower_id: i64,
    followee_kind: String,
    followee_id: i64,
    mode: String,
    coverage: String,
    muted_until: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct TagRow {
    follow_id: i64,
    tag: String,
    label: Option<String>,
}

impl FollowRow {
    fn read(self, tags: Vec<Tag>) -> Result<PersonalFollow, StoreError> {
        let kind = FolloweeKind::parse(&self.followee_kind).ok_or(StoreError::Unreadable("followee_kind"))?;
        let mode = TagMode::parse(&self.mode).ok_or(StoreError::Unreadable("mode"))?;
        let filter = PersonalFilter::new(mode, tags).map_err(|_| StoreError::Unreadable("tags"))?;
        let coverage = Coverage::parse(&self.coverage).ok_or(StoreError::Unreadable("coverage"))?;
        Ok(PersonalFollow {
            id: PersonalFollowId(self.id),
            follower: UserId::from_db(self.follower_id)?,
            followee: Followee::from_db(kind, self.followee_id)
                .ok_or(StoreError::Unreadable("followee_id"))?,
            options: PersonalOptions { filter, coverage },
            muted_until: self.muted_until,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}

/// The follows of these rows, in their order, with their tags.
pub(super) async fn follows(
    db: &impl ConnectionTrait,
    rows: Vec<FollowRow>,
) -> Result<Vec<PersonalFollow>, StoreError> {
    let tagged: Vec<i64> =
        rows.iter().filter(|row| row.mode != TagMode::All.as_str()).map(|row| row.id).collect();
    let mut tags: HashMap<i64, Vec<Tag>> = HashMap::new();
    if !tagged.is_empty() {
        let query = "SELECT follow_id, tag, label FROM personal_follow_tags WHERE follow_id IN ";
        let found: Vec<TagRow> = Sql::new(query, []).list(tagged).rows_of(db).await?;
        for TagRow { follow_id, tag, label } in found {
            tags.entry(follow_id).or_default().push(Tag::from_key(&tag, label.as_deref()));
        }
    }
    let read = |row: FollowRow| {
        let tags = tags.remove(&row.id).unwrap_or_default();
        row.read(tags)
    };
    rows.into_iter().map(read).collect()
}
