//! What is kept of a person besides what the lists of their own show, to be shown to that person.

use chrono::{DateTime, Utc};
use sea_orm::FromQueryResult;

use crate::domain::audit::AuditRecord;
use crate::domain::ids::{GuildId, UserId};
use crate::store::db::sql::Sql;
use crate::store::{AuditFilter, Store, StoreError};

/// How many rows of a kind are shown, the newest.
const MOST: u64 = 10_000;

/// Somebody, and since when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DatedPerson {
    /// Who.
    pub user: UserId,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// What is kept of a person besides what the lists of their own show.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonalRecords {
    /// Who follows them, the newest 10,000.
    pub followers: Vec<DatedPerson>,
    /// Whom they keep from following.
    pub blocked: Vec<DatedPerson>,
    /// Whom they asked, as far as they know.
    pub asked: Vec<DatedPerson>,
    /// Who asks to follow them.
    pub asked_by: Vec<DatedPerson>,
    /// When they did something of which one may do so much in an hour.
    pub actions: Vec<DateTime<Utc>>,
    /// What they changed of their own and in servers.
    pub changes: Vec<AuditRecord>,
}

#[derive(FromQueryResult)]
struct DatedRow {
    id: i64,
    at: DateTime<Utc>,
}

impl DatedRow {
    fn read(self) -> Result<DatedPerson, StoreError> {
        Ok(DatedPerson { user: UserId::from_db(self.id)?, since: self.at })
    }
}

impl Store {
    /// What is kept of this person besides what the lists of their own show.
    pub async fn personal_records(&self, user: UserId) -> Result<PersonalRecords, StoreError> {
        let followers = "SELECT follower_id AS id, created_at AS at FROM personal_follows \
            WHERE followee_kind = 'user' AND followee_id = $1 ORDER BY personal_follows.id DESC LIMIT $2";
        let blocked = "SELECT blocked_id AS id, created_at AS at FROM personal_blocks WHERE user_id = $1 \
            ORDER BY created_at, blocked_id LIMIT $2";
        let asked = "SELECT followed_id AS id, created_at AS at FROM follow_requests \
            WHERE follower_id = $1 AND NOT withdrawn ORDER BY created_at, followed_id LIMIT $2";
        let asked_by = "SELECT follower_id AS id, created_at AS at FROM follow_requests \
            WHERE followed_id = $1 AND declined_at IS NULL ORDER BY created_at, follower_id LIMIT $2";
        let actions = "SELECT id, at FROM person_actions WHERE user_id = $1 ORDER BY at LIMIT $2";
        let guilds = "SELECT DISTINCT guild_id FROM audit WHERE actor_id = $1 AND guild_id IS NOT NULL";
        let people = async |query: &str| {
            let rows = self.dated(query, user).await?;
            rows.into_iter().map(DatedRow::read).collect::<Result<Vec<_>, _>>()
        };
        let mut changes = self.own_audit_of(user, None, MOST).await?;
        for guild in Sql::new(guilds, [user.to_db().into()]).numbers(&self.db).await? {
            let own = AuditFilter { actor: Some(user), ..AuditFilter::default() };
            changes.extend(self.audit_of(GuildId::from_db(guild)?, own, None, MOST).await?);
        }
        changes.sort_unstable_by_key(|change| std::cmp::Reverse(change.id));
        Ok(PersonalRecords {
            followers: people(followers).await?,
            blocked: people(blocked).await?,
            asked: people(asked).await?,
            asked_by: people(asked_by).await?,
            actions: self.dated(actions, user).await?.into_iter().map(|row| row.at).collect(),
            changes,
        })
    }

    async fn dated(&self, query: &str, user: UserId) -> Result<Vec<DatedRow>, StoreError> {
        let most = i64::try_from(MOST).unwrap_or(i64::MAX);
        Ok(Sql::new(query, [user.to_db().into(), most.into()]).rows_of(&self.db).await?)
    }
}
