//! The progress of `migrate copy`: a bar on a terminal, otherwise a line for each table.

use std::io::IsTerminal;

use indicatif::{ProgressBar, ProgressStyle};

/// Shows progress on standard error.
#[derive(Debug)]
pub struct CopyProgress(Option<ProgressBar>);

impl CopyProgress {
    /// A bar if standard error is a terminal.
    pub fn on_stderr() -> Self {
        let style = "{bar:40} {percent:>3} %  {human_pos} of {human_len} rows, {per_sec}, {eta} left  {msg}";
        let style = ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = || ProgressBar::new(0).with_style(style);
        Self(std::io::stderr().is_terminal().then(bar))
    }

    /// Shows how many of all rows are copied, and how many of this table's. Once the table is finished, that
    /// is all of them.
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

    /// Removes the bar.
    pub fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
