//! A panel's version as an entity tag: what `ETag` says, and what `If-Match` asks for.

use axum::extract::FromRequestParts;
use axum::http::header::{ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue};

use crate::http::problem::Problem;

/// The versions that a change is meant for (RFC 9110, "If-Match"); `None` for whatever there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http::api) struct IfVersion(pub(super) Option<Vec<i32>>);

impl<S: Send + Sync> FromRequestParts<S> for IfVersion {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let fields: Vec<&HeaderValue> = parts.headers.get_all(IF_MATCH).iter().collect();
        Ok(Self::read(&fields))
    }
}

impl IfVersion {
    /// A text that is none of our tags, a weak one included, stands for a version that no panel has.
    fn read(fields: &[&HeaderValue]) -> Self {
        if fields.is_empty() {
            return Self(None);
        }
        let tags = fields.iter().flat_map(|field| field.to_str().unwrap_or_default().split(','));
        let tags: Vec<&str> = tags.map(str::trim).collect();
        if tags.contains(&"*") {
            return Self(None);
        }
        let version = |tag: &str| tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok();
        Self(Some(tags.into_iter().filter_map(version).collect()))
    }
}

/// The entity tag of this version.
pub(super) fn tag(version: i32) -> (HeaderName, String) {
    (ETAG, format!("\"{version}\""))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&[], None)]
    #[case(&["*"], None)]
    #[case(&["\"3\""], Some(vec![3]))]
    #[case(&["\"3\", \"4\"", "\"5\""], Some(vec![3, 4, 5]))]
    #[case(&["W/\"3\""], Some(vec![]))]
    #[case(&["3"], Some(vec![]))]
    #[case(&["\"x\""], Some(vec![]))]
    #[case(&[""], Some(vec![]))]
    fn if_match_is_read(#[case] fields: &[&'static str], #[case] versions: Option<Vec<i32>>) {
        let fields: Vec<HeaderValue> = fields.iter().map(|field| HeaderValue::from_static(field)).collect();
        let read = IfVersion::read(&fields.iter().collect::<Vec<_>>());
        assert_eq!(read, IfVersion(versions));
    }
}
