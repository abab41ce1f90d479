//! A PostgreSQL database for one test or one measurement, on the server that `TEST_POSTGRES_URL` names. Used
//! by the integration tests, the store's tests and the benchmarks, which all leave nothing behind.

use sea_orm::{ConnectionTrait as _, Database};

/// A database that nobody else uses. Dropped with this value, even if a test panics or somebody is still
/// connected.
pub(crate) struct Scratch {
    server: String,
    name: String,
}

impl Scratch {
    /// Creates an empty one.
    ///
    /// # Panics
    ///
    /// If `TEST_POSTGRES_URL` isn't set: a test that needs it must be ignored then (`build.rs` decides that),
    /// not pass.
    pub(crate) async fn create() -> Self {
        let server = std::env::var("TEST_POSTGRES_URL").expect(
            "this needs PostgreSQL: TEST_POSTGRES_URL must name a server on which databases can be created",
        );
        let name = format!("tributary_test_{:016x}", rand::random::<u64>());
        run(&server, &format!("CREATE DATABASE {name}")).await.expect("a new database");
        Self { server, name }
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        let (base, _) = self.server.rsplit_once('/').expect("an address with a database");
        format!("{base}/{}", self.name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let server = self.server.clone();
        // A separate runtime, because the test's can't be blocked on here.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(|error| error.to_string())?.block_on(run(&server, &statement))
        });
        let dropped = dropping.join().unwrap_or_else(|_| Err("the thread panicked".to_owned()));
        // A second panic would abort all tests of this run.
        match dropped {
            Err(error) if std::thread::panicking() => {
                eprintln!("{} could not be dropped: {error}", self.name)
            }
            dropped => dropped.unwrap_or_else(|error| panic!("{} could not be dropped: {error}", self.name)),
        }
    }
}

async fn run(server: &str, statement: &str) -> Result<(), String> {
    let run = async {
        let connection = Database::connect(server).await?;
        connection.execute_unprepared(statement).await?;
        connection.close().await
    };
    run.await.map_err(|error: sea_orm::DbErr| error.to_string())
}
