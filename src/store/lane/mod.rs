//! Lanes: who sends into a target, what is next there, and what came of it.
//!
//! | file | what it owns |
//! |---|---|
//! | `leases` | who holds a lane, and how long |
//! | `request`, `work` | what a lane's holder asks for; what it is given |
//! | `advance`, `turn` | the storage half of delivery, for many lanes at once; the turn of one lane in it |
//! | `step_result`, `changes`, `created` | what a holder has done; how that is recorded; recording new messages |
//! | `rows`, `candidates`, `pick` | the lanes' rows; which deliveries may be next; which one is |
//! | `surroundings`, `contents` | where that is shown; what it shows |
//! | `attempts` | where a failed attempt of a delivery is counted |
//! | `deliveries` | what statements about deliveries have in common |
//! | `webhook` | the webhook that a lane sends with |
//! | `waits` | which targets wait, and why |
//! | `mirrors`, `retractions` | what a message of a target mirrors; which messages must not stand |
//!
//! Locks: whoever changes what is due in a lane, or what it shows, holds the lane's row lock. Only the
//! holder of the lease records what was sent; the epoch proves it.
//!
//! Transaction: recording one step, picking the next delivery and marking a create as in flight are one
//! transaction, for all lanes that ask at the same moment.

pub(super) mod advance;
pub(super) mod attempts;
mod candidates;
pub(super) mod changes;
pub(super) mod contents;
pub(super) mod created;
pub(super) mod deliveries;
pub(super) mod leases;
pub(super) mod mirrors;
pub(super) mod pick;
pub(super) mod request;
pub(super) mod retractions;
pub(super) mod rows;
pub(super) mod step_result;
pub(super) mod surroundings;
mod turn;
pub(super) mod waits;
pub(super) mod webhook;
pub(super) mod work;
