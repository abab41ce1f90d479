//! An answer that only one person sees: a sentence, or a view as panels have them.

use poise::serenity_prelude as serenity;
use serenity::{CreateAttachment, CreateEmbed, EditInteractionResponse};

use crate::domain::panel::{PanelId, PanelView, Picture};
use crate::domain::rendering;
use crate::service::ServiceError;
use crate::service::panels::PressReply;

use super::super::reply;

/// What the person is shown.
pub(super) enum PrivateAnswer {
    /// One embed, without anything to press.
    Sentence(Box<CreateEmbed>),
    /// A view of this panel.
    View(PanelId, Box<PanelView>),
}

impl PrivateAnswer {
    /// The answer to a press or a form.
    pub(super) fn new(panel: PanelId, reply: Result<PressReply, ServiceError>) -> Self {
        match reply {
            Ok(PressReply::View(view)) => Self::View(panel, view),
            Ok(PressReply::Message(sentence)) => reply::done(sentence).into(),
            Ok(PressReply::None) => reply::done("The panel is being refreshed.").into(),
            Err(error) => reply::error(&error, super::WHERE).into(),
        }
    }

    /// Puts it in the place of the acknowledgement.
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

impl From<CreateEmbed> for PrivateAnswer {
    fn from(embed: CreateEmbed) -> Self {
        Self::Sentence(Box::new(embed))
    }
}
