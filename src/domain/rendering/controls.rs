//! The controls of a message: rows of buttons and menus. A webhook that an application owns may send them.

use serde::Serialize;

use crate::domain::panel::{self, Button, ButtonStyle, Control, PanelId};

/// A row (Discord: "Action Row").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ActionRow {
    #[serde(rename = "type")]
    kind: u8,
    components: Vec<Component>,
}

/// A button or a menu.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Component {
    Link(LinkComponent),
    Act(ActionComponent),
    Select(SelectComponent),
}

/// A button that leads somewhere (Discord: "Button", style 5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct LinkComponent {
    #[serde(rename = "type")]
    kind: u8,
    style: u8,
    label: String,
    url: String,
}

/// A button that does something (Discord: "Button").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct ActionComponent {
    #[serde(rename = "type")]
    kind: u8,
    style: u8,
    label: String,
    custom_id: String,
}

/// A menu (Discord: "String Select").
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct SelectComponent {
    #[serde(rename = "type")]
    kind: u8,
    custom_id: String,
    placeholder: String,
    options: Vec<SelectOption>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct SelectOption {
    label: String,
    value: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    default: bool,
}

impl ActionRow {
    pub(super) fn of(components: Vec<Component>) -> Self {
        Self { kind: 1, components }
    }
}

/// A button that leads somewhere.
pub(super) const fn link(label: String, url: String) -> Component {
    Component::Link(LinkComponent { kind: 2, style: 5, label, url })
}

/// The rows of a panel.
pub(super) fn rows(panel: PanelId, controls: &[Control]) -> Vec<ActionRow> {
    let row = |control: &Control| match control {
        Control::Buttons(buttons) => ActionRow::of(buttons.iter().map(|one| button(panel, one)).collect()),
        Control::Select(menu) => ActionRow::of(vec![Component::Select(select(panel, menu))]),
    };
    controls.iter().map(row).collect()
}

fn button(panel: PanelId, button: &Button) -> Component {
    match button {
        Button::Link { label, url } => link(label.clone(), url.clone()),
        Button::Action { label, style, action } => {
            let style = match style {
                ButtonStyle::Primary => 1,
                ButtonStyle::Secondary => 2,
                ButtonStyle::Success => 3,
                ButtonStyle::Danger => 4,
            };
            let custom_id = panel::custom_id(panel, action);
            Component::Act(ActionComponent { kind: 2, style, label: label.clone(), custom_id })
        }
    }
}

fn select(panel: PanelId, menu: &panel::SelectMenu) -> SelectComponent {
    let choice = |option: &panel::MenuOption| SelectOption {
        label: option.label.clone(),
        value: option.value.clone(),
        description: option.description.clone(),
        default: option.chosen,
    };
    SelectComponent {
        kind: 3,
        custom_id: panel::custom_id(panel, &menu.action),
        placeholder: menu.placeholder.clone(),
        options: menu.options.iter().map(choice).collect(),
    }
}
