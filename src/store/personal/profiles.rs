//! People as others see them, and what they chose about being followed.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::requests;
use crate::domain::ids::UserId;
use crate::domain::personal::{
    FollowAdmission, Followable, ListVisibility, PersonalPolicy, PrivacyChange, PrivacyChoice, Profile,
};
use crate::store::db::locks;
use crate::store::db::sql::{Sql, stored};
use crate::store::feed::links;
use crate::store::{Store, StoreError};

pub(super) const PROFILE: &str = "p.user_id, p.username, p.display_name, p.avatar, p.checked_at, p.followable, p.asked_first, p.lists, p.counts_hidden";

/// The name of somebody who is forgotten, and whose id others' decisions need. To everybody else, nothing is
/// known of such a person: otherwise it could be seen that somebody blocked them.
const FORGOTTEN: &str = "";
/// What lists of those others show in its place.
const NAMELESS: &str = "unknown";

#[derive(FromQueryResult)]
pub(super) struct ProfileRow {
    user_id: i64,
    username: String,
    display_name: Option<String>,
    avatar: Option<String>,
    checked_at: DateTime<Utc>,
    followable: Option<String>,
    asked_first: bool,
    lists: Option<String>,
    counts_hidden: bool,
}

impl ProfileRow {
    pub(super) fn read(self) -> Result<Profile, StoreError> {
        let followable = match (self.asked_first, self.followable) {
            (true, _) => Some(Some(Followable::Asked)),
            (false, word) => word.map(|word| Followable::parse(&word)),
        };
        let lists = self.lists.map(|word| ListVisibility::parse(&word));
        let privacy = PrivacyChoice {
            followable: followable
                .map(|word| word.ok_or(StoreError::Unreadable("followable")))
                .transpose()?,
            lists: lists.map(|word| word.ok_or(StoreError::Unreadable("lists"))).transpose()?,
            counts_hidden: self.counts_hidden,
        };
        Ok(Profile {
            user: UserId::from_db(self.user_id)?,
            username: match self.username.as_str() {
                FORGOTTEN => NAMELESS.to_owned(),
                _ => self.username,
            },
            display_name: self.display_name,
            avatar: self.avatar,
            checked_at: self.checked_at,
            privacy,
        })
    }
}

/// What is known of a person.
async fn profile(db: &impl ConnectionTrait, user: UserId) -> Result<Option<Profile>, StoreError> {
    let query = format!("SELECT {PROFILE} FROM profiles p WHERE p.user_id = $1 AND p.username <> $2");
    let values = [user.to_db().into(), FORGOTTEN.into()];
    let rows: Vec<ProfileRow> = Sql::new(query, values).rows_of(db).await?;
    rows.into_iter().next().map(ProfileRow::read).transpose()
}

impl Store {
    /// What is known of a person.
    pub async fn profile(&self, user: UserId) -> Result<Option<Profile>, StoreError> {
        profile(&self.db, user).await
    }

    /// What is known of these people.
    pub async fn profiles(&self, users: &[UserId]) -> Result<HashMap<UserId, Profile>, StoreError> {
        if users.is_empty() {
            return Ok(HashMap::new());
        }
        let query = format!("SELECT {PROFILE} FROM profiles p WHERE p.username <> $1 AND p.user_id IN ");
        let query = Sql::new(query, [FORGOTTEN.into()]);
        let query = query.list(users.iter().map(|user| user.to_db()));
        let rows: Vec<ProfileRow> = query.rows_of(&self.db).await?;
        let read = |row: ProfileRow| row.read().map(|profile| (profile.user, profile));
        rows.into_iter().map(read).collect()
    }

    /// Stores how Discord describes a person now. Their choices stay.
    pub async fn note_profile(&self, profile: &Profile) -> Result<(), StoreError> {
        let insert = "INSERT INTO profiles (user_id, username, display_name, avatar, checked_at) \
            VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id) DO UPDATE SET username = excluded.username, \
            display_name = excluded.display_name, avatar = excluded.avatar, checked_at = excluded.checked_at";
        let values = [
            profile.user.to_db().into(),
            profile.username.as_str().into(),
            profile.display_name.clone().into(),
            profile.avatar.clone().into(),
            stored(profile.checked_at).into(),
        ];
        let txn = self.write().await?;
        Sql::new(insert, values).execute(&*txn).await?;
        txn.commit().await
    }

