//! Sources: how far each has been read, and what happened there.
//!
//! | file | what it owns |
//! |---|---|
//! | `channels` | how far a channel has been read |
//! | `event` | source events become activities, and deliveries |
//! | `quotes` | which messages quote what was edited or deleted, until they are brought up to date |
//! | `circles` | messages that are quarantined while it is found out whether they go round in a circle |
//! | `threads` | threads of sources: how far they have been read, and what becomes of those that are gone |
//! | `lookups` | whether a source is read, and which of its messages are mirrored |
//! | `backfill` | what a new follow shows of the time before it |
//!
//! Whoever records something of a source, or asks who follows it in order to record, holds the source's lock
//! first, and the locks of the lanes that it wakes after that.

pub(super) mod backfill;
pub(super) mod channels;
pub(super) mod circles;
pub(super) mod event;
pub(super) mod lookups;
pub(super) mod quotes;
pub(super) mod threads;
