//! Posting, editing and deleting through a webhook, with the webhook's own token. This is what lanes do. Each
//! call ends in a closed set of outcomes.

use secrecy::SecretString;
use serde::Serialize;

use crate::domain::ids::{ChannelId, MessageId, WebhookId};
use crate::rest::Rest;
use crate::rest::call::{Call, Verb};
use crate::rest::error::RestError;
use crate::rest::limiter::MajorParameter;
use crate::rest::model::Message;
use crate::rest::outcome::{ChangeOutcome, SendOutcome};

/// What it takes to call a webhook.
#[derive(Debug, Clone, Copy)]
pub struct WebhookAccess<'a> {
    /// The webhook.
    pub id: WebhookId,
    /// Its token.
    pub token: &'a SecretString,
}

/// Where a send is meant to land. That is compared with where it did land.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// The webhook's channel.
    Channel(ChannelId),
    /// A thread of it, or a post of a forum.
    Thread(ChannelId),
    /// A new post of a forum. The payload has its `thread_name`.
    NewPost,
}

/// How a message that a webhook made is addressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WebhookMessage {
    /// The message.
    pub id: MessageId,
    /// The thread it is in, if it isn't in the webhook's channel itself.
    pub thread: Option<ChannelId>,
}

impl Rest {
    /// Posts through a webhook: `POST /webhooks/{webhook}/{token}?wait=true`. The payload is in Discord's
    /// form, `allowed_mentions` included. It is never sent twice, except after a 429.
    pub async fn create_webhook_message(
        &self,
        webhook: WebhookAccess<'_>,
        destination: Destination,
        payload: &(impl Serialize + ?Sized),
    ) -> SendOutcome {
        let answer: Result<Message, RestError> = match creation(webhook, destination).json(payload) {
            Ok(call) => self.read(call).await,
            // Nothing was sent.
            Err(_) => return SendOutcome::unwritable(),
        };
        SendOutcome::of(answer, destination)
    }

    /// A webhook's message, whether or not the bot may see its channel: `GET
    /// /webhooks/{webhook}/{token}/messages/{message}`. Needed before an edit of one with files: the edit
    /// must list those that stay.
    pub async fn webhook_message(
        &self,
        webhook: WebhookAccess<'_>,
        message: WebhookMessage,
    ) -> Result<Message, RestError> {
        self.read(on_message(Verb::Get, webhook, message)).await
    }

    /// Edits a webhook's message: `PATCH /webhooks/{webhook}/{token}/messages/{message}`. Always give
    /// `allowed_mentions`: without it, the edit can ping. May be repeated.
    pub async fn edit_webhook_message(
        &self,
        webhook: WebhookAccess<'_>,
        message: WebhookMessage,
        payload: &(impl Serialize + ?Sized),
    ) -> ChangeOutcome {
        match on_message(Verb::Patch, webhook, message).json(payload) {
            Ok(call) => ChangeOutcome::of(self.perform(&call).await),
            Err(_) => ChangeOutcome::unwritable(),
        }
    }

    /// Deletes a webhook's message: `DELETE /webhooks/{webhook}/{token}/messages/{message}`. May be repeated.
    pub async fn delete_webhook_message(
        &self,
        webhook: WebhookAccess<'_>,
        message: WebhookMessage,
    ) -> ChangeOutcome {
        ChangeOutcome::of(self.perform(&on_message(Verb::Delete, webhook, message)).await)
    }
}

/// The call that posts through a webhook, still without its payload.
pub(in crate::rest) fn creation(webhook: WebhookAccess<'_>, destination: Destination) -> Call<'_> {
    let call = on_webhook(Verb::Post, "/webhooks/{webhook}/{token}", webhook, &[]).query("wait", true);
    match destination {
        Destination::Thread(thread) => call.query("thread_id", thread),
        Destination::Channel(_) | Destination::NewPost => call,
    }
}

fn on_webhook<'a>(verb: Verb, template: &'static str, webhook: WebhookAccess<'a>, more: &[u64]) -> Call<'a> {
    let ids: Vec<u64> = std::iter::once(webhook.id.get()).chain(more.iter().copied()).collect();
    Call::new(verb, template, MajorParameter::Webhook(webhook.id), &ids).with_webhook_token(webhook.token)
}

pub(in crate::rest) fn on_message<'a>(
    verb: Verb,
    webhook: WebhookAccess<'a>,
    message: WebhookMessage,
) -> Call<'a> {
    let template = "/webhooks/{webhook}/{token}/messages/{message}";
    let call = on_webhook(verb, template, webhook, &[message.id.get()]);
    match message.thread {
        Some(thread) => call.query("thread_id", thread),
        None => call,
    }
}
