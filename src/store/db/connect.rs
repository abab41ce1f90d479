//! Opening the database, and writing to it.

use std::ops::Deref;
use std::panic::Location;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sea_orm::sqlx::postgres::PgConnectOptions;
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sea_orm::sqlx::{
    self, ConnectOptions as _, Connection as _, Executor as _, PgConnection, SqliteConnection,
};
use sea_orm::{
    ConnectOptions, Database, DatabaseConnection, DatabaseTransaction, DbErr, RuntimeErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::file;
use super::notices::NoticeSender;
use crate::store::{Cipher, Store, StoreError};

/// How long a query waits for a free connection, and how long SQLite waits for another program's lock (a
/// backup, an operator's shell).
const PATIENCE: Duration = Duration::from_secs(10);

/// Settings of every connection to PostgreSQL, so that nothing waits long for a machine that vanished. An
/// idle transaction ends after ten seconds, and its locks with it. A connection without an answer ends after
/// half a minute. Nobody waits longer than that for a lock. They are set by statements rather than at
/// connection start, because a pooler refuses startup parameters that it doesn't know.
pub(in crate::store) const SETTINGS: &str = "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '15s'; \
    SET tcp_user_timeout = 25000; SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";
/// Lifts these limits for a transaction that may take its time: one that changes the schema, or copies
/// everything.
pub(in crate::store) const PATIENT: &str =
    "SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL lock_timeout = 0";

/// How many rows SQLite's thread reads ahead of whoever takes them.
const ROWS_AT_ONCE: usize = 512;

/// The application name of a process on PostgreSQL. `presence` finds running processes by these names.
pub(super) const APPLICATION: &str = "tributary";
/// The application name of a subcommand. It ends by itself and needs no place among the processes.
pub(super) const COMMAND: &str = "tributary command";

impl Store {
    /// Opens the database at this address, for a process that runs. Its tables may not exist yet: see
    /// [`migrate_up`](Self::migrate_up).
    ///
    /// # Errors
    /// [`StoreError::Address`] if it belongs to neither SQLite nor PostgreSQL; [`StoreError::Away`] if there
    /// is no answer; [`StoreError::Unusable`] if waiting won't help. None of them repeats the address.
    pub async fn connect(address: &SecretString, cipher: Cipher) -> Result<Self, StoreError> {
        Self::connect_as(APPLICATION, address, cipher).await.map_err(StoreError::explained)
    }

    /// The same for a subcommand.
    pub async fn connect_for_command(address: &SecretString, cipher: Cipher) -> Result<Self, StoreError> {
        Self::connect_as(COMMAND, address, cipher).await.map_err(StoreError::explained)
    }

    async fn connect_as(name: &str, address: &SecretString, cipher: Cipher) -> Result<Self, StoreError> {
        let address = address.expose_secret();
        let sender = NoticeSender::new();
        if address.starts_with("sqlite:") {
            let writer_queue = Some(Arc::default());
            Ok(Self { db: sqlite(address).await?, cipher, writer_queue, postgres: None, sender })
        } else if address.starts_with("postgres://") || address.starts_with("postgresql://") {
            let options = postgres_options(address, name)?;
            let postgres = Some(Arc::new(options.clone()));
            Ok(Self { db: self::postgres(options).await?, cipher, writer_queue: None, postgres, sender })
        } else {
            Err(StoreError::Address)
        }
    }

    /// The same database, opened with this key from now on.
    pub fn with_cipher(self, cipher: Cipher) -> Self {
        Self { cipher, ..self }
    }

    /// How many write transactions are worth running at the same time.
    pub(crate) const fn writers(&self) -> usize {
        if self.writer_queue.is_some() { 1 } else { 2 }
    }

    /// Begins to write. SQLite has one writer at a time, so writers queue up here, in order and without
    /// polling. `BEGIN IMMEDIATE` then keeps a transaction that has already read from failing at its first
    /// write.
    #[track_caller]
    pub(in crate::store) fn write(&self) -> impl Future<Output = Result<Write, StoreError>> + Send {
        self.write_at(Location::caller())
    }

    async fn write_at(&self, place: &'static Location<'static>) -> Result<Write, StoreError> {
        let writer_queue = match &self.writer_queue {
            Some(writer_queue) => Some(Arc::clone(writer_queue).lock_owned().await),
            None => None,
        };
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let txn = self.db.begin_with_options(options).await?;
        Ok(Write { txn, place, began: Instant::now(), _turn: writer_queue })
    }
}

/// A transaction that writes; rolled back when dropped.
pub(in crate::store) struct Write {
    // Ends before the turn does: fields are dropped in this order.
    txn: DatabaseTransaction,
    /// Where in the code it began.
    place: &'static Location<'static>,
    began: Instant,
    _turn: Option<OwnedMutexGuard<()>>,
}

impl Write {
    pub(in crate::store) async fn commit(self) -> Result<(), StoreError> {
        self.txn.commit().await?;
        let Self { place, began, .. } = self;
        // Every transaction of a use case is logged within its span.
        tracing::debug!(at = %format_args!("{}:{}", place.file(), place.line()), took = ?began.elapsed(), "committed");
        Ok(())
    }
}

impl Deref for Write {
    type Target = DatabaseTransaction;

    fn deref(&self) -> &DatabaseTransaction {
        &self.txn
    }
}

/// WAL, so that reading and writing don't wait for each other. `synchronous = FULL`: a commit has reached the
/// disk. NORMAL would survive the death of the process just as well, but a power cut could take back minutes,
/// and with them the record of what was sent: all of it would be sent a second time.
async fn sqlite(address: &str) -> Result<DatabaseConnection, StoreError> {
    let options = SqliteConnectOptions::from_str(address)
        .map_err(|_| StoreError::Address)?
        .foreign_keys(true)
        .busy_timeout(PATIENCE)
        // Hands over all rows of a batch of lanes at once. With the default of 50, two threads take turns
        // over them.
        .row_buffer_size(ROWS_AT_ONCE)
        .disable_statement_logging();
    if address.contains("mode=rwc") {
        file::make(options.get_filename())?;
    }
    file::refuse_foreign(&options).await?;
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    // The first connection switches the file to WAL mode before the pool opens others. If two connections do
    // so at once, SQLite doesn't wait, but reports that the database is locked.
    let first = SqliteConnection::connect_with(&options).await.map_err(no_connection)?;
    // One writer, a few readers. A database in memory is lost with its last connection, so none is ever
    // closed.
    let mut pool = quiet("sqlite::memory:");
    pool.max_connections(4)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false);
    pool.map_sqlx_sqlite_opts(move |_| options.clone());
    let database = Database::connect(pool).await.map_err(StoreError::Connect)?;
    // Failing to close it is harmless: the database is open.
    let _ = first.close().await;
    Ok(database)
}

