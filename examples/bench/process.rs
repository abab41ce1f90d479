//! What Linux reports about another process: the memory and the time that it used.

use std::fs;
use std::io;
use std::time::Duration;

/// Ticks per second in `/proc`; Linux shows programs 100, whatever the kernel uses internally.
const TICKS: f64 = 100.0;

/// A running process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// The CPU time that all its threads have used so far.
    pub(crate) fn cpu(self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // The name before may contain anything; after it, user and system time are the 12th and 13th fields.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
        Ok(Duration::from_secs_f64(ticks.sum::<f64>() / TICKS))
    }

    /// Its memory now (resident set), in megabytes.
    pub(crate) fn memory(self) -> io::Result<f64> {
        self.status("VmRSS:")
    }

    /// The most memory it has ever had, in megabytes.
    pub(crate) fn peak(self) -> io::Result<f64> {
        self.status("VmHWM:")
    }

    fn status(self, name: &str) -> io::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kilobytes
            .map(|kilobytes| kilobytes / 1024.0)
            .ok_or_else(|| io::Error::other(format!("/proc has no {name}")))
    }
}
