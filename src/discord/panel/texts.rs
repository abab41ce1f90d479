//! What people read after `/panel` and its forms.

use std::fmt::Write;

use poise::serenity_prelude as serenity;
use serenity::{ButtonStyle, CreateActionRow, CreateButton, CreateEmbed, EditInteractionResponse};

use crate::domain::panel::{Panel, PanelState};
use crate::domain::{limits, text};
use crate::service::panels::{PanelListEntry, SavedPanel};

use super::super::reply::{self, mention};

/// The answer to `/panel create`.
pub(in crate::discord) fn created(saved: &SavedPanel) -> String {
    let channel = mention(saved.panel.channel);
    match (&saved.link, &saved.panel.error) {
        (Some(_), None) => format!(
            "{} is posted in {channel}. Channels that follow {channel} with `panels` on show it, too.",
            linked(saved)
        ),
        (_, Some(error)) => format!("{} is created in {channel}, with a problem: {error}", linked(saved)),
        (None, None) => format!("{} is created, and is being posted in {channel}.", linked(saved)),
    }
}

/// The answer to `/panel edit`.
pub(in crate::discord) fn changed(saved: &SavedPanel) -> String {
    match &saved.panel.error {
        Some(error) => format!("{} is changed, with a problem: {error}", linked(saved)),
        None => format!("{} is changed. Its mirrors are updated shortly.", linked(saved)),
    }
}

/// The answer to `/panel refresh`.
pub(in crate::discord) fn refreshed(saved: &SavedPanel) -> String {
    match (&saved.link, &saved.panel.error) {
        (_, Some(error)) => format!("{} is refreshed, with a problem: {error}", linked(saved)),
        (Some(_), None) => format!("{} is refreshed. Its mirrors are updated shortly.", linked(saved)),
        (None, None) => format!("{} is being posted.", linked(saved)),
    }
}

/// The answer to `/panel move`.
pub(in crate::discord) fn moved(saved: &SavedPanel) -> String {
    format!("{} has moved to {}.", linked(saved), mention(saved.panel.channel))
}

/// The question before `/panel delete` deletes.
pub(in crate::discord) fn ask_to_delete(panel: &Panel) -> EditInteractionResponse {
    let text = format!(
        "Delete **{}** from {}? This deletes its message, all its mirrors, and what was configured.",
        text::escape(&panel.title),
        mention(panel.channel)
    );
    let buttons = vec![
        CreateButton::new(format!("panels:delete:{}", panel.id)).label("Delete").style(ButtonStyle::Danger),
        CreateButton::new("panels:keep").label("Cancel").style(ButtonStyle::Secondary),
    ];
    EditInteractionResponse::new()
        .embed(reply::info("Are you sure?", text))
        .components(vec![CreateActionRow::Buttons(buttons)])
}

/// The answer once that was confirmed.
pub(super) fn deleted(panel: &Panel) -> String {
    format!(
        "**{}** is deleted. Its message and all its mirrors disappear in a moment.",
        text::escape(&panel.title)
    )
}

/// The answer to `/panel list`.
pub(in crate::discord) fn list(entries: &[PanelListEntry]) -> CreateEmbed {
    let title = match entries.len() {
        0 => "No panels".to_owned(),
        1 => "1 panel".to_owned(),
        count => format!("{count} panels"),
    };
    reply::info(title, blocks(entries))
}

/// As many of the panels as fit into an embed, and how many more there are.
fn blocks(entries: &[PanelListEntry]) -> String {
    const TAIL: usize = 100;
    let mut text = String::new();
    for (index, entry) in entries.iter().enumerate() {
        let block = describe(entry);
        if text::units(&text) + text::units(&block) + TAIL > limits::EMBED_DESCRIPTION {
            let left = entries.len() - index;
            let _ = write!(text, "… and {left} more. `/panel list channel:` lists those of one channel.");
            return text;
        }
        let _ = write!(text, "{block}\n\n");
    }
    if text.is_empty() {
        return "There are no panels that you may manage yet. Create one with `/panel create`.".to_owned();
    }
    text
}

/// A panel in the list.
fn describe(entry: &PanelListEntry) -> String {
    let PanelListEntry { panel, link, .. } = entry;
    let state = match (panel.state, &panel.error) {
        (PanelState::Active, None) => "🟢 current",
        (PanelState::Active, Some(_)) => "🟡 has a problem",
        (PanelState::Inactive | PanelState::Removed, _) => "🔴 inactive",
    };
    let title = title(panel, link.as_deref());
    let minutes = panel.refresh.as_secs().div_ceil(60);
    let mut text =
        format!("{title} in {}\n{state} · {} · every {minutes} min", mention(panel.channel), panel.kind);
    if let Some(at) = panel.refreshed_at {
        let _ = write!(text, " · refreshed <t:{}:R>", at.timestamp());
    }
    if let Some(error) = &panel.error {
        let _ = write!(text, "\n> {error}");
    }
    text
}

fn linked(saved: &SavedPanel) -> String {
    title(&saved.panel, saved.link.as_deref())
}

/// The panel's title, as a link to its message if there is one.
fn title(panel: &Panel, link: Option<&str>) -> String {
    let title = text::escape(&panel.title);
    match link {
        Some(link) => format!("**[{title}]({link})**"),
        None => format!("**{title}**"),
    }
}
