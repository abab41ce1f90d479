//! What must be copied: the tables as the two databases describe them, each after those that it refers to;
//! and the sequences.

use std::collections::HashMap;

use sea_orm::sqlx::{
    self, AssertSqlSafe, ColumnIndex, Database, Decode, Executor, IntoArguments, PgConnection, PgPool,
    Postgres, Row, SqliteConnection, Transaction, Type,
};

use super::CopyError;
use super::rows::ValueKind;

/// Tables that fill themselves: the migrations' own, and what triggers count.
const BY_THEMSELVES: [&str; 5] =
    ["seaql_migrations", "follower_counts", "follow_totals", "followee_counts", "following_counts"];

/// A table that is copied.
pub(super) struct CopiedTable {
    pub(super) name: String,
    pub(super) columns: Vec<Column>,
    /// How many rows it has in the source.
    pub(super) rows: u64,
}

/// One of its columns.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: ValueKind,
}

impl CopiedTable {
    /// The columns as SQL lists them. Names are the schema's own: small letters and `_`.
    pub(super) fn column_list(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }
}

/// The tables of the source, in an order in which they can be filled, with the columns that they have in the
/// target, too.
pub(super) async fn matching(
    from: &mut SqliteConnection,
    to: &mut PgConnection,
) -> Result<Vec<CopiedTable>, CopyError> {
    let mut tables = Vec::new();
    for name in in_order(from).await.map_err(CopyError::Source)? {
        let query = format!("SELECT name FROM pragma_table_info('{name}') ORDER BY name");
        let own = texts(&mut *from, query).await.map_err(CopyError::Source)?;
        let query = format!(
            "SELECT column_name::text, data_type::text FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = '{name}' ORDER BY column_name COLLATE \"C\""
        );
        let there = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut *to).await.map_err(CopyError::Target)?;
        let column = |row: &sqlx::postgres::PgRow| {
            let name: String = row.try_get(0).map_err(CopyError::Target)?;
            let kind: String = row.try_get(1).map_err(CopyError::Target)?;
            Ok(ValueKind::of(&kind).map(|kind| Column { name, kind }))
        };
        let columns = there.iter().map(column).collect::<Result<Option<Vec<_>>, CopyError>>()?;
        let columns = columns.ok_or_else(|| CopyError::Differs(name.clone()))?;
        if !columns.iter().map(|column| &column.name).eq(own.iter()) {
            return Err(CopyError::Differs(name));
        }
        let rows = count(&mut *from, &name).await.map_err(CopyError::Source)?;
        tables.push(CopiedTable { name, columns, rows });
    }
    Ok(tables)
}

/// The names of the source's tables, each behind those that it refers to.
async fn in_order(from: &mut SqliteConnection) -> sqlx::Result<Vec<String>> {
    let all = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name";
    let mut waiting = Vec::new();
    for name in texts(&mut *from, all.to_owned()).await? {
        if !BY_THEMSELVES.contains(&name.as_str()) {
            let parents = format!("SELECT DISTINCT \"table\" FROM pragma_foreign_key_list('{name}')");
            waiting.push((name, texts(&mut *from, parents).await?));
        }
    }
    let mut placed: Vec<String> = Vec::new();
    while !waiting.is_empty() {
        let before = placed.len();
        waiting.retain(|(name, parents)| {
            let ready = parents.iter().all(|parent| parent == name || placed.contains(parent));
            if ready {
                placed.push(name.clone());
            }
            !ready
        });
        if placed.len() == before {
            // They refer to each other in a circle: PostgreSQL will report where.
            placed.extend(waiting.drain(..).map(|(name, _)| name));
        }
    }
    Ok(placed)
}

/// Continues the target's sequences where the source's would: no number is assigned again, not even those of
/// deleted rows.
pub(super) async fn continue_numbers(
    from: &mut Transaction<'_, sqlx::Sqlite>,
    to: &mut Transaction<'_, Postgres>,
) -> Result<(), CopyError> {
    let given = sqlx::query("SELECT name, seq FROM sqlite_sequence").fetch_all(&mut **from).await;
    let mut given_of: HashMap<String, i64> = HashMap::new();
    for row in given.map_err(CopyError::Source)? {
        given_of
            .insert(row.try_get(0).map_err(CopyError::Source)?, row.try_get(1).map_err(CopyError::Source)?);
    }
    let keys = "SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = current_schema() \
        AND (is_identity = 'YES' OR column_default LIKE 'nextval(%')";
    for key in sqlx::query(keys).fetch_all(&mut **to).await.map_err(CopyError::Target)? {
        let table: String = key.try_get(0).map_err(CopyError::Target)?;
        let column: String = key.try_get(1).map_err(CopyError::Target)?;
        if let Some(last) =
            given_of.get(&table).filter(|last| **last > 0 && !BY_THEMSELVES.contains(&table.as_str()))
        {
            let set = format!("SELECT setval(pg_get_serial_sequence('{table}', '{column}'), {last})");
            sqlx::raw_sql(AssertSqlSafe(set)).execute(&mut **to).await.map_err(CopyError::Target)?;
        }
    }
    Ok(())
}

/// A table of this PostgreSQL, if it has any.
pub(super) async fn any(pool: &PgPool) -> sqlx::Result<Option<String>> {
    let query = "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() \
        AND table_name <> 'seaql_migrations' ORDER BY 1 LIMIT 1";
    sqlx::query_scalar(query).fetch_optional(pool).await
}

/// How many rows a table has.
pub(super) async fn count<'c, E, D>(db: E, table: &str) -> sqlx::Result<u64>
where
    E: Executor<'c, Database = D>,
    D: Database,
    D::Arguments: IntoArguments<D>,
    usize: ColumnIndex<D::Row>,
    i64: for<'r> Decode<'r, D> + Type<D>,
{
    let query = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
    Ok(sqlx::query(query).fetch_one(db).await?.try_get::<i64, _>(0)?.unsigned_abs())
}

async fn texts(from: &mut SqliteConnection, query: String) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(from).await
}
