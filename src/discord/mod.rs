//! The edge to Discord's gateway and to people: commands and buttons become calls of services, their results become embeds,
//! and events become what the services understand. No rule lives here.

pub mod commands;
mod components;
pub mod docs;
mod followers;
mod follows;
pub mod gateway;
mod ids;
mod options;
mod panel;
mod privacy;
mod reply;
mod report;
pub mod shards;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::service::authors::Authors;
use crate::service::panels::Panels;
use crate::service::servers::Admission;
use crate::service::{FollowService, ServiceError};

/// What commands and buttons work with.
pub struct Bot {
    /// The use cases.
    pub follows: FollowService,
    /// Everything about panels.
    pub panels: Arc<Panels>,
    /// What people ask about themselves.
    pub authors: Arc<Authors>,
    /// When the process started.
    pub started_at: DateTime<Utc>,
    /// What is known of the gateway.
    pub gateway: Arc<shards::GatewayState>,
    /// Which servers are served.
    pub admission: Arc<Admission>,
    /// The link with which a server's admin invites the bot.
    pub invite: String,
}

/// A command as poise runs it.
pub type Context<'a> = poise::ApplicationContext<'a, Arc<Bot>, ServiceError>;
