//! A forwarded message, as a quote below a line that says so.

use crate::domain::message::Forward;

use super::mentions::Mentions;

/// The line and the quote. The mark is the one that quotes everything below it, line by line or not: the splitter knows it, and opens it again in each
/// part, in front of a code block that goes on there. So it must be the last of a text.
pub(super) fn quote(forward: &Forward, mentions: Mentions<'_>) -> String {
    let text = mentions.named(forward.text.trim());
    let text = text.trim();
    if crate::domain::text::is_visible(text) {
        format!("-# ↪ Forwarded\n>>> {text}")
    } else {
        "-# ↪ Forwarded".to_owned()
    }
}
