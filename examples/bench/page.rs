//! Writes the results into the pages: only between marks.

use std::fs;
use std::path::Path;

use crate::figure::{Figure, HEAD};
use crate::{Failure, Report, Setup, machine, plot};

pub(crate) const PAGE: &str = "performance.md";

/// Writes the table's lines, the machine and the plots. Lines that weren't measured this time stay as they
/// are.
pub(crate) async fn write(folder: &Path, setup: &Setup, report: &Report) -> Result<(), Failure> {
    let file = folder.join(PAGE);
    let page = fs::read_to_string(&file)?;
    let table = merge(between(&page, "table")?, &report.figures);
    let page = replace(&page, "table", &table)?;
    let mut page = replace(&page, "machine", &machine::describe(setup).await?)?;
    let images = folder.join("images");
    fs::create_dir_all(&images)?;
    if let Some(throughput) = &report.throughput {
        throughput.draw(&images.join("throughput.svg"))?;
        page = show(
            &page,
            "throughput",
            "Deliveries a second by the number of followers, beside the bare loop",
        )?;
    }
    if let Some(lags) = &report.lags {
        plot::lags(lags, &images.join("lag.svg"))?;
        page = show(&page, "lag", "How many mirrors came within how many milliseconds")?;
    }
    if let Some(memory) = &report.memory {
        memory.draw(&images.join("memory.svg"))?;
        page = show(&page, "memory", "Memory over the minutes of traffic")?;
    }
    Ok(fs::write(file, page)?)
}

/// Shows a plot that now exists.
fn show(page: &str, name: &str, words: &str) -> Result<String, Failure> {
    replace(page, name, &format!("![{words}](images/{name}.svg)"))
}

/// Inserts the output of another program into a page: Markdown as it is, anything else as text.
pub(crate) fn insert(file: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let (page, text) = (fs::read_to_string(file)?, text.trim());
    let text = if text.starts_with(['#', '|']) { text.to_owned() } else { format!("```text\n{text}\n```") };
    Ok(fs::write(file, replace(&page, name, &text)?)?)
}

/// The table, with these lines in place of those with the same name; new ones are added at the end.
fn merge(table: &str, figures: &[Figure]) -> String {
    let mut lines: Vec<String> =
        table.lines().filter(|line| line.starts_with('|')).skip(2).map(str::to_owned).collect();
    for figure in figures {
        let begins = format!("| {} |", figure.what);
        match lines.iter_mut().find(|line| line.starts_with(&begins)) {
            Some(line) => *line = figure.line(),
            None => lines.push(figure.line()),
        }
    }
    lines.insert(0, HEAD.to_owned());
    lines.join("\n")
}

fn marks(name: &str) -> (String, String) {
    (format!("<!-- measured: {name} -->"), "<!-- end -->".to_owned())
}

fn place(page: &str, name: &str) -> Result<(usize, usize), Failure> {
    let (begin, end) = marks(name);
    let from = page.find(&begin).ok_or_else(|| format!("the page has no mark for {name}"))? + begin.len();
    let to = from + page[from..].find(&end).ok_or_else(|| format!("the mark for {name} has no end"))?;
    Ok((from, to))
}

fn between<'a>(page: &'a str, name: &str) -> Result<&'a str, Failure> {
    let (from, to) = place(page, name)?;
    Ok(&page[from..to])
}

fn replace(page: &str, name: &str, text: &str) -> Result<String, Failure> {
    let (from, to) = place(page, name)?;
    Ok(format!("{}\n{text}\n{}", &page[..from], &page[to..]))
}
