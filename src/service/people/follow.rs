//! One person's follows: made, changed, ended, muted; and their followers, removed and blocked.

use chrono::{DateTime, Utc};

use crate::domain::follow::TagMode;
use crate::domain::ids::UserId;
use crate::domain::personal::{
    Coverage, Followee, PersonalFilter, PersonalFilterError, PersonalFollow, PersonalOptions, PrivacyChange,
    PrivacyChoice, WithoutTag,
};
use crate::domain::tags::Tag;
use crate::service::{PersonalRefusal, ServiceError};
use crate::store::{PersonalEdit, PersonalEdited, PersonalPair};

use super::People;

/// A person, and one tag of another whom they follow or want to follow.
#[derive(Debug, Clone)]
pub struct TagPair {
    /// The follower.
    pub follower: UserId,
    /// The person whose posts are meant.
    pub followed: UserId,
    /// The tag.
    pub tag: Tag,
}

/// What came of wanting to follow a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonalOutcome<T = PersonalFollow> {
    /// They are followed.
    Followed(T),
    /// They were asked whether they want to be.
    Asked,
}

impl<T> PersonalOutcome<T> {
    /// The same with something else in place of the follow.
    pub fn map<U>(self, map: impl FnOnce(T) -> U) -> PersonalOutcome<U> {
        match self {
            Self::Followed(follow) => PersonalOutcome::Followed(map(follow)),
            Self::Asked => PersonalOutcome::Asked,
        }
    }
}

/// What ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowEnd {
    /// A follow, or a part of it.
    Ended,
    /// A request that wasn't answered with a yes.
    Withdrawn,
}

/// What came of following a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagFollowed {
    /// The follow as it is now.
    pub follow: PersonalFollow,
    /// Whether it let that tag through before.
    pub already_included: bool,
}

impl People {
    /// A person begins to follow another, or asks to.
    pub async fn follow_user(
        &self,
        follower: UserId,
        followed: UserId,
        options: PersonalOptions,
    ) -> Result<PersonalOutcome, ServiceError> {
        let edit = |_: Option<&PersonalFollow>| PersonalEdit::Begin(options);
        let conclude = |edited| match edited {
            PersonalEdited::Made(follow) => Ok(follow),
            _ => Err(PersonalRefusal::AlreadyFollowing.into()),
        };
        self.change_user(follower, followed, edit, conclude).await
    }

    /// A person follows another with these tags from now on, whether they did before or not.
    pub async fn set_user_filter(
        &self,
        follower: UserId,
        followed: UserId,
        filter: PersonalFilter,
    ) -> Result<PersonalOutcome, ServiceError> {
        let edit = |present: Option<&PersonalFollow>| {
            let coverage = present.map_or(Coverage::Everything, |present| present.options.coverage);
            PersonalEdit::Set(PersonalOptions { filter, coverage })
        };
        self.change_user(follower, followed, edit, standing).await
    }

    /// A person follows one more tag of another.
    pub async fn follow_tag(&self, pair: TagPair) -> Result<PersonalOutcome<TagFollowed>, ServiceError> {
        let TagPair { follower, followed, tag } = pair;
        let mut refused: Option<PersonalFilterError> = None;
        let mut included = false;
        let edit = |present: Option<&PersonalFollow>| {
            let (filter, coverage) = match present {
                None => (PersonalFilter::new(TagMode::Only, [tag]).map(Some), Coverage::Everything),
                Some(present) => (present.options.filter.including(&tag), present.options.coverage),
            };
            match filter {
                Ok(Some(filter)) => PersonalEdit::Set(PersonalOptions { filter, coverage }),
                Ok(None) => {
                    included = true;
                    PersonalEdit::Keep
                }
                Err(error) => {
                    refused = Some(error);
                    PersonalEdit::Keep
                }
            }
        };
        let follow = self.change_user(follower, followed, edit, standing).await?;
        match refused {
            Some(refused) => Err(PersonalRefusal::Filter(refused).into()),
            None => Ok(follow.map(|follow| TagFollowed { follow, already_included: included })),
        }
    }

