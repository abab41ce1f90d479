//! What nobody needs any more goes: contents, old messages, unused rows and webhooks.
//!
//! | file | what it owns |
//! |---|---|
//! | `messages` | contents and old messages |
//! | `unused` | rows and webhooks that nothing refers to |
//!
//! A few rows at a time go in one transaction, behind the locks of their sources, so that writers never wait
//! long. Cut off, it goes on with the next run.

pub(super) mod messages;
pub(super) mod unused;
