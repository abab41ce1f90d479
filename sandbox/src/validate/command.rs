//! Discord's rules for application commands.

use serde_json::Value;

use super::length;
use crate::error::FormErrors;

/// Checks one command under `path` (empty for a single command).
pub(crate) fn check(form: &mut FormErrors, path: &str, command: &Value) {
    let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    let kind = command["type"].as_u64().unwrap_or(1);
    let name = command["name"].as_str().unwrap_or_default();
    let description = command["description"].as_str().unwrap_or_default();
    if kind == 1 {
        slash_name(form, &at("name"), name);
        if !(1..=100).contains(&length(description)) {
            form.bad_length(&at("description"), 1, 100);
        }
    } else {
        if !(1..=32).contains(&length(name)) {
            form.bad_length(&at("name"), 1, 32);
        }
        if !description.is_empty() {
            form.add(
                &at("description"),
                "APPLICATION_COMMAND_DESCRIPTION_CANNOT_BE_USED",
                "Context menu commands cannot have description",
            );
        }
    }
    numbers(form, &at("contexts"), &command["contexts"], 2);
    numbers(form, &at("integration_types"), &command["integration_types"], 1);
    options(form, &at("options"), &command["options"], 0);
    if text_size(command) > 8000 {
        form.add(path, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (8000)");
    }
}

/// A list of different numbers from 0 to `max`, or null: where a command is offered (0 servers, 1 direct
/// messages with the bot, 2 other direct messages), and whether servers (0) or people (1) install it.
fn numbers(form: &mut FormErrors, path: &str, list: &Value, max: u64) {
    let Some(list) = list.as_array() else { return };
    for (i, value) in list.iter().enumerate() {
        if value.as_u64().is_none_or(|number| number > max) {
            let words = format!("Value must be one of (0..{max}).");
            form.add(&format!("{path}.{i}"), "BASE_TYPE_CHOICES", &words);
        }
        if list[..i].contains(value) {
            form.add(path, "SET_TYPE_CONTAINS_DUPLICATES", "Must not contain duplicates.");
        }
    }
}

fn slash_name(form: &mut FormErrors, path: &str, name: &str) {
    let allowed = |c: char| c == '-' || c == '_' || c == '\'' || c.is_alphanumeric();
    let valid = (1..=32).contains(&length(name)) && name.chars().all(allowed) && name.to_lowercase() == name;
    if !valid {
        form.add(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid");
    }
}

fn options(form: &mut FormErrors, path: &str, options: &Value, depth: usize) {
    let Some(options) = options.as_array() else { return };
    if options.len() > 25 {
        form.add(path, "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.");
    }
    let mut optional_seen = false;
    let mut names = Vec::new();
    for (i, option) in options.iter().enumerate() {
        let at = |key: &str| format!("{path}.{i}.{key}");
        let kind = option["type"].as_u64().unwrap_or(0);
        let name = option["name"].as_str().unwrap_or_default();
        slash_name(form, &at("name"), name);
        if names.contains(&name) {
            form.add(
                &at("name"),
                "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
                "Application command option name already exists",
            );
        }
        names.push(name);
        if !(1..=100).contains(&length(option["description"].as_str().unwrap_or_default())) {
            form.bad_length(&at("description"), 1, 100);
        }
        match kind {
            1 | 2 if depth < 2 => self::options(form, &at("options"), &option["options"], depth + 1),
            3..=11 => {
                let required = option["required"] == true;
                if required && optional_seen {
                    form.add(
                        &at("required"),
                        "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                        "Required options must be placed before non-required options",
                    );
                }
                optional_seen |= !required;
                choices(form, &format!("{path}.{i}"), option, kind);
            }
            _ => form.add(&at("type"), "BASE_TYPE_CHOICES", "Value must be one of (1..11)."),
        }
    }
}

fn choices(form: &mut FormErrors, path: &str, option: &Value, kind: u64) {
    let choices = option["choices"].as_array().map_or(&[][..], Vec::as_slice);
    if choices.len() > 25 {
        form.add(&format!("{path}.choices"), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.");
    }
    for (i, choice) in choices.iter().enumerate() {
        if !(1..=100).contains(&length(choice["name"].as_str().unwrap_or_default())) {
            form.bad_length(&format!("{path}.choices.{i}.name"), 1, 100);
        }
    }
    let completes = option["autocomplete"] == true;
    if completes && (!choices.is_empty() || !matches!(kind, 3 | 4 | 10)) {
        form.add(
            &format!("{path}.autocomplete"),
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Autocomplete is for text and number options without choices",
        );
    }
}

/// Discord counts names, descriptions and values of a command: 8,000 characters at most.
fn text_size(command: &Value) -> usize {
    let own: usize =
        ["name", "description", "value"].iter().filter_map(|key| command[*key].as_str()).map(length).sum();
    let below: usize = ["options", "choices"]
        .iter()
        .filter_map(|key| command.get(*key).and_then(Value::as_array))
        .flatten()
        .map(text_size)
        .sum();
    own + below
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(command: &Value) -> bool {
        let mut form = FormErrors::default();
        check(&mut form, "", command);
        form.finish().is_err()
    }

    #[test]
    fn names_are_short_and_lowercase() {
        assert!(!refused(&json!({"name": "follow", "description": "d"})));
        assert!(refused(&json!({"name": "Follow", "description": "d"})));
        assert!(refused(&json!({"name": "two words", "description": "d"})));
        assert!(refused(&json!({"name": "follow", "description": ""})));
        assert!(!refused(&json!({"name": "Delivery report", "type": 3})));
        assert!(refused(&json!({"name": "Delivery report", "type": 3, "description": "d"})));
        assert!(!refused(&json!({"name": "Follow posts", "type": 2})));
    }

    #[test]
    fn contexts_and_kinds_of_installation_are_known_numbers() {
        let command = |contexts: Value, types: Value| json!({"name": "feed", "description": "d", "contexts": contexts, "integration_types": types});
        assert!(!refused(&command(json!([0, 1, 2]), json!([0, 1]))));
        assert!(!refused(&command(Value::Null, Value::Null)));
        for (contexts, types) in [([3], [0]), ([0], [2])] {
            assert!(refused(&command(json!(contexts), json!(types))), "{contexts:?} {types:?}");
        }
        assert!(refused(&command(json!([1, 1]), json!([0]))));
        assert!(refused(&command(json!(["0"]), json!([0]))));
    }

    #[test]
    fn required_options_come_first() {
        let option = |name: &str, required: bool| json!({"type": 3, "name": name, "description": "d", "required": required});
        let command = |options: Value| json!({"name": "a", "description": "d", "options": options});
        assert!(!refused(&command(json!([option("a", true), option("b", false)]))));
        assert!(refused(&command(json!([option("a", false), option("b", true)]))));
        assert!(refused(&command(json!([option("a", true), option("a", true)]))));
    }

    #[test]
    fn channel_options_cannot_be_completed() {
        let option = json!({"type": 7, "name": "c", "description": "d", "autocomplete": true});
        assert!(refused(&json!({"name": "a", "description": "d", "options": [option]})));
    }
}
