//! Which follows break at once, and the condition that finds them.

use crate::domain::follow::FollowId;
use crate::domain::ids::{ChannelId, GuildId, WebhookId};
use crate::store::db::sql::Sql;

/// The active follows that something happened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BreakWhich {
    /// This one.
    Follow(FollowId),
    /// All that follow this channel, or a thread of it.
    Source(ChannelId),
    /// Relay follows of this channel or its threads: the bot must be able to read it, while Discord's own
    /// following doesn't need the bot.
    RelaySource(ChannelId),
    /// Those from other servers that follow this channel.
    CrossServerOf(ChannelId),
    /// All into this channel or its threads.
    Target(ChannelId),
    /// All that follow channels of this server.
    SourceGuild(GuildId),
    /// All into channels of this server.
    TargetGuild(GuildId),
    /// Relay follows into this channel or its threads.
    RelayTarget(ChannelId),
    /// Native ones of this channel.
    NativeSource(ChannelId),
    /// Relay follows into this channel or thread itself.
    RelayInto(ChannelId),
    /// Relay follows that use this webhook of the bot's.
    RelayWebhook(WebhookId),
    /// The native follow that is this webhook of Discord's.
    FollowerWebhook(WebhookId),
    /// All follows by the second of these servers of channels of the first.
    OfServer(GuildId, GuildId),
}

impl BreakWhich {
    /// Adds the condition on a row.
    pub(super) fn select(self, sql: Sql) -> Sql {
        match self {
            Self::Follow(id) => sql.then("id = ").bind(id.0),
            Self::Source(channel) => either(sql, "source", channel),
            Self::RelaySource(channel) => either(sql.then("delivery = 'relay' AND "), "source", channel),
            Self::CrossServerOf(channel) => {
                either(sql.then("guild_id <> source_guild_id AND "), "source", channel)
            }
            Self::Target(channel) => either(sql, "target", channel),
            Self::RelayTarget(channel) => either(sql.then("delivery = 'relay' AND "), "target", channel),
            Self::NativeSource(channel) => either(sql.then("delivery = 'native' AND "), "source", channel),
            Self::SourceGuild(guild) => sql.then("source_guild_id = ").bind(guild.to_db()),
            Self::TargetGuild(guild) => sql.then("guild_id = ").bind(guild.to_db()),
            Self::RelayInto(target) => {
                sql.then("delivery = 'relay' AND target_channel_id = ").bind(target.to_db())
            }
            Self::RelayWebhook(webhook) => sql.then("webhook_id = ").bind(webhook.to_db()),
            Self::FollowerWebhook(webhook) => sql.then("follower_webhook_id = ").bind(webhook.to_db()),
            Self::OfServer(source, target) => {
                let sql = sql.then("source_guild_id = ").bind(source.to_db());
                sql.then(" AND guild_id = ").bind(target.to_db())
            }
        }
    }
}

/// The source or the target is this channel, or one of its threads.
fn either(sql: Sql, end: &str, channel: ChannelId) -> Sql {
    let sql = sql.then(&format!("({end}_channel_id = ")).bind(channel.to_db());
    sql.then(&format!(" OR {end}_parent_id = ")).bind(channel.to_db()).then(")")
}
