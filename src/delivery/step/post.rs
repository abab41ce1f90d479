//! Threads and forums as targets, beyond what channels need: posts that begin, are kept up to date and go,
//! threads that are woken, and what "not found" means in them.

use chrono::{DateTime, Utc};

use crate::domain::activity::{ActivityContent, DeliveryEnding, Mirror, Part};
use crate::domain::ids::{ChannelId, TagId, WebhookId};
use crate::domain::place::{SourcePlace, TargetKind};
use crate::domain::retry::AttemptFailure;
use crate::domain::text;
use crate::rest::model::Channel;
use crate::rest::{
    ChangeOutcome, DiscordRefusal, ErrorCode, ForbiddenReason, RestError, ThreadPatch, WebhookMessage,
};
use crate::store::{StoreError, Work};

use super::forum_cache::fitting_tags;
use super::{StepOutcome, StepRunner, render, time_delta};

/// What a server's audit log says of what the bot does with posts and threads.
const REASON: &str = "Channel follow";

/// The title of a post that stays although what it began with is gone.
const DELETED: &str = "A deleted message";

/// The title of a post and its tags.
pub(super) struct PostHeading {
    pub(super) title: String,
    pub(super) tags: Vec<TagId>,
    /// Whether the forum was asked for just now.
    pub(super) is_fresh: bool,
}

/// Why a post's title and tags weren't changed with an edit.
pub(super) enum RetitleFailure {
    /// A limit, until that time.
    LimitedUntil(DateTime<Utc>),
    /// Something else that may pass.
    MayPass,
}

/// What it means that Discord doesn't find the channel, thread or post that a webhook was to reach.
pub(super) enum NotFoundReason {
    /// The target is gone.
    Target,
    /// A post of the target is gone: somebody removed it.
    Post,
    /// The target exists, but the webhook was moved away from it.
    WebhookMoved,
    /// Nobody knows.
    Unknown,
}