    /// A person stops following one tag of another. With the last one, the follow ends.
    pub async fn unfollow_tag(&self, pair: TagPair) -> Result<(), ServiceError> {
        let TagPair { follower, followed, tag } = pair;
        let edit = |present: Option<&PersonalFollow>| {
            let Some(present) = present else { return PersonalEdit::End };
            match present.options.filter.without(&tag) {
                WithoutTag::Unnamed => PersonalEdit::Keep,
                WithoutTag::Nothing => PersonalEdit::End,
                WithoutTag::Left(filter) => {
                    PersonalEdit::Set(PersonalOptions { filter, coverage: present.options.coverage })
                }
            }
        };
        self.end(follower, Followee::User(followed), edit).await.map(drop)
    }

    /// A person stops following this, or takes back that they asked to.
    pub async fn unfollow(&self, follower: UserId, followee: Followee) -> Result<FollowEnd, ServiceError> {
        self.end(follower, followee, |_| PersonalEdit::End).await
    }

    /// The same, unless only some tags of it are followed.
    pub async fn unfollow_whole(&self, follower: UserId, followed: UserId) -> Result<(), ServiceError> {
        let edit = |present: Option<&PersonalFollow>| match present {
            Some(present) if present.options.filter.mode() == TagMode::Only => PersonalEdit::Keep,
            _ => PersonalEdit::End,
        };
        self.end(follower, Followee::User(followed), edit).await.map(drop)
    }

    /// A person's own follow with this number. Those of others aren't found.
    pub async fn follow_by_number(
        &self,
        follower: UserId,
        number: i64,
    ) -> Result<PersonalFollow, ServiceError> {
        let found = self.store.personal_follow_by_number(follower, number).await?;
        found.ok_or_else(|| PersonalRefusal::NotFollowing.into())
    }

    /// A person's own follow of this.
    pub async fn own_follow(
        &self,
        follower: UserId,
        followee: Followee,
    ) -> Result<PersonalFollow, ServiceError> {
        let found = self.store.personal_follow(follower, followee).await?;
        found.ok_or_else(|| PersonalRefusal::NotFollowing.into())
    }

    /// Hides a follow from its follower's feed until then; without a time, shows it again.
    pub async fn mute(
        &self,
        follower: UserId,
        followee: Followee,
        until: Option<DateTime<Utc>>,
    ) -> Result<PersonalFollow, ServiceError> {
        let mute = async {
            match self.store.mute_personal_follow(follower, followee, until).await? {
                true => Ok(()),
                false => Err(PersonalRefusal::NotFollowing.into()),
            }
        };
        // Whatever somebody did this hour, they can have back what they hid.
        match until {
            Some(_) => self.quotas.count_done_action(follower, mute).await?,
            None => mute.await?,
        }
        self.own_follow(follower, followee).await
    }

    /// Ends somebody's follow of this person; with `block`, they can't follow again.
    pub async fn remove_follower(
        &self,
        user: UserId,
        follower: UserId,
        block: bool,
    ) -> Result<(), ServiceError> {
        if user == follower {
            return Err(PersonalRefusal::Oneself.into());
        }
        if block {
            self.profile_for(Some(user), user).await?;
            self.profile_for(Some(user), follower).await?;
        }
        let removed = self.store.remove_personal_follower(user, follower, block, self.clock.now()).await?;
        if removed || block { Ok(()) } else { Err(PersonalRefusal::NotFollower.into()) }
    }

    /// Lets somebody follow this person again. Returns whether they were blocked.
    pub async fn unblock(&self, user: UserId, blocked: UserId) -> Result<bool, ServiceError> {
        Ok(self.store.unblock_person(user, blocked).await?)
    }

    /// What a person chose about being followed.
    pub async fn privacy(&self, user: UserId) -> Result<PrivacyChoice, ServiceError> {
        Ok(self.profile_for(Some(user), user).await?.privacy)
    }

    /// Changes what a person chose. If nobody may follow them any more, their followers are removed. Returns
    /// what they chose now, and how many followers that ended.
    pub async fn change_privacy(
        &self,
        user: UserId,
        change: PrivacyChange,
    ) -> Result<(PrivacyChoice, u64), ServiceError> {
        self.profile_for(Some(user), user).await?;
        let changed = self.store.change_privacy(user, change, self.policy).await?;
        changed.ok_or_else(|| PersonalRefusal::UnknownUser.into())
    }

