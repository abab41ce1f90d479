//! An answer that only one person sees: a sentence, or a view as panels have them.

use poise::serenity_prelude as serenity;
use serenity::{CreateAttachment, CreateEmbed, EditInteractionResponse};

use crate::domain::panel::{PanelId, Picture, View};
use crate::domain::rendering;
use crate::service::ServiceError;
use crate::service::panels::Shown;

use super::super::reply;

/// What the person is shown.
pub(super) enum Answer {
    /// One embed, and nothing to press.
    Sentence(Box<CreateEmbed>),
    /// A view of this panel.
    View(PanelId, Box<View>),
}

impl Answer {
    /// What a press or a form came to.
    pub(super) fn to(panel: PanelId, done: Result<Shown, ServiceError>) -> Self {
        match done {
            Ok(Shown::View(view)) => Self::View(panel, view),
            Ok(Shown::Said(sentence)) => reply::done(sentence).into(),
            Ok(Shown::Nothing) => reply::done("It is being brought up to date.").into(),
            Err(error) => reply::error(&error, super::WHERE).into(),
        }
    }

    /// Puts it into the place of the acknowledgement.
    pub(super) async fn send(self, ctx: &serenity::Context, token: &str) {
        let sent = match self {
            Self::Sentence(embed) => {
                let answer = EditInteractionResponse::new().embed(*embed).components(Vec::new());
                ctx.http.edit_original_interaction_response(token, &answer, Vec::new()).await
            }
            Self::View(panel, view) => {
                let files = view
                    .picture
                    .iter()
                    .map(|picture| CreateAttachment::bytes(picture.png.clone(), Picture::NAME));
                let (files, payload) = (files.collect(), rendering::view(panel, &view));
                ctx.http.edit_original_interaction_response(token, &payload.redrawn_body(), files).await
            }
        };
        reply::deliver(sent.map(|_| ()));
    }
}

impl From<CreateEmbed> for Answer {
    fn from(embed: CreateEmbed) -> Self {
        Self::Sentence(Box::new(embed))
    }
}
