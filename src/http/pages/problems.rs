//! What didn't work, as a page; and the pages that explain the API's problems.

use axum::extract::Path;
use maud::{Markup, html};

use crate::http::guard::RequestId;
use crate::http::problem::{Problem, ProblemCode};

use super::layout::page;
use super::start::how_to_sign_in;

/// The page for a problem. It doesn't know who asks: it must also be there if nobody could find out.
pub(in crate::http) fn problem(code: ProblemCode, detail: &str, id: &RequestId) -> Markup {
    let title = match code {
        ProblemCode::AuthenticationRequired => "Sign in first".to_owned(),
        _ => capitalised(code.title()),
    };
    let content = html! {
        @if code == ProblemCode::AuthenticationRequired {
            (how_to_sign_in())
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
    let known = ProblemCode::ALL.into_iter().find(|known| known.as_str() == code);
    let code = known.ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
    let content = html! {
        p { (code.explanation()) }
        p.faint { "Status " (code.status().as_u16()) ", code " code { (code.as_str()) } }
        p { a href="/docs" { "About the API" } }
    };
    Ok(page(&capitalised(code.title()), None, "", content))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}
