//! Pieces of embeds that several kinds use.

use crate::domain::message::EmbedField;
use crate::domain::panel::Picture;
use crate::domain::text;

use super::chart::{self, Chart};

/// The colour of good news; [`AMBER`] is for mixed news, [`RED`] for bad, [`GREY`] for none.
pub(super) const GREEN: u32 = 0x2e_9e_6b;
/// See [`GREEN`].
pub(super) const AMBER: u32 = 0xe0_a0_30;
/// See [`GREEN`].
pub(super) const RED: u32 = 0xd8_3c_3e;
/// See [`GREEN`].
pub(super) const GREY: u32 = 0x80_84_8e;

/// A field beside others; three fit in a row.
pub(super) fn field(name: impl Into<String>, value: impl Into<String>) -> EmbedField {
    EmbedField { name: name.into(), value: value.into(), inline: true }
}

/// A field in a row of its own.
pub(super) fn wide(name: impl Into<String>, value: impl Into<String>) -> EmbedField {
    EmbedField { name: name.into(), value: value.into(), inline: false }
}

/// As many lines as fit into `limit` units. If some don't, the last line is what `more` makes of their
/// number.
pub(super) fn lines(lines: &[String], limit: usize, more: impl Fn(usize) -> String) -> String {
    let mut kept = lines.len();
    loop {
        let left = lines.len() - kept;
        let mut written = lines[..kept].join("\n");
        if left > 0 {
            if kept > 0 {
                written.push('\n');
            }
            written.push_str(&more(left));
        }
        if text::units(&written) <= limit || kept == 0 {
            return text::cut(&written, limit).into_owned();
        }
        kept -= 1;
    }
}

/// A text for a code block or a span of code, without backticks that would end it.
pub(super) fn code(written: &str) -> String {
    written.replace('`', "ˋ")
}

/// The picture of a chart; `None` if it can't be drawn, which is logged.
pub(super) fn picture(chart: &Chart, alt: String) -> Option<Picture> {
    match chart::draw(chart) {
        Ok(png) => Some(Picture { alt, png }),
        Err(error) => {
            tracing::warn!(%error, "a panel is shown without its chart");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_do_not_fit_are_counted() {
        let all: Vec<String> = (0..10).map(|at| format!("line {at}")).collect();
        let more = |left: usize| format!("and {left} more");
        assert_eq!(lines(&all, 1000, more), all.join("\n"));
        assert_eq!(lines(&all, 30, more), "line 0\nline 1\nand 8 more");
        assert_eq!(lines(&["x".repeat(50)], 20, more), "and 1 more");
        assert_eq!(lines(&[], 20, more), "");
    }
}
