//! What the bot lacks, as refusals name it.

use super::Refusal;
use crate::domain::ids::ChannelId;
use crate::domain::permissions::Permissions;

/// What the bot lacks in a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MissingPermissions {
    /// Where.
    pub channel: ChannelId,
    /// What is missing.
    pub permissions: Permissions,
}

impl MissingPermissions {
    /// View Channel, without which the bot can know nothing else.
    pub(in crate::service) fn view(channel: ChannelId) -> Refusal {
        Refusal::BotMay(vec![Self { channel, permissions: Permissions::VIEW_CHANNEL }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_named_as_discord_does() {
        let history = Permissions::READ_MESSAGE_HISTORY;
        let all = Permissions::MANAGE_WEBHOOKS | Permissions::VIEW_CHANNEL | history;
        let lack = |channel, permissions| MissingPermissions {
            channel: ChannelId::new(channel).unwrap(),
            permissions,
        };
        let text = Refusal::BotMay(vec![lack(7, all), lack(8, history)]).to_string();
        let expected = "I need **View Channel**, **Manage Webhooks** and **Read Message History** in <#7>, and **Read Message History** in <#8>.";
        assert!(text.starts_with(expected), "{text}");
    }
}
