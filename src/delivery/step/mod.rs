//! Doing one step at Discord, and reading what came of it as something to record.

pub(super) mod attempt;
pub(super) mod create;
mod edit;
pub(super) mod forums;
mod panel;
mod post;
pub(super) mod render;
pub(super) mod retract;
mod settle;
pub(super) mod sizes;
mod upload;
