//! A forwarded message, as a quote below a line that says so.

use crate::domain::message::Forward;
use crate::domain::text::is_visible;

use super::{mentions::Mentions, stickers};

/// The line and the quote, with the stickers. Stickers that can't be shown are added to what isn't shown. The
/// mark is `>>>`, which quotes everything below it: splitting knows it, and opens it again in each part, in
/// front of a code block that goes on there. So the quote must be the last thing in a text.
pub(super) fn quote(forward: &Forward, mentions: Mentions<'_>, unshown: &mut Vec<String>) -> String {
    let text = mentions.named(forward.text.trim());
    let text = Some(text.trim().to_owned()).filter(|text| is_visible(text));
    let lines: Vec<_> = text.into_iter().chain(stickers::lines(&forward.stickers, unshown)).collect();
    if lines.is_empty() {
        return "-# ↪ Forwarded".to_owned();
    }
    format!("-# ↪ Forwarded\n>>> {}", lines.join("\n"))
}
