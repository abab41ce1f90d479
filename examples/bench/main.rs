//! Measures the program as it is shipped, next to what limits it, and prints a table of what was expected and
//! what was reached.
//!
//! ```text
//! cargo build --release
//! cargo run --release --example bench
//! cargo run --release --example bench -- flood lag --postgres postgres://… --out docs
//! ```
//! This process is Discord (the sandbox) and the people. The bot is the program next to it, in its own
//! process. So is whatever the bot is measured against: a bare loop of requests, or a bare client of the
//! gateway. They all share one machine.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Parser, ValueEnum};

mod bare;
mod bot;
mod child;
mod client;
mod database;
mod discord;
mod figure;
mod follows;
mod machine;
mod page;
mod plot;
mod process;
mod program;
#[path = "../../demo/src/programs.rs"]
mod programs;
mod rows;
mod stats;

use figure::Figure;
use plot::{Memory, Throughput};
use rows::Row;
use stats::Sorted;

/// Anything that ends a measurement early.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Measures the program next to this one.
#[derive(Debug, Parser)]
struct Arguments {
    /// What to measure; everything if none is given.
    rows: Vec<Row>,
    /// Only check that everything still runs: few repetitions, meaningless figures.
    #[arg(long)]
    quick: bool,
    /// Write the figures into performance.md in this folder, and the plots next to it.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Measure nothing: insert the standard input into a page in --out, at the mark with this name.
    #[arg(long, value_name = "MARK", requires = "out")]
    insert: Option<String>,
    /// That page.
    #[arg(long, value_name = "FILE", default_value = page::PAGE)]
    page: String,
    /// The program to measure, for example another version; by default the one next to this one.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// A PostgreSQL server to measure on, too; databases are created there and removed again.
    #[arg(long, value_name = "URL", env = "TEST_POSTGRES_URL", hide_env_values = true)]
    postgres: Option<String>,
    /// How long traffic lasts in measurements that need time (Discord's limits, memory).
    #[arg(long, default_value_t = 3.0)]
    minutes: f64,
    /// Where databases are created: a folder on the disk to be measured.
    #[arg(long, default_value_os_t = std::env::temp_dir())]
    folder: PathBuf,
}

/// What the measurements need to know.
struct Setup {
    program: PathBuf,
    quick: bool,
    postgres: Option<String>,
    minutes: f64,
    folder: PathBuf,
}

impl Setup {
    /// Whether the program can run as several processes.
    fn has_roles(&self) -> Result<bool, Failure> {
        let settings = Command::new(&self.program).env_clear().arg("settings").output()?;
        Ok(String::from_utf8_lossy(&settings.stdout).contains("ROLE="))
    }
}

/// The results.
#[derive(Default)]
struct Report {
    figures: Vec<Figure>,
    throughput: Option<Throughput>,
    /// Milliseconds above the API's latency.
    lags: Option<Sorted>,
    memory: Option<Memory>,
}

impl Report {
    /// Adds a line to the table, and prints it.
    fn add(&mut self, figure: Figure) {
        println!("{}", figure.line());
        self.figures.push(figure);
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    if let Some(part) = child::part() {
        return child::play(&part).await;
    }
    match measure(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn measure(arguments: Arguments) -> Result<(), Failure> {
    if let (Some(mark), Some(folder)) = (&arguments.insert, &arguments.out) {
        return page::insert(
            &folder.join(&arguments.page),
            mark,
            &std::io::read_to_string(std::io::stdin())?,
        );
    }
    let Arguments { rows, quick, out, program, postgres, minutes, folder, .. } = arguments;
    let program = program.map_or_else(bot::program, |program| Ok(program.canonicalize()?))?;
    let setup = Setup { program, quick, postgres, minutes, folder };
    let rows = if rows.is_empty() { Row::value_variants().to_vec() } else { rows };
    let mut report = Report::default();
    println!("{}", figure::HEAD);
    for row in rows {
        row.measure(&setup, &mut report).await?;
    }
    match out {
        Some(folder) => page::write(&folder, &setup, &report).await,
        None => Ok(()),
    }
}
