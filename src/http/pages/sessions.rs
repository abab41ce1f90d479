//! One's sessions.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::response::IntoResponse;
use maud::{Markup, html};

use crate::domain::account::WebSessionId;
use crate::http::body::{FormFields, Ids};
use crate::http::caller::Person;
use crate::http::cookie;
use crate::http::id::Id;
use crate::http::problem::{Problem, ProblemCode};
use crate::http::web::WebState;

use super::layout::page;
use super::{see_other, time};

const PATH: &str = "/settings/sessions";

/// `GET /settings/sessions`.
pub(super) async fn show(State(state): State<WebState>, Person(own): Person) -> Result<Markup, Problem> {
    let sessions = state.services()?.accounts.web_sessions(own.account.user).await?;
    let content = html! {
        p { "These browsers are signed in as you. A session ends after a week without use, and after 30 days anyway." }
        div.scroll {
            table {
                thead { tr { th { "Browser" } th { "Since" } th { "Last used" } th { "" } } }
                tbody {
                    @for session in &sessions {
                        tr {
                            td { (session.browser) @if session.id == own.id { " (this one)" } }
                            td { (time(session.created_at)) }
                            td { (time(session.seen_at)) }
                            td {
                                form method="post" action={ (PATH) "/" (session.id.0) "/end" } {
                                    button.quiet type="submit" { "End" }
                                }
                            }
                        }
                    }
                }
            }
        }
        form method="post" action={ (PATH) "/end" } {
            p { button.danger type="submit" { "Sign out everywhere" } }
        }
    };
    Ok(page("Your sessions", Some(&own), PATH, content))
}

/// `POST /settings/sessions/{id}/end`.
pub(super) async fn end(
    State(state): State<WebState>,
    Person(own): Person,
    Ids(Id(id)): Ids<Id<WebSessionId>>,
    _: FormFields,
) -> Result<impl IntoResponse, Problem> {
    let ended = state.services()?.accounts.end_web_session(own.account.user, id).await?;
    if ended { Ok(see_other(PATH)) } else { Err(Problem::new(ProblemCode::NotFound)) }
}

/// `POST /settings/sessions/end`.
pub(super) async fn end_all(
    State(state): State<WebState>,
    Person(own): Person,
    _: FormFields,
) -> Result<impl IntoResponse, Problem> {
    state.services()?.accounts.end_web_sessions(own.account.user).await?;
    Ok(([(SET_COOKIE, cookie::removed(&state.url))], see_other("/")))
}
