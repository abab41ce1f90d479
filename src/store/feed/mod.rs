//! Feeds: the posts that personal follows bring.
//!
//! | file | what it owns |
//! |---|---|
//! | `fill` | which activities become candidates for whose feed |
//! | `channels` | in which channels that is which a feed may show |
//! | `candidates` | what a feed may show, newest first, and through which follows |
//! | `posts` | what the posts of a page say |
//! | `marks` | up to where people have read |
//! | `unchecked` | what must be compared with Discord before it is shown |
//! | `trim` | what is too old, or too much |
//! | `links` | private addresses at which programs read feeds, by the hashes of their secrets |
//! | `digests` | who gets digests by direct message, when, and up to where these went |
//!
//! A feed is a list of candidates, which is filtered when it is read: an unfollow, another filter, a deletion
//! act at once. What has few followers is pushed: each gets a row, in the transaction that records the
//! activity. What has many is marked as pulled, and looked up when its followers read.
//!
//! Invariants: a person has each activity once (the key), however many of their follows it comes through.
//! Filling again changes nothing. Filters aren't applied here, so a changed filter needs no filling.
//!
//! Locks: `fill::push` runs in the transaction that records the activities, under the locks of their sources.
//! `fill::begin` runs in the transaction that makes a personal follow, without them: it skips activities that
//! another transaction holds. Reading takes no locks. Transactions that add a link of one person run one
//! after another.

pub(super) mod candidates;
mod channels;
mod digests;
pub(in crate::store) mod fill;
pub(in crate::store) mod links;
mod marks;
pub(super) mod posts;
mod trim;
pub(super) mod unchecked;
