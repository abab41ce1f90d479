//! What a panel shows: embeds, a picture, buttons and menus. A kind makes it; here it is brought within
//! Discord's limits.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::message::{Embed, EmbedMedia};
use crate::domain::text::shortened;
use crate::domain::{limits, text};

/// How many options a menu has at most, and how long its texts may be (Discord: "String Select").
const CHOICES: usize = 25;
const CHOICE_TEXT: usize = 100;
const PLACEHOLDER: usize = 150;
/// How much of a message is kept free for what is added to a view later: notes, and when it changed.
const NOTES: usize = 500;
/// How long an action's name may be: with the panel's number, it makes a component's id (Discord: 100
/// characters).
pub const LONGEST_ACTION: usize = 60;

/// What a panel shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PanelView {
    /// At most 10, of 6000 characters over all.
    pub embeds: Vec<Embed>,
    /// The picture that an embed shows with [`Picture::address`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
    /// Rows of buttons and menus, at most 5.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<Control>,
}

/// A picture that is uploaded with the message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    /// What it shows, for those who can't see it.
    pub alt: String,
    /// The file, a PNG.
    #[serde(serialize_with = "write_bytes", deserialize_with = "read_bytes")]
    pub png: Vec<u8>,
}

impl Picture {
    /// Its file's name.
    pub const NAME: &'static str = "chart.png";

    /// The address by which an embed of the same message shows it.
    pub fn address() -> EmbedMedia {
        EmbedMedia { url: format!("attachment://{}", Self::NAME) }
    }
}

/// A row of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    /// Up to five buttons.
    Buttons(Vec<Button>),
    /// A menu.
    Select(SelectMenu),
}

/// A button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Button {
    /// Leads to an address.
    Link {
        /// Its label.
        label: String,
        /// Where it leads.
        url: String,
    },
    /// Asks the panel's kind for something.
    #[serde(rename = "act")]
    Action {
        /// Its label.
        label: String,
        /// How it looks.
        style: ButtonStyle,
        /// The action that pressing it asks the kind for.
        action: String,
    },
}

impl Button {
    /// A grey button.
    pub fn quiet(label: &str, action: impl Into<String>) -> Self {
        Self::Action { label: label.to_owned(), style: ButtonStyle::Secondary, action: action.into() }
    }

    /// A coloured button.
    pub fn primary(label: &str, action: impl Into<String>) -> Self {
        Self::Action { label: label.to_owned(), style: ButtonStyle::Primary, action: action.into() }
    }
}

/// How a button looks (Discord: "Button Styles").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonStyle {
    /// Blurple.
    Primary,
    /// Grey.
    Secondary,
    /// Green.
    Success,
    /// Red.
    Danger,
}

/// A menu with options, of which one is chosen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectMenu {
    /// The action that choosing asks the kind for.
    pub action: String,
    /// What it shows while nothing is chosen.
    pub placeholder: String,
    /// 1 to 25; more are left out.
    pub options: Vec<MenuOption>,
}

/// An option of a menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MenuOption {
    /// Its label.
    pub label: String,
    /// What the kind is told when it is chosen.
    pub value: String,
    /// A smaller line below; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Whether it is the present choice.
    #[serde(default)]
    pub chosen: bool,
}

impl PanelView {
    /// A view of one embed.
    pub fn of(embed: Embed) -> Self {
        Self { embeds: vec![embed], ..Self::default() }
    }

    /// Cuts whatever is too long for Discord, and leaves out what is too much or empty. A view that a kind
    /// made too large must not cost the whole message.
    pub fn fitted(mut self) -> Self {
        self.embeds.truncate(limits::EMBEDS);
        let mut left = limits::EMBEDS_TOTAL - NOTES;
        self.embeds.iter_mut().for_each(|embed| fit_embed(embed, &mut left));
        self.controls = self.controls.into_iter().filter_map(fit_control).take(limits::ROWS).collect();
        self
    }

    /// Adds a line of up to about 200 characters at the end of the last embed's text, which is shortened to
    /// make room.
    pub fn note(&mut self, line: &str) {
        if let Some(embed) = self.embeds.last_mut() {
            let text = embed.description.get_or_insert_default();
            if !text.is_empty() {
                text.push('\n');
            }
            let room = limits::EMBED_DESCRIPTION.saturating_sub(text::units(line));
            *text = shortened(text, room).into_owned();
            text.push_str(line);
        }
    }
}

/// Cuts a text to its own limit and to what is left for all texts together, and subtracts its length from
/// that.
fn fit(text: &mut String, limit: usize, left: &mut usize) {
    if text::units(text) > limit.min(*left) {
        *text = shortened(text, limit.min(*left)).into_owned();
    }
    *left = left.saturating_sub(text::units(text));
}

fn fit_optional(text: &mut Option<String>, limit: usize, left: &mut usize) {
    if let Some(value) = text {
        fit(value, limit, left);
    }
    text.take_if(|value| !text::is_visible(value));
}

