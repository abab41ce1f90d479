//! What didn't work, as a page; and the pages that explain the API's problems.

use axum::extract::Path;
use maud::{Markup, html};

use crate::http::guard::RequestId;
use crate::http::problem::{Problem, ProblemCode, ProblemKind};

use super::layout::page;
use super::start::how_to_sign_in;

/// The page for a problem. It doesn't know who asks: it must also be there if nobody could find out. Where
/// people can sign in with Discord, `discord` is the page to which they come back from there.
pub(in crate::http) fn problem(
    kind: ProblemKind,
    detail: &str,
    id: &RequestId,
    discord: Option<&str>,
) -> Markup {
    let guest = kind == ProblemKind::Own(ProblemCode::AuthenticationRequired);
    let title = if guest { "Sign in first".to_owned() } else { capitalised(kind.title()) };
    let content = html! {
        @if guest {
            (how_to_sign_in(discord))
        } @else {
            p { (detail) }
        }
        p { a href="/" { "To the start page" } }
        p.faint { "Request " code { (id) } }
    };
    page(&title, None, "", content)
}

/// `GET /api/problems/{code}`.
pub(super) async fn explain(Path(code): Path<String>) -> Result<Markup, Problem> {
    let kind = ProblemKind::parse(&code).ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
    let content = html! {
        p { (kind.explanation()) }
        p.faint { "Status " (kind.status().as_u16()) ", code " code { (kind.code()) } }
        p { a href="/docs" { "About the API" } }
    };
    Ok(page(&capitalised(kind.title()), None, "", content))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}
