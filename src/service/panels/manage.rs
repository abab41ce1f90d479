//! `/panel`: creating, changing, moving and removing panels. Each needs Manage Channels in the panel's
//! channel.

use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::ids::{ChannelId, GuildId};
use crate::domain::lock::lock;
use crate::domain::panel::{
    FormAnswers, FormField, LONGEST_TITLE, MOST_IN_CHANNEL, NewPanel, Panel, PanelId, PanelState, REFRESH,
    REFRESH_BOUNDS,
};
use crate::domain::text;
use crate::panel::kind::InvalidInput;
use crate::panel::{AnyPanelKind, find};
use crate::service::{Actor, Refusal, ServiceError};
use crate::store::{PanelChange, PanelMove, PanelsFull};

use super::require::require_version;
use super::{CLAIM, Panels, TRIES, refresh};

/// How long after a refresh the Refresh button brings the next one.
const AFTER_A_REFRESH: TimeDelta = TimeDelta::seconds(5);
/// How far apart the refreshes are that the button brings: anybody may press it, and each refresh can edit
/// all mirrors.
const BETWEEN_PRESSES: TimeDelta = TimeDelta::minutes(1);

/// The field of every form that holds the panel's title.
const TITLE: &str = "title";

/// What a person asks for with `/panel create`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelRequest {
    /// The name of the kind.
    pub kind: String,
    /// Where to post it.
    pub channel: ChannelId,
    /// Its title; `None` for the one that its kind has.
    pub title: Option<String>,
    /// How often it is refreshed; `None` for [`REFRESH`].
    pub refresh: Option<Duration>,
}

/// A panel after somebody created or changed it.
#[derive(Debug, Clone, PartialEq)]
pub struct SavedPanel {
    /// The panel as it is now.
    pub panel: Panel,
    /// A link to its message, if there is one.
    pub link: Option<String>,
}

