//! Copies everything from SQLite to an empty PostgreSQL.
//!
//! The tables, their columns and the order in which they can be filled are read from the databases themselves
//! (`tables`), so a table that is added later can't be forgotten. Rows are streamed (`rows`), so millions of
//! them need no memory; PostgreSQL's COPY takes them in. Everything is one transaction there: if interrupted,
//! the target is as empty as before. Sealed values are copied sealed.
//!
//! What a lane had in flight is settled as after the death of a process; see [`Store::copy_to`].

mod rows;
mod tables;

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sea_orm::sqlx::{self, AssertSqlSafe, Postgres, Row, Sqlite, Transaction};

use self::rows::Unfit;
use self::tables::CopiedTable;
use crate::store::db::connect::PATIENT;
use crate::store::db::presence::refuse_beside_others;
use crate::store::{Store, StoreError, Unusable};

/// How much is sent to PostgreSQL at a time, in bytes.
const CHUNK: usize = 256 * 1024;

/// Why nothing was copied.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The bot's database isn't one that can be copied.
    #[error(
        "only a SQLite database can be copied, and DATABASE_URL is another. PostgreSQL has pg_dump and pg_restore for this."
    )]
    NotFromSqlite,
    /// The target isn't PostgreSQL, or its address contains a mistake. It isn't repeated, as it may contain a
    /// password.
    #[error("--to must be the address of a PostgreSQL database, such as postgres://USER@HOST/DATABASE.")]
    NotToPostgres,
    /// The target can't be reached.
    #[error(
        "--to leads to no database ({0}). Make it first (createdb), and check the address and PGPASSWORD."
    )]
    NoTarget(String),
    /// The target can't be used.
    #[error("--to {0}")]
    Unusable(Unusable),
    /// The target isn't empty.
    #[error(
        "--to leads to a database that isn't empty: there is something in its table {0}. Give an empty one, or empty it (dropdb, createdb), if nothing in it is needed."
    )]
    NotEmpty(String),
    /// The databases have different schemas.
    #[error("the two databases differ in table {0}, so nothing was copied. Use an empty database for --to.")]
    Differs(String),
    /// The source holds something that the program never writes.
    #[error("{0}.{1} holds something that doesn't belong there, so nothing was copied")]
    Unfit(String, String),
    /// Not all rows arrived.
    #[error("of the {1} rows of table {0}, {2} arrived, so nothing was copied")]
    Lost(String, u64, u64),
    /// SQLite failed.
    #[error("DATABASE_URL can't be read: {0}")]
    Source(#[source] sqlx::Error),
    /// PostgreSQL failed.
    #[error("--to can't be written, so nothing was copied: {0}")]
    Target(#[source] sqlx::Error),
    /// The store failed.
    #[error("{0}")]
    Store(#[from] StoreError),
}

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// How many tables.
    pub tables: usize,
    /// How many rows they have.
    pub rows: u64,
}

/// The progress of the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copying<'a> {
    /// The table that is copied now.
    pub table: &'a str,
    /// How many of its rows are copied.
    pub of_table: u64,
    /// Whether these are all of them.
    pub finished: bool,
    /// How many rows of all tables are copied.
    pub rows: u64,
    /// How many there are in total.
    pub total: u64,
}

impl Store {
    /// The empty PostgreSQL behind this address, with all tables.
    pub async fn copy_target(address: &str, cipher: crate::store::Cipher) -> Result<Self, CopyError> {
        if !(address.starts_with("postgres://") || address.starts_with("postgresql://")) {
            return Err(CopyError::NotToPostgres);
        }
        let target =
            Self::connect_for_command(&address.to_owned().into(), cipher).await.map_err(of_target)?;
        let status = target.migration_status().await.map_err(of_target)?;
        if status.iter().all(|(_, applied)| !applied) {
            let pool = target.db.get_postgres_connection_pool();
            let foreign = tables::any(pool).await.map_err(CopyError::Target)?;
            if let Some(table) = foreign {
                return Err(CopyError::NotEmpty(table));
            }
        }
        target.migrate_up_alone().await.map_err(of_target)?;
        Ok(target)
    }

