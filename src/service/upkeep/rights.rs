//! What the gateway tells of who may see what in whole servers, and of which of that each look was.

use crate::domain::doors::RightsDigest;
use crate::domain::ids::GuildId;
use crate::domain::shards::Shard;
use crate::service::ServiceError;
use crate::service::server_rights::Told;

use super::{Change, Upkeep};

impl Upkeep {
    /// A shard's session begins anew: of what happened before, nobody was told.
    pub fn session_began(&self, shard: Shard) {
        self.rights.session_began(self.watched.servers_of(|guild| shard.has(guild)));
    }

    /// Compares what the gateway tells of who may see what in a server with what the last look was of; nothing where
    /// it can't be read.
    pub fn told_of_rights(&self, guild: GuildId, digest: Option<RightsDigest>) {
        if self.rights.told(guild, digest) {
            self.doubt(guild);
        }
    }

    /// A look at who may see what in a server was complete.
    pub(super) async fn note_rights(&self, guild: GuildId, of: Told) -> Result<(), ServiceError> {
        if let Some(digest) = self.rights.end(guild, of) {
            self.store.note_rights(guild, digest).await?;
            self.rights.extend([(guild, digest)]);
        }
        Ok(())
    }

    /// What to reflect when who may see what in a server has changed.
    pub fn rights_changed(&self, guild: GuildId) -> Change {
        self.rights.changed(guild);
        Change::DoorsChanged(guild)
    }
}
