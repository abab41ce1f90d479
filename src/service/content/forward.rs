//! What a message forwards: Discord's copy of another message, which says little about where it comes from.

use serde::Deserialize;
use serde_json::Value;

use crate::domain::message::{Content, Forward};
use crate::rest::model::{Attachment, MentionedUser, Message, MessageEmbed, StickerItem};

use super::written::{Shown, Writer, Written};
use super::{SUPPRESS_EMBEDS, people};

/// Discord: "Message Reference Types".
const FORWARD: u8 = 1;
/// Deeper than Discord keeps copies in copies.
const DEEPEST: usize = 8;

/// Reads what a message forwards, with the names of the people who are mentioned there.
pub(super) fn read(message: &Message, content: &mut Content) {
    let Some(snapshot) = message.message_snapshots.first() else { return };
    let copy = Snapshot::read(innermost(snapshot));
    let embeds = if copy.flags & SUPPRESS_EMBEDS == 0 { copy.embeds.as_slice() } else { &[] };
    let written = Written {
        writer: Writer::Unknown,
        text: &copy.content,
        embeds,
        attachments: &copy.attachments,
        stickers: &copy.stickers,
        components: &copy.components,
    };
    let Shown { text, embeds, files, stickers, links, mut unshown } = written.shown();
    if copy.has_poll {
        unshown.push("poll".to_owned());
    }
    let shows_nothing = text.is_empty()
        && embeds.is_empty()
        && files.is_empty()
        && stickers.is_empty()
        && links.is_empty()
        && unshown.is_empty();
    if shows_nothing {
        unshown.push("forwarded message".to_owned());
    }
    for (id, name) in people(&copy.mentions).people {
        content.names.people.entry(id).or_insert(name);
    }
    let reference = message.message_reference;
    let message =
        reference.filter(|reference| reference.kind == FORWARD).and_then(|reference| reference.message_id);
    content.forward = Some(Forward { message, text, embeds, files, stickers, links, unshown });
}

/// The copy of the original text. If a forward was forwarded, it is the innermost.
fn innermost(snapshot: &Value) -> &Value {
    let mut copy = snapshot.get("message").unwrap_or(snapshot);
    for _ in 0..DEEPEST {
        let Some(inner) = copy.pointer("/message_snapshots/0") else { break };
        copy = inner.get("message").unwrap_or(inner);
    }
    copy
}

/// The copy of a message. Discord: "Message Snapshot Object".
#[derive(Debug, Default)]
struct Snapshot {
    content: String,
    flags: u64,
    embeds: Vec<MessageEmbed>,
    attachments: Vec<Attachment>,
    stickers: Vec<StickerItem>,
    mentions: Vec<MentionedUser>,
    components: Vec<Value>,
    has_poll: bool,
}

impl Snapshot {
    /// Reads as much of it as possible.
    fn read(copy: &Value) -> Self {
        let stickers = each(copy, "sticker_items");
        Self {
            content: copy["content"].as_str().unwrap_or_default().to_owned(),
            flags: copy["flags"].as_u64().unwrap_or_default(),
            embeds: each(copy, "embeds"),
            attachments: each(copy, "attachments"),
            stickers: if stickers.is_empty() { each(copy, "stickers") } else { stickers },
            mentions: each(copy, "mentions"),
            components: each(copy, "components"),
            has_poll: copy["poll"].is_object(),
        }
    }
}

/// The elements of a list that can be read.
fn each<T: for<'de> Deserialize<'de>>(of: &Value, list: &str) -> Vec<T> {
    let items = of.get(list).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| T::deserialize(item).ok()).collect()
}
