//! The API's description by itself: whoever knows only this must know enough.

use serde_json::Value;

use super::Site;

/// A schema itself, where it is only named, and where null is possible besides.
fn resolved<'a>(schema: &'a Value, document: &'a Value) -> &'a Value {
    if let Some(name) = schema["$ref"].as_str() {
        return document.pointer(&name[1..]).unwrap_or_else(|| panic!("{name} isn't there"));
    }
    let other = schema["oneOf"].as_array().and_then(|all| all.iter().find(|one| one["type"] != "null"));
    other.map_or(schema, |other| resolved(other, document))
}

/// All names in `$ref`.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
            members.values().for_each(|member| references(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// Fields that hold one of some words, in whichever schema or query.
const WORDS: [&str; 30] = [
    "action",
    "approval",
    "audience",
    "authentication",
    "brokenReason",
    "code",
    "database",
    "delivery",
    "gateway",
    "lifetime",
    "madeBy",
    "mode",
    "notMirrored",
    "reason",
    "result",
    "role",
    "scopes",
    "sight",
    "state",
    "threads",
    "verdict",
    "via",
    "kind",
    "what",
    "followable",
    "lists",
    "urlType",
    "source of ActivityView",
    "name of PanelKind",
    "kind of NewPanel",
];

#[tokio::test]
async fn closed_sets_of_words_are_listed() {
    let site = Site::new().await;
    let document = site.browser().get("/api/v1/openapi.json").await.body();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 200, "{} references", found.len());
    for name in found {
        assert!(document.pointer(&name[1..]).is_some_and(Value::is_object), "{name} isn't there");
    }
    let mut fields: Vec<(String, String, Value)> = Vec::new();
    for (schema, described) in document["components"]["schemas"].as_object().unwrap() {
        let own = described["properties"].as_object().into_iter().flatten();
        let mixed = described["allOf"].as_array().into_iter().flatten();
        let mixed = mixed.flat_map(|part| part["properties"].as_object().into_iter().flatten());
        fields.extend(own.chain(mixed).map(|(name, field)| (schema.clone(), name.clone(), field.clone())));
    }
    for (path, item) in document["paths"].as_object().unwrap() {
        for parameter in
            item.as_object().unwrap().values().flat_map(|one| one["parameters"].as_array()).flatten()
        {
            let name = parameter["name"].as_str().unwrap().to_owned();
            fields.push((path.clone(), name, parameter["schema"].clone()));
        }
    }
    let mut met = Vec::new();
    for (schema, name, field) in &fields {
        // A panel's kind may be one of a newer program's, and of a request only one thing is told.
        let own = format!("{name} of {schema}");
        let Some(word) = WORDS.iter().rev().find(|word| **word == own || *word == name) else { continue };
        if own == "kind of Panel" || own == "state of AskedView" {
            continue;
        }
        met.push(*word);
        let field = resolved(field, &document);
        let field = if field["items"].is_object() { resolved(&field["items"], &document) } else { field };
        let words = field["enum"].as_array().unwrap_or_else(|| panic!("{own} has no words: {field}"));
        assert!(words.len() >= 2, "{own}: {words:?}");
    }
    let missing: Vec<_> = WORDS.iter().filter(|word| !met.contains(*word)).collect();
    assert!(missing.is_empty(), "no longer there: {missing:?}");
}
