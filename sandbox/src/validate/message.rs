//! The body of a message: read, checked against Discord's limits, and prepared for storage.

use serde_json::Value;

use super::{component, embed, length, name, snowflake};
use crate::error::{ApiError, ApiResult, FormErrors};
use crate::ids::{AttachmentId, TagId};
use crate::mentions::AllowedMentions;
use crate::model::MessageFlags;

/// A file that came with a request.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    /// The `n` of `files[n]`.
    pub(crate) index: u64,
    pub(crate) filename: String,
    pub(crate) content_type: Option<String>,
    pub(crate) bytes: Vec<u8>,
}

/// One file of the message: an upload, or (in an edit) an attachment that is kept.
#[derive(Clone, Debug)]
pub(crate) struct DraftAttachment {
    pub(crate) id: u64,
    pub(crate) filename: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) spoiler: Option<bool>,
}

/// A checked message body. In an edit, `None` leaves a part as it is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Draft {
    pub(crate) content: Option<String>,
    pub(crate) embeds: Option<Vec<Value>>,
    pub(crate) components: Option<Vec<Value>>,
    pub(crate) attachments: Option<Vec<DraftAttachment>>,
    pub(crate) uploads: Vec<Upload>,
    pub(crate) flags: Option<MessageFlags>,
    pub(crate) allowed_mentions: Option<AllowedMentions>,
    pub(crate) reference: Option<Value>,
    pub(crate) sticker_items: Vec<Value>,
    pub(crate) poll: Option<Value>,
    pub(crate) nonce: Option<Value>,
    pub(crate) tts: bool,
    pub(crate) username: Option<String>,
    pub(crate) avatar_url: Option<String>,
    pub(crate) thread_name: Option<String>,
    pub(crate) applied_tags: Vec<TagId>,
}

/// The size limits of a message.
struct Room {
    /// Characters of the text.
    content: usize,
    /// Bytes of a file.
    file: usize,
    /// Bytes of all files together.
    request: usize,
}

/// The limits of applications.
const APPLICATION: Room = Room { content: 2000, file: 10 << 20, request: 25 << 20 };
/// The limits of people, with Nitro.
const PERSON: Room = Room { content: 4000, file: 500 << 20, request: 500 << 20 };

impl Draft {
    /// The same in a server with this boost level (Discord: "Premium Tier"), which allows larger files.
    pub(crate) fn read_boosted(level: u8, body: &Value, uploads: &[Upload]) -> ApiResult<Self> {
        let file = match level {
            0 | 1 => APPLICATION.file,
            2 => 50 << 20,
            _ => 100 << 20,
        };
        let request = APPLICATION.request.max(file + (1 << 20));
        Self::read_within(&Room { content: APPLICATION.content, file, request }, body, uploads)
    }

    /// Reads a message body. 50035 with all wrong fields; 40005 for files that are too large.
    pub(crate) fn read(body: &Value, uploads: &[Upload]) -> ApiResult<Self> {
        Self::read_within(&APPLICATION, body, uploads)
    }

    /// Reads what a person wrote: with Nitro, people have 4,000 characters and larger files. Their embeds are
    /// link previews, with the type that is given.
    pub(crate) fn read_persons(body: &Value, uploads: &[Upload]) -> ApiResult<Self> {
        let mut draft = Self::read_within(&PERSON, body, uploads)?;
        let given = body["embeds"].as_array().into_iter().flatten();
        for (embed, given) in draft.embeds.iter_mut().flatten().zip(given) {
            if given["type"].is_string() {
                embed["type"] = given["type"].clone();
            }
        }
        Ok(draft)
    }

