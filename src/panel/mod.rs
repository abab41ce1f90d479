//! The kinds of panel: what each needs to know, where its data comes from, how it looks, and what its buttons do. Everything that panels share (posting, keeping
//! current, mirrors, rights) is in [`service::panels`](crate::service), which knows a kind only as an [`AnyKind`].
//!
//! ```text
//! gather (I/O, once for all who see it) ─► data ─┐
//!                       what an admin chose ─► config ─┼─► render (pure) ─► View ─► an activity's revision ─► the panel's message, and its mirrors
//! ```

pub mod chart;
mod embed;
pub mod kind;
pub mod kinds;
mod links;
mod placeholders;
pub mod sources;

pub use self::kind::{Answer, AnyKind, Input, Invalid, Kind, Place, Press, Scene, Unavailable};
pub use self::kinds::{KINDS, find};
pub use self::sources::{Settings, Sources};
