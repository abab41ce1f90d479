//! The page on which a person lets the application know who they are, and what stands there when they can't.
//! It works without script; only the theme needs one.

use std::fmt::Write as _;

use super::view;
use crate::ids::UserId;
use crate::model::{AuthorizationRequest, User};
use crate::world::World;

/// Asks who one is and whether the application may know what it asks for. `chosen` is marked, else the first
/// person.
pub(crate) fn consent(world: &World, asked: &AuthorizationRequest, chosen: Option<UserId>) -> String {
    let app = escape(&world.app.name);
    let people = people(world, chosen);
    let scopes = asked.scopes.iter().rev().fold(String::new(), |mut list, scope| {
        let _ = writeln!(list, "<li>{}</li>", scope.words());
        list
    });
    let back = escape(origin(&asked.redirect_uri));
    frame(
        &format!("{app} wants to access your account"),
        &format!(
            "<form method=\"post\">\n\
             <header><h1><strong>{app}</strong> wants to access your account</h1></header>\n\
             <div class=\"dialog-body\">\n\
             <fieldset><legend>Who are you?</legend>\n{people}</fieldset>\n\
             <section><h2>{app} will be able to</h2>\n<ul class=\"scopes\">\n{scopes}</ul></section>\n\
             <p class=\"faint\">Afterwards you go on to <strong>{back}</strong>.</p>\n\
             </div>\n\
             <footer>\n\
             <button class=\"button primary\" name=\"answer\" value=\"authorize\">Authorize</button>\n\
             <button class=\"button plain\" name=\"answer\" value=\"cancel\" formnovalidate>Cancel</button>\n\
             </footer>\n</form>"
        ),
    )
}

/// A page that only says something.
pub(crate) fn notice(title: &str, words: &str) -> String {
    let (title, words) = (escape(title), escape(words));
    frame(
        &title,
        &format!("<header><h1>{title}</h1></header>\n<div class=\"dialog-body\"><p>{words}</p></div>"),
    )
}

/// The people one can be: those who only own servers come last, as in the page's own list.
fn people(world: &World, chosen: Option<UserId>) -> String {
    let mut people: Vec<&User> = world.users.values().filter(|user| !user.bot).collect();
    people.sort_by_key(|user| (homeless(world, user), only_owns(world, user)));
    let chosen = chosen.or_else(|| people.first().map(|user| user.id));
    people.into_iter().fold(String::new(), |mut list, user| {
        let homes = view::homes(world, user.id).map(|(guild, role)| format!("{guild}: {role}"));
        let homes = homes.collect::<Vec<_>>().join(" · ");
        let _ = writeln!(
            list,
            "<label class=\"person\"><input type=\"radio\" name=\"person\" value=\"{}\" required{}>\
             <span class=\"option-text\"><span class=\"option-name\">{}</span>\
             <span class=\"option-detail\">{}</span></span></label>",
            user.id,
            if chosen == Some(user.id) { " checked" } else { "" },
            escape(user.display_name()),
            escape(if homes.is_empty() { "in no server" } else { &homes }),
        );
        list
    })
}

fn homeless(world: &World, user: &User) -> bool {
    view::homes(world, user.id).next().is_none()
}

fn only_owns(world: &World, user: &User) -> bool {
    view::homes(world, user.id).all(|(_, role)| role == "owner")
}

/// Scheme, host and port of an address.
fn origin(uri: &str) -> &str {
    let host = uri.find("://").map_or(0, |at| at + 3);
    let end = uri[host..].find(['/', '?', '#']).map_or(uri.len(), |at| host + at);
    &uri[..end]
}

fn frame(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n\
         <link rel=\"icon\" href=\"/oauth2/assets/icon.svg\" type=\"image/svg+xml\">\n\
         <link rel=\"stylesheet\" href=\"/oauth2/assets/base.css\">\n\
         <link rel=\"stylesheet\" href=\"/oauth2/assets/controls.css\">\n\
         <link rel=\"stylesheet\" href=\"/oauth2/assets/consent.css\">\n\
         <script src=\"/oauth2/assets/theme.js\"></script>\n</head>\n\
         <body class=\"consent\">\n<main class=\"dialog\">\n{body}\n</main>\n\
         <p class=\"faint\">Discord on loopback: nobody here is real.</p>\n</body>\n</html>\n"
    )
}

/// A text that may say anything, in HTML.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_origins_cut() {
        assert_eq!(escape("<b>\"A\" & 'b'"), "&lt;b&gt;&quot;A&quot; &amp; &#39;b&#39;");
        assert_eq!(origin("http://127.0.0.1:8080/auth/callback?a=1"), "http://127.0.0.1:8080");
        assert_eq!(origin("https://example.org"), "https://example.org");
    }
}
