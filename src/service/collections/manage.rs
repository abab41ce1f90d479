//! Making, changing and deleting collections, and choosing their channels.

use crate::domain::audit::ChangeStamp;
use crate::domain::channel::ChannelKind;
use crate::domain::collection::{
    CollectedChannel, Collection, CollectionDescription, CollectionName, CollectionOptions,
};
use crate::domain::follow::ThreadScope;
use crate::domain::ids::ChannelId;
use crate::domain::personal::{CollectionId, Followee};
use crate::service::access::{CachedAccess, GuildChannel};
use crate::service::error::CollectionRefusal;
use crate::service::{Actor, ServiceError};
use crate::store::{CollectedAs, CollectionConflict};

use super::{CollectionRecord, Collections, MANAGE};

/// A collection to be made, as somebody wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CollectionDraft {
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: Option<String>,
    /// Whether people who aren't members of its server may follow it.
    pub open: bool,
}

/// What is to change about a collection, as somebody wrote it. What isn't given stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CollectionPatch {
    /// Its name.
    pub name: Option<String>,
    /// What it is about; `Some(None)`: nothing is said about that any more.
    pub description: Option<Option<String>>,
    /// Whether people who aren't members of its server may follow it.
    pub open: Option<bool>,
}

fn name(text: &str) -> Result<CollectionName, CollectionRefusal> {
    CollectionName::new(text).ok_or(CollectionRefusal::Name)
}

fn description(text: Option<&str>) -> Result<Option<CollectionDescription>, CollectionRefusal> {
    CollectionDescription::new(text.unwrap_or_default()).map_err(|_| CollectionRefusal::Description)
}

impl From<CollectionConflict> for CollectionRefusal {
    fn from(conflict: CollectionConflict) -> Self {
        match conflict {
            CollectionConflict::NameTaken => Self::NameTaken,
            CollectionConflict::Full => Self::TooMany,
        }
    }
}

impl Collections {
    /// Makes a collection without channels. That takes Manage Channels in the server as a whole.
    pub async fn create(&self, actor: Actor, draft: &CollectionDraft) -> Result<Collection, ServiceError> {
        let create = async {
            self.require_manager(actor).await?;
            let options = CollectionOptions {
                name: name(&draft.name)?,
                description: description(draft.description.as_deref())?,
                open: draft.open,
            };
            let made = self.store.insert_collection(actor.guild, &options, self.stamp(actor)).await?;
            Ok(made.map_err(CollectionRefusal::from)?)
        };
        self.quotas.count_action(actor.user, create).await
    }

    /// Changes a collection. That takes Manage Channels in the server as a whole.
    pub async fn edit(
        &self,
        actor: Actor,
        id: CollectionId,
        patch: CollectionPatch,
    ) -> Result<CollectionRecord, ServiceError> {
        let edit = async {
            self.require_manager(actor).await?;
            let name = patch.name.as_deref().map(name).transpose()?;
            let description =
                patch.description.as_ref().map(|text| description(text.as_deref())).transpose()?;
            let change = |present: CollectionOptions| CollectionOptions {
                name: name.unwrap_or(present.name),
                description: description.unwrap_or(present.description),
                open: patch.open.unwrap_or(present.open),
            };
            let edited = self.store.edit_collection(actor.guild, id, self.stamp(actor), change).await?;
            let edited = edited.ok_or(CollectionRefusal::Unknown)?.map_err(CollectionRefusal::from)?;
            let rest = self.rest.of_person(actor.user, actor.guild);
            let mut access = CachedAccess::copied(&rest, self.clock, &self.lookups, actor);
            self.record(&mut access, actor, edited).await
        };
        self.quotas.count_action(actor.user, edit).await
    }

    /// Deletes a collection, and ends everybody's follows of it. That takes Manage Channels in the server as
    /// a whole.
    pub async fn delete(&self, actor: Actor, id: CollectionId) -> Result<(), ServiceError> {
        let delete = async {
            self.require_manager(actor).await?;
            let deleted = self.store.delete_collection(actor.guild, id, self.stamp(actor)).await?;
            self.syncs.request();
            if deleted { Ok(()) } else { Err(CollectionRefusal::Unknown.into()) }
        };
        self.quotas.count_action(actor.user, delete).await
    }

