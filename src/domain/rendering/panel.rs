//! A panel as a message: the bot's own, or a mirror.

use chrono::{DateTime, Utc};

use crate::domain::message::{Embed, EmbedFooter};
use crate::domain::panel::{PanelId, PanelSnapshot, PanelView};

use super::payload::Payload;
use super::{address, controls, name};

/// The message that shows a panel. A mirror of a paused follow stands still, and says since when.
pub fn panel(face: &PanelSnapshot, paused_since: Option<DateTime<Utc>>) -> Payload {
    let PanelSnapshot { panel, author, avatar_url, since, view, .. } = face;
    let content = paused_since.map(|at| {
        let at = at.timestamp();
        format!(
            "-# ⏸️ This follow is paused since <t:{at}:R>. Until it is resumed, the panel below stands still."
        )
    });
    let mut embeds = view.embeds.clone();
    if let Some(last) = embeds.last_mut() {
        let updated = || EmbedFooter { text: "Updated".to_owned(), icon_url: None };
        last.footer.get_or_insert_with(updated);
        last.timestamp = Some(since.to_rfc3339());
    }
    Payload {
        username: name::username(author, None),
        other_names: name::instead(author, ""),
        avatar_url: avatar_url.as_deref().and_then(address::any),
        content: content.unwrap_or_default(),
        embeds,
        ..self::view(*panel, view)
    }
}

/// The message in place of a panel that must not be seen in a server.
pub fn hidden_panel(face: &PanelSnapshot) -> Payload {
    let text = "🔒 Whoever runs this bot shows this panel in chosen servers only.".to_owned();
    let view = PanelView::of(Embed { description: Some(text), ..Embed::default() });
    panel(&PanelSnapshot { view, ..face.clone() }, None)
}

/// A view of a panel as an answer to somebody, without an author.
pub fn view(panel: PanelId, view: &PanelView) -> Payload {
    Payload {
        username: String::new(),
        other_names: Vec::new(),
        avatar_url: None,
        content: String::new(),
        embeds: view.embeds.clone(),
        files: Vec::new(),
        picture: view.picture.clone(),
        components: controls::rows(panel, &view.controls),
        flags: 0,
    }
}
