//! One line of the table: what was measured, and what was expected of it.

/// The result of a measurement, in words.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// What was measured. It identifies the line in the page: a new measurement replaces the line.
    pub(crate) what: String,
    /// What it is compared with, and that one's figure.
    pub(crate) against: String,
    pub(crate) expected: String,
    pub(crate) got: String,
    /// How the two compare.
    pub(crate) ratio: String,
    /// Whether it is as expected; `None` if nothing was expected.
    pub(crate) met: Option<bool>,
}

/// The head of the table.
pub(crate) const HEAD: &str =
    "| what | measured against | expected | got | ratio | reached |\n|---|---|---|---|---|---|";

impl Figure {
    /// As a line of a Markdown table.
    pub(crate) fn line(&self) -> String {
        let Self { what, against, expected, got, ratio, met } = self;
        let met = match met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "–",
        };
        format!("| {what} | {against} | {expected} | {got} | {ratio} | {met} |")
    }
}

/// `yes` or `no`; `None` for a bound that a quick run can't check.
pub(crate) fn met(quick: bool, reached: bool) -> Option<bool> {
    (!quick).then_some(reached)
}
