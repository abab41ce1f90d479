//! Each kind of violation on a small description, and real exchanges on Discord's own if it is available.

mod discord;

use serde_json::{Value, json};

use super::{Call, Contract, Exception, Exceptions, Place};

const SNOWFLAKE: &str = "#/components/schemas/Snowflake";

/// A description with the peculiarities of Discord's: nullable references, choices by `type`, enums as
/// constants, forms with files.
fn description() -> Value {
    let error =
        json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } } });
    let note =
        json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Note" } } } });
    let id =
        |name: &str| json!({ "name": name, "in": "path", "required": true, "schema": { "$ref": SNOWFLAKE } });
    json!({
        "openapi": "3.1.0",
        "paths": {
            "/notes/{note_id}": {
                "parameters": [id("note_id")],
                "get": {
                    "parameters": [
                        { "name": "limit", "in": "query", "schema": { "type": "integer", "minimum": 1, "maximum": 100 } },
                        { "name": "order", "in": "query", "schema": { "$ref": "#/components/schemas/Order" } },
                        { "name": "wait", "in": "query", "schema": { "type": "boolean" } },
                        { "name": "tag", "in": "query", "schema": { "type": "array", "items": { "$ref": SNOWFLAKE }, "maxItems": 2 } },
                        { "name": "key", "in": "query", "required": true, "schema": { "type": "string" } },
                    ],
                    "responses": { "200": note, "429": { "$ref": "#/components/responses/Limited" }, "4XX": error }
                },
                "delete": { "responses": { "204": {}, "4XX": error } },
                "patch": {
                    "requestBody": { "required": true, "content": {
                        "application/json": { "schema": { "$ref": "#/components/schemas/NoteEdit" } },
                        "multipart/form-data": { "schema": { "allOf": [
                            { "$ref": "#/components/schemas/NoteEdit" },
                            { "type": "object", "properties": { "files[0]": { "type": "string", "contentEncoding": "binary" } } }
                        ] } }
                    } },
                    "responses": { "200": note, "default": error }
                }
            },
            "/notes/@me": { "get": { "responses": { "200": note } } },
            "/hooks/{hook_id}/{token}": {
                "parameters": [id("hook_id"), { "name": "token", "in": "path", "schema": { "type": "string" } }],
                "post": {
                    "requestBody": { "required": true, "content": { "application/json": { "schema": {
                        "allOf": [
                            { "$ref": "#/components/schemas/NoteEdit" },
                            { "type": "object", "properties": { "name": { "type": "string" } } }
                        ]
                    } } } },
                    "responses": { "204": {} }
                }
            },
            "/files": {
                "post": {
                    "requestBody": { "required": true, "content": { "multipart/form-data": { "schema": {
                        "type": "object", "required": ["name", "file"],
                        "properties": { "name": { "type": "string" }, "file": { "type": "string", "contentEncoding": "binary" } }
                    } } } },
                    "responses": { "200": { "content": { "image/png": {} } } }
                }
            }
        },
        "components": {
            "responses": { "Limited": { "content": { "application/json": { "schema": {
                "allOf": [
                    { "$ref": "#/components/schemas/Error" },
                    { "type": "object", "required": ["retry_after"], "properties": { "retry_after": { "type": "number" } } }
                ]
            } } } } },
            "schemas": {
                "Snowflake": { "type": "string", "pattern": "^(0|[1-9][0-9]*)$", "format": "snowflake" },
                "Order": { "type": "string", "oneOf": [{ "const": "asc" }, { "const": "desc" }] },
                "Error": {
                    "type": "object", "required": ["code", "message"],
                    "properties": { "code": { "type": "integer" }, "message": { "type": "string" } }
                },
                "Note": {
                    "type": "object", "required": ["id", "parts"],
                    "properties": {
                        "id": { "$ref": SNOWFLAKE },
                        "at": { "type": ["string", "null"], "format": "date-time" },
                        "link": { "type": "string", "format": "uri" },
                        "color": { "type": "integer", "format": "int32" },
                        "state": { "type": "string", "enum": [], "allOf": [{ "$ref": "#/components/schemas/Order" }] },
                        "parts": { "type": "array", "items": { "$ref": "#/components/schemas/Part" } }
                    }
                },
                "NoteEdit": {
                    "type": "object",
                    "properties": {
                        "content": { "type": ["string", "null"], "maxLength": 5 },
                        "labels": { "type": "object", "additionalProperties": { "type": "string" } },
                        "extra": { "type": "object" },
                        "part": { "oneOf": [{ "type": "null" }, { "$ref": "#/components/schemas/Part" }] }
                    }
                },
                "Part": { "oneOf": [{ "$ref": "#/components/schemas/Text" }, { "$ref": "#/components/schemas/Group" }] },
                "Text": {
                    "type": "object", "required": ["type", "text"],
                    "properties": { "type": { "type": "integer", "enum": [1] }, "text": { "type": "string" } }
                },
                "Group": {
                    "type": "object", "required": ["type", "parts"],
                    "properties": {
                        "type": { "type": "integer", "enum": [2] },
                        "parts": { "type": "array", "items": { "$ref": "#/components/schemas/Part" } }
                    }
                }
            }
        }
    })
}

