//! What is said of a post: as text without what XML can't carry, and as HTML in which everything that came
//! from a message is escaped.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use crate::domain::feed_link::FeedLink;
use crate::domain::message::{Content, File};
use crate::domain::public_url::PublicUrl;
use crate::domain::rendering::named_text;
use crate::domain::text;
use crate::service::people::{FeedPage, ShownPost};

/// How long a title is, in UTF-16 units.
const TITLE: usize = 120;
/// What stands in the place of what an author hid.
const HIDDEN: &str = "[hidden]";

/// A feed to be written.
pub(super) struct FeedDocument {
    /// What it is called.
    pub(super) title: String,
    /// Its name for programs, which says neither its address nor whose it is.
    pub(super) id: String,
    /// The page on which its owner reads it.
    pub(super) page: String,
    /// When something in it was last new.
    pub(super) updated: DateTime<Utc>,
    /// The posts, the newest first.
    pub(super) entries: Vec<FeedEntry>,
}

/// A post.
pub(super) struct FeedEntry {
    /// Where and by whom, and how it begins.
    pub(super) title: String,
    /// The message at Discord. It is also the entry's name for programs.
    pub(super) link: String,
    /// Who wrote it.
    pub(super) author: String,
    /// When it was posted.
    pub(super) posted_at: DateTime<Utc>,
    /// What it says, as HTML.
    pub(super) html: String,
    /// Its tags.
    pub(super) tags: Vec<String>,
}

impl FeedDocument {
    /// What somebody reads at this address at this time.
    pub(super) fn new(link: &FeedLink, page: FeedPage, url: &PublicUrl, now: DateTime<Utc>) -> Self {
        let updated = page.posts.first().map_or(link.created_at, |newest| newest.post.posted_at());
        Self {
            title: format!("Tributary: {}", clean(&link.name)),
            id: url.join(&format!("/feed#{}", link.id.0)),
            page: url.join("/feed"),
            updated,
            entries: page.posts.iter().map(|shown| FeedEntry::new(shown, now)).collect(),
        }
    }
}

impl FeedEntry {
    fn new(shown: &ShownPost, now: DateTime<Utc>) -> Self {
        let ShownPost { post, channel_name, server_name } = shown;
        let content = post.content.as_ref();
        let author = content.map(|content| clean(&content.author)).filter(|name| text::is_visible(name));
        let author = author.unwrap_or_else(|| "Somebody".to_owned());
        let place = format!("#{} · {}", clean(channel_name), clean(server_name));
        let said = content.map(|content| without_spoilers(&clean(&named_text(content))));
        let begins = said.as_deref().unwrap_or_default().lines().find(|line| text::is_visible(line));
        let title = match begins {
            Some(line) => format!("{author} in #{}: {}", clean(channel_name), line.trim()),
            None => format!("{author} in #{}", clean(channel_name)),
        };
        let markup = html! {
            @match &said {
                Some(said) => (paragraphs(said)),
                None => p { "What it says isn't known here, or not any more." }
            }
            @if let Some(content) = content { (things(content, now)) }
            p { small { (place) @if post.edited { " · edited" } } }
        };
        Self {
            title: text::cut(&one_line(&title), TITLE).into_owned(),
            link: clean(&post.link()),
            author: one_line(&author),
            posted_at: post.posted_at(),
            html: markup.into_string(),
            tags: post.tags.iter().map(|tag| one_line(&clean(tag))).collect(),
        }
    }
}

