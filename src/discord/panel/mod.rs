//! Panels towards people: forms, presses on panels and their mirrors, and what the person alone is shown.

mod answer;
pub(super) mod form;
mod press;

/// How errors name where they came from.
const WHERE: &str = "panel";

pub(super) use self::press::{answer_press, answer_question, answer_sent};
