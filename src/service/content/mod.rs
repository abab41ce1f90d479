//! What a mirror shows of a message, read from Discord's form of it. Live messages and histories are read by
//! the same code, so that both look the same.

use serde_json::Value;

use crate::domain::channel::message_link;
use crate::domain::ids::{GuildId, MessageId, UserId};
use crate::domain::message::{Content, InThread, Names, Poll, Reply};
use crate::rest::model::{MentionedUser, Message, MessageReference, Referenced};

use self::written::Written;
use super::Identity;
use super::watch::Watched;

mod blocks;
mod components;
mod forward;
mod sounds;
mod written;

/// Discord: "Message Flags".
const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Discord: "Message Flags", `CROSSPOSTED`: the message was published to the channels that follow this one.
const CROSSPOSTED: u64 = 1 << 0;
const LOADING: u64 = 1 << 7;
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;
const HAS_SNAPSHOT: u64 = 1 << 14;
const IS_COMPONENTS_V2: u64 = 1 << 15;
/// Discord: "Message Types": what people and applications post. All others (joins, boosts, pins, new threads)
/// concern the source and not the target, and are left out on purpose.
const POSTS: [u16; 4] = [0, 19, 20, 23];
/// Discord: an answer to another message.
const REPLY: u16 = 19;
/// Discord: "Message Types": how applications answer commands. Only these may exist before they say anything.
const TO_COMMANDS: [u16; 2] = [20, 23];
/// Discord: the first message of a thread that was started from a message. That message stands in the
/// thread's channel.
const THREAD_STARTER: u16 = 21;
/// Discord: "Message Reference Types".
const ANSWER: u8 = 0;

/// Whether somebody posted this message, and it can be shown already.
pub(super) fn is_post(message: &Message) -> bool {
    POSTS.contains(&message.kind) && !is_loading(message)
}

/// Whether an application is still working on its answer ("… is thinking"), which comes as an update.
pub(super) fn is_loading(message: &Message) -> bool {
    message.flags & LOADING != 0
}

/// Whether a message may have been loading at first.
pub(super) fn may_have_loaded(message: &Message) -> bool {
    TO_COMMANDS.contains(&message.kind)
}

/// Whether a message shows that its thread was started from a message of its channel.
pub(super) fn is_thread_starter(message: &Message) -> bool {
    message.kind == THREAD_STARTER
}

/// Whether a bot or a webhook posted it, not a person.
pub(super) fn is_by_application(message: &Message) -> bool {
    message.author.bot || message.webhook_id.is_some()
}

/// Whether the bot posted it.
pub(super) fn is_own(message: &Message, identity: Identity, watched: &Watched) -> bool {
    message.author.id == identity.user
        || message.application_id == Some(identity.application)
        || message.webhook_id.is_some_and(|webhook| watched.is_own_webhook(webhook))
}

/// Whether the content can't be complete: something was posted, but nothing of it arrived. The gateway's
/// library leaves out what it doesn't know; the history has it.
pub(super) fn is_hollow(content: &Content) -> bool {
    let Content { text, embeds, files, forward, stickers, poll, .. } = content;
    text.is_empty()
        && embeds.is_empty()
        && files.is_empty()
        && forward.is_none()
        && stickers.is_empty()
        && poll.is_none()
}

/// The message that this one answers, if Discord said nothing about it, so that it must be asked for. Only in
/// the channel of the answer, where Discord keeps answers: an answer must not reveal what another channel
/// keeps to itself.
pub(super) fn unknown_original(message: &Message) -> Option<MessageId> {
    if message.referenced_message != Referenced::Unknown {
        return None;
    }
    let reference = answered(message)?;
    reference.message_id.filter(|_| reference.channel_id.is_none_or(|channel| channel == message.channel_id))
}

/// What a mirror shows of a message, which stands in this thread, if in any.
pub(super) fn read(message: &Message, guild: GuildId, thread: Option<InThread>) -> Content {
    let shown = Written::of(message).shown();
    let mut names = people(&message.mentions);
    if let Referenced::Standing(original) = &message.referenced_message {
        names.people.extend(people(&original.mentions).people);
    }
    let mut content = Content {
        author: author(message),
        handle: message.author.username.clone(),
        avatar_url: Some(avatar(message, guild)),
        text: sounds::named(shown.text, &message.soundboard_sounds),
        embeds: shown.embeds,
        files: shown.files,
        reply: reply(message, guild),
        stickers: shown.stickers,
        poll: message.poll.as_ref().filter(|poll| poll.is_object()).map(poll),
        links: shown.links,
        thread,
        names,
        unshown: shown.unshown,
        silent: message.flags & SUPPRESS_NOTIFICATIONS != 0,
        // A message of components has no embeds to suppress: what the mirror shows as embeds are its
        // pictures.
        embeds_suppressed: message.flags & (SUPPRESS_EMBEDS | IS_COMPONENTS_V2) == SUPPRESS_EMBEDS,
        published: message.flags & CROSSPOSTED != 0,
        edited: message.edited_timestamp.is_some(),
        link: message_link(guild, message.channel_id, message.id),
        ..Content::default()
    };
    forward::read(message, &mut content);
    if message.flags & HAS_SNAPSHOT != 0 && content.forward.is_none() {
        content.unshown.push("forwarded message".to_owned());
    }
    content
}

