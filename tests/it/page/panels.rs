//! Panels through the page: a form is filled in, a panel appears with its mirror, and its button is pressed
//! there.

use super::Screen;
use crate::harness::Board;

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn a_panel_is_made_by_its_form_and_used_where_it_is_mirrored() {
    let board = Board::new().await;
    let sandbox = &board.world.sandbox;
    let screen = Screen::open(sandbox, &board.alice, &[&board.board, &board.news]).await;
    let browser = &screen.browser;
    screen.write_in("left").await;
    browser.keys("/panel create").await;
    screen.is_offered("panel create").await;
    browser.keys("{Enter}").await;
    browser.until("document.activeElement.closest('.option-field')?.innerText.includes('kind')").await;
    browser.keys("wel").await;
    browser.until("document.querySelectorAll('.picker [role=option]').length === 1").await;
    browser.keys("{Enter}{Enter}").await;

    // The form; the page asks for what is required.
    browser.until("document.activeElement.closest('dialog[open]') && document.activeElement.dataset.customId === 'title'").await;
    browser.keys("{Control+a}Ahoy!").await;
    browser.click("dialog [data-custom-id=text]").await;
    browser.keys("{Control+a}Welcome to Harbour").await;
    browser.click("dialog [data-custom-id=rules]").await;
    browser.keys("{Control+a}Be kind.{Enter}No spam.").await;
    browser.click("dialog [type=submit]").await;
    browser.until("!document.querySelector('dialog')").await;
    for side in ["left", "right"] {
        screen.shows(side, "Welcome to Harbour").await;
        screen.shows(side, "No spam.").await;
    }

    // The mirror's button.
    browser.click("[data-side=right] .message .button").await;
    screen.shows("right", "Members").await;
    screen.shows("right", "Only you can see this").await;

    // It is removed after a confirmation, and its mirror disappears with it.
    screen.write_in("left").await;
    browser.keys("/panel delete ").await;
    browser.until("document.querySelector('.picker [role=option]')?.innerText.includes('Ahoy!')").await;
    browser.keys("{Enter}{Enter}").await;
    browser.until("document.querySelector('[data-side=left] .button.danger')").await;
    browser.click("[data-side=left] .button.danger").await;
    screen.no_longer_shows("right", "Welcome to Harbour").await;
    screen.no_longer_shows("left", "Welcome to Harbour").await;
    screen.is_sound().await;
}
