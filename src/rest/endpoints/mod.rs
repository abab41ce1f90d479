//! The calls that Tributary makes, one file for each of Discord's resources.

mod application;
pub(super) mod channels;
pub(super) mod guilds;
pub(super) mod messages;
pub(super) mod threads;
mod users;
pub(super) mod webhook_messages;
pub(super) mod webhooks;
