//! Reading an embed without losing the whole for a part. Discord: any of its fields may be null.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::domain::message::Embed;

/// The parts of an embed that can be read.
pub(super) fn whatever_can_be_read<'de, D: Deserializer<'de>>(d: D) -> Result<Embed, D::Error> {
    let parts = Map::deserialize(d)?;
    let mut read = Map::new();
    for (name, mut part) in parts {
        strip(&mut part);
        if let Value::Array(elements) = &mut part {
            elements.retain(|element| is_readable(&name, &Value::Array(vec![element.clone()])));
        }
        if !part.is_null() && is_readable(&name, &part) {
            read.insert(name, part);
        }
    }
    Ok(serde_json::from_value(Value::Object(read)).unwrap_or_default())
}

fn is_readable(name: &str, part: &Value) -> bool {
    let alone = Map::from_iter([(name.to_owned(), part.clone())]);
    Embed::deserialize(Value::Object(alone)).is_ok()
}

/// Removes what is null: it says no more than what is absent.
fn strip(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(strip);
        }
        Value::Array(elements) => elements.iter_mut().for_each(strip),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::rest::model::MessageEmbed;

    fn read(embed: Value) -> Embed {
        serde_json::from_value::<MessageEmbed>(embed).unwrap().embed
    }

    #[test]
    fn what_is_null_is_absent() {
        let embed = read(json!({
            "type": "rich", "title": "t", "description": null, "url": null, "timestamp": null, "color": null, "fields": null,
            "footer": {"text": "f", "icon_url": null}, "author": {"name": "a", "url": null}, "image": {"url": null},
            "thumbnail": null, "provider": null, "video": null,
        }));
        let text = embed.footer.map(|footer| footer.text);
        assert_eq!((embed.title.as_deref(), text.as_deref(), embed.image), (Some("t"), Some("f"), None));
        assert_eq!(embed.author.map(|author| author.name).as_deref(), Some("a"));
    }

    #[test]
    fn an_odd_part_costs_nothing_but_itself() {
        let embed = read(json!({
            "title": "t", "color": "red", "footer": 7,
            "fields": [{"name": "n", "value": "v"}, {"name": "n"}, 5, {"name": "m", "value": "w", "inline": null}],
        }));
        let fields: Vec<_> = embed.fields.iter().map(|field| field.value.as_str()).collect();
        assert_eq!((embed.title.as_deref(), fields), (Some("t"), vec!["v", "w"]));
    }
}
