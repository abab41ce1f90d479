//! The problems of every endpoint, added to what its handler says. What can occur follows from what the
//! endpoint takes: who may use it, a body, a query, ids in its path, and the use case behind it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::http::idempotency;
use crate::http::problem::{ProblemCode, ProblemKind};
use crate::service::{
    CollectionRefusal, ConsentRefusal, FailureFacts, FailureKind, PersonalRefusal, Refusal, ServiceError,
};

/// What every request can meet.
const ALWAYS: [ProblemCode; 8] = [
    ProblemCode::MethodNotAllowed,
    ProblemCode::InvalidQuery,
    ProblemCode::UriTooLong,
    ProblemCode::TooManyRequests,
    ProblemCode::WrongHost,
    ProblemCode::Internal,
    ProblemCode::Standby,
    ProblemCode::TimedOut,
];

/// Refusals that only commands can meet: a request of a program names what it means.
const COMMANDS_ONLY: [&str; 9] = [
    "servers_only",
    "no_channel",
    "two_channels",
    "not_following",
    "question_too_old",
    "several_panels",
    "too_slow",
    "choose_one",
    "feed_link_name",
];

/// Refusals of a channel or collection that somebody wants in their feed.
const FOLLOWING_CHANNELS: [&str; 5] =
    ["unknown_channel", "unknown_collection", "source_kind", "bot_lacks", "too_many_lookups"];

/// Where a feed is read and marked: whatever Discord doesn't tell is left out there.
const FEED: [&str; 3] = ["/api/v1/me/feed", "/api/v1/me/feed/unread", "/api/v1/me/feed/read"];

/// Adds all problems to a description, lists their codes, and adds the headers that the layers around the
/// handlers read.
pub(super) fn add_problems(document: &mut Value) {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    for (path, item) in paths {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            operation["operationId"] = json!(operation_id(path, method));
            type_ids(operation);
            let problems = problems(path, method, operation);
            add_headers(operation, path, method);
            if let Some(responses) = operation["responses"].as_object_mut() {
                add(responses, problems);
            }
        }
    }
    let codes: Vec<&str> = ProblemKind::all().map(ProblemKind::code).collect();
    document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"] = json!(codes);
}

/// Says by which rule the ids in a path are written.
fn type_ids(operation: &mut Value) {
    let parameters = operation["parameters"].as_array_mut().into_iter().flatten();
    for parameter in parameters.filter(|parameter| parameter["in"] == "path") {
        parameter["schema"] = json!({ "$ref": "#/components/schemas/Id" });
    }
}

/// A name for an endpoint that no other one has: generators make functions of it.
fn operation_id(path: &str, method: &str) -> String {
    let words = path.trim_start_matches("/api/v1/").split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| !word.is_empty()).fold(method.to_owned(), |name, word| format!("{name}_{word}"))
}

/// What can occur there, by status.
fn problems(path: &str, method: &str, operation: &Value) -> BTreeMap<u16, BTreeSet<&'static str>> {
    let mut kinds: Vec<ProblemKind> = ALWAYS.into_iter().map(ProblemKind::Own).collect();
    let mut own = |codes: &[ProblemCode]| kinds.extend(codes.iter().copied().map(ProblemKind::Own));
    let ways: BTreeSet<&str> = operation["security"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|way| way.as_object().into_iter().flatten())
        .map(|(name, _)| name.as_str())
        .collect();
    if !ways.is_empty() {
        own(&[
            ProblemCode::AuthenticationRequired,
            ProblemCode::InvalidToken,
            ProblemCode::SeveralCredentials,
        ]);
    }
    own(&[if ways.contains("token") {
        ProblemCode::InsufficientScope
    } else {
        ProblemCode::SessionRequired
    }]);
    if method != "get" {
        own(&[ProblemCode::CrossSite]);
    }
    if path.contains('{') {
        own(&[ProblemCode::InvalidId]);
    }
    let parameters = || operation["parameters"].as_array().into_iter().flatten();
    if parameters().any(|parameter| parameter["name"] == "cursor") {
        own(&[ProblemCode::InvalidPage]);
    }
    if operation["requestBody"].is_object() {
        own(&[ProblemCode::InvalidBody, ProblemCode::BodyTooLarge, ProblemCode::MediaType]);
    }
    if takes_key(path, method) {
        own(&[
            ProblemCode::InvalidIdempotencyKey,
            ProblemCode::IdempotencyKeyReused,
            ProblemCode::IdempotencyKeyInUse,
        ]);
    }
    if path.starts_with("/api/v1/me/") && !FEED.contains(&path) {
        own(&[ProblemCode::NotFound, ProblemCode::TooManyTokens]);
    }
    if path.starts_with("/api/v1/operator/") {
        own(&[ProblemCode::NotFound]);
    }
    let tag = operation["tags"][0].as_str().unwrap_or_default();
    let failures = [
        Refusal::CODES,
        ConsentRefusal::CODES,
        PersonalRefusal::CODES,
        CollectionRefusal::CODES,
        ServiceError::CODES,
    ];
    let failures = failures.into_iter().flatten();
    let failures = failures.filter(|failure| concerns(failure, path, method, tag));
    kinds.extend(failures.copied().map(ProblemKind::Failure));
    let mut problems: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
    for kind in kinds {
        problems.entry(kind.status().as_u16()).or_default().insert(kind.code());
    }
    problems
}

