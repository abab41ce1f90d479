//! Calls about channels, threads, and Discord's own channel following.

use serde::Serialize;
use serde_json::json;

use crate::domain::ids::{ChannelId, TagId, UserId};
use crate::rest::Rest;
use crate::rest::call::{Call, Verb};
use crate::rest::error::RestError;
use crate::rest::limiter::MajorParameter;
use crate::rest::meaning::UnknownResource;
use crate::rest::model::{Channel, FollowedChannel};

/// What to change in a thread. What is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ThreadPatch {
    /// Its title, 1 to 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The tags of a forum's post, at most 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applied_tags: Option<Vec<TagId>>,
    /// Whether it is archived. An archived thread takes no other change, unless it is woken with it (else
    /// 50083).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived: Option<bool>,
}

impl Rest {
    /// A channel or a thread: `GET /channels/{channel}`.
    pub async fn channel(&self, channel: ChannelId) -> Result<Channel, RestError> {
        self.read(Call::new(
            Verb::Get,
            "/channels/{channel}",
            MajorParameter::Channel(channel),
            &[channel.get()],
        ))
        .await
    }

    /// The bot's direct messages with a person, opened if there are none yet: `POST /users/@me/channels`.
    /// Whether the person accepts messages shows only when one is sent.
    pub async fn open_direct_messages(&self, user: UserId) -> Result<Channel, RestError> {
        let call = Call::new(Verb::Post, "/users/@me/channels", MajorParameter::None, &[]);
        self.read(call.json(&json!({"recipient_id": user}))?).await
    }

    /// Whether somebody is in a thread: `GET /channels/{channel}/thread-members/{user}`, where 404 means no,
    /// unless it is the thread that is unknown.
    pub async fn thread_member(&self, thread: ChannelId, user: UserId) -> Result<bool, RestError> {
        let template = "/channels/{channel}/thread-members/{user}";
        let call =
            Call::new(Verb::Get, template, MajorParameter::Channel(thread), &[thread.get(), user.get()]);
        match self.perform(&call).await {
            Ok(_) => Ok(true),
            Err(RestError::NotFound(missing)) if missing != UnknownResource::Channel => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Makes a target follow an announcement channel natively: `POST /channels/{channel}/followers`. Needs
    /// Manage Webhooks in the target, where it makes a webhook (30007: there are 15 already; 30058: the
    /// server has 1000).
    pub async fn follow_announcement(
        &self,
        source: ChannelId,
        target: ChannelId,
        reason: &str,
    ) -> Result<FollowedChannel, RestError> {
        let template = "/channels/{channel}/followers";
        let call = Call::new(Verb::Post, template, MajorParameter::Channel(source), &[source.get()]);
        self.read(call.reason(reason).json(&json!({"webhook_channel_id": target}))?).await
    }

    /// Changes a thread: `PATCH /channels/{channel}`. Needs Manage Threads; Send Messages in Threads is
    /// enough for waking one that isn't locked.
    pub async fn change_thread(
        &self,
        thread: ChannelId,
        change: &ThreadPatch,
        reason: &str,
    ) -> Result<Channel, RestError> {
        let call =
            Call::new(Verb::Patch, "/channels/{channel}", MajorParameter::Channel(thread), &[thread.get()]);
        self.read(call.reason(reason).json(change)?).await
    }

    /// Deletes a thread with everything in it: `DELETE /channels/{channel}`. Needs Manage Threads. One that
    /// doesn't exist (404) counts as deleted.
    pub async fn delete_thread(&self, thread: ChannelId, reason: &str) -> Result<(), RestError> {
        let call =
            Call::new(Verb::Delete, "/channels/{channel}", MajorParameter::Channel(thread), &[thread.get()]);
        match self.perform(&call.reason(reason)).await {
            Ok(_) | Err(RestError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
