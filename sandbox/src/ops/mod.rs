//! The steps that change the world. Each leaves it consistent and sends the events that Discord would send.
//!
//! Whether somebody *may* do a step is asked before: by `rest` for the bot, by `driver` for people.

mod channels;
mod commands;
mod guilds;
mod interactions;
mod messages;
mod oauth;
mod threads;
mod webhooks;

pub(crate) use channels::{ChannelChange, NewChannel};
pub(crate) use interactions::NewInteraction;
pub(crate) use messages::NewMessage;
pub(crate) use oauth::{AuthorizationRefusal, TokenError};
pub(crate) use threads::NewThread;
pub(crate) use webhooks::WebhookChange;
