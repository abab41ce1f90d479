//! This same program as another process, selected by a variable in its environment: what the bot is measured
//! against has its own process, too.

use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::process::Process;
use crate::{Failure, bare, client};

const MARK: &str = "BENCH_PART";

/// Which part this process should play, if it isn't the harness.
pub(crate) fn part() -> Option<String> {
    std::env::var(MARK).ok()
}

/// Plays it.
pub(crate) async fn play(part: &str) -> ExitCode {
    let played = match part {
        bare::PART => bare::play().await,
        client::PART => client::play().await,
        _ => Err("no such part".into()),
    };
    match played {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {part}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A process that plays a part. Killed when dropped.
pub(crate) struct Part {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Part {
    pub(crate) fn start(part: &str) -> Result<Self, Failure> {
        let mut child = Command::new(std::env::current_exe()?)
            .env_clear()
            .env(MARK, part)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = child.stdin.take().ok_or("it was piped")?;
        let answers = BufReader::new(child.stdout.take().ok_or("it was piped")?);
        Ok(Self { child, orders, answers })
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }

    /// Gives it something to do, and waits until that is done. This blocks: nothing else in the harness
    /// itself should run meanwhile, and the sandbox has enough threads.
    pub(crate) fn ask<A: DeserializeOwned>(&mut self, order: &impl Serialize) -> Result<A, Failure> {
        tokio::task::block_in_place(|| {
            writeln!(self.orders, "{}", serde_json::to_string(order)?)?;
            self.orders.flush()?;
            let mut line = String::new();
            self.answers.read_line(&mut line)?;
            Ok(serde_json::from_str(&line)?)
        })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next order, in the process that plays the part; `None` if there are no more.
pub(crate) fn order<O: DeserializeOwned>() -> Result<Option<O>, Failure> {
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line)?;
    if read == 0 { Ok(None) } else { Ok(Some(serde_json::from_str(&line)?)) }
}

/// Reports that it is done.
pub(crate) fn done(answer: &impl Serialize) -> Result<(), Failure> {
    println!("{}", serde_json::to_string(answer)?);
    Ok(())
}
