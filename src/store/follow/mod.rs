//! Channel follows: creating, changing, pausing, breaking and finding them.
//!
//! | file | what it owns |
//! |---|---|
//! | `change` | creating, changing and removing follows |
//! | `state`, `break_which`, `break_audit` | pausing, resuming and breaking them; which ones break at once, and what the audit says of that |
//! | `row`, `list` | reading and finding them |
//! | `doors` | what a follow depends on, and what its last check found |
//! | `publication` | what the followed side chooses for a channel |
//! | `consent`, `blocks` | what it decides about a follow, and whom it blocks |
//! | `limits` | how many follows there may be |
//! | `news`, `unannounced` | what the followed side, and the followers, haven't been told yet |
//! | `collected` | follows that come from a collection's |
//! | `webhooks` | the bot's webhook of a target, shared by its follows |
//! | `matching` | which follows let an activity through, by place and tags |
//!
//! Whoever changes a follow holds the locks of its source, of that source's channel, and of its target's
//! webhook channel, in this order (`change::lock`). What a change means for deliveries and panels is written
//! in the same transaction.

pub(super) mod blocks;
pub(super) mod break_audit;
pub(super) mod break_which;
pub(super) mod change;
mod collected;
pub(super) mod consent;
pub(super) mod doors;
pub(super) mod limits;
pub(super) mod list;
pub(super) mod matching;
pub(super) mod news;
pub(super) mod publication;
pub(super) mod row;
pub(super) mod state;
pub(super) mod unannounced;
pub(super) mod webhooks;
