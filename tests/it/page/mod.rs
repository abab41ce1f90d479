//! The sandbox's page in a real browser: what people see of the bot there, and what they do with it.

mod bot;
mod forms;
mod looks;
mod panels;
mod pictures;

use tributary_sandbox::{Channel, Page, Person, Sandbox};

use crate::harness::Browser;

/// A browser that shows a sandbox.
pub(super) struct Screen {
    pub(super) browser: Browser,
    pub(super) page: Page,
}

impl Screen {
    /// As this person, with these channels side by side; `None` where there is no browser.
    pub(super) async fn open(sandbox: &Sandbox, person: &Person, channels: &[&Channel]) -> Option<Self> {
        let browser = Browser::open(1280, 800).await?;
        let page = sandbox.serve_page(0).await.expect("a free port");
        let screen = Self { browser, page };
        screen.show(person, channels).await;
        Some(screen)
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
