//! Uploaded files, under links like those of Discord's CDN: signed, and expiring.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use chrono::Utc;

use crate::faults::Effect;
use crate::ids::AttachmentId;
use crate::shared::Shared;
use crate::wire;

/// `GET /attachments/{channel}/{attachment}/{filename}?ex=…&is=…&hm=…`. 404 if the link is wrong or too old.
pub(crate) async fn serve(
    State(shared): State<Arc<Shared>>,
    Path((_, id, _)): Path<(u64, u64, String)>,
    Query(query): Query<HashMap<String, String>>,
    uri: Uri,
) -> Response {
    for effect in shared.faults.strike("GET", uri.path(), &serde_json::Value::Null) {
        match effect {
            Effect::Delay(time) | Effect::DelayAnswer(time) => tokio::time::sleep(time).await,
            Effect::HoldAnswer(hold) => hold.released().await,
            Effect::Status(status) | Effect::Page(status) => {
                return StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY).into_response();
            }
            // Effects that break or limit a connection aren't distinguished here.
            _ => return StatusCode::BAD_GATEWAY.into_response(),
        }
    }
    let hex = |name: &str| query.get(name).and_then(|text| u64::from_str_radix(text, 16).ok());
    let (Some(expires), Some(signature)) = (hex("ex"), hex("hm")) else {
        return gone();
    };
    let bytes = shared.read(|world| {
        let valid = wire::attachment_signature(world, id, expires) == signature
            && expires > Utc::now().timestamp().unsigned_abs();
        valid.then(|| world.files.get(&AttachmentId(id)).cloned()).flatten()
    });
    bytes.map_or_else(gone, |bytes| {
        (StatusCode::OK, [(CONTENT_TYPE, "application/octet-stream")], bytes).into_response()
    })
}

fn gone() -> Response {
    (StatusCode::NOT_FOUND, "This content is no longer available.").into_response()
}
