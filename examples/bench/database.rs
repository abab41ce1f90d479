//! The bot's database for one measurement: a file on a real disk, or a separate database on a PostgreSQL
//! server.

use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, Database as Connector, DatabaseConnection};
use tempfile::TempDir;
use tributary::config::EncryptionKey;
use tributary::store::Cipher;

use crate::{Failure, Setup};

/// The operator's key in all measurements.
pub(crate) const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// The cipher of that key.
pub(crate) fn cipher() -> Result<Cipher, Failure> {
    Ok(Cipher::new(EncryptionKey::from_base64(KEY)?.secret()))
}

/// An empty database, and a folder for the bot to run in.
pub(crate) struct Database {
    folder: TempDir,
    url: String,
    /// The server's address and the database's name, on PostgreSQL.
    server: Option<(String, String)>,
}

impl Database {
    pub(crate) fn sqlite(setup: &Setup) -> Result<Self, Failure> {
        let folder = folder(&setup.folder)?;
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("tributary.db").display());
        Ok(Self { folder, url, server: None })
    }

    pub(crate) async fn postgres(setup: &Setup, server: &str) -> Result<Self, Failure> {
        let name = format!("tributary_bench_{:016x}", rand::random::<u64>());
        let connection = Connector::connect(server).await?;
        connection.execute_unprepared(&format!("CREATE DATABASE {name}")).await?;
        connection.close().await?;
        let (base, _) = server.rsplit_once('/').ok_or("PostgreSQL's address must name a database")?;
        let url = format!("{base}/{name}");
        Ok(Self { folder: folder(&setup.folder)?, url, server: Some((server.to_owned(), name)) })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn is_postgres(&self) -> bool {
        self.server.is_some()
    }

    /// A connection separate from the bot's.
    pub(crate) async fn connect(&self) -> Result<DatabaseConnection, Failure> {
        Ok(Connector::connect(&self.url).await?)
    }

    /// Removes it. On PostgreSQL, it would stay otherwise; the folder is removed automatically.
    pub(crate) async fn remove(self) -> Result<(), Failure> {
        if let Some((server, name)) = &self.server {
            let connection = Connector::connect(server).await?;
            connection.execute_unprepared(&format!("DROP DATABASE {name} WITH (FORCE)")).await?;
            connection.close().await?;
        }
        Ok(())
    }
}

fn folder(parent: &PathBuf) -> Result<TempDir, Failure> {
    std::fs::create_dir_all(parent)?;
    Ok(tempfile::Builder::new().prefix("bench-").tempdir_in(parent)?)
}
