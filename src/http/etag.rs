//! `ETag` and `If-None-Match` (RFC 9110, 8.8.3 and 13.1.2): whoever has an answer already is told so, and is
//! sent nothing. A tag comes from the answer's bytes. A tag that the handler has set is for `If-Match`: it
//! names the version of what can be changed, and says nothing of the rest of the answer.

use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

use super::problem::{Problem, ProblemCode};

/// How much of the hash is in a tag, in bytes.
const TAG: usize = 16;
/// The largest body that gets a tag, in bytes; those of the API are far smaller.
const LARGEST: u64 = 4 * 1024 * 1024;

/// Adds the tag to an answer, and takes out the body if the client has it.
pub(super) async fn tag(request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return next.run(request).await;
    }
    let known: Vec<HeaderValue> = request.headers().get_all(IF_NONE_MATCH).iter().cloned().collect();
    let answer = next.run(request).await;
    if answer.status() != StatusCode::OK || answer.headers().contains_key(ETAG) {
        return answer;
    }
    let mut answer = match with_tag(answer).await {
        Ok(answer) => answer,
        Err(problem) => return problem.into_response(),
    };
    let tag = answer.headers().get(ETAG).cloned();
    if tag.is_some_and(|tag| known.iter().any(|known| matches(known.as_bytes(), tag.as_bytes()))) {
        *answer.status_mut() = StatusCode::NOT_MODIFIED;
        *answer.body_mut() = Body::empty();
        for about_the_body in [CONTENT_TYPE, CONTENT_LENGTH] {
            answer.headers_mut().remove(about_the_body);
        }
    }
    answer
}

/// Gives an answer in JSON, or a feed, a tag. Streams have no size, and get none.
async fn with_tag(answer: Response) -> Result<Response, Problem> {
    let size = answer.body().size_hint().exact();
    let fits = size.is_some_and(|size| size <= LARGEST);
    if !is_tagged(answer.headers()) || !fits {
        return Ok(answer);
    }
    let (mut parts, body) = answer.into_parts();
    let limit = usize::try_from(LARGEST).unwrap_or(usize::MAX);
    let bytes = to_bytes(body, limit).await.map_err(|_| Problem::new(ProblemCode::Internal))?;
    let hash = Sha256::digest(&bytes);
    // Weak, because a proxy may compress the body.
    let tag = format!("W/\"{}\"", URL_SAFE_NO_PAD.encode(&hash[..TAG]));
    parts.headers.insert(ETAG, HeaderValue::from_str(&tag).expect("base64url is visible ASCII"));
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn is_tagged(headers: &HeaderMap) -> bool {
    const KINDS: [&str; 4] =
        ["application/json", "application/atom+xml", "application/rss+xml", "application/feed+json"];
    let kind = headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    KINDS.iter().any(|tagged| kind.starts_with(tagged.as_bytes()))
}

/// Whether `If-None-Match` names this tag. Weak and strong tags are compared alike.
fn matches(known: &[u8], tag: &[u8]) -> bool {
    let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
    let mut rest = known.trim_ascii();
    if rest == b"*" {
        return true;
    }
    loop {
        while let [b' ' | b'\t' | b',', after @ ..] = rest {
            rest = after;
        }
        rest = rest.strip_prefix(b"W/").unwrap_or(rest);
        let Some(end) =
            rest.strip_prefix(b"\"").and_then(|inner| inner.iter().position(|byte| *byte == b'"'))
        else {
            // The end, or nothing that is a tag.
            return false;
        };
        let (one, after) = rest.split_at(end + 2);
        if one == tag {
            return true;
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lists_are_read() {
        for (known, tag, is) in [
            ("\"a\"", "\"a\"", true),
            ("W/\"a\"", "\"a\"", true),
            ("\"a\"", "W/\"a\"", true),
            ("*", "W/\"a\"", true),
            (" \"x\", W/\"y,z\" ,,\t\"a\"", "W/\"a\"", true),
            ("\"x, \"a\"", "\"a\"", false),
            ("a", "\"a\"", false),
            ("\"a", "\"a\"", false),
            ("\"A\"", "\"a\"", false),
            ("\"b\"", "\"a\"", false),
            ("w/\"a\"", "\"a\"", false),
            ("", "\"a\"", false),
            ("\"*\"", "\"a\"", false),
        ] {
            assert_eq!(matches(known.as_bytes(), tag.as_bytes()), is, "{known}");
        }
    }

    proptest! {
        #[test]
        fn anything_can_be_sent(known: Vec<u8>, tag in "(W/)?\"[a-z]{0,4}\"") {
            matches(&known, tag.as_bytes());
        }
    }
}
