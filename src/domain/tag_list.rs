//! Lists of tags as people type them, read and completed. The caller passes the tags that a source can have,
//! its [`Vocabulary`].
//!
//! Tags are separated by commas. A forum's tag whose name has a comma is quoted as in CSV (`"Q, A", bug`), or
//! typed as it is: the longest run of segments that is a name counts. In a forum, a segment that begins with
//! `#` is a hashtag, unless it is quoted.

mod complete;
mod entries;

use std::fmt;

use self::entries::{ListEntry, entries, is_separator};
use super::tags::{Tag, TagSet, normalise};

/// The tags that a source can have: those that its forum offers, or hashtags alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    forum: Option<Vec<Tag>>,
}

/// What can't be read as a tag, as it was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UnreadableTag {
    /// The forum offers no such tag.
    NotOffered(String),
    /// No text can have this hashtag.
    NotWritable(String),
}

impl Vocabulary {
    /// Hashtags, with or without `#`.
    pub const fn hashtags() -> Self {
        Self { forum: None }
    }

    /// These tags of a forum by their names, and hashtags with their `#`.
    pub const fn forum(tags: Vec<Tag>) -> Self {
        Self { forum: Some(tags) }
    }

    /// The tags that the forum offers; `None` where there is no forum.
    pub fn offered(&self) -> Option<&[Tag]> {
        self.forum.as_deref()
    }

    /// The tags of a list; `None` where it holds none.
    pub fn read(&self, text: &str) -> Result<Option<TagSet>, UnreadableTag> {
        let entries = entries(text);
        let mut tags = Vec::new();
        let mut at = 0;
        while let Some(entry) = entries.get(at) {
            let (taken, found) = match self.longest_run(text, &entries[at..]) {
                Some(run) => run,
                None => (1, self.one(entry)?),
            };
            tags.extend(found);
            at += taken;
        }
        Ok(TagSet::new(tags))
    }

    /// The longest run of segments from here on that is a name, and how many segments it takes.
    fn longest_run(&self, text: &str, entries: &[ListEntry]) -> Option<(usize, Vec<Tag>)> {
        let first = entries.first().filter(|first| !first.is_hashtag())?;
        let unquoted = entries.iter().take_while(|entry| !entry.quoted).take(self.longest_name()).count();
        (1..=unquoted).rev().find_map(|taken| {
            let found = self.named(&text[first.start..entries[taken - 1].end]);
            (!found.is_empty()).then_some((taken, found))
        })
    }

    /// How many segments a name can have.
    fn longest_name(&self) -> usize {
        let segments = |tag: &Tag| 1 + tag.label().map_or(0, |name| name.matches(is_separator).count());
        self.offered().unwrap_or_default().iter().map(segments).max().unwrap_or(0)
    }

    /// The forum's tags of this name: spelled just like that, or else in any spelling.
    fn named(&self, name: &str) -> Vec<Tag> {
        let offered = self.offered().unwrap_or_default();
        let those = |fits: &dyn Fn(&str) -> bool| -> Vec<Tag> {
            offered.iter().filter(|tag| tag.label().is_some_and(fits)).cloned().collect()
        };
        let exactly = those(&|label| label == name);
        let folded = normalise(name);
        if !exactly.is_empty() || folded.is_empty() {
            return exactly;
        }
        those(&|label| normalise(label) == folded)
    }

    /// The tags of one segment that is no forum tag's plain name.
    fn one(&self, entry: &ListEntry) -> Result<Vec<Tag>, UnreadableTag> {
        if self.forum.is_some() && entry.quoted {
            let found = self.named(&entry.text);
            if !found.is_empty() {
                return Ok(found);
            }
        }
        if normalise(&entry.text).is_empty() {
            return Ok(Vec::new());
        }
        if self.forum.is_some() && !entry.is_hashtag() {
            return Err(UnreadableTag::NotOffered(entry.text.clone()));
        }
        let tag = Tag::hashtag(&entry.text).ok_or_else(|| UnreadableTag::NotWritable(entry.text.clone()))?;
        Ok(vec![tag])
    }
}

/// A tag as it can stand in any list, even where its name has a comma.
struct Quoted<'a>(&'a Tag);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.to_string().replace('"', "\"\""))
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::domain::ids::TagId;

    fn forum(names: &[&str]) -> Vocabulary {
        let tag = |(at, name): (usize, &&str)| Tag::Forum {
            id: TagId::new(at as u64 + 1).unwrap(),
            name: (*name).to_owned(),
        };
        Vocabulary::forum(names.iter().enumerate().map(tag).collect())
    }

    fn read(vocabulary: &Vocabulary, text: &str) -> Vec<String> {
        let set = vocabulary.read(text).unwrap();
        set.iter().flat_map(|set| set.as_slice()).map(Tag::to_string).collect()
    }

    #[rstest]
    #[case("bug", &["Bug"])]
    #[case("ＢＵＧ , idea,, bug,", &["Bug", "Idea"])]
    #[case("Q, A", &["Q, A"])]
    #[case("\"Q, A\", bug", &["Bug", "Q, A"])]
    #[case("Q, A, B, bug", &["Bug", "Q, A, B"])]
    #[case("\"say \"\"hi\"\"\"", &["say \"hi\""])]
    #[case("say \"hi\"", &["say \"hi\""])]
    #[case("bug, #Other", &["#other", "Bug"])]
    #[case("#bug", &["#bug"])]
    #[case("\"#bug\"", &["Bug"])]
    #[case("bug、idea，＃x", &["#x", "Bug", "Idea"])]
    #[case(" , #, \"\"", &[])]
    #[case("🐞", &["🐞"])]
    fn a_forums_tags_go_by_name(#[case] text: &str, #[case] tags: &[&str]) {
        let ideas = forum(&["Bug", "Idea", "Q, A", "Q, A, B", "say \"hi\"", "🐞"]);
        assert_eq!(read(&ideas, text), tags);
    }

    #[test]
    fn what_a_forum_lacks_is_named() {
        let ideas = forum(&["Bug"]);
        assert_eq!(ideas.read("bug, bgu"), Err(UnreadableTag::NotOffered("bgu".to_owned())));
        assert_eq!(ideas.read("\"b, c\""), Err(UnreadableTag::NotOffered("b, c".to_owned())));
        assert_eq!(ideas.read("\"b, c"), Err(UnreadableTag::NotOffered("\"b".to_owned())));
        assert_eq!(ideas.read("#b c"), Err(UnreadableTag::NotWritable("#b c".to_owned())));
    }

    #[test]
    fn elsewhere_all_are_hashtags() {
        let text = Vocabulary::hashtags();
        assert_eq!(read(&text, "#Bug, ｂｕｇ, \"idea\",日本"), ["#bug", "#idea", "#日本"]);
        assert_eq!(text.read("bug, off-topic"), Err(UnreadableTag::NotWritable("off-topic".to_owned())));
        assert_eq!(text.read(" , #"), Ok(None));
    }

    #[test]
    fn a_name_as_it_is_written_comes_before_others_that_read_the_same() {
        let ideas = forum(&["bug", "Bug", "BUG"]);
        assert_eq!(read(&ideas, "Bug"), ["Bug"]);
        assert_eq!(read(&ideas, "bUG").len(), 3);
    }
}
