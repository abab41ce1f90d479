//! Requests to follow people who want to be asked.
//!
//! Whoever asked learns of a yes only. So a declined request stays, and so does one of somebody who is
//! blocked, which is declined from the start: to whoever asked, all of them look the same. For a while,
//! another request in place of a declined one isn't shown either, whether the first was taken back or not.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::follows::{PersonalEdited, PersonalPair, admission, insert};
use super::profiles::{ProfileLock, lock_person, lock_profile};
use crate::domain::follow::TagMode;
use crate::domain::ids::UserId;
use crate::domain::personal::{
    Coverage, DECLINED_FOR, Followee, MOST_REQUESTS, MemberFollowing, PersonalFilter, PersonalFollow,
    PersonalFollowId, PersonalOptions, PersonalPolicy,
};
use crate::domain::tags::Tag;
use crate::store::db::connect::Write;
use crate::store::db::sql::{CHUNK, Sql, stored};
use crate::store::{Store, StoreError};

/// A request, also one that was declined or taken back.
pub(super) struct StoredFollowRequest {
    /// The follow that whoever asked wants. Its number is the request's.
    pub(super) wanted: PersonalFollow,
    declined_at: Option<DateTime<Utc>>,
    withdrawn: bool,
}

impl StoredFollowRequest {
    /// The follow that is wanted, as whoever asked for it sees it: as if nobody had answered.
    pub(super) const fn seen_by_follower(&self) -> Option<&PersonalFollow> {
        if self.withdrawn { None } else { Some(&self.wanted) }
    }
}

#[derive(FromQueryResult)]
struct RequestRow {
    id: i64,
    mode: String,
    coverage: String,
    tags: String,
    created_at: DateTime<Utc>,
    declined_at: Option<DateTime<Utc>>,
    withdrawn: bool,
}

impl RequestRow {
    fn read(self, follower: UserId, followed: UserId) -> Result<StoredFollowRequest, StoreError> {
        let tags: Vec<(String, Option<String>)> =
            serde_json::from_str(&self.tags).map_err(|_| StoreError::Unreadable("tags"))?;
        let tags = tags.iter().map(|(key, label)| Tag::from_key(key, label.as_deref()));
        let mode = TagMode::parse(&self.mode).ok_or(StoreError::Unreadable("mode"))?;
        let filter = PersonalFilter::new(mode, tags).map_err(|_| StoreError::Unreadable("tags"))?;
        let coverage = Coverage::parse(&self.coverage).ok_or(StoreError::Unreadable("coverage"))?;
        let wanted = PersonalFollow {
            id: PersonalFollowId(self.id),
            follower,
            followee: Followee::User(followed),
            options: PersonalOptions { filter, coverage },
            muted_until: None,
            created_at: self.created_at,
            updated_at: self.created_at,
        };
        Ok(StoredFollowRequest { wanted, declined_at: self.declined_at, withdrawn: self.withdrawn })
    }
}

fn pair(follower: UserId, followed: UserId) -> [sea_orm::Value; 2] {
    [follower.to_db().into(), followed.to_db().into()]
}

/// The request of one person to follow another.
pub(super) async fn of_pair(
    db: &impl ConnectionTrait,
    follower: UserId,
    followed: UserId,
) -> Result<Option<StoredFollowRequest>, StoreError> {
    let query = "SELECT id, mode, coverage, tags, created_at, declined_at, withdrawn FROM follow_requests \
        WHERE follower_id = $1 AND followed_id = $2";
    let rows: Vec<RequestRow> = Sql::new(query, pair(follower, followed)).rows_of(db).await?;
    rows.into_iter().next().map(|row| row.read(follower, followed)).transpose()
}

/// Forgets a request.
pub(super) async fn delete(txn: &Write, follower: UserId, followed: UserId) -> Result<(), StoreError> {
    let delete = "DELETE FROM follow_requests WHERE follower_id = $1 AND followed_id = $2";
    Sql::new(delete, pair(follower, followed)).execute(&**txn).await?;
    Ok(())
}

/// Asks, or asks for something else than before. Somebody who is blocked asks in vain.
pub(super) async fn ask(
    txn: &Write,
    (follower, followed): (UserId, UserId),
    options: &PersonalOptions,
    (before, blocked): (Option<&StoredFollowRequest>, bool),
    now: DateTime<Utc>,
) -> Result<PersonalEdited, StoreError> {
    let is_open = before.is_some_and(|before| !before.withdrawn);
    if !is_open && asked_by(txn, follower).await? >= i64::from(MOST_REQUESTS) {
        return Ok(PersonalEdited::AskedTooMany);
    }
    let declined = before.and_then(|before| before.declined_at).filter(|at| *at > now - DECLINED_FOR);
    let declined = if blocked { Some(now) } else { declined };
    // What whoever asked still sees stays in its place, whatever the answer was.
    if !is_open {
        delete(txn, follower, followed).await?;
    }
    let tags: Vec<(String, Option<&str>)> =
        options.filter.tags().iter().map(|tag| (tag.key(), tag.label())).collect();
    let tags = serde_json::to_string(&tags).map_err(|_| StoreError::Unreadable("tags"))?;
    let upsert = "INSERT INTO follow_requests \
        (follower_id, followed_id, mode, coverage, tags, created_at, declined_at, withdrawn) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, FALSE) ON CONFLICT (follower_id, followed_id) DO UPDATE \
        SET mode = excluded.mode, coverage = excluded.coverage, tags = excluded.tags, \
        declined_at = excluded.declined_at";
    let values = pair(follower, followed).into_iter().chain([
        options.filter.mode().as_str().into(),
        options.coverage.as_str().into(),
        tags.into(),
        stored(now).into(),
        declined.map(stored).into(),
    ]);
    Sql::new(upsert, values).execute(&**txn).await?;
    Ok(PersonalEdited::Asked)
}

