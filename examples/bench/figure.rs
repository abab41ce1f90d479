//! One line of the table: what was measured, and what was expected of it.

/// What a measurement came to, in words.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// What was measured. In the page it names the line: measured again, it replaces that line.
    pub(crate) what: String,
    /// What it is held against, with that one's figure.
    pub(crate) against: String,
    pub(crate) expected: String,
    pub(crate) got: String,
    /// How the two compare.
    pub(crate) ratio: String,
    /// Whether it is as expected; `None` where nothing was expected.
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

/// `yes` or `no` for a bound that a quick run can't tell anything about.
pub(crate) fn met(quick: bool, reached: bool) -> Option<bool> {
    (!quick).then_some(reached)
}
