//! Digests of people's feeds by direct message.
//!
//! ```text
//! due ─► read the feed ─► nothing new: wait for the next time
//!                     └─► claim (the next time is stored) ─► send ─► arrived: note up to where
//!                                                             ├─► Discord refuses: count; after three, pause
//!                                                             ├─► certainly not sent: due again in a while
//!                                                             └─► in doubt: nothing; not twice in a period
//! ```
//!
//! What a digest that got lost on its way would have shown is in the next one.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::domain::audit::Via;
use crate::domain::digest::{DIGEST_POSTS, Digest, DigestPeriod, DigestSchedule};
use crate::domain::feed::FeedFilter;
use crate::domain::ids::{MessageId, UserId};
use crate::domain::lock::lock;
use crate::domain::rendering::preview_post;
use crate::domain::text;
use crate::rest::RestError;
use crate::service::{PersonalRefusal, ServiceError};

use super::{FeedPage, FeedRequest, FeedStart, People, ShownPost};

/// How often the database is asked which digests are due.
const LOOK: Duration = Duration::from_secs(5);
/// The same while there are more than were looked at.
const NEXT: Duration = Duration::from_millis(200);
/// How many are looked at in one go.
const BATCH: u16 = 50;
/// When a digest is tried again that certainly wasn't sent.
const AGAIN: TimeDelta = TimeDelta::minutes(5);
/// How much of a post, a name, and a digest is shown, in UTF-16 units (Discord: 4,096 in an embed).
const POST: usize = 200;
const NAME: usize = 60;
const WHOLE: usize = 4_000;
/// The color of its embed.
const BLUE: u32 = 0x3b_7d_d8;

impl People {
    /// Somebody's digest.
    pub async fn digest(&self, user: UserId) -> Result<Option<Digest>, ServiceError> {
        Ok(self.store.digest(user).await?)
    }

    /// Ends somebody's digest. Returns whether there was one.
    pub async fn remove_digest(&self, user: UserId) -> Result<bool, ServiceError> {
        Ok(self.store.remove_digest(user).await?)
    }

    /// Sets somebody's digest up, or changes it. One is sent at once, to see whether it arrives.
    ///
    /// # Errors
    /// [`PersonalRefusal::DirectMessagesClosed`] if Discord doesn't let the bot write to that person. Then
    /// everything stays as it was.
    pub async fn set_digest(&self, user: UserId, schedule: DigestSchedule) -> Result<Digest, ServiceError> {
        let now = self.clock.now();
        lock(&self.trials).take(user, now).map_err(PersonalRefusal::TooManyDigestTrials)?;
        let before = self.store.digest(user).await?;
        let page = self.digest_page(user, before.and_then(|digest| digest.sent)).await?;
        let digest =
            Digest { user, schedule, next_at: Some(schedule.next_after(now)), sent: newest_of(&page) };
        self.send_directly(user, &trial(&digest, &page)).await.map_err(|error| match error {
            error if !error.passes() => PersonalRefusal::DirectMessagesClosed.into(),
            error => ServiceError::from(error),
        })?;
        self.store.set_digest(&digest, now).await?;
        Ok(digest)
    }

    /// Sends digests when they are due, until it is stopped.
    pub async fn send_digests(&self) {
        loop {
            let wait = match self.send_due_digests().await {
                Ok(true) => NEXT,
                Ok(false) => LOOK,
                Err(error) => {
                    tracing::error!(%error, "can't read which digests are due");
                    LOOK
                }
            };
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends those that are due. Whether there may be more right now.
    async fn send_due_digests(&self) -> Result<bool, ServiceError> {
        let due = self.store.due_digests(self.clock.now(), BATCH).await?;
        let is_full = due.len() == usize::from(BATCH);
        for digest in due {
            self.send_digest(&digest).await?;
        }
        Ok(is_full)
    }

    async fn send_digest(&self, digest: &Digest) -> Result<(), ServiceError> {
        let (Digest { user, schedule, sent, .. }, now) = (digest.clone(), self.clock.now());
        let Some(due) = digest.next_at else { return Ok(()) };
        let page = match self.digest_page(user, sent).await {
            Ok(page) => page,
            Err(error @ ServiceError::Store(_)) => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "a digest waits because a feed can't be read");
                self.store.claim_digest(user, due, now + AGAIN).await?;
                return Ok(());
            }
        };
        if page.posts.is_empty() && !page.is_complete {
            self.store.claim_digest(user, due, now + AGAIN).await?;
            return Ok(());
        }
        let next = schedule.next_after(now);
        if !self.store.claim_digest(user, due, next).await? {
            return Ok(());
        }
        let Some(newest) = newest_of(&page) else { return Ok(()) };
        match self.send_directly(user, &message(&page)).await {
            Ok(()) => Ok(self.store.record_digest_sent(user, newest).await?),
            Err(error) if !error.passes() => {
                tracing::info!(%error, "Discord refused a digest");
                Ok(self.store.record_digest_refused(user).await?)
            }
            Err(error) => {
                tracing::warn!(%error, "a digest wasn't sent, or may not have arrived");
                let again = now + AGAIN;
                if is_unsent(&error) && again < next {
                    self.store.claim_digest(user, next, again).await?;
                }
                Ok(())
            }
        }
    }

