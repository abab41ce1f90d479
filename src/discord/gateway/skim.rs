//! Finds out at a glance that nobody follows a message's channel, so that most messages of a busy server are
//! never parsed.
//!
//! Discord writes an event's head first (`{"t":…,"s":…,"op":0,"d":{…`). A message's own `channel_id` is one
//! of those in the text. So if nobody follows any of them, the message isn't wanted. The same goes for its
//! author's `id`, if any people are followed. Whatever looks different is left to
//! [`Frame`](super::frame::Frame).

use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::domain::ids::{ChannelId, UserId};

/// The events that this applies to: the frequent ones that contain a whole message.
const MESSAGES: [&str; 2] = [r#"{"t":"MESSAGE_CREATE","s":"#, r#"{"t":"MESSAGE_UPDATE","s":"#];

static CHANNEL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""channel_id""#));
static ID: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r#""id""#));
static ESCAPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r"\u00"));

/// The number of an event whose message is in an unwanted channel, and of an unwanted author. `None` if the
/// message may be wanted, and for any other event.
pub(super) fn unwanted_message(
    text: &str,
    wants: impl Fn(ChannelId) -> bool,
    wants_author: Option<impl Fn(UserId) -> bool>,
) -> Option<u64> {
    let head = MESSAGES.iter().find_map(|head| text.strip_prefix(head))?;
    let (number, message) = head.split_once(r#","op":0,"d":{"#)?;
    let number = number.parse().ok()?;
    let mut found = false;
    for at in CHANNEL.find_iter(message.as_bytes()) {
        let value = message.get(at + CHANNEL.needle().len()..)?.strip_prefix(r#":""#)?;
        let id: ChannelId = value.split_once('"')?.0.parse().ok()?;
        if wants(id) {
            return None;
        }
        found = true;
    }
    if let Some(wants_author) = wants_author {
        for at in ID.find_iter(message.as_bytes()) {
            let value = message.get(at + ID.needle().len()..)?.strip_prefix(r#":""#)?;
            // An id that is none isn't an author's.
            let id = value.split_once('"')?.0.parse::<UserId>();
            if id.is_ok_and(&wants_author) {
                return None;
            }
        }
    }
    (found && !hides_letters(message)).then_some(number)
}

/// Whether a letter is written as an escape, which could hide a key.
fn hides_letters(json: &str) -> bool {
    let bytes = json.as_bytes();
    ESCAPE.find_iter(bytes).any(|at| matches!(bytes.get(at + ESCAPE.needle().len()), Some(b'2'..=b'7')))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::events::Fields;
    use super::super::frame::Frame;
    use super::*;

    /// Whether this frame's message is skipped if only channel 5 is wanted.
    fn skipped(text: &str) -> Option<u64> {
        let wants_author = |author| author == UserId::new(15).unwrap();
        unwanted_message(text, |channel| channel == ChannelId::new(5).unwrap(), Some(wants_author))
    }

    #[test]
    fn only_messages_of_other_channels_are_skipped() {
        let message = |d: &str| format!(r#"{{"t":"MESSAGE_CREATE","s":7,"op":0,"d":{d}}}"#);
        assert_eq!(skipped(&message(r#"{"id":"1","channel_id":"6","content":"\u0001 é"}"#)), Some(7));
        assert_eq!(skipped(&message(r#"{"channel_id":"6"}"#).replace("CREATE", "UPDATE")), Some(7));
        for read in [
            r#"{"channel_id":"5"}"#,
            r#"{"channel_id":"6","channel_id":"5"}"#,
            r#"{"channel_id":5}"#,
            r#"{"channel_id" : "5"}"#,
            r#"{"channel\u005fid":"5","message_reference":{"channel_id":"6"}}"#,
            r#"{"message_reference":{"channel_id":"6"},"channel_id":"5"}"#,
            r#"{"channel_id":"6","message_reference":{"channel_id":"5"}}"#,
            r#"{"content":"channel_id","channel_id":"5"}"#,
            r#"{"id":"1"}"#,
            r#"["channel_id"]"#,
            r#"{"channel_id":"6","author":{"username":"x","id":"15"}}"#,
            r#"{"channel_id":"6","author":{"id":15}}"#,
            r#"{"channel_id":"6","author":{"id" : "15"}}"#,
            r#"{"channel_id":"6","author":{"\u0069d":"15"}}"#,
        ] {
            assert_eq!(skipped(&message(read)), None, "{read}");
        }
        for read in [
            r#"{"t":"MESSAGE_DELETE","s":7,"op":0,"d":{"channel_id":"6"}}"#,
            r#"{"op":0,"t":"MESSAGE_CREATE","s":7,"d":{"channel_id":"6"}}"#,
            r#"{"t":"MESSAGE_CREATE","s":null,"op":0,"d":{"channel_id":"6"}}"#,
            r#"{"t":"MESSAGE_CREATE","s":7,"op":0,"d":{"channel_id"#,
            "",
        ] {
            assert_eq!(skipped(read), None, "{read}");
        }
    }

    /// Values with keys and texts that could be mistaken for the one that counts.
    fn value() -> impl Strategy<Value = Value> {
        let text = prop_oneof![
            Just("channel_id".to_owned()),
            Just(r#""channel_id":"5""#.to_owned()),
            any::<String>()
        ];
        let leaf =
            prop_oneof![text.prop_map(Value::from), (1_u64..9).prop_map(Value::from), Just(Value::Null)];
        let key = prop_oneof![Just("channel_id".to_owned()), Just("d".to_owned()), any::<String>()];
        leaf.prop_recursive(3, 24, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::hash_map(key.clone(), inner, 0..4)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_skipped_would_be_read_as_unwanted(mut message in value(), channel in 1_u64..9, number: u64) {
            if let Some(fields) = message.as_object_mut().filter(|_| channel != 8) {
                fields.insert("channel_id".to_owned(), json!(channel.to_string()));
            }
            let text = format!(r#"{{"t":"MESSAGE_CREATE","s":{number},"op":0,"d":{message}}}"#);
            if let Some(skipped) = skipped(&text) {
                let frame = Frame::read(&text).unwrap();
                prop_assert_eq!(frame.number, Some(skipped));
                prop_assert_ne!(Fields::of(frame.data.unwrap()).channel(), ChannelId::new(5).ok());
            }
        }
    }
}
