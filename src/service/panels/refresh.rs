//! One refresh of a panel: gather its data, render it, and, if it shows something new, record a revision and
//! edit its message.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::domain::activity::{Origin, Revision};
use crate::domain::channel::message_link;
use crate::domain::ids::MessageId;
use crate::domain::panel::{Panel, PanelId, PanelSnapshot, PanelState, PanelView};
use crate::domain::rendering;
use crate::metrics as names;
use crate::panel::{AnyPanelKind, PanelContext, PanelLocation, SourceUnavailable, find};
use crate::rest::{ChangeOutcome, Upload};
use crate::store::{PanelRefresh, SourceEvent};

use super::{CLAIM, Panels};
use crate::service::ServiceError;

/// How long a data source may take.
const GATHERING: Duration = Duration::from_secs(20);
/// When the next try follows after Discord didn't take an edit.
const AGAIN: TimeDelta = TimeDelta::seconds(15);
/// After this time, a request without an answer has surely ended.
pub(super) const SETTLING: TimeDelta = TimeDelta::seconds(5);
/// What people read when somebody deleted the panel's message.
const DELETED: &str = "Somebody deleted its message. `/panel refresh` posts it again.";

/// What a panel shows now, and the data behind it.
pub(super) struct RenderedPanel {
    /// The data source's new values, to be stored.
    pub(super) data: Option<Value>,
    /// Why the source has none.
    pub(super) failure: Option<String>,
    pub(super) snapshot: PanelSnapshot,
}

impl Panels {
    /// Takes over refreshes that a former process left unfinished, where that is safe, and loads which
    /// messages show panels.
    pub(super) async fn load_messages(&self) -> Result<(), ServiceError> {
        self.store.free_panels(self.clock.now() + SETTLING).await?;
        for (message, panel) in self.store.panel_messages().await? {
            self.remember(message, panel);
        }
        Ok(())
    }

    /// Refreshes a panel that is due. A failure is logged, and the refresh tried again later.
    pub(super) async fn refresh_and_log(&self, id: PanelId) {
        if let Err(error) = self.refresh_unclaimed(id).await {
            tracing::warn!(panel = id.0, %error, "could not refresh a panel; trying again later");
        }
    }

    /// Holds a panel and refreshes it, unless another process does.
    async fn refresh_unclaimed(&self, id: PanelId) -> Result<(), ServiceError> {
        let _alone = self.locks.lock(id).await;
        let Some(panel) = self.store.panel_in_any_state(id).await? else { return Ok(()) };
        let claimed_until = self.clock.now() + CLAIM;
        if self.store.claim_panel(&panel, claimed_until).await? {
            self.refresh_claimed(panel, claimed_until).await?;
        }
        Ok(())
    }

    /// Refreshes a panel that is claimed until then.
    pub(super) async fn refresh_claimed(
        &self,
        panel: Panel,
        claimed_until: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        match panel.state {
            PanelState::Removed => return self.finish_removal(&panel).await,
            PanelState::Inactive => return Ok(()),
            PanelState::Active => {}
        }
        let Some(kind) = find(&panel.kind) else {
            let error = "I don't know this kind of panel any more. Delete it.";
            return Ok(self.store.panel_inactive(panel.id, error, self.clock.now()).await?);
        };
        match panel.message {
            Some(message) => self.update(kind, panel, message, claimed_until).await,
            None => self.post(kind, panel, claimed_until).await,
        }
    }

