//! A page of a history, and whether an empty one is really empty.

use crate::domain::ids::{ChannelId, GuildId, MessageId};
use crate::domain::permissions::Permissions;
use crate::rest::HISTORY_PAGE;
use crate::rest::model::Message;
use crate::service::ServiceError;
use crate::service::access::{self, Access, ChannelLookup};

use super::Reader;

impl Reader {
    /// A page of messages that ends with this one.
    pub(super) async fn page_up_to(
        &self,
        channel: ChannelId,
        guild: GuildId,
        last: MessageId,
    ) -> Result<Vec<Message>, ServiceError> {
        let behind = MessageId::from_db(last.to_db() + 1).unwrap_or(last);
        Ok(self.rest.of_server(guild).messages_before(channel, behind, HISTORY_PAGE).await?)
    }

    /// Reads a history again that was empty: without Read Message History, Discord answers with an empty
    /// list, too. The permission may be given back or taken away at any moment, so only an answer between two
    /// looks that find it counts. `None` if the bot may not read.
    pub(super) async fn read_again(
        &self,
        source: ChannelId,
        guild: GuildId,
        seen: MessageId,
    ) -> Result<Option<Vec<Message>>, ServiceError> {
        if !self.may_read(source, guild).await? {
            return Ok(None);
        }
        let page = self.page_up_to(source, guild, seen).await?;
        let counts = !page.is_empty() || self.may_read(source, guild).await?;
        Ok(counts.then_some(page))
    }

    /// The messages of a channel up to this one that exist, a page of them; `None` if the bot may not read
    /// them, so that nobody knows.
    pub(in crate::service::intake) async fn existing_up_to(
        &self,
        channel: ChannelId,
        guild: GuildId,
        last: MessageId,
    ) -> Result<Option<Vec<Message>>, ServiceError> {
        let page = self.page_up_to(channel, guild, last).await?;
        if page.is_empty() { self.read_again(channel, guild, last).await } else { Ok(Some(page)) }
    }

    /// Whether the bot may read this history now.
    async fn may_read(&self, source: ChannelId, guild: GuildId) -> Result<bool, ServiceError> {
        let rest = self.rest.of_server(guild);
        let mut access = Access::new(&rest, self.clock);
        let ChannelLookup::Seen(channel) = access.find(source).await? else { return Ok(false) };
        let granted = access.granted_to(self.identity.user, &access::GuildChannel { channel, guild }).await?;
        Ok(granted.contains(Permissions::VIEW_CHANNEL | Permissions::READ_MESSAGE_HISTORY))
    }
}
