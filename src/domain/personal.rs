//! Personal follows: a person follows a person, a channel or a collection, and reads what comes of it in
//! their feed. And what people are to each other: who may follow them, and who sees whom they follow.

use chrono::{DateTime, TimeDelta, Utc};

use super::choice::choice;
use super::ids::{ChannelId, UserId};

mod filter;

pub use self::filter::{PersonalFilter, PersonalFilterError, WithoutTag};

/// How many people, channels and collections one person can follow.
pub const MOST_FOLLOWED: u32 = 2_000;

/// How many people one person can have asked at the same time to be followed.
pub const MOST_REQUESTS: u32 = 100;
/// How long after a declined request another one by the same person isn't shown.
pub const DECLINED_FOR: TimeDelta = TimeDelta::days(7);

/// The number of a personal follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersonalFollowId(pub i64);

/// The number of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionId(pub i64);

choice! {
    /// What kind of thing a person follows.
    FolloweeKind {
        /// A person.
        User = "user",
        /// A channel.
        Channel = "channel",
        /// A collection of channels.
        Collection = "collection",
    }
}

/// What a person follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Followee {
    /// A person: what they post, wherever the follower can read it.
    User(UserId),
    /// A channel.
    Channel(ChannelId),
    /// A collection of channels.
    Collection(CollectionId),
}

impl Followee {
    /// What kind of thing it is.
    pub const fn kind(self) -> FolloweeKind {
        match self {
            Self::User(_) => FolloweeKind::User,
            Self::Channel(_) => FolloweeKind::Channel,
            Self::Collection(_) => FolloweeKind::Collection,
        }
    }

    /// Its number, as the database keeps it.
    pub const fn to_db(self) -> i64 {
        match self {
            Self::User(id) => id.to_db(),
            Self::Channel(id) => id.to_db(),
            Self::Collection(id) => id.0,
        }
    }

    /// What these stand for in the database; `None` if the number can't be one.
    pub fn from_db(kind: FolloweeKind, id: i64) -> Option<Self> {
        match kind {
            FolloweeKind::User => UserId::from_db(id).ok().map(Self::User),
            FolloweeKind::Channel => ChannelId::from_db(id).ok().map(Self::Channel),
            FolloweeKind::Collection => (id > 0).then_some(Self::Collection(CollectionId(id))),
        }
    }
}

choice! {
    /// How much of what somebody writes a follow brings.
    #[derive(Default)]
    Coverage {
        /// What begins something: posts in forums, announcements, and messages that are long or have a link,
        /// a file or a poll.
        Posts = "posts",
        /// Every message.
        #[default]
        Everything = "everything",
    }
}

/// What a person chooses for a personal follow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonalOptions {
    /// Which tags are let through.
    pub filter: PersonalFilter,
    /// How much is let through.
    pub coverage: Coverage,
}

/// A person follows something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalFollow {
    /// Its number.
    pub id: PersonalFollowId,
    /// Who follows.
    pub follower: UserId,
    /// What they follow.
    pub followee: Followee,
    /// What they chose for it.
    pub options: PersonalOptions,
    /// Until when nothing of it is shown.
    pub muted_until: Option<DateTime<Utc>>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

choice! {
    /// Who may follow a person.
    Followable {
        /// Everybody whom they didn't block.
        Everyone = "everyone",
        /// Everybody who asked and got a yes.
        Asked = "asked",
        /// Nobody.
        Nobody = "nobody",
    }
}

choice! {
    /// Who sees whom a person follows, and who follows them.
    ListVisibility {
        /// Everybody, signed in or not.
        Public = "public",
        /// People who follow them, or whom they follow.
        Shared = "shared",
        /// Only they themselves.
        Hidden = "hidden",
    }
}

choice! {
    /// Whether people can follow people: what the operator chose.
    MemberFollowing {
        /// Everybody can be followed who doesn't say no.
        Open = "open",
        /// Everybody can be asked, and is followed after a yes.
        Asked = "asked",
        /// Only those who said yes.
        OptIn = "opt_in",
        /// Nobody can.
        Off = "off",
    }
}

/// What the operator chose about personal follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PersonalPolicy {
    /// Whether people can follow people.
    pub members: MemberFollowing,
    /// Who sees the lists of people who chose nothing.
    pub lists: ListVisibility,
}

impl Default for PersonalPolicy {
    fn default() -> Self {
        Self { members: MemberFollowing::Open, lists: ListVisibility::Public }
    }
}

/// What a person chose about being followed. What they left open is the operator's choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrivacyChoice {
    /// Who may follow them.
    pub followable: Option<Followable>,
    /// Who sees their lists.
    pub lists: Option<ListVisibility>,
    /// Whether others aren't told how many follow them and how many they follow.
    pub counts_hidden: bool,
}

