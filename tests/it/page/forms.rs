//! Forms, commands on messages, all components, and answers that never arrive, with a bot that has all of
//! them.

use serde_json::{Value, json};
use tributary_sandbox::{Config, Permissions, Post, Sandbox};

use crate::harness::{Browser, SOON, Scripted};

const COMMANDS: &str = r#"[
    {"name": "show", "description": "Show all components"},
    {"name": "report", "description": "Report something"},
    {"name": "silence", "description": "Never answer"},
    {"name": "Report message", "type": 3}
]"#;

fn script(interaction: &Value) -> Option<Value> {
    let data = &interaction["data"];
    let says = |text: &str| Some(json!({ "type": 4, "data": { "content": text, "flags": 64 } }));
    match (interaction["type"].as_u64()?, data["name"].as_str().or(data["custom_id"].as_str())?) {
        (2, "show") => Some(json!({ "type": 4, "data": { "flags": 1 << 15, "components": components() } })),
        (2, "report" | "Report message") | (3, "form") => Some(json!({ "type": 9, "data": form() })),
        (3, "pick") => says(&format!("picked {}", data["values"])),
        (3, "who") => {
            says(&format!("met {}", data["resolved"]["users"].as_object()?.values().next()?["global_name"]))
        }
        (5, "form") => says(&format!("sent {}", values(&data["components"]).join(", "))),
        _ => None,
    }
}

/// What was filled into a form, in order.
fn values(components: &Value) -> Vec<String> {
    let fields = components
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| if one["component"].is_object() { &one["component"] } else { &one["components"][0] });
    fields
        .map(|field| {
            if field["value"].is_string() { field["value"].to_string() } else { field["values"].to_string() }
        })
        .collect()
}

fn components() -> Value {
    json!([
        { "type": 10, "content": "# A heading\nand **text**" },
        { "type": 17, "accent_color": 0x2e_9e_6b, "components": [
            { "type": 9, "components": [{ "type": 10, "content": "Beside a button" }],
              "accessory": { "type": 2, "style": 1, "label": "Open the form", "custom_id": "form" } },
            { "type": 14, "divider": true, "spacing": 1 },
            { "type": 10, "content": "-# small print" }
        ]},
        { "type": 1, "components": [
            { "type": 2, "style": 3, "label": "Yes", "custom_id": "yes" },
            { "type": 2, "style": 4, "label": "No", "custom_id": "no", "disabled": true },
            { "type": 2, "style": 5, "label": "Elsewhere", "url": "https://example.org" }
        ]},
        { "type": 1, "components": [{ "type": 3, "custom_id": "pick", "placeholder": "Pick some", "max_values": 2, "options": [
            { "label": "One", "value": "1" }, { "label": "Two", "value": "2", "description": "the second" }, { "label": "Three", "value": "3" }
        ]}]},
        { "type": 1, "components": [{ "type": 5, "custom_id": "who", "placeholder": "Whom?" }]}
    ])
}

fn form() -> Value {
    json!({ "custom_id": "form", "title": "A report", "components": [
        { "type": 1, "components": [{ "type": 4, "custom_id": "title", "label": "Title", "style": 1, "max_length": 20 }] },
        { "type": 18, "label": "What happened", "description": "In a few words",
          "component": { "type": 4, "custom_id": "text", "style": 2, "required": false, "value": "Nothing" } },
        { "type": 18, "label": "How bad", "component": { "type": 3, "custom_id": "grade", "options": [
            { "label": "Hardly", "value": "low" }, { "label": "Very", "value": "high" }
        ]}}
    ]})
}

#[cfg_attr(not(has_browser), ignore = "needs chromium and chromedriver")]
#[tokio::test]
async fn whatever_bots_may_show_can_be_used() {
    let browser = Browser::open(1000, 900).await;
    let sandbox = Sandbox::start(Config { patience: SOON, ..Config::default() }).await.expect("a free port");
    let harbour = sandbox.create_guild("Harbour");
    let news = harbour.text("news");
    let alice = harbour.member("Alice", Permissions::empty());
    alice.post(&news, Post::text("look at this")).expect("she may");
    let _bot = Scripted::start(&sandbox, serde_json::from_str(COMMANDS).expect("JSON"), script).await;
    let page = sandbox.serve_page(0).await.expect("a free port");
    browser.goto(&page.url_as(&alice, &[&news])).await;
    let shows =
        |text: &str| format!("document.querySelector('.messages').innerText.includes({})", json!(text));

    // All components of a message.
    browser.click(".composer textarea").await;
    browser.keys("/show ").await;
    browser.until("document.querySelector('.slash')").await;
    browser.keys("{Enter}").await;
    browser.until(&shows("A heading")).await;
    assert_eq!(browser.script("return document.querySelectorAll('.message .button').length").await, 4);
    browser.click("[data-custom-id=pick]").await;
    browser.until("document.querySelectorAll('.picker [role=option]').length === 3").await;
    browser.keys("{Down}{Enter}{Down}{Down}{Enter}{Tab}").await;
    browser.until(&shows("picked [\"1\",\"3\"]")).await;
    browser.click("[data-custom-id=who]").await;
    browser.until("document.querySelector('.picker [data-name=Alice]')").await;
    browser.click(".picker [data-name=Alice]").await;
    browser.until(&shows("met \"Alice\"")).await;

    // A form, opened by a button; the page asks for what is required.
    browser.click("[data-custom-id=form]").await;
    browser.until("document.activeElement.dataset.customId === 'title'").await;
    browser.keys("Fog{Tab} at sea{Tab}{Enter}").await;
    browser.until("document.querySelectorAll('.picker [role=option]').length === 2").await;
    browser.keys("{Down}{Down}{Enter}").await;
    browser.until("document.querySelector('dialog .select').innerText.includes('Very')").await;
    browser.click("dialog [type=submit]").await;
    browser.until(&shows("sent \"Fog\", \"Nothing at sea\", [\"high\"]")).await;
    browser.until("!document.querySelector('dialog')").await;

    // A command on a message opens it, too.
    browser.script("document.querySelector('.message').focus()").await;
    browser.keys("{Enter}").await;
    browser.until("document.querySelector('[role=menu]')?.innerText.includes('Report message')").await;
    browser.keys("Report{Enter}").await;
    browser.until("document.querySelector('dialog[open]')?.innerText.includes('How bad')").await;
    browser.keys("{Escape}").await;
    browser.until("!document.querySelector('dialog')").await;

    // A button whose press is never answered says so.
    browser.click("[data-custom-id=yes]").await;
    browser
        .until("document.querySelector('.components > .failure')?.innerText.includes('did not respond')")
        .await;
    assert!(browser.complaints().await.is_empty());
}
