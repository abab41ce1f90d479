//! The world as Discord's JSON: one function per kind of object. Fields follow Discord's OpenAPI description.

mod channel;
mod components;
mod guild;
mod message;
mod oauth;
mod user;
mod webhook;

pub(crate) use channel::{channel, partial_channel, thread_member};
pub(crate) use guild::{guild_create, guild_with_counts, member, partial_guild, role};
pub(crate) use message::{attachment_signature, attachment_url, gateway_message, message};
pub(crate) use oauth::{authorization, tokens};
pub(crate) use user::{
    APPLICATION_FLAGS, application, current_person, current_user, partial_application, user,
};
pub(crate) use webhook::{View, webhook};

use chrono::{DateTime, SecondsFormat, Utc};

/// A time as Discord writes it.
pub(crate) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, false)
}
