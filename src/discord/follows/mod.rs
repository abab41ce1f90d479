//! Discord's side of `/follow` and `/follows`: the answers, the list with its buttons, and what presses on
//! them do.

pub(super) mod answer;
pub(super) mod collected;
pub(super) mod list;
pub(super) mod press;
