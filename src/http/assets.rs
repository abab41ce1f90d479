//! The pages' style, picture and script, written by hand and built into the program. Their addresses hold a
//! hash of their content, so browsers may keep them for as long as they like.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use sha2::{Digest as _, Sha256};

use super::problem::{Problem, ProblemCode};
use super::web::WebState;

/// How many characters of the hash stand in an address.
const HASH: usize = 16;

/// A file of the pages.
pub(super) struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static str,
    path: LazyLock<String>,
}

macro_rules! asset {
    ($asset:ident, $name:literal, $media_type:literal) => {
        pub(super) static $asset: Asset = Asset {
            name: $name,
            media_type: $media_type,
            content: include_str!(concat!("assets/", $name)),
            path: LazyLock::new(|| $asset.address()),
        };
    };
}

asset!(STYLE, "page.css", "text/css; charset=utf-8");
asset!(ICON, "icon.svg", "image/svg+xml");
asset!(FEED_KEYS, "feed.js", "text/javascript; charset=utf-8");

impl Asset {
    fn address(&self) -> String {
        let hash = Sha256::digest(self.content);
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("/assets/{}/{}", &hash[..HASH], self.name)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &str {
        &self.path
    }
}

pub(super) fn routes() -> Router<WebState> {
    Router::new().route("/assets/{hash}/{name}", get(serve))
}

async fn serve(Path((hash, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let path = format!("/assets/{hash}/{name}");
    let asset = [&STYLE, &ICON, &FEED_KEYS].into_iter().find(|asset| asset.path() == path);
    let asset = asset.ok_or_else(|| Problem::new(ProblemCode::NotFound))?;
    let headers = [(CONTENT_TYPE, asset.media_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    Ok((headers, asset.content).into_response())
}
