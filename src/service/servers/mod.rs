//! Which servers the operator serves: decided from the settings' lists and the table of blocked servers
//! ([`Admission`]), carried out by the process that has the server's shard ([`Leaving`]), and changed and
//! shown by subcommands ([`operate`]).

mod admission;
mod forgetting;
mod leaving;
pub mod operate;

pub use self::admission::{Admission, AdmissionSettings, ServerDecision};
pub use self::forgetting::LeftServerCleanup;
pub use self::leaving::Leaving;
