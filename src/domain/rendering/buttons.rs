//! Buttons that lead somewhere. A webhook that an application owns may send them.

use crate::domain::{limits, message::LinkButton, text};

use super::controls::{self, ActionRow};
use super::{address, words};

/// How many buttons that can't be buttons become links, and how long those may be.
const LINKS: usize = 10;
const LONGEST_LINK: usize = 1000;

/// The buttons of a message as they can be sent.
#[derive(Debug, Default)]
pub(super) struct ArrangedButtons {
    pub(super) rows: Vec<ActionRow>,
    /// Lines for the buttons that can't be buttons.
    pub(super) links: Vec<String>,
}

/// Brings buttons within the limits. Buttons that lead nowhere are added to what can't be shown.
pub(super) fn arranged(buttons: &[&LinkButton], unshown: &mut Vec<String>) -> ArrangedButtons {
    let mut arranged = ArrangedButtons::default();
    let mut all = Vec::new();
    for button in buttons {
        // Discord requires of a button's address what it requires of an embed's.
        let url = address::public(&button.url).filter(|url| url.len() <= limits::BUTTON_ADDRESS);
        match url.filter(|_| all.len() < limits::ROWS * limits::ROW_BUTTONS) {
            Some(url) => all.push(controls::link(label(button), url)),
            None => match link(button).filter(|_| arranged.links.len() < LINKS) {
                Some(link) => arranged.links.push(link),
                None => unshown.push("button".to_owned()),
            },
        }
    }
    let rows = all.chunks(limits::ROW_BUTTONS);
    arranged.rows = rows.map(|row| ActionRow::of(row.to_vec())).collect();
    arranged
}

/// The buttons as lines: Discord refuses a message that has nothing else (error 50006, discord-api-docs issue
/// 6358).
pub(super) fn as_links(buttons: &[&LinkButton], unshown: &mut Vec<String>) -> Vec<String> {
    let mut links = Vec::new();
    for button in buttons {
        match link(button).filter(|_| links.len() < LINKS) {
            Some(link) => links.push(link),
            None => unshown.push("button".to_owned()),
        }
    }
    links
}

fn link(button: &LinkButton) -> Option<String> {
    let url = words::bracketed(&button.url).filter(|url| url.len() <= LONGEST_LINK)?;
    Some(format!("[{}](<{url}>)", words::plain(&label(button), limits::BUTTON_LABEL)))
}

/// A button's label. Its emoji is part of the text: sent as a field of its own, an emoji that Discord doesn't
/// know would have the whole message refused ("`BUTTON_COMPONENT_INVALID_EMOJI`").
fn label(button: &LinkButton) -> String {
    let emoji = button.emoji.as_deref().unwrap_or_default();
    let written = format!("{emoji} {}", button.label);
    let kept: String = written.chars().filter(|c| !text::is_noise(*c)).collect();
    let kept = kept.split_whitespace().collect::<Vec<_>>().join(" ");
    if text::is_visible(&kept) {
        text::cut(&kept, limits::BUTTON_LABEL).into_owned()
    } else {
        "Link".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn button(label: &str, url: &str) -> LinkButton {
        LinkButton { label: label.to_owned(), emoji: None, url: url.to_owned() }
    }

    #[test]
    fn stand_in_rows_of_five() {
        let mut unshown = vec![];
        let docs = button("Docs", "https://example.com");
        let arranged = arranged(&[&docs; 27], &mut unshown);
        let rows = json!(arranged.rows);
        assert_eq!(rows[0]["type"], 1);
        assert_eq!(
            rows[0]["components"][4],
            json!({"type": 2, "style": 5, "label": "Docs", "url": "https://example.com"})
        );
        assert_eq!((arranged.rows.len(), arranged.links.len(), unshown.len()), (5, 2, 0));
    }

    #[test]
    fn what_cannot_be_one_becomes_a_link_or_is_said() {
        let long = format!("https://example.com/{}", "a".repeat(600));
        let mut unshown = vec![];
        let odd = [button("A]", &long), button("B", "discord://x"), button("", "http://localhost/(x)")];
        let arranged = arranged(&odd.each_ref(), &mut unshown);
        assert_eq!(
            arranged.links,
            [format!("[A\\]](<{long}>)"), "[Link](<http://localhost/%28x%29>)".to_owned()]
        );
        assert_eq!((arranged.rows.len(), unshown), (0, vec!["button".to_owned()]));
    }

    #[test]
    fn an_emoji_is_written() {
        let with = LinkButton { emoji: Some("🍎".to_owned()), ..button("Eat", "https://example.com") };
        assert_eq!(label(&with), "🍎 Eat");
        assert_eq!(label(&LinkButton { label: String::new(), ..with }), "🍎");
        assert_eq!(text::units(&label(&button(&"x".repeat(200), ""))), 80);
    }
}
