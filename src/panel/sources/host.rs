//! How busy the machine is that the bot runs on.
//!
//! Processes are shown only by name and number: a command line can hold a password.

mod reader;

use std::sync::{Arc, Mutex};

use serde::{Deserialize, Serialize};

use self::reader::HostReader;

use crate::domain::lock::lock;

/// How many processes a sample names, each by CPU and by memory.
pub const PROCESSES: usize = 10;

/// The machine at one time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostSample {
    /// How busy all cores are together, from 0 to 100.
    pub cpu: f64,
    /// How busy each core is, from 0 to 100.
    pub cores: Vec<f64>,
    /// Main memory.
    pub memory: Usage,
    /// Swap space; all zero if there is none.
    pub swap: Usage,
    /// The disks, the one with the root first; each once, however often it is mounted.
    pub disks: Vec<Disk>,
    /// The network interfaces that lead out of the machine, the busiest first.
    pub network: Vec<NetworkInterface>,
    /// The load average: how many processes wanted to run, over 1, 5 and 15 minutes.
    pub load: [f64; 3],
    /// When the machine was started, in seconds since 1970.
    pub booted: i64,
    /// The processes that use the CPU most, without those that don't use it.
    pub by_cpu: Vec<HostProcess>,
    /// The processes that use the most memory.
    pub by_memory: Vec<HostProcess>,
}

impl HostSample {
    /// What all interfaces receive, in bytes a second.
    pub fn received(&self) -> u64 {
        self.network.iter().map(|interface| interface.received).sum()
    }

    /// What all interfaces send, in bytes a second.
    pub fn sent(&self) -> u64 {
        self.network.iter().map(|interface| interface.sent).sum()
    }
}

/// How much of something is used, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// How much is used.
    pub used: u64,
    /// How much there is.
    pub total: u64,
}

impl Usage {
    /// The used part, from 0 to 100.
    pub fn percent(self) -> f64 {
        if self.total == 0 { 0.0 } else { (self.used as f64 / self.total as f64 * 100.0).min(100.0) }
    }
}

/// A disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Where it is mounted.
    pub mount: String,
    /// How full it is; what is set aside for the system counts as used.
    pub usage: Usage,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkInterface {
    /// Its name.
    pub name: String,
    /// Bytes received a second.
    pub received: u64,
    /// Bytes sent a second.
    pub sent: u64,
}

/// A running program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostProcess {
    /// Its name, not its command line.
    pub name: String,
    /// Its number.
    pub pid: u32,
    /// What it uses of the CPU; 100 is one core.
    pub cpu: f64,
    /// What it uses of the memory, in bytes.
    pub memory: u64,
}

/// Why the machine's state can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum HostError {
    /// The operating system doesn't tell.
    #[error("This system doesn't tell how busy it is.")]
    Unsupported,
    /// Reading it failed.
    #[error("Reading this machine's state failed.")]
    Failed,
}

/// Reads the machine's state. Clones share the last reading, which the next one needs.
#[derive(Debug, Clone, Default)]
pub struct Host(Arc<Mutex<HostReader>>);

impl Host {
    /// Reads the machine's state. The first reading takes a quarter of a second. One within a second of
    /// another returns that one.
    pub async fn sample(&self) -> Result<HostSample, HostError> {
        let machine = Arc::clone(&self.0);
        let read = move || lock(&machine).read();
        tokio::task::spawn_blocking(read).await.map_err(|_| HostError::Failed)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn this_machine_tells_how_it_is() {
        let host = Host::default();
        let sample = host.sample().await.unwrap();
        assert!((0.0..=100.0).contains(&sample.cpu) && !sample.cores.is_empty());
        assert!(sample.cores.iter().all(|core| (0.0..=100.0).contains(core)));
        assert!(sample.memory.used > 0 && sample.memory.used < sample.memory.total);
        assert!(sample.booted > 0 && sample.load.iter().all(|load| *load >= 0.0));
        assert!(!sample.by_memory.is_empty() && sample.by_memory.len() <= PROCESSES);
        assert!(sample.by_memory.is_sorted_by(|a, b| a.memory >= b.memory));
        assert!(sample.by_cpu.is_sorted_by(|a, b| a.cpu >= b.cpu));
        let again: HostSample = serde_json::from_str(&serde_json::to_string(&sample).unwrap()).unwrap();
        assert_eq!(again.memory, sample.memory);
    }

    #[tokio::test]
    async fn a_look_right_after_another_is_one_and_the_same() {
        let host = Host::default();
        let (first, second) = (host.sample().await.unwrap(), host.clone().sample().await.unwrap());
        assert_eq!(first, second);
    }

    #[test]
    fn nothing_of_nothing_is_no_part() {
        assert_eq!(Usage::default().percent(), 0.0);
        assert_eq!(Usage { used: 3, total: 4 }.percent(), 75.0);
    }
}