/// A connection error of sqlx, as SeaORM wraps it.
pub(super) fn no_connection(error: sqlx::Error) -> StoreError {
    StoreError::Connect(DbErr::Conn(RuntimeErr::SqlxError(error.into())))
}

fn postgres_options(address: &str, name: &str) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(address).map_err(|_| StoreError::Address)?;
    Ok(options.application_name(name).disable_statement_logging())
}

async fn postgres(options: PgConnectOptions) -> Result<DatabaseConnection, StoreError> {
    reach(&options).await?;
    let mut pool = quiet("postgres://localhost");
    pool.max_connections(10).min_connections(1);
    pool.map_sqlx_postgres_opts(move |_| options.clone());
    pool.map_sqlx_postgres_pool_opts(|pool| {
        pool.after_connect(|connection, _| {
            Box::pin(async move { connection.execute(SETTINGS).await.map(drop) })
        })
    });
    Database::connect(pool).await.map_err(StoreError::Connect)
}

/// Connects once, outside the pool. The pool would retry a refused connection until its timeout, and then not
/// say why.
async fn reach(options: &PgConnectOptions) -> Result<(), StoreError> {
    let connected = tokio::time::timeout(PATIENCE, PgConnection::connect_with(options)).await;
    let error = match connected {
        Ok(Ok(connection)) => {
            // It only shows that a connection can be made.
            let _ = connection.close().await;
            return Ok(());
        }
        Ok(Err(error)) => RuntimeErr::SqlxError(error.into()),
        Err(_) => RuntimeErr::Internal(format!("no answer for {} s", PATIENCE.as_secs())),
    };
    Err(StoreError::Connect(DbErr::Conn(error)))
}

/// A pool that logs no statements. It is opened with a bare address, because SeaORM puts the address into
/// traces and errors. The real one, with its password, is swapped in behind SeaORM's back.
fn quiet(bare: &str) -> ConnectOptions {
    let mut pool = ConnectOptions::new(bare);
    pool.sqlx_logging(false).record_stmt_in_spans(false).acquire_timeout(PATIENCE);
    pool
}

/// Where PostgreSQL is. Holds a password, and is never printed.
pub(in crate::store) type Postgres = Arc<PgConnectOptions>;

/// What writers of SQLite queue up for.
pub(in crate::store) type WriterQueue = Arc<Mutex<()>>;
