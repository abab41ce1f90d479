//! The description's schemas: rewritten once to plain JSON Schema 2020-12, and compiled when first needed.
//!
//! Every component exists three times in the document that the validators are created from. Inner properties
//! of a shut or part component are always shut; the versions differ only at their own level:
//!
//! | place | a property that isn't listed | used for |
//! |---|---|---|
//! | `open` | is allowed | answers, parameters |
//! | `shut` | is an error | requests |
//! | `part` | is left to the schema around it | the members of a composition (`allOf`) that is shut as a whole |

use std::{
    collections::{BTreeSet, HashMap},
    sync::OnceLock,
};

use jsonschema::{Draft, Registry, Validator};
use serde_json::{Map, Value, json};

use super::{ContractError, Place, finding::Finding};

const COMPONENTS: &str = "#/components/schemas/";
const DOCUMENT: &str = "urn:openapi";
/// How deep a composition is followed to collect the properties that it lists; one that contains itself is
/// left open.
const DEEPEST_COMPOSITION: u8 = 8;

/// What happens to properties that a schema doesn't list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    Open,
    Shut,
    Part,
}

/// Identifies a schema in [`Schemas`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Schema(usize);

/// All schemas of the description.
pub(super) struct Schemas {
    registry: Registry<'static>,
    slots: Vec<Slot>,
}

struct Slot {
    reference: String,
    // An error is kept, too: it would be the same every time.
    validator: OnceLock<Result<Validator, String>>,
}

/// Collects the schemas while the description is read.
pub(super) struct SchemaBuilder<'a> {
    components: Option<&'a Map<String, Value>>,
    inline: Vec<Value>,
    // By reference, so that operations that share a component share its validator.
    known: HashMap<String, Schema>,
    slots: Vec<Slot>,
}

impl Schemas {
    /// What the schema doesn't allow in the value.
    pub(super) fn check(&self, schema: Schema, place: Place, value: &Value) -> Vec<Finding> {
        let Some(slot) = self.slots.get(schema.0) else { return Vec::new() };
        match slot.validator.get_or_init(|| self.compile(&slot.reference)) {
            Ok(validator) => {
                validator.iter_errors(value).flat_map(|error| Finding::explain(place, &error)).collect()
            }
            Err(message) => {
                vec![Finding::new(place, format!("the schema {} is unusable: {message}", slot.reference))]
            }
        }
    }

    /// The schemas that can't be compiled. To find out, this compiles all of them.
    #[cfg(test)]
    pub(super) fn unusable(&self) -> Vec<String> {
        let broken =
            |slot: &Slot| Some(format!("{}: {}", slot.reference, self.compile(&slot.reference).err()?));
        self.slots.iter().filter_map(broken).collect()
    }

    /// How many have been compiled.
    #[cfg(test)]
    pub(super) fn compiled(&self) -> usize {
        self.slots.iter().filter(|slot| slot.validator.get().is_some()).count()
    }

    fn compile(&self, reference: &str) -> Result<Validator, String> {
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_registry(&self.registry)
            .offline()
            .should_validate_formats(true)
            .with_format("snowflake", fits_64_bits)
            .build(&json!({ "$ref": format!("{DOCUMENT}{reference}") }))
            .map_err(|error| error.to_string())
    }
}

impl<'a> SchemaBuilder<'a> {
    pub(super) fn new(document: &'a Value) -> Self {
        let components = document["components"]["schemas"].as_object();
        Self { components, inline: Vec::new(), known: HashMap::new(), slots: Vec::new() }
    }

    /// Adds a schema; a missing one (`null`) allows everything.
    pub(super) fn add(&mut self, schema: &Value, strictness: Strictness) -> Result<Schema, ContractError> {
        let reference = match schema.as_object() {
            Some(map) if map.len() == 1 && map.contains_key("$ref") => {
                self.reference(map["$ref"].as_str().unwrap_or_default(), strictness)?
            }
            _ => {
                self.inline.push(self.rewrite(schema, strictness)?);
                format!("#/inline/{}", self.inline.len() - 1)
            }
        };
        if let Some(known) = self.known.get(&reference) {
            return Ok(*known);
        }
        let schema = Schema(self.slots.len());
        self.slots.push(Slot { reference: reference.clone(), validator: OnceLock::new() });
        self.known.insert(reference, schema);
        Ok(schema)
    }

