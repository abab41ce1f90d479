//! Reads the machine's state through the `sysinfo` library. Blocks.

use std::time::{Duration, Instant};

use sysinfo::{
    CpuRefreshKind, DiskRefreshKind, Disks, MemoryRefreshKind, Networks, ProcessRefreshKind,
    ProcessesToUpdate, System,
};

use super::{Disk, HostError, HostProcess, HostSample, NetworkInterface, PROCESSES, Usage};

/// CPU use is the difference between two readings. With less time between them, it is mostly chance.
const APART: Duration = Duration::from_secs(1);
/// How long the first reading waits for its second part.
const FIRST: Duration = Duration::from_millis(250);

/// File systems that aren't disks of the machine: program images and memory.
const NOT_DISKS: [&str; 5] = ["squashfs", "iso9660", "tmpfs", "ramfs", "erofs"];
/// The name prefixes of interfaces that lead to the machine itself or to containers in it.
const NOT_OUT: [&str; 9] = ["lo", "veth", "docker", "br-", "virbr", "cni", "cali", "flannel", "ifb"];

/// Reads the machine, and remembers the last reading.
#[derive(Debug, Default)]
pub(super) struct HostReader {
    last: Option<LastReading>,
}

#[derive(Debug)]
struct LastReading {
    system: System,
    networks: Networks,
    at: Instant,
    sample: HostSample,
}

impl HostReader {
    /// A new reading, or the last one if that was just now.
    pub(super) fn read(&mut self) -> Result<HostSample, HostError> {
        let reading = match self.last.take() {
            Some(last) if last.at.elapsed() < APART => last,
            Some(last) => read_again(last.system, last.networks, last.at)?,
            None => read_first()?,
        };
        let sample = reading.sample.clone();
        self.last = Some(reading);
        Ok(sample)
    }
}

fn read_first() -> Result<LastReading, HostError> {
    let mut system = System::new().map_err(|_| HostError::Unsupported)?;
    let networks = Networks::new_with_refreshed_list().map_err(|_| HostError::Unsupported)?;
    refresh(&mut system);
    let at = Instant::now();
    std::thread::sleep(FIRST);
    read_again(system, networks, at)
}

/// Another reading; `before` is the time of the last one.
fn read_again(mut system: System, mut networks: Networks, before: Instant) -> Result<LastReading, HostError> {
    refresh(&mut system);
    networks.refresh(true);
    let at = Instant::now();
    let seconds = at.duration_since(before).as_secs_f64().max(0.001);
    let load = System::load_average().map_err(|_| HostError::Unsupported)?;
    let booted = System::boot_time().map_err(|_| HostError::Unsupported)?;
    let (by_cpu, by_memory) = processes(&system);
    let sample = HostSample {
        cpu: percent(system.global_cpu_usage()),
        cores: system.cpus().iter().map(|core| percent(core.usage())).collect(),
        memory: Usage { used: system.used_memory(), total: system.total_memory() },
        swap: Usage { used: system.used_swap(), total: system.total_swap() },
        disks: disks()?,
        network: interfaces(&networks, seconds),
        load: [load.one, load.five, load.fifteen],
        booted: i64::try_from(booted).unwrap_or_default(),
        by_cpu,
        by_memory,
    };
    Ok(LastReading { system, networks, at, sample })
}

fn refresh(system: &mut System) {
    system.refresh_cpu_specifics(CpuRefreshKind::nothing().with_usage());
    system.refresh_memory_specifics(MemoryRefreshKind::everything());
    let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, wanted);
}

fn percent(value: f32) -> f64 {
    f64::from(value).clamp(0.0, 100.0)
}

fn processes(system: &System) -> (Vec<HostProcess>, Vec<HostProcess>) {
    let process = |of: &sysinfo::Process| HostProcess {
        name: of.name().to_string_lossy().into_owned(),
        pid: of.pid().as_u32(),
        cpu: f64::from(of.cpu_usage()).max(0.0),
        memory: of.memory(),
    };
    let mut all: Vec<HostProcess> = system.processes().values().map(process).collect();
    all.sort_by(|a, b| b.cpu.total_cmp(&a.cpu).then(a.pid.cmp(&b.pid)));
    let by_cpu = all.iter().filter(|process| process.cpu > 0.0).take(PROCESSES).cloned().collect();
    all.sort_by(|a, b| b.memory.cmp(&a.memory).then(a.pid.cmp(&b.pid)));
    all.truncate(PROCESSES);
    (by_cpu, all)
}

fn disks() -> Result<Vec<Disk>, HostError> {
    let wanted = DiskRefreshKind::nothing().with_storage();
    let found = Disks::new_with_refreshed_list_specifics(wanted).map_err(|_| HostError::Unsupported)?;
    let real = |disk: &&sysinfo::Disk| {
        let system = disk.file_system().to_string_lossy();
        disk.total_space() > 0 && !NOT_DISKS.contains(&system.as_ref())
    };
    let disk = |disk: &sysinfo::Disk| Disk {
        mount: disk.mount_point().to_string_lossy().into_owned(),
        usage: Usage {
            used: disk.total_space().saturating_sub(disk.available_space()),
            total: disk.total_space(),
        },
    };
    Ok(each_once(found.iter().filter(real).map(disk).collect()))
}

/// A disk that is mounted at several places is listed by the shortest. Disks of exactly the same size and use
/// are the same disk: in a container, the root and what is passed in from outside are on one disk under
/// different names.
fn each_once(mut disks: Vec<Disk>) -> Vec<Disk> {
    disks.sort_by(|a, b| (a.mount.len(), &a.mount).cmp(&(b.mount.len(), &b.mount)));
    let mut once: Vec<Disk> = Vec::new();
    for disk in disks {
        if once.iter().all(|known| known.usage != disk.usage) {
            once.push(disk);
        }
    }
    once
}

fn interfaces(networks: &Networks, seconds: f64) -> Vec<NetworkInterface> {
    let rate = |bytes: u64| (bytes as f64 / seconds) as u64;
    let mut interfaces: Vec<NetworkInterface> = networks
        .iter()
        .filter(|(name, _)| leads_out(&name.to_string_lossy()))
        .map(|(name, data)| NetworkInterface {
            name: name.to_string_lossy().into_owned(),
            received: rate(data.received()),
            sent: rate(data.transmitted()),
        })
        .collect();
    interfaces
        .sort_by(|a, b| (b.received + b.sent).cmp(&(a.received + a.sent)).then_with(|| a.name.cmp(&b.name)));
    interfaces
}

fn leads_out(name: &str) -> bool {
    !NOT_OUT.iter().any(|beginning| name.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_listed_once_under_its_shortest_name() {
        let disk = |mount: &str, used| Disk { mount: mount.to_owned(), usage: Usage { used, total: 100 } };
        let disks = each_once(vec![disk("/etc/hosts", 5), disk("/", 5), disk("/data", 7)]);
        assert_eq!(disks, [disk("/", 5), disk("/data", 7)]);
    }

    #[test]
    fn only_interfaces_that_lead_out_count() {
        assert!(leads_out("eth0") && leads_out("enp3s0") && leads_out("wlan0"));
        assert!(!leads_out("lo") && !leads_out("veth12ab") && !leads_out("docker0") && !leads_out("br-1f"));
    }
}
