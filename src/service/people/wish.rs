//! Following as people do it with commands: the first time makes a follow, the next ones change it. Also
//! muting for a span of time and being forgotten, which only commands do.

use chrono::TimeDelta;

use crate::domain::audit::Via;
use crate::domain::follow::TagMode;
use crate::domain::ids::{ChannelId, UserId};
use crate::domain::paging::{Cursor, PageSize, PageStart};
use crate::domain::personal::{
    Coverage, Followee, ListVisibility, PersonalFilter, PersonalFollow, PersonalOptions, PersonalPolicy,
};
use crate::domain::tag_list::{UnreadableTag, Vocabulary};
use crate::domain::tags::{Tag, TagSet};
use crate::service::{PersonalRefusal, Refusal, ServiceError};
use crate::store::{PersonalEdit, PersonalEdited};

use super::{People, PersonalOutcome};

/// What somebody wants of a follow. What isn't given stays as it is; a new follow lets through what is posted
/// ([`Coverage::Posts`]), with any tags.
#[derive(Debug, Clone, Default)]
pub struct PersonalWish {
    /// Which tags are let through.
    pub mode: Option<TagMode>,
    /// The tags, as they were typed.
    pub tags: Option<String>,
    /// How much is let through.
    pub coverage: Option<Coverage>,
}

/// What came of a [`PersonalWish`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonalFollowed {
    /// The follow as it is now.
    pub follow: PersonalFollow,
    /// Its options before; `None` for a new follow.
    pub before: Option<PersonalOptions>,
    /// If it is the first that this person follows of its kind: who sees such follows.
    pub first: Option<ListVisibility>,
}

/// The follow that a person or a channel stands for, of which a command takes exactly one.
pub fn chosen_followee(
    member: Option<UserId>,
    channel: Option<ChannelId>,
) -> Result<Followee, PersonalRefusal> {
    match (member, channel) {
        (Some(member), None) => Ok(Followee::User(member)),
        (None, Some(channel)) => Ok(Followee::Channel(channel)),
        _ => Err(PersonalRefusal::ChooseOne),
    }
}

impl People {
    /// What the operator chose.
    pub const fn policy(&self) -> PersonalPolicy {
        self.policy
    }

    /// A person follows this from now on as they wish, whether they did before or not; or asks to.
    pub async fn follow_as_wished(
        &self,
        follower: UserId,
        via: Via,
        followee: Followee,
        wish: &PersonalWish,
    ) -> Result<PersonalOutcome<PersonalFollowed>, ServiceError> {
        let (edited, before) = match followee {
            Followee::User(followed) => match self.follow_user_as_wished(follower, followed, wish).await? {
                PersonalOutcome::Followed(edited) => edited,
                PersonalOutcome::Asked => return Ok(PersonalOutcome::Asked),
            },
            Followee::Channel(channel) => self.follow_channel_as_wished(follower, via, channel, wish).await?,
            Followee::Collection(_) => return Err(PersonalRefusal::NotFollowing.into()),
        };
        let (follow, is_new) = match edited {
            PersonalEdited::Made(follow) => (follow, true),
            PersonalEdited::Kept(follow) | PersonalEdited::Changed(follow) => (follow, false),
            _ => return Err(PersonalRefusal::NotFollowing.into()),
        };
        let first = if is_new { self.first_of_its_kind(&follow).await? } else { None };
        Ok(PersonalOutcome::Followed(PersonalFollowed { follow, before, first }))
    }

    async fn follow_user_as_wished(
        &self,
        follower: UserId,
        followed: UserId,
        wish: &PersonalWish,
    ) -> Result<PersonalOutcome<(PersonalEdited, Option<PersonalOptions>)>, ServiceError> {
        let tags = wish.tags.as_deref().map(|typed| Vocabulary::hashtags().read(typed)).transpose();
        let tags = tags.map_err(|unreadable| match unreadable {
            UnreadableTag::NotOffered(tag) | UnreadableTag::NotWritable(tag) => Refusal::NotAHashtag(tag),
        })?;
        let tags = tags.flatten();
        let mut edit = WishedEdit::new(wish, tags.as_ref());
        let edited = self.change_user(follower, followed, |present| edit.decide(present), Ok).await;
        let before = edit.conclude()?;
        Ok(edited?.map(|edited| (edited, before)))
    }

