//! Workers that share a PostgreSQL with a gateway, and what happens to them.

use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::Rng;
use rand::rngs::StdRng;
use tributary_sandbox::{Effect, Fault, Sandbox};

use crate::bot::{self, Setup};

/// What went wrong with the soak test itself.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The workers. Dropping this kills them.
pub(crate) struct Crew {
    folder: PathBuf,
    postgres: Option<String>,
    workers: Vec<Child>,
}

impl Crew {
    /// Starts this many.
    pub(crate) fn start(sandbox: &Sandbox, setup: &Setup<'_>, workers: usize) -> Result<Self, Failure> {
        let (folder, postgres) = (setup.folder.to_owned(), setup.postgres.map(ToOwned::to_owned));
        let mut crew = Self { folder, postgres, workers: Vec::new() };
        for _ in 0..workers {
            let worker = crew.worker(sandbox)?;
            crew.workers.push(worker);
        }
        Ok(crew)
    }

    fn worker(&self, sandbox: &Sandbox) -> Result<Child, Failure> {
        let setup = Setup { folder: &self.folder, postgres: self.postgres.as_deref(), role: "worker" };
        Ok(bot::start(sandbox, &setup)?)
    }

    /// Kills one of them, or stops it, for a moment or for longer than any lease, and continues it.
    pub(crate) async fn trouble(&mut self, sandbox: &Sandbox, random: &mut StdRng) -> Result<(), Failure> {
        tokio::time::sleep(Duration::from_millis(random.random_range(0..4_000))).await;
        if random.random_bool(0.2) {
            sandbox.fault(Fault::on("POST", "/webhooks/*/*", Effect::DropAnswer));
        }
        let which = random.random_range(0..self.workers.len());
        match random.random_range(0..10) {
            0..5 => {
                self.workers[which].kill()?;
                self.workers[which].wait()?;
                self.workers[which] = self.worker(sandbox)?;
            }
            5..9 => self.halt(which, Duration::from_millis(random.random_range(0..3_000))).await?,
            _ => self.halt(which, Duration::from_secs(random.random_range(36..60))).await?,
        }
        Ok(())
    }

    async fn halt(&self, which: usize, time: Duration) -> Result<(), Failure> {
        signal(&self.workers[which], Signal::SIGSTOP)?;
        tokio::time::sleep(time).await;
        signal(&self.workers[which], Signal::SIGCONT)
    }

    /// Continues all that are stopped.
    pub(crate) fn wake(&self) -> Result<(), Failure> {
        self.workers.iter().try_for_each(|worker| signal(worker, Signal::SIGCONT))
    }
}

fn signal(worker: &Child, signal: Signal) -> Result<(), Failure> {
    Ok(kill(Pid::from_raw(i32::try_from(worker.id())?), signal)?)
}

impl Drop for Crew {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let _ = worker.kill();
            let _ = worker.wait();
        }
    }
}