/// How a person changes that. What isn't given stays as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PrivacyChange {
    /// Who may follow them; inside, `None` is the operator's choice.
    pub followable: Option<Option<Followable>>,
    /// Who sees their lists; inside, `None` is the operator's choice.
    pub lists: Option<Option<ListVisibility>>,
    /// Whether others aren't told the numbers.
    pub counts_hidden: Option<bool>,
}

impl PrivacyChange {
    /// Whether it changes nothing.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// What is chosen after this change.
    pub fn apply(self, before: PrivacyChoice) -> PrivacyChoice {
        PrivacyChoice {
            followable: self.followable.unwrap_or(before.followable),
            lists: self.lists.unwrap_or(before.lists),
            counts_hidden: self.counts_hidden.unwrap_or(before.counts_hidden),
        }
    }
}

impl From<PrivacyChoice> for PrivacyChange {
    fn from(choice: PrivacyChoice) -> Self {
        Self {
            followable: Some(choice.followable),
            lists: Some(choice.lists),
            counts_hidden: Some(choice.counts_hidden),
        }
    }
}

/// What happens when somebody wants to follow a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowAdmission {
    /// They do.
    Open,
    /// The person is asked.
    Asked,
    /// They can't.
    Refused,
}

impl PrivacyChoice {
    /// What happens when people whom they didn't block want to follow them.
    pub const fn admission(self, policy: PersonalPolicy) -> FollowAdmission {
        match (policy.members, self.followable) {
            (MemberFollowing::Off, _) | (_, Some(Followable::Nobody)) | (MemberFollowing::OptIn, None) => {
                FollowAdmission::Refused
            }
            (MemberFollowing::Asked, None) | (_, Some(Followable::Asked)) => FollowAdmission::Asked,
            (MemberFollowing::Open, None) | (_, Some(Followable::Everyone)) => FollowAdmission::Open,
        }
    }
}

/// A person as others see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// Who.
    pub user: UserId,
    /// The unique name.
    pub username: String,
    /// The name that is shown, where it differs.
    pub display_name: Option<String>,
    /// The hash of the avatar.
    pub avatar: Option<String>,
    /// When Discord was last asked.
    pub checked_at: DateTime<Utc>,
    /// What they chose about being followed.
    pub privacy: PrivacyChoice,
}

/// The address of the avatar with this hash. Discord: "CDN Endpoints", "User Avatar".
pub fn avatar_link(user: UserId, hash: &str) -> String {
    format!("https://cdn.discordapp.com/avatars/{user}/{hash}.png")
}

impl Profile {
    /// The name that is shown.
    pub fn name(&self) -> &str {
        self.display_name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.username)
    }
}

/// Which list of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PersonList {
    /// Those who follow this person.
    FollowersOf(UserId),
    /// Those whom this person follows.
    FollowedBy(UserId),
    /// Those who asked to follow this person, and got no answer yet.
    RequestsTo(UserId),
    /// Those whom this person asked to follow.
    RequestsBy(UserId),
    /// Those whom this person keeps from following them.
    BlockedBy(UserId),
}

impl PersonList {
    /// Whose list it is.
    pub const fn owner(self) -> UserId {
        match self {
            Self::FollowersOf(user)
            | Self::FollowedBy(user)
            | Self::RequestsTo(user)
            | Self::RequestsBy(user)
            | Self::BlockedBy(user) => user,
        }
    }
}

/// How many people follow a person, and how many people they follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PersonCounts {
    /// Their followers.
    pub followers: u64,
    /// The people whom they follow.
    pub following: u64,
}

/// What two people are to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Relationship {
    /// The one who looks follows the other.
    pub is_following: bool,
    /// The other follows the one who looks.
    pub is_follower: bool,
}

impl Relationship {
    /// Whether either follows the other.
    pub const fn is_any(self) -> bool {
        self.is_following || self.is_follower
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_operator_decides_for_those_who_chose_nothing() {
        use FollowAdmission::{Asked, Open, Refused};
        let admission = |members, followable| {
            let policy = PersonalPolicy { members, ..PersonalPolicy::default() };
            PrivacyChoice { followable, ..PrivacyChoice::default() }.admission(policy)
        };
        let (yes, ask, no) = (Some(Followable::Everyone), Some(Followable::Asked), Some(Followable::Nobody));
        for (members, by_choice) in [
            (MemberFollowing::Open, [Open, Open, Asked, Refused]),
            (MemberFollowing::Asked, [Asked, Open, Asked, Refused]),
            (MemberFollowing::OptIn, [Refused, Open, Asked, Refused]),
            (MemberFollowing::Off, [Refused, Refused, Refused, Refused]),
        ] {
            for (followable, expected) in [None, yes, ask, no].into_iter().zip(by_choice) {
                assert_eq!(admission(members, followable), expected, "{members:?} {followable:?}");
            }
        }
    }
}