    async fn follow_channel_as_wished(
        &self,
        follower: UserId,
        via: Via,
        channel: ChannelId,
        wish: &PersonalWish,
    ) -> Result<(PersonalEdited, Option<PersonalOptions>), ServiceError> {
        let change = async {
            let (place, tags) = self.readable(follower, via, channel, wish.tags.as_deref()).await?;
            let mut edit = WishedEdit::new(wish, tags.as_ref());
            let edited = self.edit_channel(follower, &place, |present| edit.decide(present)).await;
            let before = edit.conclude()?;
            Ok((edited?, before))
        };
        self.quotas.count_done_action(follower, change).await
    }

    /// The people who see follows of this one's kind, if it is the first of them.
    async fn first_of_its_kind(
        &self,
        follow: &PersonalFollow,
    ) -> Result<Option<ListVisibility>, ServiceError> {
        let (Some(one), kind) = (PageSize::new(1), follow.followee.kind()) else { return Ok(None) };
        let newest = PageStart::At(Cursor::Newest);
        let page = self.store.personal_follows(follow.follower, Some(kind), newest, one).await?;
        if page.total != 1 {
            return Ok(None);
        }
        // Lists have people only.
        let Followee::User(_) = follow.followee else { return Ok(Some(ListVisibility::Hidden)) };
        let chosen = self.privacy(follow.follower).await?.lists;
        Ok(Some(chosen.unwrap_or(self.policy.lists)))
    }

    /// Hides a follow from its follower's feed for so long; without a span, shows it again.
    pub async fn mute_for(
        &self,
        follower: UserId,
        followee: Followee,
        span: Option<TimeDelta>,
    ) -> Result<PersonalFollow, ServiceError> {
        self.mute(follower, followee, span.map(|span| self.clock.now() + span)).await
    }

    /// Forgets a person as a reader: whom and what they follow, who follows them, their feed, how far they
    /// read it, and what they chose about being followed. Returns whether anything was known.
    pub async fn forget_reader(&self, user: UserId) -> Result<bool, ServiceError> {
        Ok(self.store.forget_profile(user, self.clock.now()).await? > 0)
    }
}

/// Decides, when the present follow is seen, what becomes of it; and remembers what it was.
struct WishedEdit<'a> {
    wish: &'a PersonalWish,
    tags: Option<&'a TagSet>,
    before: Option<PersonalOptions>,
    refused: Option<Refusal>,
}

impl<'a> WishedEdit<'a> {
    const fn new(wish: &'a PersonalWish, tags: Option<&'a TagSet>) -> Self {
        Self { wish, tags, before: None, refused: None }
    }

    fn decide(&mut self, present: Option<&PersonalFollow>) -> PersonalEdit {
        self.before = present.map(|present| present.options.clone());
        edit_as_wished(self.wish, self.tags, self.before.as_ref()).unwrap_or_else(|refusal| {
            self.refused = Some(refusal);
            PersonalEdit::Keep
        })
    }

    /// The options before the edit.
    ///
    /// # Errors
    ///
    /// If the wish makes no sense.
    fn conclude(self) -> Result<Option<PersonalOptions>, Refusal> {
        self.refused.map_or(Ok(self.before), Err)
    }
}

