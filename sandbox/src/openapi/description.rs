//! Reads the OpenAPI document into operations: their templates, parameters, bodies and answers. `schema`
//! knows what a schema means.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use super::{
    ContractError,
    route::{self, Match, Template},
    schema::{Schema, SchemaBuilder, Schemas, Strictness},
};

const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Everything that was read from the document.
pub(super) struct Description {
    paths: Vec<PathItem>,
    literals: HashSet<String>,
    pub(super) schemas: Schemas,
}

struct PathItem {
    path: String,
    template: Template,
    operations: BTreeMap<String, Operation>,
}

/// One method of one path.
#[derive(Debug)]
pub(super) struct Operation {
    /// Method and template.
    pub(super) name: String,
    pub(super) path_parameters: Vec<PathParameter>,
    pub(super) query: Vec<QueryParameter>,
    pub(super) request: Option<Body>,
    answers: BTreeMap<String, Answer>,
}

#[derive(Debug)]
pub(super) struct PathParameter {
    pub(super) name: String,
    pub(super) position: usize,
    pub(super) schema: Schema,
}

#[derive(Debug)]
pub(super) struct QueryParameter {
    pub(super) name: String,
    pub(super) required: bool,
    pub(super) schema: Schema,
}

#[derive(Debug)]
pub(super) struct Body {
    /// Whether a call must have a JSON body. It needn't if only multipart is described: such a body may
    /// consist of only a file.
    pub(super) required: bool,
    pub(super) schema: Schema,
}

/// What the description says about an answer's body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Empty,
    Json(Schema),
    /// An image or a table.
    Other,
}

impl Description {
    pub(super) fn read(document: &Value) -> Result<Self, ContractError> {
        if !document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")) {
            return Err(ContractError::Description("`openapi` isn't 3.1".to_owned()));
        }
        let mut reader = Reader { document, schemas: SchemaBuilder::new(document) };
        let mut paths = Vec::new();
        for (path, item) in object(&document["paths"], "paths")? {
            paths.push(reader.path(path, item)?);
        }
        paths.sort_by_cached_key(|item| item.template.rank());
        let literals = paths.iter().flat_map(|item| item.template.literals().map(str::to_owned)).collect();
        Ok(Self { literals, schemas: reader.schemas.finish()?, paths })
    }

    /// Literal segments win, as OpenAPI specifies. But if the most literal path lacks the method and another
    /// path has it, that one is meant (`/members/@me` and `/members/{user_id}` describe different methods).
    pub(super) fn find(&self, method: &str, path: &str) -> Match<'_> {
        let segments = route::segments(path);
        let mut matching = self.paths.iter().filter(|item| item.template.matches(&segments)).peekable();
        let Some(first) = matching.peek() else {
            return Match::Nothing(format!("{method} {}", route::veil(&segments, &self.literals)));
        };
        let fallback = format!("{method} {}", first.path);
        match matching.find_map(|item| item.operations.get(method)) {
            Some(operation) => Match::Operation(operation, segments),
            None => Match::OtherMethod(fallback),
        }
    }
}

impl Operation {
    /// The answer for a status: the status itself, its range (`4XX`), or `default`.
    pub(super) fn answer(&self, status: u16) -> Option<&Answer> {
        [status.to_string(), format!("{}XX", status / 100), "default".to_owned()]
            .iter()
            .find_map(|key| self.answers.get(key))
    }
}

struct Reader<'a> {
    document: &'a Value,
    schemas: SchemaBuilder<'a>,
}

impl<'a> Reader<'a> {
    fn path(&mut self, path: &str, item: &'a Value) -> Result<PathItem, ContractError> {
        let template = Template::new(path);
        let mut operations = BTreeMap::new();
        for (key, value) in object(item, path)? {
            if METHODS.contains(&key.as_str()) {
                let method = key.to_uppercase();
                let name = format!("{method} {path}");
                operations.insert(method, self.operation(name, &template, item, value)?);
            }
        }
        Ok(PathItem { path: path.to_owned(), template, operations })
    }