/// Whether what is sent there may have an `Idempotency-Key`.
fn takes_key(path: &str, method: &str) -> bool {
    method == "post" && idempotency::ROUTES.contains(&path)
}

/// Whether the tag of its answers comes from their bytes, so that a client can be told that it has them.
fn tells_by_bytes(operation: &Value, method: &str) -> bool {
    method == "get" && operation["responses"]["200"]["headers"]["ETag"].is_null()
}

fn add_headers(operation: &mut Value, path: &str, method: &str) {
    let (name, description) = if takes_key(path, method) {
        let what = "A text of your choosing, new for each request: 1 to 255 visible ASCII characters. If you send the same request with it again within a day, nothing is done again, and you get the same answer, with Idempotency-Replayed: true.";
        (idempotency::KEY, what)
    } else if tells_by_bytes(operation, method) {
        (
            "If-None-Match",
            "The ETag of an answer that you have: you get 304 without a body if it is still the same.",
        )
    } else {
        return;
    };
    let header =
        json!({ "name": name, "in": "header", "description": description, "schema": { "type": "string" } });
    match operation["parameters"].as_array_mut() {
        Some(parameters) => parameters.push(header),
        None => operation["parameters"] = json!([header]),
    }
    if method == "get" {
        operation["responses"]["304"] = json!({ "description": "You have it already" });
    }
}

/// Whether a use case behind this endpoint may fail so. Rather one too many than one too few.
fn concerns(failure: &FailureFacts, path: &str, method: &str, tag: &str) -> bool {
    if FEED.contains(&path) {
        let names_activity = path != "/api/v1/me/feed/unread";
        return failure.code == "database_unavailable"
            || failure.code == "unknown_activity" && names_activity;
    }
    let is_panels = failure.code.contains("panel");
    if COMMANDS_ONLY.contains(&failure.code) || is_panels && tag != "Panels" {
        return false;
    }
    let is_collections = CollectionRefusal::CODES.iter().any(|own| own.code == failure.code);
    let of_collection = failure.code == "from_collection" && tag == "Follows";
    if is_collections && !of_collection && tag != "Collections" && path != "/api/v1/me/follows" {
        return false;
    }
    let is_personal = PersonalRefusal::CODES.iter().any(|own| own.code == failure.code);
    if is_personal || tag == "People" || tag == "Feed" {
        let shared = failure.code == "too_many_actions"
            || path == "/api/v1/me/follows" && FOLLOWING_CHANNELS.contains(&failure.code);
        let outage = matches!(failure.kind, FailureKind::Unavailable | FailureKind::DiscordFailed);
        return (tag == "People" || tag == "Feed") && (is_personal || shared || outage);
    }
    if path == "/api/v1/me" && failure.code == "too_many_questions" {
        return method == "delete";
    }
    if !path.contains("{server}") {
        return matches!(failure.kind, FailureKind::Unavailable | FailureKind::DiscordFailed);
    }
    method != "get"
        || !matches!(failure.kind, FailureKind::Conflict | FailureKind::Invalid | FailureKind::Stale)
}

/// Adds problems to an endpoint's answers.
fn add(responses: &mut Map<String, Value>, problems: BTreeMap<u16, BTreeSet<&'static str>>) {
    for (status, codes) in problems {
        let codes: Vec<String> = codes.into_iter().map(|code| format!("`{code}`")).collect();
        let answer = json!({
            "description": codes.join(", "),
            "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
        });
        responses.entry(status.to_string()).or_insert(answer);
    }
}
