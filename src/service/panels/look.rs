//! One look at a panel: its data, what it shows now, and, where that is something else, a new revision and an edit.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::domain::activity::{Origin, Revision};
use crate::domain::channel::message_link;
use crate::domain::ids::MessageId;
use crate::domain::panel::{Face, Panel, PanelId, PanelState, View};
use crate::domain::rendering;
use crate::metrics as names;
use crate::panel::{AnyKind, Place, Scene, Unavailable, find};
use crate::rest::{ChangeOutcome, Upload};
use crate::store::{Look, SourceEvent};

use super::{HOLD, Panels};
use crate::service::ServiceError;

/// How long a data source may take.
const GATHERING: Duration = Duration::from_secs(20);
/// When a look is repeated whose message could not be edited or posted.
const AGAIN: TimeDelta = TimeDelta::seconds(15);
/// After this time a request without an answer is surely over.
pub(super) const SETTLING: TimeDelta = TimeDelta::seconds(5);
/// The message of a panel was deleted.
const DELETED: &str = "Somebody deleted its message. `/panel refresh` posts it again.";

/// What a panel shows now, and where that comes from.
pub(super) struct Drawn {
    /// What is to be written down of the data source.
    pub(super) data: Option<Value>,
    /// Why the source has no new values.
    pub(super) failure: Option<String>,
    pub(super) face: Face,
}

impl Panels {
    /// Takes up what a former process left in the middle, where that is safe, and reads which messages show panels.
    pub(super) async fn load_messages(&self) -> Result<(), ServiceError> {
        self.store.free_panels(self.clock.now() + SETTLING).await?;
        for (message, panel) in self.store.panel_messages().await? {
            self.remember(message, panel);
        }
        Ok(())
    }

    /// Looks at a panel that is due; what fails is tried again.
    pub(super) async fn look_and_log(&self, id: PanelId) {
        if let Err(error) = self.look_at(id).await {
            tracing::warn!(panel = id.0, %error, "a panel could not be brought up to date; it is tried again");
        }
    }

    /// Looks at a panel now, unless another process does.
    pub(super) async fn look_at(&self, id: PanelId) -> Result<(), ServiceError> {
        let _alone = self.locks.hold(id).await;
        let Some(panel) = self.store.panel_to_look_at(id).await? else { return Ok(()) };
        let held_until = self.clock.now() + HOLD;
        if self.store.hold_panel(&panel, held_until).await? {
            self.look(panel, held_until).await?;
        }
        Ok(())
    }

    /// Looks at a panel that is held.
    pub(super) async fn look(&self, panel: Panel, held_until: DateTime<Utc>) -> Result<(), ServiceError> {
        match panel.state {
            PanelState::Removed => return self.take_away(&panel).await,
            PanelState::Inactive => return Ok(()),
            PanelState::Active => {}
        }
        let Some(kind) = find(&panel.kind) else {
            let error = "I don't know this kind of panel any more. Delete it.";
            return Ok(self.store.panel_inactive(panel.id, error, self.clock.now()).await?);
        };
        match panel.message {
            Some(message) => self.redraw(kind, panel, message, held_until).await,
            None => self.post(kind, panel, held_until).await,
        }
    }

    /// Gathers a panel's data and draws it. `former` is how it looked before.
    pub(super) async fn draw(&self, kind: &dyn AnyKind, panel: &Panel, former: Option<&Face>) -> Drawn {
        let place = Place { guild: panel.guild, channel: panel.channel };
        let now = self.clock.now();
        let gathered =
            tokio::time::timeout(GATHERING, kind.gather(&self.sources, place, &panel.config)).await;
        let gathered = gathered.unwrap_or_else(|_| Err(Unavailable("the source took too long".to_owned())));
        let (data, failure) = match gathered {
            Ok(data) => (Some(data), None),
            Err(unavailable) => (None, Some(unavailable.0)),
        };
        let shown_data = data.as_ref().or(panel.data.as_ref());
        let render = |since: DateTime<Utc>| {
            let scene = Scene { panel: panel.id, title: panel.title.clone(), place, since };
            let mut view = kind.render(&scene, &panel.config, shown_data);
            if let Some(failure) = &failure {
                view.note(&stale(panel.data_at, failure));
            }
            if panel.slowed > 0 {
                let minutes = panel.pace().as_secs().div_ceil(60);
                view.note(&format!(
                    "-# 🐢 Discord limits how often an old message is edited: brought up to date about every {minutes} minutes."
                ));
            }
            view
        };
        // As it would look if nothing had changed: only then is the same thing the same.
        // (Charts take a moment of computing.)
        let (since, view) = tokio::task::block_in_place(|| {
            let same = former.map(|former| (former, render(former.since)));
            match same {
                Some((former, view)) if former.view == view => (former.since, view),
                _ => (now, render(now)),
            }
        });
        Drawn { data, failure, face: self.face(kind, panel, since, view) }
    }

