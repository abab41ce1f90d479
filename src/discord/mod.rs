//! The edge towards Discord's gateway and towards people. Commands and buttons become calls of services, the
//! results become embeds, and events become what the services understand. No rule lives here.

mod channel_name;
mod collections;
pub mod commands;
mod components;
pub mod docs;
mod followers;
mod follows;
pub mod gateway;
mod ids;
mod options;
mod panel;
mod personal;
mod privacy;
mod reply;
mod report;
pub mod shards;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::service::accounts::Accounts;
use crate::service::authors::Authors;
use crate::service::collections::Collections;
use crate::service::panels::Panels;
use crate::service::people::People;
use crate::service::servers::Admission;
use crate::service::{FollowService, ServiceError};

/// What commands and buttons have at hand.
pub struct Bot {
    /// The use cases.
    pub follows: Arc<FollowService>,
    /// The use cases around panels.
    pub panels: Arc<Panels>,
    /// People's own follows, and their feeds.
    pub people: Arc<People>,
    /// A server's lists of channels.
    pub collections: Arc<Collections>,
    /// What people can ask about themselves.
    pub authors: Arc<Authors>,
    /// Who may use the web pages, if there are any.
    pub accounts: Option<Arc<Accounts>>,
    /// When the process started.
    pub started_at: DateTime<Utc>,
    /// What the gateway has told.
    pub gateway: Arc<shards::GatewayState>,
    /// Which servers the operator allows.
    pub admission: Arc<Admission>,
    /// The link with which a server's admin invites the bot.
    pub invite: String,
}

/// A command as poise runs it.
pub type Context<'a> = poise::ApplicationContext<'a, Arc<Bot>, ServiceError>;
