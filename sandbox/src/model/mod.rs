//! What exists in the sandbox: plain data, without rules. `ops` changes it, `wire` writes it as Discord's
//! JSON.

pub(crate) mod channel;
pub(crate) mod command;
pub(crate) mod guild;
pub(crate) mod interaction;
pub(crate) mod message;
pub(crate) mod oauth;
pub(crate) mod webhook;

pub use channel::ChannelKind;
pub(crate) use channel::{Channel, ForumTag, Thread};
pub(crate) use command::Command;
pub(crate) use guild::{Guild, Member, Role, User};
pub(crate) use interaction::{Acknowledgement, Interaction, InteractionKind};
pub use message::MessageFlags;
pub(crate) use message::{Attachment, Author, Message, Pinged};
pub(crate) use oauth::{AuthorizationCode, AuthorizationRequest, Authorizations, OAuthScope, OAuthTokens};
pub(crate) use webhook::{Webhook, WebhookKind};