fn contract() -> Contract {
    Contract::from_value(&description()).expect("the description is sound")
}

fn call<'a>(method: &'a str, path: &'a str, status: u16) -> Call<'a> {
    Call { method, path, query: None, request: None, status, response: None }
}

/// The violations, as they are printed.
fn check(call: &Call<'_>) -> Vec<String> {
    contract().check(call).iter().map(ToString::to_string).collect()
}

fn check_query(query: &str) -> Vec<String> {
    let note = json!({ "id": "1", "parts": [] });
    check(&Call { query: Some(query), response: Some(&note), ..call("GET", "/notes/1", 200) })
}

fn check_edit(request: &Value) -> Vec<String> {
    let note = json!({ "id": "1", "parts": [] });
    check(&Call { request: Some(request), response: Some(&note), ..call("PATCH", "/notes/1", 200) })
}

fn check_answer(status: u16, response: &Value) -> Vec<String> {
    check(&Call { query: Some("key=k"), response: Some(response), ..call("GET", "/notes/1", status) })
}

const NONE: [&str; 0] = [];

#[test]
fn a_contract_is_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Contract>();
}

#[test]
fn literal_segments_win_unless_only_the_parameter_has_the_method() {
    let note = json!({ "id": "1", "parts": [] });
    for me in ["/notes/@me", "/notes/%40me"] {
        assert_eq!(check(&Call { response: Some(&note), ..call("GET", me, 200) }), NONE);
    }
    assert_eq!(
        check(&call("DELETE", "/notes/@me", 204)),
        [r#"DELETE /notes/{note_id}: route /note_id: value does not match "^(0|[1-9][0-9]*)$""#]
    );
}

#[test]
fn unknown_routes_show_no_segment_that_may_be_a_token() {
    assert_eq!(
        check(&call("POST", "/hooks/1/secret/messages", 200)),
        ["POST /hooks/{?}/{?}/{?}: route: the description has no such path"]
    );
    assert_eq!(
        check(&call("PUT", "/hooks/1/secret", 200)),
        ["PUT /hooks/{hook_id}/{token}: route: the description has no such method here"]
    );
    assert_eq!(
        check(&call("GET", "/notes/", 200)),
        ["GET /notes/{?}: route: the description has no such path"]
    );
}

#[test]
fn query_parameters_are_known_and_typed() {
    assert_eq!(check_query("key=5&limit=100&order=asc&wait=true&tag=1&tag=2"), NONE);
    assert_eq!(
        check_query("limit=101&order=up&wait=maybe&tag=1&tag=x&more=1"),
        [
            "GET /notes/{note_id}: query /key: is required",
            "GET /notes/{note_id}: query /limit: value is greater than the maximum of 100",
            "GET /notes/{note_id}: query /more: unknown parameter",
            r#"GET /notes/{note_id}: query /order: value is none of "asc", "desc""#,
            r#"GET /notes/{note_id}: query /tag/1: value does not match "^(0|[1-9][0-9]*)$""#,
            r#"GET /notes/{note_id}: query /wait: value is not of type "boolean""#,
        ]
    );
    assert_eq!(
        check_query("key=k&limit=1&limit=2&tag=1&tag=2&tag=3"),
        [
            r#"GET /notes/{note_id}: query /limit: value is not of type "integer""#,
            "GET /notes/{note_id}: query /tag: value has more than 2 items",
        ]
    );
}

#[test]
fn requests_have_known_properties_only() {
    assert_eq!(
        check_edit(&json!({ "content": null, "labels": { "any": "x" }, "extra": { "any": 1 } })),
        NONE
    );
    assert_eq!(
        check_edit(&json!({ "contents": "x", "labels": { "any": 1 } })),
        [
            "PATCH /notes/{note_id}: request /contents: unknown property",
            r#"PATCH /notes/{note_id}: request /labels/any: value is not of type "string""#,
        ]
    );
    assert_eq!(
        check_edit(&json!({ "content": "secret" })),
        ["PATCH /notes/{note_id}: request /content: value is longer than 5 characters"]
    );
}

#[test]
fn a_choice_is_explained_by_the_alternative_that_was_meant() {
    let group = |part: Value| json!({ "part": { "type": 2, "parts": [part] } });
    assert_eq!(check_edit(&json!({ "part": null })), NONE);
    assert_eq!(check_edit(&group(json!({ "type": 1, "text": "x" }))), NONE);
    assert_eq!(
        check_edit(&group(json!({ "type": 1, "text": "x", "bold/er": true }))),
        ["PATCH /notes/{note_id}: request /part/parts/0/bold~1er: unknown property"]
    );
    assert_eq!(
        check_edit(&group(json!({ "type": 3 }))),
        ["PATCH /notes/{note_id}: request /part/parts/0/type: value is the type of no alternative"]
    );
    assert_eq!(
        check_edit(&json!({ "part": 5 })),
        ["PATCH /notes/{note_id}: request /part: value has none of the allowed types"]
    );
}

#[test]
fn members_of_a_composition_share_their_properties() {
    let post =
        |request: &Value| check(&Call { request: Some(request), ..call("POST", "/hooks/1/secret", 204) });
    assert_eq!(post(&json!({ "content": "x", "name": "y" })), NONE);
    assert_eq!(
        post(&json!({ "content": "x", "nam": "y", "part": { "type": 1, "text": "", "more": 1 } })),
        [
            "POST /hooks/{hook_id}/{token}: request /nam: unknown property",
            "POST /hooks/{hook_id}/{token}: request /part/more: unknown property",
        ]
    );
}

#[test]
fn bodies_are_sent_where_they_are_described() {
    let body = json!({});
    assert_eq!(
        check(&call("POST", "/hooks/1/secret", 204)),
        ["POST /hooks/{hook_id}/{token}: request: a body is required"]
    );
    assert_eq!(
        check(&Call { request: Some(&body), ..call("DELETE", "/notes/1", 204) }),
        ["DELETE /notes/{note_id}: request: no body is described"]
    );
    assert_eq!(
        check(&Call { response: Some(&body), ..call("DELETE", "/notes/1", 204) }),
        ["DELETE /notes/{note_id}: response: status 204 has no body"]
    );
    assert_eq!(
        check(&Call { query: Some("key=k"), ..call("GET", "/notes/1", 200) }),
        ["GET /notes/{note_id}: response: a JSON body is missing"]
    );
}

#[test]
fn a_form_is_checked_without_its_files() {
    let named = json!({ "name": "x" });
    assert_eq!(check(&Call { request: Some(&named), ..call("POST", "/files", 200) }), NONE);
    assert_eq!(check(&call("POST", "/files", 200)), NONE);
    let empty = json!({});
    assert_eq!(
        check(&Call { request: Some(&empty), response: Some(&empty), ..call("POST", "/files", 200) }),
        ["POST /files: request /name: is required", "POST /files: response: the body shouldn't be JSON"]
    );
}

#[test]
fn answers_match_their_status() {
    let limited = json!({ "code": 0, "message": "", "retry_after": 0.5 });
    let error = json!({ "code": 10003, "message": "Unknown Channel" });
    assert_eq!(check_answer(429, &limited), NONE);
    assert_eq!(check_answer(404, &error), NONE);
    assert_eq!(check_answer(429, &error), ["GET /notes/{note_id}: response /retry_after: is required"]);
    assert_eq!(check_answer(500, &error), ["GET /notes/{note_id}: status: status 500 isn't described"]);
    let edit = json!({});
    let other = Call { request: Some(&edit), response: Some(&error), ..call("PATCH", "/notes/1", 502) };
    assert_eq!(check(&other), NONE);
}

#[test]
fn answers_may_have_further_properties_but_no_wrong_ones() {
    let note = json!({
        "id": "1", "at": "2026-11-20T09:00:00.000000+00:00", "link": "https://example.com", "color": 5,
        "state": "asc", "parts": [{ "type": 1, "text": "", "more": 1 }], "more": 1
    });
    assert_eq!(check_answer(200, &note), NONE);
    let note = json!({
        "id": "99999999999999999999", "at": "yesterday", "link": "no uri", "color": 4_294_967_296_u64,
        "state": "up", "parts": [{ "type": 1, "text": 1 }]
    });
    assert_eq!(
        check_answer(200, &note),
        [
            r#"GET /notes/{note_id}: response /at: value is not a "date-time""#,
            "GET /notes/{note_id}: response /color: value is greater than the maximum of 2147483647",
            r#"GET /notes/{note_id}: response /id: value is not a "snowflake""#,
            r#"GET /notes/{note_id}: response /link: value is not a "uri""#,
            r#"GET /notes/{note_id}: response /parts/0/text: value is not of type "string""#,
            r#"GET /notes/{note_id}: response /state: value is none of "asc", "desc""#,
        ]
    );
}

#[test]
fn exceptions_cover_what_they_name_and_tell_when_they_do_not() {
    let exception =
        |operation, place, pointer_prefix| Exception { operation, place, pointer_prefix, reason: "" };
    let list = [
        exception("GET /notes/{note_id}", Place::Response, "/parts/*/text"),
        exception("*", Place::Status, ""),
        exception("*", Place::Request, "/**/more"),
        exception("GET /notes/{note_id}", Place::Response, "/par"),
        exception("GET /notes/{note_id}", Place::Request, ""),
    ];
    let contract = contract().with_exceptions(Exceptions::new(list));
    let note = json!({ "id": "1", "parts": [{ "type": 1, "text": 1 }, { "type": 1, "text": "" }] });
    let get = Call { query: Some("key=k"), response: Some(&note), ..call("GET", "/notes/1", 200) };
    assert_eq!(contract.check(&get), []);
    assert_eq!(contract.check(&Call { status: 500, ..get }), []);
    let edit = json!({ "more": 1, "part": { "type": 2, "parts": [{ "type": 1, "text": "", "more": 1 }] } });
    let patch = Call { request: Some(&edit), response: Some(&note), ..call("PATCH", "/notes/1", 200) };
    assert_eq!(contract.check(&Call { response: Some(&json!({ "id": "1", "parts": [] })), ..patch }), []);
    assert_eq!(contract.exceptions().unused(), list[3..]);
}

#[test]
fn a_document_that_cannot_be_used_is_refused() {
    let refuse = |document: &Value| Contract::from_value(document).expect_err("unusable").to_string();
    assert_eq!(
        refuse(&json!({ "openapi": "3.0.3" })),
        "the OpenAPI description can't be used: `openapi` isn't 3.1"
    );
    let mut document = description();
    document["components"]["schemas"]["Part"] = json!({ "$ref": "#/components/schemas/Nothing" });
    assert_eq!(
        refuse(&document),
        "the OpenAPI description can't be used: `#/components/schemas/Nothing` is no schema of the components"
    );
    let missing = Contract::load(std::path::Path::new("/nonexistent/openapi.json"));
    assert!(matches!(missing, Err(super::ContractError::Read(_))));
}
