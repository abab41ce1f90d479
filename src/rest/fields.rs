//! Which fields of a request Discord refused: where they are in it, and with which codes. Discord's texts are
//! left out, as they may quote what was sent.

use std::fmt;

use serde_json::{Map, Value};

/// How many fields are kept.
const MOST: usize = 8;
/// How deeply they may be nested. Discord's deepest, a choice of an option in a group of commands, is far
/// less deep.
const DEEPEST: usize = 16;

/// The refused fields, such as `3.options.0.name: BASE_TYPE_BAD_LENGTH`. (Discord: "Error Messages", the
/// `errors` of code 50035.)
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct WrongFields(Vec<String>);

impl WrongFields {
    /// Reads the `errors` of a refusal.
    pub(super) fn read(errors: &Value) -> Self {
        let mut found = Self::default();
        if let Value::Object(errors) = errors {
            found.walk(errors, &mut Vec::new());
        }
        found
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn walk<'a>(&mut self, errors: &'a Map<String, Value>, path: &mut Vec<&'a str>) {
        for (key, inner) in errors {
            if self.0.len() >= MOST || path.len() >= DEEPEST {
                return;
            }
            match inner {
                Value::Array(here) if key == "_errors" => {
                    let codes = here.iter().filter_map(|error| error["code"].as_str()).map(plain);
                    let codes: Vec<&str> = codes.collect();
                    self.0.push(format!("{}: {}", path.join("."), codes.join(", ")));
                }
                Value::Object(inner) => {
                    path.push(plain(key));
                    self.walk(inner, path);
                    path.pop();
                }
                _ => {}
            }
        }
    }
}

impl fmt::Display for WrongFields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

/// A key or a code as it is, where it looks like one.
fn plain(word: &str) -> &str {
    let fits =
        word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if fits { word } else { "?" }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn says_where_and_with_which_code_and_nothing_else() {
        let error = |code: &str| json!([{ "code": code, "message": "what somebody wrote" }]);
        let errors = json!({
            "3": { "options": { "0": { "name": { "_errors": error("BASE_TYPE_BAD_LENGTH") } } } },
            "_errors": error("APPLICATION_COMMANDS_MAX"),
            "what somebody wrote": { "_errors": error("what somebody wrote") },
            "odd": "what somebody wrote",
        });
        let fields = WrongFields::read(&errors);
        assert_eq!(
            fields.to_string(),
            "3.options.0.name: BASE_TYPE_BAD_LENGTH; : APPLICATION_COMMANDS_MAX; ?: ?"
        );
        assert_eq!(WrongFields::read(&Value::Null).to_string(), "");
    }

    #[test]
    fn what_is_endless_is_cut() {
        let mut errors = json!({ "_errors": [{ "code": "DEEP" }] });
        for _ in 0..100 {
            errors = json!({ "a": errors });
        }
        assert_eq!(WrongFields::read(&errors).to_string(), "");
        let many: Map<String, Value> =
            (0..100).map(|n| (n.to_string(), json!({ "_errors": [{ "code": "X" }] }))).collect();
        assert_eq!(WrongFields::read(&Value::Object(many)).to_string().matches('X').count(), MOST);
    }
}
