//! `/panel`: making, changing, moving and removing panels. Whoever does it needs Manage Channels where the panel is.

use std::sync::PoisonError;
use std::time::Duration;

use chrono::TimeDelta;

use crate::domain::ids::ChannelId;
use crate::domain::panel::{
    FormAnswers, FormField, LONGEST_TITLE, MOST_IN_CHANNEL, NewPanel, Panel, PanelId, PanelState, REFRESH,
    REFRESH_BOUNDS,
};
use crate::domain::text;
use crate::panel::kind::Invalid;
use crate::panel::{AnyKind, find};
use crate::rest::Rest;
use crate::service::access::Access;
use crate::service::access::lookups::LookupPurpose;
use crate::service::{Actor, Refusal, ServiceError};
use crate::store::{PanelChange, PanelsFull};

use super::{BOT_NEEDS, HOLD, MANAGE, Panels, TRIES, refresh};

/// How soon after a look the next one may be asked for.
const PRESSED: TimeDelta = TimeDelta::seconds(5);
/// How far apart looks are that presses ask for: anybody may press, and each look can edit all mirrors.
const A_MINUTE: TimeDelta = TimeDelta::minutes(1);

/// The field of every form that holds the panel's title.
const TITLE: &str = "title";

/// What a person asks for with `/panel create`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PanelRequest {
    /// The name of the kind.
    pub kind: String,
    /// Where it is to be posted.
    pub channel: ChannelId,
    /// What stands above it, if not what its kind says.
    pub title: Option<String>,
    /// How often it is looked at; none takes [`REFRESH`].
    pub refresh: Option<Duration>,
}

/// What became of a panel that somebody made or changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// The panel as it is now.
    pub panel: Panel,
    /// A link to its message, if that stands.
    pub link: Option<String>,
}

impl Panels {
    /// The names and words of all kinds, as the command offers them.
    pub fn kinds() -> impl Iterator<Item = (&'static str, &'static str)> {
        crate::panel::KINDS.iter().map(|kind| (kind.name(), kind.summary()))
    }

    /// What a person has to fill in to make such a panel: nothing where its kind needs nothing.
    pub fn form_to_create(&self, request: &PanelRequest) -> Result<Vec<FormField>, ServiceError> {
        let kind = known(&request.kind)?;
        let fields = kind.form(None);
        if fields.is_empty() {
            return Ok(fields);
        }
        let title = request.title.clone().unwrap_or_else(|| kind.title().to_owned());
        Ok(std::iter::once(title_field(&title)).chain(fields).collect())
    }

    /// What a person may change of a panel.
    pub async fn form_to_edit(
        &self,
        actor: Actor,
        id: PanelId,
        title: Option<&str>,
    ) -> Result<Vec<FormField>, ServiceError> {
        self.bounds.quotas.spend_question(actor.user)?;
        let panel = self.managed(actor, id).await?;
        let fields = known(&panel.kind)?.form(Some(&panel.config));
        Ok(std::iter::once(title_field(title.unwrap_or(&panel.title))).chain(fields).collect())
    }

    /// Makes a panel, and posts it. One that can't be posted at once is tried again.
    pub async fn create(
        &self,
        actor: Actor,
        request: PanelRequest,
        filled: &FormAnswers,
    ) -> Result<Kept, ServiceError> {
        self.bounds.quotas.count_action(actor.user, self.create_now(actor, request, filled)).await
    }

    async fn create_now(
        &self,
        actor: Actor,
        request: PanelRequest,
        filled: &FormAnswers,
    ) -> Result<Kept, ServiceError> {
        let kind = known(&request.kind)?;
        kind.permit(self.sources.settings(), actor.guild).map_err(invalid)?;
        let title = match filled.get(TITLE) {
            "" => request.title.as_deref().unwrap_or(kind.title()),
            filled => filled,
        };
        let title = checked_title(title)?;
        let refresh = checked_refresh(request.refresh.unwrap_or(REFRESH))?;
        self.require_channel(actor, request.channel).await?;
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
        let most = self.bounds.most_in_server;
        let panel = match self.store.insert_panel(&new, most, now, now + HOLD).await? {
            Ok(panel) => panel,
            Err(PanelsFull::Channel) => return Err(full(channel)),
            Err(PanelsFull::Server(most)) => return Err(Refusal::TooManyPanelsInServer(most).into()),
        };
        tracing::info!(panel = panel.id.0, kind = panel.kind, "panel made");
        self.look_first(panel).await
    }

