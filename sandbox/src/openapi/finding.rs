//! Turns a validator's error into short findings that name the property and the rule but never the value.

use std::cmp::Reverse;

use jsonschema::{ValidationError, error::ValidationErrorKind as Kind};

use super::{Place, Violation};

/// Longer messages come from long lists of allowed values.
const LONGEST_MESSAGE: usize = 160;

/// A violation that doesn't know its operation yet.
#[derive(Debug)]
pub(super) struct Finding {
    place: Place,
    pointer: String,
    message: String,
    rule: Rule,
}

/// What kind of rule was broken, to find the alternative that was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Type,
    Value,
    Other,
}

impl Finding {
    pub(super) fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, pointer: String::new(), message: shorten(message.into()), rule: Rule::Other }
    }

    pub(super) fn route(message: &str) -> Self {
        Self::new(Place::Route, message)
    }

    /// Puts the finding below a parameter's name.
    pub(super) fn below(mut self, name: &str) -> Self {
        self.pointer = format!("{}{}", child("", name), self.pointer);
        self
    }

    /// Whether the value as a whole has the wrong type.
    pub(super) fn is_mistaken_type(&self) -> bool {
        self.rule == Rule::Type && self.pointer.is_empty()
    }

    pub(super) fn at(self, operation: &str) -> Violation {
        let Self { place, pointer, message, .. } = self;
        Violation { operation: operation.to_owned(), place, pointer, message }
    }

    /// One error may contain many findings: each unknown property is one, and for a choice between schemas,
    /// those of the alternative that was meant.
    pub(super) fn explain(place: Place, error: &ValidationError<'_>) -> Vec<Self> {
        let pointer = error.instance_path().as_str();
        let finding = |pointer: String, message: String, rule| {
            let message = shorten(message);
            Self { place, pointer, message, rule }
        };
        match error.kind() {
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                unexpected
                    .iter()
                    .map(|name| finding(child(pointer, name), "unknown property".to_owned(), Rule::Other))
                    .collect()
            }
            Kind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                vec![finding(child(pointer, name), "is required".to_owned(), Rule::Other)]
            }
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                Self::explain_choice(place, pointer, context)
            }
            Kind::OneOfMultipleValid { .. } => {
                vec![finding(pointer.to_owned(), "fits more than one alternative".to_owned(), Rule::Other)]
            }
            Kind::Constant { .. } | Kind::Enum { .. } => {
                vec![finding(pointer.to_owned(), error.masked().to_string(), Rule::Value)]
            }
            Kind::Type { .. } => vec![finding(pointer.to_owned(), error.masked().to_string(), Rule::Type)],
            _ => vec![finding(pointer.to_owned(), error.masked().to_string(), Rule::Other)],
        }
    }

    /// The alternative that is meant is the one that matches the value's type, then its `type` property, then
    /// the one with the fewest findings, then the one whose findings are deepest.
    fn explain_choice(place: Place, pointer: &str, context: &[Vec<ValidationError<'static>>]) -> Vec<Self> {
        if let Some(values) = constants(pointer, context) {
            let message = format!("value is none of {values}");
            return vec![Self {
                place,
                pointer: pointer.to_owned(),
                message: shorten(message),
                rule: Rule::Value,
            }];
        }
        let tag = child(pointer, "type");
        let alternatives = context
            .iter()
            .map(|errors| errors.iter().flat_map(|error| Self::explain(place, error)).collect::<Vec<_>>());
        // `null` is a separate alternative; if the value is an object, only objects are worth explaining.
        let mistaken = |finding: &Self| finding.rule == Rule::Type && finding.pointer == pointer;
        let mut fitting: Vec<_> = alternatives.filter(|findings| !findings.iter().any(mistaken)).collect();
        if fitting.is_empty() {
            let message = "value has none of the allowed types".to_owned();
            return vec![Self { place, pointer: pointer.to_owned(), message, rule: Rule::Type }];
        }
        let other_tag = |finding: &Self| finding.rule == Rule::Value && finding.pointer == tag;
        if fitting.len() > 1 && fitting.iter().all(|findings| findings.iter().any(other_tag)) {
            let message = "value is the type of no alternative".to_owned();
            return vec![Self { place, pointer: tag, message, rule: Rule::Value }];
        }
        fitting.sort_by_key(|findings| {
            let wrong_tag = findings.iter().any(|finding| finding.pointer == tag);
            let depths = findings.iter().map(|finding| finding.pointer.matches('/').count());
            (wrong_tag, findings.len(), Reverse(depths.min()))
        });
        fitting.swap_remove(0)
    }
}

/// Discord writes an enum as a choice of constants. Returns the list of them, if the choice is one.
fn constants(pointer: &str, context: &[Vec<ValidationError<'static>>]) -> Option<String> {
    let constant = |errors: &Vec<ValidationError<'static>>| match errors.as_slice() {
        [error] if error.instance_path().as_str() == pointer => match error.kind() {
            Kind::Constant { expected_value } => Some(expected_value.to_string()),
            _ => None,
        },
        _ => None,
    };
    Some(context.iter().map(constant).collect::<Option<Vec<_>>>()?.join(", "))
}

/// The JSON pointer of a property.
fn child(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}

fn shorten(message: String) -> String {
    match message.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message,
    }
}
