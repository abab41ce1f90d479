//! Splits a long text into parts that each fit into a message.

use std::borrow::Cow;

use crate::domain::{limits, text};

use super::markup::{self, Cut, Markup, OpenFormatting, Rank};

/// Follows a text that was shortened. The space keeps it from being read as part of a link.
const ELLIPSIS: &str = " …";

/// What follows a text that is split.
#[derive(Debug, Clone, Copy)]
pub(in crate::domain) struct Suffixes<'a> {
    /// Under the last part, on a line of its own.
    pub(in crate::domain) note: Option<&'a str>,
    /// After the last part of a text that was cut short.
    pub(in crate::domain) continued: &'a str,
}

/// The parts of a text, at most `most_parts` of them. Each has something to see, and is within Discord's
/// limit. A text without anything to see has no parts.
pub(in crate::domain) fn split(full: &str, most_parts: usize, suffixes: Suffixes<'_>) -> Vec<String> {
    let shown = full.trim();
    if !text::is_visible(shown) {
        return Vec::new();
    }
    let note = suffixes.note.map_or(Cow::Borrowed(""), |note| Cow::Owned(format!("\n{note}")));
    let markup = markup::scan(shown);
    let end = markup.cuts.len() - 1;
    let mut parts = Vec::new();
    let mut from = 0;
    loop {
        if !text::is_visible(&shown[markup.cuts[from].at..]) {
            if note.is_empty() {
                return parts;
            }
            from = end;
        }
        let part = Part { text: shown, markup: &markup, from };
        if part.length(end) + text::units(&note) <= limits::CONTENT {
            let last = part.until(end) + &note;
            // All of the text may be in the parts already, so that only the note is left.
            parts.push(last.trim_start_matches('\n').to_owned());
            return parts;
        }
        if parts.len() + 1 >= most_parts {
            // Leaves room for a line break before the ending, too.
            let ending = format!("{}{note}", suffixes.continued);
            let to = part.best_end(limits::CONTENT - text::units(&ending) - 1);
            let gap = if markup.formattings[markup.cuts[to].formatting].code { "\n" } else { " " };
            parts.push(format!("{}{gap}{ending}", part.until(to)));
            return parts;
        }
        let to = part.best_end(limits::CONTENT);
        if text::is_visible(&shown[markup.cuts[from].at..markup.cuts[to].at]) {
            parts.push(part.until(to));
        }
        from = next_start(shown, &markup, to);
    }
}

/// The text, or as much of it as fits into `limit` units with an ellipsis at its end. Formatting that is open
/// where the text is cut is closed: half a spoiler would show what it hides.
pub fn shortened(full: &str, limit: usize) -> Cow<'_, str> {
    if text::units(full) <= limit {
        return Cow::Borrowed(full);
    }
    let markup = markup::scan(full);
    let part = Part { text: full, markup: &markup, from: 0 };
    let to = part.best_end(limit.saturating_sub(text::units(ELLIPSIS)));
    let kept = part.until(to) + ELLIPSIS;
    let fits = text::units(&kept) <= limit;
    Cow::Owned(if fits { kept } else { text::cut(ELLIPSIS.trim_start(), limit).into_owned() })
}

/// Where the next part starts. White space at its start is skipped, since Discord would trim it, except in
/// code.
fn next_start(text: &str, markup: &Markup, after: usize) -> usize {
    let skipped = markup.cuts[after..].iter().take_while(|cut| {
        !markup.formattings[cut.formatting].code && text[cut.at..].starts_with(char::is_whitespace)
    });
    after + skipped.count()
}

/// A part that starts at a cut.
struct Part<'a> {
    text: &'a str,
    markup: &'a Markup,
    from: usize,
}

impl Part<'_> {
    fn start(&self) -> &Cut {
        &self.markup.cuts[self.from]
    }

    fn formatting(&self, cut: &Cut) -> &OpenFormatting {
        &self.markup.formattings[cut.formatting]
    }

    /// Its text when it ends at a cut. What is open there is closed, and what was open at its start is opened
    /// again.
    fn until(&self, to: usize) -> String {
        let (start, end) = (self.start(), &self.markup.cuts[to]);
        let (before, after) = (self.formatting(start), self.formatting(end));
        let body = self.text[start.at..end.at].trim_end();
        [&before.open, body, after.close, &after.close_outer].concat()
    }

    /// How long that text is at most, in units.
    fn length(&self, to: usize) -> usize {
        let (start, end) = (self.start(), &self.markup.cuts[to]);
        let after = self.formatting(end);
        let around = self.formatting(start).open.len() + after.close.len() + after.close_outer.len();
        around + end.trimmed_units.saturating_sub(start.units)
    }

    /// The best place to end it within `limit` units: the best one in the second half. But where that would
    /// tear a token or pair which fits into one part, an earlier and better place is taken, so that the next
    /// part begins with it.
    fn best_end(&self, limit: usize) -> usize {
        let mut late: Option<usize> = None;
        let mut any: Option<usize> = None;
        let rank = |at: usize| self.markup.cuts[at].rank;
        for at in self.from + 1..self.markup.cuts.len() {
            let length = self.length(at);
            if self.markup.cuts[at].trimmed_units.saturating_sub(self.start().units) > limit {
                break;
            }
            if length > limit {
                continue;
            }
            if length >= limit / 2 && late.is_none_or(|best| rank(at) >= rank(best)) {
                late = Some(at);
            }
            if any.is_none_or(|best| rank(at) >= rank(best)) {
                any = Some(at);
            }
        }
        // Every character outside of a marker has a cut, so there is one. One step is taken in any case.
        let (Some(late), Some(any)) = (late.or(any), any) else {
            return (self.from + 1).min(self.markup.cuts.len() - 1);
        };
        let tears_token = rank(late) < Rank::PairAnywhere;
        let is_clean = rank(late) >= Rank::Anywhere;
        let pair = self.formatting(&self.markup.cuts[late]).pair;
        let fits_into_next = tears_token || pair.is_some_and(|length| length <= limit);
        if !is_clean && fits_into_next && rank(any) > rank(late) { any } else { late }
    }
}
