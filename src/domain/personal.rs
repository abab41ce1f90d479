//! Personal follows: a person follows a person, a channel or a collection, and reads what comes of it in
//! their feed. And what people are to each other: who may follow them, and who sees whom they follow.

use chrono::{DateTime, Utc};

use super::choice::choice;
use super::follow::TagMode;
use super::ids::{ChannelId, UserId};
use super::tags::{Tag, TagSet};

/// How many people, channels and collections one person can follow.
pub const MOST_FOLLOWED: u32 = 2_000;

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

/// Which tags a personal follow lets through. Other than for a channel follow, `except` may name no tag: it
/// then lets everything through, as `all` does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PersonalFilter {
    except: bool,
    tags: Option<TagSet>,
}

/// Why a mode and these tags make no filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PersonalFilterError {
    /// `all` lets everything through.
    #[error("the mode all takes no tags")]
    TagsUnderAll,
    /// `only` without a tag lets nothing through.
    #[error("the mode only needs at least one tag")]
    NothingUnderOnly,
    /// More, or longer, than a follow takes.
    #[error("a follow has at most {} tags, of {} characters each", TagSet::MOST, TagSet::LONGEST)]
    TooMany,
}

impl PersonalFilter {
    /// The filter of a mode with its tags.
    pub fn new(mode: TagMode, tags: impl IntoIterator<Item = Tag>) -> Result<Self, PersonalFilterError> {
        let tags = TagSet::new(tags);
        if tags.as_ref().is_some_and(|tags| !tags.fits()) {
            return Err(PersonalFilterError::TooMany);
        }
        match (mode, &tags) {
            (TagMode::All, Some(_)) => Err(PersonalFilterError::TagsUnderAll),
            (TagMode::Only, None) => Err(PersonalFilterError::NothingUnderOnly),
            (mode, _) => Ok(Self { except: mode == TagMode::Except, tags }),
        }
    }

    /// Everything.
    pub const fn all() -> Self {
        Self { except: false, tags: None }
    }

    /// The mode alone.
    pub const fn mode(&self) -> TagMode {
        match (&self.tags, self.except) {
            (_, true) => TagMode::Except,
            (Some(_), false) => TagMode::Only,
            (None, false) => TagMode::All,
        }
    }

    /// The tags that it names.
    pub fn tags(&self) -> &[Tag] {
        self.tags.as_ref().map_or(&[], TagSet::as_slice)
    }

    /// The filter that lets this tag through, too. `None` if it did already.
    ///
    /// # Errors
    /// [`PersonalFilterError::TooMany`] if `only` has no room for it.
    pub fn including(&self, tag: &Tag) -> Result<Option<Self>, PersonalFilterError> {
        let named = self.tags().contains(tag);
        let others = || self.tags().iter().filter(|other| *other != tag).cloned();
        match self.mode() {
            TagMode::Except if named => Self::new(TagMode::Except, others()).map(Some),
            TagMode::Only if !named => Self::new(TagMode::Only, others().chain([tag.clone()])).map(Some),
            TagMode::All | TagMode::Except | TagMode::Only => Ok(None),
        }
    }

    /// What is left of `only` these tags without this one.
    pub fn without(&self, tag: &Tag) -> WithoutTag {
        if self.mode() != TagMode::Only || !self.tags().contains(tag) {
            return WithoutTag::Unnamed;
        }
        let others = self.tags().iter().filter(|other| *other != tag).cloned();
        Self::new(TagMode::Only, others).map_or(WithoutTag::Nothing, WithoutTag::Left)
    }

    /// Whether it lets something with these tags through, given by their [keys](Tag::key).
    pub fn lets_through(&self, keys: &[String]) -> bool {
        let has_one = || self.tags().iter().any(|tag| keys.contains(&tag.key()));
        match self.mode() {
            TagMode::All => true,
            TagMode::Except => !has_one(),
            TagMode::Only => has_one(),
        }
    }
}

/// What is left of a filter when a tag is taken out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WithoutTag {
    /// It didn't follow that tag.
    Unnamed,
    /// It was the last one.
    Nothing,
    /// The others.
    Left(PersonalFilter),
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