    pub(super) fn finish(self) -> Result<Schemas, ContractError> {
        let document = json!({
            "open": self.rewrite_components(Strictness::Open)?,
            "shut": self.rewrite_components(Strictness::Shut)?,
            "part": self.rewrite_components(Strictness::Part)?,
            "inline": self.inline,
        });
        let registry = Registry::new()
            .draft(Draft::Draft202012)
            .add(DOCUMENT, document)
            .and_then(jsonschema::RegistryBuilder::prepare)
            .map_err(|error| ContractError::Description(error.to_string()))?;
        Ok(Schemas { registry, slots: self.slots })
    }

    fn rewrite_components(&self, strictness: Strictness) -> Result<Map<String, Value>, ContractError> {
        let components = self.components.into_iter().flatten();
        components.map(|(name, schema)| Ok((name.clone(), self.rewrite(schema, strictness)?))).collect()
    }

    fn rewrite(&self, schema: &Value, strictness: Strictness) -> Result<Value, ContractError> {
        let Some(schema) = schema.as_object() else {
            return Ok(if schema.is_boolean() { schema.clone() } else { Value::Bool(true) });
        };
        let composed = is_composed(schema);
        // Members describe the same value, inner schemas describe what it contains.
        let member = if strictness == Strictness::Shut && composed { Strictness::Part } else { strictness };
        let inner = if strictness == Strictness::Open { Strictness::Open } else { Strictness::Shut };
        let mut rewritten = Map::new();
        for (keyword, value) in schema {
            let value = match keyword.as_str() {
                "$ref" => Value::from(self.reference(value.as_str().unwrap_or_default(), member)?),
                "allOf" | "anyOf" | "oneOf" => self.rewrite_list(value, member)?,
                "then" | "else" => self.rewrite(value, member)?,
                // This is a condition, which must mean the same in a shut schema.
                "not" | "if" => self.rewrite(value, Strictness::Open)?,
                "properties" | "patternProperties" => self.rewrite_map(value, inner)?,
                "items" | "additionalProperties" | "propertyNames" | "contains" => {
                    self.rewrite(value, inner)?
                }
                "prefixItems" => self.rewrite_list(value, inner)?,
                // Discord's description has `"enum": []` next to `allOf`, which would allow nothing.
                "enum" if value.as_array().is_some_and(Vec::is_empty) => continue,
                "type" | "required" | "const" | "enum" | "format" | "pattern" | "multipleOf" | "minimum"
                | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "minLength" | "maxLength"
                | "minItems" | "maxItems" | "uniqueItems" | "minProperties" | "maxProperties"
                | "dependentRequired" | "minContains" | "maxContains" => value.clone(),
                // Descriptions, examples, and OpenAPI's and Discord's own keywords. Also `contentEncoding`:
                // images are sent as data URIs, which aren't base64 as a whole.
                _ => continue,
            };
            rewritten.insert(keyword.clone(), value);
        }
        limit_integers(schema, &mut rewritten);
        if strictness == Strictness::Shut {
            self.shut(schema, &mut rewritten);
        }
        Ok(Value::Object(rewritten))
    }

