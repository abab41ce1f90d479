//! The sandbox's page in a real browser: what people see of the bot there, and what they do with it.

mod bot;
mod forms;
mod frame;
mod looks;
mod panels;
mod people;
mod pictures;

use tributary_sandbox::{Channel, Page, Person, Sandbox};

use crate::harness::Browser;

/// A browser that shows a sandbox.
pub(super) struct Screen {
    pub(super) browser: Browser,
    pub(super) page: Page,
}

impl Screen {
    /// As this person, with these channels side by side.
    pub(super) async fn open(sandbox: &Sandbox, person: &Person, channels: &[&Channel]) -> Self {
        let browser = Browser::open(1280, 800).await;
        let page = sandbox.serve_page(0).await.expect("a free port");
        let screen = Self { browser, page };
        screen.show(person, channels).await;
        screen
    }

    /// Shows other channels, or as somebody else.
    pub(super) async fn show(&self, person: &Person, channels: &[&Channel]) {
        // Only the part behind `#` may differ, which alone wouldn't load the page anew.
        self.browser.goto("about:blank").await;
        self.browser.goto(&self.page.url_as(person, channels)).await;
        let textareas =
            format!("document.querySelectorAll('.composer textarea').length === {}", channels.len());
        self.browser.until(&textareas).await;
    }

    /// Puts the cursor into the message box of a side.
    pub(super) async fn write_in(&self, side: &str) {
        self.browser.click(&format!("[data-side={side}] .composer textarea")).await;
    }

    /// Runs a command without options from the message box of a side.
    pub(super) async fn run(&self, side: &str, command: &str) {
        self.write_in(side).await;
        self.browser.keys(&format!("{command} ")).await;
        self.browser.until("document.activeElement.matches('.adder')").await;
        self.browser.keys("{Enter}").await;
    }

    /// Goes to the last message of a side, as arrow keys do.
    pub(super) async fn to_last(&self, side: &str) {
        let focus = format!("document.querySelector('[data-side={side}] .message:last-child').focus()");
        self.browser.script(&focus).await;
    }

    /// Goes to a channel by its name, with Ctrl+K.
    pub(super) async fn switch_to(&self, name: &str) {
        self.browser.keys("{Control+k}").await;
        self.browser.until("document.querySelector('.switcher [role=option]')").await;
        self.browser.keys(name).await;
        let first = format!("document.querySelector('.switcher [role=option]')?.dataset.name === '{name}'");
        self.browser.until(&first).await;
    }

    /// Waits until the picker's first offer is this.
    pub(super) async fn is_offered(&self, name: &str) {
        let first = format!("document.querySelector('.picker [role=option]')?.dataset.name === '{name}'");
        self.browser.until(&first).await;
    }

    /// Waits until a side shows this text in a message.
    pub(super) async fn shows(&self, side: &str, text: &str) {
        self.browser.until(&messages_with(side, text, "length > 0")).await;
    }

    /// Waits until a side shows this text in no message.
    pub(super) async fn no_longer_shows(&self, side: &str, text: &str) {
        self.browser.until(&messages_with(side, text, "length === 0")).await;
    }

    /// Nothing went wrong that the browser noticed.
    pub(super) async fn is_sound(&self) {
        let complaints = self.browser.complaints().await;
        assert!(complaints.is_empty(), "{complaints:#?}");
    }
}

fn messages_with(side: &str, text: &str, check: &str) -> String {
    let text = serde_json::json!(text);
    format!(
        "[...document.querySelectorAll('[data-side={side}] .message')].filter((one) => one.innerText.includes({text})).{check}"
    )
}
