//! Presses, choices and submitted forms under a panel or one of its mirrors, in whatever server.
//!
//! Discord wants an answer within three seconds, so a press is handled in two steps: [`Panels::acknowledge`]
//! says how to acknowledge it, asking nobody but the database; [`Panels::press`] then does what was asked
//! for.

use chrono::{DateTime, Utc};

use crate::domain::activity::Origin;
use crate::domain::follow::{ChannelPair, FollowState};
use crate::domain::ids::ChannelId;
use crate::domain::panel::{Form, FormAnswers, Panel, PanelId, PanelView};
use crate::panel::{
    ActionInput, ActionOutcome, AnyPanelKind, InvalidInput, PanelContext, PanelLocation, PanelSettings,
    PressKind, find,
};
use crate::service::{Actor, Refusal, ServiceError};
use crate::store::PanelChange;

use super::manage::invalid;
use super::view_cache::ViewKey;
use super::{Panels, TRIES};

/// The action that every kind may offer without handling it: refresh the panel now.
const REFRESH: &str = "refresh";

/// A press, a choice in a menu, or a submitted form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelAction {
    /// Which panel.
    pub panel: PanelId,
    /// What was pressed, as its kind named it.
    pub action: String,
    /// What was chosen in a menu.
    pub chosen: Option<String>,
    /// What was filled in.
    pub filled: Option<FormAnswers>,
}

/// What the person is shown after their press.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PressReply {
    /// This view, privately.
    View(Box<PanelView>),
    /// This sentence, privately.
    Message(String),
    /// Nothing: the panel itself changes.
    None,
}

/// How to acknowledge a press, before anything that takes time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acknowledgement {
    /// Open this form.
    OpenForm(Form),
    /// Promise a private reply.
    Reply,
    /// Say nothing.
    Silent,
}

/// What a press needs of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Right {
    /// Nothing.
    None,
    /// Whether they may manage the panel decides what they get.
    Asked,
    /// They must be allowed to manage the panel.
    Required,
}

impl Right {
    /// What this press needs; `None` where its kind has no such action (any more).
    fn needed(kind: &dyn AnyPanelKind, action: &PanelAction) -> Option<Self> {
        if action.filled.is_some() {
            return Some(Self::Required);
        }
        kind.press_kind(&action.action).map(|kind| match kind {
            PressKind::Show => Self::None,
            PressKind::ChangeOrPreview => Self::Asked,
            PressKind::Change | PressKind::OpenForm => Self::Required,
        })
    }
}

impl Panels {
    /// How to acknowledge a press. Asks nobody but the database.
    pub async fn acknowledge(
        &self,
        actor: Actor,
        action: &PanelAction,
    ) -> Result<Acknowledgement, ServiceError> {
        if action.action == REFRESH {
            return Ok(Acknowledgement::Silent);
        }
        let (panel, kind) = self.pressed_panel(actor, action).await?;
        match kind.press_kind(&action.action) {
            // The right is checked when the form is submitted: that may take longer than opening a form may.
            Some(PressKind::OpenForm) => match self.handle(kind, &panel, actor, action, true)? {
                ActionOutcome::OpenForm(form) => Ok(Acknowledgement::OpenForm(form)),
                _ => Err(invalid(InvalidInput::outdated())),
            },
            _ => Ok(Acknowledgement::Reply),
        }
    }

    /// Does what was asked for.
    pub async fn press(&self, actor: Actor, action: &PanelAction) -> Result<PressReply, ServiceError> {
        let (panel, kind) = self.pressed_panel(actor, action).await?;
        if action.action == REFRESH {
            self.hasten(&panel).await?;
            return Ok(PressReply::None);
        }
        let needed = Right::needed(kind, action).ok_or_else(|| invalid(InvalidInput::outdated()))?;
        if needed == Right::None {
            return self.show(kind, panel, actor, action).await;
        }
        let manager = self.may_manage(actor, &panel).await?;
        if needed == Right::Required && !manager {
            return Err(not_allowed(actor, &panel));
        }
        self.apply(kind, panel, actor, action, manager).await
    }

