//! Personal follows: who follows whom and what, and what is known of these people.
//!
//! | file | what it owns |
//! |---|---|
//! | `profiles` | people as others see them, and what they chose about being followed |
//! | `follows` | one person's follows: made, changed, ended |
//! | `row` | rows as the domain knows them |
//! | `list` | pages of followers and of people who are followed, counts, relationships |
//! | `blocks` | the people whom a person keeps from following them |
//! | `requests` | people who asked to follow somebody who wants to be asked |
//! | `visible` | the people whom a list names, to whoever looks at it |
//!
//! Invariants: a pair has one row, whatever its mode (a unique index). Nobody follows themselves (a CHECK).
//! Triggers count followers and followed in the transaction that changes a follow, and end all follows of a
//! person whose profile is deleted.
//!
//! Locks: changes of one person's follows run one after another (an advisory lock, which comes first).
//! Following somebody, or asking to, takes a shared lock on the followed profile; blocking, refusing
//! followers and answering a request take an exclusive one. So nobody is followed by somebody whom they just
//! blocked. The locks of sources and lanes aren't taken, not even when a new follow's feed is filled
//! (`feed::fill`). `db::locks` has the order of all.

mod blocks;
pub(super) mod follows;
pub(super) mod list;
pub(super) mod profiles;
pub(super) mod requests;
mod row;
mod visible;
