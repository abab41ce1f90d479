//! Personal follows: who follows whom and what, and what is known of these people.
//!
//! | file | what it owns |
//! |---|---|
//! | `profiles` | people as others see them, and what they chose about being followed |
//! | `follows` | one person's follows: made, changed, ended |
//! | `row` | rows as the domain knows them |
//! | `list` | pages of followers and of people who are followed, counts, relationships |
//! | `blocks` | whom a person keeps from following them |
//! | `requests` | who asked to follow people who want to be asked |
//! | `visible` | whom a list names, to whoever looks at it |
//!
//! Invariants: a pair has one row, whatever its mode (a unique index). Nobody follows themselves (a CHECK).
//! Triggers count followers and followed in the transaction that changes a follow, and end all follows of a
//! person whose profile is deleted.
//!
//! Locks: changes of one person's follows run one after another (an advisory lock, which comes first). Who
//! follows a person, or asks to, holds a share of that person's profile; whoever blocks or refuses followers,
//! or answers a request, has it alone: so nobody is followed by somebody whom they just blocked. None of
//! `db::locks` is taken.

mod blocks;
pub(super) mod follows;
pub(super) mod list;
pub(super) mod profiles;
pub(super) mod requests;
mod row;
mod visible;
