//! Placeholders such as `{{server_name}}` in texts that an admin writes.

use crate::domain::text::escape;

use super::kind::{InvalidInput, PanelContext};
use super::sources::ServerFacts;

/// Makes the text that replaces a placeholder.
type PlaceholderValue = fn(&PanelContext, &ServerFacts) -> String;

/// All placeholders.
const ALL: &[(&str, PlaceholderValue)] = &[
    ("server_name", |_, facts| escape(&facts.name)),
    ("member_count", |_, facts| if_known(facts.members)),
    ("online_count", |_, facts| if_known(facts.online)),
    ("channel_count", |_, facts| grouped(facts.channels)),
    ("boost_count", |_, facts| grouped(facts.boosts)),
    ("boost_level", |_, facts| facts.boost_level.to_string()),
    ("channel", |context, _| format!("<#{}>", context.location.channel)),
    ("updated", |context, _| format!("<t:{}:R>", context.since.timestamp())),
];

/// Refuses a text with a placeholder that doesn't exist.
pub(super) fn check(text: &str) -> Result<(), InvalidInput> {
    match names(text).find(|name| !ALL.iter().any(|(known, _)| known == name)) {
        None => Ok(()),
        Some(unknown) => {
            let known: Vec<_> = ALL.iter().map(|(name, _)| format!("`{{{{{name}}}}}`")).collect();
            let unknown: String = escape(unknown).chars().take(40).collect();
            Err(InvalidInput(format!(
                "There is no placeholder \u{201c}{{{{{unknown}}}}}\u{201d}. These exist: {}.",
                known.join(", ")
            )))
        }
    }
}

/// Whether a text has placeholders, so that their data must be gathered.
pub(super) fn has_any(text: &str) -> bool {
    names(text).next().is_some()
}

/// Replaces the placeholders in a text. What isn't a placeholder stays as it is.
pub(super) fn fill(text: &str, context: &PanelContext, facts: &ServerFacts) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, name, after)) = next(rest) {
        filled.push_str(before);
        match ALL.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => filled.push_str(&value(context, facts)),
            None => filled.push_str(&rest[before.len()..rest.len() - after.len()]),
        }
        rest = after;
    }
    filled.push_str(rest);
    filled
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (_, name, after) = next(rest)?;
        rest = after;
        Some(name)
    })
}

/// The text before the next placeholder, its name, and the text after it.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let (before, behind) = text.split_once("{{")?;
    let (name, after) = behind.split_once("}}")?;
    Some((before, name.trim(), after))
}

/// A number with separated thousands: `12,345`.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The same for a number that may be unknown.
pub(super) fn if_known(number: Option<u64>) -> String {
    number.map_or_else(|| "unknown".to_owned(), grouped)
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use proptest::prelude::*;

    use super::*;
    use crate::domain::ids::{ChannelId, GuildId};
    use crate::domain::panel::PanelId;
    use crate::panel::kind::PanelLocation;

    fn context() -> PanelContext {
        let location = PanelLocation { guild: GuildId::new(7).unwrap(), channel: ChannelId::new(8).unwrap() };
        PanelContext { panel: PanelId(1), title: String::new(), location, since: DateTime::UNIX_EPOCH }
    }

    fn facts() -> ServerFacts {
        ServerFacts { name: "The *Harbour*".to_owned(), members: Some(12_345), ..ServerFacts::default() }
    }

    #[test]
    fn are_filled_in() {
        let filled = fill(
            "{{server_name}}: {{ member_count }} in {{channel}}, {{updated}} {{x}} {{",
            &context(),
            &facts(),
        );
        assert_eq!(filled, "The \\*Harbour\\*: 12,345 in <#8>, <t:0:R> {{x}} {{");
    }

    #[test]
    fn unknown_ones_are_refused_with_those_that_exist() {
        assert_eq!(check("{{server_name}} {{updated}} {x} }} {{"), Ok(()));
        let refused = check("Hi {{user}}").unwrap_err().0;
        assert!(refused.contains("{{user}}") && refused.contains("`{{member_count}}`"), "{refused}");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }

    proptest! {
        #[test]
        fn any_text_without_placeholders_stays(text in "[^{]*") {
            prop_assert_eq!(fill(&text, &context(), &facts()), text.clone());
            prop_assert!(!has_any(&text) && check(&text).is_ok());
        }

        #[test]
        fn nothing_panics(text in "[{}a-z ü]{0,40}") {
            let _ = (fill(&text, &context(), &facts()), check(&text));
        }
    }
}
