//! How a part of a feed is shown. It is complete without the script, which only adds keys.

use chrono::{DateTime, Utc};
use maud::{Markup, html};

use crate::domain::feed::{FeedPosition, FeedPost, PostContent};
use crate::domain::ids::UserId;
use crate::domain::message::{Content, File};
use crate::domain::personal::{Followee, PersonalFollow};
use crate::domain::rendering::named_text;
use crate::http::assets::FEED_KEYS;
use crate::service::people::{FeedPage, ShownPost};

use super::super::time;
use super::PATH;
use super::actions::follow_forms;
use super::query::FeedPageQuery;

/// Where pages may take pictures from; `guard` has the same in its policy.
const PICTURES: &str = "https://cdn.discordapp.com/";
/// The kinds of posts that one can filter by.
const KINDS: [(Option<PostContent>, &str); 6] = [
    (None, "Everything"),
    (Some(PostContent::Image), "Pictures"),
    (Some(PostContent::Video), "Films"),
    (Some(PostContent::Link), "Links"),
    (Some(PostContent::File), "Files"),
    (Some(PostContent::Poll), "Polls"),
];

/// A part of somebody's feed.
pub(super) struct FeedPart<'a> {
    /// What is in it.
    pub(super) feed: &'a FeedPage,
    /// The follows through which it is there.
    pub(super) follows: &'a [PersonalFollow],
    /// Which part.
    pub(super) query: &'a FeedPageQuery,
    /// Whose.
    pub(super) user: UserId,
    /// When it is shown.
    pub(super) now: DateTime<Utc>,
}

impl FeedPart<'_> {
    /// All of it.
    pub(super) fn content(&self) -> Markup {
        let (feed, query) = (self.feed, self.query);
        let newest = feed.posts.first().filter(|_| query.is_first());
        html! {
            (filters(query))
            @if let Some(newest) = newest {
                (mark_form(&newest.post, query, "Mark all as read"))
            }
            @if !feed.is_complete {
                p.panel { "Discord doesn't answer for some of your servers at the moment, so what was posted there is missing." }
            }
            @if feed.posts.is_empty() { (nothing(query)) }
            div #posts {
                @for shown in &feed.posts { (self.post(shown)) }
            }
            (self.pages())
            p.faint {
                a href="/feed/following" { "Whom and what you follow" } " · "
                a href="/feed/addresses" { "Read it in another program" }
                span.keys hidden { " · Press " kbd { "?" } " for keys" }
            }
            (keys())
            script type="module" src=(FEED_KEYS.path()) {}
        }
    }

    fn pages(&self) -> Markup {
        let (feed, query) = (self.feed, self.query);
        let first = feed.posts.first().filter(|_| feed.newer > 0);
        let at = |shown: &ShownPost| -> FeedPosition { shown.post.position };
        html! {
            nav.pages aria-label="Pages of the feed" {
                @if !query.is_first() { a href=(query.newest().address()) accesskey="n" { "Newest" } }
                @if let Some(first) = first { a rel="prev" href=(query.newer_than(at(first)).address()) { "Newer" } }
                @if let Some(older) = feed.next { a rel="next" href=(query.older_than(older).address()) accesskey="o" { "Older" } }
            }
        }
    }

    fn post(&self, shown: &ShownPost) -> Markup {
        let ShownPost { post, channel_name, server_name } = shown;
        let unread = self.feed.seen.is_none_or(|seen| post.position.message > seen);
        let query = self.query;
        html! {
            article.post.unread[unread] tabindex="-1" {
                p.head {
                    @match post.author {
                        Some(author) => a.author href=(query.of_author(author).address()) { (author_name(post)) },
                        None => strong { (author_name(post)) },
                    }
                    " " span.faint {
                        "in " a href=(query.in_channel(post.source).address()) { "#" (channel_name) }
                        " · " a href=(query.in_server(post.server).address()) { (server_name) }
                        " · " (time(post.posted_at()))
                        @if post.edited { " (edited)" }
                    }
                    @if unread { " " span.badge { "new" } }
                }
                @match &post.content {
                    Some(content) => (said(content, self.now)),
                    None => p.faint { "What it says isn't known here, or not any more." },
                }
                (tags(post, query))
                div.actions {
                    a.open href=(post.link()) rel="noreferrer" { "Open in Discord" }
                    details {
                        summary { "More" }
                        div.menu {
                            @if unread { (mark_form(post, query, "Mark this and older as read")) }
                            (follow_forms(self.user, post, self.follows, &query.address(), (author_name(post), channel_name)))
                        }
                    }
                }
            }
        }
    }
}

