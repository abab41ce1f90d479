//! A guild, as a test builds and changes it.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{ActError, Channel, Person, SeenWebhook};
use crate::ids::{GuildId, RoleId, UserId};
use crate::model::ChannelKind;
use crate::ops::NewChannel;
use crate::permissions::{Overwrite, OverwriteTarget, Permissions};
use crate::shared::Shared;

/// A handle to a guild. Changes made through it need no permission: they are what the owner and moderators
/// do.
#[derive(Clone, Debug)]
pub struct Guild {
    shared: Arc<Shared>,
    id: GuildId,
}

impl Guild {
    pub(super) fn new(shared: &Arc<Shared>, id: GuildId) -> Self {
        Self { shared: Arc::clone(shared), id }
    }

    /// Its id.
    pub fn id(&self) -> GuildId {
        self.id
    }

    /// Its name; empty once it is deleted.
    pub fn name(&self) -> String {
        self.shared
            .read(|world| world.guilds.get(&self.id).map(|guild| guild.name.clone()).unwrap_or_default())
    }

    /// The person who owns it.
    pub fn owner(&self) -> Person {
        let owner =
            self.shared.read(|world| world.guilds.get(&self.id).map_or(UserId(0), |guild| guild.owner));
        Person::new(&self.shared, owner)
    }

    fn channel(&self, kind: ChannelKind, name: &str, parent: Option<&Channel>) -> Channel {
        let new = NewChannel {
            guild: self.id,
            kind,
            name: name.to_owned(),
            parent: parent.map(Channel::id),
            overwrites: Vec::new(),
        };
        let id = self.shared.write(|world| world.create_channel(new)).unwrap_or(crate::ids::ChannelId(0));
        Channel::new(&self.shared, id)
    }

    /// A new channel of any kind except threads.
    pub fn create_channel(&self, kind: ChannelKind, name: &str) -> Channel {
        self.channel(kind, name, None)
    }

    /// A new channel in a category.
    pub fn create_channel_in(&self, category: &Channel, kind: ChannelKind, name: &str) -> Channel {
        self.channel(kind, name, Some(category))
    }

    /// A new text channel.
    pub fn text(&self, name: &str) -> Channel {
        self.create_channel(ChannelKind::Text, name)
    }

    /// A new announcement channel.
    pub fn announcement(&self, name: &str) -> Channel {
        self.create_channel(ChannelKind::Announcement, name)
    }

    /// A new category.
    pub fn category(&self, name: &str) -> Channel {
        self.create_channel(ChannelKind::Category, name)
    }

    /// A new forum.
    pub fn forum(&self, name: &str) -> Channel {
        self.create_channel(ChannelKind::Forum, name)
    }

    /// A new voice channel.
    pub fn voice(&self, name: &str) -> Channel {
        self.create_channel(ChannelKind::Voice, name)
    }

    /// A new stage channel.
    pub fn stage(&self, name: &str) -> Channel {
        self.create_channel(ChannelKind::Stage, name)
    }

    /// A new text channel that `@everyone` can't see. The bot can't either, until an overwrite lets it.
    pub fn private_text(&self, name: &str) -> Channel {
        let channel = self.text(name);
        channel.deny_everyone(Permissions::VIEW_CHANNEL);
        channel
    }

    /// The channels, without threads.
    pub fn channels(&self) -> Vec<Channel> {
        let ids: Vec<_> = self.shared.read(|world| {
            let own = world.channels.values().filter(|c| c.guild == Some(self.id) && !c.kind.is_thread());
            own.map(|channel| channel.id).collect()
        });
        ids.into_iter().map(|id| Channel::new(&self.shared, id)).collect()
    }

    /// The channel with this name.
    pub fn find_channel(&self, name: &str) -> Option<Channel> {
        self.channels().into_iter().find(|channel| channel.name() == name)
    }

    /// A new person in this guild, with their own role that grants these permissions in addition to
    /// `@everyone`'s.
    pub fn member(&self, name: &str, permissions: Permissions) -> Person {
        let id = self.shared.write(|world| world.create_user(name));
        let person = Person::new(&self.shared, id);
        self.join(&person, permissions);
        person
    }