impl PrivacyChoice {
    /// Whether people whom they didn't block may follow them.
    pub fn is_followable(self, policy: PersonalPolicy) -> bool {
        match (policy.members, self.followable) {
            (MemberFollowing::Off, _) | (_, Some(Followable::Nobody)) => false,
            (MemberFollowing::Open, None) | (_, Some(Followable::Everyone)) => true,
            (MemberFollowing::OptIn, None) => false,
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
    use std::slice;

    use proptest::prelude::*;

    use super::*;

    fn tag(name: &str) -> Tag {
        Tag::hashtag(name).unwrap()
    }

    fn filters() -> impl Strategy<Value = PersonalFilter> {
        let mode = prop::sample::select(TagMode::ALL);
        let tags = prop::collection::vec("[a-d]", 0..4);
        (mode, tags).prop_filter_map("no filter", |(mode, tags)| {
            PersonalFilter::new(mode, tags.iter().map(|name| tag(name))).ok()
        })
    }

    proptest! {
        #[test]
        fn what_is_included_is_let_through_and_nothing_else_changes(filter in filters(), name in "[a-d]", other in "[e-h]") {
            let included = filter.including(&tag(&name)).unwrap();
            let after = included.clone().unwrap_or_else(|| filter.clone());
            prop_assert!(after.lets_through(slice::from_ref(&name)));
            prop_assert_eq!(included.is_none(), filter.lets_through(&[name]));
            prop_assert_eq!(after.lets_through(slice::from_ref(&other)), filter.lets_through(&[other]));
            prop_assert_eq!(after.mode(), filter.mode());
        }

        #[test]
        fn a_tag_is_taken_out_of_only(filter in filters(), name in "[a-d]") {
            let named = filter.mode() == TagMode::Only && filter.lets_through(slice::from_ref(&name));
            match filter.without(&tag(&name)) {
                WithoutTag::Unnamed => prop_assert!(!named),
                WithoutTag::Nothing => prop_assert!(named && filter.tags().len() == 1),
                WithoutTag::Left(left) => {
                    prop_assert!(named && !left.lets_through(&[name]));
                    prop_assert_eq!(left.tags().len() + 1, filter.tags().len());
                }
            }
        }

        #[test]
        fn except_lets_new_tags_through(filter in filters(), name in "[e-h]") {
            prop_assert_eq!(filter.lets_through(&[name]), filter.mode() != TagMode::Only);
        }
    }

    #[test]
    fn modes_and_tags_must_fit() {
        let new = |mode, names: &[&str]| PersonalFilter::new(mode, names.iter().map(|name| tag(name)));
        assert_eq!(new(TagMode::All, &["a"]), Err(PersonalFilterError::TagsUnderAll));
        assert_eq!(new(TagMode::Only, &[]), Err(PersonalFilterError::NothingUnderOnly));
        assert_eq!(new(TagMode::Except, &[]).unwrap().mode(), TagMode::Except);
        assert_eq!(new(TagMode::All, &[]), Ok(PersonalFilter::all()));
        let many: Vec<String> = (0..=TagSet::MOST).map(|number| format!("t{number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(new(TagMode::Except, &many), Err(PersonalFilterError::TooMany));
    }

    #[test]
    fn the_operator_decides_for_those_who_chose_nothing() {
        let may = |members, followable| {
            let policy = PersonalPolicy { members, ..PersonalPolicy::default() };
            PrivacyChoice { followable, ..PrivacyChoice::default() }.is_followable(policy)
        };
        let (yes, no) = (Some(Followable::Everyone), Some(Followable::Nobody));
        for (members, followable, expected) in [
            (MemberFollowing::Open, None, true),
            (MemberFollowing::Open, no, false),
            (MemberFollowing::OptIn, None, false),
            (MemberFollowing::OptIn, yes, true),
            (MemberFollowing::Off, yes, false),
        ] {
            assert_eq!(may(members, followable), expected, "{members:?} {followable:?}");
        }
    }
}
