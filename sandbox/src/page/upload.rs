//! Actions with files: a form whose part `act` says what to do, and whose parts `file` are the files for it.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Multipart, State};
use axum::http::StatusCode;
use serde_json::Value;

use super::act::{self, File, Request};
use crate::shared::Shared;

type Refusal = (StatusCode, String);

/// `POST /upload`
pub(super) async fn take(
    State(shared): State<Arc<Shared>>,
    mut form: Multipart,
) -> Result<Json<Value>, Refusal> {
    let wrong = |error: axum::extract::multipart::MultipartError| (error.status(), error.body_text());
    let mut request: Option<Request> = None;
    let mut files = Vec::new();
    while let Some(field) = form.next_field().await.map_err(wrong)? {
        if field.name() == Some("act") {
            let text = field.text().await.map_err(wrong)?;
            let read = serde_json::from_str(&text);
            request = Some(read.map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?);
        } else {
            let name = field.file_name().unwrap_or("unknown").to_owned();
            let content_type = field.content_type().unwrap_or("application/octet-stream").to_owned();
            let bytes = field.bytes().await.map_err(wrong)?.to_vec();
            files.push(File { name, content_type, bytes });
        }
    }
    let request = request.ok_or_else(|| (StatusCode::BAD_REQUEST, "no act".to_owned()))?;
    Ok(act::answer(&shared, request, files).await)
}
