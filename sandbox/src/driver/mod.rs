//! The driver: what a test, a demo or a benchmark does to the world, and sees of it.
//!
//! Building and acting are ordinary calls that take effect at once; only waiting is async. People are bound
//! by Discord's permissions like the bot is; what a *moderator* does from outside (moving webhooks, outages)
//! hangs on the guild and channel.

mod channel;
mod command;
mod error;
mod guild;
mod oauth;
mod options;
mod person;
mod render;
mod reply;
mod sandbox;
mod seen;
mod tally;
mod user_command;

pub use channel::Channel;
pub use error::ActError;
pub use guild::Guild;
pub use options::{Arg, Choice, Options};
pub use person::{Person, Post};
pub use reply::{Reply, ReplyKind};
pub use sandbox::Sandbox;
pub use seen::{SeenAttachment, SeenCommand, SeenMessage, SeenPings, SeenWebhook};
pub use tally::Tally;
