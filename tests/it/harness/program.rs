//! The program, run to its end, and what an operator reads from it.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::SOON;

/// A program that ended by itself.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code.
    pub code: Option<i32>,
    /// What it printed.
    pub stdout: String,
    /// What it complained about, and its log.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Ended {
    /// The one line that says why it ended; log lines that report no problem may precede it.
    #[track_caller]
    pub fn complaint(&self) -> &str {
        let failed = self.code.is_some_and(|code| code != 0);
        assert!(failed, "it should have failed, but ended well after {:?}: {self:?}", self.took);
        let (errors, log): (Vec<&str>, Vec<&str>) =
            self.stderr.lines().partition(|line| line.starts_with("error: "));
        assert!(errors.len() == 1 && self.stdout.is_empty(), "one line should say it: {self:?}");
        assert!(log.iter().all(|line| line.contains(" INFO ")), "nothing else should be said: {self:?}");
        errors[0]
    }
}

/// Runs a program that should end by itself.
pub async fn ended(mut command: Command) -> Ended {
    let started = Instant::now();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("the program starts");
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a process id"));
    let output = tokio::task::spawn_blocking(move || child.wait_with_output());
    let output = match tokio::time::timeout(SOON, output).await {
        Ok(output) => output.expect("it is waited for").expect("it can be waited for"),
        Err(_) => {
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
            panic!("the program did not end by itself");
        }
    };
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Ended {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        took: started.elapsed(),
    }
}
