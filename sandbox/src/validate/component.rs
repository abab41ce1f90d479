//! Message components: rows, buttons, selects, and the newer layout components.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::length;
use crate::error::FormErrors;

/// Component types that may be at the top level of a message made only of components.
const LAYOUT: [u64; 7] = [1, 9, 10, 12, 13, 14, 17];

/// Checks components and returns them as Discord stores them: numbered, with defaults.
pub(crate) fn normalise(form: &mut FormErrors, path: &str, components: &[Value], v2: bool) -> Vec<Value> {
    let mut stored = components.to_vec();
    let mut seen = Seen::default();
    if !v2 && stored.len() > 5 {
        form.add(path, "BASE_TYPE_MAX_LENGTH", "Must be 5 or fewer in length.");
    }
    for (i, component) in stored.iter_mut().enumerate() {
        let at = format!("{path}.{i}");
        let kind = component["type"].as_u64().unwrap_or(0);
        if kind != 1 && !(v2 && LAYOUT.contains(&kind)) {
            form.add(
                &format!("{at}.type"),
                "UNION_TYPE_CHOICES",
                &format!(
                    "Value of field \"type\" must be one of ({}).",
                    if v2 { "1, 9, 10, 12, 13, 14, 17" } else { "1," }
                ),
            );
            continue;
        }
        one(form, &at, component, &mut seen);
    }
    if seen.count > 40 {
        form.add(path, "BASE_TYPE_MAX_LENGTH", "Must be 40 or fewer in length.");
    }
    stored
}

#[derive(Default)]
struct Seen {
    count: usize,
    custom_ids: HashSet<String>,
}

fn one(form: &mut FormErrors, path: &str, component: &mut Value, seen: &mut Seen) {
    seen.count += 1;
    if component["id"].as_u64().is_none_or(|id| id == 0) {
        component["id"] = json!(seen.count);
    }
    if let Some(custom_id) = component["custom_id"].as_str().map(ToOwned::to_owned) {
        if !(1..=100).contains(&length(&custom_id)) {
            form.bad_length(&format!("{path}.custom_id"), 1, 100);
        }
        if !seen.custom_ids.insert(custom_id) {
            form.add(
                &format!("{path}.custom_id"),
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            );
        }
    }
    match component["type"].as_u64().unwrap_or(0) {
        1 => row(form, path, component),
        2 => button(form, path, component),
        3 => select(form, path, component),
        5..=8 => {
            select_range(component);
            if !component["custom_id"].is_string() {
                form.required(&format!("{path}.custom_id"));
            }
        }
        10 if !(1..=4000).contains(&length(component["content"].as_str().unwrap_or_default())) => {
            form.bad_length(&format!("{path}.content"), 1, 4000);
        }
        _ => {}
    }
    if let Value::Array(children) = &mut component["components"] {
        for (i, child) in children.iter_mut().enumerate() {
            one(form, &format!("{path}.components.{i}"), child, seen);
        }
    } else if component["components"].is_null()
        && let Some(fields) = component.as_object_mut()
    {
        fields.remove("components");
    }
    if component.get("accessory").is_some_and(Value::is_object) {
        one(form, &format!("{path}.accessory"), &mut component["accessory"], seen);
    }
}

fn row(form: &mut FormErrors, path: &str, row: &Value) {
    let children = row["components"].as_array().map_or(&[][..], Vec::as_slice);
    let buttons = children.iter().filter(|child| child["type"] == 2).count();
    if children.is_empty() || children.len() > 5 {
        form.bad_length(&format!("{path}.components"), 1, 5);
    } else if buttons != children.len() && children.len() > 1 {
        form.add(
            &format!("{path}.components"),
            "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
            "The specified component exceeds the maximum width",
        );
    }
}