    /// `unevaluatedProperties` would be shorter, but once a member has failed, it reports all of that
    /// member's properties as unknown.
    fn shut(&self, schema: &Map<String, Value>, rewritten: &mut Map<String, Value>) {
        let mut listed = BTreeSet::new();
        let bounded = match is_composed(schema) {
            true => self.list_properties(schema, DEEPEST_COMPOSITION, &mut listed),
            false => list_own_properties(schema, &mut listed),
        };
        if bounded && !listed.is_empty() {
            let properties = rewritten.entry("properties").or_insert_with(|| json!({}));
            for name in listed {
                if let Some(properties) = properties.as_object_mut() {
                    properties.entry(name).or_insert(Value::Bool(true));
                }
            }
            rewritten.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
    }

    fn rewrite_list(&self, list: &Value, strictness: Strictness) -> Result<Value, ContractError> {
        let list = list.as_array().into_iter().flatten();
        list.map(|schema| self.rewrite(schema, strictness)).collect()
    }

    fn rewrite_map(&self, map: &Value, strictness: Strictness) -> Result<Value, ContractError> {
        let map = map.as_object().into_iter().flatten();
        map.map(|(name, schema)| Ok((name.clone(), self.rewrite(schema, strictness)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object)
    }

    fn reference(&self, reference: &str, strictness: Strictness) -> Result<String, ContractError> {
        let name = reference.strip_prefix(COMPONENTS).unwrap_or_default();
        if self.component(name).is_none() {
            return Err(ContractError::Description(format!("`{reference}` is no schema of the components")));
        }
        let place = match strictness {
            Strictness::Open => "open",
            Strictness::Shut => "shut",
            Strictness::Part => "part",
        };
        Ok(format!("#/{place}/{name}"))
    }

    fn component(&self, name: &str) -> Option<&'a Value> {
        self.components.and_then(|components| components.get(name))
    }

    /// Collects the properties that a composition and its members list. Returns whether those are all, or one
    /// of the members is a free map.
    fn list_properties(&self, schema: &Map<String, Value>, depth: u8, listed: &mut BTreeSet<String>) -> bool {
        if depth == 0 || !list_own_properties(schema, listed) {
            return false;
        }
        let reference =
            schema.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(COMPONENTS));
        let members =
            ["allOf", "anyOf", "oneOf"].iter().filter_map(|keyword| schema.get(*keyword)?.as_array());
        let single = ["then", "else"].iter().filter_map(|keyword| schema.get(*keyword));
        members
            .flatten()
            .chain(single)
            .chain(reference.and_then(|name| self.component(name)))
            .filter_map(Value::as_object)
            .all(|member| self.list_properties(member, depth - 1, listed))
    }
}

/// Adds the properties that the schema itself lists. Returns whether it isn't a free map.
fn list_own_properties(schema: &Map<String, Value>, listed: &mut BTreeSet<String>) -> bool {
    listed.extend(
        schema
            .get("properties")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone()),
    );
    !schema.contains_key("patternProperties")
        && schema.get("additionalProperties").is_none_or(|additional| *additional == Value::Bool(false))
}

/// In addition to the pattern, which allows more digits than a snowflake has.
fn fits_64_bits(text: &str) -> bool {
    !text.bytes().all(|byte| byte.is_ascii_digit()) || text.parse::<u64>().is_ok()
}

/// Whether several schemas describe one value together, so that none of them alone knows all its properties.
/// A simple choice (only `oneOf`) doesn't count: each alternative is shut by itself, which distinguishes
/// them.
fn is_composed(schema: &Map<String, Value>) -> bool {
    let has = |keywords: &[&str]| keywords.iter().any(|keyword| schema.contains_key(*keyword));
    let choice = has(&["anyOf", "oneOf", "$ref"]);
    has(&["allOf", "if"])
        || (has_properties(schema) && choice)
        || (has(&["$ref"]) && has(&["anyOf", "oneOf"]))
        || (has(&["anyOf"]) && has(&["oneOf"]))
}

fn has_properties(schema: &Map<String, Value>) -> bool {
    schema.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty())
}

/// JSON Schema's formats are for text, so OpenAPI's `int32` and `int64` become limits.
fn limit_integers(schema: &Map<String, Value>, rewritten: &mut Map<String, Value>) {
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (i64::from(i32::MIN), i64::from(i32::MAX)),
        Some("int64") => (i64::MIN, i64::MAX),
        _ => return,
    };
    rewritten.remove("format");
    rewritten.entry("minimum").or_insert_with(|| Value::from(least));
    rewritten.entry("maximum").or_insert_with(|| Value::from(most));
}