    /// Gathers a panel's data and renders it. `former` is what it showed before.
    pub(super) async fn render(
        &self,
        kind: &dyn AnyPanelKind,
        panel: &Panel,
        former: Option<&PanelSnapshot>,
    ) -> RenderedPanel {
        let location = PanelLocation { guild: panel.guild, channel: panel.channel };
        let now = self.clock.now();
        let gathered =
            tokio::time::timeout(GATHERING, kind.gather(&self.sources, location, &panel.config)).await;
        let gathered =
            gathered.unwrap_or_else(|_| Err(SourceUnavailable("the source took too long".to_owned())));
        let (data, failure) = match gathered {
            Ok(data) => (Some(data), None),
            Err(unavailable) => (None, Some(unavailable.0)),
        };
        let shown_data = data.as_ref().or(panel.data.as_ref());
        let render = |since: DateTime<Utc>| {
            let context = PanelContext { panel: panel.id, title: panel.title.clone(), location, since };
            let mut view = kind.render(&context, &panel.config, shown_data);
            if let Some(failure) = &failure {
                view.note(&stale(panel.data_at, failure));
            }
            if panel.slowed > 0 {
                let minutes = panel.interval().as_secs().div_ceil(60);
                view.note(&format!(
                    "-# 🐢 Discord limits how often an old message is edited: brought up to date about every {minutes} minutes."
                ));
            }
            view
        };
        // A view tells since when it has looked like this. So it is rendered with the former time first: only
        // then does an unchanged view compare as equal. (Charts take a moment to compute.)
        let (since, view) = tokio::task::block_in_place(|| {
            let same = former.map(|former| (former, render(former.since)));
            match same {
                Some((former, view)) if former.view == view => (former.since, view),
                _ => (now, render(now)),
            }
        });
        RenderedPanel { data, failure, snapshot: self.snapshot(kind, panel, since, view) }
    }

    fn snapshot(
        &self,
        kind: &dyn AnyPanelKind,
        panel: &Panel,
        since: DateTime<Utc>,
        view: PanelView,
    ) -> PanelSnapshot {
        let link = panel.message.map(|message| link(panel, message)).unwrap_or_default();
        let (author, avatar_url) = (self.profile.name.clone(), self.profile.avatar_url.clone());
        let only_in = kind.only_in(self.sources.settings());
        PanelSnapshot { panel: panel.id, author, avatar_url, link, only_in, since, view }
    }

    /// Refreshes a panel that is posted: records what its mirrors should show, then edits its own message.
    async fn update(
        &self,
        kind: &dyn AnyPanelKind,
        panel: Panel,
        message: MessageId,
        claimed_until: DateTime<Utc>,
    ) -> Result<(), ServiceError> {
        let at = self.clock.now();
        let origin = Origin::Panel { channel: panel.channel, message };
        let former = self.store.face(origin).await?;
        let RenderedPanel { data, failure, snapshot } =
            self.render(kind, &panel, former.as_ref().map(|(_, former)| former)).await;
        let newest = self.record_revision(origin, former, &snapshot, failure.is_some()).await?;
        let mut look = PanelRefresh {
            at,
            next: self.next_refresh(&panel, panel.slowed, at),
            data,
            shown_revision: panel.shown_revision,
            slowed: panel.slowed,
            error: failure.map(|failure| format!("It shows its last values: {failure}.")),
        };
        if panel.shown_revision != Some(newest.0) {
            let outcome = self.edit_message(&panel, message, &snapshot).await;
            if let Some(why) = self.apply_outcome(&panel, newest, outcome, &mut look) {
                return self.deactivate(panel.id, origin, why).await;
            }
        }
        Ok(self.store.record_refresh(panel.id, claimed_until, &look).await?)
    }

    /// Records a new revision if the panel shows something new; with it, an update of all its mirrors is due.
    /// Returns the newest revision.
    async fn record_revision(
        &self,
        origin: Origin,
        former: Option<(Revision, PanelSnapshot)>,
        snapshot: &PanelSnapshot,
        stale: bool,
    ) -> Result<Revision, ServiceError> {
        let Some((revision, former)) = former else { return Ok(Revision(1)) };
        let changed = !former.shows_the_same(snapshot);
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
        let (source, content) = (origin.channel(), snapshot.clone().into());
        let event = SourceEvent::Edited { origin, source, author: None, content };
        let recorded = self.store.record_events(&[event], self.clock.now()).await?;
        self.wake(recorded.lanes);
        Ok(Revision(revision.0 + 1))
    }

