//! What all pages have around them.

use maud::{DOCTYPE, Markup, html};

use crate::domain::account::WebSession;
use crate::http::assets::{ICON, STYLE};

/// The pages that are always one click away, for the signed-in.
const LINKS: [(&str, &str); 5] = [
    ("/", "Servers"),
    ("/feed", "Feed"),
    ("/settings/tokens", "Tokens"),
    ("/settings/sessions", "Sessions"),
    ("/docs", "API"),
];

/// A page with this title, as this person sees it, at this path.
pub(super) fn page(title: &str, session: Option<&WebSession>, path: &str, content: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · Tributary" }
                link rel="icon" href=(ICON.path());
                link rel="stylesheet" href=(STYLE.path());
            }
            body {
                header {
                    a.brand href="/" { "Tributary" }
                    @if let Some(session) = session {
                        nav aria-label="Pages" {
                            @for (target, name) in LINKS {
                                a href=(target) aria-current=[(target == path).then_some("page")] { (name) } " "
                            }
                        }
                        form method="post" action="/auth/logout" {
                            span.faint { (session.account.name) " " }
                            button.quiet type="submit" { "Sign out" }
                        }
                    }
                }
                main { h1 { (title) } (content) }
            }
        }
    }
}
