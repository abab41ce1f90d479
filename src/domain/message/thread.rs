//! What a message knows of the thread that it was posted in.

use serde::{Deserialize, Serialize};

use crate::domain::ids::{ChannelId, TagId, UserId};
use crate::domain::place::SourcePlace;

/// The thread of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InThread {
    /// The thread.
    pub thread: ChannelId,
    /// What it is called. Empty if that is withheld.
    pub title: String,
    /// Who began it, and so gave it its title, if that is known. It isn't kept with the content: only while
    /// the message is recorded does it matter.
    #[serde(skip)]
    pub owner: Option<UserId>,
    /// Whether its title is withheld, because whoever gave it doesn't want their words mirrored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub title_withheld: bool,
    /// The forum tags that it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<PostTag>,
    /// Whether the message is what the thread begins with.
    pub place: SourcePlace,
    /// A link to it.
    pub link: String,
}

impl InThread {
    /// Leaves out the title, which its owner doesn't want mirrored.
    pub fn withhold_title(&mut self) {
        self.title.clear();
        self.title_withheld = true;
    }
}

/// A forum tag of a post.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostTag {
    /// Its number.
    pub id: TagId,
    /// Its name.
    pub name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_began_a_thread_is_not_kept() {
        let thread = InThread {
            thread: "5".parse().unwrap(),
            title: "Birds".to_owned(),
            owner: UserId::new(1_234_567).ok(),
            title_withheld: false,
            tags: Vec::new(),
            place: SourcePlace::Answer,
            link: String::new(),
        };
        let kept = serde_json::to_string(&thread).unwrap();
        assert!(kept.contains("Birds") && !kept.contains("1234567"), "{kept}");
        let read: InThread = serde_json::from_str(&kept).unwrap();
        assert_eq!(read, InThread { owner: None, ..thread });
    }
}