impl Panels {
    /// The names and summaries of all kinds, as the command offers them.
    pub fn kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
        crate::panel::KINDS.iter().map(|kind| (kind.name(), kind.summary()))
    }

    /// The form for a new panel of this kind; empty if the kind needs nothing.
    pub fn form_to_create(&self, request: &PanelRequest) -> Result<Vec<FormField>, ServiceError> {
        let kind = require_kind(&request.kind)?;
        let fields = kind.form(None);
        if fields.is_empty() {
            return Ok(fields);
        }
        let title = request.title.clone().unwrap_or_else(|| kind.title().to_owned());
        Ok(std::iter::once(title_field(&title)).chain(fields).collect())
    }

    /// The form to edit a panel.
    pub async fn form_to_edit(
        &self,
        actor: Actor,
        id: PanelId,
        title: Option<&str>,
    ) -> Result<Vec<FormField>, ServiceError> {
        self.limits.quotas.spend_question(actor.user)?;
        let panel = self.require_managed(actor, id).await?;
        let fields = require_kind(&panel.kind)?.form(Some(&panel.config));
        Ok(std::iter::once(title_field(title.unwrap_or(&panel.title))).chain(fields).collect())
    }

    /// Creates a panel and posts it. Where posting fails, it is tried again.
    pub async fn create(
        &self,
        actor: Actor,
        request: PanelRequest,
        filled: &FormAnswers,
    ) -> Result<SavedPanel, ServiceError> {
        self.limits.quotas.count_action(actor.user, self.create_now(actor, request, filled)).await
    }

    async fn create_now(
        &self,
        actor: Actor,
        request: PanelRequest,
        filled: &FormAnswers,
    ) -> Result<SavedPanel, ServiceError> {
        let kind = require_kind(&request.kind)?;
        let rest = self.rest_for_people.of_person(actor.user, actor.guild);
        let mut access = self.access(&rest, actor);
        access.require_member(actor).await?;
        let permitted = kind.permit(self.sources.settings(), actor.guild);
        permitted.map_err(|InvalidInput(sentence)| Refusal::PanelForbidden(sentence))?;
        let title = match filled.get(TITLE) {
            "" => request.title.as_deref().unwrap_or(kind.title()),
            filled => filled,
        };
        let title = check_title(title)?;
        let refresh = check_refresh(request.refresh.unwrap_or(REFRESH))?;
        self.require_channel(&mut access, actor, request.channel).await?;
        let config = kind.configure(None, filled).map_err(invalid)?;
        let (guild, channel) = (actor.guild, request.channel);
        let new = NewPanel {
            guild,
            channel,
            kind: request.kind,
            title,
            config,
            refresh,
            created_by: Some(actor.user),
        };
        let now = self.clock.now();
        let most = self.limits.most_in_server;
        let panel = match self.store.insert_panel(&new, most, actor.changed_by().at(now), now + CLAIM).await?
        {
            Ok(panel) => panel,
            Err(PanelsFull::Channel) => return Err(full(channel)),
            Err(PanelsFull::Server(most)) => return Err(Refusal::TooManyPanelsInServer(most).into()),
        };
        tracing::info!(panel = panel.id.0, kind = panel.kind, "panel created");
        self.refresh_new(panel).await
    }

    /// Changes a panel to what a person filled in; without an interval, it keeps its own.
    pub async fn edit(
        &self,
        actor: Actor,
        id: PanelId,
        refresh: Option<Duration>,
        filled: &FormAnswers,
    ) -> Result<SavedPanel, ServiceError> {
        self.limits.quotas.count_action(actor.user, self.edit_now(actor, id, refresh, filled)).await
    }

    async fn edit_now(
        &self,
        actor: Actor,
        id: PanelId,
        refresh: Option<Duration>,
        filled: &FormAnswers,
    ) -> Result<SavedPanel, ServiceError> {
        let change = |panel: &Panel| {
            Ok(Some(PanelChange {
                title: check_title(filled.get(TITLE))?,
                config: require_kind(&panel.kind)?.configure(Some(&panel.config), filled).map_err(invalid)?,
                refresh: check_refresh(refresh.unwrap_or(panel.refresh))?,
            }))
        };
        self.change_to(actor, id, change).await
    }

    /// Makes a change of the panel as it is now, if there is one, and again if somebody else's comes first.
    pub(super) async fn change_to(
        &self,
        actor: Actor,
        id: PanelId,
        change: impl Fn(&Panel) -> Result<Option<PanelChange>, ServiceError>,
    ) -> Result<SavedPanel, ServiceError> {
        for _ in 0..TRIES {
            let panel = self.require_managed(actor, id).await?;
            let Some(change) = change(&panel)? else { return Ok(SavedPanel::of(panel)) };
            let stamp = actor.changed_by().at(self.clock.now());
            if self.store.change_panel(&panel, &change, stamp).await? {
                self.store.revive_panel(id, stamp).await?;
                return self.refreshed(actor, id).await;
            }
        }
        Err(Refusal::PanelBusy.into())
    }

    /// Refreshes a panel and all its mirrors now. A panel whose message was deleted is posted again, and
    /// mirrors that were deleted come back.
    pub async fn refresh(&self, actor: Actor, id: PanelId) -> Result<SavedPanel, ServiceError> {
        self.limits.quotas.count_action(actor.user, self.refresh_now(actor, id)).await
    }

    async fn refresh_now(&self, actor: Actor, id: PanelId) -> Result<SavedPanel, ServiceError> {
        let panel = self.require_managed(actor, id).await?;
        if panel.state == PanelState::Inactive {
            let rest = self.rest_for_people.of_person(actor.user, actor.guild);
            self.require_channel(&mut self.access(&rest, actor), actor, panel.channel).await?;
            self.store.revive_panel(id, actor.changed_by().at(self.clock.now())).await?;
        } else {
            self.store.hasten_panel(id, self.clock.now()).await?;
        }
        let saved = self.refreshed(actor, id).await?;
        if let (PanelState::Active, Some(message)) = (panel.state, saved.panel.message) {
            let origin = crate::domain::activity::Origin::Panel { channel: panel.channel, message };
            self.wake(self.store.remake_mirrors(origin).await?);
        }
        Ok(saved)
    }

    /// Has a panel refreshed soon. Several presses within a minute bring one refresh now, and one at the
    /// minute's end.
    pub(super) async fn hasten(&self, panel: &Panel) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let soon = panel.refreshed_at.map_or(now, |at| at + AFTER_A_REFRESH).max(now);
        let at = {
            let mut hastened = lock(&self.hastened);
            let last = hastened.get(&panel.id, now).copied();
            // A refresh that is still to come serves this press, too.
            let at = last.map_or(soon, |last| if last > now { last } else { last + BETWEEN_PRESSES });
            hastened.put(panel.id, at, at + BETWEEN_PRESSES, now);
            at
        };
        self.store.hasten_panel(panel.id, at).await?;
        self.wake_refresh_loop_of(panel.guild).await;
        Ok(())
    }

    /// Moves a panel to another channel.
    pub async fn move_to(
        &self,
        actor: Actor,
        id: PanelId,
        channel: ChannelId,
    ) -> Result<SavedPanel, ServiceError> {
        self.limits.quotas.count_action(actor.user, self.move_now(actor, id, channel)).await
    }

    async fn move_now(
        &self,
        actor: Actor,
        id: PanelId,
        channel: ChannelId,
    ) -> Result<SavedPanel, ServiceError> {
        let rest = self.rest_for_people.of_person(actor.user, actor.guild);
        for _ in 0..TRIES {
            let mut access = self.access(&rest, actor);
            let panel = self.managed_panel(&mut access, actor, id).await?;
            if panel.channel == channel {
                return Err(Refusal::PanelThere(channel).into());
            }
            self.require_channel(&mut access, actor, channel).await?;
            let now = self.clock.now();
            let stamp = actor.changed_by().at(now);
            match self.store.move_panel(&panel, channel, stamp, now + CLAIM).await? {
                PanelMove::Moved(moved) => {
                    self.wake_refresh_loop();
                    return self.refresh_new(*moved).await;
                }
                PanelMove::Full => return Err(full(channel)),
                PanelMove::Changed => {}
            }
        }
        Err(Refusal::PanelBusy.into())
    }

    /// A panel that the person may manage, for the question before it is removed.
    pub async fn panel_to_remove(&self, actor: Actor, id: PanelId) -> Result<Panel, ServiceError> {
        self.limits.quotas.spend_question(actor.user)?;
        self.require_managed(actor, id).await
    }

    /// Removes a panel with its message and all its mirrors. With versions, only if it has one of them.
    pub async fn remove(
        &self,
        actor: Actor,
        id: PanelId,
        versions: Option<&[i32]>,
    ) -> Result<Panel, ServiceError> {
        self.limits.quotas.count_action(actor.user, self.remove_now(actor, id, versions)).await
    }

    async fn remove_now(
        &self,
        actor: Actor,
        id: PanelId,
        versions: Option<&[i32]>,
    ) -> Result<Panel, ServiceError> {
        let panel = self.require_managed(actor, id).await?;
        require_version(&panel, versions)?;
        let version = versions.map(|_| panel.version);
        let stamp = actor.changed_by().at(self.clock.now());
        if !self.store.remove_panel(id, version, stamp).await? && version.is_some() {
            return Err(Refusal::PanelStale.into());
        }
        self.wake_refresh_loop();
        Ok(panel)
    }

    /// Refreshes a panel that was just stored, and has been claimed since.
    async fn refresh_new(&self, panel: Panel) -> Result<SavedPanel, ServiceError> {
        let (id, guild) = (panel.id, panel.guild);
        {
            let _alone = self.locks.lock(id).await;
            let claimed_until = panel.next_refresh_at;
            if let Err(error) = self.refresh_claimed(panel, claimed_until).await {
                tracing::warn!(panel = id.0, %error, "a new panel could not be posted; it is tried again");
            }
        }
        self.wake_refresh_loop();
        self.saved(guild, id).await
    }

    /// A panel after it was refreshed.
    async fn refreshed(&self, actor: Actor, id: PanelId) -> Result<SavedPanel, ServiceError> {
        self.refresh_and_log(id).await;
        self.saved(actor.guild, id).await
    }

    async fn saved(&self, guild: GuildId, id: PanelId) -> Result<SavedPanel, ServiceError> {
        let panel = self.store.panel(guild, id).await?.ok_or(Refusal::NoSuchPanel)?;
        Ok(SavedPanel::of(panel))
    }
}

