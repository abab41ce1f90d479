//! The start page: one's servers, or how to sign in.

use maud::{Markup, html};

use crate::domain::account::WebSession;
use crate::http::caller::Caller;
use crate::http::problem::Problem;

use super::layout::page;

/// `GET /`.
pub(super) async fn show(caller: Caller) -> Result<Markup, Problem> {
    Ok(match caller {
        Caller::Person(session) => page("Your servers", Some(&session), "/", servers(&session)),
        Caller::Guest | Caller::Token(_) => page("Sign in", None, "/", how_to_sign_in()),
    })
}

fn servers(session: &WebSession) -> Markup {
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
            p.faint { "Another one? Run " code { "/dashboard" } " there, and it appears here." }
        }
        h2 { "What you can do here" }
        p {
            "Make " a href="/settings/tokens" { "API tokens" } " for your programs, and read "
            a href="/docs" { "what they can do" } ". Everything else is done with commands in Discord."
        }
    }
}

/// How somebody who isn't signed in gets in.
pub(super) fn how_to_sign_in() -> Markup {
    html! {
        p { "Run " code { "/dashboard" } " in Discord, in a server where I am. I answer with a link that only you can see." }
        p.faint { "The link signs you in once, and within five minutes." }
    }
}
