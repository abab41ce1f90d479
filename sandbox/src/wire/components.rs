//! Components, with everything that Discord says about them: fields that were left out have their defaults,
//! and files named by `attachment://` have their addresses.

use serde_json::{Value, json};

use super::message::attachment_url;
use crate::model::{Attachment, Message};
use crate::world::World;

/// The components of a message.
pub(crate) fn components(world: &World, of: &Message) -> Vec<Value> {
    let mut all = of.components.clone();
    all.iter_mut().for_each(|component| complete(world, of, component));
    all
}

fn complete(world: &World, of: &Message, component: &mut Value) {
    match component["type"].as_u64() {
        Some(11) => picture(world, of, component),
        Some(12) => {
            let items = component.get_mut("items").and_then(Value::as_array_mut);
            items.into_iter().flatten().for_each(|item| picture(world, of, item));
        }
        Some(13) => {
            default(component, "spoiler", json!(false));
            let file = media(world, of, &mut component["file"]);
            component["name"] = json!(file.map(|file| &file.filename));
            component["size"] = json!(file.map(|file| file.size));
        }
        Some(14) => {
            default(component, "spacing", json!(1));
            default(component, "divider", json!(true));
        }
        Some(17) => {
            default(component, "accent_color", Value::Null);
            default(component, "spoiler", json!(false));
        }
        _ => {}
    }
    let inner = component.get_mut("components").and_then(Value::as_array_mut);
    inner.into_iter().flatten().for_each(|inner| complete(world, of, inner));
    if let Some(accessory) = component.get_mut("accessory").filter(|accessory| accessory.is_object()) {
        complete(world, of, accessory);
    }
}

/// A thumbnail, or a gallery's item.
fn picture(world: &World, of: &Message, picture: &mut Value) {
    default(picture, "description", Value::Null);
    default(picture, "spoiler", json!(false));
    media(world, of, &mut picture["media"]);
}

/// What Discord says about a file or a page that a component shows. Returns the message's own file, if it is
/// one.
fn media<'a>(world: &World, of: &'a Message, media: &mut Value) -> Option<&'a Attachment> {
    let name = media["url"].as_str().and_then(|url| url.strip_prefix("attachment://"));
    let file = name.and_then(|name| of.attachments.iter().find(|file| file.filename == name));
    media["id"] = json!(of.id);
    if let Some(file) = file {
        media["id"] = json!(file.id);
        media["attachment_id"] = json!(file.id);
        media["url"] = json!(attachment_url(world, file));
    }
    media["proxy_url"] = media["url"].clone();
    file
}

fn default(component: &mut Value, field: &str, value: Value) {
    if component.get(field).is_none() {
        component[field] = value;
    }
}