    /// Shows something privately. It may be a picture, so it is drawn on a thread on which nobody waits, and
    /// once a minute for everyone who presses the same.
    async fn show(
        &self,
        kind: &'static dyn AnyPanelKind,
        panel: Panel,
        actor: Actor,
        action: &PanelAction,
    ) -> Result<PressReply, ServiceError> {
        let key = ViewKey {
            panel: panel.id,
            version: panel.version,
            action: action.action.clone(),
            chosen: action.chosen.clone(),
            guild: actor.guild,
        };
        let _alone = self.drawing.lock(panel.id).await;
        if let Some(view) = self.views.get(&key, self.clock.now()) {
            return Ok(PressReply::View(Box::new(view)));
        }
        let (drawn, pressed, settings) = (panel.clone(), action.clone(), self.sources.settings().clone());
        let now = self.clock.now();
        let outcome =
            tokio::task::spawn_blocking(move || handle(kind, &drawn, actor, &pressed, false, &settings, now));
        match outcome.await {
            Ok(Ok(ActionOutcome::Show(view))) => {
                self.views.put(key, view.clone(), now);
                Ok(PressReply::View(Box::new(view)))
            }
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) => self.apply(kind, panel, actor, action, false).await,
            Err(_) => Err(invalid(InvalidInput::outdated())),
        }
    }

    /// Has the kind handle an action, and carries out what comes of it. A change is tried again where
    /// somebody else changed the panel at the same moment.
    async fn apply(
        &self,
        kind: &'static dyn AnyPanelKind,
        mut panel: Panel,
        actor: Actor,
        action: &PanelAction,
        manager: bool,
    ) -> Result<PressReply, ServiceError> {
        for _ in 0..TRIES {
            match self.handle(kind, &panel, actor, action, manager)? {
                ActionOutcome::Show(view) => return Ok(PressReply::View(Box::new(view))),
                ActionOutcome::Preview(config) => {
                    let rendered = self.render(kind, &Panel { config, ..panel }, None).await;
                    return Ok(PressReply::View(Box::new(rendered.snapshot.view)));
                }
                ActionOutcome::OpenForm(_) => return Err(invalid(InvalidInput::outdated())),
                ActionOutcome::Change(config, said) => {
                    let change = PanelChange { title: panel.title.clone(), config, refresh: panel.refresh };
                    if !manager {
                        return Err(not_allowed(actor, &panel));
                    }
                    // Whoever manages the panel acts for its server, wherever they press.
                    let by = Actor { guild: panel.guild, ..actor }.changed_by();
                    if self.store.change_panel(&panel, &change, by.at(self.clock.now())).await? {
                        self.wake_refresh_loop_of(panel.guild).await;
                        return Ok(PressReply::Message(said));
                    }
                    panel = self.pressed_panel(actor, action).await?.0;
                }
            }
        }
        Err(Refusal::PanelBusy.into())
    }

    /// The panel that was pressed: in its own channel, or in one that shows it through a follow. A mirror
    /// that was left behind elsewhere shows nothing of it any more.
    async fn pressed_panel(
        &self,
        actor: Actor,
        action: &PanelAction,
    ) -> Result<(Panel, &'static dyn AnyPanelKind), ServiceError> {
        let panel = self.store.panel_anywhere(action.panel).await?.ok_or(Refusal::PanelGone)?;
        let shown = match actor.channel {
            Some(channel) => panel.channel == channel || self.is_mirrored_into(&panel, channel).await?,
            None => false,
        };
        if !shown {
            return Err(Refusal::PanelLeft.into());
        }
        let kind = find(&panel.kind).ok_or(Refusal::UnknownPanelKind)?;
        Ok((panel, kind))
    }

    /// Whether this channel shows the panel of another.
    async fn is_mirrored_into(&self, panel: &Panel, channel: ChannelId) -> Result<bool, ServiceError> {
        let pair = ChannelPair { source: panel.channel, target: channel };
        // By the follow, as a mirror may be pressed before it is recorded.
        let follow = self.store.follow_by_pair(pair).await?;
        if follow.is_some_and(|follow| follow.state == FollowState::Active && follow.options.panels) {
            return Ok(true);
        }
        // By the mirror: in a forum, it is in a post.
        let Some(message) = panel.message else { return Ok(false) };
        let origin = Origin::Panel { channel: panel.channel, message };
        Ok(self.store.mirrors_panel(origin, channel).await?)
    }

    fn handle(
        &self,
        kind: &dyn AnyPanelKind,
        panel: &Panel,
        actor: Actor,
        action: &PanelAction,
        manager: bool,
    ) -> Result<ActionOutcome<serde_json::Value>, ServiceError> {
        handle(kind, panel, actor, action, manager, self.sources.settings(), self.clock.now())
    }
}

/// Has the kind handle an action.
fn handle(
    kind: &dyn AnyPanelKind,
    panel: &Panel,
    actor: Actor,
    action: &PanelAction,
    manager: bool,
    settings: &PanelSettings,
    now: DateTime<Utc>,
) -> Result<ActionOutcome<serde_json::Value>, ServiceError> {
    let location = PanelLocation { guild: panel.guild, channel: panel.channel };
    let since = panel.data_at.unwrap_or(now);
    let context = PanelContext { panel: panel.id, title: panel.title.clone(), location, since };
    let input = ActionInput {
        action: &action.action,
        chosen: action.chosen.as_deref(),
        filled: action.filled.as_ref(),
        manager,
        guild: actor.guild,
        settings,
        now,
    };
    kind.handle(&context, &panel.config, panel.data.as_ref(), &input).map_err(invalid)
}

/// The person may not change the panel.
fn not_allowed(actor: Actor, panel: &Panel) -> ServiceError {
    Refusal::PanelRight { own: actor.guild == panel.guild, channel: panel.channel }.into()
}