impl StepRunner<'_> {
    /// The heading of the post that shows this, as far as the bot can see the forum. `None` where the webhook
    /// is in another channel by now.
    pub(super) async fn post_heading(
        &self,
        work: &Work,
        webhook: WebhookId,
    ) -> Result<Option<PostHeading>, RestError> {
        let title = render::post_title(work).unwrap_or_default();
        let (forum, is_fresh) = match self.tools.forum(self.target).await {
            Ok(forum) => forum,
            Err(error) if error.passes() => return Err(error),
            // Hidden from the bot, but not from its webhook.
            Err(_) => return Ok(Some(PostHeading { title, tags: Vec::new(), is_fresh: true })),
        };
        // A new post lands wherever the webhook is, and the answer doesn't say where. So the webhook is
        // looked at as often as the forum.
        if is_fresh && self.is_webhook_elsewhere(webhook, self.target).await? {
            self.tools.forums.forget(self.target);
            return Ok(None);
        }
        Ok(Some(PostHeading { title, tags: self.tags(&forum, work), is_fresh }))
    }

    fn tags(&self, forum: &Channel, work: &Work) -> Vec<TagId> {
        fitting_tags(forum, work.content.as_deref().and_then(ActivityContent::as_message))
    }

    async fn is_webhook_elsewhere(&self, webhook: WebhookId, channel: ChannelId) -> Result<bool, RestError> {
        match self.tools.rest.webhook(webhook).await {
            Ok(webhook) => Ok(webhook.channel_id.is_some_and(|actual| actual != channel)),
            Err(error) if error.passes() => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Whether Discord refused a new post because what was known of its forum was out of date. The forum is
    /// asked for anew next time.
    pub(super) fn was_out_of_date(&self, refusal: &DiscordRefusal, heading: Option<&PostHeading>) -> bool {
        self.tools.forums.forget(self.target);
        let is_about_tags = matches!(refusal.code, ErrorCode::TAG_REQUIRED | ErrorCode::UNKNOWN_TAG);
        is_about_tags && heading.is_some_and(|heading| !heading.is_fresh)
    }

    /// Finds out why something couldn't be found.
    pub(super) async fn not_found_reason(
        &self,
        channel: Option<ChannelId>,
        webhook: WebhookId,
    ) -> NotFoundReason {
        let Some(thread) = channel.filter(|_| self.target_kind != TargetKind::Channel) else {
            return NotFoundReason::Target;
        };
        match self.tools.rest.channel(thread).await {
            Err(error) if error.is_not_found() => match self.target_kind {
                TargetKind::Forum => NotFoundReason::Post,
                TargetKind::Channel | TargetKind::Thread { .. } => NotFoundReason::Target,
            },
            Ok(_) => {
                match self.is_webhook_elsewhere(webhook, self.target_kind.webhook_channel(self.target)).await
                {
                    Ok(true) => NotFoundReason::WebhookMoved,
                    Ok(false) | Err(_) => NotFoundReason::Unknown,
                }
            }
            Err(_) => NotFoundReason::Unknown,
        }
    }

    /// How a mirror is reached through its webhook.
    pub(super) fn webhook_message(&self, mirror: &Mirror) -> WebhookMessage {
        let in_thread = self.target_kind != TargetKind::Channel
            && mirror.channel != self.target_kind.webhook_channel(self.target);
        WebhookMessage { id: mirror.message, thread: in_thread.then_some(mirror.channel) }
    }

    /// Wakes a thread, where a change failed because it is archived. Whether the change should be repeated
    /// now.
    pub(super) async fn woke_thread(&self, thread: ChannelId, outcome: &mut ChangeOutcome) -> bool {
        if *outcome != ChangeOutcome::Archived {
            return false;
        }
        match self.wake_thread(thread).await {
            Ok(()) => true,
            Err(error) => {
                if error.passes() {
                    *outcome = ChangeOutcome::Again;
                }
                false
            }
        }
    }

    /// Wakes the archived thread that a create was meant for. Breaks the follows where the bot may not.
    pub(super) async fn wake_for_create(
        &mut self,
        work: &Work,
        webhook: WebhookId,
    ) -> Result<StepOutcome, StoreError> {
        match self.wake_thread(work.channel().unwrap_or(self.target)).await {
            Err(RestError::Forbidden(reason)) => {
                // A forum's post that can't be woken is as good as locked, whatever the reason.
                let is_post = matches!(self.target_kind, TargetKind::Forum);
                let is_two_factor = reason == ForbiddenReason::TwoFactor && !is_post;
                let reason = if is_two_factor { reason } else { ForbiddenReason::ThreadLocked };
                self.break_forbidden(work, webhook, reason).await
            }
            Ok(()) | Err(_) => Ok(StepOutcome::Failed(AttemptFailure::Busy)),
        }
    }

    async fn wake_thread(&self, thread: ChannelId) -> Result<(), RestError> {
        let change = ThreadPatch { archived: Some(false), ..ThreadPatch::default() };
        self.tools.rest.change_thread(thread, &change, REASON).await.map(|_| ())
    }

    /// Brings the title and tags of the post that this mirror began up to date. Says why, where that can't be
    /// done now. Without Manage Threads, what only Manage Threads allows is left as it is.
    pub(super) async fn retitle(&mut self, work: &Work, mirror: &Mirror) -> Option<RetitleFailure> {
        if self.target_kind != TargetKind::Forum || !begins_post(work, mirror) {
            return None;
        }
        match self.try_retitle(work, mirror).await {
            Ok(()) => None,
            Err(error) if error.passes() => Some(match error.postponed_for() {
                Some(how_long) => RetitleFailure::LimitedUntil(self.now() + time_delta(how_long)),
                None => RetitleFailure::MayPass,
            }),
            Err(error) => {
                self.tools.forums.forget(self.target);
                if self.should_warn(work, "title and tags") {
                    tracing::warn!(channel = %mirror.channel, %error, "a post's title and tags can't be changed; the bot may lack Manage Threads");
                }
                None
            }
        }
    }

    async fn try_retitle(&self, work: &Work, mirror: &Mirror) -> Result<(), RestError> {
        let Some(PostHeading { title, tags, .. }) = self.post_heading(work, mirror.webhook).await? else {
            return Ok(());
        };
        let post = match self.tools.rest.channel(mirror.channel).await {
            // The edit itself finds that.
            Err(error) if error.is_not_found() => return Ok(()),
            post => post?,
        };
        let same_title = text::skeleton(&post.name) == text::skeleton(&title);
        let same_tags =
            post.applied_tags.len() == tags.len() && tags.iter().all(|tag| post.applied_tags.contains(tag));
        if same_title && same_tags {
            return Ok(());
        }
        let change = ThreadPatch {
            name: (!same_title).then_some(title),
            applied_tags: (!same_tags).then_some(tags),
            archived: post.is_archived().then_some(false),
        };
        self.tools.rest.change_thread(mirror.channel, &change, REASON).await.map(|_| ())
    }

    /// Removes the post of the last mirror in it, unless people answered there. Says what to do instead, if
    /// that can't be done now.
    pub(super) async fn tidy_post(
        &self,
        work: &Work,
        mirror: &Mirror,
    ) -> Result<Option<StepOutcome>, StoreError> {
        if self.target_kind != TargetKind::Forum || !self.tools.store.stands_alone(mirror).await? {
            return Ok(None);
        }
        Ok(match self.remove_empty_post(mirror.channel).await {
            Err(error) => self.fail_tidying(work, &error, "empty post"),
            Ok(_) => None,
        })
    }

    /// The same where what the post began with is taken back for good. A post that stays gets a neutral
    /// title, so that it no longer quotes the first line.
    pub(super) async fn tidy_withdrawn_post(
        &self,
        work: &Work,
        mirror: &Mirror,
    ) -> Result<Option<StepOutcome>, StoreError> {
        if self.target_kind != TargetKind::Forum {
            return Ok(None);
        }
        let is_last = self.tools.store.stands_alone(mirror).await?;
        let removed = if is_last { self.remove_empty_post(mirror.channel).await } else { Ok(false) };
        let quotes = work.place == SourcePlace::Source && begins_post(work, mirror);
        Ok(match removed {
            Err(error) => self.fail_tidying(work, &error, "empty post"),
            Ok(false) if quotes => {
                let change = ThreadPatch { name: Some(DELETED.to_owned()), ..ThreadPatch::default() };
                match self.tools.rest.change_thread(mirror.channel, &change, REASON).await {
                    Err(error) if !error.is_not_found() => self.fail_tidying(work, &error, "title"),
                    _ => None,
                }
            }
            Ok(_) => None,
        })
    }

    fn fail_tidying(&self, work: &Work, error: &RestError, what: &'static str) -> Option<StepOutcome> {
        if error.passes() {
            return Some(self.fail_change(work, error));
        }
        if self.should_warn(work, what) {
            tracing::warn!(channel = %self.target, %error, what, "what is left of a post can't be tidied up; the bot may lack Manage Threads");
        }
        None
    }

    /// Removes a post that has no messages. An empty history alone doesn't show that: without Read Message
    /// History, every history is empty. Whether the post is gone.
    pub(super) async fn remove_empty_post(&self, post: ChannelId) -> Result<bool, RestError> {
        match self.tools.rest.messages_latest(post, 1).await {
            Ok(messages) if messages.is_empty() => {}
            Err(error) if !error.is_not_found() => return Err(error),
            messages => return Ok(messages.is_err()),
        }
        match self.tools.rest.channel(post).await {
            Ok(post) if post.message_count.is_none_or(|count| count > 0) => Ok(false),
            Ok(_) => self.tools.rest.delete_thread(post, REASON).await.map(|_| true),
            Err(error) if error.is_not_found() => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether a new answer has nowhere to go, because somebody removed the post that shows its thread.
    pub(super) fn has_no_post(&self, work: &Work) -> bool {
        self.target_kind == TargetKind::Forum && work.channel().is_none() && work.surroundings.post_removed
    }

    /// Ends a delivery whose post somebody removed.
    pub(super) fn end_without_post(&self, work: &Work) -> StepOutcome {
        tracing::info!(channel = %self.target, "the post that shows a thread was removed; what is posted there is not shown any more");
        self.end(work, DeliveryEnding::Withdrawn)
    }
}

/// Whether a mirror is what its post begins with. Everything but an answer begins a post, and at Discord the
/// first message has the post's number.
fn begins_post(work: &Work, mirror: &Mirror) -> bool {
    let own = work.place != SourcePlace::Answer && mirror.part == Part(0);
    own || mirror.message == mirror.channel.first_message()
}
