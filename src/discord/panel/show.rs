//! A view as an answer that only one person sees.

use poise::serenity_prelude as serenity;
use serenity::{
    ButtonStyle, CreateActionRow, CreateAttachment, CreateButton, CreateEmbed, CreateSelectMenu,
    CreateSelectMenuKind, CreateSelectMenuOption, EditInteractionResponse,
};

use crate::domain::message::Embed;
use crate::domain::panel::{self, Button, Choice, Control, PanelId, Picture, Style, View};

/// The answer that shows it.
pub(super) fn answer(panel: PanelId, view: &View) -> EditInteractionResponse {
    let answer = EditInteractionResponse::new()
        .embeds(view.embeds.iter().filter_map(embed).collect())
        .components(view.controls.iter().map(|control| row(panel, control)).collect());
    match &view.picture {
        Some(picture) => {
            let file = CreateAttachment::bytes(picture.png.clone(), Picture::NAME).description(&picture.alt);
            answer.new_attachment(file)
        }
        None => answer,
    }
}

/// The library's form of an embed; both are Discord's.
fn embed(embed: &Embed) -> Option<CreateEmbed> {
    let embed: serenity::Embed = serde_json::from_value(serde_json::to_value(embed).ok()?).ok()?;
    Some(embed.into())
}

fn row(panel: PanelId, control: &Control) -> CreateActionRow {
    match control {
        Control::Buttons(buttons) => {
            CreateActionRow::Buttons(buttons.iter().map(|one| button(panel, one)).collect())
        }
        Control::Select(select) => {
            let options = select.options.iter().map(option).collect();
            let id = panel::custom_id(panel, &select.action);
            let menu = CreateSelectMenu::new(id, CreateSelectMenuKind::String { options });
            CreateActionRow::SelectMenu(menu.placeholder(&select.placeholder))
        }
    }
}

fn button(panel: PanelId, button: &Button) -> CreateButton {
    match button {
        Button::Link { label, url } => CreateButton::new_link(url).label(label),
        Button::Act { label, style, action } => {
            let style = match style {
                Style::Primary => ButtonStyle::Primary,
                Style::Secondary => ButtonStyle::Secondary,
                Style::Success => ButtonStyle::Success,
                Style::Danger => ButtonStyle::Danger,
            };
            CreateButton::new(panel::custom_id(panel, action)).label(label).style(style)
        }
    }
}

fn option(choice: &Choice) -> CreateSelectMenuOption {
    let option = CreateSelectMenuOption::new(&choice.label, &choice.value).default_selection(choice.chosen);
    if choice.description.is_empty() { option } else { option.description(&choice.description) }
}
