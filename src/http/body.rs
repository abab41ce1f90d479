//! Reading what a request carries. Forms are `application/x-www-form-urlencoded` only, and the API takes
//! `application/json` only: neither can be sent as the other by a page of somebody else's.

use std::error::Error as _;

use axum::body::{Bytes, HttpBody as _};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Form, FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::response::IntoResponse;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::problem::{Problem, ProblemCode};

/// The fields of a form, in their order; a name can occur more than once.
pub(super) struct FormFields(Vec<(String, String)>);

impl FormFields {
    /// The first field with this name; empty if there is none.
    pub(super) fn one(&self, name: &str) -> &str {
        let mut fields = self.0.iter().filter(|(field, _)| field == name);
        fields.next().map_or("", |(_, value)| value)
    }

    /// All fields with this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }
}

impl<S: Send + Sync> FromRequest<S> for FormFields {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        require_media_type(&request, "application/x-www-form-urlencoded")?;
        let fields = Form::<Vec<(String, String)>>::from_request(request, state).await;
        fields.map(|Form(fields)| Self(fields)).map_err(unreadable)
    }
}

/// A JSON body of this shape. What is wrong with another one is named by a JSON pointer.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        read(&json_of(request, state).await?).map(Self)
    }
}

/// The bytes of a body that says that it is JSON.
async fn json_of<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    require_media_type(&request, "application/json")?;
    Bytes::from_request(request, state).await.map_err(unreadable)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    require_object(bytes)?;
    let json = &mut serde_json::Deserializer::from_slice(bytes);
    let body = serde_path_to_error::deserialize(&mut *json).map_err(|error| {
        let detail = error.inner().to_string();
        Problem::new(ProblemCode::InvalidBody).with_detail(detail).at(pointer(error.path()))
    })?;
    json.end().map_err(|error| Problem::new(ProblemCode::InvalidBody).with_detail(error.to_string()))?;
    Ok(body)
}

/// The same, where the body may be left out.
pub(super) struct OptionalJsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for OptionalJsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() && !request.headers().contains_key(CONTENT_TYPE) {
            return Ok(Self(T::default()));
        }
        let bytes = json_of(request, state).await?;
        let none = matches!(bytes.trim_ascii(), b"" | b"null");
        if none { Ok(Self(T::default())) } else { read(&bytes).map(Self) }
    }
}

/// RFC 6901: "JSON Pointer".
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => member(key),
        Segment::Enum { variant } => format!("/{variant}"),
        Segment::Unknown => "/?".to_owned(),
    };
    path.iter().map(segment).collect()
}

/// One member's name in a JSON pointer, after a slash.
pub(super) fn member(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Tells null from nothing: for a field that is `#[serde(default, deserialize_with = "given")]`.
pub(super) fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    value: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

/// One of a closed set of words in a body; `None` if it isn't given.
pub(super) fn word<T: Copy>(
    given: Option<&str>,
    pointer: &str,
    known: impl IntoIterator<Item = (&'static str, T)>,
) -> Result<Option<T>, Problem> {
    let Some(given) = given else { return Ok(None) };
    let known: Vec<(&str, T)> = known.into_iter().collect();
    let words = || known.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    let found = known.iter().find(|(word, _)| *word == given).map(|(_, value)| Some(*value));
    found.ok_or_else(|| Problem::in_body(pointer, &format!("It is one of {}.", words())))
}

/// Refuses everything but an object. serde would also take a list of all members, by their order.
fn require_object(bytes: &[u8]) -> Result<(), Problem> {
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        return Ok(());
    }
    Err(Problem::new(ProblemCode::InvalidBody).with_detail("Send a JSON object: {\"name\": value}."))
}

fn require_media_type(request: &Request, media_type: &str) -> Result<(), Problem> {
    let given = request.headers().get(CONTENT_TYPE).and_then(|given| given.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if request.headers().contains_key(CONTENT_ENCODING) {
        return Err(Problem::new(ProblemCode::MediaType).with_detail("Send the body without an encoding."));
    }
    if essence.eq_ignore_ascii_case(media_type) {
        return Ok(());
    }
    Err(Problem::new(ProblemCode::MediaType).with_detail(format!("Send {media_type}.")))
}

/// The problem of a body that can't be taken.
fn unreadable(rejection: impl IntoResponse) -> Problem {
    let is_too_large = rejection.into_response().status() == StatusCode::PAYLOAD_TOO_LARGE;
    Problem::new(if is_too_large { ProblemCode::BodyTooLarge } else { ProblemCode::InvalidBody })
}

/// The ids in a path.
pub(super) struct Ids<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Ids<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let ids = Path::<T>::from_request_parts(parts, state).await;
        ids.map(|Path(ids)| Self(ids)).map_err(|_| Problem::new(ProblemCode::InvalidId))
    }
}

/// The parameters of a query.
pub(super) struct Params<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let read = Query::<T>::try_from_uri(&parts.uri);
        let wrong = |rejection: QueryRejection| {
            let detail = rejection.source().map_or_else(|| rejection.body_text(), ToString::to_string);
            Problem::new(ProblemCode::InvalidQuery).with_detail(detail)
        };
        read.map(|Query(params)| Self(params)).map_err(wrong)
    }
}
