//! Making, changing and ending one person's follows.

use chrono::{DateTime, Utc};
use sea_orm::ConnectionTrait;

use super::profiles::{ProfileLock, lock_person, lock_profile};
use super::requests::{self, StoredFollowRequest};
use super::row::{self, FOLLOW, FollowRow};
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::domain::personal::{
    FollowAdmission, Followee, MOST_FOLLOWED, PersonalFilter, PersonalFollow, PersonalOptions, PersonalPolicy,
};
use crate::domain::tags::Tag;
use crate::store::db::connect::Write;
use crate::store::db::locks;
use crate::store::db::sql::{Kind, Sql, Table, stored};
use crate::store::feed::fill;
use crate::store::{Store, StoreError};

/// How a personal follow changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonalEdit {
    /// No change.
    Keep,
    /// It is made as given here if there is none, and stays as it is otherwise.
    Begin(PersonalOptions),
    /// It gets these options; if there is none, it is made.
    Set(PersonalOptions),
    /// It ends.
    End,
}

/// What became of a personal follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonalEdited {
    /// There is none, as before; perhaps one that is asked for, which stays as it is.
    None,
    /// It is as it was.
    Kept(PersonalFollow),
    /// It was made.
    Made(PersonalFollow),
    /// Its options changed.
    Changed(PersonalFollow),
    /// It ended.
    Ended(PersonalFollow),
    /// The person doesn't want to be followed, or not by this one: the two look the same. Or the collection
    /// is gone.
    Refused,
    /// The follower follows as many as anybody may.
    Full,
    /// The person was asked, now or before. Whatever they answered, but a yes.
    Asked,
    /// The follower has asked as many people as one may.
    AskedTooMany,
    /// The request was taken back.
    Withdrawn,
}

/// A follower and a followee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonalPair {
    /// The follower.
    pub follower: UserId,
    /// The followee.
    pub followee: Followee,
    /// Where the followee is, if it is a channel or a collection.
    pub place: Option<FolloweePlace>,
}

/// Where a followed channel or collection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FolloweePlace {
    /// The server.
    pub server: GuildId,
    /// The channel of a thread.
    pub parent: Option<ChannelId>,
    /// Whether a channel's threads are followed with it.
    pub threads: bool,
}

impl Store {
    /// Changes one person's follow, as `decide` says when it sees the present one, or the one that they asked
    /// for. The follower must have a profile, and so must a followed person. Of several at the same time,
    /// each sees what the one before left.
    ///
    /// # Errors
    /// If a profile is missing, the database refuses it.
    #[tracing::instrument(
        name = "transaction",
        level = "debug",
        skip_all,
        fields(of = "edit_personal_follow")
    )]
    pub async fn edit_personal_follow(
        &self,
        pair: PersonalPair,
        policy: PersonalPolicy,
        now: DateTime<Utc>,
        decide: impl FnOnce(Option<&PersonalFollow>) -> PersonalEdit + Send,
    ) -> Result<PersonalEdited, StoreError> {
        let txn = self.write().await?;
        lock_person(&*txn, pair.follower).await?;
        if let Followee::User(followed) = pair.followee {
            lock_profile(&*txn, followed, ProfileLock::Shared).await?;
        }
        let present = of_pair(&*txn, pair.follower, pair.followee).await?;
        if let (None, Followee::User(followed)) = (&present, pair.followee)
            && let Some(request) = requests::of_pair(&*txn, pair.follower, followed).await?
        {
            return edit_request(txn, pair, (policy, now), request, decide).await;
        }
        let edited = match (decide(present.as_ref()), present) {
            (PersonalEdit::Keep | PersonalEdit::Begin(_), Some(present)) => {
                return Ok(PersonalEdited::Kept(present));
            }
            (PersonalEdit::Keep | PersonalEdit::End, None) => return Ok(PersonalEdited::None),
            (PersonalEdit::Set(options), Some(present)) if present.options == options => {
                return Ok(PersonalEdited::Kept(present));
            }
            (PersonalEdit::End, Some(present)) => {
                let delete = "DELETE FROM personal_follows WHERE id = $1";
                Sql::new(delete, [present.id.0.into()]).execute(&*txn).await?;
                PersonalEdited::Ended(present)
            }
            (PersonalEdit::Set(options), Some(present)) => {
                PersonalEdited::Changed(change(&txn, present, options, now).await?)
            }
            (PersonalEdit::Set(options) | PersonalEdit::Begin(options), None) => {
                begin(&txn, pair, (policy, now), &options, None).await?
            }
        };
        txn.commit().await?;
        Ok(edited)
    }

    /// One person's follow of this.
    pub async fn personal_follow(
        &self,
        follower: UserId,
        followee: Followee,
    ) -> Result<Option<PersonalFollow>, StoreError> {
        of_pair(&self.db, follower, followee).await
    }

    /// One person's follow with this number.
    pub async fn personal_follow_by_number(
        &self,
        follower: UserId,
        number: i64,
    ) -> Result<Option<PersonalFollow>, StoreError> {
        let query = format!("SELECT {FOLLOW} FROM personal_follows f WHERE f.id = $1 AND f.follower_id = $2");
        let values = [number.into(), follower.to_db().into()];
        let rows: Vec<FollowRow> = Sql::new(query, values).rows_of(&self.db).await?;
        Ok(row::follows(&self.db, rows).await?.pop())
    }

    /// Hides a follow from its follower's feed until this time; without a time, shows it again.
    /// Returns whether there is such a follow.
    pub async fn mute_personal_follow(
        &self,
        follower: UserId,
        followee: Followee,
        until: Option<DateTime<Utc>>,
    ) -> Result<bool, StoreError> {
        let update = "UPDATE personal_follows SET muted_until = $4 \
            WHERE follower_id = $1 AND followee_kind = $2 AND followee_id = $3";
        let values = key(follower, followee).into_iter().chain([until.map(stored).into()]);
        let txn = self.write().await?;
        let muted = Sql::new(update, values).execute(&*txn).await?;
        txn.commit().await?;
        Ok(muted > 0)
    }
}

