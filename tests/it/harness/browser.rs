//! A real browser: Chromium, driven by its own driver over WebDriver. Tests look at what is on the page and
//! type as people do.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::SOON;

/// Why the driver refuses to click something that can be clicked a moment later. Nothing has been clicked
/// then.
const NOT_YET: [&str; 3] =
    ["element click intercepted", "element not interactable", "stale element reference"];

/// Where Debian installs them; `build.rs` looks there, too.
const DRIVER: &str = "/usr/bin/chromedriver";
const CHROMIUM: &str = "/usr/bin/chromium";

/// A browser with one empty page. Dropping it ends it with all its processes.
pub struct Browser {
    driver: Child,
    client: reqwest::Client,
    session: String,
    _folder: TempDir,
}

impl Browser {
    /// A browser with a viewport of this size. If the machine has none, tests that need it are ignored, and
    /// panic if they are run anyway.
    pub async fn open(width: u32, height: u32) -> Self {
        for program in [DRIVER, CHROMIUM] {
            assert!(Path::new(program).exists(), "this needs a browser: there is no {program}");
        }
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let (driver, port) = start_driver();
        let client = reqwest::Client::builder().timeout(SOON).build().expect("a client");
        let mut browser = Self { driver, client, session: String::new(), _folder: folder };
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--lang=en-GB",
        ];
        let mut arguments: Vec<String> = arguments.map(ToOwned::to_owned).to_vec();
        arguments.push(format!("--user-data-dir={}", browser._folder.path().display()));
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": CHROMIUM, "args": arguments },
            "goog:loggingPrefs": { "browser": "ALL" },
        }}});
        let started = browser.call(&format!("http://127.0.0.1:{port}/session"), Some(wanted)).await;
        let id = started["sessionId"].as_str().expect("a session").to_owned();
        browser.session = format!("http://127.0.0.1:{port}/session/{id}");
        browser.resize(width, height).await;
        browser
    }

    /// Opens an address.
    pub async fn goto(&self, url: &str) {
        self.post("url", json!({ "url": url })).await;
    }

    /// Sets the size of the viewport, however large the window's frame is.
    pub async fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// Sets what the system says it prefers, such as `prefers-color-scheme`: `dark`.
    pub async fn prefer(&self, feature: &str, value: &str) {
        let features = json!({ "features": [{ "name": feature, "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Runs a script, and returns what it returns.
    pub async fn script(&self, script: &str) -> Value {
        self.post("execute/sync", json!({ "script": script, "args": [] })).await
    }

    /// Waits until an expression is true, and returns its value. A page doesn't announce its changes, so it
    /// is polled.
    pub async fn until(&self, expression: &str) -> Value {
        let started = Instant::now();
        loop {
            let value = self.script(&format!("return {expression}")).await;
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return value;
            }
            if started.elapsed() > SOON {
                let shown = self.script("return document.body.innerText").await;
                let at = self.script("return document.activeElement.outerHTML.slice(0, 300)").await;
                panic!(
                    "this never became true: {expression}\nfocus: {at}\nthe page shows:\n{}",
                    shown.as_str().unwrap_or("")
                );
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Clicks the visible element that a selector finds, as with a mouse. Waits for elements that are still
    /// moving into place: the driver refuses such clicks, and clicks nothing.
    pub async fn click(&self, selector: &str) {
        let started = Instant::now();
        loop {
            self.until(&format!("document.querySelector({})?.checkVisibility() === true", json!(selector)))
                .await;
            let found = self.post("element", json!({ "using": "css selector", "value": selector })).await;
            let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
            let click = format!("{}/element/{}/click", self.session, id.expect("an element"));
            let Err(refusal) = self.request(&click, Some(json!({}))).await else { return };
            let passes = NOT_YET.contains(&refusal["error"].as_str().unwrap_or_default());
            assert!(
                passes && started.elapsed() < SOON,
                "{selector} can't be clicked: {}",
                refusal["message"]
            );
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
    }

    /// Presses keys in the focused element: letters, and names of keys in braces such as `{Enter}`,
    /// `{Shift+Tab}` or `{Control+k}`.
    pub async fn keys(&self, keys: &str) {
        let mut actions = Vec::new();
        let mut rest = keys;
        while let Some(first) = rest.chars().next() {
            let (combination, after) = match rest.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                Some((name, after)) => (name.split('+').map(key).collect(), after),
                None => (vec![first.to_string()], &rest[first.len_utf8()..]),
            };
            let down = combination.iter().map(|key| json!({ "type": "keyDown", "value": key }));
            let up = combination.iter().rev().map(|key| json!({ "type": "keyUp", "value": key }));
            actions.extend(down.chain(up));
            rest = after;
        }
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": actions }] });
        self.post("actions", actions).await;
    }

    /// A screenshot, as PNG.
    pub async fn picture(&self) -> Vec<u8> {
        use base64::Engine as _;
        let picture = self.call(&format!("{}/screenshot", self.session), None).await;
        base64::engine::general_purpose::STANDARD
            .decode(picture.as_str().expect("a picture"))
            .expect("base64")
    }

    /// What the browser's console has complained about so far.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.post("se/log", json!({ "type": "browser" })).await;
        let lines = log.as_array().cloned().unwrap_or_default();
        lines.into_iter().filter_map(|line| line["message"].as_str().map(ToOwned::to_owned)).collect()
    }

    /// Sends one of Chromium's own commands.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await
    }

    async fn post(&self, command: &str, body: Value) -> Value {
        self.call(&format!("{}/{command}", self.session), Some(body)).await
    }

    /// One command: a POST with a body, a GET without one.
    async fn call(&self, url: &str, body: Option<Value>) -> Value {
        let answer = self.request(url, body.clone()).await;
        answer.unwrap_or_else(|refusal| panic!("{url} {}: {}", body.unwrap_or_default(), refusal["message"]))
    }

    /// The same; an error is what the driver says when it refuses.
    async fn request(&self, url: &str, body: Option<Value>) -> Result<Value, Value> {
        let request = match &body {
            Some(body) => self.client.post(url).json(body),
            None => self.client.get(url),
        };
        let answer = request.send().await.expect("the driver answers");
        let ok = answer.status().is_success();
        let answer: Value = answer.json().await.expect("JSON");
        let value = answer["value"].clone();
        if ok { Ok(value) } else { Err(value) }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser is a child of the driver, in the same group.
        if let Ok(pid) = i32::try_from(self.driver.id()) {
            let _ = killpg(Pid::from_raw(pid), Signal::SIGKILL);
        }
        let _ = self.driver.wait();
    }
}

/// Starts the driver in its own process group, on a free port. Another process may take the port that was
/// chosen: then the driver ends, and is started again.
fn start_driver() -> (Child, u16) {
    for _ in 0..5 {
        if let Some(started) = try_driver() {
            return started;
        }
    }
    panic!("the driver never named its port");
}

fn try_driver() -> Option<(Child, u16)> {
    let mut command = Command::new(DRIVER);
    command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn().expect("the driver starts");
    let lines = BufReader::new(child.stdout.take().expect("it was piped")).lines().map_while(Result::ok);
    let (said, port) = std::sync::mpsc::channel();
    // Reads to the end, or the driver would some day wait for somebody to read its output.
    std::thread::spawn(move || {
        let port =
            |line: &str| line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok();
        for port in lines.filter_map(|line| port(&line)) {
            let _ = said.send(port);
        }
    });
    // It ends by itself if it can't have the port; if it hangs, it is killed.
    let port = port.recv_timeout(SOON).ok();
    if port.is_none() {
        let _ = child.kill();
        let _ = child.wait();
    }
    Some((child, port?))
}

/// WebDriver's character for a key.
fn key(name: &str) -> String {
    let sign = match name {
        "Enter" => '\u{e007}',
        "Tab" => '\u{e004}',
        "Shift" => '\u{e008}',
        "Control" => '\u{e009}',
        "Alt" => '\u{e00a}',
        "Escape" => '\u{e00c}',
        "Up" => '\u{e013}',
        "Down" => '\u{e015}',
        "Backspace" => '\u{e003}',
        "Delete" => '\u{e017}',
        "Home" => '\u{e011}',
        "End" => '\u{e010}',
        other => return other.to_owned(),
    };
    sign.to_string()
}
