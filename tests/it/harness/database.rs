//! A separate database for each test, removed with it.

use sea_orm::{ConnectionTrait, Database as SeaDatabase};
use tempfile::TempDir;

use crate::scratch::Scratch;

/// The kinds of database that the bot runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    /// On the server that `TEST_POSTGRES_URL` names.
    Postgres,
}

/// An empty database, and a folder for the bot to run in.
pub struct Database {
    folder: TempDir,
    url: String,
    /// On PostgreSQL, drops the database.
    _scratch: Option<Scratch>,
}

impl Database {
    /// Never `None`: if there is no PostgreSQL, a test on it is ignored, and panics if it is run anyway.
    pub async fn create(backend: Backend) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let scratch = match backend {
            Backend::Sqlite => None,
            Backend::Postgres => Some(Scratch::create().await),
        };
        let file = || format!("sqlite://{}?mode=rwc", folder.path().join("tributary.db").display());
        let url = scratch.as_ref().map_or_else(file, Scratch::url);
        Some(Self { folder, url, _scratch: scratch })
    }

    /// The address, for the bot.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder that the bot runs in.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// Every byte of the SQLite database's files.
    pub fn bytes(&self) -> Vec<u8> {
        let files = std::fs::read_dir(self.folder.path()).expect("the folder is there");
        let database =
            files.filter_map(Result::ok).filter(|file| file.file_name().to_string_lossy().contains(".db"));
        database.flat_map(|file| std::fs::read(file.path()).unwrap_or_default()).collect()
    }

    /// Runs a statement, as a careless operator might.
    pub async fn execute(&self, statement: &str) {
        let connection = SeaDatabase::connect(&self.url).await.expect("the database is there");
        connection.execute_unprepared(statement).await.expect("the statement is right");
        connection.close().await.expect("it closes");
    }

    /// Makes a PostgreSQL database unreachable, as if its server were gone: nobody can connect any more.
    pub async fn take_away(&self) {
        let (server, name) = self.url.rsplit_once('/').expect("an address with a database");
        let connection =
            SeaDatabase::connect(format!("{server}/postgres")).await.expect("the server is there");
        for statement in [
            format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"),
        ] {
            connection.execute_unprepared(&statement).await.expect("the statement is right");
        }
        connection.close().await.expect("it closes");
    }

    /// A connection to the server that doesn't use this database.
    pub async fn elsewhere(&self) -> sea_orm::DatabaseConnection {
        let (server, _) = self.url.rsplit_once('/').expect("an address with a database");
        SeaDatabase::connect(format!("{server}/postgres")).await.expect("the server is there")
    }

    /// Lets everybody connect again.
    pub async fn give_back(&self) {
        let (server, name) = self.url.rsplit_once('/').expect("an address with a database");
        let connection =
            SeaDatabase::connect(format!("{server}/postgres")).await.expect("the server is there");
        let statement = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true");
        connection.execute_unprepared(&statement).await.expect("the statement is right");
        connection.close().await.expect("it closes");
    }

    /// Waits until this column of the newest follow has this value.
    pub async fn wait_for(&self, column: &str, value: &str) {
        let query = format!("SELECT CAST({column} AS TEXT) FROM channel_follows ORDER BY id DESC LIMIT 1");
        self.eventually(&query, value).await;
    }

    /// Waits until a query returns this. The database doesn't announce its changes, so it is polled.
    pub async fn eventually(&self, query: &str, value: &str) {
        let started = std::time::Instant::now();
        while self.text(query).await.as_deref() != Some(value) {
            assert!(started.elapsed() < super::SOON, "{query} never answered {value}");
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
    }

    /// The first column of the first row, as text.
    pub async fn text(&self, query: &str) -> Option<String> {
        let connection = SeaDatabase::connect(&self.url).await.expect("the database is there");
        let statement = sea_orm::Statement::from_string(connection.get_database_backend(), query);
        let row = connection.query_one_raw(statement).await.expect("the query is right");
        let text = row.and_then(|row| row.try_get_by_index::<Option<String>>(0).expect("a text"));
        connection.close().await.expect("it closes");
        text
    }
}
