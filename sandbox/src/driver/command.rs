//! A use of a command: what Discord's client checks before it sends one, and the data it sends.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{ActError, Arg, Options, Reply, SeenCommand};
use crate::ids::{ChannelId, GuildId, MessageId, UserId};
use crate::model::{Command, InteractionKind};
use crate::ops::NewInteraction;
use crate::permissions::Permissions;
use crate::shared::Shared;
use crate::validate::length;
use crate::wire;
use crate::world::World;

/// What a command of a menu is used on.
#[derive(Clone, Copy, Debug)]
enum Target {
    Message(MessageId),
    User(UserId),
}

/// A command about to be used.
#[derive(Debug)]
pub(super) struct Invocation {
    words: Vec<String>,
    options: Options,
    target: Option<Target>,
    checked: bool,
    focused: Option<String>,
}

impl Invocation {
    /// `/name`, `/name subcommand` or `/name group subcommand`.
    pub(super) fn new(command: &str, options: Options) -> Self {
        let words = command.trim_start_matches('/').split_whitespace().map(ToOwned::to_owned).collect();
        Self { words, options, target: None, checked: true, focused: None }
    }

    pub(super) fn on_message(command: &str, message: MessageId) -> Self {
        Self::on(command, Target::Message(message))
    }

    pub(super) fn on_user(command: &str, user: UserId) -> Self {
        Self::on(command, Target::User(user))
    }

    fn on(command: &str, target: Target) -> Self {
        let words = vec![command.to_owned()];
        Self { words, options: Options::new(), target: Some(target), checked: true, focused: None }
    }

    pub(super) fn unchecked(mut self) -> Self {
        self.checked = false;
        self
    }

    pub(super) fn completing(mut self, focused: &str) -> Self {
        self.focused = Some(focused.to_owned());
        self
    }

    /// Checks it, and sends the interaction.
    pub(super) fn send(
        self,
        shared: &Arc<Shared>,
        user: UserId,
        channel: ChannelId,
    ) -> Result<Reply, ActError> {
        let id = shared.write(|world| {
            let guild = world.channel(channel)?.guild;
            let command = self.find(world, guild)?.clone();
            if self.checked {
                offered(world, &command, user, guild, channel)?;
            }
            if !world.gateway.serves(guild) {
                return Err(ActError::Offline);
            }
            let data = self.data(world, &command, user, guild, channel)?;
            let kind = match self.focused {
                Some(_) => InteractionKind::Autocomplete,
                None => InteractionKind::Command,
            };
            let name = Some(command.name);
            Ok(world.interact(NewInteraction {
                kind,
                user,
                guild,
                channel,
                name,
                source: None,
                trigger: None,
                data,
            }))
        })?;
        Ok(Reply::new(shared, id))
    }

