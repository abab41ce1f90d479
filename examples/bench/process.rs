//! What Linux tells of another process: the memory and the time that it used.

use std::fs;
use std::io;
use std::time::Duration;

/// How many ticks a second has in `/proc`; Linux shows 100 to programs, whatever the kernel counts with.
const TICKS: f64 = 100.0;

/// A running process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// The processor time that it used so far, of all its threads.
    pub(crate) fn cpu(self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0))?;
        // The name before may hold anything; behind it, user and system time are the 12th and 13th.
        let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
        Ok(Duration::from_secs_f64(ticks.sum::<f64>() / TICKS))
    }

    /// Its memory now (resident set), in megabytes.
    pub(crate) fn memory(self) -> io::Result<f64> {
        self.status("VmRSS:")
    }

    /// The most that it ever was, in megabytes.
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
