//! The start page: one's servers, or how to sign in.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use maud::{Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::domain::account::WebSession;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::http::web::WebState;

use super::layout::page;

/// The start page for somebody who cancelled signing in with Discord.
pub(super) const CANCELLED: &str = "/?sign_in=cancelled";

/// What led here.
#[derive(Debug, Default, Deserialize)]
pub(super) struct StartQuery {
    sign_in: Option<String>,
}

/// `GET /`.
pub(super) async fn show(
    State(state): State<WebState>,
    caller: Caller,
    query: Result<Query<StartQuery>, QueryRejection>,
) -> Result<Markup, Problem> {
    let is_cancelled = query.is_ok_and(|Query(query)| query.sign_in.as_deref() == Some("cancelled"));
    let with_discord = state.offers_discord();
    Ok(match caller {
        Caller::Person(session) => page("Your servers", Some(&session), "/", servers(&session, with_discord)),
        Caller::Guest | Caller::Token(_) => {
            let content = html! {
                @if is_cancelled { p { "You cancelled signing in with Discord. Nobody was signed in." } }
                (how_to_sign_in(with_discord.then_some("/")))
            };
            page("Sign in", None, "/", content)
        }
    })
}

/// Leads to Discord's page, and then to this one of ours.
pub(super) fn sign_in_button(next: &str, text: &str) -> Markup {
    html! { p { a.button href=(sign_in_address(next)) { (text) } } }
}

fn sign_in_address(next: &str) -> String {
    format!("/auth/login?next={}", utf8_percent_encode(next, NON_ALPHANUMERIC))
}

fn servers(session: &WebSession, with_discord: bool) -> Markup {
    let servers = &session.account.servers;
    html! {
        @if servers.is_empty() {
            p { "I don't know any of your servers yet. Run " code { "/dashboard" } " in one of them." }
        } @else {
            ul {
                @for server in servers {
                    li { (server.name.as_deref().unwrap_or("A server")) " " span.faint { (server.id) } }
                }
            }
            p.faint {
                "Another one? Run " code { "/dashboard" } " there, and it appears here."
                @if with_discord { " Or " a href=(sign_in_address("/")) { "ask Discord again" } "." }
            }
        }
        h2 { "What you can do here" }
        p {
            "Make " a href="/settings/tokens" { "API tokens" } " for your programs, and read "
            a href="/docs" { "what they can do" } ". Follows, panels and your feed can also be managed with commands in Discord."
        }
    }
}

/// How somebody who isn't signed in gets in. Where that can be done with Discord, `discord` is the page to
/// which they come back from there.
pub(super) fn how_to_sign_in(discord: Option<&str>) -> Markup {
    html! {
        @if let Some(next) = discord {
            (sign_in_button(next, "Sign in with Discord"))
            p { "Or without it:" }
        }
        p { "Run " code { "/dashboard" } " in Discord, in a server where I am. I answer with a link that only you can see." }
        p.faint { "The link signs you in once, and within five minutes." }
    }
}
