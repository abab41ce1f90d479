//! The bot's own process, as an operator runs it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::sync::watch;
use tributary_sandbox::Sandbox;

use super::{Database, SOON};

/// A key for tests.
pub const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A running bot. Killed when dropped, if it hasn't ended by then.
pub struct Bot {
    child: Child,
    log: Arc<Mutex<String>>,
    lines: watch::Receiver<usize>,
}

impl Bot {
    /// The program with only these settings; nothing of this machine's environment leaks in.
    pub fn configured(sandbox: &Sandbox, database: &Database, settings: &[(String, String)]) -> Command {
        let mut command = Self::command(database);
        command
            .env("DISCORD_TOKEN", sandbox.token())
            .env("DISCORD_API_BASE", sandbox.base())
            .env("DATABASE_URL", database.url())
            .env("HTTP_ADDR", "127.0.0.1:0");
        if database.url().starts_with("postgres") {
            command.env("ENCRYPTION_KEY", KEY);
        }
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// The program, in the test's folder and with an empty environment.
    pub fn command(database: &Database) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tributary"));
        command.env_clear().current_dir(database.folder());
        command
    }

    /// Starts it, and reads its log.
    pub fn run(command: Command) -> Self {
        Self::run_and_read(command, |_| true)
    }

    /// Starts it, and reads its log as long as this returns true. After that, nobody reads it, as if a log
    /// collector had died.
    pub fn run_and_read(mut command: Command, go_on: impl Fn(&str) -> bool + Send + 'static) -> Self {
        let mut child =
            command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("the program starts");
        let stderr = child.stderr.take().expect("it was piped");
        let log = Arc::new(Mutex::new(String::new()));
        let (count, lines) = watch::channel(0);
        let written = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = written.lock().expect("no test panics while it holds this");
                log.push_str(&line);
                log.push('\n');
                drop(log);
                count.send_modify(|count| *count += 1);
                if !go_on(&line) {
                    break;
                }
            }
        });
        Self { child, log, lines }
    }

    /// Everything that it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().expect("no test panics while it holds this").clone()
    }

    /// Waits for a line that contains this text, and returns it.
    pub async fn logged(&mut self, text: &str) -> String {
        let waiting = async {
            loop {
                if let Some(line) = self.log().lines().find(|line| line.contains(text)) {
                    return line.to_owned();
                }
                self.lines.changed().await.expect("the bot still runs");
            }
        };
        match tokio::time::timeout(SOON, waiting).await {
            Ok(line) => line,
            Err(_) => panic!("the bot never logged {text:?}; its log:\n{}", self.log()),
        }
    }

    /// The address of its pages.
    pub async fn http(&mut self) -> SocketAddr {
        let line = self.logged("serving /healthz").await;
        let address = line.rsplit_once("address=").expect("the line names the address").1;
        address.trim().parse().expect("an address")
    }

    /// Fetches one of its pages: the status and the text.
    pub async fn page(&mut self, path: &str) -> (u16, String) {
        Self::fetch(self.http().await, path).await
    }

    /// Fetches a page of a bot whose address is known.
    pub async fn fetch(address: SocketAddr, path: &str) -> (u16, String) {
        let request = reqwest::Client::new().get(format!("http://{address}{path}")).timeout(SOON);
        let answer = request.send().await.expect("the page answers");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }

    /// Asks it to stop, as an operator's service manager does. Returns how it ended, and how long that took.
    pub async fn stop(mut self) -> (ExitStatus, Duration) {
        let asked = Instant::now();
        self.signal(Signal::SIGTERM);
        let status = self.ended().await;
        (status, asked.elapsed())
    }

    /// Ends it abruptly, as a power cut would.
    pub async fn kill(mut self) {
        self.signal(Signal::SIGKILL);
        self.ended().await;
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).expect("a process id");
        kill(Pid::from_raw(pid), signal).expect("the bot still runs");
    }

    /// Waits until it has ended.
    pub async fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                // Its last lines may still be on their way.
                let last_words = async { while self.lines.changed().await.is_ok() {} };
                let _ = tokio::time::timeout(SOON, last_words).await;
                return status;
            }
            assert!(started.elapsed() < SOON, "the bot did not end; its log:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        let before = self.child.try_wait();
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let before = match before {
                Ok(None) => "it still ran".to_owned(),
                Ok(Some(status)) => format!("it had ended with {status}"),
                Err(error) => error.to_string(),
            };
            eprintln!("the bot's log ({before}):\n{}", self.log());
        }
    }
}
