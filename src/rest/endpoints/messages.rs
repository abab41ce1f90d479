//! Calls about messages, with the bot's own token. For calls with a webhook's token, see `webhook_messages`.

use serde::Serialize;

use crate::domain::ids::{ChannelId, MessageId};
use crate::rest::Rest;
use crate::rest::call::{Call, Verb};
use crate::rest::error::RestError;
use crate::rest::limiter::MajorParameter;
use crate::rest::model::Message;
use crate::rest::outcome::ChangeOutcome;

/// The most messages in one answer to a request for a history. Discord: 100.
pub const HISTORY_PAGE: u8 = 100;

impl Rest {
    /// The oldest messages after that one, **oldest first**, at most `limit` (1 to [`HISTORY_PAGE`]): `GET
    /// /channels/{channel}/messages?after=`. Without Read Message History, Discord answers an empty list, not
    /// an error.
    pub async fn messages_after(
        &self,
        channel: ChannelId,
        after: MessageId,
        limit: u8,
    ) -> Result<Vec<Message>, RestError> {
        self.history(channel, limit, |call| call.query("after", after)).await
    }

    /// The newest messages before that one, **oldest first**, at most `limit` (1 to [`HISTORY_PAGE`]): `GET
    /// /channels/{channel}/messages?before=`.
    pub async fn messages_before(
        &self,
        channel: ChannelId,
        before: MessageId,
        limit: u8,
    ) -> Result<Vec<Message>, RestError> {
        self.history(channel, limit, |call| call.query("before", before)).await
    }

    /// The newest messages, **oldest first**, at most `limit` (1 to [`HISTORY_PAGE`]): `GET
    /// /channels/{channel}/messages`.
    pub async fn messages_latest(&self, channel: ChannelId, limit: u8) -> Result<Vec<Message>, RestError> {
        self.history(channel, limit, |call| call).await
    }

    async fn history(
        &self,
        channel: ChannelId,
        limit: u8,
        narrow: impl FnOnce(Call<'static>) -> Call<'static>,
    ) -> Result<Vec<Message>, RestError> {
        let call = of_channel(Verb::Get, channel);
        let call = narrow(call.query("limit", limit.clamp(1, HISTORY_PAGE)));
        let page: Vec<serde_json::Value> = self.read(call).await?;
        let mut messages: Vec<Message> =
            page.into_iter().filter_map(|message| Message::read(&message)).collect();
        messages.sort_by_key(|message| message.id);
        Ok(messages)
    }

    /// One message: `GET /channels/{channel}/messages/{message}`.
    pub async fn message(&self, channel: ChannelId, message: MessageId) -> Result<Message, RestError> {
        self.read(one(Verb::Get, channel, message)).await
    }

    /// Posts as the bot itself: `POST /channels/{channel}/messages`. The payload is in Discord's form,
    /// `allowed_mentions` included.
    pub async fn create_message(
        &self,
        channel: ChannelId,
        payload: &(impl Serialize + ?Sized),
    ) -> Result<Message, RestError> {
        self.read(of_channel(Verb::Post, channel).json(payload)?).await
    }

    /// Deletes a message, whoever wrote it (needs Manage Messages for others'): `DELETE
    /// /channels/{channel}/messages/{message}`.
    pub async fn delete_message(
        &self,
        channel: ChannelId,
        message: MessageId,
        reason: &str,
    ) -> ChangeOutcome {
        ChangeOutcome::of(self.perform(&one(Verb::Delete, channel, message).reason(reason)).await)
    }
}

/// A call about a channel's messages.
pub(in crate::rest) fn of_channel(verb: Verb, channel: ChannelId) -> Call<'static> {
    Call::new(verb, "/channels/{channel}/messages", MajorParameter::Channel(channel), &[channel.get()])
}

/// A call about one of a channel's messages.
pub(in crate::rest) fn one(verb: Verb, channel: ChannelId, message: MessageId) -> Call<'static> {
    let template = "/channels/{channel}/messages/{message}";
    Call::new(verb, template, MajorParameter::Channel(channel), &[channel.get(), message.get()])
}
