//! Collections by their names, as people type them.

use crate::domain::collection::{Collection, CollectionName};
use crate::domain::ids::GuildId;
use crate::domain::personal::CollectionId;
use crate::service::access::CachedAccess;
use crate::service::{Actor, ServiceError};

use super::{Collections, MANAGE, READ};

/// A number that no collection has.
const NONE: CollectionId = CollectionId(0);

impl Collections {
    /// The number of the collection of this server that has this name, in capitals or not. If there is none,
    /// a number that no collection has: what is done with it checks first what the person may know.
    pub async fn named(&self, guild: GuildId, typed: &str) -> Result<CollectionId, ServiceError> {
        let Some(name) = CollectionName::new(typed) else { return Ok(NONE) };
        Ok(self.store.collection_named(guild, &name).await?.unwrap_or(NONE))
    }

    /// The collections of the actor's server whose names contain this, by name, for somebody who manages
    /// channels or messages where they type.
    pub async fn choices(&self, actor: Actor, typed: &str) -> Result<Vec<Collection>, ServiceError> {
        let rest = self.rest.of_person(actor.user, actor.guild);
        let mut access = CachedAccess::complete(&rest, self.clock, &self.lookups, actor).await;
        if access.require_here(actor, READ).await.is_err() {
            access.require_here(actor, MANAGE).await?;
        }
        let typed = typed.trim().to_lowercase();
        let all = self.store.collections_of(actor.guild).await?.into_iter().map(|(one, _)| one);
        Ok(all.filter(|one| one.options.name.key().contains(&typed)).collect())
    }
}
