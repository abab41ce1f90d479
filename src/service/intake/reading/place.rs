//! What a channel is in which a followed person posts and that nobody follows: asked of Discord once, if the
//! gateway hasn't told it.

use crate::domain::ids::{ChannelId, GuildId};
use crate::service::ServiceError;
use crate::service::watch::SeenThread;

use super::Reader;

impl Reader {
    /// Finds out whether a channel is a thread, with which tags, and what they are called.
    pub(in crate::service::intake) async fn find_place(
        &self,
        channel: ChannelId,
        guild: GuildId,
    ) -> Result<(), ServiceError> {
        let found = match self.rest.of_server(guild).channel(channel).await {
            Ok(found) => found,
            Err(error) if error.passes() => return Err(error.into()),
            Err(error) => {
                tracing::debug!(%channel, %error, "a followed person posted in a channel that can't be seen");
                self.watched.describe_author_channel(channel, false, self.clock.now());
                return Ok(());
            }
        };
        let Some(seen) = SeenThread::read(&found, guild) else {
            self.watched.describe_author_channel(channel, true, self.clock.now());
            return Ok(());
        };
        if !seen.tags.is_empty() && self.watched.is_author_forum(seen.parent).is_none() {
            match self.look_at_channel(seen.parent, guild).await {
                Err(ServiceError::Discord(error)) if !error.passes() => {
                    self.watched.offers_nothing(seen.parent);
                }
                looked => drop(looked?),
            }
        }
        self.watched.describe_author_thread(seen);
        Ok(())
    }
}