    /// Changes what a person chose about being followed. If nobody may follow them any more, their followers
    /// are removed. Returns what they chose now, and how many followers that ended; `None` if nothing is
    /// known of that person.
    pub async fn change_privacy(
        &self,
        user: UserId,
        change: PrivacyChange,
        policy: PersonalPolicy,
    ) -> Result<Option<(PrivacyChoice, u64)>, StoreError> {
        let txn = self.write().await?;
        lock_profile(&*txn, user, ProfileLock::Alone).await?;
        let Some(before) = profile(&*txn, user).await? else { return Ok(None) };
        let choice = change.apply(before.privacy);
        let update = "UPDATE profiles SET followable = $2, lists = $3, counts_hidden = $4, asked_first = $5 \
            WHERE user_id = $1";
        let asked_first = choice.followable == Some(Followable::Asked);
        let followable = if asked_first { Some(Followable::Everyone) } else { choice.followable };
        let values = [
            user.to_db().into(),
            followable.map(Followable::as_str).into(),
            choice.lists.map(ListVisibility::as_str).into(),
            choice.counts_hidden.into(),
            asked_first.into(),
        ];
        Sql::new(update, values).execute(&*txn).await?;
        let mut ended = 0;
        if choice.admission(policy) == FollowAdmission::Refused {
            let delete = "DELETE FROM personal_follows WHERE followee_kind = 'user' AND followee_id = $1";
            ended = Sql::new(delete, [user.to_db().into()]).execute(&*txn).await?;
        }
        txn.commit().await?;
        Ok(Some((choice, ended)))
    }

    /// Removes a person who is gone from Discord, with what others decided about them.
    pub async fn drop_profile(&self, user: UserId, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.forget_profile(user, now).await?;
        let txn = self.write().await?;
        for delete in [
            "DELETE FROM personal_blocks WHERE blocked_id = $1",
            "DELETE FROM follow_requests WHERE follower_id = $1",
            "DELETE FROM profiles WHERE user_id = $1",
        ] {
            Sql::new(delete, [user.to_db().into()]).execute(&*txn).await?;
        }
        txn.commit().await
    }

    /// Forgets a person who wants it: their follows and those of others who followed them go, too, and so do
    /// the private addresses of their feed and their digest. Only what others decided about them stays, with
    /// their id: blocks, and for a while the requests that were declined. Returns how many rows were
    /// forgotten.
    pub async fn forget_profile(&self, user: UserId, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let id = || [user.to_db().into()];
        let txn = self.write().await?;
        lock_person(&*txn, user).await?;
        lock_profile(&*txn, user, ProfileLock::Alone).await?;
        // All at once, so that counts change in the order of their keys.
        let follows = "DELETE FROM personal_follows WHERE follower_id = $1 OR followee_kind = 'user' AND followee_id = $1";
        let ended = Sql::new(follows, id()).execute(&*txn).await?;
        Sql::new("DELETE FROM personal_blocks WHERE user_id = $1", id()).execute(&*txn).await?;
        requests::forget(&txn, user, now).await?;
        Sql::new("DELETE FROM feed_items WHERE user_id = $1", id()).execute(&*txn).await?;
        Sql::new("DELETE FROM feed_marks WHERE user_id = $1", id()).execute(&*txn).await?;
        let links = links::forget_feed_links(&*txn, user).await?;
        let digests = Sql::new("DELETE FROM digests WHERE user_id = $1", id()).execute(&*txn).await?;
        // What others decided about them outlasts that, and needs their id.
        let delete = "DELETE FROM profiles WHERE user_id = $1 \
            AND NOT EXISTS (SELECT 1 FROM personal_blocks b WHERE b.blocked_id = $1) \
            AND NOT EXISTS (SELECT 1 FROM follow_requests r WHERE r.follower_id = $1)";
        let empty = "UPDATE profiles SET username = $2, display_name = NULL, avatar = NULL, checked_at = $3, \
            followable = NULL, asked_first = FALSE, lists = NULL, counts_hidden = FALSE \
            WHERE user_id = $1 AND username <> $2";
        let deleted = Sql::new(delete, id()).execute(&*txn).await?;
        let values = [user.to_db().into(), FORGOTTEN.into(), stored(DateTime::UNIX_EPOCH).into()];
        let emptied = Sql::new(empty, values).execute(&*txn).await?;
        txn.commit().await?;
        Ok(ended + links + digests + deleted + emptied)
    }
}

/// How a profile is locked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProfileLock {
    /// Shared with others who only rely on it.
    Shared,
    /// Exclusive.
    Alone,
}

/// Locks a profile, if it exists.
pub(super) async fn lock_profile(
    txn: &impl ConnectionTrait,
    user: UserId,
    how: ProfileLock,
) -> Result<(), StoreError> {
    if !locks::has_row_locks(txn) {
        return Ok(());
    }
    let strength = match how {
        ProfileLock::Shared => "SHARE",
        ProfileLock::Alone => "UPDATE",
    };
    let lock = format!("SELECT user_id FROM profiles WHERE user_id = $1 FOR {strength}");
    Sql::new(lock, [user.to_db().into()]).numbers(txn).await?;
    Ok(())
}

/// Makes transactions that change this person's follows run one after another. SQLite has one writer at a
/// time.
pub(super) async fn lock_person(txn: &impl ConnectionTrait, user: UserId) -> Result<(), StoreError> {
    if !locks::has_row_locks(txn) {
        return Ok(());
    }
    let lock = "SELECT pg_advisory_xact_lock(hashtextextended('personal', $1))";
    Sql::new(lock, [user.to_db().into()]).row(txn).await?;
    Ok(())
}
