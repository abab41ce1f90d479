//! Databases for benchmarks: where they are, and how they are filled and removed.

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ConnectionTrait, Database, DatabaseConnection, Statement};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tributary::config::EncryptionKey;
use tributary::store::{Cipher, Store};

use self::scratch::Scratch;

#[path = "../../tests/scratch/mod.rs"]
mod scratch;

/// A time for the rows that [`fill`](Town::fill) makes.
pub(crate) const TIME: &str = "'2024-10-04 00:00:00+00:00'";

/// A database with all tables, on disk or on the server that `TEST_POSTGRES_URL` names, and the bot's store
/// on it. Dropping this removes it.
pub(crate) struct Town {
    pub(crate) runtime: Runtime,
    pub(crate) store: Store,
    filler: DatabaseConnection,
    _folder: TempDir,
    /// On PostgreSQL, drops the database.
    scratch: Option<Scratch>,
}

impl Town {
    pub(crate) fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("bench.db").display());
        Self::open(&url, folder, None)
    }

    /// `None`, with a note on the output, if there is no PostgreSQL.
    pub(crate) fn on_postgres() -> Option<Self> {
        if std::env::var_os("TEST_POSTGRES_URL").is_none() {
            println!("skipped: TEST_POSTGRES_URL is not set");
            return None;
        }
        let scratch = Runtime::new().expect("a runtime").block_on(Scratch::create());
        let folder = tempfile::tempdir().expect("a folder");
        Some(Self::open(&scratch.url(), folder, Some(scratch)))
    }

    fn open(url: &str, folder: TempDir, scratch: Option<Scratch>) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let (store, filler) = runtime.block_on(async {
            let cipher = Cipher::new(EncryptionKey::random().secret());
            let store = Store::connect(&url.to_owned().into(), cipher).await.expect("a database");
            store.migrate_up().await.expect("tables");
            (store, Database::connect(url).await.expect("a database"))
        });
        Self { runtime, store, filler, _folder: folder, scratch }
    }

    /// Whether it is on PostgreSQL.
    pub(crate) const fn is_postgres(&self) -> bool {
        self.scratch.is_some()
    }

    /// Runs statements that fill tables, each in its own transaction. Then PostgreSQL analyses the tables;
    /// SQLite doesn't, because the bot never asks it to.
    pub(crate) fn fill<S: AsRef<str>>(&self, statements: impl IntoIterator<Item = S>) {
        self.runtime.block_on(async {
            for statement in statements {
                let statement = statement.as_ref();
                let done = self.filler.execute_unprepared(statement).await;
                done.unwrap_or_else(|error| panic!("{error}: {statement}"));
            }
            if self.is_postgres() {
                self.filler.execute_unprepared("VACUUM ANALYZE").await.expect("it is done");
            }
        });
    }

    /// How much space all its tables and indexes take, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        let query = if self.is_postgres() {
            "SELECT pg_database_size(current_database())"
        } else {
            "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
        };
        let statement = Statement::from_string(self.filler.get_database_backend(), query);
        let row = self.runtime.block_on(self.filler.query_one_raw(statement)).expect("the database answers");
        let bytes: i64 = row.expect("a number").try_get_by_index(0).expect("a number");
        bytes.unsigned_abs()
    }

    /// A message's digest, as SQL.
    pub(crate) const fn digest(&self) -> &'static str {
        if self.is_postgres() { "decode(repeat('00', 16), 'hex')" } else { "zeroblob(16)" }
    }

    /// A webhook's token, as SQL; nobody decrypts it.
    pub(crate) const fn token(&self) -> &'static str {
        if self.is_postgres() { "'\\x00'::bytea" } else { "x'00'" }
    }
}

impl Drop for Town {
    fn drop(&mut self) {
        self.runtime.block_on(async {
            let _ = self.store.close().await;
            let _ = self.filler.clone().close().await;
        });
    }
}

/// The beginning of a statement that provides the numbers from 1 to this one as `n(i)`.
pub(crate) fn numbers(last: u64) -> String {
    format!(
        "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < {last})"
    )
}

/// A Discord id.
pub(crate) fn id<T, E: std::fmt::Debug>(new: impl Fn(u64) -> Result<T, E>, number: u64) -> T {
    new(number).expect("a snowflake")
}

/// The time at which everything happens.
pub(crate) fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}
