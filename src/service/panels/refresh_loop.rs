//! Refreshes panels when their time has come.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::domain::ids::GuildId;
use crate::domain::panel::{Panel, PanelId};

use super::Panels;
use crate::service::ServiceError;

/// How many panels are refreshed at once.
const AT_ONCE: usize = 16;
/// How many of them may belong to one server, so that its slow ones don't keep others waiting.
const AT_ONCE_OF_ONE: usize = 4;
/// How long the loop waits at most before it asks the database again: another process may have hastened a
/// panel.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long it waits after the database failed.
const RETRY: Duration = Duration::from_secs(2);

/// Keeps panels current.
pub struct RefreshLoop {
    panels: Arc<Panels>,
    refreshes: JoinSet<PanelId>,
    /// The panels that are being refreshed, with their servers.
    under_way: HashMap<PanelId, GuildId>,
}

impl RefreshLoop {
    /// A loop over these panels.
    pub fn new(panels: Arc<Panels>) -> Self {
        Self { panels, refreshes: JoinSet::new(), under_way: HashMap::new() }
    }

    /// Runs until it is dropped. A refresh that is cut off is repeated at the next start.
    pub async fn run(mut self) {
        while let Err(error) = self.panels.load_messages().await {
            tracing::error!(%error, "can't read the panels from the database; trying again");
            tokio::time::sleep(RETRY).await;
        }
        loop {
            let wait = match self.start_refreshes().await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "can't ask the database for panels that are due");
                    RETRY
                }
            };
            let panels = Arc::clone(&self.panels);
            tokio::select! {
                Some(ended) = self.refreshes.join_next() => match ended {
                    Ok(panel) => drop(self.under_way.remove(&panel)),
                    // The log must not say why: a panic's message may hold contents.
                    Err(_) => {
                        tracing::error!("a refresh of a panel failed");
                        self.under_way.clear();
                    }
                },
                () = panels.due.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Starts to refresh what is due, and says how long nothing else will be.
    async fn start_refreshes(&mut self) -> Result<Duration, ServiceError> {
        let panels = &self.panels;
        let now = panels.clock.now();
        let due = panels.store.due_panels(panels.shards, now, 2 * AT_ONCE as u64).await?;
        let due: Vec<Panel> =
            due.into_iter().filter(|panel| !self.under_way.contains_key(&panel.id)).collect();
        for panel in due {
            if self.refreshes.len() >= AT_ONCE {
                // One that ends makes room.
                return Ok(LONGEST_WAIT);
            }
            let of_server = self.under_way.values().filter(|guild| **guild == panel.guild).count();
            if of_server >= AT_ONCE_OF_ONE {
                continue;
            }
            self.under_way.insert(panel.id, panel.guild);
            let panels = Arc::clone(panels);
            self.refreshes.spawn(async move {
                let id = panel.id;
                panels.refresh_and_log(id).await;
                id
            });
        }
        let next = panels.store.next_panel_due(panels.shards).await?;
        let wait = next.and_then(|next| (next - now).to_std().ok()).unwrap_or(LONGEST_WAIT);
        Ok(wait.clamp(Duration::from_millis(20), LONGEST_WAIT))
    }
}
