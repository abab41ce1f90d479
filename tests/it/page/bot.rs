//! The real bot, through the page.

use tributary_sandbox::Permissions;

use super::Screen;
use crate::harness::{SOON, Scene, texts};

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn a_follow_is_made_and_its_mirrors_live() {
    let scene = Scene::new().await;
    let (alice, source, target) = (&scene.alice, &scene.releases, &scene.news);
    let screen = Screen::open(&scene.world.sandbox, alice, &[source, target]).await;
    let browser = &screen.browser;

    // The command, typed.
    screen.write_in("right").await;
    browser.keys("/follow").await;
    browser
        .until(
            "document.querySelector('.picker [role=option][aria-selected=true]')?.dataset.name === 'follow'",
        )
        .await;
    browser.keys("{Enter}channel:rel").await;
    screen.is_offered("releases").await;
    browser.keys("{Enter}{Enter}").await;
    screen.shows("right", "now follows").await;
    screen.shows("right", "Only you can see this").await;

    // A post with its mirror next to it, with the author's name and the app badge.
    screen.write_in("left").await;
    browser.keys("The **new lamp** turns{Shift+Enter}at last{Enter}").await;
    screen.shows("left", "The new lamp turns\nat last").await;
    screen.shows("right", "The new lamp turns\nat last").await;
    let head = browser
        .until("document.querySelector('[data-side=right] .message:last-child .head')?.innerText")
        .await;
    assert!(head.as_str().unwrap().contains("Alice") && head.as_str().unwrap().contains("APP"), "{head}");

    // Up edits it, and the mirror changes.
    browser.keys("{Up}").await;
    browser.until("document.activeElement.value?.startsWith('The **new lamp**')").await;
    browser.keys("{Control+a}It is bright{Enter}").await;
    screen.shows("left", "It is bright (edited)").await;
    screen.shows("right", "It is bright").await;
    screen.no_longer_shows("right", "The new lamp").await;

    // A reply.
    screen.to_last("left").await;
    browser.keys("r").await;
    browser.until("document.querySelector('.composer-context').innerText.includes('Answering Alice')").await;
    browser.keys("Well done{Enter}").await;
    screen.shows("right", "Well done").await;
    browser.until("document.querySelector('[data-side=left] .message:last-child .answered')").await;

    // Del asks for confirmation and deletes it, and the mirror disappears.
    screen.to_last("left").await;
    browser.keys("{Delete}").await;
    browser.until("document.querySelector('dialog[open]')?.innerText.includes('Delete this message?')").await;
    browser.keys("{Enter}").await;
    screen.no_longer_shows("left", "Well done").await;
    screen.no_longer_shows("right", "Well done").await;
    assert_eq!(texts(source), ["It is bright"]);
    screen.is_sound().await;
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn a_delivery_report_is_asked_for_by_keyboard() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let (source, target) = (&scene.releases, &scene.news);
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[source, target]).await;
    screen.write_in("left").await;
    screen.browser.keys("v1 is out{Enter}").await;
    screen.shows("right", "v1 is out").await;
    screen.to_last("left").await;
    screen.browser.keys("{Enter}").await;
    screen
        .browser
        .until("document.querySelector('[role=menu]')?.innerText.includes('Delivery report')")
        .await;
    screen.browser.keys("deliv{Enter}").await;
    screen.shows("left", "In the channels that follow this one").await;
    screen.shows("left", "Only you can see this").await;
    // The name of a menu command has no slash.
    screen.browser.until("document.querySelector('.command-name')?.innerText === 'Delivery report'").await;
    screen.is_sound().await;
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn a_list_is_paged_by_its_button_and_changed_by_its_menu() {
    let scene = Scene::new().await;
    for n in 1..=9 {
        let source = scene.harbour.text(&format!("source-{n}"));
        scene.follow(&source).await;
    }
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[&scene.news]).await;
    screen.run("left", "/follows").await;
    screen.shows("left", "1–8 of 9").await;
    screen.browser.click(".message:last-child .button:last-child").await;
    screen.shows("left", "9 of 9, newest first").await;

    screen.browser.click(".message:last-child .select").await;
    screen
        .browser
        .until("document.querySelector('.picker [role=option]')?.innerText.includes('Last ten messages')")
        .await;
    screen.browser.keys("{Down}{Down}{Enter}").await;
    screen.shows("left", "paused").await;
    screen.is_sound().await;
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn options_are_completed_by_the_bot_and_checked_before_they_are_sent() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[&scene.news]).await;
    let browser = &screen.browser;
    screen.write_in("left").await;
    browser.keys("/unfollow ").await;
    browser.until("document.querySelector('.slash')").await;
    browser.keys("link:").await;
    browser.until("document.querySelector('.picker [role=option]')?.innerText.includes('releases')").await;
    browser.keys("{Enter}{Enter}").await;
    screen.shows("left", "no longer follows").await;

    // A command that is pasted whole, as the documentation shows it.
    browser.script("document.activeElement.setRangeText('/follow channel:#releases delivery:relay'); document.activeElement.dispatchEvent(new Event('input'))").await;
    browser.until("document.querySelectorAll('.option-field').length === 2").await;
    browser.keys("{Escape}").await;
    browser.click(".slash .send").await;
    screen.shows("left", "(follow #2)").await;
    // Enter, faster than anybody could wait for the list.
    browser.keys("/followers channel:#releases{Enter}").await;
    let either = "document.querySelector('.option-field input')?.value === '#releases' || document.querySelector('.messages').innerText.includes('1 follower')";
    browser.until(either).await;
    browser.keys("{Enter}").await;
    screen.shows("left", "1 follower").await;

    // The page asks for what is required, next to where it is missing.
    browser.keys("/publish ").await;
    browser.until("document.activeElement.closest('.option-field')?.innerText.includes('channel')").await;
    browser.keys("nowhere{Tab}{Shift+Tab}{Escape}").await;
    browser.click(".slash .send").await;
    browser.until("document.querySelector('.composer > .failure')?.innerText.includes('choose one of what is offered')").await;
    screen.is_sound().await;
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn people_see_and_may_what_discord_lets_them() {
    let scene = Scene::new().await;
    let crew = scene.harbour.private_text("crew");
    crew.allow(&scene.alice, Permissions::VIEW_CHANNEL);
    scene.alice.post(&crew, "for the crew").expect("she may");
    let bob = scene.harbour.member("Bob", Permissions::empty());
    let notice = scene.alice.post(&scene.news, "a notice").expect("she may");
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[&crew]).await;
    let browser = &screen.browser;
    screen.shows("left", "for the crew").await;

    // Bob doesn't see that channel; the page shows him another.
    browser.click("#me").await;
    browser.until("document.activeElement.closest('[role=menu]')").await;
    browser.keys("Bob{Enter}").await;
    browser.until("document.querySelector('#me').innerText.includes('Bob')").await;
    browser.until("!document.querySelector('#side').innerText.includes('crew')").await;
    screen.no_longer_shows("left", "for the crew").await;
    let address = browser.script("return location.hash").await;
    assert!(address.as_str().unwrap().contains(&bob.id().to_string()), "{address}");

    // The page offers him no command that he may not use, and he can't delete other people's messages.
    screen.show(&bob, &[&scene.news]).await;
    screen.shows("left", "a notice").await;
    screen.write_in("left").await;
    browser.keys("/").await;
    let offered = "[...document.querySelectorAll('.picker [role=option]')].map((one) => one.dataset.name.split(' ')[0])";
    browser.until(&format!("[...new Set({offered})].sort().join() === 'about,feed,privacy'")).await;
    browser.keys("{Escape}").await;
    browser.script("document.querySelector('.message:last-child').focus()").await;
    browser.keys("{Delete}").await;
    assert_eq!(browser.script("return document.querySelectorAll('dialog').length").await, 0);
    scene.news.delete_message(notice.id).expect("a moderator may");
    screen.no_longer_shows("left", "a notice").await;
    screen.is_sound().await;
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn files_mentions_and_threads_come_from_the_page() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let bob = scene.harbour.member("Bob", Permissions::empty());
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[&scene.releases, &scene.news]).await;
    let browser = &screen.browser;

    // A picture is pasted, and somebody is mentioned by picking their name.
    screen.write_in("left").await;
    let paste = "return document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData: new DataTransfer(), cancelable: true }))";
    assert_eq!(browser.script(paste).await, true, "texts are pasted by the browser");
    browser.script(PASTE).await;
    browser.until("document.querySelector('.chip')?.innerText.includes('dot.png')").await;
    browser.keys("Look, @bo").await;
    screen.is_offered("Bob").await;
    browser.keys("{Enter}at #news and `#news`{Enter}").await;
    browser.until("document.querySelector('[data-side=right] .picture img')?.naturalWidth === 5").await;
    let posted = scene.releases.messages().pop().expect("a post");
    let news = scene.news.mention();
    assert_eq!(posted.content, format!("Look, {} at {news} and `#news`", bob.mention()));
    assert_eq!(posted.pinged.users, [bob.id()]);
    screen.shows("left", "Look, @Bob at news and #news").await;

    // A thread that is started from it opens next to it.
    screen.to_last("left").await;
    browser.keys("{Enter}").await;
    browser.until("document.activeElement.closest('[role=menu]')").await;
    browser.keys("Start{Enter}").await;
    browser.until("document.activeElement.id === 'thread-name'").await;
    browser.keys("{Control+a}Beside{Enter}").await;
    browser.until("document.querySelector('[data-side=right] h2')?.innerText === 'Beside'").await;
    browser
        .until("document.querySelector('[data-side=left] .thread-card')?.innerText.includes('Beside')")
        .await;
    screen.is_sound().await;
}

