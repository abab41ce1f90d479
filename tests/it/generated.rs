//! Files in the repository that the program itself generates: they must match what it prints now.

use std::path::Path;

use crate::harness::{Backend, Bot, Database};

#[tokio::test]
async fn commands_md_is_up_to_date() {
    assert_fresh("commands.md", "commands").await;
}

#[tokio::test]
async fn env_example_is_up_to_date() {
    assert_fresh(".env.example", "settings").await;
}

async fn assert_fresh(file: &str, subcommand: &str) {
    let folder = Database::create(Backend::Sqlite).await.expect("SQLite is always there");
    let printed = Bot::command(&folder).arg(subcommand).output().expect("the program runs");
    assert!(printed.status.success(), "{}", String::from_utf8_lossy(&printed.stderr));
    let committed = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_default();
    assert!(
        printed.stdout == committed,
        "{file} is stale. Refresh it with:\n\n    cargo run -- {subcommand} > {file}\n"
    );
}
