//! A request as handlers see it, and what they answer.

use std::collections::HashMap;

use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use axum::http::{HeaderMap, HeaderName};
use serde_json::Value;

use crate::error::{ApiError, ApiResult};
use crate::model::OAuthTokens;
use crate::validate::Upload;

const MAX_BODY: usize = 64 * 1024 * 1024;

/// A request, read completely.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without `/api/v10`.
    pub(crate) path: String,
    pub(crate) raw_query: Option<String>,
    pub(crate) query: HashMap<String, String>,
    pub(crate) params: Vec<(&'static str, String)>,
    pub(crate) authorization: Option<String>,
    pub(crate) cookies: Option<String>,
    /// The person for whom the application asks, with an access token of theirs; else it is the bot, or
    /// nobody.
    pub(crate) bearer: Option<OAuthTokens>,
    /// The fields of a body that is `application/x-www-form-urlencoded`.
    pub(crate) form: HashMap<String, String>,
    /// The JSON body, or `payload_json`; null without one.
    pub(crate) json: Value,
    pub(crate) uploads: Vec<Upload>,
}

impl Request {
    /// Reads body and query.
    pub(crate) async fn read(path: String, request: axum::http::Request<Body>) -> ApiResult<Self> {
        let raw_query = request.uri().query().map(ToOwned::to_owned);
        let query = axum::extract::Query::<HashMap<String, String>>::try_from_uri(request.uri())
            .map(|query| query.0)
            .unwrap_or_default();
        let authorization = header(&request, &AUTHORIZATION);
        let cookies = header(&request, &COOKIE);
        let content_type = header(&request, &CONTENT_TYPE).unwrap_or_default();
        let method = request.method().as_str().to_owned();
        let mut form = HashMap::new();
        let (json, uploads) = if content_type.starts_with("multipart/form-data") {
            read_multipart(request).await?
        } else {
            let bytes =
                to_bytes(request.into_body(), MAX_BODY).await.map_err(|_| ApiError::file_too_large())?;
            let json = if content_type.starts_with("application/x-www-form-urlencoded") {
                form = form_urlencoded::parse(&bytes).into_owned().collect();
                Value::Null
            } else if bytes.is_empty() {
                Value::Null
            } else {
                serde_json::from_slice(&bytes).map_err(|_| ApiError::malformed_json())?
            };
            (json, Vec::new())
        };
        Ok(Self {
            method,
            path,
            raw_query,
            query,
            params: Vec::new(),
            authorization,
            cookies,
            bearer: None,
            form,
            json,
            uploads,
        })
    }

    /// The body as JSON, of whichever kind it was.
    pub(crate) fn body(&self) -> Value {
        match self.form.is_empty() {
            true => self.json.clone(),
            false => Value::Object(
                self.form.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect(),
            ),
        }
    }

    /// The value of a cookie.
    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let all = self.cookies.as_deref()?.split(';');
        all.filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The text of a path parameter.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.params.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// An id in the path. Discord answers 50035 when it is no snowflake.
    pub(crate) fn id<I: From<u64>>(&self, name: &str) -> ApiResult<I> {
        let text = self.text(name);
        text.parse::<u64>().map(I::from).map_err(|_| {
            ApiError::field(
                &format!("{name}_id"),
                "NUMBER_TYPE_COERCE",
                &format!("Value \"{text}\" is not snowflake."),
            )
        })
    }

    /// A snowflake in the query.
    pub(crate) fn query_id<I: From<u64>>(&self, name: &str) -> Option<I> {
        self.query.get(name).and_then(|text| text.parse::<u64>().ok()).map(I::from)
    }

    /// Whether a query flag is set.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.query.get(name).is_some_and(|value| matches!(value.to_lowercase().as_str(), "true" | "1"))
    }

    /// A text in the body.
    pub(crate) fn body_text(&self, name: &str) -> Option<&str> {
        self.json.get(name).and_then(Value::as_str)
    }
}

fn header(request: &axum::http::Request<Body>, name: &HeaderName) -> Option<String> {
    request.headers().get(name)?.to_str().ok().map(ToOwned::to_owned)
}

async fn read_multipart(request: axum::http::Request<Body>) -> ApiResult<(Value, Vec<Upload>)> {
    let broken = |_| ApiError::new(400, 50035, "Invalid Form Body");
    // Files are larger than what axum takes by itself.
    let mut request = request;
    DefaultBodyLimit::max(MAX_BODY).apply(&mut request);
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|_| ApiError::new(400, 50035, "Invalid Form Body"))?;
    let (mut json, mut uploads) = (Value::Null, Vec::new());
    let mut loose = serde_json::Map::new();
    while let Some(part) = parts.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        let filename = part.file_name().map(ToOwned::to_owned);
        let content_type = part.content_type().map(ToOwned::to_owned);
        let bytes = part.bytes().await.map_err(broken)?;
        if name == "payload_json" {
            json = serde_json::from_slice(&bytes).map_err(|_| ApiError::malformed_json())?;
        } else if let Some(filename) = filename {
            let index = name.trim_start_matches("files[").trim_end_matches(']').parse();
            let index = index.unwrap_or(uploads.len() as u64);
            uploads.push(Upload { index, filename, content_type, bytes: bytes.to_vec() });
        } else {
            loose.insert(name, Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    if json.is_null() && !loose.is_empty() {
        json = Value::Object(loose);
    }
    Ok((json, uploads))
}

/// What a handler answers.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Option<Value>,
    /// For a browser, in place of JSON.
    pub(crate) page: Option<String>,
    pub(crate) headers: HeaderMap,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self::json(200, body)
    }

    pub(crate) fn created(body: Value) -> Self {
        Self::json(201, body)
    }

    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, body: Some(body), ..Self::default() }
    }

    pub(crate) fn empty() -> Self {
        Self::bare(204)
    }

    /// Without a body.
    pub(crate) fn bare(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(crate) fn page(status: u16, page: String) -> Self {
        Self { status, page: Some(page), ..Self::default() }
    }
}
