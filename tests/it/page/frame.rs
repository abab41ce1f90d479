//! The frame around the channels: what stays in place, and where everything can be reached from.

use serde_json::json;
use tributary_sandbox::Post;

use super::Screen;
use crate::harness::{Browser, SOON, Scene};

/// How far a side is scrolled from its end.
async fn from_end(browser: &Browser, side: &str) -> i64 {
    let script = format!(
        "const list = document.querySelector('[data-side={side}] .timeline'); \
         return Math.round(list.scrollHeight - list.scrollTop - list.clientHeight)"
    );
    browser.script(&script).await.as_i64().expect("a number")
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn a_pane_that_is_laid_out_anew_keeps_its_end() {
    let scene = Scene::new().await;
    let long =
        "A line that is broken into more and more lines as there is less and less room for it. ".repeat(4);
    for number in 0..40 {
        let embed = json!({ "title": "A lamp", "description": "It turns, and is bright." });
        let post = Post::text(&format!("{number} {long}")).embeds(vec![embed]);
        scene.alice.post(&scene.releases, post).expect("she may");
        scene.alice.post(&scene.news, format!("{number} {long}")).expect("she may");
    }
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[&scene.releases, &scene.news]).await;
    let browser = &screen.browser;
    screen.shows("left", "39 A line").await;
    screen.shows("right", "39 A line").await;
    let stands = async |when: &str| {
        for side in ["left", "right"] {
            scene
                .world
                .until(&format!("the end on the {side}, {when}"), async || from_end(browser, side).await < 2)
                .await;
        }
    };
    stands("at first").await;
    browser.click("#faults-button").await;
    browser.until("document.querySelector('#faults').checkVisibility()").await;
    stands("with the faults").await;
    let narrowest =
        "Math.min(...[...document.querySelectorAll('.embed')].map((one) => one.clientWidth)) > 150";
    browser.until(narrowest).await;
    // What arrives then is visible.
    scene.alice.post(&scene.news, "the newest of all").expect("she may");
    screen.shows("right", "the newest of all").await;
    stands("with something new").await;
    for width in [900, 1400, 1000, 1280] {
        browser.resize(width, 700).await;
        stands(&format!("{width} px wide")).await;
    }
    // The page doesn't scroll away from somebody who reads further up.
    browser.script("document.querySelector('[data-side=left] .timeline').scrollTop = 300").await;
    browser.until("!document.querySelector('[data-side=left] .timeline').matches('.nothing')").await;
    scene.alice.post(&scene.releases, "another").expect("she may");
    screen.shows("left", "another").await;
    assert!(from_end(browser, "left").await > 500);
    screen.is_sound().await;
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn faults_are_reached_on_a_phone_and_say_what_is_set() {
    let scene = Scene::new().await;
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[&scene.news]).await;
    let browser = &screen.browser;
    browser.resize(390, 780).await;
    browser.click("[data-side=left] .pane-head [aria-label=Channels]").await;
    browser.click("#faults-button").await;
    let top = "document.elementFromPoint(innerWidth / 2, innerHeight / 2)?.closest('#faults')";
    browser.until(&format!("!!{top}")).await;
    browser.until("document.querySelector('#latency').value === '0'").await;
    browser.click("#latency").await;
    browser.keys("{Control+a}120{Enter}").await;
    browser
        .until(
            "document.querySelector('#faults').innerText.includes('Each request takes 120 ms longer now.')",
        )
        .await;
    // The same after a reload.
    screen.show(&scene.alice, &[&scene.news]).await;
    browser.click("[data-side=left] .pane-head [aria-label=Channels]").await;
    browser.click("#faults-button").await;
    browser.until("document.querySelector('#latency').value === '120'").await;
    screen.is_sound().await;
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn a_right_click_opens_the_menu_of_a_message() {
    let scene = Scene::new().await;
    scene.alice.post(&scene.news, "what became of me?").expect("she may");
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[&scene.news]).await;
    let browser = &screen.browser;
    screen.shows("left", "what became of me?").await;
    let point = browser
        .script("const at = document.querySelector('.message .text').getBoundingClientRect(); return [at.left + 5, at.top + 5]")
        .await;
    for kind in ["mousePressed", "mouseReleased"] {
        let event = json!({ "type": kind, "x": point[0], "y": point[1], "button": "right", "clickCount": 1 });
        browser.devtools("Input.dispatchMouseEvent", event).await;
    }
    browser.until("document.querySelector('.menu')?.innerText.includes('Delivery report')").await;
    let beside = "Math.abs(document.querySelector('.menu').getBoundingClientRect().left - arguments0) < 3";
    browser.until(&beside.replace("arguments0", &point[0].to_string())).await;
    browser.keys("del{Enter}").await;
    screen.shows("left", "Delivery report").await;
    screen.is_sound().await;
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn a_command_runs_as_the_documentation_has_it() {
    let scene = Scene::new().await;
    let lobby = scene.harbour.text("lobby");
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[&scene.news]).await;
    let browser = &screen.browser;
    for (example, answer) in [
        ("/panel create kind:server channel:#lobby refresh:10", "posted in"),
        ("/panel create kind:server title:All of us refresh:10", "All of us"),
        ("/follow channel:#releases", "now follows"),
    ] {
        screen.write_in("left").await;
        let paste = format!("document.execCommand('insertText', false, {})", json!(example));
        browser.script(&paste).await;
        browser.keys("{Enter}").await;
        screen.shows("left", answer).await;
    }
    let panel = lobby.wait_for_messages(SOON, |all| !all.is_empty()).await;
    assert!(panel.is_ok());
    screen.is_sound().await;
}
