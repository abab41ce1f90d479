//! The private addresses of one's feed.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use maud::{Markup, html};

use crate::domain::account::{LONGEST_TOKEN_NAME, TokenName};
use crate::domain::audit::Via;
use crate::domain::feed_link::{FeedFormat, FeedLink, FeedLinkId};
use crate::domain::secret::WebSecret;
use crate::http::body::{FormFields, Ids};
use crate::http::caller::Person;
use crate::http::id::Id;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;

use super::super::layout::page;
use super::super::{day, see_other};

const PATH: &str = "/feed/addresses";

/// `GET /feed/addresses`.
pub(in crate::http::pages) async fn show(
    State(state): State<WebState>,
    Person(own): Person,
) -> Result<Markup, Problem> {
    let links = state.services()?.people.feed_links(own.account.user).await?;
    Ok(page("Your feed elsewhere", Some(&own), PATH, html! { (list(&links)) (form()) }))
}

/// `POST /feed/addresses`: the one answer in which the addresses can be read.
pub(in crate::http::pages) async fn create(
    State(state): State<WebState>,
    Person(own): Person,
    fields: FormFields,
) -> Result<impl IntoResponse, Problem> {
    let name = TokenName::parse(fields.one("name")).ok_or_else(|| {
        let detail = "Go back and give the address a name of 1 to 50 visible characters.";
        Problem::new(ProblemCode::InvalidBody).with_detail(detail)
    })?;
    let people = &state.services()?.people;
    let (secret, link) = people.create_feed_link(own.account.user, Via::Web, name).await?;
    let content = shown_once(&secret, &link, |path| state.url.join(path));
    Ok((StatusCode::CREATED, page("Your new address", Some(&own), "", content)))
}

/// `POST /feed/addresses/{id}/revoke`.
pub(in crate::http::pages) async fn revoke(
    State(state): State<WebState>,
    Person(own): Person,
    Ids(Id(id)): Ids<Id<FeedLinkId>>,
    _: FormFields,
) -> Result<impl IntoResponse, Problem> {
    let revoked = state.services()?.people.revoke_feed_link(own.account.user, id, Via::Web).await?;
    if revoked { Ok(see_other(PATH)) } else { Err(Problem::new(ProblemCode::NotFound)) }
}

fn shown_once(secret: &WebSecret, link: &FeedLink, address: impl Fn(&str) -> String) -> Markup {
    let formats = [(FeedFormat::Atom, "Atom"), (FeedFormat::Rss, "RSS"), (FeedFormat::Json, "JSON Feed")];
    html! {
        div.panel {
            p { "These are the addresses of " b { (link.name) } ". Most readers take any of the three. Copy one now: they are shown only here and now." }
            @for (format, name) in formats {
                p { (name) code.secret { (address(&format.path(secret))) } }
            }
            p.faint { "Whoever has one of them can read your feed until you revoke it. Keep it like a password." }
        }
        p { a href=(PATH) { "Back to your addresses" } }
    }
}

fn list(links: &[FeedLink]) -> Markup {
    html! {
        @if links.is_empty() {
            p { "You can read your feed in a program that reads Atom, RSS or JSON Feed. It gets a private address, which opens your feed and nothing else." }
        } @else {
            ul.cards {
                @for link in links {
                    li {
                        form method="post" action={ (PATH) "/" (link.id.0) "/revoke" } {
                            button.danger type="submit" { "Revoke" }
                        }
                        b { (link.name) }
                        div.faint {
                            "Made on " (day(link.created_at)) ", "
                            @if let Some(used) = link.used_on { "last used on " (day(used)) } @else { "never used" }
                        }
                    }
                }
            }
        }
    }
}

fn form() -> Markup {
    html! {
        h2 { "Make an address" }
        form method="post" action=(PATH) {
            label {
                "For which reader"
                input type="text" name="name" required maxlength=(LONGEST_TOKEN_NAME) autocomplete="off";
            }
            p { button type="submit" { "Make the address" } }
        }
        p { a href="/feed" { "Back to your feed" } }
    }
}