    fn face(&self, kind: &dyn AnyKind, panel: &Panel, since: DateTime<Utc>, view: View) -> Face {
        let link = panel.message.map(|message| link(panel, message)).unwrap_or_default();
        let (author, avatar_url) = (self.brand.name.clone(), self.brand.avatar_url.clone());
        let only_in = kind.only_in(self.sources.settings());
        Face { panel: panel.id, author, avatar_url, link, only_in, since, view }
    }

    /// Brings a panel that stands up to date: first what its mirrors are to show, then its own message.
    async fn redraw(
        &self,
        kind: &dyn AnyKind,
        panel: Panel,
        message: MessageId,
        held_until: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        let at = self.clock.now();
        let origin = Origin::Panel { channel: panel.channel, message };
        let former = self.store.face(origin).await?;
        let Drawn { data, failure, face } =
            self.draw(kind, &panel, former.as_ref().map(|(_, face)| face)).await;
        let newest = self.revise(origin, former, &face, failure.is_some()).await?;
        let mut look = Look {
            at,
            next: self.next(&panel, panel.slowed, at),
            data,
            shown_revision: panel.shown_revision,
            slowed: panel.slowed,
            error: failure.map(|failure| format!("It shows its last values: {failure}.")),
        };
        if panel.shown_revision != Some(newest.0) {
            let outcome = self.edit_message(&panel, message, &face).await;
            if let Some(why) = self.read_outcome(&panel, newest, outcome, &mut look) {
                return self.end(panel.id, origin, why).await;
            }
        }
        Ok(self.store.end_look(panel.id, held_until, &look).await?)
    }

    /// Writes down what the panel shows now, if that is another, with the duty to show it in all mirrors. Returns the newest revision.
    async fn revise(
        &self,
        origin: Origin,
        former: Option<(Revision, Face)>,
        face: &Face,
        stale: bool,
    ) -> Result<Revision, ServiceError> {
        let Some((revision, former)) = former else { return Ok(Revision(1)) };
        let changed = !former.shows_the_same(face);
        count(if stale {
            "stale"
        } else if changed {
            "changed"
        } else {
            "same"
        });
        if !changed {
            return Ok(revision);
        }
        let (source, content) = (origin.channel(), face.clone().into());
        let event = SourceEvent::Edited { origin, source, author: None, content };
        let recorded = self.store.record_events(&[event], self.clock.now()).await?;
        self.wake(recorded.lanes);
        Ok(Revision(revision.0 + 1))
    }

