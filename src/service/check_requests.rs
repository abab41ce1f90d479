//! Servers whose permissions must be checked because something was stored that depends on them. A change at
//! Discord that came before the storing was found by no check, and the gateway reports every later one:
//! together, nothing is missed.

use std::collections::HashSet;
use std::sync::Mutex;

use tokio::sync::Notify;

use crate::domain::ids::GuildId;
use crate::domain::lock::lock;

/// Servers that wait for a check.
#[derive(Debug, Default)]
pub struct CheckRequests {
    servers: Mutex<HashSet<GuildId>>,
    news: Notify,
}

impl CheckRequests {
    /// Requests a check of a server.
    pub(super) fn request(&self, server: GuildId) {
        lock(&self.servers).insert(server);
        self.news.notify_one();
    }

    /// Waits until there are requests, and takes all of them.
    pub(super) async fn next(&self) -> HashSet<GuildId> {
        loop {
            let servers = std::mem::take(&mut *lock(&self.servers));
            if !servers.is_empty() {
                return servers;
            }
            self.news.notified().await;
        }
    }
}
