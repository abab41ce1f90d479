//! Generates commands.md from the command definitions.

use std::fmt::Write;
use std::sync::Arc;

use poise::serenity_prelude::CommandOptionType;
use poise::{Command, ContextMenuCommandAction};
use serde_json::Value;

use crate::service::ServiceError;

use super::Bot;
use super::commands::{OF_THE_WEB, all};

/// The whole of commands.md.
pub fn commands_md() -> String {
    let mut text = String::from(
        "# Commands\n\n<!-- Made by `tributary commands`; don't edit it by hand. -->\n\nAll commands except `/feed`, `/privacy` and `/dashboard` work only in servers. Only the person who runs a command sees its answer.\n",
    );
    for command in all() {
        let _ = write!(text, "\n{}", section(&command));
        for subcommand in &command.subcommands {
            let _ = write!(text, "\n{}", section(subcommand));
        }
    }
    text
}

/// The commands' definitions for Discord. Unset fields are left out, as Discord takes `null` for a value in
/// some of them.
pub fn definitions() -> Vec<Value> {
    let commands = all();
    let definitions = poise::builtins::create_application_commands(&commands).into_iter();
    definitions
        .map(|definition| without_nulls(serde_json::to_value(definition).unwrap_or_default()))
        .collect()
}

/// The same without those that this bot doesn't offer: `/dashboard`, if there are no web pages.
pub fn offered(web: bool) -> Vec<Value> {
    definitions().into_iter().filter(|command| web || command["name"] != OF_THE_WEB).collect()
}

/// A value without the fields that are `null`, at any depth.
pub(super) fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let set = fields.into_iter().filter(|(_, value)| !value.is_null());
            set.map(|(name, value)| (name, without_nulls(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(without_nulls).collect(),
        value => value,
    }
}

fn section(command: &Command<Arc<Bot>, ServiceError>) -> String {
    let heading = if command.qualified_name.contains(' ') { "###" } else { "##" };
    let description = command.description.as_deref().unwrap_or_default();
    let name = match &command.context_menu_name {
        Some(name) => {
            let of_person = matches!(command.context_menu_action, Some(ContextMenuCommandAction::User(_)));
            format!("{name}, in the menu of a {}", if of_person { "person" } else { "message" })
        }
        None => format!("`/{}`", command.qualified_name),
    };
    let mut text = format!("{heading} {name}\n\n{description}.\n");
    if let Some(help) = &command.help_text {
        let _ = write!(text, "\n{}\n", help.trim());
    }
    let permissions = command.default_member_permissions.get_permission_names();
    if !permissions.is_empty() {
        let _ = write!(text, "\nShown to members with {}.\n", permissions.join(", "));
    }
    let options = if command.subcommands.is_empty() { options(command) } else { Vec::new() };
    if !options.is_empty() {
        text.push_str("\n| option | takes | |\n|---|---|---|\n");
        for option in options {
            let _ = writeln!(text, "{option}");
        }
    }
    text
}

/// A table row for each option. It is read from the definition for Discord, so that both always agree.
fn options(command: &Command<Arc<Bot>, ServiceError>) -> Vec<String> {
    let definition = command
        .create_as_slash_command()
        .map(|definition| serde_json::to_value(definition).unwrap_or_default());
    let options = definition.as_ref().and_then(|definition| definition["options"].as_array());
    options.map(|options| options.iter().map(row).collect()).unwrap_or_default()
}

fn row(option: &Value) -> String {
    let text = |key: &str| option[key].as_str().unwrap_or_default().to_owned();
    let words: Vec<String> = option["choices"]
        .as_array()
        .map(|choices| {
            choices.iter().filter_map(|choice| Some(format!("`{}`", choice["value"].as_str()?))).collect()
        })
        .unwrap_or_default();
    let kind = option["type"].as_u64().and_then(|kind| u8::try_from(kind).ok()).map(CommandOptionType::from);
    let takes = match kind {
        _ if !words.is_empty() => words.join(", "),
        Some(CommandOptionType::Channel) => "a channel".to_owned(),
        Some(CommandOptionType::User) => "a person".to_owned(),
        Some(CommandOptionType::Boolean) => "true or false".to_owned(),
        Some(CommandOptionType::Integer) => "a whole number".to_owned(),
        _ if option["autocomplete"] == true => "text, completed as you type".to_owned(),
        _ => "text".to_owned(),
    };
    let required = if option["required"] == true { " (required)" } else { "" };
    format!("| `{}`{required} | {takes} | {} |", text("name"), text("description"))
}