    /// Changes what a person filled in; what isn't given stays.
    pub async fn edit(
        &self,
        actor: Actor,
        id: PanelId,
        refresh: Option<Duration>,
        filled: &FormAnswers,
    ) -> Result<Kept, ServiceError> {
        self.bounds.quotas.count_action(actor.user, self.edit_now(actor, id, refresh, filled)).await
    }

    async fn edit_now(
        &self,
        actor: Actor,
        id: PanelId,
        refresh: Option<Duration>,
        filled: &FormAnswers,
    ) -> Result<Kept, ServiceError> {
        for _ in 0..TRIES {
            let panel = self.managed(actor, id).await?;
            let kind = known(&panel.kind)?;
            let change = PanelChange {
                title: checked_title(filled.get(TITLE))?,
                config: kind.configure(Some(&panel.config), filled).map_err(invalid)?,
                refresh: checked_refresh(refresh.unwrap_or(panel.refresh))?,
            };
            if self.store.change_panel(&panel, &change, self.clock.now()).await? {
                self.store.revive_panel(id, self.clock.now()).await?;
                return self.looked(actor, id).await;
            }
        }
        Err(Refusal::PanelBusy.into())
    }

    /// Brings a panel and all its mirrors up to date now. One whose message was deleted is posted again, and mirrors that were deleted come back.
    pub async fn refresh(&self, actor: Actor, id: PanelId) -> Result<Kept, ServiceError> {
        self.bounds.quotas.count_action(actor.user, self.refresh_now(actor, id)).await
    }

    async fn refresh_now(&self, actor: Actor, id: PanelId) -> Result<Kept, ServiceError> {
        let panel = self.managed(actor, id).await?;
        if panel.state == PanelState::Inactive {
            self.require_channel(actor, panel.channel).await?;
            self.store.revive_panel(id, self.clock.now()).await?;
        } else {
            self.store.hasten_panel(id, self.clock.now()).await?;
        }
        let kept = self.looked(actor, id).await?;
        if let (PanelState::Active, Some(message)) = (panel.state, kept.panel.message) {
            let origin = crate::domain::activity::Origin::Panel { channel: panel.channel, message };
            self.wake(self.store.remake_mirrors(origin).await?);
        }
        Ok(kept)
    }

    /// Has a panel looked at soon; several presses within a minute are one look, and another at its end.
    pub(super) async fn hasten(&self, panel: &Panel) -> Result<(), ServiceError> {
        let now = self.clock.now();
        let soon = panel.refreshed_at.map_or(now, |at| at + PRESSED).max(now);
        let at = {
            let mut hastened = self.hastened.lock().unwrap_or_else(PoisonError::into_inner);
            hastened.retain(|_, at| now < *at + A_MINUTE);
            let last = hastened.get(&panel.id).copied();
            // One that is still to come serves this press, too.
            let at = last.map_or(soon, |last| if last > now { last } else { last + A_MINUTE });
            hastened.insert(panel.id, at);
            at
        };
        self.store.hasten_panel(panel.id, at).await?;
        self.poke_keeper(panel.guild).await;
        Ok(())
    }

    /// Takes a panel from its channel and posts it in another.
    pub async fn move_to(&self, actor: Actor, id: PanelId, channel: ChannelId) -> Result<Kept, ServiceError> {
        self.bounds.quotas.count_action(actor.user, self.move_now(actor, id, channel)).await
    }

    async fn move_now(&self, actor: Actor, id: PanelId, channel: ChannelId) -> Result<Kept, ServiceError> {
        let panel = self.managed(actor, id).await?;
        if panel.channel == channel {
            return Err(Refusal::PanelThere(channel).into());
        }
        self.require_channel(actor, channel).await?;
        let now = self.clock.now();
        let moved =
            self.store.move_panel(&panel, channel, now, now + HOLD).await?.ok_or_else(|| full(channel))?;
        self.poke();
        self.look_first(moved).await
    }

    /// A panel that the person may manage, to be confirmed before it is removed.
    pub async fn to_remove(&self, actor: Actor, id: PanelId) -> Result<Panel, ServiceError> {
        self.bounds.quotas.spend_question(actor.user)?;
        self.managed(actor, id).await
    }

    /// Removes a panel with its message and all its mirrors.
    pub async fn remove(&self, actor: Actor, id: PanelId) -> Result<Panel, ServiceError> {
        self.bounds.quotas.count_action(actor.user, self.remove_now(actor, id)).await
    }

    async fn remove_now(&self, actor: Actor, id: PanelId) -> Result<Panel, ServiceError> {
        let panel = self.managed(actor, id).await?;
        self.store.remove_panel(id, self.clock.now()).await?;
        self.poke();
        Ok(panel)
    }

