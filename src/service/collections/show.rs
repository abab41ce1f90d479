//! A server's collections, for those who may read what the server follows: Manage Messages.

use crate::domain::collection::Collection;
use crate::domain::personal::CollectionId;
use crate::rest::Rest;
use crate::service::access::{Access, CachedAccess};
use crate::service::error::CollectionRefusal;
use crate::service::{Actor, ChannelView, ServiceError};
use crate::store::CollectionCounts;

use super::{Collections, READ};

/// A collection with its channels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionRecord {
    /// The collection.
    pub collection: Collection,
    /// How much it has.
    pub counts: CollectionCounts,
    /// Its channels, in order, without those that the person who asks may not know.
    pub channels: Vec<ChannelView>,
}

impl Collections {
    /// The collections of the actor's server, by name.
    pub async fn list(&self, actor: Actor) -> Result<Vec<(Collection, CollectionCounts)>, ServiceError> {
        let rest = self.rest.of_person(actor.user, actor.guild);
        self.reading(&rest, actor).await?;
        Ok(self.store.collections_of(actor.guild).await?)
    }

    /// One of them, with its channels.
    pub async fn show(&self, actor: Actor, id: CollectionId) -> Result<CollectionRecord, ServiceError> {
        let rest = self.rest.of_person(actor.user, actor.guild);
        let mut access = self.reading(&rest, actor).await?;
        let collection = self.store.collection(actor.guild, id).await?.ok_or(CollectionRefusal::Unknown)?;
        self.record(&mut access, actor, collection).await
    }

    /// A collection with its channels, without those that the person may not know.
    pub(super) async fn record(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        collection: Collection,
    ) -> Result<CollectionRecord, ServiceError> {
        let collected = self.store.collected_channels(collection.id).await?;
        let mut channels = Vec::with_capacity(collected.len());
        for one in collected {
            access.note_channel(one.guild, one.channel);
            channels.push(access.view_channel(actor, one.channel).await?);
        }
        let counts = CollectionCounts {
            channels: u64::try_from(channels.len()).unwrap_or(u64::MAX),
            followers: self.store.collection_followers(collection.id).await?,
        };
        Ok(CollectionRecord { collection, counts, channels })
    }

    /// Permissions as they were within the last minute, for a member who may read what the server follows.
    async fn reading<'a>(&'a self, rest: &'a Rest, actor: Actor) -> Result<CachedAccess<'a>, ServiceError> {
        let mut access = CachedAccess::read(rest, self.clock, &self.lookups, actor).await?;
        access.require_here(actor, READ).await?;
        Ok(access)
    }
}