/// Takes a request back. What was declined is remembered.
pub(super) async fn withdraw(
    txn: &Write,
    follower: UserId,
    followed: UserId,
    request: &StoredFollowRequest,
) -> Result<(), StoreError> {
    if request.declined_at.is_none() {
        return delete(txn, follower, followed).await;
    }
    let update = "UPDATE follow_requests SET withdrawn = TRUE WHERE follower_id = $1 AND followed_id = $2";
    Sql::new(update, pair(follower, followed)).execute(&**txn).await?;
    Ok(())
}

/// Declines a request, if there is one that isn't declined yet.
pub(super) async fn decline(
    txn: &Write,
    follower: UserId,
    followed: UserId,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let update = "UPDATE follow_requests SET declined_at = $3 \
        WHERE follower_id = $1 AND followed_id = $2 AND declined_at IS NULL";
    let values = pair(follower, followed).into_iter().chain([stored(now).into()]);
    Ok(Sql::new(update, values).execute(&**txn).await? > 0)
}

/// Forgets the requests of a person and to them. Those that others declined are kept until that no longer
/// matters, as if they had been taken back: otherwise, being forgotten would be a way to ask again.
pub(super) async fn forget(txn: &Write, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
    let delete = "DELETE FROM follow_requests WHERE followed_id = $1 \
        OR follower_id = $1 AND (declined_at IS NULL OR declined_at < $2)";
    let values = [user.to_db().into(), stored(now - DECLINED_FOR).into()];
    Sql::new(delete, values).execute(&**txn).await?;
    let empty =
        "UPDATE follow_requests SET withdrawn = TRUE, tags = '[]', mode = 'all' WHERE follower_id = $1";
    Sql::new(empty, [user.to_db().into()]).execute(&**txn).await?;
    Ok(())
}

/// How many people somebody asked, as far as they know.
async fn asked_by(txn: &Write, follower: UserId) -> Result<i64, StoreError> {
    let count = "SELECT COUNT(*) FROM follow_requests WHERE follower_id = $1 AND NOT withdrawn";
    let found = Sql::new(count, [follower.to_db().into()]).numbers(&**txn).await?;
    Ok(found.first().copied().unwrap_or_default())
}

impl Store {
    /// Whether a person asked to follow another, as far as they know.
    pub async fn has_asked(&self, follower: UserId, followed: UserId) -> Result<bool, StoreError> {
        let request = of_pair(&self.db, follower, followed).await?;
        Ok(request.is_some_and(|request| !request.withdrawn))
    }

    /// Says yes to a request: whoever asked follows from now on, as they wanted to. `None` if there is no
    /// request, or people can't be followed any more.
    pub async fn accept_follow_request(
        &self,
        followed: UserId,
        follower: UserId,
        policy: PersonalPolicy,
        now: DateTime<Utc>,
    ) -> Result<Option<PersonalFollow>, StoreError> {
        let txn = self.write().await?;
        lock_person(&*txn, follower).await?;
        lock_profile(&*txn, followed, ProfileLock::Alone).await?;
        let request = of_pair(&*txn, follower, followed).await?;
        let Some(request) = request.filter(|request| request.declined_at.is_none()) else { return Ok(None) };
        // Their yes counts more than that they let nobody else follow them.
        match admission(&txn, follower, followed, policy).await? {
            Some((_, false)) if policy.members != MemberFollowing::Off => {}
            _ => return Ok(None),
        }
        delete(&txn, follower, followed).await?;
        let followee = Followee::User(followed);
        let follow = match super::follows::of_pair(&*txn, follower, followee).await? {
            Some(follow) => follow,
            // Even of somebody who follows as much as one may: whoever says yes isn't told how much that is.
            None => {
                let pair = PersonalPair { follower, followee, place: None };
                insert(&txn, pair, &request.wanted.options, now).await?
            }
        };
        txn.commit().await?;
        Ok(Some(follow))
    }

    /// Says no to a request. Whoever asked isn't told. Returns whether there was one.
    pub async fn decline_follow_request(
        &self,
        followed: UserId,
        follower: UserId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let txn = self.write().await?;
        lock_profile(&*txn, followed, ProfileLock::Alone).await?;
        let declined = decline(&txn, follower, followed, now).await?;
        txn.commit().await?;
        Ok(declined)
    }

    /// Forgets declined requests that were taken back, once that no longer matters. Returns how many.
    pub async fn forget_declined_requests(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let delete = "DELETE FROM follow_requests WHERE id IN (SELECT id FROM follow_requests \
            WHERE withdrawn AND declined_at < $1 LIMIT $2)";
        let before = stored(now - DECLINED_FOR);
        self.delete_in_parts(|| Sql::new(delete, [before.into(), CHUNK.into()])).await
    }
}
