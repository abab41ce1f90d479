//! Interactions: sending them to the bot, and accepting its answers.

use std::time::Instant;

use serde_json::{Value, json};

use crate::error::{ApiError, ApiResult, FormErrors};
use crate::gateway::Event;
use crate::ids::{ChannelId, GuildId, InteractionId, MessageId, UserId};
use crate::model::message::AnswerTo;
use crate::model::{Acknowledgement, Author, Interaction, InteractionKind, MessageFlags};
use crate::ops::NewMessage;
use crate::validate::{self, Draft, Upload};
use crate::wire;
use crate::world::{World, random_token};

/// What a person does.
#[derive(Debug)]
pub(crate) struct NewInteraction {
    pub(crate) kind: InteractionKind,
    pub(crate) user: UserId,
    pub(crate) guild: Option<GuildId>,
    pub(crate) channel: ChannelId,
    pub(crate) name: Option<String>,
    pub(crate) source: Option<MessageId>,
    /// What opened the form that was sent.
    pub(crate) trigger: Option<InteractionId>,
    pub(crate) data: Value,
}

impl World {
    /// Sends an interaction to the bot.
    pub(crate) fn interact(&mut self, new: NewInteraction) -> InteractionId {
        let id: InteractionId = self.ids.next();
        let token = format!("aW50ZXJhY3Rpb24{}", random_token(160));
        let mut event = json!({
            "id": id,
            "application_id": self.app.id,
            "type": new.kind as u8,
            "token": token,
            "version": 1,
            "channel_id": new.channel,
            "channel": wire::partial_channel(self, new.channel, new.user),
            "locale": "en-US",
            "app_permissions": self.permissions(self.app.bot, new.channel),
            "entitlements": [],
            "attachment_size_limit": 10_485_760,
            "context": if new.guild.is_some() { 0 } else { 1 },
            "data": new.data,
        });
        let user = wire::user(self, new.user);
        if let Some(guild) = new.guild.and_then(|guild| self.guilds.get(&guild)) {
            let mut member = wire::member(self, guild, new.user).unwrap_or_default();
            member["permissions"] = json!(self.permissions(new.user, new.channel));
            event["member"] = member;
            event["guild_id"] = json!(guild.id);
            event["guild"] = json!({ "id": guild.id, "locale": "en-US", "features": [] });
            event["guild_locale"] = json!("en-US");
            event["authorizing_integration_owners"] = json!({ "0": guild.id });
        } else {
            event["user"] = user;
            event["authorizing_integration_owners"] = json!({ "0": "0" });
        }
        if let Some(message) = new.source.and_then(|id| self.message(new.channel, id).ok()) {
            event["message"] = wire::message(self, message);
        }
        self.interactions.insert(
            id,
            Interaction {
                id,
                token,
                kind: new.kind,
                user: new.user,
                guild: new.guild,
                channel: new.channel,
                name: new.name,
                source: new.source,
                trigger: new.trigger,
                at: Instant::now(),
                acknowledged: None,
                original: None,
                followups: Vec::new(),
                answers: 0,
            },
        );
        self.emit(&Event { name: "INTERACTION_CREATE", guild: new.guild, channel: None, data: event });
        id
    }

    /// The first answer. 10062 if it comes too late or the token is wrong, 40060 for a second one.
    pub(crate) fn callback(
        &mut self,
        id: InteractionId,
        token: &str,
        body: &Value,
        uploads: &[Upload],
    ) -> ApiResult<Option<MessageId>> {
        let interaction = self.interactions.get(&id).filter(|i| i.token == token).cloned();
        let interaction = interaction.ok_or_else(ApiError::unknown_interaction)?;
        if interaction.acknowledged.is_some() {
            return Err(ApiError::already_acknowledged());
        }
        let took = interaction.at.elapsed();
        if took > self.config.interaction_deadline {
            return Err(ApiError::unknown_interaction());
        }
        let data = &body["data"];
        let completes = interaction.kind == InteractionKind::Autocomplete;
        let kind = body["type"].as_u64().unwrap_or(0);
        let (acknowledgement, original) = match kind {
            4 if !completes => {
                let draft = Draft::read(data, uploads)?;
                (Acknowledgement::Message, Some(self.answer(&interaction, draft)?))
            }
            5 if !completes => {
                let mut draft = Draft::read(data, &[])?;
                draft.flags = Some(draft.flags.unwrap_or_default() | MessageFlags::LOADING);
                (Acknowledgement::DeferredMessage, Some(self.answer(&interaction, draft)?))
            }
            6 if interaction.source.is_some() => (Acknowledgement::DeferredUpdate, interaction.source),
            7 if let Some(source) = interaction.source => {
                self.edit(interaction.channel, source, &Draft::read(data, uploads)?)?;
                (Acknowledgement::Update, Some(source))
            }
            8 if completes => (Acknowledgement::Choices(choices(data)?), None),
            9 if !completes && interaction.kind != InteractionKind::Modal => {
                (Acknowledgement::Modal(modal(data)?), None)
            }
            _ => {
                return Err(ApiError::field(
                    "type",
                    "INTERACTION_CALLBACK_TYPE_INVALID",
                    "This callback type cannot be used for this interaction",
                ));
            }
        };
        if let Some(interaction) = self.interactions.get_mut(&id) {
            let shows = !matches!(
                acknowledgement,
                Acknowledgement::DeferredMessage | Acknowledgement::DeferredUpdate
            );
            interaction.acknowledged = Some((took, acknowledgement));
            interaction.original = original;
            interaction.answers += u32::from(shows);
        }
        Ok(original)
    }

