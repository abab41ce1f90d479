//! A Discord on loopback.
mod config;
mod driver;
mod error;
mod exchange;
mod faults;
mod gateway;
mod ids;
mod limits;
mod mentions;
mod model;
#[cfg(feature = "openapi")]
pub mod openapi;
mod ops;
mod permissions;
mod rest;
mod server;
mod shared;
mod validate;
mod wire;
mod world;

pub use config::{Config, Observer};
pub use driver::{
    ActError, Arg, Channel, Choice, Guild, Options, Person, Post, Reply, ReplyKind, Sandbox, SeenAttachment,
    SeenCommand, SeenMessage, SeenPings, SeenWebhook,
};
pub use exchange::Exchange;
pub use faults::{Effect, Fault, FaultId, LimitScope};
pub use gateway::{GatewayFault, Intents};
pub use ids::{
    ApplicationId, AttachmentId, ChannelId, CommandId, GuildId, InteractionId, MessageId, RoleId, TagId,
    UserId, WebhookId,
};
pub use limits::{Limits, Quota};
pub use model::{ChannelKind, MessageFlags};
pub use permissions::{Overwrite, OverwriteTarget, Permissions};
pub use shared::Counts;
