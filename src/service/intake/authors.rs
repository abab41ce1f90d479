//! What followed people post in channels that nobody follows. Such a channel isn't read: what is posted,
//! edited or deleted there while nobody listens is missed.

use serde_json::Value;

use crate::domain::activity::Origin;
use crate::domain::ids::{GuildId, UserId};
use crate::rest::model::Message;
use crate::service::content;
use crate::store::SourceEvent;

use super::batch::{Batch, event};
use super::record::{catching, set_aside};
use super::{GatewayEvent, Intake};

impl Intake {
    /// Accepts an event from a channel that is no source.
    pub(super) fn accept_elsewhere(&self, event: GatewayEvent, batch: &mut Batch) {
        let (message, new) = match event {
            GatewayEvent::Deleted { channel, message } => {
                let origin = Origin::Message { channel, message };
                return batch.events.push(SourceEvent::Deleted { origin });
            }
            GatewayEvent::Posted(message) => (message, true),
            GatewayEvent::Edited(message) => (message, false),
            _ => return,
        };
        if catching(|| self.accept_of_author(message, new, batch)).is_none() {
            tracing::warn!("a message of a followed person could not be read");
        }
    }

    fn accept_of_author(&self, message: Value, new: bool, batch: &mut Batch) {
        let id = |value: &Value| value.as_str().and_then(|id| id.parse::<UserId>().ok());
        let guild = message["guild_id"].as_str().and_then(|id| id.parse::<GuildId>().ok());
        let (Some(guild), Some(author)) = (guild, id(&message["author"]["id"])) else { return };
        if new && !self.watched.is_followed_author(author) {
            return;
        }
        let Ok(message) = serde_json::from_value::<Message>(message) else { return };
        if !self.reader.is_post(&message) || message.webhook_id.is_some() {
            return;
        }
        self.reader.names.note(&message, guild, self.clock.now());
        let mut content = content::read(&message, guild, None);
        // Names that aren't known stay out: nothing else is asked for a channel that nobody follows.
        let _ = self.reader.names.fill(&message, &mut content, guild, self.clock.now());
        let origin = Origin::Message { channel: message.channel_id, message: message.id };
        if content::is_hollow(&content) {
            return set_aside(origin, if new { "posted" } else { "edited" }, "no content");
        }
        if new {
            self.watched.add_author_channel(message.channel_id);
        }
        batch.add(&message, event(&message, message.channel_id, content, new));
    }
}