impl SavedPanel {
    /// A panel with its link.
    pub(super) fn of(panel: Panel) -> Self {
        let link = panel.message.map(|message| refresh::link(&panel, message));
        Self { panel, link }
    }
}

pub(super) fn require_kind(kind: &str) -> Result<&'static dyn AnyPanelKind, Refusal> {
    find(kind).ok_or(Refusal::UnknownPanelKind)
}

pub(super) fn invalid(InvalidInput(sentence): InvalidInput) -> ServiceError {
    Refusal::Panel(sentence).into()
}

fn full(channel: ChannelId) -> ServiceError {
    Refusal::TooManyPanels { channel, most: MOST_IN_CHANNEL }.into()
}

fn title_field(title: &str) -> FormField {
    let most = u16::try_from(LONGEST_TITLE).unwrap_or(u16::MAX);
    FormField::line(TITLE, "Title", most).with(text::cut(title, LONGEST_TITLE))
}

pub(super) fn check_title(title: &str) -> Result<String, ServiceError> {
    // Nobody sees control characters, and PostgreSQL keeps no NUL.
    let title: String = title.chars().filter(|c| c.is_whitespace() || !c.is_control()).collect();
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if text::is_visible(&title) && text::units(&title) <= LONGEST_TITLE {
        Ok(title)
    } else {
        Err(Refusal::PanelTitle(LONGEST_TITLE).into())
    }
}

pub(super) fn check_refresh(refresh: Duration) -> Result<Duration, ServiceError> {
    let (least, most) = REFRESH_BOUNDS;
    if (least..=most).contains(&refresh) { Ok(refresh) } else { Err(Refusal::PanelRefresh.into()) }
}