    /// Notes in `look` what came of editing the panel's own message. Where no later edit can succeed, returns
    /// the reason why the panel becomes inactive instead.
    fn apply_outcome(
        &self,
        panel: &Panel,
        newest: Revision,
        outcome: ChangeOutcome,
        look: &mut PanelRefresh,
    ) -> Option<&'static str> {
        if outcome != ChangeOutcome::Done {
            count("failed");
        }
        let error = match outcome {
            ChangeOutcome::Done => {
                look.shown_revision = Some(newest.0);
                look.slowed = panel.slowed.saturating_sub(1);
                look.next = self.next_refresh(panel, look.slowed, look.at);
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
                look.next = look.at + time_delta(how_long);
                "Discord limits how often I may edit its message, so I refresh it less often."
            }
            ChangeOutcome::Wait(how_long) => {
                look.next = look.at + time_delta(how_long);
                return None;
            }
            // Trying again would change nothing.
            ChangeOutcome::Refused(refusal) => {
                tracing::warn!(panel = panel.id.0, status = refusal.status, code = %refusal.code, "Discord refused a panel");
                "Discord refuses what it shows. Change it with `/panel edit`."
            }
            ChangeOutcome::Again | ChangeOutcome::WebhookGone | ChangeOutcome::Archived => {
                look.next = look.at + AGAIN;
                "Discord did not take the last change; I'll try again."
            }
        };
        look.error = Some(error.to_owned());
        None
    }

    /// Makes a panel inactive: it isn't refreshed any more, and its mirrors are deleted.
    async fn deactivate(&self, panel: PanelId, origin: Origin, error: &str) -> Result<(), ServiceError> {
        tracing::info!(panel = panel.0, error, "a panel became inactive");
        let now = self.clock.now();
        let recorded = self.store.record_events(&[SourceEvent::Deleted { origin }], now).await?;
        self.store.panel_inactive(panel, error, now).await?;
        self.forget(panel);
        self.wake(recorded.lanes);
        Ok(())
    }

    /// Somebody deleted a panel's own message.
    pub async fn message_deleted(&self, panel: PanelId, message: MessageId) -> Result<(), ServiceError> {
        let _alone = self.locks.lock(panel).await;
        match self.store.panel_anywhere(panel).await? {
            Some(panel) if panel.message == Some(message) => {
                self.deactivate(panel.id, Origin::Panel { channel: panel.channel, message }, DELETED).await
            }
            _ => Ok(()),
        }
    }

    async fn edit_message(
        &self,
        panel: &Panel,
        message: MessageId,
        snapshot: &PanelSnapshot,
    ) -> ChangeOutcome {
        let payload = rendering::panel(snapshot, None);
        let body = payload.redrawn_body();
        self.rest
            .of_server(panel.guild)
            .edit_message_with_files(panel.channel, message, &body, uploads(&snapshot.view))
            .await
    }

    /// Removes what is left of a removed panel: its mirrors, its message, its row.
    async fn finish_removal(&self, panel: &Panel) -> Result<(), ServiceError> {
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
                // The panel stays claimed, and is due again when that ends.
                return Ok(());
            }
        } else if panel.posting_after.is_some() && !self.remove_doubtful(panel).await? {
            return Ok(());
        }
        tracing::info!(panel = panel.id.0, "panel removed");
        Ok(self.store.delete_panel(panel.id).await?)
    }

    /// When a panel is refreshed next. Chance keeps panels from being due at the same moment.
    pub(super) fn next_refresh(&self, panel: &Panel, slowed: u32, at: DateTime<Utc>) -> DateTime<Utc> {
        let pace = Panel { slowed, ..panel.clone() }.interval();
        at + time_delta(pace.mul_f64(0.95 + 0.1 * rand::random::<f64>()))
    }
}

/// Counts a refresh by its outcome.
pub(super) fn count(outcome: &'static str) {
    metrics::counter!(names::PANEL_LOOKS, "outcome" => outcome).increment(1);
}

/// The line below a panel whose source failed: how old its values are, and why.
fn stale(data_at: Option<DateTime<Utc>>, failure: &str) -> String {
    match data_at {
        Some(at) => format!("-# ⚠️ These values are from <t:{}:R>: {failure}.", at.timestamp()),
        None => format!("-# ⚠️ There are no values yet: {failure}."),
    }
}

/// The files that are uploaded with a view.
pub(super) fn uploads(view: &PanelView) -> Vec<Upload> {
    view.picture.iter().map(Upload::chart).collect()
}

/// A link to a panel's message.
pub(super) fn link(panel: &Panel, message: MessageId) -> String {
    message_link(panel.guild, panel.channel, message)
}

pub(super) fn time_delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::days(1))
}
