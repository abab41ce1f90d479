//! Messages as the gateway brings them, turned into what a mirror shows.

use poise::serenity_prelude as serenity;
use serenity::{Message, MessageFlags, MessageType};

use crate::domain::message::{self, Content, Embed, EmbedAuthor, EmbedField, EmbedFooter, EmbedMedia};
use crate::service::intake::Poster;

use super::ids::IntoDomain;

/// Whether a message is something that somebody posted.
pub(super) fn is_post(kind: MessageType) -> bool {
    message::is_post(u8::from(kind).into())
}

/// Who posted a message.
pub(super) fn poster(message: &Message) -> Poster {
    Poster {
        author: message.author.id.into_domain(),
        application: message.application_id.map(IntoDomain::into_domain),
        webhook: message.webhook_id.map(IntoDomain::into_domain),
    }
}

/// What a mirror of a message shows.
pub(super) fn content(message: &Message, guild: serenity::GuildId) -> Content {
    let author = author_name(message);
    Content {
        author,
        avatar_url: Some(avatar(message, guild)),
        text: message.content.clone(),
        embeds: message.embeds.iter().filter_map(embed).collect(),
        unshown: message::unshown(
            message.attachments.len(),
            message.sticker_items.len(),
            message.poll.is_some(),
        ),
        silent: message.flags.is_some_and(|flags| flags.contains(MessageFlags::SUPPRESS_NOTIFICATIONS)),
        embeds_suppressed: message.flags.is_some_and(|flags| flags.contains(MessageFlags::SUPPRESS_EMBEDS)),
        link: message.id.link(message.channel_id, Some(guild)),
    }
}

/// The name as the source shows it: the server's nickname, the display name, or the user name.
fn author_name(message: &Message) -> String {
    let nick = message.member.as_ref().and_then(|member| member.nick.as_deref());
    nick.unwrap_or_else(|| message.author.display_name()).to_owned()
}

/// The avatar as the source shows it: the server's own, the person's, or Discord's default.
fn avatar(message: &Message, guild: serenity::GuildId) -> String {
    let own = message.member.as_ref().and_then(|member| member.avatar.as_ref());
    match own {
        Some(hash) => {
            let form = if hash.is_animated() { "gif" } else { "webp" };
            let user = message.author.id;
            format!("https://cdn.discordapp.com/guilds/{guild}/users/{user}/avatars/{hash}.{form}")
        }
        None => message.author.face(),
    }
}

/// An embed that the author made; Discord makes previews of links itself, also for the mirror.
fn embed(embed: &serenity::Embed) -> Option<Embed> {
    if embed.kind.as_deref().is_some_and(|kind| kind != "rich") {
        return None;
    }
    Some(Embed {
        title: embed.title.clone(),
        description: embed.description.clone(),
        url: embed.url.clone(),
        timestamp: embed.timestamp.and_then(|time| time.to_rfc3339()),
        color: embed.colour.map(|colour| colour.0),
        footer: embed
            .footer
            .as_ref()
            .map(|footer| EmbedFooter { text: footer.text.clone(), icon_url: footer.icon_url.clone() }),
        image: embed.image.as_ref().map(|image| EmbedMedia { url: image.url.clone() }),
        thumbnail: embed.thumbnail.as_ref().map(|thumbnail| EmbedMedia { url: thumbnail.url.clone() }),
        author: embed.author.as_ref().map(|author| EmbedAuthor {
            name: author.name.clone(),
            url: author.url.clone(),
            icon_url: author.icon_url.clone(),
        }),
        fields: embed.fields.iter().map(field).collect(),
    })
}

fn field(field: &serenity::EmbedField) -> EmbedField {
    EmbedField { name: field.name.clone(), value: field.value.clone(), inline: field.inline }
}
