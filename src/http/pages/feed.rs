//! A person's feed: posts from the people, channels and collections they follow.

use axum::extract::State;
use axum::response::IntoResponse;
use maud::{Markup, html};
use serde::Deserialize;

use crate::domain::activity::ActivityId;
use crate::domain::audit::Via;
use crate::domain::feed::{FeedFilter, FeedPosition, FeedPost, PostContent};
use crate::domain::rendering::named_text;
use crate::http::body::{FormFields, Params};
use crate::http::caller::Person;
use crate::http::id::Id;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;
use crate::service::people::{FeedPage, FeedRequest, FeedStart, ShownPost};

use super::layout::page;
use super::{see_other, time};

const PATH: &str = "/feed";
/// How many posts a page has.
const SIZE: usize = 20;

/// Which part of the feed.
#[derive(Debug, Default, Deserialize)]
pub(super) struct FeedPageQuery {
    cursor: Option<String>,
    unread: Option<String>,
    with: Option<String>,
}

impl FeedPageQuery {
    fn start(&self) -> Result<FeedStart, Problem> {
        let Some(cursor) = &self.cursor else { return Ok(FeedStart::Newest) };
        let position = cursor.parse::<FeedPosition>().map_err(|_| Problem::new(ProblemCode::InvalidPage))?;
        Ok(FeedStart::OlderThan(position))
    }

    fn is_unread(&self) -> bool {
        self.unread.as_deref() == Some("1")
    }

    fn content(&self) -> Option<PostContent> {
        self.with.as_deref().and_then(PostContent::parse)
    }
}

/// `GET /feed`.
pub(super) async fn show(
    State(state): State<WebState>,
    Person(own): Person,
    Params(query): Params<FeedPageQuery>,
) -> Result<Markup, Problem> {
    let request = FeedRequest {
        user: own.account.user,
        via: Via::Web,
        filter: FeedFilter { content: query.content(), ..FeedFilter::default() },
        unread: query.is_unread(),
        start: query.start()?,
        limit: SIZE,
    };
    let feed = state.services()?.people.feed(request).await?;
    Ok(page("Your feed", Some(&own), PATH, content(&feed, &query)))
}

fn content(feed: &FeedPage, query: &FeedPageQuery) -> Markup {
    let newest = feed.posts.first().filter(|_| query.cursor.is_none());
    let older = feed.next.map(|next| address(query.is_unread(), query.content(), Some(next)));
    html! {
        (filters(query))
        @if let Some(newest) = newest {
            form method="post" action={ (PATH) "/read" } {
                input type="hidden" name="up_to" value=(newest.post.position.activity.0);
                p { button.quiet type="submit" accesskey="r" { "Mark all as read" } }
            }
        }
        @if !feed.is_complete {
            p.panel { "Discord doesn't answer for some of your servers at the moment, so what was posted there is missing." }
        }
        @if feed.posts.is_empty() { (nothing(query)) }
        @for shown in &feed.posts {
            (post(shown, feed.seen.is_none_or(|seen| shown.post.position.message > seen)))
        }
        nav aria-label="Pages of the feed" {
            @if query.cursor.is_some() {
                a href=(address(query.is_unread(), query.content(), None)) accesskey="n" { "Newest" } " "
            }
            @if let Some(older) = older { a rel="next" href=(older) accesskey="o" { "Older" } }
        }
    }
}

fn nothing(query: &FeedPageQuery) -> Markup {
    html! {
        @if query.is_unread() || query.content().is_some() || query.cursor.is_some() {
            p { "There is nothing here. " a href=(PATH) { "See everything" } "." }
        } @else {
            p { "There is nothing in your feed yet. Follow people and channels in Discord with " code { "/feed follow" } "." }
        }
    }
}

/// The filters, as links: all, unread, and what posts have in them.
fn filters(query: &FeedPageQuery) -> Markup {
    let (unread, content) = (query.is_unread(), query.content());
    let kinds = [
        (None, "Everything"),
        (Some(PostContent::Image), "Pictures"),
        (Some(PostContent::Video), "Films"),
        (Some(PostContent::Link), "Links"),
        (Some(PostContent::File), "Files"),
        (Some(PostContent::Poll), "Polls"),
    ];
    html! {
        nav.filters aria-label="Filters" {
            @for (kind, name) in kinds {
                a href=(address(unread, kind, None)) aria-current=[(kind == content).then_some("true")] { (name) } " "
            }
            a href=(address(!unread, content, None)) aria-current=[unread.then_some("true")] accesskey="u" { "Unread only" }
        }
    }
}

fn address(unread: bool, content: Option<PostContent>, at: Option<FeedPosition>) -> String {
    let parts = [
        unread.then(|| "unread=1".to_owned()),
        content.map(|content| format!("with={}", content.as_str())),
        at.map(|at| format!("cursor={at}")),
    ];
    let query = parts.into_iter().flatten().collect::<Vec<_>>().join("&");
    if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?{query}") }
}

fn post(shown: &ShownPost, unread: bool) -> Markup {
    let ShownPost { post, channel_name, server_name } = shown;
    html! {
        article.post.unread[unread] {
            p {
                strong { (author(post)) } " "
                span.faint { "in #" (channel_name) " · " (server_name) " · " (time(post.posted_at())) }
                @if post.edited { " " span.faint { "(edited)" } }
                @if unread { " " span.badge { "new" } }
            }
            @match &post.content {
                Some(content) => {
                    (text(&named_text(content)))
                    @if let Some(poll) = &content.poll { p { "Poll: " (poll.question) } }
                    @for file in &content.files {
                        p { a href=(file.url) rel="noreferrer" {
                            @if file.is_hidden() { "Hidden file" } @else { (file.description.as_deref().unwrap_or(&file.name)) }
                        } }
                    }
                }
                None => p.faint { "What it says isn't known here, or not any more." }
            }
            p { a href=(post.link()) rel="noreferrer" { "Open in Discord" } }
        }
    }
}

/// What it says. What its author hid stays hidden until it is opened.
fn text(text: &str) -> Markup {
    html! {
        @if text.contains("||") {
            details { summary { "Has something hidden (spoilers)" } p.text { (text) } }
        } @else {
            p.text { (text) }
        }
    }
}

fn author(post: &FeedPost) -> &str {
    match &post.content {
        Some(content) => &content.author,
        None => "Somebody",
    }
}

/// `POST /feed/read`.
pub(super) async fn mark(
    State(state): State<WebState>,
    Person(own): Person,
    fields: FormFields,
) -> Result<impl IntoResponse, Problem> {
    let up_to = Id::<ActivityId>::parse(fields.one("up_to"));
    let Id(up_to) = up_to.map_err(|_| Problem::new(ProblemCode::InvalidBody))?;
    state.services()?.people.mark_read(own.account.user, Via::Web, up_to).await?;
    Ok(see_other(PATH))
}