    /// Makes or changes a follow of a person, or asks for it. What `conclude` refuses doesn't count as an
    /// action.
    pub(super) async fn change_user<T>(
        &self,
        follower: UserId,
        followed: UserId,
        edit: impl FnOnce(Option<&PersonalFollow>) -> PersonalEdit + Send,
        conclude: impl FnOnce(PersonalEdited) -> Result<T, ServiceError>,
    ) -> Result<PersonalOutcome<T>, ServiceError> {
        if follower == followed {
            return Err(PersonalRefusal::Oneself.into());
        }
        let change = async {
            self.profile_for(Some(follower), followed).await?;
            self.profile_for(Some(follower), follower).await?;
            let followee = Followee::User(followed);
            // Before the follow is stored, so that no post is missed in between.
            self.watched.add_author(followed);
            let pair = PersonalPair { follower, followee, place: None };
            match self.edit(pair, edit).await? {
                PersonalEdited::Refused => Err(PersonalRefusal::NotFollowable.into()),
                // Of somebody who was asked, nothing else is kept.
                PersonalEdited::Asked | PersonalEdited::None => Ok(PersonalOutcome::Asked),
                edited => conclude(edited).map(PersonalOutcome::Followed),
            }
        };
        self.quotas.count_done_action(follower, change).await
    }

    /// Edits a follow, and tells the other processes of a new one.
    ///
    /// # Errors
    ///
    /// [`PersonalRefusal::Full`] if the follower may not follow more, [`PersonalRefusal::AskedTooMany`] if
    /// they may not ask more; otherwise the store's.
    pub(super) async fn edit(
        &self,
        pair: PersonalPair,
        edit: impl FnOnce(Option<&PersonalFollow>) -> PersonalEdit + Send,
    ) -> Result<PersonalEdited, ServiceError> {
        let followee = pair.followee;
        let edited = self.store.edit_personal_follow(pair, self.policy, self.clock.now(), edit).await?;
        match edited {
            PersonalEdited::Full => return Err(PersonalRefusal::Full.into()),
            PersonalEdited::AskedTooMany => return Err(PersonalRefusal::AskedTooMany.into()),
            PersonalEdited::Made(_) => {
                // What the feed begins with may have changed unheard.
                self.intake.check_feeds_soon();
                self.tell_peers(followee).await;
            }
            _ => {}
        }
        Ok(edited)
    }

    /// Ends a follow, or takes something out of it.
    async fn end(
        &self,
        follower: UserId,
        followee: Followee,
        edit: impl FnOnce(Option<&PersonalFollow>) -> PersonalEdit + Send,
    ) -> Result<FollowEnd, ServiceError> {
        let change = async {
            let pair = PersonalPair { follower, followee, place: None };
            match self.edit(pair, edit).await? {
                PersonalEdited::Ended(_) | PersonalEdited::Changed(_) | PersonalEdited::Asked => {
                    Ok(FollowEnd::Ended)
                }
                PersonalEdited::Withdrawn => Ok(FollowEnd::Withdrawn),
                _ => Err(PersonalRefusal::NotFollowing.into()),
            }
        };
        self.quotas.count_done_action(follower, change).await
    }

    /// Other processes have to listen, too. This is sent after the commit. A process that misses it listens
    /// from its next reload on: when its connection to the database is back, when it has lagged behind, or at
    /// its start. Nothing polls for it.
    pub(in crate::service) async fn tell_peers(&self, followee: Followee) {
        if let Err(error) = self.store.notify(&crate::store::Notice::Followee(followee)).await {
            tracing::warn!(%error, "other processes could not be told of a new personal follow");
        }
    }
}

/// The follow, if there is one.
fn standing(edited: PersonalEdited) -> Result<PersonalFollow, ServiceError> {
    match edited {
        PersonalEdited::Kept(follow) | PersonalEdited::Made(follow) | PersonalEdited::Changed(follow) => {
            Ok(follow)
        }
        _ => Err(PersonalRefusal::NotFollowing.into()),
    }
}
