//! What was pressed, chosen or filled in under a panel or one of its mirrors, in whatever server.

use chrono::{DateTime, Utc};

use crate::domain::activity::Origin;
use crate::domain::follow::{ChannelPair, FollowState};
use crate::domain::panel::{Form, FormAnswers, Panel, PanelId, PanelView};
use crate::panel::kind::Invalid;
use crate::panel::{Answer, AnyKind, Input, Place, Press, Scene, Settings, find};
use crate::service::{Actor, Refusal, ServiceError};
use crate::store::PanelChange;

use super::manage::invalid;
use super::view_cache::Drawings;
use super::{Panels, TRIES};

/// The action that every kind may use without knowing of it: look again, now.
const REFRESH: &str = "refresh";

/// A press, a choice, or a form that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pressed {
    /// Which panel.
    pub panel: PanelId,
    /// What was pressed, in its kind's words.
    pub action: String,
    /// What was chosen in a menu.
    pub chosen: Option<String>,
    /// What was filled in.
    pub filled: Option<FormAnswers>,
}

/// What the person is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// This, for them alone.
    View(Box<PanelView>),
    /// A sentence, for them alone.
    Said(String),
    /// Nothing but the panel itself.
    Nothing,
}

/// How a press is to be acknowledged, before anything that takes time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// By opening this form.
    Form(Form),
    /// By an answer for the person alone, which follows.
    Answer,
    /// Without a word.
    Silent,
}

impl Panels {
    /// How a press is to be acknowledged. Asks nobody but the database.
    pub async fn begin_press(&self, actor: Actor, pressed: &Pressed) -> Result<Begun, ServiceError> {
        if pressed.action == REFRESH {
            return Ok(Begun::Silent);
        }
        let (panel, kind) = self.pressed_panel(actor, pressed).await?;
        match kind.press(&pressed.action) {
            // The right is checked when it is sent: that may take longer than a form may.
            Some(Press::Form) => match self.act(kind, &panel, actor, pressed, true)? {
                Answer::Ask(form) => Ok(Begun::Form(form)),
                _ => Err(invalid(Invalid::outdated())),
            },
            _ => Ok(Begun::Answer),
        }
    }

    /// Does what was asked for.
    pub async fn press(&self, actor: Actor, pressed: &Pressed) -> Result<Shown, ServiceError> {
        let (panel, kind) = self.pressed_panel(actor, pressed).await?;
        if pressed.action == REFRESH {
            self.hasten(&panel).await?;
            return Ok(Shown::Nothing);
        }
        let needs = match (kind.press(&pressed.action), &pressed.filled) {
            (_, Some(_)) | (Some(Press::Change | Press::Form), _) => Some(true),
            (Some(Press::Either), _) => Some(false),
            (Some(Press::Show), _) => None,
            (None, _) => return Err(invalid(Invalid::outdated())),
        };
        let manager = match needs {
            None => false,
            Some(must) => {
                let may = self.may_manage(actor, &panel).await?;
                if must && !may {
                    return Err(not_allowed(actor, &panel));
                }
                may
            }
        };
        match needs {
            None => self.show(kind, panel, actor, pressed).await,
            Some(_) => self.answer(kind, panel, actor, pressed, manager).await,
        }
    }

    /// Shows something for the person alone. It may be a picture: drawn where nobody waits for the thread, and once a minute for all who press the same.
    async fn show(
        &self,
        kind: &'static dyn AnyKind,
        panel: Panel,
        actor: Actor,
        pressed: &Pressed,
    ) -> Result<Shown, ServiceError> {
        let key = Drawings::key(pressed, panel.version, actor.guild);
        let _alone = self.drawing.lock(panel.id).await;
        if let Some(view) = self.drawings.get(&key, self.clock.now()) {
            return Ok(Shown::View(Box::new(view)));
        }
        let (drawn, pressed, settings) = (panel.clone(), pressed.clone(), self.sources.settings().clone());
        let now = self.clock.now();
        let asked = pressed.clone();
        let answer =
            tokio::task::spawn_blocking(move || act(kind, &drawn, actor, &pressed, false, &settings, now));
        match answer.await {
            Ok(Ok(Answer::Show(view))) => {
                self.drawings.put(key, view.clone(), now);
                Ok(Shown::View(Box::new(view)))
            }
            Ok(Err(error)) => Err(error),
            Ok(Ok(_)) => self.answer(kind, panel, actor, &asked, false).await,
            Err(_) => Err(invalid(Invalid::outdated())),
        }
    }

