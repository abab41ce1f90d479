//! The bot's answer to an interaction, as the person sees it, and what they can do with it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::sandbox::wait;
use super::{ActError, Channel, Choice, Person, SeenMessage};
use crate::ids::{ChannelId, GuildId, InteractionId, MessageId, RoleId, UserId};
use crate::model::{Acknowledgement, Interaction, InteractionKind, MessageFlags};
use crate::ops::NewInteraction;
use crate::permissions::Permissions;
use crate::shared::Shared;
use crate::validate::interactive;
use crate::wire;
use crate::world::World;

/// How the bot answered first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// With a message (type 4).
    Message,
    /// With "thinking", and later a message (type 5).
    DeferredMessage,
    /// With an acknowledgement that nobody sees (type 6).
    DeferredUpdate,
    /// By editing the component's message (type 7).
    Update,
    /// With choices (type 8).
    Choices,
    /// With a form (type 9).
    Modal,
}

/// An interaction and its answer. It shows the answer as it is *now*, including deferred answers, edits and
/// follow-ups.
#[derive(Clone, Debug)]
pub struct Reply {
    shared: Arc<Shared>,
    id: InteractionId,
}

impl Reply {
    pub(crate) fn new(shared: &Arc<Shared>, id: InteractionId) -> Self {
        Self { shared: Arc::clone(shared), id }
    }

    fn look<T>(&self, look: impl FnOnce(&World, &Interaction) -> Option<T>) -> Option<T> {
        self.shared.read(|world| world.interactions.get(&self.id).and_then(|of| look(world, of)))
    }

    /// Waits for the first answer; after the deadline, "The application did not respond".
    pub async fn acknowledged(self) -> Result<Self, ActError> {
        let deadline = self.shared.read(|world| world.config.interaction_deadline);
        // A little longer than the bot has, so that an answer at the last moment isn't missed.
        let patience = deadline + Duration::from_millis(250);
        let what = "the first answer: the application did not respond";
        wait(&self.shared, what, patience, || self.kind().map(|_| ())).await?;
        Ok(self)
    }

    /// Waits for the complete answer: a deferred one must have been filled in.
    pub async fn settled(self, timeout: Duration) -> Result<Self, ActError> {
        wait(&self.shared, "the whole answer", timeout, || self.is_settled().then_some(())).await?;
        Ok(self)
    }

    fn is_settled(&self) -> bool {
        self.look(|world, of| {
            let (_, acknowledgement) = of.acknowledged.as_ref()?;
            Some(match acknowledgement {
                Acknowledgement::DeferredMessage => !of.original.is_some_and(|id| {
                    world
                        .message(of.channel, id)
                        .is_ok_and(|message| message.flags.contains(MessageFlags::LOADING))
                }),
                Acknowledgement::DeferredUpdate => of.answers > 0,
                _ => true,
            })
        })
        .unwrap_or(false)
    }

    /// Waits until the answer, as it is shown, fits.
    pub async fn wait_for(&self, timeout: Duration, fits: impl Fn(&Self) -> bool) -> Result<(), ActError> {
        wait(&self.shared, "the answer to fit", timeout, || fits(self).then_some(())).await
    }

    /// The interaction's id.
    pub fn interaction_id(&self) -> InteractionId {
        self.id
    }

    /// How the bot answered first; `None` until it has.
    pub fn kind(&self) -> Option<ReplyKind> {
        self.look(|_, of| {
            of.acknowledged.as_ref().map(|(_, acknowledgement)| match acknowledgement {
                Acknowledgement::Message => ReplyKind::Message,
                Acknowledgement::DeferredMessage => ReplyKind::DeferredMessage,
                Acknowledgement::DeferredUpdate => ReplyKind::DeferredUpdate,
                Acknowledgement::Update => ReplyKind::Update,
                Acknowledgement::Choices(_) => ReplyKind::Choices,
                Acknowledgement::Modal(_) => ReplyKind::Modal,
            })
        })
    }

    /// How long the bot took to answer first.
    pub fn acknowledged_after(&self) -> Option<Duration> {
        self.look(|_, of| of.acknowledged.as_ref().map(|(after, _)| *after))
    }

    /// The answer's message; after an update, the component's message. `None` once it is deleted.
    pub fn message(&self) -> Option<SeenMessage> {
        self.look(|world, of| {
            let message = world.message(of.channel, of.original?).ok()?;
            Some(SeenMessage::new(world, message))
        })
    }

    /// The follow-up messages.
    pub fn followups(&self) -> Vec<SeenMessage> {
        self.look(|world, of| {
            let seen = of.followups.iter().filter_map(|id| world.message(of.channel, *id).ok());
            Some(seen.map(|message| SeenMessage::new(world, message)).collect())
        })
        .unwrap_or_default()
    }

    /// Whether only the person sees the answer.
    pub fn is_ephemeral(&self) -> bool {
        self.message().is_some_and(|message| message.flags.contains(MessageFlags::EPHEMERAL))
    }

    /// The answer's content.
    pub fn content(&self) -> String {
        self.message().map(|message| message.content).unwrap_or_default()
    }

