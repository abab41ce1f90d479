//! Guilds, roles and members.

use std::collections::BTreeMap;

use chrono::Utc;
use serde_json::{Value, json};

use crate::error::{ApiError, ApiResult};
use crate::gateway::Event;
use crate::ids::{GuildId, RoleId, UserId};
use crate::model::{Guild, Member, Role, User};
use crate::permissions::Permissions;
use crate::wire;
use crate::world::World;

impl World {
    pub(crate) fn create_user(&mut self, name: &str) -> UserId {
        let id = self.ids.next();
        let username: String = name.to_lowercase().split_whitespace().collect::<Vec<_>>().join("_");
        let global_name = Some(name.to_owned());
        self.users.insert(id, User { id, username, global_name, avatar: None, bot: false, closed: false });
        id
    }

    /// Creates a guild without the bot.
    pub(crate) fn create_guild(&mut self, name: &str, owner: UserId) -> GuildId {
        let id: GuildId = self.ids.next();
        let everyone = Role {
            id: id.everyone(),
            name: "@everyone".to_owned(),
            permissions: Permissions::everyone_default(),
            position: 0,
            mentionable: false,
            bot: None,
        };
        let guild = Guild {
            id,
            name: name.to_owned(),
            owner,
            boost_level: 0,
            roles: BTreeMap::from([(everyone.id, everyone)]),
            members: BTreeMap::new(),
            unavailable: false,
        };
        self.guilds.insert(id, guild);
        let _ = self.add_member(id, owner);
        id
    }

    pub(crate) fn add_member(&mut self, guild: GuildId, user: UserId) -> ApiResult<()> {
        let member = Member { nick: None, roles: Vec::new(), joined_at: Utc::now(), timed_out_until: None };
        if self.guild_mut(guild)?.members.insert(user, member).is_none() {
            self.emit_member("GUILD_MEMBER_ADD", guild, user);
        }
        Ok(())
    }

    pub(crate) fn remove_member(&mut self, guild: GuildId, user: UserId) -> ApiResult<()> {
        self.guild_mut(guild)?.members.remove(&user).ok_or_else(ApiError::unknown_member)?;
        let data = json!({ "guild_id": guild, "user": wire::user(self, user) });
        self.emit(&Event { name: "GUILD_MEMBER_REMOVE", guild: Some(guild), channel: None, data });
        Ok(())
    }

    /// Changes a member in place and sends an event.
    pub(crate) fn change_member(
        &mut self,
        guild: GuildId,
        user: UserId,
        change: impl FnOnce(&mut Member),
    ) -> ApiResult<()> {
        let member = self.guild_mut(guild)?.members.get_mut(&user).ok_or_else(ApiError::unknown_member)?;
        change(member);
        self.emit_member("GUILD_MEMBER_UPDATE", guild, user);
        Ok(())
    }

    fn emit_member(&mut self, name: &'static str, guild: GuildId, user: UserId) {
        let Some(mut data) = self.guilds.get(&guild).and_then(|of| wire::member(self, of, user)) else {
            return;
        };
        data["guild_id"] = json!(guild);
        self.emit(&Event { name, guild: Some(guild), channel: None, data });
    }

    /// Creates a role above all others.
    pub(crate) fn create_role(
        &mut self,
        guild: GuildId,
        name: &str,
        permissions: Permissions,
        bot: Option<UserId>,
    ) -> ApiResult<RoleId> {
        let id = self.ids.next();
        let of = self.guild_mut(guild)?;
        let position = u32::try_from(of.roles.len()).unwrap_or(u32::MAX);
        of.roles
            .insert(id, Role { id, name: name.to_owned(), permissions, position, mentionable: false, bot });
        self.emit_role("GUILD_ROLE_CREATE", guild, id);
        Ok(id)
    }

    pub(crate) fn change_role(
        &mut self,
        guild: GuildId,
        role: RoleId,
        change: impl FnOnce(&mut Role),
    ) -> ApiResult<()> {
        let unknown = || ApiError::new(404, 10011, "Unknown Role");
        change(self.guild_mut(guild)?.roles.get_mut(&role).ok_or_else(unknown)?);
        self.emit_role("GUILD_ROLE_UPDATE", guild, role);
        Ok(())
    }

