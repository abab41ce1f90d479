//! Lists of who follows whom, for somebody who may see only some of them.

use crate::domain::ids::UserId;
use crate::domain::paging::{LongPage, PageSize, PageStart};
use crate::domain::personal::{
    Followee, FolloweeKind, ListVisibility, PersonCounts, PersonList, PersonalFollow, Profile, Relationship,
};
use crate::service::{PersonalRefusal, ServiceError};
use crate::store::ListedPerson;

use super::People;

/// A person in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonEntry {
    /// The person, and since when the one follows the other.
    pub listed: ListedPerson,
    /// What they and whoever asks are to each other; `None` for a guest.
    pub relationship: Option<Relationship>,
}

/// A person as whoever asks sees them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonView {
    /// Who.
    pub profile: Profile,
    /// `None` if they don't show it.
    pub counts: Option<PersonCounts>,
    /// What they and whoever asks are to each other.
    pub relationship: Relationship,
    /// How whoever asks follows them.
    pub follow: Option<PersonalFollow>,
    /// Whether whoever asks has asked to follow them.
    pub is_requested: bool,
}

/// One of somebody's follows, with what a followed person is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFollow {
    /// The follow.
    pub follow: PersonalFollow,
    /// The person followed; `None` for a channel or a collection.
    pub profile: Option<Profile>,
}

impl People {
    /// A page of a person's followers, or of those whom they follow, the newest first. To whoever may not see
    /// it, it is empty, and to others it doesn't name those who don't show their own lists. Of one's own
    /// lists, there are requests and blocks, too.
    pub async fn people(
        &self,
        viewer: Option<UserId>,
        list: PersonList,
        start: PageStart,
        size: PageSize,
    ) -> Result<LongPage<PersonEntry>, ServiceError> {
        let user = list.owner();
        let profile = self.profile_for(viewer, user).await?;
        let is_own = viewer == Some(user);
        let total = match list {
            PersonList::FollowersOf(_) => |counts: PersonCounts| counts.followers,
            PersonList::FollowedBy(_) => |counts: PersonCounts| counts.following,
            // Nobody else's business, so nothing is told of them.
            _ if !is_own => return Err(PersonalRefusal::UnknownUser.into()),
            PersonList::RequestsTo(_) | PersonList::RequestsBy(_) | PersonList::BlockedBy(_) => {
                |_: PersonCounts| 0
            }
        };
        if !self.shows_lists(viewer, &profile).await? {
            let total = total(self.counts_for(viewer, &profile).await?.unwrap_or_default());
            return Ok(LongPage { items: Vec::new(), total, has_newer: false, has_older: false });
        }
        let seen_by = (!is_own).then_some((viewer, self.policy.lists));
        let page = self.store.people(list, seen_by, start, size).await?;
        self.refresh_shown(page.items.iter().map(|listed| &listed.profile));
        let others: Vec<UserId> = page.items.iter().map(|listed| listed.profile.user).collect();
        let found = match viewer {
            Some(viewer) => Some(self.store.relationships(viewer, &others).await?),
            None => None,
        };
        let entry = |listed: &ListedPerson| {
            let relationship =
                found.as_ref().map(|found| found.get(&listed.profile.user).copied().unwrap_or_default());
            PersonEntry { listed: listed.clone(), relationship }
        };
        Ok(page.with(page.items.iter().map(entry).collect()))
    }

    /// A page of everything that one follows, or of one kind, the newest first.
    pub async fn own_follows(
        &self,
        user: UserId,
        kind: Option<FolloweeKind>,
        start: PageStart,
        size: PageSize,
    ) -> Result<LongPage<PersonalFollow>, ServiceError> {
        Ok(self.store.personal_follows(user, kind, start, size).await?)
    }

    /// The same page of everything that one follows, with names.
    pub async fn named_follows(
        &self,
        user: UserId,
        start: PageStart,
        size: PageSize,
    ) -> Result<LongPage<NamedFollow>, ServiceError> {
        let page = self.own_follows(user, None, start, size).await?;
        let person = |follow: &PersonalFollow| match follow.followee {
            Followee::User(person) => Some(person),
            Followee::Channel(_) | Followee::Collection(_) => None,
        };
        let people: Vec<UserId> = page.items.iter().filter_map(person).collect();
        let mut profiles = self.store.profiles(&people).await?;
        self.refresh_shown(profiles.values());
        let named = |follow: &PersonalFollow| NamedFollow {
            profile: person(follow).and_then(|person| profiles.remove(&person)),
            follow: follow.clone(),
        };
        let items = page.items.iter().map(named).collect();
        Ok(page.with(items))
    }

    /// A person as whoever asks sees them.
    pub async fn person(&self, viewer: Option<UserId>, user: UserId) -> Result<PersonView, ServiceError> {
        let profile = self.profile_for(viewer, user).await?;
        self.refresh_shown([&profile]);
        let counts = self.counts_for(viewer, &profile).await?;
        let (mut relationship, mut follow, mut is_requested) = (Relationship::default(), None, false);
        if let Some(viewer) = viewer.filter(|viewer| *viewer != user) {
            let found = self.store.relationships(viewer, &[user]).await?;
            relationship = found.get(&user).copied().unwrap_or_default();
            if relationship.is_following {
                follow = self.store.personal_follow(viewer, Followee::User(user)).await?;
            } else {
                is_requested = self.store.has_asked(viewer, user).await?;
            }
        }
        Ok(PersonView { profile, counts, relationship, follow, is_requested })
    }

    /// How many follow a person, and how many they follow.
    ///
    /// # Errors
    /// [`PersonalRefusal::CountsHidden`] if they don't show it.
    pub async fn counts(&self, viewer: Option<UserId>, user: UserId) -> Result<PersonCounts, ServiceError> {
        let profile = self.profile_for(viewer, user).await?;
        let counts = self.counts_for(viewer, &profile).await?;
        counts.ok_or_else(|| PersonalRefusal::CountsHidden.into())
    }

    /// How this person and each of these are related, in their order. Unknown people have no relationship.
    pub async fn relationships(
        &self,
        viewer: UserId,
        users: &[UserId],
    ) -> Result<Vec<(UserId, Relationship)>, ServiceError> {
        let found = self.store.relationships(viewer, users).await?;
        Ok(users.iter().map(|user| (*user, found.get(user).copied().unwrap_or_default())).collect())
    }

    async fn counts_for(
        &self,
        viewer: Option<UserId>,
        profile: &Profile,
    ) -> Result<Option<PersonCounts>, ServiceError> {
        if profile.privacy.counts_hidden && viewer != Some(profile.user) {
            return Ok(None);
        }
        Ok(Some(self.store.person_counts(profile.user).await?))
    }

    async fn shows_lists(&self, viewer: Option<UserId>, profile: &Profile) -> Result<bool, ServiceError> {
        if viewer == Some(profile.user) {
            return Ok(true);
        }
        if profile.privacy.counts_hidden {
            // What is listed can be counted.
            return Ok(false);
        }
        match (profile.privacy.lists.unwrap_or(self.policy.lists), viewer) {
            (ListVisibility::Public, _) => Ok(true),
            (ListVisibility::Hidden, _) | (ListVisibility::Shared, None) => Ok(false),
            (ListVisibility::Shared, Some(viewer)) => {
                let found = self.store.relationships(viewer, &[profile.user]).await?;
                Ok(found.get(&profile.user).is_some_and(|relationship| relationship.is_any()))
            }
        }
    }
}
