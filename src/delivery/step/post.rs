//! Threads and forums as targets, beyond what channels need: posts that begin, are kept up to date and go, threads that wake, and what "gone" means in them.

use chrono::{DateTime, Utc};

use crate::domain::activity::{Ending, Mirror, Part, Showing};
use crate::domain::ids::{ChannelId, TagId, WebhookId};
use crate::domain::place::{Place, Spot};
use crate::domain::text;
use crate::rest::model::Channel;
use crate::rest::{ChangeOutcome, ErrorCode, Refusal, RestError, ThreadChange, WebhookMessage};
use crate::store::{StoreError, Work};

use super::create::{Performed, Sender};
use super::forums::fitting_tags;
use super::render as parts;

/// What a server's audit log says of what the bot does with posts and threads.
const REASON: &str = "Channel follow";

/// What a post is called that stays without what it began with.
const DELETED: &str = "A deleted message";

/// What a post is to be called, and which tags it gets.
pub(in crate::delivery) struct Heading {
    pub(in crate::delivery) title: String,
    pub(in crate::delivery) tags: Vec<TagId>,
    /// The forum was asked for just now.
    pub(in crate::delivery) fresh: bool,
}

/// Why what goes with an edit wasn't done with it.
pub(in crate::delivery) enum Held {
    /// A limit, until that time.
    Until(DateTime<Utc>),
    /// It failed, and may succeed another time.
    Failed,
}

/// What it means that Discord doesn't find the channel, thread or post that a webhook was to reach.
pub(in crate::delivery) enum Gone {
    /// The target.
    Target,
    /// A post of it: somebody removed that.
    Post,
    /// It stands, but the webhook doesn't: somebody moved it.
    Moved,
    /// Nobody knows.
    Unclear,
}