/// Pastes a picture of 5 × 5 dots.
const PASTE: &str = r#"
const canvas = Object.assign(document.createElement("canvas"), { width: 5, height: 5 });
canvas.getContext("2d").fillRect(0, 0, 5, 5);
const bytes = Uint8Array.from(atob(canvas.toDataURL("image/png").split(",")[1]), (one) => one.charCodeAt(0));
const clipboardData = new DataTransfer();
clipboardData.items.add(new File([bytes], "dot.png", { type: "image/png" }));
document.activeElement.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
"#;

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn announcements_are_followed_and_published_by_hand() {
    let scene = Scene::new().await;
    let announcements = scene.harbour.announcement("announcements");
    let owner = scene.harbour.owner();
    scene.harbour.grant(&owner, scene.harbour.role("owner", Permissions::all()));
    let screen = Screen::open(&scene.world.sandbox, &owner, &[&announcements, &scene.news]).await;
    let browser = &screen.browser;
    browser.click("[data-side=left] .pane-head .button").await;
    browser.until("document.activeElement.id === 'choose-channel'").await;
    browser.keys("news").await;
    browser.until("document.querySelector('dialog .picker [role=option]')?.dataset.name === 'news'").await;
    browser.keys("{Enter}{Enter}").await;
    screen.shows("right", "has added announcements to this channel").await;
    screen.write_in("left").await;
    browser.keys("We open on Monday{Enter}").await;
    screen.shows("left", "We open on Monday").await;
    screen.to_last("left").await;
    browser.keys("p").await;
    screen.shows("right", "We open on Monday").await;
    browser.until("document.querySelector('[data-side=left] .mark')?.innerText === 'Published'").await;
    screen.is_sound().await;
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn faults_are_caused_and_the_bot_copes() {
    let scene = Scene::new().await;
    scene.follow(&scene.releases).await;
    let screen = Screen::open(&scene.world.sandbox, &scene.alice, &[&scene.releases, &scene.news]).await;
    let browser = &screen.browser;
    browser.click("#faults-button").await;
    browser.until("document.querySelector('#faults').innerText.includes('Nothing goes wrong')").await;
    browser.click("#fail-times").await;
    browser.keys("{Control+a}2").await;
    browser.click("#faults form:has(#fail-times) button").await;
    browser.until("document.querySelector('#faults').innerText.includes('HTTP 500 · webhooks')").await;
    screen.write_in("left").await;
    browser.keys("in spite of all{Enter}").await;
    screen.shows("right", "in spite of all").await;
    browser.until("document.querySelector('#faults').innerText.includes('Nothing goes wrong')").await;

    // A moderator deletes the webhook; the bot creates another.
    let webhook = scene.news.webhooks()[0].id;
    browser.click("#faults .hooks .danger").await;
    let gone = format!("!document.querySelector('#faults .hooks [data-key=\"{webhook}\"]')");
    browser.until(&gone).await;
    screen.write_in("left").await;
    browser.keys("once more{Enter}").await;
    screen.shows("right", "once more").await;

    // Without the bot, commands aren't answered.
    let Scene { bot, world, .. } = scene;
    bot.stop().await;
    world.sandbox.wait_until_disconnected(SOON).await.expect("it leaves");
    browser.until("document.querySelector('#side').innerText.includes('not connected')").await;
    screen.run("right", "/about").await;
    browser.until("document.querySelector('[data-side=right] .local')?.innerText.includes('The application did not respond')").await;
    screen.is_sound().await;
}
