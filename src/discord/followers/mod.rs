//! Discord's side of `/followers`: the list with its menus, and the requests that moderators approve or
//! decline.

pub(super) mod list;
pub(super) mod press;
