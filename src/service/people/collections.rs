//! Following collections personally: posts in their channels appear in the follower's feed.

use futures_util::StreamExt;
use futures_util::stream;

use crate::domain::audit::Via;
use crate::domain::collection::{CollectedChannel, Collection};
use crate::domain::follow::ThreadScope;
use crate::domain::ids::{ChannelId, GuildId, UserId};
use crate::domain::lock::lock;
use crate::domain::personal::{CollectionId, Followee, PersonalFollow, PersonalOptions};
use crate::service::access::{Access, CachedAccess, ChannelLookup, GuildChannel};
use crate::service::error::CollectionRefusal;
use crate::service::{Actor, PersonalRefusal, Refusal, ServiceError};
use crate::store::{FolloweePlace, PersonalEdit, PersonalEdited, PersonalPair};

use super::People;

/// How many channels of a collection begin to be read at once.
const AT_ONCE: usize = 8;

impl People {
    /// A person begins to follow a collection of a server that they are a member of, or an open one if they
    /// can read one of its channels.
    pub async fn follow_collection(
        &self,
        follower: UserId,
        via: Via,
        id: CollectionId,
        options: PersonalOptions,
    ) -> Result<PersonalFollow, ServiceError> {
        let change = async {
            let collection = self.followable_collection(follower, via, id).await?;
            self.profile_for(Some(follower), follower).await?;
            // Before the follow is stored, so that no post is missed in between.
            let is_first = self.store.collection_followers(id).await? == 0;
            let known = if is_first { self.store.collected_channels(id).await? } else { Vec::new() };
            self.begin_reading_all(known.clone()).await?;
            let followee = Followee::Collection(id);
            let place = FolloweePlace { server: collection.guild, parent: None, threads: false };
            let pair = PersonalPair { follower, followee, place: Some(place) };
            let edit = |_: Option<&PersonalFollow>| PersonalEdit::Begin(options);
            match self.edit(pair, edit).await? {
                PersonalEdited::Made(follow) => {
                    if is_first {
                        // Somebody who added one of these meanwhile saw no follower.
                        let mut added = self.store.collected_channels(id).await?;
                        added.retain(|one| !known.contains(one));
                        self.begin_reading_all(added).await?;
                    }
                    Ok(follow)
                }
                PersonalEdited::Refused => Err(CollectionRefusal::Unknown.into()),
                _ => Err(PersonalRefusal::AlreadyFollowing.into()),
            }
        };
        self.quotas.count_done_action(follower, change).await
    }

    /// A collection that this person may follow. Others get the answer of a missing one.
    async fn followable_collection(
        &self,
        user: UserId,
        via: Via,
        id: CollectionId,
    ) -> Result<Collection, ServiceError> {
        let now = self.clock.now();
        if let Some(free) = lock(&self.unknown).next_free(&user, now) {
            return Err(Refusal::TooManyLookups(free).into());
        }
        let may = match self.store.collection_anywhere(id).await? {
            Some(found) if self.may_follow(user, via, &found).await? => Some(found),
            _ => None,
        };
        may.ok_or_else(|| {
            let _ = lock(&self.unknown).take(user, now);
            CollectionRefusal::Unknown.into()
        })
    }

    async fn may_follow(&self, user: UserId, via: Via, found: &Collection) -> Result<bool, ServiceError> {
        let actor = |guild: GuildId| Actor { user, guild, channel: None, via };
        if self.reads_any(actor(found.guild), None).await? {
            return Ok(true);
        }
        if !found.options.open {
            return Ok(false);
        }
        let channels = self.store.collected_channels(found.id).await?;
        let mut servers: Vec<GuildId> = channels.iter().map(|one| one.guild).collect();
        servers.sort_unstable();
        servers.dedup();
        for server in servers.into_iter().filter(|server| *server != found.guild) {
            let own = channels.iter().filter(|one| one.guild == server).map(|one| one.channel);
            if self.reads_any(actor(server), Some(own.collect())).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a person is a member of this server, and can read one of these channels, if some are given.
    async fn reads_any(&self, actor: Actor, channels: Option<Vec<ChannelId>>) -> Result<bool, ServiceError> {
        if self.lookups.is_elsewhere(actor.guild) {
            return Ok(false);
        }
        let rest = self.rest.of_person(actor.user, actor.guild);
        let mut access = match CachedAccess::read(&rest, self.clock, &self.lookups, actor).await {
            Err(ServiceError::Refused(Refusal::UnknownServer)) => return Ok(false),
            access => access?,
        };
        let Some(channels) = channels else { return Ok(true) };
        for channel in channels {
            access.note_channel(actor.guild, channel);
            if access.may_read(actor, channel).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Begins to read the channels of a collection that nobody follows yet. Those that the bot can't read are
    /// left out.
    async fn begin_reading_all(&self, channels: Vec<CollectedChannel>) -> Result<(), ServiceError> {
        let rest = self.rest.of_program();
        let mut access = Access::new(&rest, self.clock);
        let mut found = Vec::with_capacity(channels.len());
        for CollectedChannel { channel, guild, threads, .. } in channels {
            match access.find_from(guild, channel).await {
                Ok(ChannelLookup::Seen(channel)) => found.push((GuildChannel { channel, guild }, threads)),
                Ok(ChannelLookup::Hidden | ChannelLookup::Gone) => {}
                Err(error) => skip(channel, error)?,
            }
        }
        let begun = found.into_iter().map(async |(place, threads): (GuildChannel, bool)| {
            let threads = if threads { ThreadScope::All } else { ThreadScope::None };
            self.intake.begin_reading(&place, threads).await.or_else(|error| skip(place.id(), error))
        });
        let mut begun = stream::iter(begun).buffer_unordered(AT_ONCE);
        while let Some(done) = begun.next().await {
            done?;
        }
        Ok(())
    }
}

/// What the bot can't read at the moment isn't read; whatever else is wrong is an error.
fn skip(channel: ChannelId, error: ServiceError) -> Result<(), ServiceError> {
    match error {
        ServiceError::Discord(error) if error.is_forbidden() || error.is_not_found() => {
            tracing::debug!(%channel, %error, "a collection is followed without a channel that can't be read");
            Ok(())
        }
        error => Err(error),
    }
}
