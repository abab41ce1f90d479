//! The API's documentation, made from its own description, without anything from elsewhere.

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::Value;

use crate::http::caller::Caller;
use crate::http::web::WebState;

use super::layout::page;

pub(super) fn routes(document: &Value) -> Router<WebState> {
    let content = content(document);
    let show = |caller: Caller| async move {
        let session = match &caller {
            Caller::Person(session) => Some(&**session),
            Caller::Guest | Caller::Token(_) => None,
        };
        page("The API", session, "/docs", content)
    };
    Router::new().route("/docs", get(show))
}

fn content(document: &Value) -> Markup {
    let server = text(&document["servers"][0]["url"]);
    let paths = || document["paths"].as_object().into_iter().flatten();
    html! {
        p { (prose(text(&document["info"]["description"]))) }
        p { "For programs: " a href="/api/v1/openapi.json" { "openapi.json" } }
        pre { "curl -H \"Authorization: Bearer trib_…\" " (server) "/api/v1/me" }
        ul {
            @for (_, item) in paths() {
                @for (_, operation) in item.as_object().into_iter().flatten() {
                    li { a href={ "/docs#" (text(&operation["operationId"])) } { (text(&operation["summary"])) } }
                }
            }
        }
        @for (path, item) in paths() {
            @for (method, operation) in item.as_object().into_iter().flatten() {
                (endpoint(path, method, operation, document))
            }
        }
    }
}

fn endpoint(path: &str, method: &str, operation: &Value, document: &Value) -> Markup {
    let answers = || operation["responses"].as_object().into_iter().flatten();
    html! {
        section id=(text(&operation["operationId"])) {
            h2 { code { (method.to_uppercase()) " " (path) } }
            p { (text(&operation["summary"])) "." }
            @if operation["description"].is_string() {
                p { (prose(text(&operation["description"]))) }
            }
            p.faint { "With " (credentials(operation)) }
            (parameters(operation))
            @for schema in schemas(operation) {
                (fields(schema, document))
            }
            (statuses(answers().filter(|(status, _)| status.starts_with('2'))))
            details {
                summary { "What can go wrong" }
                (statuses(answers().filter(|(status, _)| !status.starts_with('2'))))
            }
        }
    }
}

/// A table of what an address takes.
fn parameters(operation: &Value) -> Markup {
    let all = || operation["parameters"].as_array().into_iter().flatten();
    html! {
        @if all().next().is_some() {
            div.scroll {
                table {
                    thead { tr { th { "Parameter" } th { "" } } }
                    tbody {
                        @for one in all() {
                            tr { td { code { (text(&one["name"])) } } td { (prose(text(&one["description"]))) } }
                        }
                    }
                }
            }
        }
    }
}

/// A table of answers.
fn statuses<'a>(answers: impl Iterator<Item = (&'a String, &'a Value)>) -> Markup {
    html! {
        div.scroll {
            table {
                thead { tr { th { "Status" } th { "Answer" } } }
                tbody {
                    @for (status, answer) in answers {
                        tr { td { (status) } td { (prose(text(&answer["description"]))) } }
                    }
                }
            }
        }
    }
}

/// A text in which what is between backticks is code.
fn prose(text: &str) -> Markup {
    html! {
        @for (at, part) in text.split('`').enumerate() {
            @if at % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// What may be sent along, in words.
fn credentials(operation: &Value) -> String {
    let ways = operation["security"].as_array().into_iter().flatten().filter_map(Value::as_object);
    let ways = ways.flatten().map(|(way, scopes)| {
        let scopes: Vec<&str> = scopes.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        match (way.as_str(), scopes.as_slice()) {
            ("session", _) => "a browser's session".to_owned(),
            (_, []) => "any token".to_owned(),
            (_, scopes) => format!("a token with the scope {}", scopes.join(" and ")),
        }
    });
    ways.collect::<Vec<_>>().join(", or ")
}

/// The schemas of an operation: what is sent, and what is answered if all is well.
fn schemas(operation: &Value) -> impl Iterator<Item = &Value> {
    let request = &operation["requestBody"];
    let answers = operation["responses"].as_object().into_iter().flatten();
    let good = answers.filter(|(status, _)| status.starts_with('2')).map(|(_, answer)| answer);
    let schemas =
        std::iter::once(request).chain(good).map(|body| &body["content"]["application/json"]["schema"]);
    schemas.filter(|schema| schema.is_object())
}

/// A table of a schema's fields.
fn fields(schema: &Value, document: &Value) -> Markup {
    let schema = resolved(schema, document);
    let parts = schema["allOf"].as_array().map_or_else(|| vec![schema], |parts| parts.iter().collect());
    let parts = parts.into_iter().map(|part| resolved(part, document));
    let rows: Vec<(&String, &Value)> =
        parts.flat_map(|part| part["properties"].as_object().into_iter().flatten()).collect();
    html! {
        @if !rows.is_empty() {
            div.scroll {
                table {
                    thead { tr { th { "Field" } th { "" } } }
                    tbody {
                        @for (name, field) in rows {
                            tr { td { code { (name) } } td { (about(field, document)) } }
                        }
                    }
                }
            }
        }
    }
}

/// What a field is. Of a list, what its elements have.
fn about(field: &Value, document: &Value) -> Markup {
    let items = &field["items"];
    html! {
        (prose(text(&field["description"])))
        @if items.is_object() && !resolved(items, document)["properties"].is_null() {
            (fields(items, document))
        }
    }
}

/// A schema itself, where it is only named.
fn resolved<'a>(schema: &'a Value, document: &'a Value) -> &'a Value {
    let name = schema["$ref"].as_str().and_then(|name| name.strip_prefix('#'));
    name.and_then(|pointer| document.pointer(pointer)).unwrap_or(schema)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
