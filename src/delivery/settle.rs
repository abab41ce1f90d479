//! Settling a doubt: a create was begun, and nobody knows whether Discord made the message. The target knows.

use crate::domain::activity::InFlight;
use crate::domain::rendering::Payload;
use crate::domain::webhook::Webhook;
use crate::rest::model::Message;
use crate::rest::{HISTORY_PAGE, Posted, RestError};
use crate::store::{Done, Work};

use super::{Tools, parts, send};

/// How many pages of the target are read at most. Beyond them, what is sought would be older than thousands of messages.
const PAGES: usize = 50;

/// Looks for a message of this webhook that is newer than what was known when the create began: found, it is adopted; not found, nothing was made.
///
/// Everything this webhook made before was recorded, with a smaller id than what is sought, so the first one that looks like it is it.
pub(super) async fn look(
    tools: &Tools,
    webhook: Option<&Webhook>,
    work: &Work,
    in_flight: InFlight,
) -> Result<Done, RestError> {
    let Some(webhook) = webhook else { return Ok(Done::NotMade { in_flight }) };
    let wanted = parts::part(work, in_flight.part);
    // What was in flight may be an older revision than the one that is wanted now: then its text isn't known any more, but its maker is.
    let wanted = wanted.filter(|_| in_flight.revision == work.activity.revision);
    let mut after = in_flight.after;
    for _ in 0..PAGES {
        let page = tools.rest.messages_after(work.target, after, HISTORY_PAGE).await?;
        let made = page.iter().find(|message| {
            message.webhook_id == Some(webhook.id) && looks_like(message, wanted.as_ref(), work)
        });
        if let Some(message) = made {
            tracing::info!(channel = %work.target, "a message in doubt was found, and is adopted");
            let files = u8::try_from(message.attachments.len()).unwrap_or(u8::MAX);
            let posted = Posted { message: message.id, channel: message.channel_id };
            return Ok(Done::Created {
                in_flight,
                mirror: send::mirror(in_flight, webhook.id, posted, files),
            });
        }
        match page.last() {
            Some(last) if page.len() == usize::from(HISTORY_PAGE) => after = last.id,
            _ => break,
        }
    }
    Ok(Done::NotMade { in_flight })
}

fn looks_like(message: &Message, wanted: Option<&Payload>, work: &Work) -> bool {
    let Some(mut payload) = wanted.cloned() else { return true };
    let files: Vec<_> = message.attachments.iter().map(|file| file.filename.as_str()).collect();
    // What couldn't be fetched was linked to.
    payload.link_missing(&files, work.link());
    payload.matches(&message.author.username, &message.content, &files)
}
