//! The tags that a follow lets through or leaves out, as people write them.

use unicode_normalization::UnicodeNormalization;

/// One or more normalised tags, each once and sorted, so that the same tags make the same set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagSet(Vec<String>);

impl TagSet {
    /// How many a follow takes: as many as can be shown whole (Discord: 20 tags a forum).
    pub const MOST: usize = 25;
    /// The characters of the longest (Discord: 20 in a forum's; a hashtag's are bound by nothing but reason).
    pub const LONGEST: usize = 100;

    /// Reads a comma-separated list. A leading `#` is dropped; case and width don't count. `None` where no tag is left.
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_tags(text.split(',').map(normalise))
    }

    /// The set of tags that are normalised already, as the database keeps them.
    pub fn from_tags(tags: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut set = Vec::new();
        for tag in tags {
            if !tag.is_empty() && !set.contains(&tag) {
                set.push(tag);
            }
        }
        set.sort_unstable();
        (!set.is_empty()).then_some(Self(set))
    }

    /// Whether there are no more and no longer ones than a follow takes.
    pub fn fits(&self) -> bool {
        self.0.len() <= Self::MOST && self.0.iter().all(|tag| tag.chars().count() <= Self::LONGEST)
    }

    /// The tags, at least one.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

/// One spelling for all that people read as the same tag: NFKC, lower case, no leading `#`, no outer space.
pub fn normalise(tag: &str) -> String {
    let folded: String = tag.nfkc().flat_map(char::to_lowercase).nfkc().collect();
    folded.trim().trim_start_matches('#').trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let tags = TagSet::parse(" #Bug , Ｂｕｇ,Größe,,#").unwrap();
        assert_eq!(tags.as_slice(), ["bug", "größe"]);
        assert_eq!(TagSet::parse(" , #"), None);
    }
}
