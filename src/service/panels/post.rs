//! Posts a panel's own message, once. The attempt is recorded before it is made. After a crash or a lost
//! answer, the channel is searched first for the message that it may have made.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::activity::Revision;
use crate::domain::ids::MessageId;
use crate::domain::panel::{Panel, PanelSnapshot, custom_id};
use crate::domain::rendering;
use crate::panel::AnyPanelKind;
use crate::rest::model::Message;
use crate::rest::{HISTORY_PAGE, RestError};
use crate::store::PanelRefresh;

use super::Panels;
use super::refresh::{RenderedPanel, SETTLING, count, link, time_delta, uploads};
use crate::service::ServiceError;

/// When the next try follows, where Discord doesn't say.
const AGAIN: TimeDelta = TimeDelta::seconds(10);
/// How many pages of the channel are searched at most for a message.
const PAGES: usize = 20;

impl Panels {
    /// Posts a panel that has no message.
    pub(super) async fn post(
        &self,
        kind: &dyn AnyPanelKind,
        panel: Panel,
        claimed_until: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        let at = self.clock.now();
        let RenderedPanel { data, failure, snapshot } = self.render(kind, &panel, None).await;
        let mut look = PanelRefresh {
            at,
            next: at,
            data,
            shown_revision: None,
            slowed: 0,
            error: failure.map(|failure| format!("There are no values: {failure}.")),
        };
        if panel.posting_after.is_some()
            && let Some(message) = self.find_posted(&panel).await?
        {
            // It may show something older. A revision before the first has the next refresh edit it.
            look.shown_revision = Some(0);
            look.next = self.clock.now();
            return self.adopt(panel, message, snapshot, look, claimed_until).await;
        }
        let after = self.newest_in(&panel).await?;
        self.store.begin_posting(panel.id, after).await?;
        let payload = rendering::panel(&snapshot, None);
        let nonce = nonce(&panel, after);
        let body = payload.own_body(&nonce);
        let posted = self
            .rest
            .of_server(panel.guild)
            .create_message_with_files(panel.channel, &body, uploads(&snapshot.view))
            .await;
        match posted {
            Ok(message) => {
                look.shown_revision = Some(1);
                look.next = self.next_refresh(&panel, 0, at);
                self.adopt(panel, message.id, snapshot, look, claimed_until).await
            }
            Err(error) => self.not_posted(&panel, error, look, claimed_until).await,
        }
    }

    async fn adopt(
        &self,
        panel: Panel,
        message: MessageId,
        mut snapshot: PanelSnapshot,
        look: PanelRefresh,
        claimed_until: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        snapshot.link = link(&panel, message);
        let shown = Revision(look.shown_revision.unwrap_or_default());
        let targets = self.store.panel_posted(&panel, message, snapshot, shown, self.clock.now()).await?;
        count("changed");
        self.remember(message, panel.id);
        self.store.record_refresh(panel.id, claimed_until, &look).await?;
        tracing::info!(panel = panel.id.0, kind = panel.kind, "panel posted");
        self.wake(targets);
        Ok(())
    }

    async fn not_posted(
        &self,
        panel: &Panel,
        error: RestError,
        mut look: PanelRefresh,
        claimed_until: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        count("failed");
        let now = self.clock.now();
        look.next = now + AGAIN;
        match &error {
            RestError::Server { .. }
            | RestError::Edge { .. }
            | RestError::InDoubt(_)
            | RestError::Malformed
            | RestError::Unauthorized
            | RestError::WebhookToken => look.next = now + SETTLING,
            RestError::RateLimited { retry_after, .. }
            | RestError::StillLimited { retry_after, .. }
            | RestError::FuseOpen { retry_after } => {
                look.next = now + time_delta(*retry_after);
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
        tracing::warn!(panel = panel.id.0, %error, "could not post a panel; trying again");
        let why = match error {
            RestError::FuseOpen { .. } => "I have to pause for a few minutes, then I'll post it.",
            _ => "Discord did not answer when I posted it; I'll try again.",
        };
        look.error = Some(why.to_owned());
        Ok(self.store.record_refresh(panel.id, claimed_until, &look).await?)
    }

    /// The newest message of a panel's channel. What is posted from now on is newer.
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

    /// Searches for the message that an earlier try may have posted.
    async fn find_posted(&self, panel: &Panel) -> Result<Option<MessageId>, ServiceError> {
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
                tracing::info!(
                    panel = panel.id.0,
                    "found a panel's message that an earlier attempt had posted"
                );
                return Ok(Some(made.id));
            }
            match page.last() {
                Some(last) if page.len() == usize::from(HISTORY_PAGE) => after = last.id,
                _ => break,
            }
        }
        Ok(None)
    }

    /// Whether a message looks like this panel's, and isn't another panel's.
    fn is_of(&self, panel: &Panel, message: &Message) -> bool {
        let mut titles = message.embeds.iter().filter_map(|embed| embed.embed.title.as_deref());
        let own_id = custom_id(panel.id, "");
        message.author.id == self.identity.user
            && message.webhook_id.is_none()
            && self.shown_by(message.id).is_none()
            && (titles.any(|title| title.contains(panel.title.trim()))
                || message.components.iter().any(|row| row.to_string().contains(&own_id)))
    }

    /// Deletes the message of a removed panel where it isn't known whether it was posted. Returns whether
    /// that is settled.
    pub(super) async fn remove_doubtful(&self, panel: &Panel) -> Result<bool, ServiceError> {
        let Some(message) = self.find_posted(panel).await? else { return Ok(true) };
        let outcome = self
            .rest
            .of_server(panel.guild)
            .delete_message(panel.channel, message, "The panel was removed")
            .await;
        Ok(outcome.is_final())
    }
}

/// A nonce that is the same for the same try, of at most 25 characters (Discord: "Create Message", `nonce`).
fn nonce(panel: &Panel, after: MessageId) -> String {
    let nonce = format!("{:x}-{:x}", panel.id.0, after.get());
    nonce.chars().take(25).collect()
}
