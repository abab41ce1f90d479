//! Discord's side of panels: forms as modals, presses on panels and their mirrors as interactions, and the
//! answers that people read. What they do is decided in `service::panels`; `crate::panel` says who else works
//! on panels.

mod answer;
pub(super) mod form;
mod press;
pub(super) mod texts;

/// The command that log lines of failures name.
const WHERE: &str = "panel";

pub(super) use self::press::{answer_form, answer_press, answer_question};