    fn find<'a>(&self, world: &'a World, guild: Option<GuildId>) -> Result<&'a Command, ActError> {
        let kind = match self.target {
            None => 1,
            Some(Target::User(_)) => 2,
            Some(Target::Message(_)) => 3,
        };
        let name = self.words.first().map(String::as_str).unwrap_or_default();
        let mut named: Vec<&Command> = world
            .commands
            .values()
            .filter(|c| c.name == name && c.kind == kind && (c.guild.is_none() || c.guild == guild))
            .collect();
        // A guild's own command hides the global one of the same name.
        named.sort_by_key(|command| command.guild.is_none());
        named.first().copied().ok_or_else(|| ActError::UnknownCommand(self.words.join(" ")))
    }

    fn data(
        &self,
        world: &World,
        command: &Command,
        user: UserId,
        guild: Option<GuildId>,
        channel: ChannelId,
    ) -> Result<Value, ActError> {
        let mut data = json!({ "id": command.id, "name": command.name, "type": command.kind });
        if let Some(guild) = command.guild {
            data["guild_id"] = json!(guild);
        }
        match self.target {
            Some(Target::Message(id)) => {
                let message = world.message(channel, id)?;
                data["target_id"] = json!(id);
                data["resolved"] = json!({ "messages": { id.to_string(): wire::message(world, message) } });
                return Ok(data);
            }
            Some(Target::User(id)) => {
                world.user(id)?;
                data["target_id"] = json!(id);
                let mut resolved = json!({});
                resolve_user(world, &mut resolved, id, guild);
                data["resolved"] = resolved;
                return Ok(data);
            }
            None => {}
        }
        // Walk down to the subcommand.
        let mut level = &command.body;
        let mut path = Vec::new();
        for word in self.words.iter().skip(1) {
            let below = level["options"].as_array().into_iter().flatten();
            let found = below.into_iter().find(|option| {
                option["name"] == word.as_str() && matches!(option["type"].as_u64(), Some(1 | 2))
            });
            level = found.ok_or_else(|| ActError::UnknownCommand(self.words.join(" ")))?;
            path.push((word, level["type"].clone()));
        }
        let declared = level["options"].as_array().cloned().unwrap_or_default();
        if declared.iter().any(|option| matches!(option["type"].as_u64(), Some(1 | 2))) {
            return Err(ActError::UnknownCommand(format!("{} (needs a subcommand)", self.words.join(" "))));
        }
        let mut options = self.options_json(world, &declared, user)?;
        for (name, kind) in path.into_iter().rev() {
            options = json!([{ "name": name, "type": kind, "options": options }]);
        }
        data["options"] = options;
        // In an autocompletion, channels and users stay unresolved.
        if self.focused.is_none()
            && let Some(resolved) = self.resolved(world, user, guild)
        {
            data["resolved"] = resolved;
        }
        Ok(data)
    }

    fn options_json(&self, world: &World, declared: &[Value], user: UserId) -> Result<Value, ActError> {
        let bad = |option: &str, reason: &str| ActError::BadOption {
            option: option.to_owned(),
            reason: reason.to_owned(),
        };
        let mut list = Vec::new();
        for (name, arg) in &self.options.0 {
            let option = declared
                .iter()
                .find(|option| option["name"] == name.as_str())
                .ok_or_else(|| bad(name, "the command has no such option"))?;
            let kind = option["type"].as_u64().unwrap_or(0);
            let focused = self.focused.as_deref() == Some(name);
            if focused {
                if option["autocomplete"] != true {
                    return Err(bad(name, "it isn't autocompleted"));
                }
            } else {
                check_value(option, kind, arg).map_err(|reason| bad(name, &reason))?;
                if let Arg::Channel(id) = arg {
                    self.check_channel(world, option, *id, user).map_err(|reason| bad(name, reason))?;
                }
            }
            let mut entry = json!({ "name": name, "type": kind, "value": arg.json() });
            if focused {
                entry["focused"] = json!(true);
            }
            list.push(entry);
        }
        let missing = declared.iter().find(|option| {
            option["required"] == true
                && !self.options.0.iter().any(|(name, _)| option["name"] == name.as_str())
        });
        match missing {
            Some(option) if self.focused.is_none() => {
                Err(bad(option["name"].as_str().unwrap_or_default(), "it is required"))
            }
            _ => Ok(Value::Array(list)),
        }
    }

    /// The client offers only channels of the right type that the person sees.
    fn check_channel(
        &self,
        world: &World,
        option: &Value,
        id: ChannelId,
        user: UserId,
    ) -> Result<(), &'static str> {
        let Some(channel) = world.channels.get(&id) else { return Err("there is no such channel") };
        let types = option["channel_types"].as_array().filter(|types| !types.is_empty());
        if types.is_some_and(|types| !types.iter().any(|kind| *kind == channel.kind.code())) {
            return Err("channels of this type aren't offered");
        }
        if self.checked && !world.can(user, id, Permissions::VIEW_CHANNEL) {
            return Err("the person can't see this channel");
        }
        Ok(())
    }

    fn resolved(&self, world: &World, person: UserId, guild: Option<GuildId>) -> Option<Value> {
        let mut resolved = json!({});
        let of = guild.and_then(|guild| world.guilds.get(&guild));
        for (_, arg) in &self.options.0 {
            match arg {
                Arg::Channel(id) => {
                    resolved["channels"][id.to_string()] = wire::partial_channel(world, *id, person);
                }
                Arg::User(id) => resolve_user(world, &mut resolved, *id, guild),
                Arg::Role(id) => {
                    let role = of.and_then(|of| of.roles.get(id))?;
                    resolved["roles"][id.to_string()] = wire::role(role);
                }
                _ => {}
            }
        }
        resolved.as_object().is_some_and(|map| !map.is_empty()).then_some(resolved)
    }
}

