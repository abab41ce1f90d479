//! How the page looks and works: by keyboard, on a phone, light and dark, and with a name for every control.

use serde_json::{Value, json};
use tributary_sandbox::{Permissions, Post};

use super::Screen;
use crate::harness::Scene;

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn everything_is_reached_by_keyboard() {
    let scene = Scene::new().await;
    let ideas = scene.harbour.forum("ideas");
    ideas.set_tags(&["Feature"]).expect("a forum");
    for n in 0..3 {
        scene.alice.post(&scene.news, format!("message {n}")).expect("she may");
    }
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[&scene.news]).await;
    let browser = &screen.browser;
    screen.shows("left", "message 2").await;

    // To another channel, by its name.
    screen.switch_to("releases").await;
    browser.keys("{Enter}").await;
    browser.until("document.querySelector('[data-side=left] h2').innerText === 'releases'").await;
    screen.switch_to("news").await;
    browser.keys("{Control+Enter}").await;
    browser.until("document.querySelector('[data-side=right] h2')?.innerText === 'news'").await;

    // From the message box back to the messages, and from one to another.
    browser.until("document.activeElement.closest('[data-side=right]')").await;
    browser.keys("{Shift+Tab}{Shift+Tab}").await;
    browser.until("document.activeElement.matches('.message')").await;
    browser.keys("{Up}").await;
    browser.until("document.activeElement.innerText.includes('message 1')").await;
    browser.keys("e").await;
    browser.until("document.activeElement.value === 'message 1'").await;
    browser.keys("{Escape}").await;
    browser.until("document.activeElement.value === ''").await;

    // A post in a forum.
    screen.switch_to("ideas").await;
    browser.keys("{Enter}").await;
    browser.until("document.querySelector('.forum')").await;
    browser.script("document.querySelector('.forum .tag').focus()").await;
    browser.keys("{Tab}{Enter}").await;
    browser.until("document.activeElement.id === 'post-title'").await;
    browser.keys("A lamp{Tab}{Enter}{Tab}On the pier{Tab}{Tab}{Tab}{Enter}").await;
    browser.until("document.querySelector('[data-side=left] h2').innerText === 'A lamp'").await;
    screen.shows("left", "On the pier").await;

    // The new post has the focus, visibly.
    browser.until("document.activeElement.closest('[data-side=left] .composer')").await;
    browser.until("getComputedStyle(document.querySelector('.composer-box')).boxShadow !== 'none'").await;
    screen.is_sound().await;
}

/// What a screen reader says: every control has a name.
#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn every_control_has_a_name() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let post = Post::text("with a file").file("notes.txt", "text/plain", "x");
    scene.alice.post(&scene.releases, post).expect("she may");
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[&scene.releases, &scene.news]).await;
    let browser = &screen.browser;
    screen.shows("right", "with a file").await;
    browser.click("#faults-button").await;
    screen.run("right", "/follows").await;
    screen.shows("right", "now follows").await;
    browser.script("document.querySelector('[data-side=left] .message').focus()").await;
    let nameless = nameless(browser).await;
    assert!(nameless.is_empty(), "{nameless:#?}");
    let twice = browser
        .script("const ids = [...document.querySelectorAll('[id]')].map((one) => one.id); return ids.filter((id, at) => ids.indexOf(id) !== at)")
        .await;
    assert_eq!(twice, json!([]), "duplicate ids");
    let pictures = browser.script("return document.querySelectorAll('img:not([alt])').length").await;
    assert_eq!(pictures, 0, "pictures without alternative text");
    screen.is_sound().await;
}

