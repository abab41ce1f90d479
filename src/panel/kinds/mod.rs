//! The list of kinds, each in a file of its own.

mod custom;
mod follows;
mod gamehub;
mod monitoring;
mod project;
mod server;
#[cfg(test)]
mod test_support;
mod welcome;

use super::kind::AnyPanelKind;

/// All kinds, in the order in which commands offer them.
pub static KINDS: &[&dyn AnyPanelKind] = &[
    &welcome::Welcome,
    &server::Server,
    &monitoring::Monitoring,
    &project::Project,
    &gamehub::Gamehub,
    &follows::FollowsPanel,
    &custom::Custom,
];

/// The kind of this name.
pub fn find(name: &str) -> Option<&'static dyn AnyPanelKind> {
    KINDS.iter().copied().find(|kind| kind.name() == name)
}
