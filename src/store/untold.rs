//! Follows that broke and whose people have not been told yet.

use std::collections::HashMap;

use sea_orm::{ConnectionTrait, DbErr, FromQueryResult};

use super::entity::channel_follows;
use super::sql::{Sql, Table};
use super::{Store, StoreError, follow_row};
use crate::domain::follow::{BrokenReason, Follow};
use crate::domain::ids::{GuildId, UserId};

/// Of how many people all breaks are taken at once.
const PEOPLE: i64 = 20;

/// Follows of one person into one server that broke for one reason: what is told of together.
#[derive(Debug, Clone)]
pub struct UntoldBreaks {
    /// Who set them up; nobody in particular, where that person was forgotten.
    pub person: Option<UserId>,
    /// The server that received.
    pub guild: GuildId,
    /// Whether the bot has left it.
    pub left: bool,
    /// Why.
    pub reason: BrokenReason,
    /// The first few of them, at least one.
    pub first: Vec<Follow>,
    /// How many there are.
    pub count: usize,
}

/// A follow that broke, as far as it says who is told of it.
#[derive(FromQueryResult)]
struct BreakRow {
    id: i64,
    created_by: i64,
    guild_id: i64,
    broken_reason: String,
    is_left: bool,
}

impl Store {
    /// Takes the breaks that nobody has been told of: all those of some people, by person and server, with the first `named` of each. Each is given once: who takes it and
    /// dies before telling it leaves it untold, which is better than telling it again and again.
    pub async fn take_untold_breaks(&self, named: usize) -> Result<Vec<UntoldBreaks>, StoreError> {
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
        let delete = Sql::new(delete, []).list(people).then(") RETURNING follow_id");
        let taken = delete.numbers(&*txn).await?;
        let query = "SELECT id, created_by, guild_id, broken_reason, \
            EXISTS (SELECT 1 FROM left_guilds l WHERE l.guild_id = f.guild_id) AS is_left \
            FROM channel_follows f WHERE broken_reason IS NOT NULL AND id IN ";
        let rows: Vec<BreakRow> =
            Sql::new(query, []).list(taken).then(" ORDER BY created_by, id").rows_of(&*txn).await?;
        let mut breaks = group(rows, named)?;
        let first = breaks.iter().flat_map(|(_, ids)| ids.iter().copied());
        let query =
            Sql::new("SELECT * FROM channel_follows WHERE id IN ", []).list(first.collect::<Vec<_>>());
        let rows: Vec<channel_follows::Model> = query.rows_of(&*txn).await?;
        let follows = follow_row::follows(&*txn, rows).await?;
        txn.commit().await?;
        let mut follows: HashMap<i64, Follow> =
            follows.into_iter().map(|follow| (follow.id.0, follow)).collect();
        for (breaks, ids) in &mut breaks {
            breaks.first.extend(ids.iter().filter_map(|id| follows.remove(id)));
        }
        Ok(breaks.into_iter().map(|(breaks, _)| breaks).collect())
    }
}

/// Puts together what one person is told of at once; with the first few follows of each.
fn group(rows: Vec<BreakRow>, named: usize) -> Result<Vec<(UntoldBreaks, Vec<i64>)>, StoreError> {
    let mut groups: Vec<(UntoldBreaks, Vec<i64>)> = Vec::new();
    let mut places: HashMap<(i64, i64, BrokenReason), usize> = HashMap::new();
    for BreakRow { id, created_by, guild_id, broken_reason, is_left } in rows {
        let reason = BrokenReason::parse(&broken_reason).ok_or(StoreError::Unreadable("broken_reason"))?;
        let place = *places.entry((created_by, guild_id, reason)).or_insert(groups.len());
        if place == groups.len() {
            let (person, guild) = (UserId::from_db(created_by).ok(), GuildId::from_db(guild_id)?);
            let none = UntoldBreaks { person, guild, left: is_left, reason, first: Vec::new(), count: 0 };
            groups.push((none, Vec::new()));
        }
        if let Some((breaks, ids)) = groups.get_mut(place) {
            breaks.count += 1;
            if ids.len() < named {
                ids.push(id);
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