    /// Posts the bot's answer; if it is ephemeral, for one person only.
    fn answer(&mut self, to: &Interaction, draft: Draft) -> ApiResult<MessageId> {
        let ephemeral = draft.flags.is_some_and(|flags| flags.contains(MessageFlags::EPHEMERAL));
        let answers = AnswerTo {
            id: to.id,
            kind: to.kind as u8,
            name: to.name.clone(),
            user: to.user,
            on_message: to.source,
            trigger: to.trigger,
        };
        self.post(NewMessage {
            channel: to.channel,
            author: Author::User(self.app.bot),
            draft,
            application: Some(self.app.id),
            answers: Some(answers),
            only_for: ephemeral.then_some(to.user),
        })
    }

    /// The interaction with this token, while it is valid: acknowledged, and younger than 15 minutes.
    pub(crate) fn interaction_with_token(&self, token: &str) -> ApiResult<&Interaction> {
        let found = self.interactions.values().rev().find(|interaction| interaction.token == token);
        let found = found.ok_or_else(ApiError::unknown_webhook)?;
        if found.at.elapsed() > self.config.interaction_life {
            return Err(ApiError::expired_interaction());
        }
        if found.acknowledged.is_none() {
            return Err(ApiError::unknown_webhook());
        }
        Ok(found)
    }

    /// A follow-up message. The first one after a deferral takes the deferred answer's place, as on Discord.
    pub(crate) fn follow_up(&mut self, token: &str, draft: Draft) -> ApiResult<MessageId> {
        let interaction = self.interaction_with_token(token)?.clone();
        let waiting = interaction.original.filter(|id| {
            self.message(interaction.channel, *id)
                .is_ok_and(|message| message.flags.contains(MessageFlags::LOADING))
        });
        let id = match waiting {
            Some(original) => {
                self.edit(interaction.channel, original, &draft)?;
                original
            }
            None => self.answer(&interaction, draft)?,
        };
        self.note_answer(interaction.id, waiting.is_none().then_some(id));
        Ok(id)
    }

    /// Edits the answer (`@original`) or a follow-up.
    pub(crate) fn edit_answer(&mut self, token: &str, id: MessageId, draft: &Draft) -> ApiResult<()> {
        let interaction = self.interaction_with_token(token)?;
        let (of, channel) = (interaction.id, interaction.channel);
        self.edit(channel, id, draft)?;
        self.note_answer(of, None);
        Ok(())
    }

    /// Deletes the answer or a follow-up.
    pub(crate) fn delete_answer(&mut self, token: &str, id: MessageId) -> ApiResult<()> {
        let interaction = self.interaction_with_token(token)?;
        let (of, channel) = (interaction.id, interaction.channel);
        self.delete_message(channel, id)?;
        self.note_answer(of, None);
        Ok(())
    }

    fn note_answer(&mut self, id: InteractionId, followup: Option<MessageId>) {
        if let Some(interaction) = self.interactions.get_mut(&id) {
            interaction.answers += 1;
            interaction.followups.extend(followup);
        }
    }

    /// The message that `@original` or an id names, if it belongs to this interaction.
    pub(crate) fn answer_id(&self, token: &str, name: &str) -> ApiResult<(ChannelId, MessageId)> {
        let interaction = self.interaction_with_token(token)?;
        let id = if name == "@original" { interaction.original } else { name.parse().ok() };
        let id = id.ok_or_else(ApiError::unknown_message)?;
        let own = interaction.original == Some(id)
            || interaction.followups.contains(&id)
            || interaction.source == Some(id);
        self.message(interaction.channel, id)?;
        if own { Ok((interaction.channel, id)) } else { Err(ApiError::unknown_message()) }
    }
}

/// The choices of an autocompletion: at most 25, names and text values of 1–100 characters.
fn choices(data: &Value) -> ApiResult<Vec<Value>> {
    let choices = data["choices"].as_array().cloned().unwrap_or_default();
    let mut form = FormErrors::default();
    if choices.len() > 25 {
        form.add("data.choices", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.");
    }
    for (i, choice) in choices.iter().enumerate() {
        let name = choice["name"].as_str().unwrap_or_default();
        if !(1..=100).contains(&validate::length(name)) {
            form.bad_length(&format!("data.choices.{i}.name"), 1, 100);
        }
        if choice["value"].as_str().is_some_and(|value| validate::length(value) > 100) {
            form.too_long(&format!("data.choices.{i}.value"), 100);
        }
    }
    form.finish()?;
    Ok(choices)
}

/// A form: title of 1–45 characters, 1–5 rows.
fn modal(data: &Value) -> ApiResult<Value> {
    let mut form = FormErrors::default();
    if !(1..=45).contains(&validate::length(data["title"].as_str().unwrap_or_default())) {
        form.bad_length("data.title", 1, 45);
    }
    if !(1..=100).contains(&validate::length(data["custom_id"].as_str().unwrap_or_default())) {
        form.bad_length("data.custom_id", 1, 100);
    }
    if !(1..=5).contains(&data["components"].as_array().map_or(0, Vec::len)) {
        form.bad_length("data.components", 1, 5);
    }
    form.finish()?;
    Ok(data.clone())
}
