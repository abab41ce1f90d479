//! The world: everything that exists, how it is found, and who may see it.
//!
//! One mutex guards it (see `shared`), every request and every act of a person is one short, synchronous step
//! on it, and events leave in the order in which the steps happened. `ops` holds the steps.

use std::collections::{BTreeMap, HashMap};

use rand::Rng as _;
use rand::distr::Alphanumeric;

use crate::config::Config;
use crate::error::{ApiError, ApiResult};
use crate::gateway::Hub;
use crate::ids::{
    ApplicationId, AttachmentId, ChannelId, CommandId, GuildId, InteractionId, MessageId, Snowflakes, UserId,
    WebhookId,
};
use crate::model::{
    Authorizations, Channel, ChannelKind, Command, Guild, Interaction, Message, User, Webhook,
};
use crate::permissions::{Permissions, Standing};

/// The one application whose bot is under test.
#[derive(Clone, Debug)]
pub(crate) struct Application {
    pub(crate) id: ApplicationId,
    pub(crate) name: String,
    pub(crate) bot: UserId,
    pub(crate) owner: UserId,
    pub(crate) token: String,
    /// What the application proves with at the token endpoint that it is itself.
    pub(crate) client_secret: String,
}

/// Everything that exists.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) config: Config,
    /// `http://127.0.0.1:PORT`, for links to files and for the gateway's address.
    pub(crate) base: String,
    pub(crate) app: Application,
    pub(crate) ids: Snowflakes,
    pub(crate) users: BTreeMap<UserId, User>,
    pub(crate) guilds: BTreeMap<GuildId, Guild>,
    pub(crate) channels: BTreeMap<ChannelId, Channel>,
    pub(crate) webhooks: BTreeMap<WebhookId, Webhook>,
    pub(crate) commands: BTreeMap<CommandId, Command>,
    /// Whether the bot has registered commands since the sandbox started.
    pub(crate) commands_written: bool,
    pub(crate) interactions: BTreeMap<InteractionId, Interaction>,
    pub(crate) authorizations: Authorizations,
    pub(crate) files: HashMap<AttachmentId, Vec<u8>>,
    pub(crate) gateway: Hub,
}

