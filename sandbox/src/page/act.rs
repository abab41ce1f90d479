//! What people do on the page: each act is one request, bound by the same rules as a person's in a test.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::trouble::{self, Trouble};
use super::words;
use crate::driver::{ActError, Arg, Channel, Options, Person, Post, Reply};
use crate::ids::{ChannelId, InteractionId, MessageId, RoleId, TagId, UserId};
use crate::shared::Shared;

/// An act, and whose it is.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    #[serde(rename = "as")]
    person: UserId,
    #[serde(flatten)]
    act: Act,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Act {
    Post {
        channel: ChannelId,
        content: String,
        reply_to: Option<MessageId>,
    },
    StartPost {
        channel: ChannelId,
        title: String,
        tags: Vec<TagId>,
        content: String,
    },
    StartThread {
        channel: ChannelId,
        name: String,
        message: Option<MessageId>,
    },
    Edit {
        channel: ChannelId,
        message: MessageId,
        content: String,
    },
    Delete {
        channel: ChannelId,
        message: MessageId,
    },
    Publish {
        channel: ChannelId,
        message: MessageId,
    },
    Forward {
        channel: ChannelId,
        message: MessageId,
        to: ChannelId,
    },
    FollowNatively {
        channel: ChannelId,
        to: ChannelId,
    },
    Commands {
        channel: ChannelId,
    },
    Run {
        channel: ChannelId,
        command: String,
        options: Vec<Filled>,
    },
    RunOn {
        channel: ChannelId,
        message: MessageId,
        command: String,
    },
    RunOnPerson {
        channel: ChannelId,
        person: UserId,
        command: String,
    },
    Complete {
        channel: ChannelId,
        command: String,
        options: Vec<Filled>,
        focused: String,
        typed: String,
    },
    Press {
        channel: ChannelId,
        message: MessageId,
        custom_id: String,
    },
    Select {
        channel: ChannelId,
        message: MessageId,
        custom_id: String,
        values: Vec<String>,
    },
    Submit {
        interaction: InteractionId,
        values: Vec<(String, Vec<String>)>,
    },
    #[serde(untagged)]
    Trouble(Trouble),
}

/// An option that is filled in: its name, Discord's number for its type, and the value.
#[derive(Debug, Deserialize)]
struct Filled {
    name: String,
    #[serde(rename = "type")]
    kind: u64,
    value: Value,
}

/// A file that comes with a message.
#[derive(Debug)]
pub(super) struct File {
    pub(super) name: String,
    pub(super) content_type: String,
    pub(super) bytes: Vec<u8>,
}

/// `POST /act`. That something is refused is an ordinary answer: `{"error": "a sentence"}`.
pub(super) async fn take(State(shared): State<Arc<Shared>>, Json(request): Json<Request>) -> Json<Value> {
    answer(&shared, request, Vec::new()).await
}

/// Does it, and says how it went.
pub(super) async fn answer(shared: &Arc<Shared>, request: Request, files: Vec<File>) -> Json<Value> {
    let person = Person::new(shared, request.person);
    let done = perform(shared, &person, request.act, files).await;
    Json(done.unwrap_or_else(|error| {
        let unanswered = matches!(error, ActError::Offline | ActError::TimedOut { .. });
        json!({ "error": words::error(&error), "unanswered": unanswered })
    }))
}

