//! A gateway frame, read in one pass and without building anything: its head, and where in the text the event
//! itself is.

use std::borrow::Cow;
use std::fmt;

use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::lenient::lenient;

/// How deeply values may be nested that have to be read part by part.
const DEEPEST: u8 = 64;

/// One frame. Each part is read by itself, so that a malformed one doesn't spoil the others.
#[derive(Debug, Default)]
pub(super) struct Frame<'a> {
    /// Discord: "Gateway Opcodes".
    pub(super) op: Option<u64>,
    /// The event's name; only events (op 0) have one.
    pub(super) event: Option<Cow<'a, str>>,
    /// The event's number in its session.
    pub(super) number: Option<u64>,
    /// Its data, as Discord wrote it.
    pub(super) data: Option<&'a RawValue>,
}

lenient! {
    struct Parts {
        op: "op",
        t: "t",
        s: "s",
        d: "d",
    }
}

/// A string that is borrowed unless it contains escapes, which a plain `&str` can't represent.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'a> Frame<'a> {
    /// Reads a frame; `None` if it isn't a JSON object.
    pub(super) fn read(text: &'a str) -> Option<Self> {
        let Parts { op, t, s, d } = object(text)?;
        let event = t.and_then(|name| serde_json::from_str::<Text<'_>>(name.get()).ok());
        Some(Self { op: parse(op), event: event.map(|text| text.0), number: parse(s), data: d })
    }
}

/// Reads an object; `None` for anything else. serde would read a list as an object's fields in order.
pub(super) fn object<'a, T: Deserialize<'a>>(text: &'a str) -> Option<T> {
    text.trim_start().starts_with('{').then(|| serde_json::from_str(text).ok())?
}

/// Reads a part; `None` if it is missing, null, or of another form.
pub(super) fn parse<'a, T: Deserialize<'a>>(part: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(part?.get()).ok()
}

/// Everything that Discord wrote. What can't be represented (a number out of range, half of a surrogate pair,
/// endless nesting) becomes null or is replaced, and nothing else is lost.
pub(super) fn value(text: &RawValue) -> Value {
    serde_json::from_str(text.get()).unwrap_or_else(|_| part_by_part(text, DEEPEST))
}

fn part_by_part(text: &RawValue, depth: u8) -> Value {
    let json = text.get();
    let Some(depth) = depth.checked_sub(1) else { return Value::Null };
    let inner =
        |part: &RawValue| serde_json::from_str(part.get()).unwrap_or_else(|_| part_by_part(part, depth));
    match json.as_bytes().first() {
        Some(b'{') => serde_json::from_str::<std::collections::BTreeMap<Lossy, &RawValue>>(json)
            .map(|fields| {
                fields.into_iter().map(|(name, field)| (name.0, inner(field))).collect::<Map<_, _>>()
            })
            .map_or(Value::Null, Value::Object),
        Some(b'[') => serde_json::from_str::<Vec<&RawValue>>(json)
            .map_or(Value::Null, |list| Value::Array(list.into_iter().map(inner).collect())),
        Some(b'"') => serde_json::from_str::<Lossy>(json).map_or(Value::Null, |text| Value::String(text.0)),
        _ => Value::Null,
    }
}

/// A text in which invalid characters are replaced.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Lossy(String);

impl<'de> Deserialize<'de> for Lossy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl Visitor<'_> for Bytes {
            type Value = Lossy;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Lossy, E> {
                Ok(Lossy(String::from_utf8_lossy(bytes).into_owned()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Lossy, E> {
                Ok(Lossy(text.to_owned()))
            }
        }
        // Only as bytes does the parser let half of a surrogate pair through.
        deserializer.deserialize_bytes(Bytes)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw(text: &str) -> Box<RawValue> {
        RawValue::from_string(text.to_owned()).unwrap()
    }

    #[test]
    fn a_head_is_read_wherever_it_stands() {
        for text in [
            r#"{"t":"MESSAGE_CREATE","s":7,"op":0,"d":{"op":9,"t":"READY","s":1}}"#,
            r#"{"d":{"op":9,"t":"READY","s":1},"op":0,"s":7,"t":"MESSAGE\u005fCREATE"}"#,
        ] {
            let frame = Frame::read(text).unwrap();
            assert_eq!(
                (frame.op, frame.number, frame.event.as_deref()),
                (Some(0), Some(7), Some("MESSAGE_CREATE"))
            );
            assert_eq!(frame.data.unwrap().get(), r#"{"op":9,"t":"READY","s":1}"#);
        }
    }

    #[test]
    fn an_odd_part_costs_only_itself() {
        let frame = Frame::read(r#"{"t":["x"],"s":-1,"op":0,"d":[1,2]}"#).unwrap();
        assert_eq!((frame.op, frame.number, frame.event.as_deref()), (Some(0), None, None));
        assert_eq!(frame.data.unwrap().get(), "[1,2]");
        let frame =
            Frame::read(r#"{"t":"X","s":1,"s":2,"op":7,"op":0,"d":{"op":9},"d":{},"d":[3]}"#).unwrap();
        assert_eq!((frame.op, frame.number, frame.data.unwrap().get()), (Some(0), Some(2), "[3]"));
        assert!(Frame::read("[]").is_none() && Frame::read("{").is_none());
    }

    #[test]
    fn what_cannot_be_held_costs_only_itself() {
        let text = r#"{"id":"1","much":1e400,"half":"a\ud800b","list":[{"x":1e400,"y":2}],"null":null}"#;
        let read = value(&raw(text));
        assert_eq!(read["id"], "1");
        assert_eq!(read["list"], json!([{"x": null, "y": 2}]));
        assert!(
            read["half"].as_str().unwrap().starts_with('a') && read["half"].as_str().unwrap().ends_with('b')
        );
        assert!(read.as_object().unwrap().contains_key("null") && read["much"].is_null());
        let deep = format!("{{\"id\":\"1\",\"deep\":{}{}}}", "[".repeat(5000), "]".repeat(5000));
        assert_eq!(value(&raw(&deep))["id"], "1");
    }

    #[test]
    fn all_that_is_json_arrives_as_it_is() {
        let data = json!({"absent is not": null, "new": [1, -2, 0.5, true, {"a": []}], "😀\n": "\"\u{0}"});
        let text = json!({ "t": "X", "s": 1, "op": 0, "d": data }).to_string();
        assert_eq!(value(Frame::read(&text).unwrap().data.unwrap()), data);
    }
}
