//! Follows that broke, paused or went on again, and whose people haven't been told yet. What they are told
//! depends on the follow's state at that time.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use super::row;
use crate::domain::follow::Follow;
use crate::domain::ids::{GuildId, UserId};
use crate::store::db::entity::channel_follows;
use crate::store::db::sql::{Sql, Table};
use crate::store::{Store, StoreError};

/// How many people's follows are taken at once.
const PEOPLE: i64 = 20;

/// Follows of one person into one server to which the same happened: they are announced together.
#[derive(Debug, Clone)]
pub struct Unannounced {
    /// Who created them; `None` if that person was forgotten.
    pub person: Option<UserId>,
    /// The receiving server.
    pub guild: GuildId,
    /// Whether the bot has left that server.
    pub left: bool,
    /// Whether they deliver because the source's moderators approved them.
    pub approved: bool,
    /// The first few of them, at least one.
    pub first: Vec<Follow>,
    /// How many there are.
    pub count: usize,
}

/// The part of an unannounced follow that says what happened, and whom to tell.
#[derive(FromQueryResult)]
struct UnannouncedRow {
    id: i64,
    created_by: i64,
    guild_id: i64,
    is_active: bool,
    broken_reason: Option<String>,
    exposure: String,
    lacking: i64,
    is_left: bool,
    approved: bool,
}

impl Store {
    /// Takes the follows whose people haven't been told what became of them: all those of some people, by
    /// person and server, with the first `named` of each. Each is given out once. If a process dies before it
    /// announces one, that stays unannounced: better than announcing it again and again.
    pub async fn take_unannounced(&self, named: usize) -> Result<Vec<Unannounced>, StoreError> {
        // Checked outside the transaction: usually there are none.
        let people = "SELECT DISTINCT f.created_by FROM untold_breaks u JOIN channel_follows f ON f.id = u.follow_id \
            ORDER BY f.created_by LIMIT $1";
        let people = Sql::new(people, [PEOPLE.into()]).numbers(&self.db).await?;
        if people.is_empty() {
            return Ok(Vec::new());
        }
        let txn = self.write().await?;
        let delete = "DELETE FROM untold_breaks WHERE follow_id IN (SELECT u.follow_id FROM untold_breaks u \
            JOIN channel_follows f ON f.id = u.follow_id WHERE f.created_by IN ";
        let delete = Sql::new(delete, [])
            .list(people)
            .then(") RETURNING follow_id, CASE WHEN approved THEN 1 ELSE 0 END");
        let (mut taken, mut approved) = (Vec::new(), Vec::new());
        for (follow, row) in delete.keyed_rows(&*txn).await? {
            taken.push(follow);
            if row.try_get_by_index::<i32>(1)? == 1 {
                approved.push(follow);
            }
        }
        // A follow that a person paused meanwhile needs no announcement.
        let query = "SELECT id, created_by, guild_id, is_active, broken_reason, exposure, lacking, \
            EXISTS (SELECT 1 FROM left_guilds l WHERE l.guild_id = f.guild_id) AS is_left, is_active AND id IN ";
        let query = Sql::new(query, []).list(approved);
        let query = query.then(
            " AS approved FROM channel_follows f WHERE (is_active OR broken_reason IS NOT NULL OR exposure = 'stopped') AND id IN ",
        );
        let rows: Vec<UnannouncedRow> =
            query.list(taken).then(" ORDER BY created_by, id").rows_of(&*txn).await?;
        let mut all = group(rows, named)?;
        let first = all.iter().flat_map(|(_, ids)| ids.iter().copied());
        let query =
            Sql::new("SELECT * FROM channel_follows WHERE id IN ", []).list(first.collect::<Vec<_>>());
        let rows: Vec<channel_follows::Model> = query.rows_of(&*txn).await?;
        let follows = row::follows(&*txn, rows).await?;
        txn.commit().await?;
        let mut follows: HashMap<i64, Follow> =
            follows.into_iter().map(|follow| (follow.id.0, follow)).collect();
        for (group, ids) in &mut all {
            group.first.extend(ids.iter().filter_map(|id| follows.remove(id)));
        }
        Ok(all.into_iter().map(|(group, _)| group).filter(|group| !group.first.is_empty()).collect())
    }
}

/// Groups what one person is told at once, with the first few follows of each group.
fn group(rows: Vec<UnannouncedRow>, named: usize) -> Result<Vec<(Unannounced, Vec<i64>)>, StoreError> {
    let mut groups: Vec<(Unannounced, Vec<i64>)> = Vec::new();
    let mut places = HashMap::new();
    for row in rows {
        let happened = (row.is_active, row.broken_reason, row.exposure, row.lacking, row.approved);
        let place = *places.entry((row.created_by, row.guild_id, happened)).or_insert(groups.len());
        if place == groups.len() {
            let (person, guild) = (UserId::from_db(row.created_by).ok(), GuildId::from_db(row.guild_id)?);
            let (left, approved) = (row.is_left, row.approved);
            let none = Unannounced { person, guild, left, approved, first: Vec::new(), count: 0 };
            groups.push((none, Vec::new()));
        }
        if let Some((group, ids)) = groups.get_mut(place) {
            group.count += 1;
            if ids.len() < named {
                ids.push(row.id);
            }
        }
    }
    Ok(groups)
}

/// Notes that the people of these follows should be told.
pub(super) async fn note(txn: &impl ConnectionTrait, follows: &[i64]) -> Result<(), DbErr> {
    let rows = Table::numbers("id", follows.iter().copied());
    let insert = Sql::new("INSERT INTO untold_breaks (follow_id) SELECT t.id FROM ", []).rows(rows);
    insert.then(" WHERE TRUE ON CONFLICT DO NOTHING").execute(txn).await?;
    Ok(())
}

/// The same for a follow that the source's moderators approved.
pub(super) async fn note_approved(txn: &impl ConnectionTrait, follow: i64) -> Result<(), DbErr> {
    let insert = "INSERT INTO untold_breaks (follow_id, approved) VALUES ($1, TRUE) \
        ON CONFLICT (follow_id) DO UPDATE SET approved = TRUE";
    Sql::new(insert, [follow.into()]).execute(txn).await?;
    Ok(())
}

/// Forgets that somebody should be told. Returns whether anything was noted.
pub(super) async fn forget(txn: &impl ConnectionTrait, follow: i64) -> Result<bool, DbErr> {
    let delete = "DELETE FROM untold_breaks WHERE follow_id = $1";
    Ok(Sql::new(delete, [follow.into()]).execute(txn).await? > 0)
}
