//! Webhooks.

use serde_json::{Value, json};

use super::user;
use crate::model::{Webhook, WebhookKind};
use crate::permissions::Permissions;
use crate::world::World;

/// Who looks at a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    /// The bot, with its authorization: it sees the tokens of all incoming webhooks that it may manage.
    Bot,
    /// Anybody who has the token: without the creator.
    Token,
}

pub(crate) fn webhook(world: &World, of: &Webhook, view: View) -> Value {
    let mut value = json!({
        "id": of.id,
        "type": 1,
        "guild_id": of.guild,
        "channel_id": of.channel,
        "name": of.name,
        "avatar": of.avatar,
        "application_id": of.application,
    });
    if view == View::Bot {
        value["user"] = user(world, of.creator);
    }
    match &of.kind {
        WebhookKind::Incoming { token } => {
            // Discord shows an application's token only to that application.
            if view == View::Token || of.application.is_none_or(|owner| owner == world.app.id) {
                value["token"] = json!(token);
                value["url"] = json!(format!("{}/api/webhooks/{}/{token}", world.base, of.id));
            }
        }
        WebhookKind::Follower { source, source_guild } => {
            value["type"] = json!(2);
            // Both vanish when the webhook's creator can no longer see the source.
            let visible = world.can(of.creator, *source, Permissions::VIEW_CHANNEL);
            if let (true, Some(guild), Some(channel)) =
                (visible, world.guilds.get(source_guild), world.channels.get(source))
            {
                value["source_guild"] = json!({ "id": guild.id, "name": guild.name, "icon": null });
                value["source_channel"] = json!({ "id": channel.id, "name": channel.name });
            }
        }
    }
    value
}