fn key(follower: UserId, followee: Followee) -> [sea_orm::Value; 3] {
    [follower.to_db().into(), followee.kind().as_str().into(), followee.to_db().into()]
}

pub(super) async fn of_pair(
    db: &impl ConnectionTrait,
    follower: UserId,
    followee: Followee,
) -> Result<Option<PersonalFollow>, StoreError> {
    let query = format!(
        "SELECT {FOLLOW} FROM personal_follows f \
         WHERE f.follower_id = $1 AND f.followee_kind = $2 AND f.followee_id = $3"
    );
    let rows: Vec<FollowRow> = Sql::new(query, key(follower, followee)).rows_of(db).await?;
    Ok(row::follows(db, rows).await?.pop())
}

/// The same where the follower has asked before. What they see is the follow that they want.
async fn edit_request(
    txn: Write,
    pair: PersonalPair,
    (policy, now): (PersonalPolicy, DateTime<Utc>),
    request: StoredFollowRequest,
    decide: impl FnOnce(Option<&PersonalFollow>) -> PersonalEdit + Send,
) -> Result<PersonalEdited, StoreError> {
    let Followee::User(followed) = pair.followee else { return Ok(PersonalEdited::None) };
    let seen = request.seen_by_follower();
    let edited = match (decide(seen), seen) {
        (PersonalEdit::Keep, _) | (PersonalEdit::End, None) => return Ok(PersonalEdited::None),
        (PersonalEdit::End, Some(_)) => {
            requests::withdraw(&txn, pair.follower, followed, &request).await?;
            PersonalEdited::Withdrawn
        }
        // Sent again, it may be granted now.
        (PersonalEdit::Set(options) | PersonalEdit::Begin(options), _) => {
            begin(&txn, pair, (policy, now), &options, Some(&request)).await?
        }
    };
    txn.commit().await?;
    Ok(edited)
}

/// Makes a follow, or asks for it, or refuses it.
async fn begin(
    txn: &Write,
    pair: PersonalPair,
    (policy, now): (PersonalPolicy, DateTime<Utc>),
    options: &PersonalOptions,
    asked: Option<&StoredFollowRequest>,
) -> Result<PersonalEdited, StoreError> {
    if is_full(txn, pair.follower).await? {
        return Ok(PersonalEdited::Full);
    }
    let followed = match pair.followee {
        Followee::User(followed) => followed,
        Followee::Channel(_) => return Ok(PersonalEdited::Made(insert(txn, pair, options, now).await?)),
        Followee::Collection(collection) => {
            // A deletion of it waits, and then ends this follow, too.
            let share = if locks::has_row_locks(&**txn) { " FOR SHARE" } else { "" };
            let query = format!("SELECT id FROM collections WHERE id = $1{share}");
            return match Sql::new(query, [collection.0.into()]).numbers(&**txn).await?.is_empty() {
                true => Ok(PersonalEdited::Refused),
                false => Ok(PersonalEdited::Made(insert(txn, pair, options, now).await?)),
            };
        }
    };
    let Some((admission, blocked)) = admission(txn, pair.follower, followed, policy).await? else {
        return Ok(PersonalEdited::Refused);
    };
    match (admission, blocked) {
        (FollowAdmission::Refused, _) | (FollowAdmission::Open, true) => Ok(PersonalEdited::Refused),
        (FollowAdmission::Asked, blocked) => {
            requests::ask(txn, (pair.follower, followed), options, (asked, blocked), now).await
        }
        (FollowAdmission::Open, false) => {
            if asked.is_some() {
                requests::delete(txn, pair.follower, followed).await?;
            }
            Ok(PersonalEdited::Made(insert(txn, pair, options, now).await?))
        }
    }
}