fn fit_embed(embed: &mut Embed, left: &mut usize) {
    fit_optional(&mut embed.title, limits::EMBED_TITLE, left);
    embed.author.take_if(|author| !text::is_visible(&author.name));
    if let Some(author) = &mut embed.author {
        fit(&mut author.name, limits::EMBED_AUTHOR, left);
    }
    if let Some(footer) = &mut embed.footer {
        fit(&mut footer.text, limits::EMBED_FOOTER, left);
    }
    fit_optional(&mut embed.description, limits::EMBED_DESCRIPTION, left);
    embed.fields.truncate(limits::EMBED_FIELDS);
    for field in &mut embed.fields {
        fit(&mut field.name, limits::FIELD_NAME, left);
        fit(&mut field.value, limits::FIELD_VALUE, left);
    }
    // Discord requires both.
    embed.fields.retain(|field| text::is_visible(&field.name) && text::is_visible(&field.value));
    embed.color = embed.color.map(|color| color.min(limits::COLOR));
}

fn cut(text: &str, limit: usize) -> String {
    text::cut(text, limit).into_owned()
}

fn fit_control(control: Control) -> Option<Control> {
    match control {
        Control::Buttons(buttons) => {
            let kept: Vec<_> = buttons.into_iter().filter_map(fit_button).take(limits::ROW_BUTTONS).collect();
            (!kept.is_empty()).then_some(Control::Buttons(kept))
        }
        Control::Select(mut select) => {
            select.placeholder = cut(&select.placeholder, PLACEHOLDER);
            select.options.retain(|option| {
                text::is_visible(&option.label)
                    && !option.value.is_empty()
                    && text::units(&option.value) <= CHOICE_TEXT
            });
            select.options.truncate(CHOICES);
            for option in &mut select.options {
                option.label = cut(&option.label, CHOICE_TEXT);
                option.description = cut(&option.description, CHOICE_TEXT);
            }
            let usable = !select.options.is_empty() && text::units(&select.action) <= LONGEST_ACTION;
            usable.then_some(Control::Select(select))
        }
    }
}

fn fit_button(button: Button) -> Option<Button> {
    match button {
        Button::Link { label, url } => (url.len() <= limits::BUTTON_ADDRESS && text::is_visible(&label))
            .then(|| Button::Link { label: cut(&label, limits::BUTTON_LABEL), url }),
        Button::Action { label, style, action } => (text::units(&action) <= LONGEST_ACTION
            && text::is_visible(&label))
        .then(|| Button::Action { label: cut(&label, limits::BUTTON_LABEL), style, action }),
    }
}

fn write_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

fn read_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    STANDARD.decode(text).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::message::{EmbedField, EmbedFooter};
    use crate::domain::text::alphabet::any_line;

    fn long() -> impl Strategy<Value = String> {
        prop_oneof![any_line(), (0..5000_usize).prop_map(|length| "ä".repeat(length)), Just(String::new())]
    }

    fn embed() -> impl Strategy<Value = Embed> {
        let field = (long(), long()).prop_map(|(name, value)| EmbedField { name, value, inline: true });
        let texts =
            (proptest::option::of(long()), proptest::option::of(long()), proptest::option::of(long()));
        (texts, prop::collection::vec(field, 0..30), any::<Option<u32>>()).prop_map(
            |((title, description, footer), fields, color)| Embed {
                title,
                description,
                fields,
                color,
                footer: footer.map(|text| EmbedFooter { text, icon_url: None }),
                ..Embed::default()
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_fitted_is_within_the_limits(embeds in prop::collection::vec(embed(), 0..12)) {
            let view = PanelView { embeds, ..PanelView::default() }.fitted();
            prop_assert!(view.embeds.len() <= 10);
            let texts = |embed: &Embed| {
                let optional = [embed.title.clone(), embed.description.clone(), embed.footer.clone().map(|footer| footer.text)];
                let fields = embed.fields.iter().flat_map(|field| [field.name.clone(), field.value.clone()]);
                optional.into_iter().flatten().chain(fields).map(|text| text::units(&text)).sum::<usize>()
            };
            prop_assert!(view.embeds.iter().map(texts).sum::<usize>() <= 5500);
            for embed in &view.embeds {
                prop_assert!(embed.fields.len() <= 25);
                prop_assert!(embed.fields.iter().all(|field| !field.value.is_empty() && text::units(&field.value) <= 1024));
            }
        }
    }

    #[test]
    fn a_picture_is_read_back() {
        let picture = Picture { alt: "A chart".to_owned(), png: vec![0, 255, 7] };
        let written = serde_json::to_string(&picture).unwrap();
        assert_eq!(serde_json::from_str::<Picture>(&written).unwrap(), picture);
    }

    /// Stored contents keep the word that this kind of button was first written with.
    #[test]
    fn stored_buttons_are_read_back() {
        let written = r#"{"act":{"label":"Refresh","style":"secondary","action":"refresh"}}"#;
        let button = Button::quiet("Refresh", "refresh");
        assert_eq!(serde_json::from_str::<Button>(written).unwrap(), button);
        assert_eq!(serde_json::to_string(&button).unwrap(), written);
    }

    #[test]
    fn what_cannot_be_pressed_is_left_out() {
        let select = SelectMenu { action: "span".to_owned(), placeholder: String::new(), options: vec![] };
        let nameless = Control::Buttons(vec![Button::quiet("", "x"), Button::quiet("X", "y".repeat(61))]);
        let view = PanelView { controls: vec![Control::Select(select), nameless], ..PanelView::default() };
        assert_eq!(view.fitted().controls, []);
    }
}