fn mark_form(post: &FeedPost, query: &FeedPageQuery, label: &str) -> Markup {
    html! {
        form.mark method="post" action={ (PATH) "/read" } {
            input type="hidden" name="up_to" value=(post.position.activity.0);
            input type="hidden" name="back" value=(query.address());
            button.quiet type="submit" { (label) }
        }
    }
}

fn nothing(query: &FeedPageQuery) -> Markup {
    html! {
        @if query.is_filtered() || !query.is_first() {
            p { "There is nothing here. " a href=(PATH) { "See everything" } "." }
        } @else {
            p { "There is nothing in your feed yet. Follow people and channels in Discord with " code { "/feed follow" } "." }
        }
    }
}

/// The filters: what posts have in them and whether they are unread as links, a tag in a field.
fn filters(query: &FeedPageQuery) -> Markup {
    let unread = query.is_unread();
    html! {
        nav.filters aria-label="Filters" {
            @for (kind, name) in KINDS {
                a href=(query.with(kind).address()) aria-current=[(kind == query.content()).then_some("true")] { (name) }
            }
            a href=(query.with_unread(!unread).address()) aria-current=[unread.then_some("true")] accesskey="u" { "Unread only" }
            @if query.is_narrowed() { a href=(query.widened().address()) { "Clear filter ×" } }
        }
        form.search method="get" action=(PATH) role="search" {
            @for (name, value) in query.hidden_fields() { input type="hidden" name=(name) value=(value); }
            input type="search" name="tag" value=[query.tag()] placeholder="#tag" aria-label="Only posts with this tag" maxlength="100" autocomplete="off";
            button.quiet type="submit" { "Filter" }
        }
    }
}

/// What it says and shows.
fn said(content: &Content, now: DateTime<Utc>) -> Markup {
    html! {
        (text(&named_text(content)))
        @if let Some(poll) = &content.poll { p { "Poll: " (poll.question) } }
        @for one in &content.files { (file(one, now)) }
    }
}

/// What its author hid stays hidden until it is opened.
fn text(text: &str) -> Markup {
    html! {
        @if text.contains("||") {
            details { summary { "Has something hidden (spoilers)" } p.text { (text) } }
        } @else {
            p.text { (text) }
        }
    }
}

/// Discord's addresses of files work for a day or so: pictures are shown as long as they can be, everything
/// else is a link, and what has ended is named.
fn file(file: &File, now: DateTime<Utc>) -> Markup {
    let name = file.description.as_deref().unwrap_or(&file.name);
    let picture = || html! { img src=(file.url) alt=(name) loading="lazy"; };
    let is_shown = file.is_image() && file.url.starts_with(PICTURES);
    html! {
        @if !file.is_web(now) {
            p.faint { @if file.is_hidden() { "Hidden file" } @else { (name) } " (open the message to see it)" }
        } @else if file.is_hidden() {
            @if is_shown { details { summary { "Hidden picture" } (picture()) } }
            @else { p { a href=(file.url) rel="noreferrer" { "Hidden file" } } }
        } @else if is_shown {
            (picture())
        } @else {
            p { a href=(file.url) rel="noreferrer" { (name) } }
        }
    }
}

fn tags(post: &FeedPost, query: &FeedPageQuery) -> Markup {
    html! {
        @if !post.tags.is_empty() {
            p.tags {
                @for tag in &post.tags {
                    @if tag.starts_with('#') { a href=(query.of_tag(tag).address()) { (tag) } }
                    @else { span { (tag) } }
                }
            }
        }
    }
}

fn author_name(post: &FeedPost) -> &str {
    post.content.as_ref().map_or("Somebody", |content| &content.author)
}

/// What is followed, where its name is known from a post.
pub(super) fn followee_name(followee: Followee, post: &FeedPost, names: (&str, &str)) -> String {
    match followee {
        Followee::User(user) if post.author == Some(user) => names.0.to_owned(),
        Followee::User(_) => "this person".to_owned(),
        Followee::Channel(channel) if channel == post.source => format!("#{}", names.1),
        Followee::Channel(_) => "this thread".to_owned(),
        Followee::Collection(_) => "this collection".to_owned(),
    }
}

/// What the keys do; the script shows it.
fn keys() -> Markup {
    let all = [
        ("j", "next post"),
        ("k", "post before"),
        ("o", "open it in Discord"),
        ("m", "mark it and what is older as read"),
        ("/", "filter by a tag"),
        ("?", "show and hide this"),
    ];
    html! {
        dialog #keys aria-label="Keys" {
            dl { @for (key, does) in all { div { dt { kbd { (key) } } dd { (does) } } } }
            form method="dialog" { button.quiet { "Close" } }
        }
    }
}
