//! Posting and editing with files: a multipart request whose files are passed on as they come, so that none
//! of them is held in memory whole.

use std::sync::{Arc, OnceLock};

use futures_util::future;
use futures_util::stream::{self, StreamExt};
use reqwest::Body;
use reqwest::multipart::{Form, Part};
use serde::Serialize;

use super::Rest;
use super::call::{Call, Verb};
use super::endpoints::messages;
use super::endpoints::webhook_messages::{Destination, WebhookAccess, WebhookMessage, creation, on_message};
use super::error::RestError;
use super::files::{FetchError, FileBody};
use super::model::Message;
use super::outcome::{ChangeOutcome, SendOutcome};
use crate::domain::ids::{ChannelId, MessageId};
use crate::domain::panel::Picture;

/// A file to post. The payload's `attachments` may describe it by its place in the list (`"id": 0`).
#[derive(Debug)]
pub struct Upload {
    /// Its name; a leading `SPOILER_` hides it.
    pub name: String,
    /// Its media type, if it is known. One that can't be written is left out.
    pub media_type: Option<String>,
    /// Its bytes.
    pub body: FileBody,
}

impl Upload {
    /// A panel's chart, which is in memory.
    pub fn chart(picture: &Picture) -> Self {
        let length = u64::try_from(picture.png.len()).unwrap_or(u64::MAX);
        let body = FileBody::new(length, stream::once(future::ready(Ok(picture.png.clone().into()))));
        Self { name: Picture::NAME.to_owned(), media_type: Some("image/png".to_owned()), body }
    }
}

impl Rest {
    /// Posts through a webhook with files (`payload_json`, `files[0]`, …): `POST
    /// /webhooks/{webhook}/{token}?wait=true`, under the same limits as [`Rest::create_webhook_message`].
    /// Discord: 10 files a message, 25 MiB a request; what is too large ends as [`SendOutcome::Refused`] with
    /// [`ErrorCode::TOO_LARGE`](super::ErrorCode::TOO_LARGE).
    ///
    /// Nothing is repeated, since a stream can be sent only once: a 429 ends as [`SendOutcome::Wait`]. If a
    /// file breaks off in the middle, the message was certainly not made ([`SendOutcome::NotSent`]), and the
    /// [`FileWatch`](super::FileWatch) of its body tells why. The whole may take
    /// [`RestConfig::upload_timeout`](super::RestConfig::upload_timeout).
    pub async fn create_webhook_message_with_files(
        &self,
        webhook: WebhookAccess<'_>,
        destination: Destination,
        payload: &(impl Serialize + ?Sized),
        files: Vec<Upload>,
    ) -> SendOutcome {
        let upload_end = UploadEnd::default();
        match form(payload, files, &upload_end) {
            Ok(form) => {
                let call = creation(webhook, destination);
                let answer: Result<Message, RestError> = self.upload(&call, form, &upload_end).await;
                SendOutcome::of(answer, destination)
            }
            // Nothing was sent.
            Err(_) => SendOutcome::unwritable(),
        }
    }

    /// Edits a webhook's message, with new files; like [`Rest::edit_webhook_message`] where there are none.
    /// The payload's `attachments` must name the former files that are to stay. May be repeated.
    pub async fn edit_webhook_message_with_files(
        &self,
        webhook: WebhookAccess<'_>,
        message: WebhookMessage,
        payload: &(impl Serialize + ?Sized),
        files: Vec<Upload>,
    ) -> ChangeOutcome {
        ChangeOutcome::of(self.write(on_message(Verb::Patch, webhook, message), payload, files).await)
    }

    /// Posts as the bot itself, with files: `POST /channels/{channel}/messages`. The payload is in Discord's
    /// form, `allowed_mentions` included.
    pub async fn create_message_with_files(
        &self,
        channel: ChannelId,
        payload: &(impl Serialize + ?Sized),
        files: Vec<Upload>,
    ) -> Result<Message, RestError> {
        self.write(messages::of_channel(Verb::Post, channel), payload, files).await
    }

    /// Edits a message of the bot's own, with new files: `PATCH /channels/{channel}/messages/{message}`. May
    /// be repeated.
    pub async fn edit_message_with_files(
        &self,
        channel: ChannelId,
        message: MessageId,
        payload: &(impl Serialize + ?Sized),
        files: Vec<Upload>,
    ) -> ChangeOutcome {
        ChangeOutcome::of(self.write(messages::one(Verb::Patch, channel, message), payload, files).await)
    }

