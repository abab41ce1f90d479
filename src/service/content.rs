//! What a mirror shows of a message, read from the message as Discord describes it. One reading for what the gateway brings and for what
//! the history holds, so that both are the same thing.

use serde_json::Value;

use crate::domain::channel::message_link;
use crate::domain::ids::{GuildId, UserId};
use crate::domain::message::{
    Content, Embed, EmbedMedia, File, Forward, InThread, LinkButton, Names, Poll, Reply, Sticker,
};
use crate::rest::model::{Attachment, Message, MessageEmbed, Reference};

use super::Identity;
use super::watch::Watched;

/// Discord: "Message Flags".
const SUPPRESS_EMBEDS: u64 = 1 << 2;
const HAS_SNAPSHOT: u64 = 1 << 14;
const SUPPRESS_NOTIFICATIONS: u64 = 1 << 12;
/// Discord: "Message Types": what people and applications post. All others (joins, boosts, pins, new threads) tell about the source, not
/// to the target, and are left out on purpose.
const POSTS: [u16; 4] = [0, 19, 20, 23];
/// Discord: what a thread that was started from a message begins with. That message stands in the thread's channel.
const THREAD_STARTER: u16 = 21;
/// Discord: "Message Reference Types".
const ANSWER: u8 = 0;

/// Whether a message is something that somebody posted.
pub(super) fn is_post(message: &Message) -> bool {
    POSTS.contains(&message.kind)
}

/// Whether a message says that its thread was started from a message of its channel.
pub(super) fn is_thread_starter(message: &Message) -> bool {
    message.kind == THREAD_STARTER
}

/// Whether the bot posted it.
pub(super) fn is_own(message: &Message, identity: Identity, watched: &Watched) -> bool {
    message.author.id == identity.user
        || message.application_id == Some(identity.application)
        || message.webhook_id.is_some_and(|webhook| watched.is_own_webhook(webhook))
}

/// Whether what is shown of a message can't be all of it: something was posted, but nothing of it arrived. The gateway's library leaves out
/// what it doesn't know; the history has it.
pub(super) fn is_hollow(content: &Content) -> bool {
    let Content { text, embeds, files, forward, stickers, poll, .. } = content;
    text.is_empty()
        && embeds.is_empty()
        && files.is_empty()
        && forward.is_none()
        && stickers.is_empty()
        && poll.is_none()
}

/// What a mirror shows of a message, which stands in this thread, if in any.
pub(super) fn read(message: &Message, guild: GuildId, thread: Option<InThread>) -> Content {
    let mut unshown = Vec::new();
    let mut content = Content {
        author: author(message),
        handle: message.author.username.clone(),
        avatar_url: Some(avatar(message, guild)),
        text: message.content.clone(),
        embeds: made_by_author(&message.embeds),
        files: message.attachments.iter().filter_map(file).collect(),
        reply: reply(message, guild),
        forward: forward(message),
        stickers: message.sticker_items.iter().map(sticker).collect(),
        poll: message.poll.as_ref().map(poll),
        thread,
        names: people(message),
        silent: message.flags & SUPPRESS_NOTIFICATIONS != 0,
        embeds_suppressed: message.flags & SUPPRESS_EMBEDS != 0,
        link: message_link(guild, message.channel_id, message.id),
        ..Content::default()
    };
    for component in &message.components {
        take_component(component, &mut content, &mut unshown);
    }
    if message.flags & HAS_SNAPSHOT != 0 && content.forward.is_none() {
        unshown.push("forwarded message".to_owned());
    }
    content.unshown = unshown;
    content
}

