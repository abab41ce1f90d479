//! Numbers and reports for people. Nothing here writes or locks: a report is what the database says at that
//! moment.
//!
//! | file | what it owns |
//! |---|---|
//! | `contents` | what activities show |
//! | `delivered` | how far a follow's deliveries are |
//! | `followers` | what became of a message in each of its source's followers |
//! | `server_stats` | numbers about one server's follows |
//! | `stats` | numbers for `/about` and the metrics |

mod contents;
pub(super) mod delivered;
pub(super) mod followers;
pub(super) mod server_stats;
pub(super) mod stats;