    fn operation(
        &mut self,
        name: String,
        template: &Template,
        item: &'a Value,
        operation: &'a Value,
    ) -> Result<Operation, ContractError> {
        let mut path_parameters = Vec::new();
        let mut query = BTreeMap::new();
        // The operation's own come last, so that they replace the path's.
        for parameter in [item, operation].into_iter().flat_map(|of| array(&of["parameters"])) {
            let parameter = self.resolve(parameter)?;
            let schema = self.schemas.add(&parameter["schema"], Strictness::Open)?;
            let own = text(&parameter["name"], &name)?.to_owned();
            match parameter["in"].as_str() {
                Some("path") => {
                    if let Some(position) = template.position(&own) {
                        path_parameters.retain(|other: &PathParameter| other.name != own);
                        path_parameters.push(PathParameter { name: own, position, schema });
                    }
                }
                Some("query") => {
                    let required = parameter["required"] == true;
                    query.insert(own.clone(), QueryParameter { name: own, required, schema });
                }
                _ => {}
            }
        }
        let request = match operation.get("requestBody") {
            Some(body) => self.body(body)?,
            None => None,
        };
        let mut answers = BTreeMap::new();
        for (status, answer) in object(&operation["responses"], &name)? {
            answers.insert(status.to_uppercase().replace("DEFAULT", "default"), self.answer(answer)?);
        }
        Ok(Operation { name, path_parameters, query: query.into_values().collect(), request, answers })
    }

    /// If Discord takes JSON and multipart, the multipart schema is the JSON one plus `files[n]`. But clients
    /// send the JSON as `payload_json`, which isn't described, so the JSON schema fits both.
    fn body(&mut self, body: &'a Value) -> Result<Option<Body>, ContractError> {
        let body = self.resolve(body)?;
        let content = &body["content"];
        if let Some(json) = media_type(content, "json") {
            let schema = self.schemas.add(&json["schema"], Strictness::Shut)?;
            return Ok(Some(Body { required: body["required"] == true, schema }));
        }
        let Some(form) = media_type(content, "form") else { return Ok(None) };
        let schema = self.schemas.add(&without_files(&form["schema"]), Strictness::Shut)?;
        Ok(Some(Body { required: false, schema }))
    }

    fn answer(&mut self, answer: &'a Value) -> Result<Answer, ContractError> {
        let content = &self.resolve(answer)?["content"];
        Ok(match media_type(content, "json") {
            Some(json) => Answer::Json(self.schemas.add(&json["schema"], Strictness::Open)?),
            None if content.as_object().is_some_and(|content| !content.is_empty()) => Answer::Other,
            None => Answer::Empty,
        })
    }

    fn resolve(&self, value: &'a Value) -> Result<&'a Value, ContractError> {
        let Some(reference) = value["$ref"].as_str() else { return Ok(value) };
        reference
            .strip_prefix('#')
            .and_then(|pointer| self.document.pointer(pointer))
            .ok_or_else(|| ContractError::Description(format!("`{reference}` leads nowhere")))
    }
}

/// The caller doesn't pass a form's files on, so they can't be required.
fn without_files(schema: &Value) -> Value {
    let mut schema = schema.clone();
    let files: HashSet<String> = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, property)| property["contentEncoding"] == "binary")
        .map(|(name, _)| name.clone())
        .collect();
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|name| !name.as_str().is_some_and(|name| files.contains(name)));
    }
    schema
}

/// The entry for a media type whose name contains the word; the shortest, so that plain `application/json`
/// comes first.
fn media_type<'a>(content: &'a Value, word: &str) -> Option<&'a Value> {
    let named = content.as_object().into_iter().flatten().filter(|(name, _)| name.contains(word));
    named.min_by_key(|(name, _)| name.len()).map(|(_, value)| value)
}

fn array(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn object<'a>(value: &'a Value, of: &str) -> Result<&'a Map<String, Value>, ContractError> {
    value.as_object().ok_or_else(|| ContractError::Description(format!("`{of}` isn't an object")))
}

fn text<'a>(value: &'a Value, of: &str) -> Result<&'a str, ContractError> {
    value.as_str().ok_or_else(|| ContractError::Description(format!("a parameter of `{of}` has no name")))
}
