//! What other processes change. A follow that was made in one of them may have its source in a server of this
//! one.

use std::sync::Arc;

use crate::domain::follow::FollowId;
use crate::domain::personal::Followee;
use crate::domain::shards::Shards;
use crate::store::{Notice, Store};

use super::access::lookups::Lookups;
use super::authors::Authors;
use super::intake::Intake;
use super::panels::Panels;
use super::servers::Admission;
use super::upkeep::Upkeep;
use super::watch::Watched;
use super::{ServiceError, ServiceParts};

/// Applies what other processes say, in processes that listen to the gateway.
///
/// A follow is announced after it was stored, and its source is read from what had been seen by then. So
/// nothing is missed, however late this hears of it.
pub struct PeerUpdates {
    store: Store,
    watched: Arc<Watched>,
    shards: Shards,
    admission: Arc<Admission>,
    upkeep: Arc<Upkeep>,
    intake: Arc<Intake>,
    panels: Arc<Panels>,
    authors: Arc<Authors>,
    lookups: Arc<Lookups>,
}

impl PeerUpdates {
    /// Passes updates on to these.
    pub fn new(
        parts: ServiceParts,
        upkeep: Arc<Upkeep>,
        intake: Arc<Intake>,
        panels: Arc<Panels>,
        authors: Arc<Authors>,
        lookups: Arc<Lookups>,
    ) -> Self {
        let ServiceParts { store, watched, shards, admission, .. } = parts;
        Self { store, watched, shards, admission, upkeep, intake, panels, authors, lookups }
    }

    /// Applies what another process said.
    pub async fn apply(&self, signal: &Notice) -> Result<(), ServiceError> {
        match signal {
            Notice::Follow(id) => self.sync_follow(*id).await,
            Notice::Followee(Followee::User(author)) => {
                self.watched.add_author(*author);
                self.intake.check_feeds_soon();
                Ok(())
            }
            Notice::Followee(Followee::Channel(_) | Followee::Collection(_)) => {
                self.intake.read_soon(self.upkeep.load_watched().await?);
                self.intake.check_feeds_soon();
                Ok(())
            }
            Notice::Panel => {
                self.panels.wake_refresh_loop();
                Ok(())
            }
            Notice::Author => {
                self.authors.poke();
                Ok(())
            }
            Notice::Servers => {
                self.admission.poke();
                Ok(())
            }
            Notice::Visibility(guild) => {
                self.lookups.permissions_changed(*guild);
                Ok(())
            }
            Notice::Work(_) | Notice::AnyWork => Ok(()),
        }
    }

    /// Something may have been said that wasn't received: asks the database for everything.
    pub async fn resync(&self) -> Result<(), ServiceError> {
        self.intake.read_soon(self.upkeep.load_watched().await?);
        self.panels.wake_refresh_loop();
        self.authors.poke();
        self.admission.poke();
        Ok(())
    }

    async fn sync_follow(&self, id: FollowId) -> Result<(), ServiceError> {
        // It was removed again meanwhile.
        let Some(follow) = self.store.follow_anywhere(id).await? else { return Ok(()) };
        let more = self.watched.update_follow(&follow, &follow.options);
        if more && self.shards.has(follow.source_guild) {
            self.intake.read_soon([(follow.pair.source, follow.source_guild)]);
        }
        Ok(())
    }
}
