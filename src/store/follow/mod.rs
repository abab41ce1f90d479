//! Channel follows: making, changing, pausing, breaking and finding them.
//!
//! | file | what it owns |
//! |---|---|
//! | `change` | making, changing and removing follows |
//! | `state` | pausing, resuming and breaking them |
//! | `row`, `list` | reading and finding them |
//! | `doors`, `consent`, `blocks` | what lets a follow go on; what the followed side decides; whom it blocks |
//! | `limits` | how many follows there may be |
//! | `news`, `unannounced` | what the followed side, and the followers, are still to be told |
//! | `webhooks` | the bot's webhook of a target, shared by its follows |
//! | `matching` | which follows let an activity through, by place and tags |
//!
//! Whoever changes a follow holds the locks of its source, of that source's channel, and of its target's webhook channel, in this
//! order (`change::lock`). What a change means for deliveries and panels is written in the same transaction.

pub(super) mod blocks;
pub(super) mod change;
pub(super) mod consent;
pub(super) mod doors;
pub(super) mod limits;
pub(super) mod list;
pub(super) mod matching;
pub(super) mod news;
pub(super) mod row;
pub(super) mod state;
pub(super) mod unannounced;
pub(super) mod webhooks;
