//! Settling a doubt: a create was begun, and nobody knows whether Discord made the message. The target knows.
//!
//! Found, the message is adopted. That nothing was made is believed only where the bot may read the history: without Read Message History, Discord answers an empty list, and without
//! View Channel none. Where the bot may not look, it looks a few more times; then the follow is broken, which says what is missing.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::DateTime;

use crate::domain::activity::{Ending, InFlight, Mirror};
use crate::domain::follow::BrokenReason;
use crate::domain::ids::{ChannelId, MessageId, WebhookId};
use crate::domain::permissions::{Permissions, ServerRules, Subject};
use crate::domain::place::Spot;
use crate::domain::rendering::Payload;
use crate::domain::retry::Failure;
use crate::domain::webhook::Webhook;
use crate::rest::model::{Attachment, Channel, Message};
use crate::rest::{HISTORY_PAGE, Posted, RestError};
use crate::store::{BreakWhich, Done, StoreError, Work};

use super::create::{Performed, Sender};
use super::{create as send, render as parts};
use crate::delivery::Tools;

/// How many pages of the target are read at most. Beyond them, what is sought would be older than thousands of messages.
const PAGES: usize = 50;

/// After so many failed attempts, a follow is broken into whose target the bot may not look.
const LOOKS: u32 = 5;

/// What shows whether a message was made.
const NEEDED: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_MESSAGE_HISTORY);

/// What a look at the target said.
enum Looked {
    /// There it is.
    Made(Mirror),
    /// It was not made.
    NotMade,
    /// The bot may not look: it lacks these permissions.
    MayNotLook(Permissions),
}

impl Sender<'_> {
    /// Settles a doubt, as far as that can be done now.
    pub(in crate::delivery) async fn settle(
        &mut self,
        work: &Work,
        in_flight: InFlight,
    ) -> Result<Performed, StoreError> {
        let retracted = self.tools.store.retracted_in(self.target).await?;
        let missing = match look(self.tools, self.webhook.as_ref(), work, in_flight, retracted).await {
            Ok(Looked::Made(mirror)) => {
                tracing::info!(channel = %self.target, "a message in doubt was found, and is adopted");
                return Ok(Performed::Done(Done::Created { in_flight, mirror, overtakes: true }));
            }
            Ok(Looked::NotMade) => return Ok(Performed::Failed(Failure::NotMade)),
            Ok(Looked::MayNotLook(missing)) => Some(missing),
            Err(error) => {
                if let Some(how_long) = error.held_for() {
                    return Ok(Performed::Limited(self.now() + send::span(how_long)));
                }
                tracing::warn!(channel = %self.target, %error, "can't look whether a message was made");
                None
            }
        };
        if !work.follow_active {
            // Nobody waits for it any more.
            return Ok(self.ended(work, Ending::FollowEnded));
        }
        match missing {
            Some(missing) if work.delivery.attempts + 1 >= LOOKS => self.may_not_look(work, missing).await,
            _ => Ok(Performed::Failed(Failure::Unsettled)),
        }
    }

    async fn may_not_look(&self, work: &Work, missing: Permissions) -> Result<Performed, StoreError> {
        let missing = missing.names().join(", ");
        tracing::warn!(channel = %self.target, missing, "whether a message was made can't be seen without these permissions");
        let which = match (self.spot, self.webhook.as_ref()) {
            (Spot::Channel | Spot::Forum, Some(webhook)) => BreakWhich::RelayWebhook(webhook.id),
            _ => BreakWhich::RelayInto(self.target),
        };
        self.break_all(which, BrokenReason::TargetForbidden).await?;
        Ok(self.ended(work, Ending::FollowEnded))
    }
}

/// Looks for a message of the webhook that carried the create, newer than what was known when that began.
///
/// Everything this webhook made before was recorded, with a smaller id than what is sought, so the first one that looks like it is it.
async fn look(
    tools: &Tools,
    webhook: Option<&Webhook>,
    work: &Work,
    in_flight: InFlight,
    retracted: HashSet<MessageId>,
) -> Result<Looked, RestError> {
    // The webhook may have been replaced since.
    let webhook = in_flight.webhook.or(webhook.map(|webhook| webhook.id));
    let Some(webhook) = webhook else { return Ok(Looked::NotMade) };
    // What can't be rendered was never sent by this program, but maybe by one that could.
    tools.learn_file_limit(work).await;
    let limit = tools.sizes.limit(work);
    let wanted = catch_unwind(AssertUnwindSafe(|| parts::part(work, in_flight.part, limit)));
    let wanted = wanted.unwrap_or_default();
    // What was in flight may be an older revision than the one that is wanted now: then its text isn't known any more, but its maker is.
    let wanted = wanted.filter(|_| in_flight.revision == work.activity.revision);
    let sought = Sought { webhook, wanted, work, after: in_flight.after, retracted };
    let made = match work.channel() {
        Some(channel) => sought.in_channel(tools, channel).await,
        None => sought.among_posts(tools).await,
    };
    let found = match made {
        // In what is gone by now, nothing stands.
        Err(error) if error.is_not_found() => return Ok(Looked::NotMade),
        // The bot doesn't see the channel.
        Err(error) if error.is_forbidden() => return Ok(Looked::MayNotLook(missing(tools, work).await?)),
        found => found?,
    };
    let message = match found {
        Found::Message(message) => message,
        Found::Others => return Ok(Looked::NotMade),
        Found::Nothing => {
            let missing = missing(tools, work).await?;
            return Ok(if missing.is_empty() { Looked::NotMade } else { Looked::MayNotLook(missing) });
        }
    };
    let posted = Posted { message: message.id, channel: message.channel_id };
    Ok(Looked::Made(send::mirror(in_flight, webhook, posted, Vec::new())))
}