    /// The answer's embeds.
    pub fn embeds(&self) -> Vec<Value> {
        self.message().map(|message| message.embeds).unwrap_or_default()
    }

    /// The answer's components.
    pub fn components(&self) -> Vec<Value> {
        self.message().map(|message| message.components).unwrap_or_default()
    }

    /// Everything readable: the answer's content and embeds, then those of the follow-ups.
    pub fn text(&self) -> String {
        let all = self.message().into_iter().chain(self.followups());
        all.map(|message| message.text()).collect::<Vec<_>>().join("\n")
    }

    /// The choices of an autocompletion.
    pub fn choices(&self) -> Vec<Choice> {
        let raw = self.look(|_, of| match of.acknowledged.as_ref()? {
            (_, Acknowledgement::Choices(choices)) => Some(choices.clone()),
            _ => None,
        });
        let choice = |choice: Value| Choice {
            name: choice["name"].as_str().unwrap_or_default().to_owned(),
            value: choice["value"].clone(),
        };
        raw.unwrap_or_default().into_iter().map(choice).collect()
    }

    /// The form that the bot opened.
    pub fn modal(&self) -> Option<Value> {
        self.look(|_, of| match of.acknowledged.as_ref()? {
            (_, Acknowledgement::Modal(modal)) => Some(modal.clone()),
            _ => None,
        })
    }

    fn place(&self) -> Option<(Channel, MessageId, Person)> {
        let (channel, message, user) = self.look(|_, of| Some((of.channel, of.original?, of.user)))?;
        Some((Channel::new(&self.shared, channel), message, Person::new(&self.shared, user)))
    }

    fn placed(&self, wanted: &str) -> Result<(Channel, MessageId, Person), ActError> {
        self.place().ok_or_else(|| ActError::NoComponent { wanted: wanted.to_owned(), there: Vec::new() })
    }

    /// The same person presses a button of the answer.
    pub async fn press(&self, button: &str) -> Result<Reply, ActError> {
        let (channel, message, person) = self.placed(button)?;
        person.press(&channel, message, button).await
    }

    /// Somebody else presses a button of the answer.
    pub async fn press_as(&self, person: &Person, button: &str) -> Result<Reply, ActError> {
        let (channel, message, _) = self.placed(button)?;
        person.press(&channel, message, button).await
    }

    /// The same person chooses values in a select of the answer.
    pub async fn select(&self, select: &str, values: &[&str]) -> Result<Reply, ActError> {
        let (channel, message, person) = self.placed(select)?;
        person.select(&channel, message, select, values).await
    }

    /// The same person presses a component that the answer doesn't have, or chooses a value in it: a forged
    /// client can send any id.
    pub async fn press_forged(&self, custom_id: &str, value: Option<&str>) -> Result<Reply, ActError> {
        let (channel, message, person) = self.placed(custom_id)?;
        let (kind, patience) = (if value.is_some() { 3 } else { 2 }, person.patience());
        let component = json!({ "type": kind, "custom_id": custom_id, "id": 1 });
        let chosen: Vec<&str> = value.into_iter().collect();
        start_component(&self.shared, channel.id(), message, person.id(), &component, &chosen)?
            .settled(patience)
            .await
    }

    /// The person fills in the form and sends it: values by custom id. Fields that are left out keep their
    /// preset values.
    pub async fn submit(&self, values: &[(&str, &str)]) -> Result<Reply, ActError> {
        let values: Vec<_> =
            values.iter().map(|(id, value)| ((*id).to_owned(), vec![(*value).to_owned()])).collect();
        let patience = self.shared.read(|world| world.config.patience);
        self.submit_only(&values).await?.settled(patience).await
    }

    /// Like [`Self::submit`], but waits only for the acknowledgement, and takes any number of values for each
    /// select.
    pub async fn submit_only(&self, values: &[(String, Vec<String>)]) -> Result<Reply, ActError> {
        let none = || ActError::NoComponent { wanted: "a form".to_owned(), there: Vec::new() };
        let modal = self.modal().ok_or_else(none)?;
        let data = json!({
            "custom_id": modal["custom_id"],
            "components": filled(&modal["components"], values),
        });
        let id = self.shared.write(|world| {
            let of = world.interactions.get(&self.id).ok_or_else(none)?.clone();
            if !world.gateway.serves(of.guild) {
                return Err(ActError::Offline);
            }
            Ok(world.interact(NewInteraction {
                kind: InteractionKind::Modal,
                user: of.user,
                guild: of.guild,
                channel: of.channel,
                name: None,
                source: of.source,
                trigger: Some(of.id),
                data,
            }))
        })?;
        Reply::new(&self.shared, id).acknowledged().await
    }
}