/// The name as the source shows it: the server's nickname, the display name, or the user name.
fn author(message: &Message) -> String {
    let nick = message.member.as_ref().and_then(|member| member.nick.as_deref());
    nick.or(message.author.global_name.as_deref()).unwrap_or(&message.author.username).to_owned()
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

/// The embeds that the author made; Discord makes previews of links itself, also for the mirror.
fn made_by_author(embeds: &[MessageEmbed]) -> Vec<Embed> {
    embeds
        .iter()
        .filter(|embed| matches!(embed.kind.as_str(), "rich" | ""))
        .map(|embed| embed.embed.clone())
        .collect()
}

fn file(attachment: &Attachment) -> Option<File> {
    Some(File {
        id: attachment.id.parse().ok()?,
        url: attachment.url.clone(),
        name: attachment.filename.clone(),
        size: attachment.size,
        description: attachment.description.clone(),
        media_type: attachment.content_type.clone(),
        voice_seconds: attachment.duration_secs.as_ref().map(ToString::to_string),
    })
}

fn reply(message: &Message, guild: GuildId) -> Option<Reply> {
    let Reference { kind: ANSWER, message_id, channel_id, .. } = message.message_reference? else {
        return None;
    };
    let (answered, channel) = (message_id?, channel_id?);
    if message.kind != 19 {
        return None;
    }
    let original = message.referenced_message.as_deref();
    Some(Reply {
        channel,
        message: answered,
        link: message_link(guild, channel, answered),
        author: original.map(author),
        text: original.map(|original| original.content.clone()).unwrap_or_default(),
    })
}

fn forward(message: &Message) -> Option<Forward> {
    let snapshot = message.message_snapshots.first()?;
    let original: Value = snapshot.get("message").unwrap_or(snapshot).clone();
    let list = |key: &str| original.get(key).cloned().unwrap_or_default();
    let embeds: Vec<MessageEmbed> = each(list("embeds"));
    let files: Vec<Attachment> = each(list("attachments"));
    let stickers = original.get("sticker_items").and_then(Value::as_array).map_or(0, Vec::len);
    Some(Forward {
        text: original.get("content").and_then(Value::as_str).unwrap_or_default().to_owned(),
        embeds: made_by_author(&embeds),
        files: files.iter().filter_map(file).collect(),
        unshown: vec!["sticker".to_owned(); stickers],
    })
}

/// The elements of a list that can be read.
fn each<T: serde::de::DeserializeOwned>(list: Value) -> Vec<T> {
    let Value::Array(items) = list else { return Vec::new() };
    items.into_iter().filter_map(|item| serde_json::from_value(item).ok()).collect()
}

fn sticker(sticker: &crate::rest::model::Sticker) -> Sticker {
    // Discord: "Sticker Format Types".
    let form = match sticker.format_type {
        1 | 2 => Some("png"),
        4 => Some("gif"),
        _ => None,
    };
    let url = form.map(|form| format!("https://media.discordapp.net/stickers/{}.{form}", sticker.id));
    Sticker { name: sticker.name.clone(), url }
}

fn poll(poll: &Value) -> Poll {
    let text = |media: &Value| media["text"].as_str().unwrap_or_default().to_owned();
    let answer = |answer: &Value| {
        let media = &answer["poll_media"];
        // An emoji of a server has an id, and can't be shown elsewhere.
        let emoji = media["emoji"]["name"].as_str().filter(|_| media["emoji"]["id"].is_null());
        emoji.map_or_else(|| text(media), |emoji| format!("{emoji} {}", text(media)))
    };
    let answers = poll["answers"].as_array().map(|answers| answers.iter().map(answer).collect());
    Poll { question: text(&poll["question"]), answers: answers.unwrap_or_default() }
}

fn people(message: &Message) -> Names {
    let name =
        |user: &crate::rest::model::User| user.global_name.clone().unwrap_or_else(|| user.username.clone());
    Names { people: message.mentions.iter().map(|user| (user.id, name(user))).collect(), ..Names::default() }
}

/// Takes up what of a component a mirror can show: texts, pictures and links; the rest is named. Discord: "Component Types".
fn take_component(component: &Value, content: &mut Content, unshown: &mut Vec<String>) {
    match component["type"].as_u64() {
        // Rows, sections and containers hold others.
        Some(1 | 9 | 17) => {
            let inner = component["components"].as_array().into_iter().flatten();
            inner.chain(component.get("accessory")).for_each(|inner| take_component(inner, content, unshown));
        }
        Some(2) => match link_button(component) {
            Some(button) => content.links.push(button),
            None => unshown.push("button".to_owned()),
        },
        Some(3 | 5..=8) => unshown.push("menu".to_owned()),
        Some(10) => {
            let text = component["content"].as_str().unwrap_or_default();
            if !content.text.is_empty() {
                content.text.push_str("\n\n");
            }
            content.text.push_str(text);
        }
        Some(11) => picture(&component["media"], content),
        Some(12) => {
            let items = component["items"].as_array().into_iter().flatten();
            items.for_each(|item| picture(&item["media"], content));
        }
        Some(13) => unshown.push("file".to_owned()),
        // A separator.
        Some(14) => {}
        _ => unshown.push("component".to_owned()),
    }
}

/// Discord: "Button Styles", 5 is a link.
fn link_button(component: &Value) -> Option<LinkButton> {
    let url = component["url"].as_str().filter(|_| component["style"] == 5)?;
    let emoji = component["emoji"]["name"].as_str().filter(|_| component["emoji"]["id"].is_null());
    Some(LinkButton {
        label: component["label"].as_str().unwrap_or_default().to_owned(),
        emoji: emoji.map(str::to_owned),
        url: url.to_owned(),
    })
}

fn picture(media: &Value, content: &mut Content) {
    if let Some(url) = media["url"].as_str() {
        content.embeds.push(Embed { image: Some(EmbedMedia { url: url.to_owned() }), ..Embed::default() });
    }
}

#[cfg(test)]
pub(super) mod junk;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(message: Value) -> Content {
        let mut whole = json!({"id": "30", "channel_id": "20", "author": {"id": "40", "username": "ada_l", "global_name": "Ada"}});
        whole.as_object_mut().unwrap().extend(message.as_object().unwrap().clone());
        read(&serde_json::from_value(whole).unwrap(), GuildId::new(10).unwrap(), None)
    }

    #[test]
    fn the_author_is_named_as_the_source_shows_it() {
        assert_eq!(content(json!({})).author, "Ada");
        let in_server = content(json!({"member": {"nick": "Countess", "avatar": "a_1"}}));
        assert_eq!(in_server.author, "Countess");
        assert_eq!(
            in_server.avatar_url.unwrap(),
            "https://cdn.discordapp.com/guilds/10/users/40/avatars/a_1.gif"
        );
        assert_eq!(in_server.handle, "ada_l");
    }

    #[test]
    fn previews_of_links_are_left_to_discord() {
        let shown = content(
            json!({"embeds": [{"type": "rich", "title": "mine"}, {"type": "link", "title": "preview"}]}),
        );
        assert_eq!(shown.embeds.len(), 1);
    }

    #[test]
    fn an_answer_names_what_it_answers() {
        let shown = content(json!({
            "type": 19, "message_reference": {"type": 0, "message_id": "29", "channel_id": "20"},
            "referenced_message": {"id": "29", "channel_id": "20", "author": {"id": "41", "username": "bob"}, "content": "Hi"},
        }));
        let reply = shown.reply.unwrap();
        assert_eq!((reply.author.as_deref(), reply.text.as_str()), (Some("bob"), "Hi"));
        assert_eq!(reply.link, "https://discord.com/channels/10/20/29");
        let gone = content(
            json!({"type": 19, "message_reference": {"message_id": "29", "channel_id": "20"}, "referenced_message": null}),
        );
        assert_eq!(gone.reply.unwrap().author, None);
    }

    #[test]
    fn forwards_polls_stickers_and_voice_are_read() {
        let forward = content(json!({
            "flags": HAS_SNAPSHOT, "message_reference": {"type": 1, "message_id": "5", "channel_id": "6"},
            "message_snapshots": [{"message": {"content": "old", "attachments": [{"id": "8", "filename": "a.png", "size": 3, "url": "https://x/a.png"}]}}],
        }));
        let copy = forward.forward.clone().unwrap();
        assert_eq!((copy.text.as_str(), copy.files.len(), forward.reply.is_none()), ("old", 1, true));
        let poll = content(json!({"poll": {"question": {"text": "Which?"}, "answers": [
            {"poll_media": {"text": "This", "emoji": {"id": null, "name": "🍎"}}}, {"poll_media": {"text": "That"}},
        ]}}));
        assert_eq!(poll.poll.unwrap().answers, ["🍎 This", "That"]);
        let stickers = content(
            json!({"sticker_items": [{"id": "9", "name": "Wave", "format_type": 1}, {"id": "8", "name": "Line", "format_type": 3}]}),
        );
        assert_eq!(stickers.stickers[0].url.as_deref(), Some("https://media.discordapp.net/stickers/9.png"));
        assert_eq!(stickers.stickers[1].url, None);
        let voice = content(
            json!({"attachments": [{"id": "1", "filename": "voice.ogg", "size": 9, "url": "https://x", "duration_secs": 3.5}]}),
        );
        assert_eq!(voice.files[0].voice_seconds.as_deref(), Some("3.5"));
    }

    #[test]
    fn of_components_texts_pictures_and_links_are_shown() {
        let shown = content(json!({"components": [
            {"type": 17, "components": [
                {"type": 10, "content": "# Title"},
                {"type": 9, "components": [{"type": 10, "content": "body"}], "accessory": {"type": 11, "media": {"url": "https://x.example/t.png"}}},
                {"type": 14},
                {"type": 1, "components": [{"type": 2, "style": 5, "label": "Docs", "url": "https://x.example"}, {"type": 2, "style": 1, "custom_id": "a"}]},
            ]},
            {"type": 99},
        ]}));
        assert_eq!(shown.text, "# Title\n\nbody");
        assert_eq!((shown.embeds.len(), shown.links.len()), (1, 1));
        assert_eq!(shown.unshown, ["button", "component"]);
    }

    #[test]
    fn a_new_signature_is_no_edit() {
        let with = |url: &str| {
            content(json!({"attachments": [{"id": "1", "filename": "a", "size": 1, "url": url}]}))
        };
        assert!(with("https://x/a?ex=1").shows_the_same(&with("https://x/a?ex=2")));
        let renamed = Content { author: "New".to_owned(), ..with("u") };
        assert!(renamed.shows_the_same(&with("u")));
        assert!(!content(json!({"content": "a"})).shows_the_same(&content(json!({"content": "b"}))));
    }
}