    /// Another bot's account, in this guild, with these permissions in addition to `@everyone`'s.
    pub fn other_bot(&self, name: &str, permissions: Permissions) -> Person {
        let id = self.shared.write(|world| {
            let id = world.create_user(name);
            if let Some(user) = world.users.get_mut(&id) {
                user.bot = true;
            }
            id
        });
        let bot = Person::new(&self.shared, id);
        self.join(&bot, permissions);
        bot
    }

    /// A person joins, with these permissions in addition to `@everyone`'s.
    pub fn join(&self, person: &Person, permissions: Permissions) {
        self.shared.write(|world| {
            let _ = world.add_member(self.id, person.id());
        });
        if !permissions.is_empty() {
            let role = self.role(&format!("for {}", person.name()), permissions);
            self.grant(person, role);
        }
    }

    /// A person leaves.
    pub fn leave(&self, person: &Person) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.remove_member(self.id, person.id()))?)
    }

    /// Sets a member's nickname.
    pub fn nickname(&self, person: &Person, nick: Option<&str>) -> Result<(), ActError> {
        let nick = nick.map(ToOwned::to_owned);
        Ok(self
            .shared
            .write(|world| world.change_member(self.id, person.id(), |member| member.nick = nick))?)
    }

    /// Sets the server's boost level, 0 to 3.
    pub fn set_boost_level(&self, level: u8) {
        self.shared.write(|world| {
            if let Ok(guild) = world.guild_mut(self.id) {
                guild.boost_level = level;
            }
        });
    }

    /// A moderator times the bot out: until then it may only read.
    pub fn time_out_bot(&self, until: DateTime<Utc>) -> Result<(), ActError> {
        Ok(self.shared.write(|world| {
            let bot = world.app.bot;
            world.change_member(self.id, bot, |member| member.timed_out_until = Some(until))
        })?)
    }

    /// A moderator times a person out.
    pub fn time_out(&self, person: &Person, until: DateTime<Utc>) -> Result<(), ActError> {
        Ok(self.shared.write(|world| {
            world.change_member(self.id, person.id(), |member| member.timed_out_until = Some(until))
        })?)
    }

    /// Gives the bot an additional role.
    pub fn grant_bot(&self, role: RoleId) -> Result<(), ActError> {
        Ok(self.shared.write(|world| {
            let bot = world.app.bot;
            world.change_member(self.id, bot, |member| member.roles.push(role))
        })?)
    }

    /// Takes a role from the bot.
    pub fn revoke_bot(&self, role: RoleId) -> Result<(), ActError> {
        Ok(self.shared.write(|world| {
            let bot = world.app.bot;
            world.change_member(self.id, bot, |member| member.roles.retain(|held| *held != role))
        })?)
    }

    /// Makes another person the owner.
    pub fn transfer_to(&self, person: &Person) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.transfer_guild(self.id, person.id()))?)
    }

    /// A new role.
    pub fn role(&self, name: &str, permissions: Permissions) -> RoleId {
        self.shared
            .write(|world| world.create_role(self.id, name, permissions, None))
            .unwrap_or_else(|_| self.id.everyone())
    }

    /// Gives a member a role.
    pub fn grant(&self, person: &Person, role: RoleId) {
        let _ = self
            .shared
            .write(|world| world.change_member(self.id, person.id(), |member| member.roles.push(role)));
    }

    /// Takes a role from a member.
    pub fn revoke(&self, person: &Person, role: RoleId) {
        let _ = self.shared.write(|world| {
            world.change_member(self.id, person.id(), |member| member.roles.retain(|held| *held != role))
        });
    }

    /// Takes all roles from a member, who keeps only `@everyone`.
    pub fn revoke_all(&self, person: &Person) {
        let _ = self
            .shared
            .write(|world| world.change_member(self.id, person.id(), |member| member.roles.clear()));
    }

    /// Sets what a role grants.
    pub fn set_role_permissions(&self, role: RoleId, permissions: Permissions) -> Result<(), ActError> {
        Ok(self
            .shared
            .write(|world| world.change_role(self.id, role, |role| role.permissions = permissions))?)
    }

    /// Lets everyone mention a role.
    pub fn set_role_mentionable(&self, role: RoleId, mentionable: bool) -> Result<(), ActError> {
        Ok(self
            .shared
            .write(|world| world.change_role(self.id, role, |role| role.mentionable = mentionable))?)
    }

    /// Deletes a role.
    pub fn delete_role(&self, role: RoleId) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.delete_role(self.id, role))?)
    }

    /// Sets what `@everyone` may do.
    pub fn set_everyone(&self, permissions: Permissions) {
        let _ = self.set_role_permissions(self.id.everyone(), permissions);
    }

    /// The bot is invited, with a role that has these permissions.
    pub fn add_bot(&self, permissions: Permissions) {
        let _ = self.shared.write(|world| world.add_bot(self.id, permissions));
    }

    /// Whether the bot is in it.
    pub fn has_bot(&self) -> bool {
        self.shared.read(|world| world.bot_in(self.id))
    }

    /// The bot is kicked.
    pub fn remove_bot(&self) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.remove_bot(self.id))?)
    }

    /// Sets what the bot's own role grants, in addition to `@everyone`'s permissions.
    pub fn set_bot_permissions(&self, permissions: Permissions) -> Result<(), ActError> {
        Ok(self.shared.write(|world| {
            let bot = world.app.bot;
            let role =
                world.guild(self.id)?.roles.values().find(|role| role.bot == Some(bot)).map(|role| role.id);
            let role = role.ok_or_else(crate::error::ApiError::unknown_guild)?;
            world.change_role(self.id, role, |role| role.permissions = permissions)
        })?)
    }

    /// Denies the bot these permissions in one channel, whatever its roles say.
    pub fn deny_bot(&self, channel: &Channel, deny: Permissions) {
        let bot = self.shared.read(|world| world.app.bot);
        channel.overwrite(Overwrite {
            target: OverwriteTarget::Member(bot),
            allow: Permissions::empty(),
            deny,
        });
    }

    /// Allows the bot these permissions in one channel, whatever its roles say.
    pub fn allow_bot(&self, channel: &Channel, allow: Permissions) {
        let bot = self.shared.read(|world| world.app.bot);
        channel.overwrite(Overwrite {
            target: OverwriteTarget::Member(bot),
            allow,
            deny: Permissions::empty(),
        });
    }

    /// An outage: GUILD_DELETE with `unavailable`.
    pub fn outage(&self) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.set_unavailable(self.id, true))?)
    }

    /// The outage ends: GUILD_CREATE.
    pub fn recover(&self) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.set_unavailable(self.id, false))?)
    }

    /// Renames it.
    pub fn rename(&self, name: &str) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.rename_guild(self.id, name))?)
    }

    /// Deletes it with everything in it.
    pub fn delete(&self) -> Result<(), ActError> {
        Ok(self.shared.write(|world| world.delete_guild(self.id))?)
    }

    /// Creates many text channels at once, each with one of the bot's webhooks, and returns the webhooks. For
    /// load tests: one by one, tens of thousands would take minutes.
    pub fn create_targets(&self, name: &str, count: usize) -> Result<Vec<SeenWebhook>, ActError> {
        Ok(self.shared.write(|world| {
            let made = world.create_targets(self.id, name, count)?;
            let seen = made.into_iter().filter_map(|id| world.webhooks.get(&id));
            Ok::<_, crate::error::ApiError>(seen.map(|hook| SeenWebhook::new(world, hook)).collect())
        })?)
    }

    /// All its webhooks.
    pub fn webhooks(&self) -> Vec<SeenWebhook> {
        self.shared.read(|world| {
            let own = world.webhooks.values().filter(|hook| hook.guild == self.id);
            own.map(|hook| SeenWebhook::new(world, hook)).collect()
        })
    }
}