/// The options that result from a wish, on top of those that the follow has: a mode keeps the tags, and tags
/// keep the mode.
fn edit_as_wished(
    wish: &PersonalWish,
    tags: Option<&TagSet>,
    present: Option<&PersonalOptions>,
) -> Result<PersonalEdit, Refusal> {
    let mode = wish.mode.or(present.map(|present| present.filter.mode())).unwrap_or(TagMode::All);
    let coverage = wish.coverage.or(present.map(|present| present.coverage)).unwrap_or(Coverage::Posts);
    let kept = present.map_or(&[][..], |present| present.filter.tags());
    let tags: &[Tag] = match (mode, tags) {
        (TagMode::All, Some(_)) => return Err(Refusal::TagsWithoutMode),
        (TagMode::All, None) => &[],
        (_, Some(tags)) => tags.as_slice(),
        (_, None) if kept.is_empty() => return Err(Refusal::TagsMissing(mode)),
        (_, None) => kept,
    };
    let filter = PersonalFilter::new(mode, tags.iter().cloned());
    let filter = filter.map_err(|error| Refusal::from(PersonalRefusal::from(error)))?;
    Ok(PersonalEdit::Set(PersonalOptions { filter, coverage }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> Option<TagSet> {
        TagSet::new(names.iter().filter_map(|name| Tag::hashtag(name)))
    }

    fn options(mode: TagMode, names: &[&str], coverage: Coverage) -> PersonalOptions {
        let filter = PersonalFilter::new(mode, names.iter().filter_map(|name| Tag::hashtag(name)));
        PersonalOptions { filter: filter.unwrap(), coverage }
    }

    #[test]
    fn what_is_not_wished_stays() {
        let present = options(TagMode::Only, &["bug"], Coverage::Everything);
        let wished = |mode, names: &[&str], coverage| {
            let wish = PersonalWish { mode, tags: None, coverage };
            edit_as_wished(&wish, set(names).as_ref(), Some(&present))
        };
        let is = |mode, names: &[&str], coverage| Ok(PersonalEdit::Set(options(mode, names, coverage)));
        assert_eq!(wished(None, &[], None), Ok(PersonalEdit::Set(present.clone())));
        assert_eq!(
            wished(Some(TagMode::Except), &[], None),
            is(TagMode::Except, &["bug"], Coverage::Everything)
        );
        assert_eq!(wished(None, &["idea"], None), is(TagMode::Only, &["idea"], Coverage::Everything));
        assert_eq!(wished(None, &[], Some(Coverage::Posts)), is(TagMode::Only, &["bug"], Coverage::Posts));
        assert_eq!(wished(Some(TagMode::All), &[], None), is(TagMode::All, &[], Coverage::Everything));
        assert_eq!(wished(Some(TagMode::All), &["idea"], None), Err(Refusal::TagsWithoutMode));
    }

    #[test]
    fn a_new_follow_brings_posts_and_its_mode_needs_tags() {
        let new = |mode, names: &[&str]| {
            let wish = PersonalWish { mode, ..PersonalWish::default() };
            edit_as_wished(&wish, set(names).as_ref(), None)
        };
        let posts = options(TagMode::All, &[], Coverage::Posts);
        assert_eq!(new(None, &[]), Ok(PersonalEdit::Set(posts)));
        assert_eq!(new(None, &["bug"]), Err(Refusal::TagsWithoutMode));
        assert_eq!(new(Some(TagMode::Only), &[]), Err(Refusal::TagsMissing(TagMode::Only)));
        assert_eq!(new(Some(TagMode::Except), &[]), Err(Refusal::TagsMissing(TagMode::Except)));
    }

    #[test]
    fn one_person_or_one_channel_is_meant() {
        let (user, channel) = (UserId::new(1).ok(), ChannelId::new(2).ok());
        assert_eq!(chosen_followee(user, None).unwrap(), Followee::User(user.unwrap()));
        assert_eq!(chosen_followee(None, channel).unwrap(), Followee::Channel(channel.unwrap()));
        assert_eq!(chosen_followee(None, None), Err(PersonalRefusal::ChooseOne));
        assert_eq!(chosen_followee(user, channel), Err(PersonalRefusal::ChooseOne));
    }
}