    /// What came of editing the panel's own message: written into the look, or, where that is for good, the reason why the panel ends.
    fn read_outcome(
        &self,
        panel: &Panel,
        newest: Revision,
        outcome: ChangeOutcome,
        look: &mut Look,
    ) -> Option<&'static str> {
        if outcome != ChangeOutcome::Done {
            count("failed");
        }
        let error = match outcome {
            ChangeOutcome::Done => {
                look.shown_revision = Some(newest.0);
                look.slowed = panel.slowed.saturating_sub(1);
                look.next = self.next(panel, look.slowed, look.at);
                return None;
            }
            ChangeOutcome::MirrorGone => return Some(DELETED),
            ChangeOutcome::TargetGone => return Some("Its channel was deleted."),
            ChangeOutcome::Forbidden(_) => {
                return Some(
                    "Discord does not let me edit it any more. Give me View Channel and Send Messages in its channel, then use `/panel refresh`.",
                );
            }
            ChangeOutcome::TooOften(how_long) => {
                tracing::info!(panel = panel.id.0, "Discord limits the edits of a panel's message");
                look.slowed = panel.slowed.saturating_add(1);
                look.next = look.at + span(how_long);
                "Discord limits how often I may edit its message: it is looked at more seldom."
            }
            ChangeOutcome::Wait(how_long) => {
                look.next = look.at + span(how_long);
                return None;
            }
            // To insist would change nothing.
            ChangeOutcome::Refused(refusal) => {
                tracing::warn!(panel = panel.id.0, status = refusal.status, code = %refusal.code, "Discord refused a panel");
                "Discord refuses what it shows. Change it with `/panel edit`."
            }
            ChangeOutcome::Again | ChangeOutcome::WebhookGone | ChangeOutcome::Archived => {
                look.next = look.at + AGAIN;
                "Discord did not take the last change; it is tried again."
            }
        };
        look.error = Some(error.to_owned());
        None
    }

    /// A panel is not kept current any more: its mirrors go.
    async fn end(&self, panel: PanelId, origin: Origin, error: &str) -> Result<(), ServiceError> {
        tracing::info!(panel = panel.0, error, "a panel is inactive");
        let now = self.clock.now();
        let recorded = self.store.record_events(&[SourceEvent::Deleted { origin }], now).await?;
        self.store.panel_inactive(panel, error, now).await?;
        self.forget(panel);
        self.wake(recorded.lanes);
        Ok(())
    }

    /// A panel's own message was deleted by hand.
    pub async fn message_deleted(&self, panel: PanelId, message: MessageId) -> Result<(), ServiceError> {
        let _alone = self.locks.hold(panel).await;
        match self.store.panel_anywhere(panel).await? {
            Some(panel) if panel.message == Some(message) => {
                self.end(panel.id, Origin::Panel { channel: panel.channel, message }, DELETED).await
            }
            _ => Ok(()),
        }
    }

    async fn edit_message(&self, panel: &Panel, message: MessageId, face: &Face) -> ChangeOutcome {
        let payload = rendering::panel(face, None);
        let body = payload.redrawn_body();
        self.rest
            .of_server(panel.guild)
            .edit_message_with_files(panel.channel, message, &body, uploads(&face.view))
            .await
    }

    /// Removes what is left of a panel: its mirrors, its message, its row.
    async fn take_away(&self, panel: &Panel) -> Result<(), ServiceError> {
        if let Some(message) = panel.message {
            let deleted = SourceEvent::Deleted { origin: Origin::Panel { channel: panel.channel, message } };
            let recorded = self.store.record_events(&[deleted], self.clock.now()).await?;
            self.forget(panel.id);
            self.wake(recorded.lanes);
            let outcome = self
                .rest
                .of_server(panel.guild)
                .delete_message(panel.channel, message, "The panel was removed")
                .await;
            if !outcome.is_final() {
                // It is held, and due again when that ends.
                return Ok(());
            }
        } else if panel.posting_after.is_some() && !self.remove_doubtful(panel).await? {
            return Ok(());
        }
        tracing::info!(panel = panel.id.0, "panel removed");
        Ok(self.store.delete_panel(panel.id).await?)
    }

    /// When a panel is looked at next; not all at the same moment.
    pub(super) fn next(&self, panel: &Panel, slowed: u32, at: DateTime<Utc>) -> DateTime<Utc> {
        let pace = Panel { slowed, ..panel.clone() }.pace();
        at + span(pace.mul_f64(0.95 + 0.1 * rand::random::<f64>()))
    }
}

/// Counts a look.
pub(super) fn count(outcome: &'static str) {
    metrics::counter!(names::PANEL_LOOKS, "outcome" => outcome).increment(1);
}

/// The line that says how old the values are that a panel shows.
fn stale(data_at: Option<DateTime<Utc>>, failure: &str) -> String {
    match data_at {
        Some(at) => format!("-# ⚠️ These values are from <t:{}:R>: {failure}.", at.timestamp()),
        None => format!("-# ⚠️ There are no values yet: {failure}."),
    }
}

/// The files that a view brings along.
pub(super) fn uploads(view: &View) -> Vec<Upload> {
    view.picture.iter().map(Upload::chart).collect()
}

/// A link to a panel's message.
pub(super) fn link(panel: &Panel, message: MessageId) -> String {
    message_link(panel.guild, panel.channel, message)
}

pub(super) fn span(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::days(1))
}