async fn is_full(txn: &Write, follower: UserId) -> Result<bool, StoreError> {
    let count =
        "SELECT CAST(COALESCE(SUM(following), 0) AS BIGINT) FROM following_counts WHERE follower_id = $1";
    let following = Sql::new(count, [follower.to_db().into()]).numbers(&**txn).await?;
    Ok(following.first().is_some_and(|following| *following >= i64::from(MOST_FOLLOWED)))
}

/// What happens when this person wants to follow that one, and whether they are blocked; `None` if nothing is
/// known of whom they want to follow.
pub(super) async fn admission(
    txn: &Write,
    follower: UserId,
    followed: UserId,
    policy: PersonalPolicy,
) -> Result<Option<(FollowAdmission, bool)>, StoreError> {
    let query = format!(
        "SELECT {}, EXISTS (SELECT 1 FROM personal_blocks b WHERE b.user_id = p.user_id AND b.blocked_id = $2) \
         AS blocked FROM profiles p WHERE p.user_id = $1",
        super::profiles::PROFILE
    );
    let row = Sql::new(query, [followed.to_db().into(), follower.to_db().into()]).row(&**txn).await?;
    let Some(row) = row else { return Ok(None) };
    let blocked: bool = row.try_get("", "blocked")?;
    let profile = <super::profiles::ProfileRow as sea_orm::FromQueryResult>::from_query_result(&row, "")?;
    Ok(Some((profile.read()?.privacy.admission(policy), blocked)))
}

pub(super) async fn insert(
    txn: &Write,
    pair: PersonalPair,
    options: &PersonalOptions,
    now: DateTime<Utc>,
) -> Result<PersonalFollow, StoreError> {
    let insert = "INSERT INTO personal_follows \
        (follower_id, followee_kind, followee_id, guild_id, parent_id, threads, mode, coverage, created_at, updated_at) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) RETURNING id";
    let chosen = [
        pair.place.map(|place| place.server.to_db()).into(),
        pair.place.and_then(|place| place.parent).map(ChannelId::to_db).into(),
        pair.place.is_some_and(|place| place.threads).into(),
        options.filter.mode().as_str().into(),
        options.coverage.as_str().into(),
        stored(now).into(),
    ];
    let values = key(pair.follower, pair.followee).into_iter().chain(chosen);
    let id = Sql::new(insert, values).numbers(&**txn).await?;
    let id = *id.first().ok_or(StoreError::Unreadable("personal_follows"))?;
    put_tags(txn, id, &options.filter).await?;
    fill::begin(txn, pair.follower, pair.followee).await?;
    of_pair(&**txn, pair.follower, pair.followee).await?.ok_or(StoreError::Unreadable("personal_follows"))
}

async fn change(
    txn: &Write,
    present: PersonalFollow,
    options: PersonalOptions,
    now: DateTime<Utc>,
) -> Result<PersonalFollow, StoreError> {
    let id = present.id.0;
    let update = "UPDATE personal_follows SET mode = $2, coverage = $3, updated_at = $4 WHERE id = $1";
    let (mode, coverage) = (options.filter.mode().as_str(), options.coverage.as_str());
    Sql::new(update, [id.into(), mode.into(), coverage.into(), stored(now).into()]).execute(&**txn).await?;
    let delete = "DELETE FROM personal_follow_tags WHERE follow_id = $1";
    Sql::new(delete, [id.into()]).execute(&**txn).await?;
    put_tags(txn, id, &options.filter).await?;
    Ok(PersonalFollow { options, updated_at: stored(now), ..present })
}

async fn put_tags(txn: &Write, follow: i64, filter: &PersonalFilter) -> Result<(), StoreError> {
    if filter.tags().is_empty() {
        return Ok(());
    }
    let rows = filter.tags().iter().map(|tag| [tag.key().into(), Tag::label(tag).into()]);
    let rows = Table::new([("tag", Kind::Text), ("label", Kind::Text)], rows);
    let insert = "INSERT INTO personal_follow_tags (follow_id, tag, label) SELECT $1, t.tag, t.label FROM ";
    Sql::new(insert, [follow.into()]).rows(rows).execute(&**txn).await?;
    Ok(())
}