    async fn answer(
        &self,
        kind: &'static dyn AnyKind,
        mut panel: Panel,
        actor: Actor,
        pressed: &Pressed,
        manager: bool,
    ) -> Result<Shown, ServiceError> {
        for _ in 0..TRIES {
            match self.act(kind, &panel, actor, pressed, manager)? {
                Answer::Show(view) => return Ok(Shown::View(Box::new(view))),
                Answer::Preview(config) => {
                    let face = self.draw(kind, &Panel { config, ..panel }, None).await.face;
                    return Ok(Shown::View(Box::new(face.view)));
                }
                Answer::Ask(_) => return Err(invalid(Invalid::outdated())),
                Answer::Change(config, said) => {
                    let change = PanelChange { title: panel.title.clone(), config, refresh: panel.refresh };
                    if !manager {
                        return Err(not_allowed(actor, &panel));
                    }
                    if self.store.change_panel(&panel, &change, self.clock.now()).await? {
                        self.poke_keeper(panel.guild).await;
                        return Ok(Shown::Said(said));
                    }
                    panel = self.pressed_panel(actor, pressed).await?.0;
                }
            }
        }
        Err(Refusal::PanelBusy.into())
    }

    /// The panel that was pressed: in its own channel, or in one that shows it by a follow. What was left behind elsewhere shows nothing of it any more.
    async fn pressed_panel(
        &self,
        actor: Actor,
        pressed: &Pressed,
    ) -> Result<(Panel, &'static dyn AnyKind), ServiceError> {
        let panel = self.store.panel_anywhere(pressed.panel).await?.ok_or(Refusal::PanelGone)?;
        if panel.channel != actor.channel {
            let origin = panel.message.map(|message| Origin::Panel { channel: panel.channel, message });
            let pair = ChannelPair { source: panel.channel, target: actor.channel };
            // By the pair, as a mirror may be pressed before it is written down; in a forum, it stands in a post.
            let follow = self.store.follow_by_pair(pair).await?;
            let follows =
                follow.is_some_and(|follow| follow.state == FollowState::Active && follow.options.panels);
            let shown = match origin {
                Some(origin) if !follows => self.store.mirrors_panel(origin, actor.channel).await?,
                _ => follows,
            };
            if !shown {
                return Err(Refusal::PanelLeft.into());
            }
        }
        let kind = find(&panel.kind).ok_or(Refusal::UnknownPanelKind)?;
        Ok((panel, kind))
    }

    fn act(
        &self,
        kind: &dyn AnyKind,
        panel: &Panel,
        actor: Actor,
        pressed: &Pressed,
        manager: bool,
    ) -> Result<Answer<serde_json::Value>, ServiceError> {
        act(kind, panel, actor, pressed, manager, self.sources.settings(), self.clock.now())
    }
}

/// What a press leads to.
fn act(
    kind: &dyn AnyKind,
    panel: &Panel,
    actor: Actor,
    pressed: &Pressed,
    manager: bool,
    settings: &Settings,
    now: DateTime<Utc>,
) -> Result<Answer<serde_json::Value>, ServiceError> {
    let place = Place { guild: panel.guild, channel: panel.channel };
    let since = panel.data_at.unwrap_or(now);
    let scene = Scene { panel: panel.id, title: panel.title.clone(), place, since };
    let input = Input {
        action: &pressed.action,
        chosen: pressed.chosen.as_deref(),
        filled: pressed.filled.as_ref(),
        manager,
        guild: actor.guild,
        settings,
        now,
    };
    kind.act(&scene, &panel.config, panel.data.as_ref(), &input).map_err(invalid)
}

/// They may not change the panel.
fn not_allowed(actor: Actor, panel: &Panel) -> ServiceError {
    Refusal::PanelRight { own: actor.guild == panel.guild, channel: panel.channel }.into()
}
