//! Settling a doubt: a create was begun, and nobody knows whether Discord made the message. The target knows.
//!
//! Where the message is found, it is adopted. "Not made" is believed only where the bot may read the history:
//! without Read Message History, Discord answers an empty list, and without View Channel none. Where the bot
//! may not look, it looks a few more times. Then the follow breaks, and says what is missing.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::DateTime;

use crate::domain::activity::{DeliveryEnding, InFlight, Mirror};
use crate::domain::follow::BrokenReason;
use crate::domain::ids::{ChannelId, MessageId, WebhookId};
use crate::domain::permissions::{PermissionHolder, Permissions, ServerRules};
use crate::domain::place::TargetKind;
use crate::domain::rendering::Payload;
use crate::domain::retry::AttemptFailure;
use crate::domain::webhook::WebhookCredentials;
use crate::rest::model::{Attachment, Channel, Message};
use crate::rest::{HISTORY_PAGE, PostedMessage, RestError};
use crate::store::{BreakWhich, StepResult, StoreError, Work};

use crate::delivery::LaneTools;

use super::create::created_mirror;
use super::{StepOutcome, StepRunner, render, time_delta};

/// How many pages of the target are read at most. Beyond them, the message would be older than thousands of
/// others.
const PAGES: usize = 50;

/// After so many failed attempts, a follow breaks into whose target the bot may not look.
const LOOKS: u32 = 5;

/// The permissions that it takes to see whether a message was made.
const NEEDED: Permissions = Permissions::VIEW_CHANNEL.union(Permissions::READ_MESSAGE_HISTORY);

/// What a look at the target showed.
enum SettleFinding {
    /// The message was made: here it is.
    Made(Mirror),
    /// It was not made.
    NotMade,
    /// The bot may not look: it lacks these permissions.
    MayNotLook(Permissions),
}

impl StepRunner<'_> {
    /// Settles a doubt, as far as that can be done now.
    pub(super) async fn settle(
        &mut self,
        work: &Work,
        in_flight: InFlight,
    ) -> Result<StepOutcome, StoreError> {
        let retracted = self.tools.store.retracted_in(self.target).await?;
        let missing = match look(self.tools, self.webhook.as_ref(), work, in_flight, retracted).await {
            Ok(SettleFinding::Made(mirror)) => {
                tracing::info!(channel = %self.target, "a message in doubt was found, and is adopted");
                return Ok(StepOutcome::Done(StepResult::Created { in_flight, mirror, overtakes: true }));
            }
            Ok(SettleFinding::NotMade) => return Ok(StepOutcome::Failed(AttemptFailure::NotMade)),
            Ok(SettleFinding::MayNotLook(missing)) => Some(missing),
            Err(error) => {
                if let Some(how_long) = error.postponed_for() {
                    return Ok(StepOutcome::Limited(self.now() + time_delta(how_long)));
                }
                tracing::warn!(channel = %self.target, %error, "can't see whether a message was made");
                None
            }
        };
        if !work.follow_active {
            // Nobody waits for the message any more.
            return Ok(self.end(work, DeliveryEnding::FollowEnded));
        }
        match missing {
            Some(missing) if work.delivery.attempts + 1 >= LOOKS => {
                self.break_unreadable(work, missing).await
            }
            _ => Ok(StepOutcome::Failed(AttemptFailure::Unsettled)),
        }
    }

    /// Breaks the follows into a target that the bot may not read.
    async fn break_unreadable(&self, work: &Work, missing: Permissions) -> Result<StepOutcome, StoreError> {
        let names = missing.names().join(", ");
        tracing::warn!(channel = %self.target, missing = names, "whether a message was made can't be seen without these permissions");
        let which = match (self.target_kind, self.webhook.as_ref()) {
            (TargetKind::Channel | TargetKind::Forum, Some(webhook)) => BreakWhich::RelayWebhook(webhook.id),
            _ => BreakWhich::RelayInto(self.target),
        };
        self.break_follows(which, BrokenReason::TargetForbidden, Permissions::empty()).await?;
        Ok(self.end(work, DeliveryEnding::FollowEnded))
    }
}

/// Looks for a message of the webhook that carried the create, newer than what was known when that began.
///
/// Everything that this webhook made before was recorded, and has a smaller id than the message. So the first
/// message that looks like it is it.
async fn look(
    tools: &LaneTools,
    webhook: Option<&WebhookCredentials>,
    work: &Work,
    in_flight: InFlight,
    retracted: HashSet<MessageId>,
) -> Result<SettleFinding, RestError> {
    // The webhook may have been replaced since.
    let webhook = in_flight.webhook.or(webhook.map(|webhook| webhook.id));
    let Some(webhook) = webhook else { return Ok(SettleFinding::NotMade) };
    // What can't be rendered was never sent by this version of the program, but maybe by another one.
    tools.learn_file_limit(work).await;
    let limit = tools.file_limits.limit(work);
    let wanted = catch_unwind(AssertUnwindSafe(|| render::payload(work, in_flight.part, limit)));
    let wanted = wanted.unwrap_or_default();
    // An older revision may have been in flight than the one that is wanted now. Then its text isn't known
    // any more, but the webhook that carried it is.
    let wanted = wanted.filter(|_| in_flight.revision == work.activity.revision);
    let search = MessageSearch { webhook, wanted, work, after: in_flight.after, retracted };
    // Without the permissions, nothing is shown. They may be given back or taken away at any moment, so only
    // an empty answer between two looks that find them counts.
    let mut may_look = false;
    let message = loop {
        let found = match work.channel() {
            Some(channel) => search.in_channel(tools, channel).await,
            None => search.among_posts(tools).await,
        };
        match found {
            Ok(SearchResult::Message(message)) => break message,
            Ok(SearchResult::Others) => return Ok(SettleFinding::NotMade),
            // A channel that is gone has no messages.
            Err(error) if error.is_not_found() => return Ok(SettleFinding::NotMade),
            // The bot doesn't see the channel.
            Err(error) if error.is_forbidden() => {
                return Ok(SettleFinding::MayNotLook(missing(tools, work).await?));
            }
            Err(error) => return Err(error),
            Ok(SearchResult::Nothing) => {}
        }
        let missing = missing(tools, work).await?;
        if !missing.is_empty() {
            return Ok(SettleFinding::MayNotLook(missing));
        }
        if may_look {
            return Ok(SettleFinding::NotMade);
        }
        may_look = true;
    };
    let posted = PostedMessage { message: message.id, channel: message.channel_id };
    Ok(SettleFinding::Made(created_mirror(in_flight, webhook, posted, Vec::new())))
}

