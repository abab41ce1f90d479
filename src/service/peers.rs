//! What other processes change: a follow that was made through one of them may have its source in a server of this one.

use std::sync::Arc;

use crate::domain::follow::FollowId;
use crate::domain::shards::Shards;
use crate::store::{Signal, Store};

use super::authors::Authors;
use super::intake::Intake;
use super::panels::Panels;
use super::servers::Admission;
use super::upkeep::Upkeep;
use super::watch::Watched;
use super::{Parts, ServiceError};

/// Takes up what others tell, for those who listen to the gateway.
///
/// What is told of a follow comes after it was stored, and its source is read from what was last seen when it was: so nothing falls between, however late
/// this hears of it.
pub struct Others {
    store: Store,
    watched: Arc<Watched>,
    shards: Shards,
    admission: Arc<Admission>,
    upkeep: Arc<Upkeep>,
    intake: Arc<Intake>,
    panels: Arc<Panels>,
    authors: Arc<Authors>,
}

impl Others {
    /// What others tell goes to these.
    pub fn new(
        parts: Parts,
        upkeep: Arc<Upkeep>,
        intake: Arc<Intake>,
        panels: Arc<Panels>,
        authors: Arc<Authors>,
    ) -> Self {
        let Parts { store, watched, shards, admission, .. } = parts;
        Self { store, watched, shards, admission, upkeep, intake, panels, authors }
    }

    /// Takes up what another process told.
    pub async fn take(&self, signal: &Signal) -> Result<(), ServiceError> {
        match signal {
            Signal::Follow(id) => self.take_follow(*id).await,
            Signal::Panel => {
                self.panels.wake_refresh_loop();
                Ok(())
            }
            Signal::Author => {
                self.authors.poke();
                Ok(())
            }
            Signal::Servers => {
                self.admission.poke();
                Ok(())
            }
            Signal::Work(_) | Signal::Look => Ok(()),
        }
    }

    /// Something may have been told that wasn't heard: all is asked of the database.
    pub async fn take_all(&self) -> Result<(), ServiceError> {
        self.intake.read_soon(self.upkeep.load_watched().await?);
        self.panels.wake_refresh_loop();
        self.authors.poke();
        self.admission.poke();
        Ok(())
    }

    async fn take_follow(&self, id: FollowId) -> Result<(), ServiceError> {
        // Removed again meanwhile.
        let Some(follow) = self.store.follow_anywhere(id).await? else { return Ok(()) };
        let more = self.watched.add_again(&follow, &follow.options);
        if more && self.shards.has(follow.source_guild) {
            self.intake.read_soon([(follow.pair.source, follow.source_guild)]);
        }
        Ok(())
    }
}