    /// Performs a call with this payload and these files. Where there are no files, the call is repeated
    /// where that is safe.
    async fn write(
        &self,
        call: Call<'_>,
        payload: &(impl Serialize + ?Sized),
        files: Vec<Upload>,
    ) -> Result<Message, RestError> {
        if files.is_empty() {
            return self.read(call.json(payload)?).await;
        }
        let upload_end = UploadEnd::default();
        let form = form(payload, files, &upload_end)?;
        self.upload(&call, form, &upload_end).await
    }
}

fn form(
    payload: &(impl Serialize + ?Sized),
    files: Vec<Upload>,
    upload_end: &UploadEnd,
) -> Result<Form, RestError> {
    let payload = serde_json::to_string(payload).map_err(|_| RestError::Malformed)?;
    let payload = Part::text(payload).mime_str("application/json").map_err(|_| RestError::Malformed)?;
    let mut form = Form::new().part("payload_json", payload);
    let last = files.len().checked_sub(1);
    for (place, Upload { name, media_type, body }) in files.into_iter().enumerate() {
        let length = body.length();
        let body = if Some(place) == last {
            Body::wrap_stream(body.chain(upload_end.end()))
        } else {
            Body::wrap_stream(body)
        };
        let part = Part::stream_with_length(body, length).file_name(writable(name));
        let part = typed(part, media_type.as_deref()).map_err(|_| RestError::Malformed)?;
        form = form.part(format!("files[{place}]"), part);
    }
    if last.is_none() {
        // Nothing holds back the request's end.
        upload_end.finish();
    }
    Ok(form)
}

/// A name that fits into a header. The library escapes quotes, but line breaks would still break the header.
fn writable(name: String) -> String {
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    if name.is_empty() { "file".to_owned() } else { name }
}

fn typed(part: Part, media_type: Option<&str>) -> reqwest::Result<Part> {
    // Tried on another part first, because a failure would take the file along.
    match media_type.filter(|text| Part::text("").mime_str(text).is_ok()) {
        Some(text) => part.mime_str(text),
        None => Ok(part),
    }
}

/// The end of a streamed request: reached or barred. That is decided once, between the connection that sends
/// it and the caller who gives it up.
///
/// Why this proves that a message wasn't made: the request announces its length, and ends with the form's
/// closing boundary, which the connection gets only after the last file's end. Whoever receives less must
/// take the request for incomplete (RFC 9112, section 8), and can read no form in it. So as long as the last
/// file's end is held back, Discord can't have acted. Once it isn't held back, nobody knows. The connection
/// works in a task of its own and may go on for a moment after the caller gave up, so just looking isn't
/// enough: giving up also bars the end.
#[derive(Debug, Clone, Default)]
pub(super) struct UploadEnd(Arc<OnceLock<EndState>>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum EndState {
    Reached,
    Barred,
}

impl UploadEnd {
    /// Gives up the request. Whether it certainly never got to its end, and never will.
    pub(super) fn bar(&self) -> bool {
        *self.0.get_or_init(|| EndState::Barred) == EndState::Barred
    }

    /// Lets the request come to its end, unless that is barred.
    fn finish(&self) -> bool {
        *self.0.get_or_init(|| EndState::Reached) == EndState::Reached
    }

    /// What follows the last file: nothing, or an error if the end is barred.
    fn end<T: Send + 'static>(
        &self,
    ) -> impl futures_util::Stream<Item = Result<T, FetchError>> + Send + 'static {
        let upload_end = self.clone();
        let finished = stream::once(async move { upload_end.finish() });
        finished.filter_map(|finished| future::ready((!finished).then_some(Err(FetchError::Again))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_is_reached_or_barred_but_never_both() {
        let reached = UploadEnd::default();
        assert_eq!(reached.end::<()>().collect::<Vec<_>>().await, []);
        assert!(!reached.bar());
        let barred = UploadEnd::default();
        assert!(barred.bar());
        assert_eq!(barred.end::<()>().collect::<Vec<_>>().await, [Err(FetchError::Again)]);
        assert!(barred.bar());
    }

    #[test]
    fn names_fit_a_line() {
        assert_eq!(writable("a\r\nContent-Type: x\u{0}.png".to_owned()), "aContent-Type: x.png");
        assert_eq!(writable("\n".to_owned()), "file");
        assert_eq!(writable("über \"alles\".png".to_owned()), "über \"alles\".png");
    }
}
