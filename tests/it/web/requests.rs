//! What each endpoint must refuse by one rule: parameters that it doesn't know, ids that can't be any, and
//! credentials of several kinds.

use serde_json::{Value, json};

use super::{Site, Visitor, with_token};

/// What is no id, as JSON.
fn wrong_ids() -> Vec<Value> {
    let texts = ["", "0", "07", "+7", "-7", " 7", "7.0", "x", "9223372036854775808", "10000000000000000000"];
    texts.into_iter().map(Value::from).chain([json!(7), json!(7.5), json!(true), json!(["7"])]).collect()
}

/// An endpoint of the description.
struct Endpoint {
    method: String,
    /// With ids in place of its parameters, which may be nobody's.
    path: String,
    template: String,
    operation: Value,
}

fn endpoints(site: &Site, document: &Value) -> Vec<Endpoint> {
    let mut endpoints = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        let path = template.replace("{server}", &site.harbour.id().to_string());
        let parts = path.split('/').map(|part| if part.starts_with('{') { "7" } else { part });
        let path = parts.collect::<Vec<_>>().join("/");
        for (method, operation) in item.as_object().unwrap() {
            let (template, operation) = (template.clone(), operation.clone());
            endpoints.push(Endpoint {
                method: method.to_uppercase(),
                path: path.clone(),
                template,
                operation,
            });
        }
    }
    assert!(endpoints.len() > 35, "{} endpoints", endpoints.len());
    endpoints
}

/// Sends a request as one of our pages does.
async fn send(browser: &Visitor, method: &str, path: &str, body: Option<Value>) -> super::Answer {
    let request = browser.request(method, path).header("sec-fetch-site", "same-origin");
    browser.send(if let Some(body) = body { request.json(&body) } else { request }).await
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Whether a schema is an id's, or null besides.
fn is_id(schema: &Value) -> bool {
    let named = |schema: &Value| schema["$ref"] == "#/components/schemas/Id";
    named(schema) || schema["oneOf"].as_array().is_some_and(|all| all.iter().any(named))
}

#[tokio::test]
async fn no_endpoint_takes_a_parameter_that_it_does_not_know() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let document = browser.get("/api/v1/openapi.json").await.body();
    for endpoint in endpoints(&site, &document) {
        let Endpoint { method, path, operation, .. } = endpoint;
        let known = operation["parameters"].as_array().into_iter().flatten();
        let known: Vec<&str> = known
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        for unknown in ["stat", "pagesize", "%70age%5B%5D", ""] {
            let body = (method != "GET").then(|| json!({}));
            let answer = send(&browser, &method, &format!("{path}?{unknown}=1"), body).await;
            assert_eq!(answer.problem(), (400, "invalid_query".to_owned()), "{method} {path}?{unknown}=1");
            let detail = answer.body()["detail"].as_str().unwrap().to_owned();
            let name = unknown.replace("%70age%5B%5D", "page[]");
            assert!(detail.contains(&format!("\"{name}\"")), "{detail}");
            assert!(known.iter().all(|known| detail.contains(known)), "{detail} doesn't name {known:?}");
        }
    }
    assert_eq!(browser.get("/api/v1/me").await.status, 200, "nothing was done");
    assert_eq!(browser.get("/api/v1/openapi.json?x=1").await.status, 400);
    assert_eq!(site.rows("web_sessions").await, "1");
}

#[tokio::test]
async fn one_rule_holds_for_ids_everywhere() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let document = browser.get("/api/v1/openapi.json").await.body();
    let mut tried = [0, 0, 0];
    for endpoint in endpoints(&site, &document) {
        let Endpoint { method, path, template, operation } = &endpoint;
        let parameters = || operation["parameters"].as_array().into_iter().flatten();
        for (at, _) in
            template.split('/').enumerate().filter(|(_, part)| part.starts_with('{') && *part != "{tagId}")
        {
            for wrong in wrong_ids().iter().filter_map(Value::as_str).filter(|wrong| !wrong.is_empty()) {
                let wrong = encoded(wrong);
                let mut parts: Vec<&str> = path.split('/').collect();
                parts[at] = &wrong;
                let path = parts.join("/");
                let answer = send(&browser, method, &path, None).await;
                assert_eq!(answer.problem(), (400, "invalid_id".to_owned()), "{method} {path}");
                tried[0] += 1;
            }
        }
        for parameter in parameters().filter(|parameter| parameter["in"] == "query") {
            if !is_id(&parameter["schema"]) {
                continue;
            }
            for wrong in wrong_ids().iter().filter_map(Value::as_str) {
                let path = format!("{path}?{}={}", parameter["name"].as_str().unwrap(), encoded(wrong));
                let answer = send(&browser, method, &path, None).await;
                assert_eq!(answer.problem(), (400, "invalid_query".to_owned()), "{method} {path}");
                tried[1] += 1;
            }
        }
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let schema = schema["$ref"].as_str().and_then(|name| document.pointer(&name[1..]));
        let fields = schema.and_then(|schema| schema["properties"].as_object()).into_iter().flatten();
        for (name, _) in fields.filter(|(_, field)| is_id(field)) {
            for wrong in wrong_ids() {
                let answer = send(&browser, method, path, Some(json!({ name.as_str(): wrong }))).await;
                let refused = (answer.problem(), answer.body()["pointer"].clone());
                let expected = ((400, "invalid_body".to_owned()), json!(format!("/{name}")));
                assert_eq!(refused, expected, "{method} {path} {name}: {wrong}");
                tried[2] += 1;
            }
        }
    }
    // Every id is known as one, also in queries and in bodies.
    assert!(tried[0] > 0);
    assert_eq!(tried[1..], [9 * 10, 12 * 14]);
}

/// Whoever sends several tokens gets none of them used, and a token counts where a cookie is sent, too.
#[tokio::test]
async fn one_request_has_one_sender() {
    let site = Site::new().await;
    let browser = site.signed_in().await;
    let (first, second) =
        (site.token(&browser, &["servers:read"]).await, site.token(&browser, &["servers:read"]).await);
    for other in [&first, &second, "x"] {
        for both in [[first.as_str(), other], [other, first.as_str()]] {
            let request = both.iter().fold(browser.request("GET", "/api/v1/me"), |request, token| {
                request.header("authorization", format!("Bearer {token}"))
            });
            let answer = browser.send(request).await;
            assert_eq!(answer.problem(), (400, "several_credentials".to_owned()), "{}", answer.text);
        }
    }
    let both = browser.request("GET", "/api/v1/me").bearer_auth(&first);
    assert_eq!(browser.send(both).await.body()["authentication"], "token");
    let wrong = browser.request("GET", "/api/v1/me").bearer_auth("x");
    assert_eq!(browser.send(wrong).await.problem(), (401, "invalid_token".to_owned()));
    let person_only = browser.request("GET", "/api/v1/me/tokens").bearer_auth(&first);
    assert_eq!(browser.send(person_only).await.problem(), (403, "session_required".to_owned()));
    assert_eq!(with_token(&site, "GET", "/api/v1/me", &first).await.status, 200);
}
