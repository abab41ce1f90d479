//! Discord's side of `/feed`: the feed and the lists with their buttons and menus, and what is said of
//! follows. Whoever reads it may never have heard of this bot.

pub(super) mod answer;
pub(super) mod component_id;
pub(super) mod lists;
pub(super) mod page;
pub(super) mod press;