    /// Adds a channel that the person can read. That takes Manage Channels in the collection's server as a
    /// whole; or in the channel, if that is in this server and no channel follows the collection.
    /// Returns whether it wasn't there before.
    pub async fn add_channel(
        &self,
        actor: Actor,
        id: CollectionId,
        channel: ChannelId,
    ) -> Result<bool, ServiceError> {
        self.quotas.count_action(actor.user, self.add_now(actor, id, channel)).await
    }

    async fn add_now(
        &self,
        actor: Actor,
        id: CollectionId,
        channel: ChannelId,
    ) -> Result<bool, ServiceError> {
        let manages_all = self.require_collector(actor, channel).await?;
        self.store.collection(actor.guild, id).await?.ok_or(CollectionRefusal::Unknown)?;
        // What is added is posted in channels that they may not manage.
        if !manages_all && !self.store.collection_follows_of(actor.guild, Some(id)).await?.is_empty() {
            return Err(CollectionRefusal::IsFollowed.into());
        }
        let (place, _) = self.people.readable(actor.user, actor.via, channel, None).await?;
        let threads = place.kind() == ChannelKind::Forum;
        let collected = CollectedChannel { channel, guild: place.guild, parent: place.parent(), threads };
        // Before it is stored, so that no post is missed in between.
        let was_followed = self.begin_if_followed(id, &place, threads).await?;
        match self.store.collect_channel(actor.guild, id, collected, self.stamp(actor)).await? {
            CollectedAs::Added => {}
            CollectedAs::AlreadyThere => return Ok(false),
            CollectedAs::Full => return Err(CollectionRefusal::ChannelsFull.into()),
            CollectedAs::NoCollection => return Err(CollectionRefusal::Unknown.into()),
        }
        // The first follower may have come in between.
        if !was_followed {
            self.begin_if_followed(id, &place, threads).await?;
        }
        self.watched.extend([], [], place.parent().into_iter().chain([channel]));
        self.people.tell_peers(Followee::Collection(id)).await;
        self.syncs.request();
        Ok(true)
    }

    /// Begins to read a channel if somebody follows the collection. Returns whether that is so.
    async fn begin_if_followed(
        &self,
        id: CollectionId,
        place: &GuildChannel,
        threads: bool,
    ) -> Result<bool, ServiceError> {
        let followed = self.store.collection_followers(id).await? > 0;
        if followed {
            let threads = if threads { ThreadScope::All } else { ThreadScope::None };
            self.intake.begin_reading(place, threads).await?;
        }
        Ok(followed)
    }

    /// Removes a channel. That takes Manage Channels in the collection's server as a whole, or in the
    /// channel, if that is in this server.
    pub async fn remove_channel(
        &self,
        actor: Actor,
        id: CollectionId,
        channel: ChannelId,
    ) -> Result<(), ServiceError> {
        let remove = async {
            self.require_collector(actor, channel).await?;
            let removed = self.store.drop_collected(actor.guild, id, channel, self.stamp(actor)).await?;
            self.syncs.request();
            match removed {
                Some(true) => Ok(()),
                Some(false) => Err(CollectionRefusal::NotCollected(channel).into()),
                None => Err(CollectionRefusal::Unknown.into()),
            }
        };
        self.quotas.count_action(actor.user, remove).await
    }

    /// A change by this person, made now.
    fn stamp(&self, actor: Actor) -> ChangeStamp {
        actor.changed_by().at(self.clock.now())
    }

    /// Refuses somebody who doesn't manage channels in the server as a whole.
    async fn require_manager(&self, actor: Actor) -> Result<(), ServiceError> {
        let rest = self.rest.of_person(actor.user, actor.guild);
        let mut access = CachedAccess::anew(&rest, self.clock, &self.lookups, actor);
        access.require_member(actor).await?;
        access.require_in_server(actor, MANAGE).await
    }

    /// The same, if they don't manage this channel either.
    async fn require_collector(&self, actor: Actor, channel: ChannelId) -> Result<bool, ServiceError> {
        let rest = self.rest.of_person(actor.user, actor.guild);
        let mut access = CachedAccess::anew(&rest, self.clock, &self.lookups, actor);
        access.require_member(actor).await?;
        access.require_collector(actor, channel).await
    }
}
