//! Which tags a personal follow lets through.

use crate::domain::follow::TagMode;
use crate::domain::tags::{Tag, TagSet};

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
}
