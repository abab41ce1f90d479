//! A post as somebody's feed shows it: who wrote it, the beginning of what it says, its first picture.

use crate::domain::message::Content;
use crate::domain::place::SourcePlace;
use crate::domain::text;

use super::{address, title, words};

/// How much of the author's name is shown (Discord: names have at most 32 characters).
const NAME: usize = 80;
/// The name where nothing of the author's can be seen.
const SOMEBODY: &str = "Somebody";

/// A post as a feed shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostPreview {
    /// Who wrote it, without formatting.
    pub author: String,
    /// The address of their avatar.
    pub avatar: Option<String>,
    /// The title of the thread or forum post that it begins, escaped.
    pub title: Option<String>,
    /// What it says, in Discord's Markdown, with names for mentions. Formatting that is open where it is cut
    /// is closed. Never empty.
    pub text: String,
    /// The address of the first picture that its author didn't hide.
    pub picture: Option<String>,
}

/// A post as a feed shows it, with at most `longest` units of what it says.
pub fn preview_post(content: &Content, longest: usize) -> PostPreview {
    PostPreview {
        author: author(content),
        avatar: content.avatar_url.as_deref().and_then(address::public),
        title: thread_title(content),
        text: words_of(content, longest),
        picture: picture(content),
    }
}

fn author(content: &Content) -> String {
    let readable = |name: &str| {
        let name: String = words::one_line(name).chars().filter(|c| !text::is_noise(*c)).collect();
        text::is_visible(&name).then(|| text::cut(&name, NAME).into_owned())
    };
    [&content.author, &content.handle]
        .into_iter()
        .find_map(|name| readable(name))
        .unwrap_or_else(|| SOMEBODY.to_owned())
}

fn thread_title(content: &Content) -> Option<String> {
    let thread = content.thread.as_ref().filter(|thread| thread.place == SourcePlace::Starter)?;
    Some(words::plain(&thread.title, NAME)).filter(|title| !title.is_empty())
}

fn words_of(content: &Content, longest: usize) -> String {
    let said = title::written(content).unwrap_or_else(|| text::escape(&title::beginning(content)));
    text::shortened(&said, longest).into_owned()
}

fn picture(content: &Content) -> Option<String> {
    let files = content.files.iter().chain(content.forward.iter().flat_map(|forward| &forward.files));
    files
        .filter(|file| file.is_image())
        .filter(|file| !file.is_hidden())
        .find_map(|file| address::public(&file.url))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::message::{File, Forward, Names, Poll};
    use crate::domain::text::alphabet::any_text;

    fn saying(text: &str) -> Content {
        Content { author: "Carol".to_owned(), text: text.to_owned(), ..Content::default() }
    }

    fn text(content: &Content) -> String {
        preview_post(content, 300).text
    }

    #[test]
    fn mentions_are_names_and_open_formatting_is_closed() {
        let mut names = Names::default();
        names.people.insert("1".parse().unwrap(), "Ada".to_owned());
        let content = Content { names, ..saying("Hi <@1> and <@&9> in `<#3>`") };
        assert_eq!(text(&content), "Hi @Ada and @unknown role in `<#3>`");
        let code = text(&saying(&format!("```rs\n{}\n```", "let x = 1;\n".repeat(60))));
        assert!(code.ends_with("``` …") || code.ends_with("```\n …"), "{code}");
        let spoiler = text(&saying(&format!("||{}||", "secret ".repeat(100))));
        assert_eq!(spoiler.matches("||").count(), 2, "{spoiler}");
    }

    #[test]
    fn something_is_always_said() {
        assert_eq!(text(&saying("")), "Message by Carol");
        let forward = Forward { text: "forwarded".to_owned(), ..Forward::default() };
        assert_eq!(text(&Content { forward: Some(forward), ..saying(" ") }), "forwarded");
        let poll = Poll { question: "Tea?".to_owned(), ..Poll::default() };
        assert_eq!(text(&Content { poll: Some(poll), ..saying("") }), "Tea?");
        let file = File { name: "a_b_.txt".to_owned(), ..File::default() };
        assert_eq!(text(&Content { files: vec![file], ..saying("") }), "a\\_b\\_.txt");
    }

    #[test]
    fn a_hidden_picture_is_not_shown() {
        let file = |name: &str, kind: &str| File {
            name: name.to_owned(),
            url: format!("https://cdn.example.com/{name}"),
            media_type: Some(kind.to_owned()),
            ..File::default()
        };
        let of = |files: Vec<File>| preview_post(&Content { files, ..saying("") }, 300).picture;
        let shown = vec![file("a.txt", "text/plain"), file("b.png", "image/png"), file("c.png", "image/png")];
        assert_eq!(of(shown).as_deref(), Some("https://cdn.example.com/b.png"));
        assert_eq!(of(vec![file("SPOILER_b.png", "image/png")]), None);
    }

    #[test]
    fn an_author_has_a_readable_name() {
        let named = |author: &str, handle: &str| {
            let content =
                Content { author: author.to_owned(), handle: handle.to_owned(), ..Content::default() };
            preview_post(&content, 300).author
        };
        assert_eq!(named(" Ca\u{202E}rol\n", "carol"), "Carol");
        assert_eq!(named("\u{200B}", "carol"), "carol");
        assert_eq!(named("", ""), SOMEBODY);
    }

    proptest! {
        #[test]
        fn no_text_is_longer_than_it_may_be_or_empty(said in any_text(60)) {
            let shown = text(&saying(&said));
            prop_assert!(text::units(&shown) <= 300, "{shown}");
            prop_assert!(!shown.trim().is_empty());
        }
    }
}
