//! Which servers are to be looked at because something was stored that rests on who may see what there. What changed at Discord before it was stored was found
//! by no look, and what changes later is told by the gateway: between them, nothing is missed.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

use crate::domain::ids::GuildId;

/// Servers that wait for a look.
#[derive(Debug, Default)]
pub struct DoorLooks {
    servers: Mutex<HashSet<GuildId>>,
    news: Notify,
}

impl DoorLooks {
    /// Has a server looked at.
    pub(super) fn want(&self, server: GuildId) {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner).insert(server);
        self.news.notify_one();
    }

    /// Waits until there are any, and takes them.
    pub(super) async fn next(&self) -> HashSet<GuildId> {
        loop {
            let servers = std::mem::take(&mut *self.servers.lock().unwrap_or_else(PoisonError::into_inner));
            if !servers.is_empty() {
                return servers;
            }
            self.news.notified().await;
        }
    }
}
