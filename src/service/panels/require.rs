//! Who may manage a panel, and where one may be posted.

use crate::domain::ids::ChannelId;
use crate::domain::panel::{Panel, PanelId};
use crate::rest::Rest;
use crate::service::access::{Access, CachedAccess, GuildChannel};
use crate::service::{Actor, Refusal, ServiceError};

use super::{BOT_NEEDS, MANAGE, Panels};

impl Panels {
    /// Permissions as they are now, on behalf of this person.
    pub(super) fn access<'a>(&'a self, rest: &'a Rest, actor: Actor) -> CachedAccess<'a> {
        CachedAccess::anew(rest, self.clock, &self.limits.lookups, actor)
    }

    /// A panel of the actor's server that they may manage.
    pub(super) async fn require_managed(&self, actor: Actor, id: PanelId) -> Result<Panel, ServiceError> {
        let rest = self.rest_for_people.of_person(actor.user, actor.guild);
        self.managed_panel(&mut self.access(&rest, actor), actor, id).await
    }

    /// The same with what is known of permissions. From the web, whoever may not manage a panel learns
    /// nothing, not even whether there is one of that number.
    pub(super) async fn managed_panel(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        id: PanelId,
    ) -> Result<Panel, ServiceError> {
        let panel = self.store.panel(actor.guild, id).await?;
        if actor.channel.is_none() {
            access.require_member(actor).await?;
            access.list_channels(actor.guild).await?;
        }
        let panel = panel.ok_or(Refusal::NoSuchPanel)?;
        if actor.channel.is_none() {
            let manages = access.manages_panel(actor, &panel).await?;
            return if manages { Ok(panel) } else { Err(Refusal::NoSuchPanel.into()) };
        }
        access.note_channel(panel.guild, panel.channel);
        access.require_actor(actor, panel.channel, MANAGE).await?;
        Ok(panel)
    }

    /// Whether the person may manage this panel, wherever they press.
    pub(super) async fn may_manage(&self, actor: Actor, panel: &Panel) -> Result<bool, ServiceError> {
        self.limits.quotas.spend_press(actor.user)?;
        let there = Actor { guild: panel.guild, channel: Some(panel.channel), ..actor };
        let rest = self.rest_for_people.of_person(actor.user, actor.guild);
        let mut access = self.access(&rest, actor);
        access.note_channel(panel.guild, panel.channel);
        access.actor_may(there, panel.channel, MANAGE).await
    }

    /// Refuses a channel that isn't of the actor's server, or where they may not manage panels, or the bot
    /// can't post one.
    pub(super) async fn require_channel(
        &self,
        access: &mut Access<'_>,
        actor: Actor,
        channel: ChannelId,
    ) -> Result<(), ServiceError> {
        let found = access.require_own_channel(actor, channel).await?;
        access.require_person(actor.user, &found, MANAGE).await?;
        if !found.kind().holds_messages() {
            return Err(Refusal::PanelKind { channel, kind: found.kind() }.into());
        }
        match access.bot_lacks(self.identity.user, &found, BOT_NEEDS).await? {
            Some(lack) => Err(Refusal::BotMay(vec![lack]).into()),
            None => Ok(()),
        }
    }
}

impl Access<'_> {
    /// Whether the person may manage this panel. Who manages no channel at all is told so without a request,
    /// wherever the panel is.
    pub(super) async fn manages_panel(&mut self, actor: Actor, panel: &Panel) -> Result<bool, ServiceError> {
        self.note_channel(panel.guild, panel.channel);
        if self.seen_channel(panel.channel).is_none() && !self.manages_some(actor).await? {
            return Ok(false);
        }
        self.actor_may(actor, panel.channel, MANAGE).await
    }

    /// Whether the person may manage panels in any of their server's channels, or in the server as a whole.
    pub(super) async fn manages_some(&mut self, actor: Actor) -> Result<bool, ServiceError> {
        let guild = actor.guild;
        if self.permissions_in_server(actor.user, guild).await?.contains(MANAGE) {
            return Ok(true);
        }
        for channel in self.channels_of(guild).await? {
            if self.permissions_of(actor.user, &GuildChannel { channel, guild }).await?.contains(MANAGE) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Refuses a panel that has none of these versions, if there are any.
pub(super) fn require_version(panel: &Panel, versions: Option<&[i32]>) -> Result<(), Refusal> {
    let fits = versions.is_none_or(|versions| versions.contains(&panel.version));
    if fits { Ok(()) } else { Err(Refusal::PanelStale) }
}
