//! The README's pictures of the page, taken from the demo: `cargo test --test it page::pictures -- --ignored`
//! writes them again.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::harness::Browser;

/// What the demo posts last. Because of Discord's limits, its mirror appears some seconds after the ones
/// before it.
const LAST: &str = "Farther than ever.";
/// Scrolls both panes to their newest message.
const TO_THE_END: &str = "document.querySelectorAll('.pane-body .timeline').forEach((one) => { one.scrollTop = one.scrollHeight })";

/// Whether the right pane shows this text.
fn shows(text: &str) -> String {
    format!("document.querySelector('[data-side=right] .timeline')?.textContent.includes('{text}')")
}

/// The demo, with its page.
struct Demo {
    child: Child,
    url: String,
}

impl Demo {
    fn start() -> Self {
        let mut command = Command::new(env!("CARGO"));
        command.args(["run", "--quiet", "--example", "demo", "--", "--keep"]);
        // The variables that cargo sets for tests would make it rebuild much of the demo.
        let told = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("CARGO_"));
        for name in told.filter(|name| !["CARGO_HOME", "CARGO_TARGET_DIR"].contains(&name.as_str())) {
            command.env_remove(name);
        }
        command.current_dir(env!("CARGO_MANIFEST_DIR")).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().expect("cargo starts");
        let mut lines =
            BufReader::new(child.stdout.take().expect("it was piped")).lines().map_while(Result::ok);
        let url = lines.find(|line| line.contains("/#as=")).expect("the demo says where its page is");
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url: url.trim().to_owned() }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // The demo is a child of cargo, in the same group; it removes its folder when it is interrupted.
        if let Ok(pid) = i32::try_from(self.child.id()) {
            let _ = killpg(Pid::from_raw(pid), Signal::SIGINT);
        }
        let _ = self.child.wait();
    }
}

/// Takes a picture for the README. Some readers have slow connections, so it must be small.
async fn take(browser: &Browser, name: &str) {
    // A new message is highlighted for a moment.
    browser.until("document.getAnimations().every((one) => one.playState === 'finished' || one.effect.getTiming().iterations === Infinity)").await;
    browser.until("[...document.images].every((image) => image.complete)").await;
    let picture = browser.picture().await;
    assert!(picture.len() < 300_000, "{name} has {} bytes", picture.len());
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images").join(name);
    std::fs::write(path, picture).expect("it can be written");
}

#[tokio::test]
#[ignore = "writes into docs/images"]
async fn the_readmes_pictures() {
    let browser = Browser::open(1280, 800).await;
    let demo = Demo::start();
    browser.prefer("prefers-color-scheme", "light").await;
    browser.goto(&demo.url).await;
    browser.until(&shows(LAST)).await;
    browser
        .script("document.querySelectorAll('.ephemeral .text-button').forEach((button) => button.click())")
        .await;
    browser.script(TO_THE_END).await;
    take(&browser, "page.png").await;

    // A command being filled in, in the dark.
    browser.prefer("prefers-color-scheme", "dark").await;
    browser.click("[data-side=right] .composer textarea").await;
    browser.keys("/follow channel:").await;
    browser
        .until("document.querySelector('.option-field') && document.querySelector('.picker [role=option]')")
        .await;
    take(&browser, "page-command.png").await;
    browser.keys("{Escape}{Escape}").await;

    // A phone.
    browser.resize(390, 780).await;
    browser.click("#tabs button:last-child").await;
    browser.script("document.activeElement.blur()").await;
    browser.script(TO_THE_END).await;
    take(&browser, "page-phone.png").await;
}
