//! Panels as programs read and change them: with the texts of their form.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::ids::ChannelId;
use crate::domain::panel::{FormAnswers, FormField, Panel, PanelId, PanelState};
use crate::panel::{AnyPanelKind, KINDS, find};
use crate::service::access::CachedAccess;
use crate::service::{Actor, Refusal, ServiceError};
use crate::store::PanelChange;

use super::manage::{check_refresh, check_title, invalid, require_kind};
use super::require::require_version;
use super::{PanelRequest, Panels, SavedPanel};

/// A kind of panel, with what can be configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelKindForm {
    /// Its name.
    pub name: &'static str,
    /// What it shows, in a few words.
    pub summary: &'static str,
    /// The title where none is given.
    pub title: &'static str,
    /// The form for a new panel, without the title; empty if there is nothing to configure.
    pub fields: Vec<FormField>,
}

/// A panel with the texts of its form.
#[derive(Debug, Clone, PartialEq)]
pub struct PanelRecord {
    /// The panel.
    pub panel: Panel,
    /// A link to its message, if there is one.
    pub link: Option<String>,
    /// What its form would open with, by the fields' names.
    pub config: BTreeMap<&'static str, String>,
}

/// What is to change about a panel. What isn't given stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PanelPatch {
    /// Its title.
    pub title: Option<String>,
    /// How often it is refreshed.
    pub refresh: Option<Duration>,
    /// Texts of its form, by the fields' names.
    pub config: BTreeMap<String, String>,
    /// The versions that the change is meant for; `None` for whatever there is.
    pub versions: Option<Vec<i32>>,
}

impl PanelRecord {
    fn of(saved: SavedPanel) -> Self {
        let SavedPanel { panel, link } = saved;
        // A newer program may have left a kind that this one doesn't know.
        let fields = find(&panel.kind).map(|kind| kind.form(Some(&panel.config))).unwrap_or_default();
        Self { panel, link, config: fields.into_iter().map(|field| (field.id, field.value)).collect() }
    }
}

impl Panels {
    /// All kinds, in the order in which commands offer them.
    pub fn kind_forms() -> Vec<PanelKindForm> {
        let form = |kind: &&dyn AnyPanelKind| PanelKindForm {
            name: kind.name(),
            summary: kind.summary(),
            title: kind.title(),
            fields: kind.form(None),
        };
        KINDS.iter().map(form).collect()
    }

    /// The panels of the actor's server that they may manage, by channel.
    #[tracing::instrument(skip_all, fields(server = %actor.guild))]
    pub async fn panel_records(&self, actor: Actor) -> Result<Vec<PanelRecord>, ServiceError> {
        let rest = self.rest_for_people.of_person(actor.user, actor.guild);
        let mut access = CachedAccess::read(&rest, self.clock, &self.limits.lookups, actor).await?;
        let panels = self.store.panels_of(actor.guild).await?;
        if access.manages_some(actor).await? {
            let channels = panels.iter().map(|panel| panel.channel).collect();
            access.prefetch_known(actor.guild, channels).await?;
        }
        let mut records = Vec::new();
        for panel in panels {
            if access.manages_panel(actor, &panel).await? {
                records.push(PanelRecord::of(SavedPanel::of(panel)));
            }
        }
        Ok(records)
    }

    /// One panel of the actor's server that they may manage.
    #[tracing::instrument(skip_all, fields(server = %actor.guild, panel = id.0))]
    pub async fn panel_record(&self, actor: Actor, id: PanelId) -> Result<PanelRecord, ServiceError> {
        let rest = self.rest_for_people.of_person(actor.user, actor.guild);
        let mut access = CachedAccess::read(&rest, self.clock, &self.limits.lookups, actor).await?;
        Ok(PanelRecord::of(SavedPanel::of(self.managed_panel(&mut access, actor, id).await?)))
    }

    /// Creates a panel whose form has these texts.
    ///
    /// # Errors
    /// [`Refusal::PanelField`] if a field can't hold its text, or the form has no such field.
    pub async fn create_record(
        &self,
        actor: Actor,
        request: PanelRequest,
        texts: &BTreeMap<String, String>,
    ) -> Result<PanelRecord, ServiceError> {
        let filled = filled_in(&require_kind(&request.kind)?.form(None), texts)?;
        self.create(actor, request, &filled).await.map(PanelRecord::of)
    }

    /// Changes what is given about a panel.
    ///
    /// # Errors
    /// [`Refusal::PanelStale`] if it has none of the versions that the change is meant for, and
    /// [`Refusal::PanelField`] as when one is created.
    pub async fn change(
        &self,
        actor: Actor,
        id: PanelId,
        patch: &PanelPatch,
    ) -> Result<PanelRecord, ServiceError> {
        let change = |panel: &Panel| patch.apply(panel);
        let changed = self.change_to(actor, id, change);
        self.limits.quotas.count_action(actor.user, changed).await.map(PanelRecord::of)
    }

    /// Refreshes a panel, as [`refresh`](Self::refresh) does.
    pub async fn refresh_record(&self, actor: Actor, id: PanelId) -> Result<PanelRecord, ServiceError> {
        self.refresh(actor, id).await.map(PanelRecord::of)
    }

    /// Moves a panel, as [`move_to`](Self::move_to) does: it has another number from then on.
    pub async fn move_record(
        &self,
        actor: Actor,
        id: PanelId,
        channel: ChannelId,
    ) -> Result<PanelRecord, ServiceError> {
        self.move_to(actor, id, channel).await.map(PanelRecord::of)
    }
}

impl PanelPatch {
    /// The panel after the change; `None` if that changes nothing.
    fn apply(&self, panel: &Panel) -> Result<Option<PanelChange>, ServiceError> {
        require_version(panel, self.versions.as_deref())?;
        let title = match &self.title {
            Some(title) => check_title(title)?,
            None => panel.title.clone(),
        };
        let config = if self.config.is_empty() {
            panel.config.clone()
        } else {
            let kind = require_kind(&panel.kind)?;
            let filled = filled_in(&kind.form(Some(&panel.config)), &self.config)?;
            kind.configure(Some(&panel.config), &filled).map_err(invalid)?
        };
        let refresh = check_refresh(self.refresh.unwrap_or(panel.refresh))?;
        let same = (&title, &config, refresh) == (&panel.title, &panel.config, panel.refresh);
        let stays = same && panel.state == PanelState::Active;
        Ok((!stays).then_some(PanelChange { title, config, refresh }))
    }
}

fn filled_in(fields: &[FormField], texts: &BTreeMap<String, String>) -> Result<FormAnswers, Refusal> {
    FormAnswers::filled_in(fields, texts).map_err(|(field, problem)| Refusal::PanelField { field, problem })
}
