//! Brings answers up to date whose original was edited or deleted: their mirrors quote it.
//!
//! It works beside the intake and holds up nothing there: some answers of each original in turn, one request at a time. What was read is only written down where
//! nothing else was, meanwhile. An answer that can't be read now is read again after growing pauses, and given up in the end; other originals don't wait for it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;

use crate::domain::activity::ActivityId;
use crate::domain::ids::{GuildId, MessageId};
use crate::domain::retry::MOST_FAILED;
use crate::service::ServiceError;
use crate::service::failing::Failing;
use crate::store::{Quoting, SourceEvent, StaleQuote};

use super::Intake;
use super::batch::Batch;
use super::reader::Read;

/// How often it is looked for what another process noted, and for what failed.
const EACH: Duration = Duration::from_secs(5);
/// How many originals are looked up at once.
const ORIGINALS: u32 = 100;
/// How many answers of an original are brought up to date before it is another's turn.
const ANSWERS: u32 = 20;

/// What came of a turn of an original.
enum Turn {
    /// Whether there is more to do at once.
    Done(bool),
    /// This answer can't be brought up to date now.
    Failed(ActivityId, ServiceError),
}

impl Intake {
    /// Keeps quotes up to date, as long as it is let.
    pub async fn keep_quotes(self: Arc<Self>) {
        let mut failing = Failing::default();
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

    /// One turn of each original that doesn't wait. Whether there is more to do at once.
    async fn requote_some(&self, failing: &mut Failing<MessageId>) -> Result<bool, ServiceError> {
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
                    Ok(Ok(Turn::Done(goes_on))) => {
                        failing.settle(&stale.message);
                        more |= goes_on;
                    }
                    Ok(Ok(Turn::Failed(answer, error))) => {
                        tracing::warn!(source = %stale.source, %error, "an answer can't be brought up to date yet");
                        if failing.fail(stale.message, Instant::now()) >= MOST_FAILED {
                            failing.settle(&stale.message);
                            tracing::error!(source = %stale.source, answer = answer.0, "it is given up");
                            self.store.quotes_done(stale, Some(answer)).await?;
                        }
                    }
                    // The database can't be asked: so it is for all of them.
                    Ok(Err(error)) => return Err(error),
                    Err(_) => {
                        tracing::error!(source = %stale.source, "answers can't be brought up to date: a panic");
                        self.store.quotes_done(stale, None).await?;
                    }
                }
            }
        }
    }

    /// Brings some of what quotes this up to date, as far as the first that can't be.
    async fn requote(&self, stale: &StaleQuote) -> Result<Turn, ServiceError> {
        // A source that nobody follows any more is nobody's; what quotes the same message elsewhere may still be followed.
        let ours = match self.watched.root_of(stale.source) {
            Some((_, guild)) => self.shards.has(guild),
            None => self.shards.keeps_house(),
        };
        if !ours {
            return Ok(Turn::Done(false));
        }
        let quoting = self.store.quoting(stale, ANSWERS).await?;
        let more = u32::try_from(quoting.len()).is_ok_and(|count| count == ANSWERS);
        let deleted = self.store.is_known_deleted(stale.message).await?;
        let (mut batch, mut last, mut failed) = (Batch::default(), None, None);
        for one in quoting {
            let answer = one.id;
            // Forwards of one message stand in many servers. Of a thread that is followed by itself, the channel isn't.
            let followed =
                [one.source, one.origin.channel()].into_iter().find_map(|of| self.watched.root_of(of));
            if let Some((_, guild)) = followed {
                match self.requoted(one, guild, deleted).await {
                    Ok(event) => batch.events.extend(event),
                    Err(error) => {
                        failed = Some(Turn::Failed(answer, error));
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
        Ok(failed.unwrap_or(Turn::Done(more)))
    }

    /// An answer as it is now. Of a deleted original nothing has to be asked, as long as the answer is kept: recording it leaves out what was quoted.
    async fn requoted(
        &self,
        answer: Quoting,
        guild: GuildId,
        deleted: bool,
    ) -> Result<Option<SourceEvent>, ServiceError> {
        let Quoting { origin, source, revision, content, .. } = answer;
        if let Some(content) = content.filter(|_| deleted) {
            let (author, content) = (None, content.into());
            return Ok(Some(SourceEvent::Reread { origin, source, author, revision, content }));
        }
        let read = match self.reader.one(origin.channel(), guild, origin.message(), false).await {
            Err(ServiceError::Discord(error)) if !error.passes() => return Ok(None),
            read => read?,
        };
        Ok(read.into_iter().find_map(|read| match read {
            Read::Message { message, source, content, .. } => {
                let (author, content) = (Some(message.author.id), (*content).into());
                Some(SourceEvent::Reread { origin, source, author, revision, content })
            }
            Read::Gone(origin) => Some(SourceEvent::Deleted { origin }),
            _ => None,
        }))
    }
}
