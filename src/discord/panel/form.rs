//! Forms: the modal that opens, and the values that come back.

use std::time::Duration;

use poise::serenity_prelude as serenity;
use serenity::{
    ActionRowComponent, CreateActionRow, CreateInputText, CreateInteractionResponse, CreateModal,
    InputTextStyle, ModalInteraction,
};

use crate::domain::ids::ChannelId;
use crate::domain::panel::form::{
    LONGEST_LABEL, LONGEST_PLACEHOLDER, LONGEST_TITLE, LONGEST_VALUE, MOST_FIELDS,
};
use crate::domain::panel::{FormAnswers, FormField, PanelId};
use crate::domain::text;
use crate::service::panels::PanelRequest;

/// What a command's form is for. Its id holds all that is needed, so that it can be submitted after a
/// restart, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::discord) enum FormPurpose {
    /// `/panel create`.
    Create(PanelRequest),
    /// `/panel edit`, with another interval where one was given.
    Edit(PanelId, Option<Duration>),
}

impl FormPurpose {
    /// The form's id.
    pub(in crate::discord) fn id(&self) -> String {
        let seconds = |refresh: &Option<Duration>| refresh.map_or(0, |refresh| refresh.as_secs());
        match self {
            // The title is one of the form's fields.
            Self::Create(PanelRequest { kind, channel, refresh, .. }) => {
                format!("panels:new:{kind}:{channel}:{}", seconds(refresh))
            }
            Self::Edit(panel, refresh) => format!("panels:edit:{panel}:{}", seconds(refresh)),
        }
    }

    /// Reads a form's id; `None` for one that doesn't belong to a command.
    pub(super) fn parse(id: &str) -> Option<Self> {
        let mut parts = id.strip_prefix("panels:")?.split(':');
        let refresh = |text: &str| {
            let seconds: u64 = text.parse().ok()?;
            Some((seconds > 0).then(|| Duration::from_secs(seconds)))
        };
        let purpose = match parts.next()? {
            "new" => {
                let kind = parts.next()?.to_owned();
                let channel: ChannelId = parts.next()?.parse().ok()?;
                Self::Create(PanelRequest { kind, channel, title: None, refresh: refresh(parts.next()?)? })
            }
            "edit" => Self::Edit(PanelId(parts.next()?.parse().ok()?), refresh(parts.next()?)?),
            _ => return None,
        };
        parts.next().is_none().then_some(purpose)
    }
}

/// The response that opens a form.
pub(in crate::discord) fn modal(id: String, title: &str, fields: &[FormField]) -> CreateInteractionResponse {
    let row = |field: &FormField| CreateActionRow::InputText(input(field));
    let modal = CreateModal::new(id, text::cut(title, LONGEST_TITLE));
    CreateInteractionResponse::Modal(modal.components(fields.iter().take(MOST_FIELDS).map(row).collect()))
}

fn input(field: &FormField) -> CreateInputText {
    let style = if field.paragraph { InputTextStyle::Paragraph } else { InputTextStyle::Short };
    let most = field.most.clamp(1, LONGEST_VALUE);
    let label = text::cut(&field.label, LONGEST_LABEL);
    let input = CreateInputText::new(style, label, field.id).required(field.required).max_length(most);
    let input = if field.placeholder.is_empty() {
        input
    } else {
        input.placeholder(text::cut(&field.placeholder, LONGEST_PLACEHOLDER))
    };
    if field.value.is_empty() { input } else { input.value(text::cut(&field.value, usize::from(most))) }
}

/// What was filled in.
pub(super) fn values(form: &ModalInteraction) -> FormAnswers {
    let components = form.data.components.iter().flat_map(|row| &row.components);
    let inputs = components.filter_map(|component| match component {
        ActionRowComponent::InputText(input) => {
            Some((input.custom_id.clone(), input.value.clone().unwrap_or_default()))
        }
        _ => None,
    });
    inputs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_nothing_else() {
        let channel = ChannelId::new(u64::MAX >> 1).unwrap();
        for refresh in [None, Some(Duration::from_secs(86_400))] {
            let request = PanelRequest { kind: "monitoring".to_owned(), channel, title: None, refresh };
            for purpose in
                [FormPurpose::Create(request.clone()), FormPurpose::Edit(PanelId(i64::MAX), refresh)]
            {
                assert!(purpose.id().len() <= 100);
                assert_eq!(FormPurpose::parse(&purpose.id()), Some(purpose));
            }
        }
        for id in ["", "panels:", "panels:new:x:0:0", "panels:edit:7", "panels:edit:7:0:1", "panel:7:x"] {
            assert_eq!(FormPurpose::parse(id), None, "{id}");
        }
    }
}