/// The text without what XML 1.0 can't carry, not even escaped: control characters and two that are none.
/// Lines end as XML's parsers read them.
pub(super) fn clean(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let is_allowed = |c: &char| match c {
        '\t' | '\n' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        c => !c.is_control(),
    };
    text.chars().filter(is_allowed).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Programs that read feeds have no way to hide something until it is asked for.
fn without_spoilers(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("||") {
        let Some((_, behind)) = after.split_once("||") else { break };
        shown.push_str(before);
        shown.push_str(HIDDEN);
        rest = behind;
    }
    shown + rest
}

fn paragraphs(text: &str) -> Markup {
    let blocks = text.split("\n\n").map(|block| block.trim_matches('\n')).filter(|block| !block.is_empty());
    html! {
        @for block in blocks {
            p { @for (at, line) in block.lines().enumerate() { @if at > 0 { br; } (line) } }
        }
    }
}

/// Its poll and its files. Discord's addresses of files work for a day or so; what has ended is named only.
fn things(content: &Content, now: DateTime<Utc>) -> Markup {
    html! {
        @if let Some(poll) = &content.poll { p { "Poll: " (clean(&poll.question)) } }
        @for file in &content.files { (file_of(file, now)) }
    }
}

fn file_of(file: &File, now: DateTime<Utc>) -> Markup {
    let (name, url) = (clean(file.description.as_deref().unwrap_or(&file.name)), clean(&file.url));
    html! {
        p {
            @if !file.is_web(now) { "File: " @if file.is_hidden() { (HIDDEN) } @else { (name) } }
            @else if file.is_hidden() { a href=(url) rel="noreferrer" { "Hidden file" } }
            @else if file.is_image() { img src=(url) alt=(name); }
            @else { a href=(url) rel="noreferrer" { (name) } }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::activity::ActivityId;
    use crate::domain::feed::{FeedPosition, FeedPost};
    use crate::domain::feed_link::FeedLinkId;
    use crate::domain::ids::{ChannelId, GuildId, MessageId, UserId};
    use crate::domain::post_shape::PostShape;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn shown(content: Content, place: &str) -> ShownPost {
        let post = FeedPost {
            position: FeedPosition {
                message: MessageId::new(1_000_000_000_000).unwrap(),
                activity: ActivityId(1),
            },
            source: ChannelId::new(2).unwrap(),
            thread: None,
            server: GuildId::new(3).unwrap(),
            author: UserId::new(4).ok(),
            edited: true,
            shape: PostShape::empty(),
            content: Some(content),
            tags: vec![place.to_owned()],
            because: Vec::new(),
        };
        ShownPost { post, channel_name: place.to_owned(), server_name: place.to_owned() }
    }

    /// A feed with one post in which this text is everywhere.
    pub(in crate::http::feeds) fn document(text: &str) -> FeedDocument {
        let file = File {
            name: text.to_owned(),
            url: format!("https://cdn.discordapp.com/attachments/1/2/{text}"),
            description: Some(text.to_owned()),
            media_type: Some("image/png".to_owned()),
            ..File::default()
        };
        let content = Content {
            author: text.to_owned(),
            text: text.to_owned(),
            files: vec![file],
            ..Content::default()
        };
        let posts = vec![shown(content, text)];
        let page = FeedPage {
            posts,
            total: 1,
            newer: 0,
            is_total_exact: true,
            next: None,
            is_complete: true,
            seen: None,
        };
        let link = FeedLink {
            id: FeedLinkId(7),
            user: UserId::new(4).unwrap(),
            name: text.to_owned(),
            created_at: at(0),
            used_on: None,
        };
        FeedDocument::new(&link, page, &PublicUrl::new(true, "bot.example.org", None), at(1))
    }

    /// Any text, the evil included.
    pub(in crate::http::feeds) fn any_text() -> impl Strategy<Value = String> {
        let evil = prop::sample::select(vec![
            "<script>alert(1)</script>",
            "]]>",
            "&amp;",
            "\"><img src=x onerror=alert(1)>",
            "<!--",
            "&#0;",
            "<?xml?>",
            "\u{0}",
            "\u{B}",
            "\u{FFFE}",
            "\r\n",
            "\n\n",
            "||",
            "javascript:alert(1)",
        ]);
        let part = prop_oneof![evil.prop_map(ToOwned::to_owned), any::<String>()];
        prop::collection::vec(part, 0..6).prop_map(|parts| parts.concat())
    }

    proptest! {
        /// Whatever a message says, the only markup is our own.
        #[test]
        fn nothing_of_a_message_becomes_markup(text in any_text()) {
            let html = &document(&text).entries[0].html;
            for tag in html.split('<').skip(1) {
                let name = tag.split(['>', ' ']).next().unwrap();
                let own = ["p", "/p", "br", "img", "small", "/small", "a", "/a"];
                prop_assert!(own.contains(&name), "{}", html);
            }
            prop_assert!(!html.contains(" onerror=\"") && html.matches('"').count().is_multiple_of(2), "{}", html);
        }
    }

    #[test]
    fn what_is_hidden_stays_hidden() {
        assert_eq!(without_spoilers("He ||dies|| and ||lives|| || on"), "He [hidden] and [hidden] || on");
        let html = &document("The butler ||did it||").entries[0].html;
        assert!(html.starts_with("<p>The butler [hidden]</p>"), "{html}");
    }

    #[test]
    fn lines_and_paragraphs_are_kept() {
        let html = &document("one\r\ntwo\n\n\n<three>").entries[0].html;
        assert!(html.starts_with("<p>one<br>two</p><p>&lt;three&gt;</p>"), "{html}");
    }
}