    /// Permissions as they are now, for what this person asks.
    pub(super) fn access<'a>(&'a self, rest: &'a Rest, actor: Actor) -> Access<'a> {
        Access::of_person(rest, self.clock, &self.bounds.lookups, actor, LookupPurpose::Command)
    }

    /// A panel of the actor's server that they may manage.
    async fn managed(&self, actor: Actor, id: PanelId) -> Result<Panel, ServiceError> {
        let panel = self.store.panel(actor.guild, id).await?.ok_or(Refusal::NoSuchPanel)?;
        let rest = self.rest_for_people.of_person(actor.user, actor.guild);
        let mut access = self.access(&rest, actor);
        access.note_channel(panel.guild, panel.channel);
        access.require_actor(actor, panel.channel, MANAGE).await?;
        Ok(panel)
    }

    /// Whether the person may manage this panel, wherever they press.
    pub(super) async fn may_manage(&self, actor: Actor, panel: &Panel) -> Result<bool, ServiceError> {
        self.bounds.quotas.spend_press(actor.user)?;
        let there = Actor { guild: panel.guild, channel: panel.channel, ..actor };
        let rest = self.rest_for_people.of_person(actor.user, actor.guild);
        let mut access = self.access(&rest, actor);
        access.note_channel(panel.guild, panel.channel);
        access.actor_may(there, panel.channel, MANAGE).await
    }

    /// A channel of the actor's server where they may make panels, and the bot can post them.
    async fn require_channel(&self, actor: Actor, channel: ChannelId) -> Result<(), ServiceError> {
        let rest = self.rest_for_people.of_person(actor.user, actor.guild);
        let mut access = self.access(&rest, actor);
        let place = access.require_own_channel(actor, channel).await?;
        access.require_person(actor.user, &place, MANAGE).await?;
        if !place.kind().holds_messages() {
            return Err(Refusal::PanelKind { channel, kind: place.kind() }.into());
        }
        match access.bot_lacks(self.identity.user, &place, BOT_NEEDS).await? {
            Some(lack) => Err(Refusal::BotMay(vec![lack]).into()),
            None => Ok(()),
        }
    }

    /// Looks at a panel that was just stored, and is held since.
    async fn look_first(&self, panel: Panel) -> Result<Kept, ServiceError> {
        let (id, guild) = (panel.id, panel.guild);
        {
            let _alone = self.locks.lock(id).await;
            let held_until = panel.next_refresh_at;
            if let Err(error) = self.look(panel, held_until).await {
                tracing::warn!(panel = id.0, %error, "a new panel could not be posted; it is tried again");
            }
        }
        self.poke();
        self.kept(guild, id).await
    }

    /// A panel after a look at it.
    async fn looked(&self, actor: Actor, id: PanelId) -> Result<Kept, ServiceError> {
        self.look_and_log(id).await;
        self.kept(actor.guild, id).await
    }

    async fn kept(&self, guild: crate::domain::ids::GuildId, id: PanelId) -> Result<Kept, ServiceError> {
        let panel = self.store.panel(guild, id).await?.ok_or(Refusal::NoSuchPanel)?;
        let link = panel.message.map(|message| refresh::link(&panel, message));
        Ok(Kept { panel, link })
    }
}

fn known(kind: &str) -> Result<&'static dyn AnyKind, Refusal> {
    find(kind).ok_or(Refusal::UnknownPanelKind)
}

pub(super) fn invalid(Invalid(sentence): Invalid) -> ServiceError {
    Refusal::Panel(sentence).into()
}

fn full(channel: ChannelId) -> ServiceError {
    Refusal::TooManyPanels { channel, most: MOST_IN_CHANNEL }.into()
}

fn title_field(title: &str) -> FormField {
    let most = u16::try_from(LONGEST_TITLE).unwrap_or(u16::MAX);
    FormField::line(TITLE, "Title", most).with(text::cut(title, LONGEST_TITLE))
}

fn checked_title(title: &str) -> Result<String, ServiceError> {
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    if text::is_visible(&title) && text::units(&title) <= LONGEST_TITLE {
        Ok(title)
    } else {
        Err(Refusal::PanelTitle(LONGEST_TITLE).into())
    }
}

fn checked_refresh(refresh: Duration) -> Result<Duration, ServiceError> {
    let (least, most) = REFRESH_BOUNDS;
    if (least..=most).contains(&refresh) { Ok(refresh) } else { Err(Refusal::PanelRefresh.into()) }
}
