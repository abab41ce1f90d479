//! The followers of a channel towards people: the list of `/followers` with its menus, and the requests that wait for moderators.

pub(super) mod list;
pub(super) mod press;
