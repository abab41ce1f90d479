//! Follows whose people are still to be told that they broke, rest or go on again: of what they are told, the follow itself speaks.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use super::row;
use crate::domain::follow::Follow;
use crate::domain::ids::{GuildId, UserId};
use crate::store::db::entity::channel_follows;
use crate::store::db::sql::{Sql, Table};
use crate::store::{Store, StoreError};

/// Of how many people all breaks are taken at once.
const PEOPLE: i64 = 20;

/// Follows of one person into one server to which the same happened: what is told of together.
#[derive(Debug, Clone)]
pub struct Untold {
    /// Who set them up; nobody in particular, where that person was forgotten.
    pub person: Option<UserId>,
    /// The server that receives.
    pub guild: GuildId,
    /// Whether the bot has left it.
    pub left: bool,
    /// Whether they deliver because the source's moderators approved them.
    pub approved: bool,
    /// The first few of them, at least one.
    pub first: Vec<Follow>,
    /// How many there are.
    pub count: usize,
}

/// A follow of which something is to be told, as far as it says what, and to whom.
#[derive(FromQueryResult)]
struct UntoldRow {
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
    /// Takes the follows of which nobody has been told what became of them: all those of some people, by person and
    /// server, with the first `named` of each. Each is given once: who takes it and dies before telling it leaves it
    /// untold, which is better than telling it again and again.
    pub async fn take_untold(&self, named: usize) -> Result<Vec<Untold>, StoreError> {
        // Looked at outside the transaction: mostly there are none.
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
        // One that a person paused meanwhile is theirs.
        let query = "SELECT id, created_by, guild_id, is_active, broken_reason, exposure, lacking, \
            EXISTS (SELECT 1 FROM left_guilds l WHERE l.guild_id = f.guild_id) AS is_left, is_active AND id IN ";
        let query = Sql::new(query, []).list(approved);
        let query = query.then(
            " AS approved FROM channel_follows f WHERE (is_active OR broken_reason IS NOT NULL OR exposure = 'stopped') AND id IN ",
        );
        let rows: Vec<UntoldRow> = query.list(taken).then(" ORDER BY created_by, id").rows_of(&*txn).await?;
        let mut all = group(rows, named)?;
        let first = all.iter().flat_map(|(_, ids)| ids.iter().copied());
        let query =
            Sql::new("SELECT * FROM channel_follows WHERE id IN ", []).list(first.collect::<Vec<_>>());
        let rows: Vec<channel_follows::Model> = query.rows_of(&*txn).await?;
        let follows = row::follows(&*txn, rows).await?;
        txn.commit().await?;
        let mut follows: HashMap<i64, Follow> =
            follows.into_iter().map(|follow| (follow.id.0, follow)).collect();
        for (untold, ids) in &mut all {
            untold.first.extend(ids.iter().filter_map(|id| follows.remove(id)));
        }
        Ok(all.into_iter().map(|(untold, _)| untold).filter(|untold| !untold.first.is_empty()).collect())
    }
}

/// Puts together what one person is told of at once; with the first few follows of each.
fn group(rows: Vec<UntoldRow>, named: usize) -> Result<Vec<(Untold, Vec<i64>)>, StoreError> {
    let mut groups: Vec<(Untold, Vec<i64>)> = Vec::new();
    let mut places = HashMap::new();
    for row in rows {
        let happened = (row.is_active, row.broken_reason, row.exposure, row.lacking, row.approved);
        let place = *places.entry((row.created_by, row.guild_id, happened)).or_insert(groups.len());
        if place == groups.len() {
            let (person, guild) = (UserId::from_db(row.created_by).ok(), GuildId::from_db(row.guild_id)?);
            let (left, approved) = (row.is_left, row.approved);
            let none = Untold { person, guild, left, approved, first: Vec::new(), count: 0 };
            groups.push((none, Vec::new()));
        }
        if let Some((untold, ids)) = groups.get_mut(place) {
            untold.count += 1;
            if ids.len() < named {
                ids.push(row.id);
            }
        }
    }
    Ok(groups)
}

/// Notes that the people of these follows are to be told.
pub(super) async fn note(txn: &impl ConnectionTrait, follows: &[i64]) -> Result<(), DbErr> {
    let rows = Table::numbers("id", follows.iter().copied());
    let insert = Sql::new("INSERT INTO untold_breaks (follow_id) SELECT t.id FROM ", []).rows(rows);
    insert.then(" WHERE TRUE ON CONFLICT DO NOTHING").execute(txn).await?;
    Ok(())
}

/// The same of one that the source's moderators approved.
pub(super) async fn note_approved(txn: &impl ConnectionTrait, follow: i64) -> Result<(), DbErr> {
    let insert = "INSERT INTO untold_breaks (follow_id, approved) VALUES ($1, TRUE) \
        ON CONFLICT (follow_id) DO UPDATE SET approved = TRUE";
    Sql::new(insert, [follow.into()]).execute(txn).await?;
    Ok(())
}

/// There is nothing to tell any more; whether there was.
pub(super) async fn forget(txn: &impl ConnectionTrait, follow: i64) -> Result<bool, DbErr> {
    let delete = "DELETE FROM untold_breaks WHERE follow_id = $1";
    Ok(Sql::new(delete, [follow.into()]).execute(txn).await? > 0)
}