fn button(form: &mut FormErrors, path: &str, button: &Value) {
    let style = button["style"].as_u64().unwrap_or(0);
    if !(1..=6).contains(&style) {
        form.required(&format!("{path}.style"));
    }
    if length(button["label"].as_str().unwrap_or_default()) > 80 {
        form.too_long(&format!("{path}.label"), 80);
    }
    if style == 5 && !button["url"].is_string() {
        form.required(&format!("{path}.url"));
    }
    if (1..=4).contains(&style) && !button["custom_id"].is_string() {
        form.required(&format!("{path}.custom_id"));
    }
    let empty = button["label"].as_str().is_none_or(str::is_empty) && !button["emoji"].is_object();
    if empty && style != 6 {
        form.add(path, "BUTTON_COMPONENT_INVALID_LABEL", "A button must have a label or an emoji");
    }
}

fn select_range(select: &mut Value) {
    for key in ["min_values", "max_values"] {
        if !select[key].is_u64() {
            select[key] = json!(1);
        }
    }
}

fn select(form: &mut FormErrors, path: &str, select: &mut Value) {
    select_range(select);
    if !select["custom_id"].is_string() {
        form.required(&format!("{path}.custom_id"));
    }
    if length(select["placeholder"].as_str().unwrap_or_default()) > 150 {
        form.too_long(&format!("{path}.placeholder"), 150);
    }
    let options = select["options"].as_array().cloned().unwrap_or_default();
    if !(1..=25).contains(&options.len()) {
        form.bad_length(&format!("{path}.options"), 1, 25);
    }
    let mut values = HashSet::new();
    for (i, option) in options.iter().enumerate() {
        for key in ["label", "value", "description"] {
            let text = option[key].as_str();
            let at = format!("{path}.options.{i}.{key}");
            match text {
                Some(text) if (1..=100).contains(&length(text)) => {}
                None if key == "description" => {}
                None => form.required(&at),
                Some(_) => form.bad_length(&at, 1, 100),
            }
        }
        if !values.insert(option["value"].as_str().unwrap_or_default().to_owned()) {
            form.add(
                &format!("{path}.options.{i}.value"),
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                "The specified option value is already used",
            );
        }
    }
}

/// All components that can be used, at any depth: those with a `custom_id`.
pub(crate) fn interactive(components: &[Value]) -> Vec<&Value> {
    let mut found = Vec::new();
    let mut open: Vec<&Value> = components.iter().rev().collect();
    while let Some(component) = open.pop() {
        if component["custom_id"].is_string() {
            found.push(component);
        }
        open.extend(component.get("accessory").filter(|accessory| accessory.is_object()));
        if let Some(children) = component.get("components").and_then(Value::as_array) {
            open.extend(children.iter().rev());
        }
        open.extend(component.get("component").filter(|child| child.is_object()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(components: &[Value]) -> bool {
        let mut form = FormErrors::default();
        normalise(&mut form, "components", components, false);
        form.finish().is_err()
    }

    fn row_of(children: &[Value]) -> Value {
        json!({"type": 1, "components": children})
    }

    #[test]
    fn rows_take_five_buttons_or_one_select() {
        let button = |id: u8| json!({"type": 2, "style": 1, "label": "x", "custom_id": id.to_string()});
        let select = json!({"type": 3, "custom_id": "s", "options": [{"label": "a", "value": "a"}]});
        assert!(!refused(&[row_of(&[1, 2, 3, 4, 5].map(button)), row_of(std::slice::from_ref(&select))]));
        assert!(refused(&[row_of(&[1, 2, 3, 4, 5, 6].map(button))]));
        assert!(refused(&[row_of(&[button(1), select])]));
        assert!(refused(&[row_of(&[button(1), button(1)])]), "custom ids must differ");
        assert!(refused(&[button(1)]), "a button needs a row");
        assert!(refused(&[row_of(&[json!({"type": 2, "style": 1, "label": "x"})])]));
    }

    #[test]
    fn selects_have_1_to_25_options() {
        let select = |count: usize| {
            let options: Vec<Value> =
                (0..count).map(|i| json!({"label": "l", "value": i.to_string()})).collect();
            [row_of(&[json!({"type": 3, "custom_id": "s", "options": options})])]
        };
        assert!(refused(&select(0)) && !refused(&select(25)) && refused(&select(26)));
    }
}
