//! Compares the permissions that the gateway describes with those that each check covered.

use crate::domain::doors::PermissionsDigest;
use crate::domain::ids::GuildId;
use crate::domain::shards::Shard;
use crate::service::ServiceError;
use crate::service::server_permissions::PermissionsSeen;

use super::{DiscordChange, Upkeep};

impl Upkeep {
    /// A shard's session begins anew: nobody was told what happened before.
    pub fn session_began(&self, shard: Shard) {
        self.parts.permissions.session_began(self.parts.watched.servers_of(|guild| shard.has(guild)));
    }

    /// Compares the permissions that the gateway describes with those of the last check; `None` if they can't
    /// be read.
    pub fn compare_permissions(&self, guild: GuildId, digest: Option<PermissionsDigest>) {
        if self.parts.permissions.compare(guild, digest) {
            self.suspect(guild);
        }
    }

    /// Notes that a check of a server's permissions was complete.
    pub(super) async fn note_permissions(
        &self,
        guild: GuildId,
        of: PermissionsSeen,
    ) -> Result<(), ServiceError> {
        if let Some(digest) = self.parts.permissions.end(guild, of) {
            self.parts.store.note_permissions(guild, digest).await?;
            self.parts.permissions.extend([(guild, digest)]);
        }
        Ok(())
    }

    /// The change to reflect when other processes may remember who may see what in a server; `None` if there
    /// are none.
    pub fn visibility_changed(&self, guild: GuildId) -> Option<DiscordChange> {
        (!self.parts.shards.is_all()).then_some(DiscordChange::VisibilityChanged(guild))
    }

    /// The change to reflect when the permissions in a server have changed.
    pub fn permissions_changed(&self, guild: GuildId) -> DiscordChange {
        self.parts.permissions.changed(guild);
        DiscordChange::PermissionsChanged(guild)
    }
}
