//! Settling a doubt: a create was begun, and nobody knows whether Discord made the message. The target knows.

use std::collections::HashSet;

use chrono::DateTime;

use crate::domain::activity::InFlight;
use crate::domain::ids::{ChannelId, MessageId, WebhookId};
use crate::domain::rendering::Payload;
use crate::domain::webhook::Webhook;
use crate::rest::model::{Channel, Message};
use crate::rest::{HISTORY_PAGE, Posted, RestError};
use crate::store::{Done, Work};

use super::{Tools, parts, send};

/// How many pages of the target are read at most. Beyond them, what is sought would be older than thousands of messages.
const PAGES: usize = 50;

/// Looks for a message of the webhook that carried the create, newer than what was known when that began: found, it is adopted; not found, nothing was made.
///
/// Everything this webhook made before was recorded, with a smaller id than what is sought, so the first one that looks like it is it.
pub(super) async fn look(
    tools: &Tools,
    webhook: Option<&Webhook>,
    work: &Work,
    in_flight: InFlight,
    retracted: HashSet<MessageId>,
) -> Result<Done, RestError> {
    // The webhook may have been replaced since.
    let webhook = in_flight.webhook.or(webhook.map(|webhook| webhook.id));
    let Some(webhook) = webhook else { return Ok(Done::NotMade { in_flight }) };
    let wanted = parts::part(work, in_flight.part);
    // What was in flight may be an older revision than the one that is wanted now: then its text isn't known any more, but its maker is.
    let wanted = wanted.filter(|_| in_flight.revision == work.activity.revision);
    let sought = Sought { webhook, wanted, work, retracted };
    let made = match work.channel() {
        Some(channel) => sought.in_channel(tools, channel, in_flight.after).await,
        None => sought.among_posts(tools, in_flight.after).await,
    };
    let message = match made {
        Ok(Some(message)) => message,
        // In what is gone by now, nothing stands.
        Err(error) if !error.is_not_found() => return Err(error),
        Ok(None) | Err(_) => return Ok(Done::NotMade { in_flight }),
    };
    tracing::info!(channel = %work.target, "a message in doubt was found, and is adopted");
    let files = u8::try_from(message.attachments.len()).unwrap_or(u8::MAX);
    let posted = Posted { message: message.id, channel: message.channel_id };
    Ok(Done::Created { in_flight, mirror: send::mirror(in_flight, webhook, posted, files) })
}

/// What is looked for.
struct Sought<'a> {
    webhook: WebhookId,
    wanted: Option<Payload>,
    work: &'a Work,
    /// What another process made and takes back.
    retracted: HashSet<MessageId>,
}

impl Sought<'_> {
    fn is(&self, message: &Message) -> bool {
        message.webhook_id == Some(self.webhook)
            && !self.retracted.contains(&message.id)
            && looks_like(message, self.wanted.as_ref(), self.work)
    }

    /// Looks among the messages of a channel, a thread or a post that are newer than that one.
    async fn in_channel(
        &self,
        tools: &Tools,
        channel: ChannelId,
        mut after: MessageId,
    ) -> Result<Option<Message>, RestError> {
        for _ in 0..PAGES {
            let page = tools.rest.messages_after(channel, after, HISTORY_PAGE).await?;
            let full = page.len() == usize::from(HISTORY_PAGE);
            let last = page.last().map(|message| message.id);
            if let Some(made) = page.into_iter().find(|message| self.is(message)) {
                return Ok(Some(made));
            }
            match last.filter(|_| full) {
                Some(last) => after = last,
                None => break,
            }
        }
        Ok(None)
    }

    /// Looks at what the posts begin with that are newer than that message, the archived ones too: a post has the number of its first message,
    /// and belongs to the webhook that began it.
    async fn among_posts(&self, tools: &Tools, after: MessageId) -> Result<Option<Message>, RestError> {
        let forum = self.work.target;
        let Some(guild) = tools.forum(forum).await?.0.guild_id else { return Ok(None) };
        let mut posts = tools.rest.active_threads(guild).await?;
        posts.extend(archived_since(tools, forum, after).await?);
        posts.retain(|post| post.parent_id == Some(forum) && post.id.first_message() > after);
        posts.sort_unstable_by_key(|post| post.id);
        posts.dedup_by_key(|post| post.id);
        for post in posts {
            let first = match tools.rest.messages_after(post.id, post.id.before_first_message(), 1).await {
                Err(error) if error.is_not_found() => continue,
                first => first?.into_iter().next(),
            };
            let ours = post.owner_id.is_some_and(|owner| owner.get() == self.webhook.get());
            let begins =
                |message: &Message| (ours || message.id == post.id.first_message()) && self.is(message);
            if let Some(first) = first.filter(begins) {
                return Ok(Some(first));
            }
        }
        Ok(None)
    }
}

/// The posts of a forum that were archived since that message.
async fn archived_since(
    tools: &Tools,
    forum: ChannelId,
    after: MessageId,
) -> Result<Vec<Channel>, RestError> {
    let mut posts: Vec<Channel> = Vec::new();
    let mut before: Option<String> = None;
    for _ in 0..PAGES {
        let page = match tools.rest.archived_threads(forum, before.as_deref()).await {
            // Without Read Message History.
            Err(error) if error.is_forbidden() => break,
            page => page?,
        };
        let archived_at = |post: &Channel| post.thread_metadata.as_ref()?.archive_timestamp.clone();
        let oldest = page.threads.last().and_then(archived_at);
        let since = oldest.as_deref().and_then(|at| DateTime::parse_from_rfc3339(at).ok());
        posts.extend(page.threads);
        if !page.has_more || since.is_none_or(|since| since < after.created_at()) {
            break;
        }
        before = oldest;
    }
    Ok(posts)
}

fn looks_like(message: &Message, wanted: Option<&Payload>, work: &Work) -> bool {
    let Some(mut payload) = wanted.cloned() else { return true };
    let files: Vec<_> = message.attachments.iter().map(|file| file.filename.as_str()).collect();
    // What couldn't be fetched was linked to.
    payload.link_missing(&files, work.link());
    payload.matches(&message.author.username, &message.content, &files)
}