impl Sender<'_> {
    /// The heading of the post that shows this, as far as the forum can be looked at. `None` where the webhook stands in another channel by now.
    pub(in crate::delivery) async fn heading(
        &self,
        work: &Work,
        webhook: WebhookId,
    ) -> Result<Option<Heading>, RestError> {
        let title = parts::title(work).unwrap_or_default();
        let (forum, just_now) = match self.tools.forum(self.target).await {
            Ok(forum) => forum,
            Err(error) if error.passes() => return Err(error),
            // Hidden from the bot, but not from its webhook.
            Err(_) => return Ok(Some(Heading { title, tags: Vec::new(), fresh: true })),
        };
        // A new post lands wherever the webhook is, and doesn't tell where: that is looked at as often as the forum.
        if just_now && self.stands_elsewhere(webhook, self.target).await? {
            self.tools.forums.forget(self.target);
            return Ok(None);
        }
        Ok(Some(Heading { title, tags: self.tags(&forum, work), fresh: just_now }))
    }

    fn tags(&self, forum: &Channel, work: &Work) -> Vec<TagId> {
        fitting_tags(forum, work.content.as_deref().and_then(Showing::as_message))
    }

    async fn stands_elsewhere(&self, webhook: WebhookId, channel: ChannelId) -> Result<bool, RestError> {
        match self.tools.rest.webhook(webhook).await {
            Ok(webhook) => Ok(webhook.channel_id.is_some_and(|stands_in| stands_in != channel)),
            Err(error) if error.passes() => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// Whether Discord refused a new post for what had been known of its forum for a while: it is asked for anew then.
    pub(in crate::delivery) fn was_out_of_date(&self, refusal: &Refusal, heading: Option<&Heading>) -> bool {
        self.tools.forums.forget(self.target);
        let about_tags = matches!(refusal.code, ErrorCode::TAG_REQUIRED | ErrorCode::UNKNOWN_TAG);
        about_tags && heading.is_some_and(|heading| !heading.fresh)
    }

    /// What has become of what couldn't be found.
    pub(in crate::delivery) async fn gone(&self, channel: Option<ChannelId>, webhook: WebhookId) -> Gone {
        let Some(thread) = channel.filter(|_| self.spot != Spot::Channel) else { return Gone::Target };
        match self.tools.rest.channel(thread).await {
            Err(error) if error.is_not_found() => match self.spot {
                Spot::Forum => Gone::Post,
                Spot::Channel | Spot::Thread { .. } => Gone::Target,
            },
            Ok(_) => match self.stands_elsewhere(webhook, self.spot.webhook_channel(self.target)).await {
                Ok(true) => Gone::Moved,
                Ok(false) | Err(_) => Gone::Unclear,
            },
            Err(_) => Gone::Unclear,
        }
    }

    /// How a mirror is reached through its webhook.
    pub(in crate::delivery) fn address(&self, mirror: &Mirror) -> WebhookMessage {
        let in_thread =
            self.spot != Spot::Channel && mirror.channel != self.spot.webhook_channel(self.target);
        WebhookMessage { id: mirror.message, thread: in_thread.then_some(mirror.channel) }
    }

    /// Wakes a thread, where what was to be changed in it couldn't be, as it is archived. Whether it is to be changed once more now.
    pub(in crate::delivery) async fn woke(&self, thread: ChannelId, outcome: &mut ChangeOutcome) -> bool {
        if *outcome != ChangeOutcome::Archived {
            return false;
        }
        match self.wake(thread).await {
            Ok(()) => true,
            Err(error) => {
                if error.passes() {
                    *outcome = ChangeOutcome::Again;
                }
                false
            }
        }
    }

    pub(in crate::delivery) async fn wake(&self, thread: ChannelId) -> Result<(), RestError> {
        let change = ThreadChange { archived: Some(false), ..ThreadChange::default() };
        self.tools.rest.change_thread(thread, &change, REASON).await.map(|_| ())
    }

    /// Brings title and tags of the post that this mirror began to what they should be; says when to come back where that can't be done now. What only Manage Threads
    /// allows is left as it is without it.
    pub(in crate::delivery) async fn retitle(&mut self, work: &Work, mirror: &Mirror) -> Option<Held> {
        if self.spot != Spot::Forum || !begins_post(work, mirror) {
            return None;
        }
        match self.try_retitle(work, mirror).await {
            Ok(()) => None,
            Err(error) if error.passes() => Some(match error.held_for() {
                Some(how_long) => Held::Until(self.now() + super::create::span(how_long)),
                None => Held::Failed,
            }),
            Err(error) => {
                self.tools.forums.forget(self.target);
                if self.is_news(work, "title and tags") {
                    tracing::warn!(channel = %mirror.channel, %error, "a post's title and tags can't be changed; the bot may lack Manage Threads");
                }
                None
            }
        }
    }

    async fn try_retitle(&self, work: &Work, mirror: &Mirror) -> Result<(), RestError> {
        let Some(Heading { title, tags, .. }) = self.heading(work, mirror.webhook).await? else {
            return Ok(());
        };
        let post = match self.tools.rest.channel(mirror.channel).await {
            // Found by the edit itself.
            Err(error) if error.is_not_found() => return Ok(()),
            post => post?,
        };
        let same_title = text::skeleton(&post.name) == text::skeleton(&title);
        let same_tags =
            post.applied_tags.len() == tags.len() && tags.iter().all(|tag| post.applied_tags.contains(tag));
        if same_title && same_tags {
            return Ok(());
        }
        let change = ThreadChange {
            name: (!same_title).then_some(title),
            applied_tags: (!same_tags).then_some(tags),
            archived: post.is_archived().then_some(false),
        };
        self.tools.rest.change_thread(mirror.channel, &change, REASON).await.map(|_| ())
    }

    /// A post of which nothing is left goes with the last mirror in it; one in which people answered stays. Says what to do instead, if that can't be done now.
    pub(in crate::delivery) async fn tidy(
        &self,
        work: &Work,
        mirror: &Mirror,
    ) -> Result<Option<Performed>, StoreError> {
        if self.spot != Spot::Forum || !self.tools.store.stands_alone(mirror).await? {
            return Ok(None);
        }
        Ok(match self.remove_empty(mirror.channel).await {
            Err(error) => self.untidied(work, &error, "empty post"),
            Ok(_) => None,
        })
    }

    /// The same where what the post began with is taken back for good: a post that stays doesn't go on telling its first line.
    pub(in crate::delivery) async fn tidy_for_good(
        &self,
        work: &Work,
        mirror: &Mirror,
    ) -> Result<Option<Performed>, StoreError> {
        if self.spot != Spot::Forum {
            return Ok(None);
        }
        let goes = self.tools.store.stands_alone(mirror).await?;
        let gone = if goes { self.remove_empty(mirror.channel).await } else { Ok(false) };
        let quotes = work.place == Place::Source && begins_post(work, mirror);
        Ok(match gone {
            Err(error) => self.untidied(work, &error, "empty post"),
            Ok(false) if quotes => {
                let change = ThreadChange { name: Some(DELETED.to_owned()), ..ThreadChange::default() };
                match self.tools.rest.change_thread(mirror.channel, &change, REASON).await {
                    Err(error) if !error.is_not_found() => self.untidied(work, &error, "title"),
                    _ => None,
                }
            }
            Ok(_) => None,
        })
    }

    fn untidied(&self, work: &Work, error: &RestError, what: &'static str) -> Option<Performed> {
        if error.passes() {
            return Some(self.delayed(work, error));
        }
        if self.is_news(work, what) {
            tracing::warn!(channel = %self.target, %error, what, "what is left of a post can't be tidied up; the bot may lack Manage Threads");
        }
        None
    }

    /// Removes a post in which nothing stands. Its history alone doesn't show that: without Read Message History it is empty too. Whether it is gone.
    pub(in crate::delivery) async fn remove_empty(&self, post: ChannelId) -> Result<bool, RestError> {
        let gone = |error: &RestError| error.is_not_found();
        match self.tools.rest.messages_latest(post, 1).await {
            Ok(messages) if messages.is_empty() => {}
            Err(error) if !gone(&error) => return Err(error),
            messages => return Ok(messages.is_err()),
        }
        match self.tools.rest.channel(post).await {
            Ok(post) if post.message_count.is_none_or(|count| count > 0) => Ok(false),
            Ok(_) => self.tools.rest.delete_thread(post, REASON).await.map(|_| true),
            Err(error) if gone(&error) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether a new answer has nowhere to go: the post that shows its thread was removed by hand.
    pub(in crate::delivery) fn has_no_post(&self, work: &Work) -> bool {
        self.spot == Spot::Forum && work.channel().is_none() && work.surroundings.post_removed
    }

    /// Ends a delivery whose post somebody removed.
    pub(in crate::delivery) fn without_post(&self, work: &Work) -> Performed {
        tracing::info!(channel = %self.target, "the post that shows a thread was removed; what is posted there is not shown any more");
        self.ended(work, Ending::Withdrawn)
    }
}

/// Whether a mirror is what a post begins with: all but answers begin one, and at Discord it has the post's number.
fn begins_post(work: &Work, mirror: &Mirror) -> bool {
    let own = work.place != Place::Answer && mirror.part == Part(0);
    own || mirror.message == mirror.channel.first_message()
}