/// Adds a user to `resolved`, and what they are in the guild if they are there.
fn resolve_user(world: &World, resolved: &mut Value, id: UserId, guild: Option<GuildId>) {
    resolved["users"][id.to_string()] = wire::user(world, id);
    let of = guild.and_then(|guild| world.guilds.get(&guild));
    if let Some(Value::Object(mut member)) = of.and_then(|of| wire::member(world, of, id)) {
        for gone in ["user", "deaf", "mute"] {
            member.remove(gone);
        }
        resolved["members"][id.to_string()] = Value::Object(member);
    }
}

/// The commands that Discord's client offers to this person here, by name.
pub(super) fn offers(world: &World, user: UserId, channel: ChannelId) -> Vec<SeenCommand> {
    let Ok(guild) = world.channel(channel).map(|channel| channel.guild) else { return Vec::new() };
    let mut offers: BTreeMap<(String, u64), &Command> = BTreeMap::new();
    for command in world.commands.values().filter(|c| c.guild.is_none() || c.guild == guild) {
        // A guild's own command hides the global one of the same name.
        let named = offers.entry((command.name.clone(), command.kind)).or_insert(command);
        if command.guild.is_some() {
            *named = command;
        }
    }
    offers.retain(|_, command| offered(world, command, user, guild, channel).is_ok());
    offers.into_values().map(|command| SeenCommand::new(world, command)).collect()
}

/// Whether Discord's client offers the command to this person here.
fn offered(
    world: &World,
    command: &Command,
    user: UserId,
    guild: Option<GuildId>,
    channel: ChannelId,
) -> Result<(), ActError> {
    let here = world.permissions(user, channel);
    let hidden = |needed| ActError::Hidden {
        person: world.users.get(&user).map(|user| user.display_name().to_owned()).unwrap_or_default(),
        command: command.name.clone(),
        needed,
    };
    let use_commands = Permissions::USE_APPLICATION_COMMANDS | Permissions::VIEW_CHANNEL;
    if !here.contains(use_commands) {
        return Err(hidden(use_commands));
    }
    let body = &command.body;
    let context = u64::from(guild.is_none());
    let in_context = match body["contexts"].as_array() {
        Some(contexts) => contexts.iter().any(|allowed| allowed.as_u64() == Some(context)),
        None => guild.is_some() || body["dm_permission"] != false,
    };
    if !in_context {
        return Err(hidden(Permissions::empty()));
    }
    let bits = match &body["default_member_permissions"] {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        _ => None,
    };
    match bits.map(Permissions::from_bits_retain) {
        // "0" hides the command from everyone but administrators.
        Some(needed) if guild.is_some() && needed.is_empty() => {
            let admin = Permissions::ADMINISTRATOR;
            if here.contains(admin) { Ok(()) } else { Err(hidden(admin)) }
        }
        Some(needed) if guild.is_some() && !here.contains(needed) => Err(hidden(needed)),
        _ => Ok(()),
    }
}

fn check_value(option: &Value, kind: u64, arg: &Arg) -> Result<(), String> {
    if !arg.fits(kind) {
        return Err(format!("its type is {kind}, not that of {arg:?}"));
    }
    let choices = option["choices"].as_array().map_or(&[][..], Vec::as_slice);
    if !choices.is_empty() && !choices.iter().any(|choice| choice["value"] == arg.json()) {
        return Err(format!("{arg:?} is none of its choices"));
    }
    let number = match arg {
        #[expect(clippy::cast_precision_loss, reason = "limits of options are small")]
        Arg::Integer(number) => Some(*number as f64),
        Arg::Number(number) => Some(*number),
        _ => None,
    };
    if let Some(number) = number
        && (option["min_value"].as_f64().is_some_and(|min| number < min)
            || option["max_value"].as_f64().is_some_and(|max| number > max))
    {
        return Err(format!("{number} is out of its range"));
    }
    if let Arg::Text(text) = arg {
        let length = length(text) as u64;
        if length > option["max_length"].as_u64().unwrap_or(6000)
            || length < option["min_length"].as_u64().unwrap_or(0)
        {
            return Err("its length is out of range".to_owned());
        }
    }
    Ok(())
}
