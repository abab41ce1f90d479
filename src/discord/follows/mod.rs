//! Follows towards people: what came of `/follow`, and the list of `/follows` with its buttons.

pub(super) mod answer;
pub(super) mod list;
