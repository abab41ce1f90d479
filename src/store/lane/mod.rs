//! Lanes: who sends into a target, what is next there, and what came of it.
//!
//! | file | what it owns |
//! |---|---|
//! | `leases` | who holds a lane, and how long |
//! | `request`, `work` | what a lane's holder asks for; what it is given |
//! | `advance` | the storage half of delivery, for many lanes at once |
//! | `rows`, `results`, `created`, `pick`, `surroundings`, `contents` | its parts: the lanes' rows, what was done, what was made, what is next, where that is shown, what it says |
//! | `attempts` | where a failed attempt of a delivery is counted |
//! | `deliveries` | what statements about deliveries have in common |
//! | `holds` | which targets are held up, and why |
//! | `mirrors`, `retractions` | what a message of a target mirrors; which messages must not stand |
//!
//! Whoever changes what is owed in a lane, or what it shows, holds the lane's row lock. Only the holder of the lease, by its epoch,
//! records what was sent. Recording one step, picking the next and writing down what is in flight are one transaction.

pub(super) mod advance;
pub(super) mod attempts;
pub(super) mod contents;
pub(super) mod created;
pub(super) mod deliveries;
pub(super) mod holds;
pub(super) mod leases;
pub(super) mod mirrors;
pub(super) mod pick;
pub(super) mod request;
pub(super) mod results;
pub(super) mod retractions;
pub(super) mod rows;
pub(super) mod surroundings;
pub(super) mod work;