    fn read_within(room: &Room, body: &Value, uploads: &[Upload]) -> ApiResult<Self> {
        let mut form = FormErrors::default();
        let flags = body["flags"].as_u64().map(MessageFlags::from_bits_retain);
        let v2 = flags.is_some_and(|flags| flags.contains(MessageFlags::IS_COMPONENTS_V2));
        let text = |key: &str| body[key].as_str().map(ToOwned::to_owned);
        let list = |key: &str| body.get(key).map(|value| value.as_array().cloned().unwrap_or_default());

        let content = match body.get("content") {
            None => None,
            Some(Value::String(content)) => Some(content.trim().to_owned()),
            Some(Value::Null) => Some(String::new()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(_) => {
                form.add("content", "STRING_TYPE_CONVERT", "Could not interpret value as string.");
                None
            }
        };
        if content.as_deref().is_some_and(|content| length(content) > room.content) {
            form.too_long("content", room.content);
        }
        let embeds = list("embeds").map(|embeds| embed::normalise(&mut form, "embeds", &embeds));
        let components =
            list("components").map(|parts| component::normalise(&mut form, "components", &parts, v2));
        if v2 && content.as_deref().is_some_and(|content| !content.is_empty()) {
            form.add(
                "content",
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                "The 'content' field cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            );
        }
        let attachments = attachments(&mut form, body, uploads);
        let allowed_mentions = body
            .get("allowed_mentions")
            .filter(|value| !value.is_null())
            .map(|value| AllowedMentions::read(&mut form, value));
        if let Some(username) = body["username"].as_str() {
            name::webhook_name(&mut form, "username", username);
        }
        if let Some(thread_name) = body["thread_name"].as_str() {
            name::channel_name(&mut form, "thread_name", thread_name);
        }
        if let Some(url) = body["avatar_url"].as_str()
            && !url.is_empty()
            && !url.starts_with("http://")
            && !url.starts_with("https://")
        {
            form.add("avatar_url", "URL_TYPE_INVALID_URL", "Not a well formed URL.");
        }
        let stickers = list("sticker_ids").unwrap_or_default();
        if stickers.len() > 3 {
            form.add("sticker_ids", "BASE_TYPE_MAX_LENGTH", "Must be 3 or fewer in length.");
        }
        form.finish()?;
        let size: usize = uploads.iter().map(|upload| upload.bytes.len()).sum();
        if size > room.request || uploads.iter().any(|upload| upload.bytes.len() > room.file) {
            return Err(ApiError::file_too_large());
        }
        Ok(Self {
            content,
            embeds,
            components,
            attachments,
            uploads: uploads.to_vec(),
            flags,
            allowed_mentions,
            reference: body.get("message_reference").filter(|value| value.is_object()).cloned(),
            sticker_items: sticker_items(body, &stickers),
            poll: body.get("poll").filter(|poll| poll.is_object()).map(poll),
            nonce: body.get("nonce").filter(|nonce| !nonce.is_null()).cloned(),
            tts: body["tts"] == true,
            username: text("username").map(|name| name.trim().to_owned()),
            avatar_url: text("avatar_url").filter(|url| !url.is_empty()),
            thread_name: text("thread_name").filter(|name| !name.is_empty()),
            applied_tags: list("applied_tags").unwrap_or_default().iter().filter_map(snowflake).collect(),
        })
    }

    /// Whether there is nothing to show: Discord answers 50006.
    pub(crate) fn is_empty(&self) -> bool {
        self.content.as_deref().is_none_or(str::is_empty)
            && self.embeds.as_deref().is_none_or(<[Value]>::is_empty)
            && self.components.as_deref().is_none_or(<[Value]>::is_empty)
            && self.attachments.as_deref().is_none_or(<[DraftAttachment]>::is_empty)
            && self.sticker_items.is_empty()
            && self.poll.is_none()
    }

    /// The upload that an attachment entry names.
    pub(crate) fn upload(&self, attachment: &DraftAttachment) -> Option<&Upload> {
        self.uploads.iter().find(|upload| upload.index == attachment.id)
    }
}

/// The attachments after this request: those named in the body, and uploads that it doesn't name.
fn attachments(form: &mut FormErrors, body: &Value, uploads: &[Upload]) -> Option<Vec<DraftAttachment>> {
    let given = body.get("attachments").and_then(Value::as_array);
    if given.is_none() && uploads.is_empty() {
        return None;
    }
    let mut all = Vec::new();
    for (i, entry) in given.into_iter().flatten().enumerate() {
        let Some(AttachmentId(id)) = snowflake(&entry["id"]) else {
            form.required(&format!("attachments.{i}.id"));
            continue;
        };
        let description = entry["description"].as_str().map(ToOwned::to_owned);
        if description.as_deref().is_some_and(|text| length(text) > 1024) {
            form.too_long(&format!("attachments.{i}.description"), 1024);
        }
        all.push(DraftAttachment {
            id,
            filename: entry["filename"].as_str().map(ToOwned::to_owned),
            title: entry["title"].as_str().map(ToOwned::to_owned),
            description,
            spoiler: entry["is_spoiler"].as_bool(),
        });
    }
    for upload in uploads {
        if !all.iter().any(|entry| entry.id == upload.index) {
            let id = upload.index;
            all.push(DraftAttachment { id, filename: None, title: None, description: None, spoiler: None });
        }
    }
    if all.len() > 10 {
        form.add("attachments", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.");
    }
    Some(all)
}

/// Stickers arrive as ids; people's messages in the sandbox may include them with names as `sticker_items`.
fn sticker_items(body: &Value, ids: &[Value]) -> Vec<Value> {
    match body["sticker_items"].as_array() {
        Some(items) => items.clone(),
        None => ids
            .iter()
            .map(|id| serde_json::json!({ "id": id, "name": "sticker", "format_type": 1 }))
            .collect(),
    }
}

/// A poll as Discord returns it: with an end, numbered answers, and no votes.
fn poll(given: &Value) -> Value {
    let mut poll = given.clone();
    let hours = poll["duration"].as_i64().unwrap_or(24);
    if let Some(fields) = poll.as_object_mut() {
        fields.remove("duration");
    }
    if !poll["expiry"].is_string() {
        poll["expiry"] = super::super::wire::time(chrono::Utc::now() + chrono::Duration::hours(hours)).into();
    }
    poll["allow_multiselect"] = (poll["allow_multiselect"] == true).into();
    poll["layout_type"] = 1.into();
    poll["results"] = serde_json::json!({ "is_finalized": false, "answer_counts": [] });
    if let Some(answers) = poll["answers"].as_array_mut() {
        for (i, answer) in answers.iter_mut().enumerate() {
            // People name either half of an emoji; Discord returns both.
            if let Some(emoji) = answer.pointer_mut("/poll_media/emoji").and_then(Value::as_object_mut) {
                emoji.entry("id").or_insert(Value::Null);
                emoji.entry("name").or_insert(Value::Null);
            }
            answer["answer_id"] = (i + 1).into();
        }
    }
    poll
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn content_has_2000_characters_and_is_trimmed() {
        let fits = Draft::read(&json!({"content": format!(" {} ", "é".repeat(2000))}), &[]).expect("fits");
        assert_eq!(fits.content.expect("content").chars().count(), 2000);
        let error = Draft::read(&json!({"content": "a".repeat(2001)}), &[]).expect_err("too long");
        assert_eq!((error.status, error.code), (400, 50035));
    }

    #[test]
    fn a_blank_message_is_empty() {
        assert!(Draft::read(&json!({"content": "  \n", "embeds": []}), &[]).expect("valid").is_empty());
        assert!(!Draft::read(&json!({"embeds": [{"title": "t"}]}), &[]).expect("valid").is_empty());
    }

    #[test]
    fn files_are_numbered_and_limited() {
        let upload = |index, size| Upload {
            index,
            filename: "a.png".to_owned(),
            content_type: None,
            bytes: vec![0; size],
        };
        let draft = Draft::read(
            &json!({"attachments": [{"id": "1", "description": "alt"}]}),
            &[upload(0, 1), upload(1, 1)],
        )
        .expect("valid");
        assert_eq!(draft.attachments.expect("two").len(), 2);
        assert_eq!(
            Draft::read(&json!({}), &[upload(0, APPLICATION.file + 1)]).expect_err("large").code,
            40005
        );
    }
}
