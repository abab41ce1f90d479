//! Every answer of the API is compared with what the API's own description promises.

use reqwest::Client;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::Answer;

/// The description: the same for every bot, but for its own address.
static DOCUMENT: OnceCell<Value> = OnceCell::const_new();

/// `None` from pages that answer only under another name, as long as nobody else has asked.
async fn document(client: &Client, url: &str) -> Option<&'static Value> {
    let fetch = async || {
        let answer = client.get(format!("{url}/api/v1/openapi.json")).send().await.expect("an answer");
        if !answer.status().is_success() {
            return Err(());
        }
        Ok(answer.json().await.expect("the description"))
    };
    DOCUMENT.get_or_try_init(fetch).await.ok()
}

/// Fails if this answer isn't described: its status, its kind of body, and the body itself.
pub async fn check(client: &Client, url: &str, method: &str, path: &str, answer: &Answer) {
    let path = path.split('?').next().expect("a path");
    if !path.starts_with("/api/v1/") || path.ends_with("openapi.json") {
        return;
    }
    let Some(document) = document(client, url).await else { return };
    let Some(operation) = operation(document, method, path) else { return };
    let described = &operation["responses"][answer.status.to_string()];
    assert!(described.is_object(), "{method} {path} doesn't say {}: {}", answer.status, answer.text);
    let Some((kind, content)) = described["content"].as_object().and_then(|all| all.iter().next()) else {
        assert_eq!(answer.text, "", "{method} {path} says nothing of a body with {}", answer.status);
        return;
    };
    assert_eq!(answer.header("content-type"), kind, "{method} {path}: {}", answer.text);
    let schema = json!({ "allOf": [content["schema"]], "components": document["components"] });
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let body = answer.body();
    let wrong: Vec<String> = validator.iter_errors(&body).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{method} {path} isn't as described: {wrong:?} in {body}");
    if let Some(code) = body["code"].as_str().filter(|_| answer.status >= 400) {
        let codes = described["description"].as_str().expect("a text");
        assert!(codes.contains(&format!("`{code}`")), "{method} {path} doesn't say {code}, but {codes}");
    }
}

/// The operation that this request means; the most literal path wins.
fn operation<'a>(document: &'a Value, method: &str, path: &str) -> Option<&'a Value> {
    let wanted: Vec<&str> = path.split('/').collect();
    let fits = |template: &str| {
        let parts: Vec<&str> = template.split('/').collect();
        let same =
            |(part, wanted): (&&str, &&str)| part == wanted || part.starts_with('{') && !wanted.is_empty();
        parts.len() == wanted.len() && parts.iter().zip(&wanted).all(same)
    };
    let paths = document["paths"].as_object().expect("paths");
    let fitting = paths.iter().filter(|(template, _)| fits(template));
    let (_, item) = fitting.min_by_key(|(template, _)| template.matches('{').count())?;
    item.get(method.to_lowercase()).filter(|operation| operation.is_object())
}
