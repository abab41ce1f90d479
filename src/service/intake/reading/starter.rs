//! How the threads of a source begin, asked of Discord if it matters and isn't known.

use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::rest::HISTORY_PAGE;
use crate::rest::model::Message;
use crate::service::ServiceError;
use crate::service::watch::ThreadStart;

use super::Reader;

impl Reader {
    /// Finds out how a thread begins before it is read from `seen` on. A forum post begins with the message
    /// that has its number. Elsewhere the first post begins the thread, unless it was started from a message
    /// of its channel.
    pub(in crate::service::intake) async fn find_start(
        &self,
        thread: ChannelId,
        parent: ChannelId,
        guild: GuildId,
        seen: MessageId,
    ) -> Result<(), ServiceError> {
        // What was read before had begun by then, unless somebody follows the thread alone from a later
        // message on.
        let read_before = seen > thread.before_first_message();
        let may_be_missing = self.watched.is_followed(thread) && self.watched.wants_threads(parent);
        if self.watched.thread_start(thread) != ThreadStart::Unknown || (read_before && !may_be_missing) {
            return Ok(());
        }
        let in_forum = self.watched.is_forum(parent) == Some(true);
        let first = match in_forum {
            true => ThreadStart::Awaited,
            false => match self.rest.of_server(guild).message(parent, thread.first_message()).await {
                Ok(_) => ThreadStart::Elsewhere,
                Err(error) if error.passes() => return Err(error.into()),
                Err(_) => ThreadStart::Awaited,
            },
        };
        let page = match read_before && !in_forum && first == ThreadStart::Awaited {
            true => {
                self.rest
                    .of_server(guild)
                    .messages_after(thread, thread.before_first_message(), HISTORY_PAGE)
                    .await?
            }
            false => Vec::new(),
        };
        // Both at once: a message that comes in between would be taken for the first.
        self.watched.set_thread_start(thread, first);
        self.decide_start(thread, &page, true);
        Ok(())
    }

    /// Decides how a new thread begins, by the first of these messages that decides it, provided that these
    /// are its very first messages.
    pub(in crate::service::intake) fn decide_start(
        &self,
        thread: ChannelId,
        messages: &[Message],
        all: bool,
    ) {
        let decides = |message: &&Message| self.is_post(message) || self.begins_nothing(message);
        let Some(first) = messages.iter().find(decides) else { return };
        let first =
            if all && self.is_post(first) { ThreadStart::Post(first.id) } else { ThreadStart::Elsewhere };
        self.watched.decide_start(thread, first);
    }
}
