//! The end of the program: what asks for it, and the moment at which it comes, even if something hangs.
//!
//! Nothing here needs the program's runtime: signals are received on a thread of their own, and the last
//! moment comes from a plain thread.

use std::io;
use std::process::exit;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// The latest end of the program after it was asked to stop: within the promised five seconds.
const LAST_MOMENT: Duration = Duration::from_millis(4_700);
/// How long writing the last line may take: its reader may hang, too.
const LAST_LINE: Duration = Duration::from_millis(100);

const TOO_LONG: &str = "not everything came to its end within 5 s of being asked to stop, so it was cut off; what was under way is settled at the next start";
const ASKED_AGAIN: &str = "asked again to stop, so nothing was waited for any more; what was under way is settled at the next start";

/// Turns true at SIGTERM or Ctrl-C. From then on the program ends by itself, or is ended. A second signal
/// ends it at once, with exit code 1.
pub fn signals() -> io::Result<watch::Receiver<bool>> {
    let (stop, stopped) = watch::channel(false);
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut asked = StopSignals::listen(&runtime)?;
    let listening = move || {
        runtime.block_on(asked.next());
        thread::spawn(|| end_after(LAST_MOMENT));
        stop.send_replace(true);
        tracing::info!("asked to stop");
        runtime.block_on(asked.next());
        end(ASKED_AGAIN);
    };
    thread::Builder::new().name("signals".to_owned()).spawn(listening)?;
    Ok(stopped)
}

/// The signals that ask the program to stop.
#[cfg(unix)]
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

#[cfg(unix)]
impl StopSignals {
    fn listen(runtime: &Runtime) -> io::Result<Self> {
        let _inside = runtime.enter();
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct StopSignals;

#[cfg(not(unix))]
impl StopSignals {
    fn listen(_: &Runtime) -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        let _ = tokio::signal::ctrl_c().await;
    }
}

fn end_after(time: Duration) -> ! {
    thread::sleep(time);
    end(TOO_LONG)
}

fn end(why: &'static str) -> ! {
    let (said, saying) = mpsc::channel();
    thread::spawn(move || {
        eprintln!("error: {why}");
        let _ = said.send(());
    });
    let _ = saying.recv_timeout(LAST_LINE);
    exit(1)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Tells this test that it should hang.
    const HANG: &str = "TRIBUTARY_TEST_HANG";

    /// Runs this very test once more, in a process of its own.
    #[test]
    fn whatever_hangs_the_end_comes() {
        if std::env::var_os(HANG).is_some() {
            thread::spawn(|| end_after(Duration::from_millis(10)));
            // There is no runtime, and nobody who could be told.
            loop {
                thread::park();
            }
        }
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "app::ending::tests::whatever_hangs_the_end_comes", "--nocapture"]);
        let ended = again.env(HANG, "1").output().unwrap();
        assert_eq!(ended.status.code(), Some(1));
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(said.contains("within 5 s of being asked to stop"), "{said}");
    }
}
