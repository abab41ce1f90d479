//! `custom`: an embed that an admin writes.

use serde::{Deserialize, Serialize};

use crate::domain::message::{Embed, EmbedField, EmbedMedia};
use crate::domain::panel::{Control, FormAnswers, FormField, PanelView};
use crate::domain::rendering::address;
use crate::domain::{limits, text};
use crate::panel::kind::{InvalidInput, PanelContext, PanelKind, PanelLocation};
use crate::panel::links::{self, PanelLink};
use crate::panel::placeholders;
use crate::panel::sources::{DataSources, ServerFacts, SourceUnavailable};

/// Grey, where no colour is chosen.
const COLOR: u32 = 0x80_84_8e;
const MOST_LINKS: usize = 10;

/// The kind.
pub(super) struct Custom;

/// What an admin writes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    text: String,
    color: Option<u32>,
    image: Option<String>,
    fields: Vec<(String, String)>,
    links: Vec<PanelLink>,
}

impl Config {
    fn texts(&self) -> impl Iterator<Item = &str> {
        let fields = self.fields.iter().flat_map(|(name, value)| [name.as_str(), value.as_str()]);
        std::iter::once(self.text.as_str()).chain(fields)
    }
}

impl PanelKind for Custom {
    type Config = Config;
    type Data = ServerFacts;

    const NAME: &'static str = "custom";
    const SUMMARY: &'static str = "an embed that you write";
    const TITLE: &'static str = "Notice";

    fn form(config: Option<&Config>) -> Vec<FormField> {
        let config = config.cloned().unwrap_or_default();
        let color = config.color.map(|color| format!("#{color:06x}"));
        let look: Vec<_> = color.into_iter().chain(config.image.clone()).collect();
        let fields =
            config.fields.iter().map(|(name, value)| format!("{name} | {}", value.replace('\n', "\\n")));
        let fields: Vec<_> = fields.collect();
        vec![
            FormField::paragraph("text", "Text (with {{placeholders}}, if you like)", 3000)
                .example("{{server_name}} has {{member_count}} members.")
                .with(config.text),
            FormField::paragraph("look", "Colour and picture, one per line", 600)
                .example("#2e9e6b\nhttps://example.com/picture.png")
                .with(look.join("\n"))
                .optional(),
            FormField::paragraph("fields", "Fields, one per line: name | text", 2500)
                .example("Opening hours | Every day")
                .with(fields.join("\n"))
                .optional(),
            FormField::paragraph("links", "Links, one per line: label | address", 1000)
                .example("Website | https://example.com")
                .with(links::written(&config.links))
                .optional(),
        ]
    }

    fn configure(_: Option<Config>, filled: &FormAnswers) -> Result<Config, InvalidInput> {
        let (color, image) = look(filled.get("look"))?;
        let config = Config {
            text: filled.get("text").to_owned(),
            color,
            image,
            fields: fields(filled.get("fields"))?,
            links: links::read(filled.get("links"), MOST_LINKS)?,
        };
        config.texts().try_for_each(placeholders::check)?;
        Ok(config)
    }

    async fn gather(
        sources: &DataSources,
        location: PanelLocation,
        config: &Config,
    ) -> Result<ServerFacts, SourceUnavailable> {
        // Most need nothing of the server.
        if config.texts().any(placeholders::has_any) {
            sources.server(location.guild).await
        } else {
            Ok(ServerFacts::default())
        }
    }

    fn render(context: &PanelContext, config: &Config, data: &ServerFacts) -> PanelView {
        let fill = |text: &str| placeholders::fill(text, context, data);
        let field = |(name, value): &(String, String)| EmbedField {
            name: fill(name),
            value: fill(value),
            inline: true,
        };
        let embed = Embed {
            title: Some(context.title.clone()),
            description: Some(fill(&config.text)),
            color: Some(config.color.unwrap_or(COLOR)),
            image: config.image.clone().map(|url| EmbedMedia { url }),
            fields: config.fields.iter().map(field).collect(),
            ..Embed::default()
        };
        let buttons: Vec<_> = config.links.iter().map(PanelLink::button).collect();
        let controls =
            buttons.chunks(limits::ROW_BUTTONS).map(|row| Control::Buttons(row.to_vec())).collect();
        PanelView { embeds: vec![embed], picture: None, controls }
    }
}

/// A colour and a picture, each at most once.
fn look(written: &str) -> Result<(Option<u32>, Option<String>), InvalidInput> {
    let (mut color, mut image) = (None, None);
    for line in written.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(digits) = line.strip_prefix('#').filter(|_| color.is_none()) {
            let value = u32::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 6);
            color = Some(value.ok_or_else(|| {
                InvalidInput(
                    "A colour is written as `#` and six hexadecimal digits, such as `#2e9e6b`.".to_owned(),
                )
            })?);
        } else if image.is_none() {
            image = Some(address::public(line).ok_or_else(|| {
                InvalidInput("A picture is given by its web address, which begins with `https://`. A colour begins with `#`.".to_owned())
            })?);
        } else {
            return Err(InvalidInput("There can be one colour and one picture.".to_owned()));
        }
    }
    Ok((color, image))
}

/// `name | text`, one per line; `\n` in the text begins a new line there.
fn fields(written: &str) -> Result<Vec<(String, String)>, InvalidInput> {
    let mut fields = Vec::new();
    for line in written.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) =
            line.split_once('|').map_or(("", ""), |(name, value)| (name.trim(), value.trim()));
        if !text::is_visible(name) || !text::is_visible(value) {
            let quoted = text::cut(line, 80).replace('`', "'");
            return Err(InvalidInput(format!(
                "`{quoted}` isn't a field. Write one per line: a name, `|`, and a text."
            )));
        }
        if text::units(name) > limits::FIELD_NAME || text::units(value) > limits::FIELD_VALUE {
            return Err(InvalidInput("A field's name can have 256 characters, its text 1,024.".to_owned()));
        }
        fields.push((name.to_owned(), value.replace("\\n", "\n")));
    }
    if fields.len() > limits::EMBED_FIELDS {
        return Err(InvalidInput(format!("There can be {} fields at most.", limits::EMBED_FIELDS)));
    }
    Ok(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(look: &str, fields: &str) -> FormAnswers {
        [("text", "Hello"), ("look", look), ("fields", fields), ("links", "")].into_iter().collect()
    }

    #[test]
    fn what_was_written_stands_in_the_form_again() {
        let written =
            filled("#2e9e6b\nhttps://example.com/a.png", "Open | 9–17\\nand on Sundays\nWhere | {{channel}}");
        let config = Custom::configure(None, &written).unwrap();
        assert_eq!((config.color, config.fields[0].1.as_str()), (Some(0x002e_9e6b), "9–17\nand on Sundays"));
        let again: FormAnswers =
            Custom::form(Some(&config)).into_iter().map(|field| (field.id, field.value)).collect();
        assert_eq!(Custom::configure(None, &again).unwrap(), config);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for look in ["#12", "#gggggg", "red", "https://nowhere", "#000000\n#ffffff"] {
            assert!(Custom::configure(None, &filled(look, "")).is_err(), "{look}");
        }
        for fields in ["x", "| y", "x |", "a | {{nope}}"] {
            assert!(Custom::configure(None, &filled("", fields)).is_err(), "{fields}");
        }
        assert!(Custom::configure(None, &filled("", &"a | b\n".repeat(26))).is_err());
    }
}
