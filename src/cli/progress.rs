//! How far `migrate copy` is: a bar on a terminal, elsewhere a line for each table.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// Shows it on standard error.
#[derive(Debug)]
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// A bar where standard error is a terminal.
    pub fn on_stderr() -> Self {
        let style = "{bar:40} {percent:>3} %  {human_pos} of {human_len} rows, {per_sec}, {eta} left  {msg}";
        let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = || ProgressBar::new(0).with_style(style);
        Self(std::io::stderr().is_terminal().then(bar))
    }

    /// So many of all rows are copied, and in this table so many; these are all that it has, if it is finished.
    pub fn show(&self, (rows, total): (u64, u64), table: &str, of_table: u64, finished: bool) {
        match &self.0 {
            Some(bar) => {
                bar.set_length(total);
                bar.set_position(rows);
                bar.set_message(table.to_owned());
            }
            None if finished => eprintln!("{table}: {of_table} rows"),
            None => {}
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
