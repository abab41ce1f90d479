//! The database itself: how it is opened, locked, written to and shared between processes.
//!
//! | file | what it owns |
//! |---|---|
//! | `connect` | opening SQLite or PostgreSQL, and the transaction that writes |
//! | `file` | SQLite's file before SQLite opens it |
//! | `setup` | migrations, the check that the key fits, and the ping |
//! | `unusable`, `error` | why a database can't be used, as operators read it; what can go wrong with it |
//! | `sql` | SQL as text for both databases, with sets of any size as one value |
//! | `entity` | the tables that SeaORM's builder reads and writes |
//! | `crypt` | encryption of contents and tokens |
//! | `locks` | the order in which rows are locked |
//! | `notices` | notices between processes, on PostgreSQL |
//! | `registration` | the connection that holds a process's shards |
//! | `owners`, `presence` | which processes are alive, and the lanes of the dead; whether any process runs |
//! | `gateway_sessions` | gateway sessions that a clean stop leaves to the next start |
//!
//! Every write goes through [`Store::write`](super::Store), one transaction at a time on SQLite. Within it,
//! rows are locked in the order that `locks` defines, and no request goes out.

pub(super) mod connect;
pub(super) mod crypt;
pub(super) mod entity;
pub(super) mod error;
pub(super) mod file;
pub(super) mod gateway_sessions;
pub(super) mod locks;
pub(super) mod notices;
pub(super) mod owners;
pub(super) mod presence;
pub(super) mod registration;
pub(super) mod setup;
pub(super) mod sql;
pub(super) mod unusable;
