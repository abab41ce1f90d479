//! Which template a path belongs to. Knows nothing about what a template leads to.

use std::collections::HashSet;

use super::description::Operation;

/// What a method and a path lead to.
pub(super) enum Match<'a> {
    /// The operation, and the path's decoded segments.
    Operation(&'a Operation, Vec<String>),
    /// The path is known, but only with other methods. Contains a name for it.
    OtherMethod(String),
    /// The path isn't known. Contains a name for it that shows only segments that templates have.
    Nothing(String),
}

/// A path of the description, such as `/webhooks/{webhook_id}/{webhook_token}/messages/@original`.
#[derive(Debug)]
pub(super) struct Template {
    segments: Vec<Segment>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    // Before `Parameter`, so that sorted templates have the more specific first.
    Literal(String),
    Parameter(String),
}

impl Template {
    pub(super) fn new(path: &str) -> Self {
        let segment = |text: &str| match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => Segment::Parameter(name.to_owned()),
            None => Segment::Literal(text.to_owned()),
        };
        Self { segments: path.split('/').skip(1).map(segment).collect() }
    }

    /// Orders templates that match the same path: a literal beats a parameter, and the leftmost difference
    /// decides.
    pub(super) fn rank(&self) -> Vec<bool> {
        self.segments.iter().map(|segment| matches!(segment, Segment::Parameter(_))).collect()
    }

    pub(super) fn matches(&self, segments: &[String]) -> bool {
        self.segments.len() == segments.len()
            && self.segments.iter().zip(segments).all(|(wanted, given)| match wanted {
                Segment::Literal(text) => text == given,
                Segment::Parameter(_) => !given.is_empty(),
            })
    }

    /// The position of the parameter in the path.
    pub(super) fn position(&self, name: &str) -> Option<usize> {
        self.segments.iter().position(|segment| matches!(segment, Segment::Parameter(own) if own == name))
    }

    pub(super) fn literals(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(text) => Some(text.as_str()),
            Segment::Parameter(_) => None,
        })
    }
}

/// The path's segments, decoded.
pub(super) fn segments(path: &str) -> Vec<String> {
    path.split('/').skip(1).map(percent_decode).collect()
}

/// A name for a path that has no template. Segments that no template has may be tokens, so they aren't shown.
pub(super) fn veil(segments: &[String], literals: &HashSet<String>) -> String {
    let shown = |segment: &String| match literals.contains(segment) {
        true => format!("/{segment}"),
        false => "/{?}".to_owned(),
    };
    segments.iter().map(shown).collect()
}

/// Decodes `%40` to `@`; anything that isn't an escape stays as it is.
pub(super) fn percent_decode(text: &str) -> String {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                decoded.extend(u8::try_from(high * 16 + low));
                at += 3;
            }
            _ => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