    /// What somebody hasn't read, and no digest had.
    async fn digest_page(&self, user: UserId, sent: Option<MessageId>) -> Result<FeedPage, ServiceError> {
        let request = FeedRequest {
            user,
            via: Via::Command,
            filter: FeedFilter { after: sent, ..FeedFilter::default() },
            unread: true,
            start: FeedStart::Newest,
            limit: DIGEST_POSTS,
        };
        self.feed(request).await
    }

    async fn send_directly(&self, user: UserId, message: &Value) -> Result<(), RestError> {
        // These are in no server.
        let rest = self.rest.of_program();
        let direct = rest.open_direct_messages(user).await?;
        rest.create_message(direct.id, message).await.map(|_| ())
    }
}

/// Whether it is certain that nothing was sent.
const fn is_unsent(error: &RestError) -> bool {
    error.was_not_asked() || matches!(error, RestError::StillLimited { .. } | RestError::Unauthorized)
}

fn newest_of(page: &FeedPage) -> Option<MessageId> {
    page.posts.first().map(|shown| shown.post.position.message)
}

/// When digests come, in words.
pub fn schedule_in_words(schedule: &DigestSchedule) -> String {
    let day = match schedule.every {
        DigestPeriod::Day => "every day",
        DigestPeriod::Week => "every Monday",
    };
    format!("{day} at {}:00 ({})", schedule.hour, schedule.time_zone.name())
}

/// The first one, which shows that they arrive.
fn trial(digest: &Digest, page: &FeedPage) -> Value {
    let when = schedule_in_words(&digest.schedule);
    let next = digest.next_at.map(|next| format!(" The next one comes <t:{}:R>.", next.timestamp()));
    let said = format!(
        "Your digest is set up: {when}, if there is something new in your feed.{} `/feed digest every:off` ends it.",
        next.unwrap_or_default()
    );
    let mut trial = if page.posts.is_empty() { json!({}) } else { message(page) };
    trial["content"] = json!(said);
    trial["allowed_mentions"] = json!({ "parse": [] });
    trial
}

fn message(page: &FeedPage) -> Value {
    let posts = page.posts.len();
    let count = page.total.max(posts);
    let more = if page.is_total_exact { "" } else { " or more" };
    let title = if count == 1 {
        "1 new post in your feed".to_owned()
    } else {
        format!("{count}{more} new posts in your feed")
    };
    let mut lines = String::new();
    let mut shown = 0;
    for line in page.posts.iter().map(line) {
        if text::units(&lines) + text::units(&line) > WHOLE {
            break;
        }
        lines.push_str(&line);
        shown += 1;
    }
    let footer = match count - shown {
        0 => "/feed read marks them as read · /feed digest changes or ends this".to_owned(),
        left => format!("And {left}{more} more: /feed read · /feed digest changes or ends this"),
    };
    json!({
        "embeds": [{ "title": title, "description": lines.trim_end(), "color": BLUE, "footer": { "text": footer } }],
        "allowed_mentions": { "parse": [] },
    })
}

/// One post, in a paragraph of its own.
fn line(shown: &ShownPost) -> String {
    let ShownPost { post, channel_name, server_name } = shown;
    let name = |name: &str| text::escape(&text::cut(name, NAME));
    let (author, said) = match &post.content {
        Some(content) => {
            let preview = preview_post(content, POST);
            // In one line, so that nothing in it becomes a heading or a list.
            (name(&preview.author), preview.text.split_whitespace().collect::<Vec<_>>().join(" "))
        }
        None => ("Somebody".to_owned(), "*I don't keep what this said any more.*".to_owned()),
    };
    format!(
        "**{author}** in #{} ({}) <t:{}:R> · [Open]({})\n> {said}\n\n",
        name(channel_name),
        name(server_name),
        post.posted_at().timestamp(),
        post.link()
    )
}
