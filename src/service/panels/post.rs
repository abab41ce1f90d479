//! Posting a panel's own message, once: what is under way is written down before, and after a crash or a lost answer it is looked whether the message was made.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::activity::Revision;
use crate::domain::ids::MessageId;
use crate::domain::panel::{Face, Panel, custom_id};
use crate::domain::rendering;
use crate::panel::AnyKind;
use crate::rest::model::Message;
use crate::rest::{HISTORY_PAGE, RestError};
use crate::store::PanelRefresh;

use super::Panels;
use super::refresh::{Drawn, SETTLING, count, link, span, uploads};
use crate::service::ServiceError;

/// When the next try is, where Discord doesn't say.
const AGAIN: TimeDelta = TimeDelta::seconds(10);
/// How many pages of the channel are read at most to find a message.
const PAGES: usize = 20;

impl Panels {
    /// Posts a panel that has no message.
    pub(super) async fn post(
        &self,
        kind: &dyn AnyKind,
        panel: Panel,
        held_until: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        let at = self.clock.now();
        let Drawn { data, failure, face } = self.draw(kind, &panel, None).await;
        let mut look = PanelRefresh {
            at,
            next: at,
            data,
            shown_revision: None,
            slowed: 0,
            error: failure.map(|failure| format!("There are no values: {failure}.")),
        };
        if panel.posting_after.is_some()
            && let Some(message) = self.find_made(&panel).await?
        {
            // It may show something older: a revision before the first makes the next look edit it.
            look.shown_revision = Some(0);
            look.next = self.clock.now();
            return self.adopt(panel, message, face, look, held_until).await;
        }
        let after = self.newest_in(&panel).await?;
        self.store.begin_posting(panel.id, after).await?;
        let payload = rendering::panel(&face, None);
        let nonce = nonce(&panel, after);
        let body = payload.own_body(&nonce);
        let posted = self
            .rest
            .of_server(panel.guild)
            .create_message_with_files(panel.channel, &body, uploads(&face.view))
            .await;
        match posted {
            Ok(message) => {
                look.shown_revision = Some(1);
                look.next = self.next(&panel, 0, at);
                self.adopt(panel, message.id, face, look, held_until).await
            }
            Err(error) => self.not_posted(&panel, error, look, held_until).await,
        }
    }

    async fn adopt(
        &self,
        panel: Panel,
        message: MessageId,
        mut face: Face,
        look: PanelRefresh,
        held_until: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        face.link = link(&panel, message);
        let shown = Revision(look.shown_revision.unwrap_or_default());
        let targets = self.store.panel_posted(&panel, message, face, shown, self.clock.now()).await?;
        count("changed");
        self.remember(message, panel.id);
        self.store.record_refresh(panel.id, held_until, &look).await?;
        tracing::info!(panel = panel.id.0, kind = panel.kind, "panel posted");
        self.wake(targets);
        Ok(())
    }

    async fn not_posted(
        &self,
        panel: &Panel,
        error: RestError,
        mut look: PanelRefresh,
        held_until: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        count("failed");
        let now = self.clock.now();
        look.next = now + AGAIN;
        match &error {
            RestError::Server { .. }
            | RestError::Edge { .. }
            | RestError::Unclear(_)
            | RestError::Malformed
            | RestError::Unauthorized
            | RestError::WebhookToken => look.next = now + SETTLING,
            RestError::RateLimited { retry_after, .. }
            | RestError::StillLimited { retry_after, .. }
            | RestError::FuseOpen { retry_after } => {
                look.next = now + span(*retry_after);
                self.store.not_posted(panel.id).await?;
            }
            RestError::NotSent | RestError::ServerLeft => self.store.not_posted(panel.id).await?,
            RestError::Forbidden(_) => {
                let error = "I may not post in its channel. Give me View Channel, Send Messages, Embed Links and Attach Files there, then use `/panel refresh`.";
                return Ok(self.store.panel_inactive(panel.id, error, now).await?);
            }
            RestError::NotFound(_) => {
                return Ok(self.store.panel_inactive(panel.id, "Its channel was deleted.", now).await?);
            }
            RestError::Refused { status, code, .. } => {
                tracing::warn!(panel = panel.id.0, status, %code, "Discord refused a panel");
                let error = "Discord refuses what it shows. Change it with `/panel edit`.";
                return Ok(self.store.panel_inactive(panel.id, error, now).await?);
            }
        }
        tracing::warn!(panel = panel.id.0, %error, "a panel could not be posted; it is tried again");
        let why = match error {
            RestError::FuseOpen { .. } => "I have to pause for a few minutes; it is posted then.",
            _ => "Discord did not answer when I posted it; it is tried again.",
        };
        look.error = Some(why.to_owned());
        Ok(self.store.record_refresh(panel.id, held_until, &look).await?)
    }

    /// The newest message of a panel's channel; what is posted now is newer.
    async fn newest_in(&self, panel: &Panel) -> Result<MessageId, ServiceError> {
        let newest = match self.rest.of_server(panel.guild).channel(panel.channel).await {
            Ok(channel) => channel.last_message_id,
            // Posting says what is wrong.
            Err(error) if error.is_not_found() || error.is_forbidden() => None,
            Err(error) => return Err(error.into()),
        };
        // A channel's own number is older than all its messages.
        Ok(newest.unwrap_or(panel.channel.first_message()))
    }

    /// Looks for the message that an earlier try may have made.
    async fn find_made(&self, panel: &Panel) -> Result<Option<MessageId>, ServiceError> {
        let Some(mut after) = panel.posting_after else { return Ok(None) };
        for _ in 0..PAGES {
            let page = match self
                .rest
                .of_server(panel.guild)
                .messages_after(panel.channel, after, HISTORY_PAGE)
                .await
            {
                Ok(page) => page,
                Err(error) if error.is_not_found() || error.is_forbidden() => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            if let Some(made) = page.iter().find(|message| self.is_of(panel, message)) {
                tracing::info!(panel = panel.id.0, "a panel's message in doubt was found, and is adopted");
                return Ok(Some(made.id));
            }
            match page.last() {
                Some(last) if page.len() == usize::from(HISTORY_PAGE) => after = last.id,
                _ => break,
            }
        }
        Ok(None)
    }

    /// Whether a message looks like this panel's, and isn't another's.
    fn is_of(&self, panel: &Panel, message: &Message) -> bool {
        let mut titles = message.embeds.iter().filter_map(|embed| embed.embed.title.as_deref());
        let own_id = custom_id(panel.id, "");
        message.author.id == self.identity.user
            && message.webhook_id.is_none()
            && self.shown_by(message.id).is_none()
            && (titles.any(|title| title.contains(panel.title.trim()))
                || message.components.iter().any(|row| row.to_string().contains(&own_id)))
    }

    /// Deletes the message of a removed panel whose posting ended in doubt. Whether that is settled.
    pub(super) async fn remove_doubtful(&self, panel: &Panel) -> Result<bool, ServiceError> {
        let Some(message) = self.find_made(panel).await? else { return Ok(true) };
        let outcome = self
            .rest
            .of_server(panel.guild)
            .delete_message(panel.channel, message, "The panel was removed")
            .await;
        Ok(outcome.is_final())
    }
}

/// The same for the same try, and at most 25 characters (Discord: "Create Message", `nonce`).
fn nonce(panel: &Panel, after: MessageId) -> String {
    let nonce = format!("{:x}-{:x}", panel.id.0, after.get());
    nonce.chars().take(25).collect()
}
