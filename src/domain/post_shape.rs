//! What kind of post a message is: what it has beside plain words. Feeds are filtered by it, and a follow of
//! what somebody *posts* lets through only what has a shape at all.

use super::activity::ActivityContent;
use super::message::{Content, File};
use super::place::SourcePlace;

/// From how many characters on a message is long.
const LONG: usize = 200;

bitflags::bitflags! {
    /// What a message has beside a few words. The bits are stored and never change their meaning.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct PostShape: i32 {
        /// A link.
        const LINK = 1;
        /// A picture.
        const IMAGE = 1 << 1;
        /// A film.
        const VIDEO = 1 << 2;
        /// A sound.
        const AUDIO = 1 << 3;
        /// Another file.
        const FILE = 1 << 4;
        /// A poll.
        const POLL = 1 << 5;
        /// It is long.
        const LONG = 1 << 6;
        /// It begins a thread or a forum's post.
        const STARTER = 1 << 7;
        /// It was published to all who follow its announcement channel.
        const PUBLISHED = 1 << 8;
        /// An embed that a bot or a webhook made.
        const EMBED = 1 << 9;
    }
}

impl PostShape {
    /// The shape of what an activity shows; none of a panel.
    pub fn of(content: &ActivityContent) -> Self {
        content.as_message().map_or(Self::empty(), Self::of_message)
    }

    fn of_message(content: &Content) -> Self {
        let text = content.text.as_str();
        let files = content.files.iter().chain(content.forward.iter().flat_map(|forward| &forward.files));
        let mut shape: Self = files.map(of_file).collect();
        for (flag, is_it) in [
            (Self::LINK, has_link(text) || !content.links.is_empty()),
            (Self::POLL, content.poll.is_some()),
            (Self::LONG, text.chars().nth(LONG).is_some()),
            (Self::STARTER, content.place() == SourcePlace::Starter),
            (Self::PUBLISHED, content.published),
            (Self::EMBED, !content.embeds.is_empty()),
        ] {
            shape.set(flag, is_it);
        }
        shape
    }
}

/// Whether a text has something that Discord makes a link of.
fn has_link(text: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| {
        text.split(scheme).skip(1).any(|rest| rest.chars().next().is_some_and(char::is_alphanumeric))
    })
}

fn of_file(file: &File) -> PostShape {
    let kind = file.media_type.as_deref().and_then(|kind| kind.split('/').next()).unwrap_or_default();
    match kind {
        "image" => PostShape::IMAGE,
        "video" => PostShape::VIDEO,
        "audio" => PostShape::AUDIO,
        _ => PostShape::FILE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(content: Content) -> PostShape {
        PostShape::of(&content.into())
    }

    #[test]
    fn a_few_words_have_no_shape() {
        let text = |text: &str| shape(Content { text: text.to_owned(), ..Content::default() });
        assert_eq!(text("good morning"), PostShape::empty());
        assert_eq!(text(&"a".repeat(LONG)), PostShape::empty());
        assert_eq!(text(&"ä".repeat(LONG + 1)), PostShape::LONG);
        assert_eq!(text("look: https://example.org/x"), PostShape::LINK);
        assert_eq!(text("http is a protocol"), PostShape::empty());
    }

    #[test]
    fn files_are_told_apart_by_their_media_types() {
        let file = |kind: Option<&str>| File { media_type: kind.map(str::to_owned), ..File::default() };
        let of = |files: Vec<File>| shape(Content { files, ..Content::default() });
        assert_eq!(
            of(vec![file(Some("image/png")), file(Some("video/mp4; codecs=x"))]),
            PostShape::IMAGE | PostShape::VIDEO
        );
        assert_eq!(of(vec![file(Some("audio/ogg"))]), PostShape::AUDIO);
        assert_eq!(of(vec![file(Some("text/plain")), file(None)]), PostShape::FILE);
    }
}
