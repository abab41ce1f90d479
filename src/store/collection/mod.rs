//! Collections: a server's named lists of channels, which people follow as one.
//!
//! | file | what it owns |
//! |---|---|
//! | `collections` | the collections of a server: made, found, changed, deleted |
//! | `channels` | which channels a collection has |
//! | `follows` | which channels follow which collections, and how far that is in step |
//! | `gaps` | which channels of a followed collection aren't followed, and why |
//!
//! Invariants: no two collections of a server have the same name, compared in lower case (a unique index).
//! A collection's channels go with it, and so do everybody's follows of it (a trigger). A channel's follow of
//! it stays without it until what came from it is taken down. Each change is in the audit of its server.
//!
//! Locks: changes of one server's collections run one after another (an advisory lock, which comes first);
//! changes of a collection's channels lock its row, and so does beginning to follow it. None of `db::locks`
//! is taken.

mod channels;
mod collections;
mod follows;
mod gaps;

pub use self::channels::CollectedAs;
pub use self::collections::{CollectionConflict, CollectionCounts};
pub use self::follows::{CollectionFollowInserted, NewCollectionFollow};
pub use self::gaps::UntoldGaps;
