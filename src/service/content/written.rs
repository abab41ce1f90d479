//! What somebody wrote: a message, or the copy of one that is forwarded. Both are read by the same code, so
//! that the same rules hold.

use crate::domain::message::{Embed, File, LinkButton, Sticker};
use crate::domain::preview;
use crate::rest::model::{self, Attachment, Message, MessageEmbed};

use super::blocks::Blocks;
use super::components;

/// Who wrote it, as far as that decides what may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Writer {
    /// A person, who can't make embeds.
    Person,
    /// A bot or a webhook.
    Application,
    /// A copy doesn't say who wrote it.
    Unknown,
}

/// The parts of a message that its author made.
pub(super) struct Written<'a> {
    pub(super) writer: Writer,
    pub(super) text: &'a str,
    pub(super) embeds: &'a [MessageEmbed],
    pub(super) attachments: &'a [Attachment],
    pub(super) stickers: &'a [model::StickerItem],
    /// In Discord's form.
    pub(super) components: &'a [serde_json::Value],
}

/// What a mirror can show of it.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) embeds: Vec<Embed>,
    pub(super) files: Vec<File>,
    pub(super) stickers: Vec<Sticker>,
    pub(super) links: Vec<LinkButton>,
    /// What can't be shown, as singular nouns.
    pub(super) unshown: Vec<String>,
}

impl<'a> Written<'a> {
    pub(super) fn of(message: &'a Message) -> Self {
        Self {
            writer: if super::is_by_application(message) { Writer::Application } else { Writer::Person },
            text: &message.content,
            embeds: &message.embeds,
            attachments: &message.attachments,
            stickers: &message.sticker_items,
            components: &message.components,
        }
    }

    /// What a mirror can show of it.
    pub(super) fn shown(&self) -> Shown {
        let mut shown = Shown {
            embeds: self.made_by_author(),
            files: self.attachments.iter().filter_map(file).collect(),
            stickers: self.stickers.iter().map(sticker).collect(),
            ..Shown::default()
        };
        let mut blocks = Blocks::beginning(self.text);
        components::read(self.components, self.attachments, &mut blocks, &mut shown);
        shown.text = blocks.joined();
        shown
    }

    /// The embeds that the author made. Previews of links are Discord's, which makes them for the mirror,
    /// too; some of them have the same type as those that bots make.
    fn made_by_author(&self) -> Vec<Embed> {
        let given = |value: &Option<serde_json::Value>| value.as_ref().is_some_and(|value| !value.is_null());
        let is_preview = |embed: &MessageEmbed| {
            self.writer == Writer::Person
                || !matches!(embed.kind.as_str(), "rich" | "")
                || given(&embed.provider)
                || given(&embed.video)
                || embed.embed.url.as_deref().is_some_and(|url| preview::is_previewed(url, self.text))
        };
        let made = self.embeds.iter().filter(|embed| !is_preview(embed));
        made.map(|embed| embed.embed.clone()).collect()
    }
}

/// A file in the form in which it is mirrored.
pub(super) fn file(attachment: &Attachment) -> Option<File> {
    Some(File {
        id: attachment.id.parse().ok()?,
        url: attachment.url.clone(),
        name: attachment.name(),
        size: attachment.size,
        spoiler: attachment.is_spoiler(),
        description: attachment.description.clone(),
        media_type: attachment.content_type.clone(),
        voice_seconds: attachment.duration_secs.as_ref().map(ToString::to_string),
    })
}

fn sticker(sticker: &model::StickerItem) -> Sticker {
    // Discord: "Sticker Format Types".
    let form = match sticker.format_type {
        1 | 2 => Some("png"),
        4 => Some("gif"),
        _ => None,
    };
    let url = form.map(|form| format!("https://media.discordapp.net/stickers/{}.{form}", sticker.id));
    Sticker { name: sticker.name.clone(), url }
}