    pub(crate) fn delete_role(&mut self, guild: GuildId, role: RoleId) -> ApiResult<()> {
        let of = self.guild_mut(guild)?;
        of.roles.remove(&role).ok_or_else(|| ApiError::new(404, 10011, "Unknown Role"))?;
        for member in of.members.values_mut() {
            member.roles.retain(|held| *held != role);
        }
        let data = json!({ "guild_id": guild, "role_id": role });
        self.emit(&Event { name: "GUILD_ROLE_DELETE", guild: Some(guild), channel: None, data });
        Ok(())
    }

    fn emit_role(&mut self, name: &'static str, guild: GuildId, role: RoleId) {
        let Some(role) = self.guilds.get(&guild).and_then(|of| of.roles.get(&role)) else { return };
        let data = json!({ "guild_id": guild, "role": wire::role(role) });
        self.emit(&Event { name, guild: Some(guild), channel: None, data });
    }

    /// The bot joins, with its own role that has these permissions.
    pub(crate) fn add_bot(&mut self, guild: GuildId, permissions: Permissions) -> ApiResult<()> {
        let bot = self.app.bot;
        if self.bot_in(guild) {
            return Ok(());
        }
        let name = self.app.name.clone();
        let role = self.create_role(guild, &name, permissions, Some(bot))?;
        let member = Member { nick: None, roles: vec![role], joined_at: Utc::now(), timed_out_until: None };
        self.guild_mut(guild)?.members.insert(bot, member);
        if let Some(data) = wire::guild_create(self, guild) {
            self.emit(&Event { name: "GUILD_CREATE", guild: Some(guild), channel: None, data });
        }
        Ok(())
    }

    /// The bot is kicked, or leaves. Its role is removed with it; webhooks stay, as on Discord.
    pub(crate) fn remove_bot(&mut self, guild: GuildId) -> ApiResult<()> {
        let bot = self.app.bot;
        let of = self.guild_mut(guild)?;
        of.members.remove(&bot).ok_or_else(ApiError::unknown_guild)?;
        of.roles.retain(|_, role| role.bot != Some(bot));
        self.emit_guild_delete(guild, false);
        Ok(())
    }

    /// An outage of one guild begins or ends.
    pub(crate) fn set_unavailable(&mut self, guild: GuildId, unavailable: bool) -> ApiResult<()> {
        self.guild_mut(guild)?.unavailable = unavailable;
        if !self.bot_in(guild) {
            return Ok(());
        }
        if unavailable {
            self.emit_guild_delete(guild, true);
        } else if let Some(data) = wire::guild_create(self, guild) {
            self.emit(&Event { name: "GUILD_CREATE", guild: Some(guild), channel: None, data });
        }
        Ok(())
    }

    /// Deletes a guild with everything in it.
    pub(crate) fn delete_guild(&mut self, guild: GuildId) -> ApiResult<()> {
        self.guild(guild)?;
        if self.bot_in(guild) {
            self.emit_guild_delete(guild, false);
        }
        self.guilds.remove(&guild);
        self.channels.retain(|_, channel| channel.guild != Some(guild));
        self.webhooks.retain(|_, hook| hook.guild != guild);
        Ok(())
    }

    fn emit_guild_delete(&mut self, guild: GuildId, unavailable: bool) {
        let mut data = json!({ "id": guild });
        if unavailable {
            data["unavailable"] = Value::Bool(true);
        }
        self.emit(&Event { name: "GUILD_DELETE", guild: Some(guild), channel: None, data });
    }

    /// Renames a guild.
    pub(crate) fn rename_guild(&mut self, guild: GuildId, name: &str) -> ApiResult<()> {
        name.clone_into(&mut self.guild_mut(guild)?.name);
        self.emit_guild_update(guild)
    }

    /// Makes another member the owner.
    pub(crate) fn transfer_guild(&mut self, guild: GuildId, to: UserId) -> ApiResult<()> {
        let of = self.guild_mut(guild)?;
        if !of.members.contains_key(&to) {
            return Err(ApiError::unknown_member());
        }
        of.owner = to;
        self.emit_guild_update(guild)
    }

    fn emit_guild_update(&mut self, guild: GuildId) -> ApiResult<()> {
        let data = wire::guild_with_counts(self.guild(guild)?, false);
        self.emit(&Event { name: "GUILD_UPDATE", guild: Some(guild), channel: None, data });
        Ok(())
    }
}