/// A random word for tokens.
pub(crate) fn random_token(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

impl World {
    pub(crate) fn new(config: Config, base: String) -> Self {
        let mut ids = Snowflakes::default();
        // Two ids that differ, and neither is the other's neighbour: bots that mix them up must fail.
        let app_id: ApplicationId = ids.next();
        let owner = User {
            id: ids.next(),
            username: "app_owner".to_owned(),
            global_name: Some("Application owner".to_owned()),
            avatar: None,
            bot: false,
            closed: false,
        };
        let bot = User {
            id: ids.next(),
            username: config.bot_name.clone(),
            global_name: None,
            avatar: None,
            bot: true,
            closed: false,
        };
        let app = Application {
            id: app_id,
            name: config.bot_name.clone(),
            bot: bot.id,
            owner: owner.id,
            token: bot_token(bot.id),
            client_secret: config.client_secret.clone().unwrap_or_else(|| random_token(32)),
        };
        Self {
            base,
            app,
            ids,
            users: BTreeMap::from([(owner.id, owner), (bot.id, bot)]),
            guilds: BTreeMap::new(),
            channels: BTreeMap::new(),
            webhooks: BTreeMap::new(),
            commands: BTreeMap::new(),
            commands_written: false,
            interactions: BTreeMap::new(),
            authorizations: Authorizations::default(),
            files: HashMap::new(),
            gateway: Hub::default(),
            config,
        }
    }

    pub(crate) fn user(&self, id: UserId) -> ApiResult<&User> {
        self.users.get(&id).ok_or_else(ApiError::unknown_user)
    }

    /// All people who are in a guild.
    pub(crate) fn people(&self) -> impl Iterator<Item = &User> {
        let inside = |user: &&User| self.guilds.values().any(|guild| guild.members.contains_key(&user.id));
        self.users.values().filter(|user| !user.bot).filter(inside)
    }

    pub(crate) fn guild(&self, id: GuildId) -> ApiResult<&Guild> {
        self.guilds.get(&id).ok_or_else(ApiError::unknown_guild)
    }

    pub(crate) fn guild_mut(&mut self, id: GuildId) -> ApiResult<&mut Guild> {
        self.guilds.get_mut(&id).ok_or_else(ApiError::unknown_guild)
    }

    pub(crate) fn channel(&self, id: ChannelId) -> ApiResult<&Channel> {
        self.channels.get(&id).ok_or_else(ApiError::unknown_channel)
    }

    pub(crate) fn channel_mut(&mut self, id: ChannelId) -> ApiResult<&mut Channel> {
        let channel = self.channels.get_mut(&id).ok_or_else(ApiError::unknown_channel)?;
        channel.version += 1;
        Ok(channel)
    }

    pub(crate) fn message(&self, channel: ChannelId, id: MessageId) -> ApiResult<&Message> {
        self.channel(channel)?.messages.get(&id).ok_or_else(ApiError::unknown_message)
    }

    pub(crate) fn message_mut(&mut self, channel: ChannelId, id: MessageId) -> ApiResult<&mut Message> {
        self.channel_mut(channel)?.messages.get_mut(&id).ok_or_else(ApiError::unknown_message)
    }

    pub(crate) fn webhook(&self, id: WebhookId) -> ApiResult<&Webhook> {
        self.webhooks.get(&id).ok_or_else(ApiError::unknown_webhook)
    }

    /// The channel whose overwrites and webhooks count: the parent for a thread, else the channel itself.
    pub(crate) fn governing_channel<'a>(&'a self, channel: &'a Channel) -> &'a Channel {
        match channel.parent {
            Some(parent) if channel.kind.is_thread() => self.channels.get(&parent).unwrap_or(channel),
            _ => channel,
        }
    }

    /// Permissions of a user in a guild, before any channel; empty for strangers.
    pub(crate) fn guild_permissions(&self, user: UserId, guild: GuildId) -> Permissions {
        self.with_standing(user, guild, |standing| standing.in_guild())
    }

    /// Permissions of a user in a channel; empty where they can't see it.
    pub(crate) fn permissions(&self, user: UserId, channel: ChannelId) -> Permissions {
        let Some(channel) = self.channels.get(&channel) else { return Permissions::empty() };
        let Some(guild) = channel.guild else {
            let inside = channel.recipients.contains(&user) || user == self.app.bot;
            return if inside { Permissions::direct_message() } else { Permissions::empty() };
        };
        let governing = self.governing_channel(channel);
        let (overwrites, is_voice) = (&governing.overwrites, governing.kind.is_voice());
        let permissions = self.with_standing(user, guild, |standing| {
            if is_voice { standing.in_voice(overwrites) } else { standing.in_channel(overwrites) }
        });
        match &channel.thread {
            Some(thread)
                if channel.kind == ChannelKind::PrivateThread
                    && !thread.members.contains(&user)
                    && !permissions.contains(Permissions::MANAGE_THREADS) =>
            {
                Permissions::empty()
            }
            _ => permissions,
        }
    }

    fn with_standing(
        &self,
        user: UserId,
        guild: GuildId,
        read: impl FnOnce(Standing<'_>) -> Permissions,
    ) -> Permissions {
        let Some(guild) = self.guilds.get(&guild) else { return Permissions::empty() };
        let Some(member) = guild.members.get(&user) else { return Permissions::empty() };
        let base = std::iter::once(&guild.id.everyone())
            .chain(&member.roles)
            .filter_map(|role| guild.roles.get(role))
            .fold(Permissions::empty(), |sum, role| sum | role.permissions);
        let is_timed_out = member.timed_out_until.is_some_and(|until| until > chrono::Utc::now());
        let is_owner = guild.owner == user;
        read(Standing { guild: guild.id, user, is_owner, is_timed_out, roles: &member.roles, base })
    }

    pub(crate) fn can(&self, user: UserId, channel: ChannelId, wanted: Permissions) -> bool {
        self.permissions(user, channel).contains(wanted)
    }

    /// Whether a member without any roles and exceptions has these permissions there.
    pub(crate) fn everyone_can(&self, channel: ChannelId, wanted: Permissions) -> bool {
        let Some(channel) = self.channels.get(&channel) else { return false };
        let Some(guild) = channel.guild.and_then(|guild| self.guilds.get(&guild)) else { return false };
        let base = guild.roles.get(&guild.id.everyone()).map(|role| role.permissions).unwrap_or_default();
        let standing = Standing {
            guild: guild.id,
            user: UserId(0),
            is_owner: false,
            is_timed_out: false,
            roles: &[],
            base,
        };
        let overwrites = &self.governing_channel(channel).overwrites;
        channel.kind != ChannelKind::PrivateThread && standing.in_channel(overwrites).contains(wanted)
    }

    /// The permission to write in this channel differs in threads.
    pub(crate) fn send_permission(&self, channel: ChannelId) -> Permissions {
        match self.channels.get(&channel) {
            Some(channel) if channel.kind.is_thread() => Permissions::SEND_MESSAGES_IN_THREADS,
            _ => Permissions::SEND_MESSAGES,
        }
    }

    /// Whether the bot is a member of this guild.
    pub(crate) fn bot_in(&self, guild: GuildId) -> bool {
        self.guilds.get(&guild).is_some_and(|guild| guild.members.contains_key(&self.app.bot))
    }

    /// A guild that the bot is in.
    pub(crate) fn bots_guild(&self, guild: GuildId) -> ApiResult<&Guild> {
        if self.bot_in(guild) { self.guild(guild) } else { Err(ApiError::unknown_guild()) }
    }

    /// A channel that exists, that the bot can see, and where it has these permissions.
    /// Discord: 10003 when there is none, 50001 without View Channel, 50013 without the rest.
    pub(crate) fn bots_channel(&self, id: ChannelId, wanted: Permissions) -> ApiResult<&Channel> {
        let channel = self.channel(id)?;
        let permissions = self.permissions(self.app.bot, id);
        if !permissions.contains(Permissions::VIEW_CHANNEL) {
            Err(ApiError::missing_access())
        } else if !permissions.contains(wanted) {
            Err(ApiError::missing_permissions())
        } else {
            Ok(channel)
        }
    }
}

/// A token with Discord's three parts; the first is the bot user's id.
fn bot_token(bot: UserId) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD_NO_PAD;
    format!("{}.{}.{}", STANDARD_NO_PAD.encode(bot.to_string()), random_token(6), random_token(38))
}