    /// Copies everything from this SQLite database, on which no bot runs, to that PostgreSQL, which is empty
    /// and has all tables.
    ///
    /// Leases of lanes are released first, as at a start: nobody holds them any more, and on PostgreSQL
    /// nobody would claim the lanes before they end. A create that was in flight can be settled from
    /// `settle_at` on. Meanwhile, nobody can write to either database.
    pub async fn copy_to(
        &self,
        target: &Self,
        settle_at: DateTime<Utc>,
        progress: &mut (dyn FnMut(Copying<'_>) + Send),
    ) -> Result<Copied, CopyError> {
        if self.writer_queue.is_none() {
            return Err(CopyError::NotFromSqlite);
        }
        self.free_lanes(settle_at).await?;
        let from = self.db.get_sqlite_connection_pool().begin_with("BEGIN IMMEDIATE").await;
        let mut from = from.map_err(CopyError::Source)?;
        refuse_beside_others(&target.db).await?;
        let mut to = target.db.get_postgres_connection_pool().begin().await.map_err(CopyError::Target)?;
        sqlx::raw_sql(PATIENT).execute(&mut *to).await.map_err(CopyError::Target)?;
        let tables = tables::matching(&mut from, &mut to).await?;
        for table in &tables {
            claim(&mut to, table).await?;
        }
        let mut copying = Copy { from, to, rows: 0, total: 0, progress };
        for table in &tables {
            copying.total += table.rows;
        }
        for table in &tables {
            copying.table(table).await?;
        }
        let Copy { mut from, mut to, rows, .. } = copying;
        tables::continue_numbers(&mut from, &mut to).await?;
        to.commit().await.map_err(CopyError::Target)?;
        // So that its first plans aren't made for empty tables. PostgreSQL would notice by itself, but later.
        let _ = sqlx::raw_sql("ANALYZE").execute(target.db.get_postgres_connection_pool()).await;
        Ok(Copied { tables: tables.len(), rows })
    }
}

/// A failure of the store, attributed to the address that it is about.
fn of_target(error: StoreError) -> CopyError {
    match error {
        StoreError::Address => CopyError::NotToPostgres,
        StoreError::Connect(error) => CopyError::NoTarget(error.to_string()),
        StoreError::Away(reason) => CopyError::NoTarget(reason),
        StoreError::Unusable(unusable) => CopyError::Unusable(unusable),
        error => error.into(),
    }
}

/// Locks a table of the target, and makes sure that it is empty.
async fn claim(to: &mut Transaction<'_, Postgres>, table: &CopiedTable) -> Result<(), CopyError> {
    let name = &table.name;
    let lock = format!("LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE");
    sqlx::raw_sql(AssertSqlSafe(lock)).execute(&mut **to).await.map_err(CopyError::Target)?;
    let query = format!("SELECT EXISTS (SELECT 1 FROM {name})");
    let row = sqlx::query(AssertSqlSafe(query)).fetch_one(&mut **to).await.map_err(CopyError::Target)?;
    let filled: bool = row.try_get(0).map_err(CopyError::Target)?;
    if filled { Err(CopyError::NotEmpty(name.clone())) } else { Ok(()) }
}

/// A copy in progress.
struct Copy<'a> {
    from: Transaction<'static, Sqlite>,
    to: Transaction<'static, Postgres>,
    rows: u64,
    total: u64,
    progress: &'a mut (dyn FnMut(Copying<'_>) + Send),
}

impl Copy<'_> {
    async fn table(&mut self, table: &CopiedTable) -> Result<(), CopyError> {
        let columns = table.column_list();
        let copy = format!("COPY {} ({columns}) FROM STDIN", table.name);
        let select = format!("SELECT {columns} FROM {}", table.name);
        let mut sink = self.to.copy_in_raw(&copy).await.map_err(CopyError::Target)?;
        let mut stream = sqlx::query(AssertSqlSafe(select)).fetch(&mut *self.from);
        let (mut lines, mut count) = (Vec::with_capacity(2 * CHUNK), 0);
        while let Some(row) = stream.try_next().await.map_err(CopyError::Source)? {
            let written = rows::write(&row, &table.columns, &mut lines);
            written.map_err(|Unfit(column)| CopyError::Unfit(table.name.clone(), column))?;
            count += 1;
            if lines.len() > CHUNK {
                sink.send(lines.as_slice()).await.map_err(CopyError::Target)?;
                lines.clear();
                let (rows, total) = (self.rows + count, self.total);
                let table = &table.name;
                (self.progress)(Copying { table, of_table: count, finished: false, rows, total });
            }
        }
        drop(stream);
        sink.send(lines.as_slice()).await.map_err(CopyError::Target)?;
        sink.finish().await.map_err(CopyError::Target)?;
        let arrived = tables::count(&mut *self.to, &table.name).await.map_err(CopyError::Target)?;
        if count != table.rows || arrived != table.rows {
            return Err(CopyError::Lost(table.name.clone(), table.rows, arrived));
        }
        self.rows += count;
        let (rows, total) = (self.rows, self.total);
        (self.progress)(Copying { table: &table.name, of_table: count, finished: true, rows, total });
        Ok(())
    }
}
