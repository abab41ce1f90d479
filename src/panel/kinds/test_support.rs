//! Helpers for the tests of several kinds.

use std::fmt::Debug;

use chrono::{DateTime, TimeZone, Utc};

use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::panel::{Button, Control, Form, FormAnswers, PanelId, PanelView, SelectMenu};
use crate::panel::kind::{ActionInput, ActionOutcome, InvalidInput, PanelContext, PanelLocation};
use crate::panel::sources::PanelSettings;

/// A Friday's noon.
pub(super) fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 20, 12, 0, 0).unwrap()
}

pub(super) fn guild() -> GuildId {
    GuildId::new(7).unwrap()
}

pub(super) fn context() -> PanelContext {
    let location = PanelLocation { guild: guild(), channel: ChannelId::new(8).unwrap() };
    PanelContext { panel: PanelId(1), title: "Panel".to_owned(), location, since: noon() }
}

/// A press by somebody who may manage the panel.
pub(super) fn press<'a>(action: &'a str, settings: &'a PanelSettings) -> ActionInput<'a> {
    ActionInput { action, chosen: None, filled: None, manager: true, guild: guild(), settings, now: noon() }
}

pub(super) fn filled<const N: usize>(fields: [(&str, &str); N]) -> FormAnswers {
    fields.into_iter().collect()
}

/// Discord takes the view as it is: nothing of it needs to be cut.
pub(super) fn assert_fits(view: &PanelView) {
    let fitted = view.clone().fitted();
    // The whole views are too long to be read in a test's output.
    for (fitted, embed) in fitted.embeds.iter().zip(&view.embeds) {
        assert_eq!(fitted.title, embed.title);
        assert_eq!(fitted.description, embed.description);
        for (fitted, field) in fitted.fields.iter().zip(&embed.fields) {
            assert_eq!(fitted, field);
        }
    }
    assert!(fitted.embeds == view.embeds, "an embed is too large");
    assert!(fitted.controls == view.controls, "a control is too large");
}

/// All texts of a view's embeds, one a line.
pub(super) fn texts(view: &PanelView) -> String {
    let mut texts = Vec::new();
    for embed in &view.embeds {
        texts.extend(embed.title.clone());
        texts.extend(embed.description.clone());
        for field in &embed.fields {
            texts.push(format!("{}: {}", field.name, field.value));
        }
    }
    texts.join("\n")
}

/// The changed configuration, and what is said of it.
pub(super) fn changed<C: Debug>(answer: Result<ActionOutcome<C>, InvalidInput>) -> (C, String) {
    match answer {
        Ok(ActionOutcome::Change(config, said)) => (config, said),
        other => panic!("a change: {other:?}"),
    }
}

/// What is shown to the person alone.
pub(super) fn shown<C: Debug>(answer: Result<ActionOutcome<C>, InvalidInput>) -> PanelView {
    match answer {
        Ok(ActionOutcome::Show(view)) => view,
        other => panic!("a view: {other:?}"),
    }
}

/// The form that opens; Discord takes it.
pub(super) fn asked<C: Debug>(answer: Result<ActionOutcome<C>, InvalidInput>) -> Form {
    match answer {
        Ok(ActionOutcome::OpenForm(form)) => {
            assert!(form.fields.len() <= 5 && form.title.chars().count() <= 45);
            assert!(form.fields.iter().all(|field| field.label.chars().count() <= 45));
            form
        }
        other => panic!("a form: {other:?}"),
    }
}

/// The first menu with this action.
pub(super) fn menu<'a>(view: &'a PanelView, action: &str) -> &'a SelectMenu {
    let found = view.controls.iter().find_map(|control| match control {
        Control::Select(select) if select.action == action => Some(select),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("a menu {action}"))
}

/// What the buttons ask for, row by row.
pub(super) fn actions(view: &PanelView) -> Vec<&str> {
    let buttons = view.controls.iter().filter_map(|control| match control {
        Control::Buttons(buttons) => Some(buttons),
        Control::Select(_) => None,
    });
    buttons
        .flatten()
        .filter_map(|button| match button {
            Button::Action { action, .. } => Some(action.as_str()),
            Button::Link { .. } => None,
        })
        .collect()
}
