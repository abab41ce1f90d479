//! What a mirror shows of components: texts, pictures, files and links; everything else is named. Discord:
//! "Component Types".
//!
//! A mirror has no components of this kind, so it hides things by other means: texts and addresses between
//! `||`, files by their own mark. Everything in a hidden container is hidden.

use serde_json::Value;

use crate::domain::message::{Embed, EmbedMedia, File, LinkButton};
use crate::domain::rendering::address;
use crate::rest::model::Attachment;

use super::blocks::Blocks;
use super::written::Shown;

/// Deeper than Discord nests anything.
const DEEPEST: usize = 16;

/// Reads what is shown of the components of a message with these attachments.
pub(super) fn read(components: &[Value], attachments: &[Attachment], blocks: &mut Blocks, shown: &mut Shown) {
    let mut reader = Reader { attachments, blocks, shown };
    components.iter().for_each(|component| reader.read_component(component, false, 0));
}

struct Reader<'a> {
    attachments: &'a [Attachment],
    blocks: &'a mut Blocks,
    shown: &'a mut Shown,
}

impl Reader<'_> {
    /// Reads one component. It is hidden if it says so, or if its container is hidden.
    fn read_component(&mut self, component: &Value, hidden: bool, depth: usize) {
        let hidden = hidden || component["spoiler"] == true;
        match component["type"].as_u64() {
            _ if depth > DEEPEST => self.cannot_show("component"),
            // Rows, sections and containers hold others.
            Some(1 | 9 | 17) => {
                let inner = component["components"].as_array().into_iter().flatten();
                let inner = inner.chain(component.get("accessory").filter(|accessory| !accessory.is_null()));
                inner.for_each(|inner| self.read_component(inner, hidden, depth + 1));
            }
            Some(2) => match link_button(component) {
                Some(button) if hidden => self.hide_link(&button),
                Some(button) => self.shown.links.push(button),
                None => self.cannot_show("button"),
            },
            Some(3 | 5..=8) => self.cannot_show("menu"),
            Some(10) => self.blocks.add(component["content"].as_str().unwrap_or_default(), hidden),
            Some(11) => self.picture(&component["media"], hidden),
            Some(12) => {
                let items = component["items"].as_array().into_iter().flatten();
                items.for_each(|item| self.picture(&item["media"], hidden || item["spoiler"] == true));
            }
            Some(13) => self.file(component, hidden),
            // A separator.
            Some(14) => {}
            _ => self.cannot_show("component"),
        }
    }

    fn cannot_show(&mut self, what: &str) {
        self.shown.unshown.push(what.to_owned());
    }

    /// Shows one of the message's own files as such, and any other picture by its address.
    fn picture(&mut self, media: &Value, hidden: bool) {
        if self.attached(media, hidden) {
            return;
        }
        match (media["url"].as_str(), hidden) {
            (Some(url), false) => {
                let image = Some(EmbedMedia { url: url.to_owned() });
                self.shown.embeds.push(Embed { image, ..Embed::default() });
            }
            (Some(url), true) => match address::public(url) {
                Some(url) => self.blocks.add(&url, true),
                None => self.cannot_show("picture"),
            },
            (None, _) => self.cannot_show("picture"),
        }
    }

    fn file(&mut self, component: &Value, hidden: bool) {
        let media = &component["file"];
        if self.attached(media, hidden) {
            return;
        }
        let id = number(&media["attachment_id"]).and_then(|id| id.parse().ok());
        let known = id.zip(media["url"].as_str()).zip(component["size"].as_u64());
        let Some(((id, url), size)) = known else { return self.cannot_show("file") };
        let name = component["name"].as_str().unwrap_or("file").to_owned();
        self.shown.files.push(File {
            id,
            url: url.to_owned(),
            name,
            size,
            spoiler: hidden,
            media_type: media["content_type"].as_str().map(str::to_owned),
            ..File::default()
        });
    }

    /// Whether this is one of the message's files. If this is hidden, the file is hidden, too.
    fn attached(&mut self, media: &Value, hidden: bool) -> bool {
        let id = number(&media["attachment_id"]);
        let url = media["url"].as_str().map(unsigned);
        let is_it = |file: &&Attachment| {
            id.as_ref() == Some(&file.id)
                || url.is_some_and(|url| {
                    url == unsigned(&file.url) || url.strip_prefix("attachment://") == Some(&file.filename)
                })
        };
        let Some(found) = self.attachments.iter().find(is_it) else { return false };
        let files = self.shown.files.iter_mut().filter(|file| file.id.to_string() == found.id);
        files.for_each(|file| file.spoiler |= hidden);
        true
    }

    fn hide_link(&mut self, button: &LinkButton) {
        match address::public(&button.url) {
            Some(url) => {
                let label: String = button.label.chars().filter(|c| !matches!(c, '[' | ']')).collect();
                let label = if label.trim().is_empty() { "Link" } else { label.trim() };
                self.blocks.add(&format!("[{label}](<{url}>)"), true);
            }
            None => self.cannot_show("button"),
        }
    }
}

/// An id, which is mostly a text.
fn number(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned).or_else(|| value.as_u64().map(|id| id.to_string()))
}

/// An address without its signature.
fn unsigned(url: &str) -> &str {
    url.split('?').next().unwrap_or(url)
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
