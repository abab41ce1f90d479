//! Uploaded files, as the page shows and saves them. Unlike Discord's links, these don't expire.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::ids::AttachmentId;
use crate::shared::Shared;

/// What browsers show within a page. Everything else is only saved: a file must never run as one of our
/// pages.
const SHOWN: [(&str, &str); 12] = [
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("avif", "image/avif"),
    ("mp4", "video/mp4"),
    ("webm", "video/webm"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("wav", "audio/wav"),
    ("flac", "audio/flac"),
];

/// `GET /files/{channel}/{attachment}/{filename}`
pub(super) async fn serve(
    State(shared): State<Arc<Shared>>,
    Path((_, id, filename)): Path<(u64, u64, String)>,
) -> Response {
    let Some(bytes) = shared.read(|world| world.files.get(&AttachmentId(id)).cloned()) else {
        return (StatusCode::NOT_FOUND, "This file is no longer there.").into_response();
    };
    let extension = filename.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let shown = SHOWN.iter().find(|(known, _)| extension.as_deref() == Some(known));
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    let content_type = shown.map_or("application/octet-stream", |(_, content_type)| content_type);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if shown.is_none() {
        headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static("attachment"));
    }
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    response
}
