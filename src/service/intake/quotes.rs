//! Updates answers whose original was edited or deleted, because their mirrors quote it.
//!
//! This works beside the intake and never holds it up: originals take turns with some answers each, one
//! request at a time. What was read is recorded only if nothing else was recorded meanwhile. An answer that
//! can't be read now is tried again after growing pauses, and finally given up; other originals don't wait
//! for it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::domain::activity::ActivityId;
use crate::domain::ids::{GuildId, MessageId};
use crate::domain::retry::MOST_FAILED;
use crate::service::ServiceError;
use crate::service::backoff::Backoffs;
use crate::store::{QuotingActivity, SourceEvent, StaleQuote};

use super::Intake;
use super::batch::Batch;
use super::reading::ReadItem;

/// How often to look for what another process noted, and for what failed.
const EACH: Duration = Duration::from_secs(5);
/// How many originals are looked up at once.
const ORIGINALS: u32 = 100;
/// How many answers of an original are updated before the next original has its turn.
const ANSWERS: u32 = 20;

/// The result of an original's turn.
enum RequoteOutcome {
    /// Whether there is more to do at once.
    Done(bool),
    /// This answer can't be updated now.
    Failed(ActivityId, ServiceError),
}

impl Intake {
    /// Keeps quotes up to date until it is stopped.
    pub async fn keep_quotes(self: Arc<Self>) {
        let mut failing = Backoffs::default();
        loop {
            let more = match self.requote_some(&mut failing).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::warn!(%error, "what quotes edited or deleted messages can't be looked up yet");
                    false
                }
            };
            if !more {
                drop(tokio::time::timeout(EACH, self.quotes.notified()).await);
            }
        }
    }

    /// One turn of each original that isn't waiting. Whether there is more to do at once.
    async fn requote_some(&self, failing: &mut Backoffs<MessageId>) -> Result<bool, ServiceError> {
        let (mut more, mut after) = (false, None);
        loop {
            let stale = self.store.stale_quotes(after, ORIGINALS).await?;
            let Some(last) = stale.last() else { return Ok(more) };
            after = Some(last.message);
            for stale in &stale {
                if failing.waits(&stale.message, Instant::now()) {
                    continue;
                }
                match AssertUnwindSafe(self.requote(stale)).catch_unwind().await {
                    Ok(Ok(RequoteOutcome::Done(goes_on))) => {
                        failing.forget(&stale.message);
                        more |= goes_on;
                    }
                    Ok(Ok(RequoteOutcome::Failed(answer, error))) => {
                        tracing::warn!(source = %stale.source, %error, "an answer can't be brought up to date yet");
                        if failing.fail(stale.message, Instant::now()) >= MOST_FAILED {
                            failing.forget(&stale.message);
                            tracing::error!(source = %stale.source, answer = answer.0, "it is given up");
                            self.store.quotes_done(stale, Some(answer)).await?;
                        }
                    }
                    // The database can't be asked, which affects all of them.
                    Ok(Err(error)) => return Err(error),
                    Err(_) => {
                        tracing::error!(source = %stale.source, "answers can't be brought up to date: a panic");
                        self.store.quotes_done(stale, None).await?;
                    }
                }
            }
        }
    }

    /// Updates some of the answers that quote this, up to the first that can't be updated.
    async fn requote(&self, stale: &StaleQuote) -> Result<RequoteOutcome, ServiceError> {
        // Nobody's shard has a source that isn't followed any more, but answers elsewhere may still be
        // followed.
        let ours = match self.watched.root_of(stale.source) {
            Some((_, guild)) => self.shards.has(guild),
            None => self.shards.keeps_house(),
        };
        if !ours {
            return Ok(RequoteOutcome::Done(false));
        }
        let quoting = self.store.quoting(stale, ANSWERS).await?;
        let more = u32::try_from(quoting.len()).is_ok_and(|count| count == ANSWERS);
        let deleted = self.store.is_known_deleted(stale.message).await?;
        let (mut batch, mut last, mut failed) = (Batch::default(), None, None);
        for one in quoting {
            let answer = one.id;
            // Forwards of one message stand in many servers. Of a thread that is followed by itself, the
            // channel isn't.
            let followed =
                [one.source, one.origin.channel()].into_iter().find_map(|of| self.watched.root_of(of));
            if let Some((_, guild)) = followed {
                match self.requoted(one, guild, deleted).await {
                    Ok(event) => batch.events.extend(event),
                    Err(error) => {
                        failed = Some(RequoteOutcome::Failed(answer, error));
                        break;
                    }
                }
            }
            last = Some(answer);
        }
        self.record(batch).await;
        let ended = failed.is_none() && !more;
        if ended || last.is_some() {
            self.store.quotes_done(stale, last.filter(|_| !ended)).await?;
        }
        Ok(failed.unwrap_or(RequoteOutcome::Done(more)))
    }

    /// An answer as it is now. If the original was deleted and the answer's content is kept, nothing needs to
    /// be asked: recording it removes the quoted text.
    async fn requoted(
        &self,
        answer: QuotingActivity,
        guild: GuildId,
        deleted: bool,
    ) -> Result<Option<SourceEvent>, ServiceError> {
        let QuotingActivity { origin, source, revision, content, .. } = answer;
        if let Some(content) = content.filter(|_| deleted) {
            let (author, content) = (None, content.into());
            return Ok(Some(SourceEvent::Reread { origin, source, author, revision, content }));
        }
        let read = match self.reader.read_message(origin.channel(), guild, origin.message(), false).await {
            Err(ServiceError::Discord(error)) if !error.passes() => return Ok(None),
            read => read?,
        };
        Ok(read.into_iter().find_map(|read| match read {
            ReadItem::Message { message, source, content, .. } => {
                let (author, content) = (Some(message.author.id), (*content).into());
                Some(SourceEvent::Reread { origin, source, author, revision, content })
            }
            ReadItem::Gone(origin) => Some(SourceEvent::Deleted { origin }),
            _ => None,
        }))
    }
}
