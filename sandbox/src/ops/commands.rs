//! Registering application commands.

use serde_json::{Value, json};

use crate::error::{ApiError, ApiResult, FormErrors};
use crate::ids::{CommandId, GuildId};
use crate::model::Command;
use crate::validate;
use crate::world::World;

impl World {
    /// Replaces all global commands, or all commands of one guild.
    pub(crate) fn replace_commands(
        &mut self,
        guild: Option<GuildId>,
        list: &[Value],
    ) -> ApiResult<Vec<CommandId>> {
        let mut form = FormErrors::default();
        for (i, command) in list.iter().enumerate() {
            validate::check_command(&mut form, &i.to_string(), command);
            let twin = |other: &Value| other["name"] == command["name"] && kind(other) == kind(command);
            if list[..i].iter().any(twin) {
                form.add(
                    &format!("{i}.name"),
                    "APPLICATION_COMMANDS_DUPLICATE_NAME",
                    "Application command names must be unique",
                );
            }
        }
        for (of, max) in [(1, 100), (2, 5), (3, 5)] {
            if list.iter().filter(|command| kind(command) == of).count() > max {
                form.add(
                    "",
                    "APPLICATION_COMMANDS_MAX",
                    &format!("Maximum number of commands of type {of} reached ({max})"),
                );
            }
        }
        form.finish()?;
        let old: Vec<Command> = self.commands.values().filter(|c| c.guild == guild).cloned().collect();
        self.commands.retain(|_, command| command.guild != guild);
        let ids = list
            .iter()
            .map(|body| {
                let same = |c: &&Command| body["name"] == c.name.as_str() && kind(body) == c.kind;
                self.put_command(old.iter().find(same).map(|c| c.id), guild, body.clone())
            })
            .collect();
        self.commands_written = true;
        Ok(ids)
    }

    /// Adds one command, or replaces the one with the same name and kind. Returns whether it is new.
    pub(crate) fn upsert_command(
        &mut self,
        guild: Option<GuildId>,
        body: &Value,
    ) -> ApiResult<(CommandId, bool)> {
        let mut form = FormErrors::default();
        validate::check_command(&mut form, "", body);
        form.finish()?;
        let known = self
            .commands
            .values()
            .find(|c| c.guild == guild && body["name"] == c.name.as_str() && c.kind == kind(body))
            .map(|c| c.id);
        self.commands_written = true;
        Ok((self.put_command(known, guild, body.clone()), known.is_none()))
    }

    /// Changes fields of one command.
    pub(crate) fn patch_command(
        &mut self,
        guild: Option<GuildId>,
        id: CommandId,
        patch: &Value,
    ) -> ApiResult<()> {
        let command =
            self.commands.get(&id).filter(|c| c.guild == guild).ok_or_else(ApiError::unknown_command)?;
        let mut body = command.body.clone();
        for (key, value) in patch.as_object().into_iter().flatten() {
            body[key.as_str()] = value.clone();
        }
        let mut form = FormErrors::default();
        validate::check_command(&mut form, "", &body);
        form.finish()?;
        self.put_command(Some(id), guild, body);
        Ok(())
    }

    fn put_command(&mut self, id: Option<CommandId>, guild: Option<GuildId>, body: Value) -> CommandId {
        let id = id.unwrap_or_else(|| self.ids.next());
        let version: CommandId = self.ids.next();
        let name = body["name"].as_str().unwrap_or_default().to_owned();
        self.commands.insert(id, Command { id, version: version.0, guild, kind: kind(&body), name, body });
        id
    }

    /// A command as Discord returns it.
    pub(crate) fn command_json(&self, id: CommandId) -> ApiResult<Value> {
        let command = self.commands.get(&id).ok_or_else(ApiError::unknown_command)?;
        let given = &command.body;
        let mut value = json!({
            "id": command.id,
            "application_id": self.app.id,
            "version": command.version.to_string(),
            "type": command.kind,
            "name": command.name,
            "description": given["description"].as_str().unwrap_or_default(),
            "default_member_permissions": match &given["default_member_permissions"] {
                Value::Number(bits) => json!(bits.to_string()),
                other => other.clone(),
            },
            "nsfw": given["nsfw"] == true,
        });
        if let Some(guild) = command.guild {
            value["guild_id"] = json!(guild);
        } else {
            value["dm_permission"] = json!(given["dm_permission"] != false);
            value["contexts"] = given["contexts"].clone();
            value["integration_types"] = if given["integration_types"].is_array() {
                given["integration_types"].clone()
            } else {
                json!([0])
            };
        }
        for key in ["options", "name_localizations", "description_localizations"] {
            if !given[key].is_null() {
                value[key] = given[key].clone();
            }
        }
        Ok(value)
    }
}

fn kind(command: &Value) -> u64 {
    command["type"].as_u64().unwrap_or(1)
}
