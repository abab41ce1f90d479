//! Times what is done to a store again and again, and prints a row of a table.

use std::time::{Duration, Instant};

use tributary::store::Store;

use super::common::Town;

/// Measuring stops after this time; a few runs are enough for what is slow.
const ENOUGH: Duration = Duration::from_secs(5);

/// What is measured, and how.
pub(crate) struct Row<'a> {
    pub(crate) what: &'a str,
    /// The most that the 95th percentile should take, in milliseconds.
    pub(crate) expected: Option<f64>,
    pub(crate) times: u64,
    /// Whether it is done so often in any case, because what comes next needs all that it makes.
    pub(crate) whole: bool,
}

/// Prints the beginning of a table, of what was filled since then.
pub(crate) fn head(name: &str, since: Instant) {
    println!("\n{name}: filled in {:.0} s\n", since.elapsed().as_secs_f64());
    println!("| {:46} | p50 ms | p95 ms | max ms | expected |", "what");
    println!("|{:-<48}|--------|--------|--------|----------|", "");
}

/// Measures it, each time with another number, and prints it. Returns the median, in milliseconds.
pub(crate) fn measure<T>(town: &Town, row: &Row<'_>, mut one: impl AsyncFnMut(&Store, u64) -> T) -> f64 {
    let Row { what, expected, times, whole } = *row;
    let mut took: Vec<Duration> = Vec::new();
    town.runtime.block_on(async {
        let begun = Instant::now();
        for number in 0..times {
            let started = Instant::now();
            one(&town.store, number).await;
            took.push(started.elapsed());
            if !whole && begun.elapsed() > ENOUGH {
                break;
            }
        }
    });
    took.sort_unstable();
    let ms = |per_cent: usize| took[(took.len() - 1) * per_cent / 100].as_secs_f64() * 1_000.0;
    let verdict = match expected {
        Some(expected) if ms(95) > expected => format!("{expected} MISSED"),
        Some(expected) => expected.to_string(),
        None => "–".to_owned(),
    };
    println!("| {what:46} | {:6.2} | {:6.2} | {:6.2} | {verdict:8} |", ms(50), ms(95), ms(100));
    ms(50)
}