/// The name as the source shows it: the server's nickname, the display name, or the user name.
fn author(message: &Message) -> String {
    let nick = message.member.as_ref().and_then(|member| member.nick.as_deref());
    nick.unwrap_or_else(|| message.author.display_name()).to_owned()
}

/// The avatar as the source shows it: the server's own, the person's, or Discord's default.
fn avatar(message: &Message, guild: GuildId) -> String {
    const CDN: &str = "https://cdn.discordapp.com";
    let form = |hash: &str| if hash.starts_with("a_") { "gif" } else { "webp" };
    let user = message.author.id;
    if let Some(hash) = message.member.as_ref().and_then(|member| member.avatar.as_deref()) {
        return format!("{CDN}/guilds/{guild}/users/{user}/avatars/{hash}.{}", form(hash));
    }
    match message.author.avatar.as_deref() {
        Some(hash) => format!("{CDN}/avatars/{user}/{hash}.{}", form(hash)),
        None => format!("{CDN}/embed/avatars/{}.png", default_avatar(user)),
    }
}

/// Discord: "CDN Endpoints", default user avatars, by the id.
const fn default_avatar(user: UserId) -> u64 {
    (user.get() >> 22) % 6
}

/// What a message refers to as an answer.
fn answered(message: &Message) -> Option<MessageReference> {
    message.message_reference.filter(|reference| message.kind == REPLY && reference.kind == ANSWER)
}

fn reply(message: &Message, guild: GuildId) -> Option<Reply> {
    let MessageReference { message_id, channel_id, .. } = answered(message)?;
    let (answered, channel) = (message_id?, channel_id?);
    let link = message_link(guild, channel, answered);
    let mut reply = Reply {
        channel,
        message: answered,
        link,
        author: None,
        author_id: None,
        written_by: None,
        unknown: false,
        published: false,
        text: String::new(),
    };
    match &message.referenced_message {
        Referenced::Unknown => reply.unknown = true,
        Referenced::Deleted => {}
        Referenced::Standing(original) => {
            let by = original.author.id;
            reply.written_by = Some(by);
            let pinged = message.mentions.iter().find(|mentioned| mentioned.user.id == by);
            let nick = pinged.and_then(|pinged| pinged.member.as_ref()?.nick.clone());
            let is_named = nick.is_some() || original.member.is_some() || original.webhook_id.is_some();
            reply.author_id = (!is_named).then_some(by);
            reply.author = Some(nick.unwrap_or_else(|| author(original)));
            reply.text = gist(original);
            reply.published = original.flags & CROSSPOSTED != 0;
        }
    }
    Some(reply)
}

/// What a message says when it is quoted: its own text, or the text that it forwards, or its poll's question.
fn gist(message: &Message) -> String {
    let text = sounds::named(Written::of(message).shown().text, &message.soundboard_sounds);
    if !text.trim().is_empty() {
        return text;
    }
    let mut forwarded = Content::default();
    forward::read(message, &mut forwarded);
    let forwarded = forwarded.forward.map(|forward| forward.text).filter(|text| !text.trim().is_empty());
    let asked = || message.poll.as_ref().map(|asked| poll(asked).question);
    forwarded.or_else(asked).unwrap_or_default()
}

fn poll(poll: &Value) -> Poll {
    let text = |media: &Value| media["text"].as_str().unwrap_or_default().to_owned();
    let answer = |answer: &Value| {
        let media = &answer["poll_media"];
        let name = media["emoji"]["name"].as_str().filter(|name| !name.is_empty());
        // An emoji of a server has an id, and can't be shown elsewhere.
        match (name, media["emoji"]["id"].is_null(), text(media)) {
            (Some(emoji), true, text) => format!("{emoji} {text}").trim_end().to_owned(),
            (Some(name), false, text) if text.is_empty() => format!(":{name}:"),
            (_, _, text) => text,
        }
    };
    let answers = poll["answers"].as_array().map(Vec::as_slice).unwrap_or_default();
    // Votes that aren't final would make each vote an edit.
    let results = Some(&poll["results"]).filter(|results| results["is_finalized"] == true);
    let votes = results.map(|results| {
        let counts = results["answer_counts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let votes = |answer: &Value| {
            let count = counts.iter().find(|count| count["id"] == answer["answer_id"]);
            count.and_then(|count| count["count"].as_u64()).unwrap_or_default()
        };
        answers.iter().map(votes).collect()
    });
    Poll { question: text(&poll["question"]), answers: answers.iter().map(answer).collect(), votes }
}

/// The people who are mentioned, as the source shows them.
fn people(mentions: &[MentionedUser]) -> Names {
    let name = |mentioned: &MentionedUser| {
        let nick = mentioned.member.as_ref().and_then(|member| member.nick.clone());
        (mentioned.user.id, nick.unwrap_or_else(|| mentioned.user.display_name().to_owned()))
    };
    Names { people: mentions.iter().map(name).collect(), ..Names::default() }
}

#[cfg(test)]
pub(super) mod junk;
#[cfg(test)]
mod tests;
