//! Discord's rules for what may be sent, each with Discord's own error.

mod command;
mod component;
mod embed;
mod message;
mod name;

pub(crate) use command::check as check_command;
pub(crate) use component::interactive;
pub(crate) use message::{Draft, DraftAttachment, Upload};
pub(crate) use name::{channel_name, webhook_name};

use serde_json::Value;

/// The length of a text as Discord counts it: in code points.
pub(crate) fn length(text: &str) -> usize {
    text.chars().count()
}

/// A snowflake, which arrives as a string or (from some libraries) as a number.
pub(crate) fn snowflake<I: From<u64>>(value: &Value) -> Option<I> {
    match value {
        Value::String(text) => text.parse::<u64>().ok().map(I::from),
        Value::Number(number) => number.as_u64().map(I::from),
        _ => None,
    }
}
