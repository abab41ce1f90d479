//! People on the page: the menu at somebody's name, and the page on which one authorizes an application.

use serde_json::json;
use tributary_sandbox::{Config, Guild, Permissions, Person, Sandbox};

use super::Screen;
use crate::harness::Browser;

/// A sandbox without a bot, and two of its people.
async fn crew(redirect_uris: Vec<String>) -> (Sandbox, Guild, Person, Person) {
    let sandbox = Sandbox::start(Config { redirect_uris, ..Config::default() }).await.expect("a free port");
    let harbour = sandbox.create_guild("Harbour");
    let alice = harbour.member("Alice", Permissions::MANAGE_CHANNELS);
    let bob = harbour.member("Bob", Permissions::empty());
    (sandbox, harbour, alice, bob)
}

/// Registers commands as a bot would that isn't connected.
async fn register(sandbox: &Sandbox, commands: serde_json::Value) {
    let url = format!("{}/api/v10/applications/{}/commands", sandbox.base(), sandbox.application_id());
    let request = reqwest::Client::new().put(url).header("authorization", format!("Bot {}", sandbox.token()));
    let answer = request.json(&commands).send().await.expect("an answer");
    assert!(answer.status().is_success(), "{}", answer.status());
}

/// The menu's entries as they are read, with commas between them.
const MENU: &str =
    "[...document.querySelectorAll('.menu .group, .menu .option-name')].map((one) => one.textContent).join()";

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn user_commands_are_in_the_menu_at_a_name() {
    let (sandbox, harbour, alice, bob) = crew(Vec::new()).await;
    let news = harbour.text("news");
    let menus = json!([{ "name": "Follow posts", "type": 2 }, { "name": "Report", "type": 3 }]);
    register(&sandbox, menus).await;
    alice.post(&news, format!("Hello, {}!", bob.mention())).expect("she may");
    let screen = Screen::open(&sandbox, &alice, &[&news]).await;
    screen.shows("left", "Hello, @Bob!").await;
    let browser = &screen.browser;
    browser.click(".messages button.author").await;
    browser.until(&format!("{MENU} === 'Alice,Copy user id,Apps,Follow posts'")).await;
    browser.keys("{Escape}").await;
    browser.until("!document.querySelector('.menu')").await;
    browser.click(".messages .mention[data-person]").await;
    browser.until(&format!("{MENU} === 'Bob,Copy user id,Apps,Follow posts'")).await;
    browser.keys("{ArrowDown}").await;
    browser.keys("{Enter}").await;
    let refused =
        "document.querySelector('.local.failed')?.textContent.includes('Follow posts The application')";
    browser.until(refused).await;
    // With the keyboard, from the message's own menu.
    screen.to_last("left").await;
    browser.keys("{Enter}").await;
    browser.until(&format!("{MENU}.includes('Apps,Report,Alice…')")).await;
    browser.keys("Ali").await;
    browser.keys("{Enter}").await;
    browser.until(&format!("{MENU} === 'Alice,Copy user id,Apps,Follow posts'")).await;
    assert_eq!(browser.complaints().await, Vec::<String>::new());
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn a_browser_comes_back_with_what_was_chosen() {
    let (sandbox, _, alice, bob) = crew(Vec::new()).await;
    // Any page will do as the application's.
    let back = format!("{}index.html", sandbox.serve_page(0).await.expect("a free port").url());
    sandbox.register_redirect_uri(&back);
    let browser = Browser::open(480, 800).await;
    let link = |state: &str| {
        let id = sandbox.application_id();
        let parameters = [("redirect_uri", back.as_str()), ("state", state), ("prompt", "none")];
        let base =
            format!("{}/oauth2/authorize?response_type=code&scope=identify&client_id={id}", sandbox.base());
        reqwest::Url::parse_with_params(&base, parameters).expect("a link")
    };
    let returned = |state: &str| {
        format!("location.search.includes('code=') && location.search.includes('state={state}&iss=')")
    };
    browser.goto(link("first").as_str()).await;
    browser.until("document.title.includes('wants to access your account')").await;
    browser.click(&format!("input[value='{}']", bob.id())).await;
    browser.click("button[value=authorize]").await;
    browser.until(&returned("first")).await;
    browser.goto(link("again").as_str()).await;
    browser.until(&returned("again")).await;

    browser.goto(&format!("{}/oauth2/sign-out", sandbox.base())).await;
    browser.until("document.title === 'Signed out'").await;
    browser.goto(link("other").as_str()).await;
    browser.click(&format!("input[value='{}']", alice.id())).await;
    browser.keys("{Enter}").await;
    browser.until(&returned("other")).await;
    sandbox.revoke(&alice);
    browser.goto(link("none").as_str()).await;
    browser.until(&format!("document.querySelector(\":checked\")?.value === '{}'", alice.id())).await;
    browser.click("button[value=cancel]").await;
    browser.until("location.search.includes('error=access_denied')").await;
    browser.goto(&format!("{}/oauth2/authorize?client_id=1", sandbox.base())).await;
    browser.until("document.body.textContent.includes('Unknown application')").await;
    let mut complaints = browser.complaints().await;
    complaints.retain(|complaint| !complaint.contains("400 (Bad Request)"));
    assert_eq!(complaints, Vec::<String>::new());
}
