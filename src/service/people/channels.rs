//! Following channels personally: their posts appear in the follower's feed.

use chrono::{DateTime, Utc};

use crate::domain::audit::Via;
use crate::domain::channel::ChannelKind;
use crate::domain::follow::ThreadScope;
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::lock::lock;
use crate::domain::personal::{Followee, PersonalFollow, PersonalOptions};
use crate::domain::tags::TagSet;
use crate::service::access::{CachedAccess, ChannelSight, GuildChannel};
use crate::service::follow::tags::read_tags;
use crate::service::{Actor, PersonalRefusal, Refusal, ServiceError};
use crate::store::{FolloweePlace, PersonalEdit, PersonalEdited, PersonalPair};

use super::People;

/// A change of a follow. What isn't given stays as it is.
#[derive(Debug, Clone, Default)]
pub struct PersonalChange {
    /// What is let through.
    pub options: Option<PersonalOptions>,
    /// Until when the feed hides it; `Some(None)` shows it again.
    pub muted_until: Option<Option<DateTime<Utc>>>,
}

impl People {
    /// A person begins to follow a channel, a forum or a thread that they can read.
    pub async fn follow_channel(
        &self,
        follower: UserId,
        via: Via,
        channel: ChannelId,
        options: PersonalOptions,
    ) -> Result<PersonalFollow, ServiceError> {
        let change = async {
            let (place, _) = self.readable(follower, via, channel, None).await?;
            let edit = |_: Option<&PersonalFollow>| PersonalEdit::Begin(options);
            match self.edit_channel(follower, &place, edit).await? {
                PersonalEdited::Made(follow) => Ok(follow),
                _ => Err(PersonalRefusal::AlreadyFollowing.into()),
            }
        };
        self.quotas.count_done_action(follower, change).await
    }

    /// Changes a person's own follow of anything.
    pub async fn change_follow(
        &self,
        follower: UserId,
        followee: Followee,
        change: PersonalChange,
    ) -> Result<PersonalFollow, ServiceError> {
        if let Some(options) = change.options {
            let set = async {
                let pair = PersonalPair { follower, followee, place: None };
                let edit = |present: Option<&PersonalFollow>| match present {
                    Some(_) => PersonalEdit::Set(options),
                    None => PersonalEdit::Keep,
                };
                match self.edit(pair, edit).await? {
                    PersonalEdited::None => Err(PersonalRefusal::NotFollowing.into()),
                    _ => Ok(()),
                }
            };
            self.quotas.count_done_action(follower, set).await?;
        }
        match change.muted_until {
            Some(until) => self.mute(follower, followee, until).await,
            None => self.own_follow(follower, followee).await,
        }
    }

    /// Makes or changes a follow of a channel that the follower can read.
    pub(super) async fn edit_channel(
        &self,
        follower: UserId,
        place: &GuildChannel,
        edit: impl FnOnce(Option<&PersonalFollow>) -> PersonalEdit + Send,
    ) -> Result<PersonalEdited, ServiceError> {
        self.profile_for(Some(follower), follower).await?;
        let forum = place.kind() == ChannelKind::Forum;
        let threads = if forum { ThreadScope::All } else { ThreadScope::None };
        // Before the follow is stored, so that no post is missed in between.
        self.intake.begin_reading(place, threads).await?;
        let (followee, server) = (Followee::Channel(place.id()), place.guild);
        let at = FolloweePlace { server, parent: place.parent(), threads: forum };
        let pair = PersonalPair { follower, followee, place: Some(at) };
        self.edit(pair, edit).await
    }

    /// A channel that a person and the bot can read, with the tags that were typed for it. A hidden one gets
    /// the answer of a missing one.
    pub(in crate::service) async fn readable(
        &self,
        user: UserId,
        via: Via,
        channel: ChannelId,
        typed: Option<&str>,
    ) -> Result<(GuildChannel, Option<TagSet>), ServiceError> {
        let now = self.clock.now();
        if let Some(free) = lock(&self.unknown).next_free(&user, now) {
            return Err(Refusal::TooManyLookups(free).into());
        }
        let unknown = || {
            let _ = lock(&self.unknown).take(user, now);
            ServiceError::from(Refusal::UnknownChannel)
        };
        let found = match self.rest.of_program().channel(channel).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() || error.is_forbidden() => return Err(unknown()),
            Err(error) => return Err(error.into()),
        };
        let Some(guild) = found.guild_id else { return Err(unknown()) };
        let actor = Actor { user, guild, channel: None, via };
        let rest = self.rest.of_person(user, guild);
        let mut access = match CachedAccess::read(&rest, self.clock, &self.lookups, actor).await {
            Err(ServiceError::Refused(Refusal::UnknownServer)) => return Err(unknown()),
            access => access?,
        };
        let ChannelSight::Seen(place) = access.look(actor, channel).await? else { return Err(unknown()) };
        let needed = access.needed_to_read(&place).await?;
        if !access.permissions_of(user, &place).await?.contains(needed) {
            return Err(unknown());
        }
        if !place.kind().is_followable() {
            return Err(Refusal::SourceKind { channel, kind: place.kind() }.into());
        }
        match access.bot_lacks(self.identity.user, &place, needed).await? {
            Some(lacks) => Err(Refusal::BotMay(vec![lacks]).into()),
            None => {
                let tags = match typed {
                    Some(typed) => read_tags(&mut access, &place, typed).await?,
                    None => None,
                };
                Ok((place, tags))
            }
        }
    }
}
