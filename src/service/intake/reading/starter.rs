//! What the threads of a source begin with, asked of Discord where it matters and isn't known.

use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::rest::HISTORY_PAGE;
use crate::rest::model::Message;
use crate::service::ServiceError;
use crate::service::watch::First;

use super::Reader;

impl Reader {
    /// Before a thread is read from `seen` on. A forum's post begins with the message that has its number; elsewhere
    /// the first post begins the thread, unless it was started from a message of its channel.
    pub(in crate::service::intake) async fn look_for_first(
        &self,
        thread: ChannelId,
        parent: ChannelId,
        guild: GuildId,
        seen: MessageId,
    ) -> Result<(), ServiceError> {
        // What was read before began then, unless somebody follows the thread alone from a later message on.
        let read_before = seen > thread.before_first_message();
        let may_be_missing = self.watched.is_followed(thread) && self.watched.wants_threads(parent);
        if self.watched.first(thread) != First::Unknown || (read_before && !may_be_missing) {
            return Ok(());
        }
        let in_forum = self.watched.is_forum(parent) == Some(true);
        let first = match in_forum {
            true => First::Awaited,
            false => match self.rest.of_server(guild).message(parent, thread.first_message()).await {
                Ok(_) => First::Elsewhere,
                Err(error) if error.passes() => return Err(error.into()),
                Err(_) => First::Awaited,
            },
        };
        let page = match read_before && !in_forum && first == First::Awaited {
            true => {
                self.rest
                    .of_server(guild)
                    .messages_after(thread, thread.before_first_message(), HISTORY_PAGE)
                    .await?
            }
            false => Vec::new(),
        };
        // Both at once: a message that comes in between would be taken for the first.
        self.watched.begin(thread, first);
        self.settle_first(thread, &page, true);
        Ok(())
    }

    /// Settles what a new thread begins with, by the first of its messages that says it; if these are its first
    /// messages at all.
    pub(in crate::service::intake) fn settle_first(
        &self,
        thread: ChannelId,
        messages: &[Message],
        all: bool,
    ) {
        let decides = |message: &&Message| self.is_post(message) || self.begins_nothing(message);
        let Some(first) = messages.iter().find(decides) else { return };
        let first = if all && self.is_post(first) { First::Post(first.id) } else { First::Elsewhere };
        self.watched.settle(thread, first);
    }
}
