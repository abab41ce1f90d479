//! Brings answers up to date whose original was edited or deleted: their mirrors quote it.
//!
//! It works beside the intake and holds up nothing there: some answers of each original in turn, one request at a time. What was read is only written down where
//! nothing else was, meanwhile.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;

use crate::domain::ids::GuildId;
use crate::service::ServiceError;
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

impl Intake {
    /// Keeps quotes up to date, as long as it is let.
    pub async fn keep_quotes(self: Arc<Self>) {
        loop {
            let more = match self.requote_some().await {
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

    /// One turn of each original. Whether there is more to do at once.
    async fn requote_some(&self) -> Result<bool, ServiceError> {
        let (mut more, mut after) = (false, None);
        loop {
            let stale = self.store.stale_quotes(after, ORIGINALS).await?;
            let Some(last) = stale.last() else { return Ok(more) };
            after = Some(last.message);
            for stale in stale {
                match AssertUnwindSafe(self.requote(&stale)).catch_unwind().await {
                    Ok(Ok(goes_on)) => more |= goes_on,
                    Ok(Err(error)) => {
                        tracing::warn!(source = %stale.source, %error, "answers can't be brought up to date yet");
                    }
                    Err(_) => {
                        tracing::error!(source = %stale.source, "answers can't be brought up to date: a panic");
                        self.store.quotes_done(&stale, None).await?;
                    }
                }
            }
        }
    }

    /// Brings some of what quotes this up to date. Whether there is more.
    async fn requote(&self, stale: &StaleQuote) -> Result<bool, ServiceError> {
        let Some((_, guild)) = self.watched.root_of(stale.source) else {
            // Nobody follows it any more.
            if self.shards.keeps_house() {
                self.store.quotes_done(stale, None).await?;
            }
            return Ok(false);
        };
        if !self.shards.has(guild) {
            return Ok(false);
        }
        let quoting = self.store.quoting(stale, ANSWERS).await?;
        let more = u32::try_from(quoting.len()).is_ok_and(|count| count == ANSWERS);
        let up_to = quoting.last().filter(|_| more).map(|last| last.id);
        let deleted = self.store.is_known_deleted(stale.message).await?;
        let mut batch = Batch::default();
        for one in quoting {
            batch.events.extend(self.requoted(one, guild, deleted).await?);
        }
        self.record(batch).await;
        self.store.quotes_done(stale, up_to).await?;
        Ok(more)
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
            return Ok(Some(SourceEvent::Reread { origin, source, revision, content: content.into() }));
        }
        let read = match self.reader.one(origin.channel(), guild, origin.message(), false).await {
            Err(ServiceError::Discord(error)) if !error.passes() => return Ok(None),
            read => read?,
        };
        Ok(read.into_iter().find_map(|read| match read {
            Read::Message { source, content, .. } => {
                Some(SourceEvent::Reread { origin, source, revision, content: (*content).into() })
            }
            Read::Gone(origin) => Some(SourceEvent::Deleted { origin }),
            _ => None,
        }))
    }
}
