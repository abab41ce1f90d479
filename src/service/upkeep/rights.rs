//! Compares the rights that the gateway describes with those that each check covered.

use crate::domain::doors::RightsDigest;
use crate::domain::ids::GuildId;
use crate::domain::shards::Shard;
use crate::service::ServiceError;
use crate::service::server_rights::RightsSeen;

use super::{DiscordChange, Upkeep};

impl Upkeep {
    /// A shard's session begins anew: nobody was told what happened before.
    pub fn session_began(&self, shard: Shard) {
        self.parts.rights.session_began(self.parts.watched.servers_of(|guild| shard.has(guild)));
    }

    /// Compares the rights that the gateway describes with those of the last check; `None` if they can't be
    /// read.
    pub fn compare_rights(&self, guild: GuildId, digest: Option<RightsDigest>) {
        if self.parts.rights.compare(guild, digest) {
            self.suspect(guild);
        }
    }

    /// Notes that a check of a server's permissions was complete.
    pub(super) async fn note_rights(&self, guild: GuildId, of: RightsSeen) -> Result<(), ServiceError> {
        if let Some(digest) = self.parts.rights.end(guild, of) {
            self.parts.store.note_rights(guild, digest).await?;
            self.parts.rights.extend([(guild, digest)]);
        }
        Ok(())
    }

    /// The change to reflect when the permissions in a server have changed.
    pub fn rights_changed(&self, guild: GuildId) -> DiscordChange {
        self.parts.rights.changed(guild);
        DiscordChange::PermissionsChanged(guild)
    }
}
