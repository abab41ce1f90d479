//! The kinds of panel: what an admin configures, where the data comes from, how a panel looks, and what its
//! buttons do.
//!
//! Five modules share the work on panels:
//!
//! - `domain/panel`: what every panel has. Its row, the view that it shows, the forms that people fill in.
//! - `panel` (here): the kinds, their data sources, and charts. A kind never posts, edits or checks a right.
//! - `store/panel*`: the rows. Which panel is due, who refreshes it, what its message shows.
//! - `service/panels`: the use cases. Create, edit, refresh, post, press. It knows a kind only as an
//!   [`AnyPanelKind`].
//! - `discord/panel`: Discord's side. Forms as modals, presses as interactions, the answers that people read.
//!
//! ```text
//! gather (I/O, once for everyone who sees it) ─► data ───┐
//!                         what an admin chose ─► config ─┴─► render (pure) ─► PanelView
//! PanelView ─► a revision of the panel's activity ─► the panel's own message, and its mirrors
//! ```

pub mod chart;
mod embed;
pub mod kind;
pub mod kinds;
mod links;
mod placeholders;
pub mod sources;

pub use self::kind::{
    ActionInput, ActionOutcome, AnyPanelKind, InvalidInput, PanelContext, PanelKind, PanelLocation, PressKind,
};
pub use self::kinds::{KINDS, find};
pub use self::sources::{DataSources, PanelSettings, SourceUnavailable};
