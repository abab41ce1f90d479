//! The page's own files, written by hand and built into the program: there is nothing to build or to fetch.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};

macro_rules! assets {
    ($($name:literal)*) => {
        &[$((concat!("/", $name), include_str!(concat!("assets/", $name)))),*]
    };
}

const ASSETS: &[(&str, &str)] = assets![
    "app.js"
    "avatar.js"
    "base.css"
    "components.js"
    "composer.js"
    "consent.css"
    "controls.css"
    "dialog.js"
    "dom.js"
    "embed.js"
    "faults.js"
    "files.js"
    "form.js"
    "forum.js"
    "frame.css"
    "icon.svg"
    "icons.js"
    "index.html"
    "layout.js"
    "link.js"
    "markdown.js"
    "mention.js"
    "menu.js"
    "message.js"
    "messages.css"
    "names.js"
    "offers.js"
    "pane.js"
    "person.js"
    "picker.js"
    "popup.js"
    "select.js"
    "sidebar.js"
    "slash.js"
    "state.js"
    "switcher.js"
    "theme.js"
    "time.js"
    "timeline.js"
    "toolbar.js"
];

/// `GET` of anything else.
pub(crate) async fn serve(uri: Uri) -> Response {
    let path = if uri.path() == "/" { "/index.html" } else { uri.path() };
    let Some((name, text)) = ASSETS.iter().find(|(name, _)| *name == path) else {
        return (StatusCode::NOT_FOUND, "There is nothing here.").into_response();
    };
    let content_type = match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/plain; charset=utf-8",
    };
    ([(CONTENT_TYPE, content_type), (CACHE_CONTROL, "no-cache")], *text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scripts() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        ASSETS.iter().filter(|(name, _)| name.ends_with(".js"))
    }

    /// A handler that answers `false` forbids what the browser would do: typing, pasting, Tab.
    #[test]
    fn handlers_answer_nothing() {
        for (name, text) in scripts() {
            for line in text.lines() {
                let handler = line.split_once(" = (event) => ").or_else(|| line.split_once(": (event) => "));
                let Some((before, body)) = handler else { continue };
                let is_handler = before.rsplit([' ', '.']).next().is_some_and(|word| word.starts_with("on"));
                assert!(
                    !is_handler || body.starts_with('{') || !body.contains("&&"),
                    "{name}: {}",
                    line.trim()
                );
                assert!(!is_handler || !body.starts_with("picker.key"), "{name}: {}", line.trim());
            }
        }
    }

    /// A file that nobody serves, or a script that imports one that isn't there, would only be noticed in a
    /// browser.
    #[test]
    fn all_files_are_served_and_all_imports_are_there() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page/assets");
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let name = entry.expect("an entry").file_name().into_string().expect("a name");
            assert!(ASSETS.iter().any(|(known, _)| known[1..] == name), "{name} isn't served");
        }
        for (name, text) in scripts() {
            let imports =
                text.lines().filter_map(|line| line.split_once(" from \"./")?.1.strip_suffix("\";"));
            for import in imports {
                assert!(ASSETS.iter().any(|(known, _)| known[1..] == *import), "{name} imports {import}");
            }
        }
    }
}
