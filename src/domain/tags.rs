//! The tags that posts have, and that a follow lets through or leaves out: a forum's own tags, which are
//! known by their number and may be renamed, and `#hashtags`.

use std::fmt;
use std::hash::{Hash, Hasher};

use unicode_normalization::UnicodeNormalization;

use super::ids::TagId;

/// What the database has before a forum tag's number. A hashtag has no `:`.
const FORUM: &str = "forum:";

/// A tag. Two tags are the same if their [`key`](Self::key) is, whatever a forum's tag is called by now.
#[derive(Debug, Clone)]
pub enum Tag {
    /// One that a forum offers.
    Forum {
        /// Its number, which stays when it is renamed.
        id: TagId,
        /// Its name, when it was last seen.
        name: String,
    },
    /// A hashtag in a text, [normalised](normalise), without its `#`.
    Hashtag(String),
}

impl Tag {
    /// The hashtag of this text, with or without its `#`; `None` where nobody could write such a hashtag.
    pub fn hashtag(text: &str) -> Option<Self> {
        let name = text.trim().trim_start_matches(['#', '＃']).trim();
        let can_be = !name.is_empty() && name.nfkc().all(is_hashtag_char);
        can_be.then(|| Self::Hashtag(normalise(name)))
    }

    /// Its key in the database.
    pub fn key(&self) -> String {
        match self {
            Self::Forum { id, .. } => format!("{FORUM}{id}"),
            Self::Hashtag(name) => name.clone(),
        }
    }

    /// The tag of a key, with the name that a forum's had.
    pub fn from_key(key: &str, name: Option<&str>) -> Self {
        match key.strip_prefix(FORUM).and_then(|id| id.parse().ok()) {
            Some(id) => Self::Forum { id, name: name.unwrap_or_default().to_owned() },
            None => Self::Hashtag(key.to_owned()),
        }
    }

    /// The name of a forum's tag.
    pub fn label(&self) -> Option<&str> {
        match self {
            Self::Forum { name, .. } => Some(name),
            Self::Hashtag(_) => None,
        }
    }
}

impl PartialEq for Tag {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Forum { id: one, .. }, Self::Forum { id: other, .. }) => one == other,
            (Self::Hashtag(one), Self::Hashtag(other)) => one == other,
            _ => false,
        }
    }
}

impl Eq for Tag {}

impl Hash for Tag {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for Tag {
    /// As people read it: a forum's tag by its name, a hashtag with its `#`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forum { name, .. } => f.write_str(name),
            Self::Hashtag(name) => write!(f, "#{name}"),
        }
    }
}

/// One or more tags, each once, sorted as people read them.
#[derive(Debug, Clone)]
pub struct TagSet(Vec<Tag>);

impl PartialEq for TagSet {
    /// The same tags make the same set, even where a forum has renamed some of them meanwhile, so that their
    /// order differs.
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|tag| other.0.contains(tag))
    }
}

impl Eq for TagSet {}

impl TagSet {
    /// How many tags a follow takes: as many as can be shown in full (Discord: 20 tags a forum).
    pub const MOST: usize = 25;
    /// The greatest length of a tag in characters (Discord: 20 in a forum's tag; nothing but reason limits a
    /// hashtag). At most four bytes each, which is well below what the database's index takes (PostgreSQL:
    /// 2,704 bytes).
    pub const LONGEST: usize = 100;

    /// The set of these; `None` where there are none.
    pub fn new(tags: impl IntoIterator<Item = Tag>) -> Option<Self> {
        let mut set: Vec<Tag> = Vec::new();
        for tag in tags {
            if !set.contains(&tag) {
                set.push(tag);
            }
        }
        set.sort_by_cached_key(|tag| (tag.to_string(), tag.key()));
        (!set.is_empty()).then_some(Self(set))
    }

    /// Whether there are no more, and no longer, tags than a follow takes.
    pub fn fits(&self) -> bool {
        let fits = |tag: &Tag| match tag {
            Tag::Forum { name, .. } | Tag::Hashtag(name) => is_askable(name),
        };
        self.0.len() <= Self::MOST && self.0.iter().all(fits)
    }

    /// The tags, at least one.
    pub fn as_slice(&self) -> &[Tag] {
        &self.0
    }
}

/// One spelling for everything that people read as the same tag: NFKC, one case, no leading `#`, no outer
/// space.
///
/// It takes the upper case of the lower case, which unites what either alone keeps apart (`ß`, `ẞ` and `SS`,
/// `ς` and `σ`).
pub fn normalise(tag: &str) -> String {
    let lower = tag.nfkc().flat_map(char::to_lowercase);
    let folded: String = lower.flat_map(char::to_uppercase).flat_map(char::to_lowercase).nfkc().collect();
    folded.trim().trim_start_matches('#').trim().to_owned()
}

/// Whether a follow can ask for a tag of this length.
pub(super) fn is_askable(name: &str) -> bool {
    name.chars().nth(TagSet::LONGEST).is_none()
}

/// Whether a hashtag goes on with this character: letters, marks and digits of any script, and what joins
/// them.
pub(super) fn is_hashtag_char(c: char) -> bool {
    c.is_alphanumeric()
        || c == '_'
        || unicode_normalization::char::is_combining_mark(c)
        || matches!(c, '\u{200C}' | '\u{200D}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forum(id: u64, name: &str) -> Tag {
        Tag::Forum { id: TagId::new(id).unwrap(), name: name.to_owned() }
    }

    #[test]
    fn spellings_of_one_tag_are_one() {
        for (one, other) in [
            ("#Bug", "ｂｕｇ"),
            ("Größe", "GRO\u{308}SSE"),
            ("Größe", "GRÖẞE"),
            ("ΟΔΟΣ", "οδος"),
            ("＃Ärger", "A\u{308}rger"),
            ("日本", " 日本 "),
            ("ИЛЬЯ", "илья"),
        ] {
            assert_eq!(Tag::hashtag(one), Tag::hashtag(other), "{one} {other}");
        }
        for none in ["", "#", "two words", "a-b", "a,b", "forum:1"] {
            assert_eq!(Tag::hashtag(none), None, "{none}");
        }
    }

    #[test]
    fn a_forums_tag_is_known_by_its_number() {
        let tag = forum(7, "Bug");
        assert_eq!(Tag::from_key(&tag.key(), Some("Fault")), tag);
        assert_eq!(Tag::from_key(&tag.key(), Some("Fault")).to_string(), "Fault");
        assert_eq!(Tag::from_key("bug", None), Tag::Hashtag("bug".to_owned()));
    }

    #[test]
    fn the_same_tags_make_the_same_set() {
        let [bug, size] = ["bug", "Größe"].map(|tag| Tag::hashtag(tag).unwrap());
        let set = TagSet::new([size.clone(), forum(7, "Idea"), bug.clone(), size.clone()]).unwrap();
        assert_eq!(Some(set), TagSet::new([forum(7, "A new name"), bug, size]));
        assert_eq!(TagSet::new([]), None);
    }
}