async fn perform(
    shared: &Arc<Shared>,
    person: &Person,
    act: Act,
    files: Vec<File>,
) -> Result<Value, ActError> {
    let place = |id: ChannelId| Channel::new(shared, id);
    let message = match act {
        Act::Post { channel, content, reply_to } => {
            let post = written(&content, files);
            let post = reply_to.into_iter().fold(post, Post::reply_to);
            person.post(&place(channel), post)?
        }
        Act::StartPost { channel, title, tags, content } => {
            let (thread, _) = person.start_post(&place(channel), &title, &tags, written(&content, files))?;
            return Ok(json!({ "channel": thread.id() }));
        }
        Act::StartThread { channel, name, message } => {
            let thread = person.start_thread(&place(channel), &name, message)?;
            return Ok(json!({ "channel": thread.id() }));
        }
        Act::Edit { channel, message, content } => person.edit(&place(channel), message, content)?,
        Act::Forward { channel, message, to } => person.post(&place(to), Post::forward(channel, message))?,
        Act::Delete { channel, message } => return nothing(person.delete(&place(channel), message)),
        Act::Publish { channel, message } => return nothing(person.publish(&place(channel), message)),
        Act::FollowNatively { channel, to } => {
            return nothing(person.follow_natively(&place(channel), &place(to)));
        }
        Act::Commands { channel } => {
            let commands = person.commands(&place(channel)).into_iter().map(|command| command.json);
            return Ok(json!({ "commands": commands.collect::<Vec<_>>() }));
        }
        Act::Complete { channel, command, options, focused, typed } => {
            let filled = filled(shared, options);
            let choices = person.autocomplete(&place(channel), &command, filled, &focused, &typed).await?;
            let choices =
                choices.into_iter().map(|choice| json!({ "name": choice.name, "value": choice.value }));
            return Ok(json!({ "choices": choices.collect::<Vec<_>>() }));
        }
        Act::Run { channel, command, options } => {
            let reply = person.start_command(&place(channel), &command, filled(shared, options))?;
            return first_answer(reply.acknowledged().await?);
        }
        Act::RunOn { channel, message, command } => {
            let reply = person.start_command_on(&place(channel), message, &command)?;
            return first_answer(reply.acknowledged().await?);
        }
        Act::RunOnPerson { channel, person: target, command } => {
            let target = Person::new(shared, target);
            let reply = person.start_command_on_person(&place(channel), &target, &command)?;
            return first_answer(reply.acknowledged().await?);
        }
        Act::Press { channel, message, custom_id } => {
            return first_answer(person.press_only(&place(channel), message, &custom_id).await?);
        }
        Act::Select { channel, message, custom_id, values } => {
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            return first_answer(person.select_only(&place(channel), message, &custom_id, &values).await?);
        }
        Act::Submit { interaction, values } => {
            let own = shared
                .read(|world| world.interactions.get(&interaction).is_some_and(|of| of.user == person.id()));
            if !own {
                return Err(ActError::NoComponent { wanted: "a form".to_owned(), there: Vec::new() });
            }
            return first_answer(Reply::new(shared, interaction).submit_only(&values).await?);
        }
        Act::Trouble(trouble) => return nothing(trouble::cause(shared, trouble)),
    };
    Ok(json!({ "message": message.id }))
}

fn nothing(done: Result<(), ActError>) -> Result<Value, ActError> {
    done.map(|()| json!({}))
}

/// What the page must do about the bot's first answer: open a form, or nothing, as messages come by
/// themselves.
fn first_answer(reply: Reply) -> Result<Value, ActError> {
    Ok(reply.modal().map_or_else(
        || json!({ "message": reply.message().map(|message| message.id) }),
        |modal| json!({ "modal": modal, "interaction": reply.interaction_id() }),
    ))
}

fn written(content: &str, files: Vec<File>) -> Post {
    files
        .into_iter()
        .fold(Post::text(content), |post, file| post.file(&file.name, &file.content_type, file.bytes))
}

fn filled(shared: &Shared, options: Vec<Filled>) -> Options {
    let options = options.into_iter();
    options.fold(Options::new(), |options, one| options.set(&one.name, arg(shared, one.kind, &one.value)))
}

/// A value as its option's type has it; what doesn't fit is passed on as a text, and refused where all
/// options are checked.
fn arg(shared: &Shared, kind: u64, value: &Value) -> Arg {
    let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let fitting = match kind {
        4 => text.trim().parse().ok().map(Arg::Integer),
        5 => text.parse().ok().map(Arg::Boolean),
        6 => text.parse().ok().map(|id: UserId| Arg::User(id)),
        7 => text.parse().ok().map(|id: ChannelId| Arg::Channel(id)),
        8 => text.parse().ok().map(|id: RoleId| Arg::Role(id)),
        9 => text.parse().ok().map(|id: u64| mentionable(shared, id)),
        10 => text.trim().parse().ok().map(Arg::Number),
        _ => None,
    };
    fitting.unwrap_or(Arg::Text(text))
}

fn mentionable(shared: &Shared, id: u64) -> Arg {
    let is_user = shared.read(|world| world.users.contains_key(&UserId(id)));
    if is_user { Arg::User(UserId(id)) } else { Arg::Role(RoleId(id)) }
}
