//! Looks at panels when their time has come.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::domain::ids::GuildId;
use crate::domain::panel::{Panel, PanelId};

use super::Panels;
use crate::service::ServiceError;

/// How many panels are looked at together.
const AT_ONCE: usize = 16;
/// How many of them are of one server: those of others don't wait for its slow ones.
const AT_ONCE_OF_ONE: usize = 4;
/// How long the keeper waits at most before it asks the database again: another process may have hastened a panel.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long it waits after the database failed.
const RETRY: Duration = Duration::from_secs(2);

/// Keeps panels current.
pub struct Keeper {
    panels: Arc<Panels>,
    looking: JoinSet<PanelId>,
    /// Those that are looked at, with their servers.
    held: HashMap<PanelId, GuildId>,
}

impl Keeper {
    /// The keeper of these panels.
    pub fn new(panels: Arc<Panels>) -> Self {
        Self { panels, looking: JoinSet::new(), held: HashMap::new() }
    }

    /// Works as long as it is let. A look that is cut off is repeated at the next start.
    pub async fn run(mut self) {
        while let Err(error) = self.panels.load_messages().await {
            tracing::error!(%error, "can't read the panels from the database; trying again");
            tokio::time::sleep(RETRY).await;
        }
        loop {
            let wait = match self.begin_looks().await {
                Ok(wait) => wait,
                Err(error) => {
                    tracing::error!(%error, "can't ask the database for panels that are due");
                    RETRY
                }
            };
            let panels = Arc::clone(&self.panels);
            tokio::select! {
                Some(ended) = self.looking.join_next() => match ended {
                    Ok(panel) => drop(self.held.remove(&panel)),
                    // Why is not for the log: a panic's message may hold contents.
                    Err(_) => {
                        tracing::error!("a look at a panel failed");
                        self.held.clear();
                    }
                },
                () = panels.due.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Begins to look at what is due, and says how long nothing else will be.
    async fn begin_looks(&mut self) -> Result<Duration, ServiceError> {
        let panels = &self.panels;
        let now = panels.clock.now();
        let due = panels.store.due_panels(panels.shards, now, 2 * AT_ONCE as u64).await?;
        let due: Vec<Panel> = due.into_iter().filter(|panel| !self.held.contains_key(&panel.id)).collect();
        for panel in due {
            if self.looking.len() >= AT_ONCE {
                // One that ends makes room.
                return Ok(LONGEST_WAIT);
            }
            let of_server = self.held.values().filter(|guild| **guild == panel.guild).count();
            if of_server >= AT_ONCE_OF_ONE {
                continue;
            }
            self.held.insert(panel.id, panel.guild);
            let panels = Arc::clone(panels);
            self.looking.spawn(async move {
                let id = panel.id;
                panels.look_and_log(id).await;
                id
            });
        }
        let next = panels.store.next_panel_due(panels.shards).await?;
        let wait = next.and_then(|next| (next - now).to_std().ok()).unwrap_or(LONGEST_WAIT);
        Ok(wait.clamp(Duration::from_millis(20), LONGEST_WAIT))
    }
}
