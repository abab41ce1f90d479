//! Every field, parameter and id that the API's description names, with values that nobody should send. Each
//! answer must be one that the description has (see `contract`), and never a failure of the bot.

use serde_json::{Map, Value, json};

use super::{Program, Site};

/// Values for fields of bodies.
fn values() -> Vec<Value> {
    let deep = (0..100).fold(json!(0), |inner, _| json!([inner]));
    let mut values = vec![json!(null), json!(true), json!([]), json!({}), deep];
    values.extend([json!(-1), json!(0), json!(1.5), json!(1e300), json!(u64::MAX), json!(i64::MIN)]);
    values.extend(texts().into_iter().map(Value::String));
    values.push(json!(["", "\u{0}", "a,b\"c", "#", "\u{202e}x"]));
    values
}

/// Texts that have broken programs before.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> =
        ["", " ", "\u{0}", "0", "-1", "+1", "1e9", "null", "../..", "%00", "<script>", "\u{202e}abc"]
            .map(ToOwned::to_owned)
            .into();
    texts.extend(
        ["'; DROP TABLE channel_follows; --", "👩‍👩‍👧", "9223372036854775807", "9223372036854775808"]
            .map(ToOwned::to_owned),
    );
    texts.push("x".repeat(5_000));
    texts
}

struct Fuzzer<'a> {
    site: &'a Site,
    program: Program,
    document: Value,
    sent: usize,
}

impl Fuzzer<'_> {
    /// A path with ids that exist where that is known.
    fn path(&self, template: &str) -> String {
        let (server, channel) = (self.site.harbour.id().to_string(), self.site.news.id().to_string());
        let path = template.replace("{server}", &server).replace("{channel}", &channel);
        path.split('/')
            .map(|part| if part.starts_with('{') { "1" } else { part })
            .collect::<Vec<_>>()
            .join("/")
    }

    async fn send(&mut self, method: &str, path: &str, body: Option<&Value>) {
        let request = self.program.request(method, path);
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = self.program.send(request).await;
        self.sent += 1;
        assert!(answer.status < 500, "{method} {path} with {body:?}: {} {}", answer.status, answer.text);
    }

    /// Every id in the path, one after another.
    async fn ids(&mut self, method: &str, template: &str) {
        for (at, _) in template.split('/').enumerate().filter(|(_, part)| part.starts_with('{')) {
            for text in texts().into_iter().filter(|text| text.len() < 100) {
                let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
                let path = self.path(template);
                let mut parts: Vec<&str> = path.split('/').collect();
                parts[at] = &encoded;
                self.send(method, &parts.join("/"), None).await;
            }
        }
    }

    /// Every parameter of the query.
    async fn parameters(&mut self, method: &str, template: &str, operation: &Value) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let Some(name) = parameter["name"].as_str().filter(|_| parameter["in"] == "query") else {
                continue;
            };
            for text in texts().into_iter().filter(|text| text.len() < 100) {
                let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
                let path = format!("{}?{name}={encoded}", self.path(template));
                self.send(method, &path, None).await;
            }
        }
    }

    /// Every field of the body, in a body that is otherwise as it should be.
    async fn fields(&mut self, method: &str, template: &str, operation: &Value) {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let Some(properties) = self.properties(schema) else { return };
        let base: Map<String, Value> = properties
            .iter()
            .filter(|(name, _)| name.ends_with("ChannelId"))
            .map(|(name, _)| (name.clone(), json!(self.site.news.id().to_string())))
            .collect();
        for name in properties.keys() {
            for value in values() {
                let mut body = base.clone();
                body.insert(name.clone(), value);
                self.send(method, &self.path(template), Some(&Value::Object(body))).await;
            }
        }
        for body in values() {
            self.send(method, &self.path(template), Some(&body)).await;
        }
    }

    fn properties(&self, schema: &Value) -> Option<Map<String, Value>> {
        if let Some(one) = schema["oneOf"].as_array() {
            return one.iter().find_map(|schema| self.properties(schema));
        }
        let named =
            schema["$ref"].as_str().and_then(|name| self.document.pointer(name.trim_start_matches('#')));
        named.unwrap_or(schema)["properties"].as_object().cloned()
    }
}

#[tokio::test]
async fn no_value_of_any_field_makes_the_bot_fail() {
    let settings = [("FOLLOW_ACTIONS_PER_HOUR", "0"), ("API_REQUESTS_PER_MINUTE", "1000000")];
    let site = Site::with(&settings).await;
    let browser = site.signed_in().await;
    let scopes = ["servers:read", "servers:write", "panels:write", "operator:read"];
    let program = site.program_with(&browser, json!({ "name": "fuzz", "scopes": scopes })).await;
    let document = browser.get("/api/v1/openapi.json").await.body();
    let mut fuzzer = Fuzzer { site: &site, program, document: document.clone(), sent: 0 };
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let method = method.to_uppercase();
            fuzzer.ids(&method, template).await;
            fuzzer.parameters(&method, template, operation).await;
            fuzzer.fields(&method, template, operation).await;
        }
    }
    assert!(fuzzer.sent > 1_000, "{} requests", fuzzer.sent);
    // It still works, and nothing came of all this.
    assert_eq!(fuzzer.program.get(&site.server("/follows")).await.status, 200);
    assert_eq!(site.rows("channel_follows").await, "0");
}
