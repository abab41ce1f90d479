//! Path and query parameters: text that must be read as the type its schema wants before it can be checked.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

use super::{
    Place,
    description::{PathParameter, QueryParameter},
    finding::Finding,
    route::percent_decode,
    schema::{Schema, Schemas},
};

pub(super) fn check_path(
    schemas: &Schemas,
    parameters: &[PathParameter],
    segments: &[String],
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for parameter in parameters {
        if let Some(segment) = segments.get(parameter.position) {
            let texts = std::slice::from_ref(segment);
            findings.extend(check_texts(schemas, parameter.schema, Place::Route, &parameter.name, texts));
        }
    }
    findings
}

pub(super) fn check_query(
    schemas: &Schemas,
    parameters: &[QueryParameter],
    query: Option<&str>,
) -> Vec<Finding> {
    let mut given = parse(query.unwrap_or_default());
    let mut findings = Vec::new();
    for parameter in parameters {
        match given.remove(&parameter.name) {
            Some(texts) => {
                findings.extend(check_texts(
                    schemas,
                    parameter.schema,
                    Place::Query,
                    &parameter.name,
                    &texts,
                ));
            }
            None if parameter.required => {
                findings.push(Finding::new(Place::Query, "is required").below(&parameter.name));
            }
            None => {}
        }
    }
    let unknown = given.into_keys().map(|name| Finding::new(Place::Query, "unknown parameter").below(&name));
    findings.extend(unknown);
    findings
}

/// The parameters by name. A list is sent by repeating the name, which is OpenAPI's default and what Discord
/// reads.
fn parse(query: &str) -> BTreeMap<String, Vec<String>> {
    let mut parameters = BTreeMap::<_, Vec<_>>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let decode = |text: &str| percent_decode(&text.replace('+', " "));
        parameters.entry(decode(name)).or_default().push(decode(value));
    }
    parameters
}

/// Valid if any reading of the text is. Otherwise, the first reading with the right type says what is wrong.
fn check_texts(
    schemas: &Schemas,
    schema: Schema,
    place: Place,
    name: &str,
    texts: &[String],
) -> Vec<Finding> {
    let mut best: Option<Vec<Finding>> = None;
    for reading in readings(texts) {
        let findings = schemas.check(schema, place, &reading);
        if findings.is_empty() {
            return findings;
        }
        let mistaken = |findings: &[Finding]| findings.iter().any(Finding::is_mistaken_type);
        if best.as_ref().is_none_or(|best| mistaken(best) && !mistaken(&findings)) {
            best = Some(findings);
        }
    }
    best.unwrap_or_default().into_iter().map(|finding| finding.below(name)).collect()
}

fn readings(texts: &[String]) -> Vec<Value> {
    let mut readings = Vec::new();
    if let [text] = texts {
        readings.extend(scalar(text));
        readings.push(Value::from(text.as_str()));
    }
    readings.push(Value::from(texts));
    readings.extend(texts.iter().map(|text| scalar(text)).collect::<Option<Vec<_>>>().map(Value::from));
    readings
}

fn scalar(text: &str) -> Option<Value> {
    match text {
        "true" => Some(Value::Bool(true)),
        "false" => Some(Value::Bool(false)),
        _ => text.parse::<Number>().ok().map(Value::Number),
    }
}