/// A form's components as they are sent back: only their ids and values.
fn filled(components: &Value, values: &[(String, Vec<String>)]) -> Value {
    let one = |component: &Value| -> Value {
        let mut sent = json!({ "type": component["type"], "id": component["id"].as_u64().unwrap_or(1) });
        if let Some(custom_id) = component["custom_id"].as_str() {
            let given = values.iter().find(|(id, _)| id == custom_id).map(|(_, values)| values);
            sent["custom_id"] = json!(custom_id);
            if component["type"] == 4 {
                let preset = component["value"].as_str().unwrap_or_default();
                sent["value"] = json!(given.and_then(|values| values.first()).map_or(preset, String::as_str));
            } else {
                sent["values"] = given.map_or_else(|| json!([]), |values| json!(values));
            }
        }
        if component["components"].is_array() {
            sent["components"] = filled(&component["components"], values);
        }
        if component["component"].is_object() {
            sent["component"] = filled(&json!([component["component"]]), values)[0].clone();
        }
        sent
    };
    Value::Array(components.as_array().into_iter().flatten().map(one).collect())
}

/// The component that a person means, if they can use it: by custom id, or else by label or placeholder.
pub(super) fn find_component(
    shared: &Shared,
    channel: ChannelId,
    message: MessageId,
    user: UserId,
    wanted: &str,
    button: bool,
) -> Result<Value, ActError> {
    shared.read(|world| {
        let of = world.message(channel, message)?;
        let visible = of.only_for.is_none_or(|only| only == user)
            && world.can(user, channel, Permissions::VIEW_CHANNEL);
        let usable: Vec<&Value> = interactive(&of.components)
            .into_iter()
            .filter(|component| visible && component["disabled"] != true)
            .filter(|component| (component["type"] == 2) == button)
            .collect();
        let named = |key: &str| usable.iter().find(|component| component[key] == wanted);
        let found = named("custom_id").or_else(|| named("label")).or_else(|| named("placeholder"));
        found.map(|component| (*component).clone()).ok_or_else(|| ActError::NoComponent {
            wanted: wanted.to_owned(),
            there: usable
                .iter()
                .flat_map(|component| [&component["label"], &component["custom_id"]])
                .filter_map(|name| name.as_str().map(ToOwned::to_owned))
                .collect(),
        })
    })
}

/// Sends the use of a component.
pub(super) fn start_component(
    shared: &Arc<Shared>,
    channel: ChannelId,
    message: MessageId,
    user: UserId,
    component: &Value,
    values: &[&str],
) -> Result<Reply, ActError> {
    let mut data = json!({
        "component_type": component["type"], "custom_id": component["custom_id"], "id": component["id"],
    });
    if component["type"] != 2 {
        check_values(component, values)?;
        data["values"] = json!(values);
    }
    let id = shared.write(|world| {
        let guild = world.channel(channel)?.guild;
        if !world.gateway.serves(guild) {
            return Err(ActError::Offline);
        }
        resolve(world, &mut data, component["type"].as_u64().unwrap_or(0), guild, user, values);
        let kind = InteractionKind::Component;
        let source = Some(message);
        Ok(world.interact(NewInteraction {
            kind,
            user,
            guild,
            channel,
            name: None,
            source,
            trigger: None,
            data,
        }))
    })?;
    Ok(Reply::new(shared, id))
}

/// What Discord sends about the users (5), roles (6), both (7) or channels (8) that were picked.
fn resolve(
    world: &World,
    data: &mut Value,
    select: u64,
    guild: Option<GuildId>,
    person: UserId,
    values: &[&str],
) {
    let of = guild.and_then(|guild| world.guilds.get(&guild));
    for value in values.iter().filter(|value| value.parse::<u64>().is_ok()) {
        let (user, role) = (UserId(value.parse().unwrap_or(0)), RoleId(value.parse().unwrap_or(0)));
        if select == 8 {
            let channel = ChannelId(user.0);
            data["resolved"]["channels"][*value] = wire::partial_channel(world, channel, person);
        } else if let Some(role) = of.and_then(|of| of.roles.get(&role)).filter(|_| matches!(select, 6 | 7)) {
            data["resolved"]["roles"][*value] = wire::role(role);
        } else if matches!(select, 5 | 7) {
            data["resolved"]["users"][*value] = wire::user(world, user);
            if let Some(mut member) = of.and_then(|of| wire::member(world, of, user)) {
                for gone in ["user", "deaf", "mute"] {
                    member.as_object_mut().map(|fields| fields.remove(gone));
                }
                data["resolved"]["members"][*value] = member;
            }
        }
    }
}

fn check_values(select: &Value, values: &[&str]) -> Result<(), ActError> {
    let bad = |reason: String| ActError::BadOption {
        option: select["custom_id"].as_str().unwrap_or_default().to_owned(),
        reason,
    };
    let (min, max) = (select["min_values"].as_u64().unwrap_or(1), select["max_values"].as_u64().unwrap_or(1));
    if !(min..=max).contains(&(values.len() as u64)) {
        return Err(bad(format!("takes {min} to {max} values")));
    }
    if let Some(options) = select["options"].as_array() {
        for value in values {
            if !options.iter().any(|option| option["value"] == *value) {
                return Err(bad(format!("has no option \"{value}\"")));
            }
        }
    }
    Ok(())
}