/// Which of the permissions that a look needs the bot lacks in the target.
async fn missing(tools: &Tools, work: &Work) -> Result<Permissions, RestError> {
    // A thread has no overwrites of its own, but those of its channel.
    let channel = match tools.rest.channel(work.spot.webhook_channel(work.target)).await {
        Err(error) if error.is_forbidden() => return Ok(Permissions::VIEW_CHANNEL),
        channel => channel?,
    };
    let Some(guild) = channel.guild_id else { return Ok(Permissions::empty()) };
    let (guild, user) = (tools.rest.guild(guild).await?, tools.rest.current_user().await?.id);
    let roles = tools.rest.member(guild.id, user).await?.map(|member| member.roles).unwrap_or_default();
    let rules = ServerRules { guild: guild.id, owner: guild.owner_id, roles: &guild.roles };
    let granted = rules.granted(Subject { user, roles: &roles }, &channel.permission_overwrites);
    Ok(NEEDED.difference(granted))
}

/// What is looked for.
struct Sought<'a> {
    webhook: WebhookId,
    wanted: Option<Payload>,
    work: &'a Work,
    /// It is newer than this.
    after: MessageId,
    /// What another process made and takes back.
    retracted: HashSet<MessageId>,
}

/// What was found.
enum Found {
    /// It.
    Message(Box<Message>),
    /// Only other messages: so the history can be read, and it isn't in it.
    Others,
    /// No message at all.
    Nothing,
}

impl Sought<'_> {
    fn is(&self, message: &Message) -> bool {
        message.webhook_id == Some(self.webhook)
            && !self.retracted.contains(&message.id)
            && message.id > self.after
            && looks_like(message, self.wanted.as_ref(), self.work)
    }

    /// Looks among the messages of a channel, a thread or a post.
    async fn in_channel(&self, tools: &Tools, channel: ChannelId) -> Result<Found, RestError> {
        let mut found = Found::Nothing;
        // From the newest one on that was known: where that still stands, the history can be read.
        let mut after = MessageId::new(self.after.get() - 1).unwrap_or(self.after);
        for _ in 0..PAGES {
            let page = tools.rest.messages_after(channel, after, HISTORY_PAGE).await?;
            let full = page.len() == usize::from(HISTORY_PAGE);
            let Some(last) = page.last().map(|message| message.id) else { break };
            if let Some(made) = page.into_iter().find(|message| self.is(message)) {
                return Ok(Found::Message(Box::new(made)));
            }
            (found, after) = (Found::Others, last);
            if !full {
                break;
            }
        }
        Ok(found)
    }

    /// Looks at what the posts begin with that are newer than that message, the archived ones too: a post has the number of its first message,
    /// and belongs to the webhook that began it.
    async fn among_posts(&self, tools: &Tools) -> Result<Found, RestError> {
        let forum = self.work.target;
        let Some(guild) = tools.forum(forum).await?.0.guild_id else { return Ok(Found::Nothing) };
        let mut posts = tools.rest.active_threads(guild).await?;
        posts.extend(archived_since(tools, forum, self.after).await?);
        posts.retain(|post| post.parent_id == Some(forum) && post.id.first_message() > self.after);
        posts.sort_unstable_by_key(|post| post.id);
        posts.dedup_by_key(|post| post.id);
        let mut found = Found::Nothing;
        for post in posts {
            let first = match tools.rest.messages_after(post.id, post.id.before_first_message(), 1).await {
                Err(error) if error.is_not_found() => continue,
                first => first?.into_iter().next(),
            };
            let Some(first) = first else { continue };
            let ours = post.owner_id.is_some_and(|owner| owner.get() == self.webhook.get());
            if (ours || first.id == post.id.first_message()) && self.is(&first) {
                return Ok(Found::Message(Box::new(first)));
            }
            found = Found::Others;
        }
        Ok(found)
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
        // Forbidden without Read Message History.
        let page = tools.rest.archived_threads(forum, before.as_deref()).await?;
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
    let files: Vec<_> = message.attachments.iter().map(Attachment::name).collect();
    let files: Vec<_> = files.iter().map(String::as_str).collect();
    // What couldn't be fetched was linked to.
    payload.link_missing(&files, work.link());
    payload.matches(&message.author.username, &message.content, &files)
}