async fn nameless(browser: &crate::harness::Browser) -> Vec<String> {
    const CONTROLS: [&str; 10] = [
        "button",
        "link",
        "textbox",
        "combobox",
        "spinbutton",
        "menuitem",
        "option",
        "listbox",
        "dialog",
        "checkbox",
    ];
    let tree = browser.devtools("Accessibility.getFullAXTree", json!({})).await;
    let nodes = tree["nodes"].as_array().expect("nodes");
    let controls: Vec<&Value> = nodes
        .iter()
        .filter(|node| node["ignored"] != true)
        .filter(|node| CONTROLS.iter().any(|role| node["role"]["value"] == *role))
        .collect();
    assert!(controls.len() > 20, "the page is full of controls: {}", controls.len());
    let without =
        controls.into_iter().filter(|node| node["name"]["value"].as_str().is_none_or(str::is_empty));
    without.map(ToString::to_string).collect()
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn it_fits_a_phone_in_both_colours() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let long = "a".repeat(300);
    scene.alice.post(&scene.releases, format!("from the phone {long}")).expect("she may");
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[&scene.releases, &scene.news]).await;
    let browser = &screen.browser;
    screen.shows("right", "from the phone").await;
    browser.resize(360, 740).await;
    browser.until("!document.querySelector('[data-side=right]').checkVisibility()").await;
    let wide = browser.script("return document.documentElement.scrollWidth").await;
    assert!(wide.as_u64().unwrap() <= 360, "the page scrolls sideways: {wide}");

    // One of two channels is visible, and the list of channels opens on demand.
    browser.click("#tabs button:last-child").await;
    browser.until("document.querySelector('[data-side=right]').checkVisibility()").await;
    browser.click("[data-side=right] [aria-label=Channels]").await;
    browser.until("document.querySelector('#side').getBoundingClientRect().left >= 0").await;
    browser.click("#side [data-channel]").await;
    browser.until("!document.querySelector('#app').classList.contains('drawer')").await;

    // Light and dark, as the system prefers and as people choose; texts are readable in both.
    for scheme in ["dark", "light"] {
        browser.prefer("prefers-color-scheme", scheme).await;
        browser.until(&format!("document.documentElement.dataset.theme === '{scheme}'")).await;
        let contrast = browser.script(CONTRAST).await;
        assert_eq!(contrast, json!([]), "texts that can hardly be read ({scheme})");
    }
    browser.script("document.querySelector('#theme').click()").await;
    browser.until("document.documentElement.dataset.theme === 'dark'").await;
    screen.show(&scene.alice, &[&scene.news]).await;
    browser.until("document.documentElement.dataset.theme === 'dark'").await;
    screen.is_sound().await;
}

/// Texts whose contrast with the background is less than 4.5 : 1 (WCAG AA), where that is a single colour.
const CONTRAST: &str = r#"
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgba = (colour) => {
  canvas.clearRect(0, 0, 1, 1);
  canvas.fillStyle = colour;
  canvas.fillRect(0, 0, 1, 1);
  const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
  return [r, g, b, a / 255];
};
const over = (top, below) => [0, 1, 2].map((at) => top[at] * top[3] + below[at] * (1 - top[3])).concat(1);
const light = ([r, g, b]) => [r, g, b].map((one) => one / 255).map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4)).reduce((sum, one, at) => sum + one * [0.2126, 0.7152, 0.0722][at], 0);
const below = (element) => {
  if (!element) return [255, 255, 255, 1];
  const style = getComputedStyle(element);
  if (style.backgroundImage !== "none") return null;
  const under = rgba(style.backgroundColor);
  if (under[3] === 1) return under;
  const rest = below(element.parentElement);
  return rest && over(under, rest);
};
const bad = [];
for (const element of document.querySelectorAll("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
  if (!own || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true }) || element.closest("[disabled], .unseen, dialog:not([open])")) continue;
  const ground = below(element);
  if (!ground) continue;
  const [one, two] = [light(over(rgba(getComputedStyle(element).color), ground)), light(ground)].sort((a, b) => b - a);
  const contrast = (one + 0.05) / (two + 0.05);
  if (contrast < 4.5) bad.push(`${contrast.toFixed(2)} ${element.className} ${element.textContent.slice(0, 40)}`);
}
return bad;
"#;

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn nothing_that_is_posted_becomes_part_of_the_page() {
    let scene = Scene::new().await;
    let bob = scene.harbour.member("<b>Bob</b>", Permissions::empty());
    let nasty = [
        "<img src=x onerror=\"document.title='taken'\"> <script>document.title='taken'</script>",
        "[a](javascript:document.title='taken') [b](https://example.org/\"onmouseover=alert(1))",
        "`<b>code</b>` ```html\n<i>block</i>\n``` ||<u>hidden</u>|| <t:99999999999999:R> <@1> <#2> <@&3>",
        "**bold _both_** __under__ ~~gone~~ > no quote\n> a quote\n- a list\n# A heading\n-# small",
    ];
    for text in nasty {
        bob.post(&scene.news, text).expect("he may");
    }
    let screen = Screen::open(&scene.world.sandbox, &bob, &[&scene.news]).await;
    let browser = &screen.browser;
    screen.shows("left", "<img src=x").await;
    screen.shows("left", "<b>Bob</b>").await;
    screen.shows("left", "<i>block</i>").await;
    screen.shows("left", "[a](javascript:").await;
    let made = browser
        .script("return document.querySelectorAll('.message b, .message i:not(.dots i), .message script, .message img').length")
        .await;
    assert_eq!(made, 0);
    for part in
        ["strong em", "u", "s", "blockquote", "ul li", "[role=heading]", "small", "pre code", ".spoiler"]
    {
        browser.until(&format!("document.querySelector('.text {part}')")).await;
    }
    let links = browser.script("return [...document.querySelectorAll('.text a')].every((a) => /^https?:/.test(a.href) && a.rel.includes('noopener'))").await;
    assert_eq!(links, true);
    assert_ne!(browser.script("return document.title").await, "taken");
    screen.is_sound().await;
}
