//! The files that a message has at Discord already, so that an edit uploads only the others.

use super::{Payload, files};

/// A file that a message has at Discord.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExistingFile {
    /// Its id there.
    pub id: String,
    /// Its name, as people see it.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is hidden until somebody presses it.
    pub hidden: bool,
    /// The number of the source's file that it was made from, where that is known.
    pub source: Option<u64>,
}

/// The files that stay where they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeptFiles {
    /// Their ids.
    pub ids: Vec<String>,
    /// The numbers of the source's files, in the same order.
    pub sources: Vec<u64>,
}

impl Payload {
    /// Takes off the files that exist already, and returns them. The files that are left are new, or have
    /// taken the place of another.
    pub fn keep(&mut self, standing: &[ExistingFile]) -> KeptFiles {
        let mut free: Vec<&ExistingFile> = standing.iter().collect();
        let mut kept = KeptFiles::default();
        let is_same_name: [fn(&str, &str) -> bool; 2] = [|ours, theirs| ours == theirs, files::is_same];
        // Files with exactly that name come first.
        for is_same_name in is_same_name {
            self.files.retain(|file| {
                let is_it = |stands: &&ExistingFile| {
                    stands.source.is_none_or(|source| source == file.id)
                        && stands.size == file.size
                        && stands.hidden == file.is_hidden()
                        && is_same_name(&file.name, &stands.name)
                };
                let Some(at) = free.iter().position(is_it) else { return true };
                kept.ids.push(free.remove(at).id.clone());
                kept.sources.push(file.id);
                false
            });
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::message::{Content, File};
    use crate::domain::rendering::tests::here;
    use crate::domain::rendering::{PartLimit, render};

    fn file(id: u64, name: &str, size: u64, spoiler: bool) -> File {
        File { id, name: name.to_owned(), size, spoiler, ..File::default() }
    }

    fn stands(id: &str, name: &str, size: u64, hidden: bool) -> ExistingFile {
        ExistingFile { id: id.to_owned(), name: name.to_owned(), size, hidden, source: None }
    }

    #[test]
    fn an_edit_uploads_what_does_not_stand() {
        let files = vec![
            file(1, "a.png", 5, false),
            file(2, "b.png", 5, false),
            file(3, "c.png", 5, true),
            file(4, "План.pdf", 5, true),
            file(5, "a.png", 5, false),
        ];
        let content = Content { files, ..Content::default() };
        let mut payload = render(&content, &here(PartLimit::New)).remove(0);
        let standing = [
            stands("10", "a.png", 5, false),
            stands("11", "b.png", 6, false),
            stands("12", "c.png", 5, false),
            stands("13", "План.pdf", 5, true),
            stands("14", "gone.png", 5, false),
        ];
        let before = payload.clone();
        let kept = payload.keep(&standing);
        assert_eq!((kept.ids, kept.sources), (vec!["10".to_owned(), "13".to_owned()], vec![1, 4]));
        let new: Vec<_> = payload.files.iter().map(|file| file.id).collect();
        assert_eq!(new, [2, 3, 5], "replaced by another of its name, hidden since, and a second one");
        let known =
            standing.map(|file| ExistingFile { source: Some(if file.id == "10" { 9 } else { 4 }), ..file });
        let mut payload = before;
        assert_eq!(payload.keep(&known).ids, ["13"], "the first one is another of the same name and size");
    }
}
