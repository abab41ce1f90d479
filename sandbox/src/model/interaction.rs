//! Interactions: what a person did, and how the bot answered.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::ids::{ChannelId, GuildId, InteractionId, MessageId, UserId};

/// Discord's interaction types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum InteractionKind {
    Command = 2,
    Component = 3,
    Autocomplete = 4,
    Modal = 5,
}

/// The bot's first answer.
#[derive(Clone, Debug)]
pub(crate) enum Acknowledgement {
    /// Type 4: a message.
    Message,
    /// Type 5: "thinking", and a message later.
    DeferredMessage,
    /// Type 6: the component's message may be edited later.
    DeferredUpdate,
    /// Type 7: the component's message was edited.
    Update,
    /// Type 8: choices of an autocompletion.
    Choices(Vec<Value>),
    /// Type 9: a form.
    Modal(Value),
}

/// One use of a command, component, autocompletion or modal.
#[derive(Clone, Debug)]
pub(crate) struct Interaction {
    pub(crate) id: InteractionId,
    pub(crate) token: String,
    pub(crate) kind: InteractionKind,
    pub(crate) user: UserId,
    pub(crate) guild: Option<GuildId>,
    pub(crate) channel: ChannelId,
    /// The command's name, for the message that answers it.
    pub(crate) name: Option<String>,
    /// The message that carries the component.
    pub(crate) source: Option<MessageId>,
    /// What opened the form that was sent.
    pub(crate) trigger: Option<InteractionId>,
    pub(crate) at: Instant,
    pub(crate) acknowledged: Option<(Duration, Acknowledgement)>,
    /// What `@original` means: the answer, or the component's message after types 6 and 7.
    pub(crate) original: Option<MessageId>,
    pub(crate) followups: Vec<MessageId>,
    /// How often the answer has changed, including its first appearance. A deferral doesn't count.
    pub(crate) answers: u32,
}
