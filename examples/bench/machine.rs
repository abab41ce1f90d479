//! The machine that the measurements were taken on.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use sea_orm::{ConnectionTrait, Database, Statement};

use crate::stats::{Sorted, milliseconds};
use crate::{Failure, Setup};

/// The machine, as lines of a Markdown list.
pub(crate) async fn describe(setup: &Setup) -> Result<String, Failure> {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned());
    let cores = std::thread::available_parallelism()?;
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let memory = memory.split(' ').next().and_then(|kb| kb.parse::<f64>().ok()).unwrap_or_default();
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let disk = fsync(&setup.folder)?;
    let mut lines = vec![
        format!(
            "- {cpu}, {cores} cores, {:.0} GB of memory; Linux {}",
            memory / 1024.0 / 1024.0,
            kernel.trim()
        ),
        format!("- {}", output("rustc", &["--version"])),
        format!("- SQLite {}", version("sqlite::memory:", "SELECT sqlite_version()").await?),
    ];
    if let Some(server) = &setup.postgres {
        let version = version(server, "SHOW server_version").await?;
        let fsync = self::version(server, "SHOW fsync").await?;
        lines.push(format!("- PostgreSQL {version} on the same machine, fsync {fsync}"));
    }
    lines.push(format!(
        "- a write with fsync takes {:.2} ms (median; p95 {:.2} ms) where the databases are",
        disk.median(),
        disk.quantile(0.95)
    ));
    lines.push(format!("- measured on {}", tributary::app::clock().now().format("%Y-%m-%d")));
    Ok(lines.join("\n"))
}

/// The first value of this name in a file of `name : value` lines.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.starts_with(name))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}

async fn version(url: &str, query: &str) -> Result<String, Failure> {
    let connection = Database::connect(url).await?;
    let statement = Statement::from_string(connection.get_database_backend(), query);
    let row = connection.query_one_raw(statement).await?.ok_or("no answer")?;
    let version = row.try_get_by_index(0)?;
    connection.close().await?;
    Ok(version)
}

/// How long it takes to write a page and sync it to disk, in milliseconds.
fn fsync(folder: &Path) -> Result<Sorted, Failure> {
    let mut file = tempfile::tempfile_in(folder)?;
    let mut times = Vec::new();
    for _ in 0..200 {
        let began = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(milliseconds(began.elapsed()));
    }
    Ok(Sorted::new(times))
}