/// The permissions for a look that the bot lacks in the target.
async fn missing(tools: &LaneTools, work: &Work) -> Result<Permissions, RestError> {
    // A thread has no overwrites of its own: its channel's count.
    let channel = match tools.rest.channel(work.target_kind.webhook_channel(work.target)).await {
        Err(error) if error.is_forbidden() => return Ok(Permissions::VIEW_CHANNEL),
        channel => channel?,
    };
    let Some(guild) = channel.guild_id else { return Ok(Permissions::empty()) };
    let (guild, user) = (tools.rest.guild(guild).await?, tools.rest.current_user().await?.id);
    let roles = tools.rest.member(guild.id, user).await?.map(|member| member.roles).unwrap_or_default();
    let rules = ServerRules { guild: guild.id, owner: guild.owner_id, roles: &guild.roles };
    let granted = rules.granted(PermissionHolder { user, roles: &roles }, &channel.permission_overwrites);
    Ok(NEEDED.difference(granted))
}

/// A search for a message in the target.
struct MessageSearch<'a> {
    webhook: WebhookId,
    wanted: Option<Payload>,
    work: &'a Work,
    /// The message is newer than this one.
    after: MessageId,
    /// The messages that another process made and retracts.
    retracted: HashSet<MessageId>,
}

/// What a search found.
enum SearchResult {
    /// The message.
    Message(Box<Message>),
    /// Only other messages. So the history can be read, and the message isn't in it.
    Others,
    /// No message at all.
    Nothing,
}

impl MessageSearch<'_> {
    fn matches(&self, message: &Message) -> bool {
        message.webhook_id == Some(self.webhook)
            && !self.retracted.contains(&message.id)
            && message.id > self.after
            && looks_like(message, self.wanted.as_ref(), self.work)
    }

    /// Searches the messages of a channel, a thread or a post.
    async fn in_channel(&self, tools: &LaneTools, channel: ChannelId) -> Result<SearchResult, RestError> {
        let mut found = SearchResult::Nothing;
        // The search begins with the newest message that was known: where that still exists, it shows that
        // the history can be read.
        let mut after = MessageId::new(self.after.get() - 1).unwrap_or(self.after);
        for _ in 0..PAGES {
            let page = tools.rest.messages_after(channel, after, HISTORY_PAGE).await?;
            let full = page.len() == usize::from(HISTORY_PAGE);
            let Some(last) = page.last().map(|message| message.id) else { break };
            if let Some(made) = page.into_iter().find(|message| self.matches(message)) {
                return Ok(SearchResult::Message(Box::new(made)));
            }
            (found, after) = (SearchResult::Others, last);
            if !full {
                break;
            }
        }
        Ok(found)
    }

    /// Searches the first messages of the posts that are newer than that message, archived posts included. A
    /// post has the number of its first message, and belongs to the webhook that began it.
    async fn among_posts(&self, tools: &LaneTools) -> Result<SearchResult, RestError> {
        let forum = self.work.target;
        let Some(guild) = tools.forum(forum).await?.0.guild_id else { return Ok(SearchResult::Nothing) };
        let mut posts = tools.rest.active_threads(guild).await?;
        posts.extend(archived_since(tools, forum, self.after).await?);
        posts.retain(|post| post.parent_id == Some(forum) && post.id.first_message() > self.after);
        posts.sort_unstable_by_key(|post| post.id);
        posts.dedup_by_key(|post| post.id);
        let mut found = SearchResult::Nothing;
        for post in posts {
            let first = match tools.rest.messages_after(post.id, post.id.before_first_message(), 1).await {
                Err(error) if error.is_not_found() => continue,
                first => first?.into_iter().next(),
            };
            let Some(first) = first else { continue };
            let ours = post.owner_id.is_some_and(|owner| owner.get() == self.webhook.get());
            if (ours || first.id == post.id.first_message()) && self.matches(&first) {
                return Ok(SearchResult::Message(Box::new(first)));
            }
            found = SearchResult::Others;
        }
        Ok(found)
    }
}

/// The posts of a forum that were archived since that message.
async fn archived_since(
    tools: &LaneTools,
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
    // Files that couldn't be fetched were linked.
    payload.link_missing(&files, work.link());
    payload.matches(&message.author.username, &message.content, &files)
}
